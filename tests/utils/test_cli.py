"""Exit codes and messages of commands."""

import pytest

from lib.utils.cli import TRACEBACK_VARIABLE, run_command
from lib.utils.errors import PoseError


def _fail() -> None:
    raise PoseError("no such file; look again.")


def _interrupt() -> None:
    raise KeyboardInterrupt


def test_bad_input_is_one_sentence_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(_fail)
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: no such file; look again.\n"


def test_a_traceback_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    with pytest.raises(PoseError):
        run_command(_fail)


def test_an_interrupt_has_its_own_code() -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(_interrupt)
    assert ended.value.code == 130
