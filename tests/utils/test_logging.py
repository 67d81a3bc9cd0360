import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from lib.utils.logging import close_log, get_logger, log_to_file, never_fatal, open_log, warn_once


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_log()


def test_the_file_has_what_came_before_it_and_the_console_no_debug_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logger = open_log()
    logger.info("before")
    logger.debug("a detail")
    log_to_file(tmp_path / "log.txt")
    logging.getLogger("lib.utils.anything").warning("after")
    close_log()
    text = (tmp_path / "log.txt").read_text()
    assert all(word in text for word in ("before", "a detail", "after"))
    captured = capsys.readouterr()
    assert captured.out == "before\n"
    assert captured.err == "after\n"


def test_other_processes_are_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    open_log(quiet=True).warning("not shown")
    assert capsys.readouterr() == ("", "")


def test_a_log_that_cannot_be_opened_is_one_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    open_log()
    log_to_file(tmp_path / "file" / "log.txt")
    get_logger().info("goes on")
    captured = capsys.readouterr()
    assert captured.out == "goes on\n"
    assert captured.err.count("warning") == 1


def test_a_log_that_fails_later_is_one_warning(capsys: pytest.CaptureFixture[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    logger = open_log()
    log_to_file(Path("/dev/full"))
    logger.info("one")
    logger.info("two")
    captured = capsys.readouterr()
    assert captured.out == "one\ntwo\n"
    assert captured.err.count("no longer be written") == 1
    assert "Traceback" not in captured.err


def test_failures_of_logging_warn_once(capsys: pytest.CaptureFixture[str]) -> None:
    open_log()
    for _ in range(3):
        with never_fatal("the board"):
            raise RuntimeError("disk full")
        warn_once("once")
    captured = capsys.readouterr().err
    assert captured.count("disk full") == 1
    assert captured.count("once") == 1
