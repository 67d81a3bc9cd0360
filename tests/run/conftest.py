"""What the tests of whole runs share."""

from collections.abc import Iterator

import pytest

from lib.utils.logging import close_log


@pytest.fixture
def curves() -> None:
    """Ask for real curves."""


@pytest.fixture
def quick_run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Curves take a second per epoch; they are drawn where the fixture `curves` asks for them."""
    if "curves" not in request.fixturenames:
        monkeypatch.setattr("lib.run.history.plot_curves", lambda *_: None)
    yield
    close_log()
