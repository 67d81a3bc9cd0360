"""tools/zoo.py from the command line to its exit code, with a zoo of one tiny network and a server in this process."""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from helpers.file_server import Behaviour, file_server
from helpers.tiny_run import make_tiny_data, run_tool, tiny_experiment
from helpers.tools import load_tool

from lib.config import load_config
from lib.models import build_model
from lib.utils.cli import run_command
from lib.utils.logging import close_log


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file of random weights of the tiny network."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(3)
    model = build_model(load_config(tiny_experiment(folder, make_tiny_data(folder / "data"))))
    torch.save(model.state_dict(), folder / "weights.pth")
    return (folder / "weights.pth").read_bytes()


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    pretrained = str(tmp_path / "imagenet" / "start.pth")
    return tiny_experiment(tmp_path, make_tiny_data(tmp_path / "data"), MODEL={"PRETRAINED": pretrained})


@pytest.fixture(autouse=True)
def _closed_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield
    close_log()


def _zoo(tmp_path: Path, experiment: Path, weights: bytes, base_url: str | None = None, **changes: Any) -> Path:
    """A zoo file of a result and a file to start from, both with the same content."""
    digest = hashlib.sha256(weights).hexdigest()[:8]
    shared = {"source": "somebody/somewhere", "licence": "MIT", "base_url": base_url, "get": "the shelf"}
    result = {
        "name": "tiny",
        "file": "tiny.pth",
        "sha256": digest,
        "config": str(experiment),
        "published": {"AP": 0.1, "AR": 0.1},
        **changes,
    }
    start = {"name": "start", "file": "start.pth", "sha256": digest, "place": str(tmp_path / "imagenet")}
    path = tmp_path / "zoo.yaml"
    content = {
        "results": [{"title": "a result", **shared, "detector": 56.4, "entries": [result]}],
        "pretrained": [{"title": "a start", **shared, "entries": [start]}],
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def _run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    """The exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["tools/zoo.py", *map(str, words)])
    try:
        run_command(load_tool("zoo").main)
    except SystemExit as ending:
        return int(str(ending.code))
    return 0


def _error(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(".")
    return line


def test_list(
    tmp_path: Path, experiment: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    zoo = _zoo(tmp_path, experiment, b"")
    assert _run(monkeypatch, "list", "--zoo", zoo, "--dir", tmp_path) == 0
    header, tiny, start = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "published", "boxes", "config", "file", "licence", "present"]
    assert tiny.split("  ")[0] == "tiny"
    for word in ("AP 0.1", "AR 0.1", "AP 56.4", str(experiment), "tiny.pth", "MIT", "by hand"):
        assert word in tiny
    (tmp_path / "start.pth").write_bytes(b"")
    assert _run(monkeypatch, "list", "--filter", "START", "--zoo", zoo, "--dir", tmp_path) == 0
    _, start = capsys.readouterr().out.splitlines()
    assert start.endswith("yes")
    assert _run(monkeypatch, "list", "--filter", "giant", "--zoo", zoo) == 2
    assert "'giant'" in _error(capsys)


def test_the_list_of_the_repository(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(monkeypatch, "list") == 0
    assert "mmpose_hrnet_w32_256x192 " in capsys.readouterr().out


def test_download_and_verify(
    tmp_path: Path,
    experiment: Path,
    weights: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with file_server(Behaviour(weights, break_after=[1000])) as address:
        zoo = ("--zoo", _zoo(tmp_path, experiment, weights, address))
        assert _run(monkeypatch, "download", "tiny", "--to", tmp_path / "files", *zoo) == 0
        assert "MiB, SHA-256 begins with" in capsys.readouterr().out
        assert _run(monkeypatch, "download", "start", "--to", tmp_path / "files", "tiny", *zoo) == 0
        assert "tiny.pth: was there already" in capsys.readouterr().out
    assert (tmp_path / "files" / "tiny.pth").read_bytes() == weights
    assert _run(monkeypatch, "verify", "--dir", tmp_path / "files", *zoo) == 0
    assert "2 files, 0 wrong" in capsys.readouterr().out
    (tmp_path / "files" / "tiny.pth").write_bytes(weights[:-1])
    assert _run(monkeypatch, "verify", "tiny", "start", "--dir", tmp_path / "files", *zoo) == 1
    out = capsys.readouterr().out
    assert "WRONG" in out
    assert "2 files, 1 wrong" in out
    assert _run(monkeypatch, "verify", "tiny", "--dir", tmp_path / "nothing", *zoo) == 2
    assert "download tiny --to" in _error(capsys)


def test_what_a_training_starts_from(
    tmp_path: Path,
    experiment: Path,
    weights: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with file_server(Behaviour(weights)) as address:
        zoo = ("--zoo", _zoo(tmp_path, experiment, weights, address))
        assert _run(monkeypatch, "download", "--pretrained", "--cfg", experiment, *zoo) == 0
        assert (tmp_path / "imagenet" / "start.pth").read_bytes() == weights
        (tmp_path / "imagenet" / "start.pth").unlink()
        assert _run(monkeypatch, "download", "start.pth", *zoo) == 0  # by its file's name, into its own place
        assert (tmp_path / "imagenet" / "start.pth").read_bytes() == weights
    capsys.readouterr()
    for words, expected in (
        (["--pretrained"], "--cfg"),
        (["--pretrained", "--cfg", experiment, "tiny"], "alone"),
        ([], "download needs names"),
        (["giant"], "nothing named giant"),
        (["tiny"], "by hand (the shelf)"),
    ):
        assert _run(monkeypatch, "download", *words, "--zoo", _zoo(tmp_path, experiment, weights)) == 2
        assert expected in _error(capsys)
    random_start = tiny_experiment(tmp_path, tmp_path / "data")
    assert _run(monkeypatch, "download", "--pretrained", "--cfg", random_start, *zoo) == 2
    assert "nothing is needed" in _error(capsys)


def test_the_test_compares_published_and_measured(
    tmp_path: Path,
    experiment: Path,
    weights: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "tiny.pth").write_bytes(weights)
    words = ("test", "tiny", "--dir", tmp_path)
    zoo = ("--zoo", _zoo(tmp_path, experiment, weights))
    assert _run(monkeypatch, *words, *zoo, "--tolerance", 30, "TEST.FLIP_TEST", "False") == 0
    lines = capsys.readouterr().out.splitlines()
    table = {line.split()[0]: line for line in lines[-8:]}
    assert table["AP"].split()[1] == "0.1"
    assert float(table["AP"].split()[2]) == pytest.approx(float(table["AP"].split()[3]) + 0.1, abs=0.011)
    assert "detections of person AP 56.4 / detections of" in table["boxes"]
    assert table["flip"].endswith("yes / no")
    assert table["data"].endswith("val2017 / val, 6 results")
    assert lines[-1] == "within 30 points of the published figures"
    zoo = ("--zoo", _zoo(tmp_path, experiment, weights, published={"AP": 99.0, "Mean@0.5": 50.0}))
    assert _run(monkeypatch, *words, *zoo, "TEST.USE_GT_BBOX", "True") == 1
    out = capsys.readouterr().out
    assert "detections of person AP 56.4 / annotated boxes" in out
    assert "n/a" in out
    assert "NOT within 0.3 points" in out


def test_what_cannot_be_tested(
    tmp_path: Path,
    experiment: Path,
    weights: bytes,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "tiny.pth").write_bytes(weights)
    for changes, name, expected in (
        ({}, "start", "no published figure"),
        ({}, "giant", "nothing named giant"),
        ({"config": None, "note": "the network is to come"}, "tiny", "yet: the network is to come."),
        ({"detector": 65.1}, "tiny", "TEST.COCO_BBOX_FILE"),
        ({"file": "absent.pth"}, "tiny", "by hand (the shelf)"),
        ({"options": {"TEST.FLIP": 1}}, "tiny", "TEST.FLIP"),
    ):
        zoo = _zoo(tmp_path, experiment, weights, **changes)
        assert _run(monkeypatch, "test", name, "--dir", tmp_path, "--zoo", zoo) == 2
        assert expected in _error(capsys)


@pytest.mark.slow
def test_other_weights_in_a_process_of_its_own(tmp_path: Path, experiment: Path, weights: bytes) -> None:
    (tmp_path / "mine.pth").write_bytes(weights)
    zoo = _zoo(tmp_path, experiment, weights)
    run = run_tool("zoo", "test", "tiny", "--zoo", zoo, "--tolerance", 30, "TEST.MODEL_FILE", tmp_path / "mine.pth")
    assert run.returncode == 0, run.stderr
    assert "tiny.pth / " in run.stdout
    assert "mine.pth" in run.stdout
