"""What the tests of statistics share."""

import sys

import pytest


@pytest.fixture(params=["hotcoco", "pycocotools"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library that a truth without oddities is evaluated with."""
    if request.param == "hotcoco":
        pytest.importorskip("hotcoco")
    else:
        monkeypatch.setitem(sys.modules, "hotcoco", None)
    return request.param
