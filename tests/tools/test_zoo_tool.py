"""tools/zoo.py from the command line to its exit code, with a zoo of one tiny network and a server in this process."""

import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from helpers.file_server import Behaviour, file_server
from helpers.tiny_mpii import made_truth, write_tiny_mpii, write_truth_mat
from helpers.tiny_run import make_tiny_data, run_tool, tiny_experiment
from helpers.tools import load_tool

from lib.config import load_config
from lib.models import build_model
from lib.models.build import init_pretrained
from lib.utils.cli import run_command
from lib.utils.errors import PoseError
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


def _manifest(tmp_path: Path, experiment: Path, weights: bytes, base_url: str | None = None, **changes: Any) -> Path:
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


@dataclass(frozen=True)
class Run:
    """What a command did: exit code, standard output, and the sentence of an error."""

    code: int
    out: str
    error: str


Zoo = Callable[..., Run]


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Zoo:
    """tools/zoo.py in this process, with the words of a command line."""

    def run(*words: object) -> Run:
        monkeypatch.setattr(sys, "argv", ["tools/zoo.py", *map(str, words)])
        code = 0
        try:
            run_command(load_tool("zoo").main)
        except SystemExit as ending:
            code = int(str(ending.code))
        captured = capsys.readouterr()
        if code == 2:
            assert re.fullmatch(r"error: .*\.\n", captured.err)
        return Run(code, captured.out, captured.err)

    return run


def test_list(tmp_path: Path, experiment: Path, zoo: Zoo) -> None:
    manifest = ("--zoo", _manifest(tmp_path, experiment, b""))
    header, tiny, start = zoo("list", *manifest, "--dir", tmp_path).out.splitlines()
    assert header.split() == ["name", "published", "boxes", "config", "file", "licence", "present"]
    assert tiny.split("  ")[0] == "tiny"
    for word in ("AP 0.1", "AR 0.1", "AP 56.4", str(experiment), "tiny.pth", "MIT", "by hand"):
        assert word in tiny
    (tmp_path / "start.pth").write_bytes(b"")
    _, start = zoo("list", "--filter", "START", *manifest, "--dir", tmp_path).out.splitlines()
    assert start.endswith("yes")
    nothing = zoo("list", "--filter", "giant", *manifest)
    assert nothing.code == 2
    assert "'giant'" in nothing.error


def test_the_list_of_the_repository(zoo: Zoo) -> None:
    assert "mmpose_hrnet_w32_256x192 " in zoo("list").out
    of_a_group = zoo("list", "--filter", "HigherHRNet-W32 Bottom-Up").out
    assert "mmpose_ae_higher_hrnet_w32_512 " in of_a_group
    assert "mmpose_hrnet_w32_256x192 " not in of_a_group


def test_download_and_verify(tmp_path: Path, experiment: Path, weights: bytes, zoo: Zoo) -> None:
    folder = tmp_path / "files"
    with file_server(Behaviour(weights, break_after=[1000])) as address:
        manifest = ("--zoo", _manifest(tmp_path, experiment, weights, address))
        assert "MiB, SHA-256 begins with" in zoo("download", "tiny", "--to", folder, *manifest).out
        assert "tiny.pth: was there already" in zoo("download", "start", "--to", folder, "tiny", *manifest).out
    assert (folder / "tiny.pth").read_bytes() == weights
    right = zoo("verify", "--dir", folder, *manifest)
    assert right.code == 0
    assert "2 files, 0 wrong" in right.out
    (folder / "tiny.pth").write_bytes(weights[:-1])
    wrong = zoo("verify", "tiny", "start", "--dir", folder, *manifest)
    assert wrong.code == 1
    assert "WRONG" in wrong.out
    assert "2 files, 1 wrong" in wrong.out
    (tmp_path / "nothing").mkdir()
    assert "download tiny --to" in zoo("verify", "tiny", "--dir", tmp_path / "nothing", *manifest).error
    assert "no file of the zoo in" in zoo("verify", "--dir", tmp_path / "nothing", *manifest).error


@pytest.mark.parametrize("words", [["list"], ["verify"], ["verify", "tiny"], ["test", "tiny"]])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, experiment: Path, zoo: Zoo, words: list[str]) -> None:
    run = zoo(*words, "--dir", tmp_path / "typo", "--zoo", _manifest(tmp_path, experiment, b""))
    assert run.code == 2
    assert "typo does not exist" in run.error


def test_what_a_training_starts_from(tmp_path: Path, experiment: Path, weights: bytes, zoo: Zoo) -> None:
    place = tmp_path / "imagenet" / "start.pth"
    with file_server(Behaviour(weights)) as address:
        manifest = ("--zoo", _manifest(tmp_path, experiment, weights, address))
        assert zoo("download", "--pretrained", "--cfg", experiment, *manifest).code == 0
        assert place.read_bytes() == weights
        place.unlink()
        assert zoo("download", "start.pth", *manifest).code == 0  # by its file's name, into its own place
        assert place.read_bytes() == weights


def test_a_training_without_its_start_names_the_command(
    tmp_path: Path, experiment: Path, weights: bytes, zoo: Zoo
) -> None:
    cfg = load_config(experiment)
    with pytest.raises(PoseError, match=r"python tools/zoo\.py ") as error:
        init_pretrained(build_model(cfg), cfg)
    command = re.findall(r"python tools/zoo\.py (.*?),", str(error.value))[0]
    with file_server(Behaviour(weights)) as address:
        assert zoo(*command.split(), "--zoo", _manifest(tmp_path, experiment, weights, address)).code == 0
    report = init_pretrained(build_model(cfg), cfg)
    assert report is not None
    assert report.coverage == 1.0


def test_what_cannot_be_downloaded(tmp_path: Path, experiment: Path, weights: bytes, zoo: Zoo) -> None:
    manifest = ("--zoo", _manifest(tmp_path, experiment, weights))
    (tmp_path / "random").mkdir()
    random_start = tiny_experiment(tmp_path / "random", tmp_path / "data")
    for words, expected in (
        (["--pretrained"], "--cfg"),
        (["--pretrained", "--cfg", experiment, "tiny"], "alone"),
        (["--pretrained", "--cfg", random_start], "nothing is needed"),
        ([], "download needs names"),
        (["giant"], "nothing named giant"),
        (["tiny"], "by hand (the shelf)"),
    ):
        run = zoo("download", *words, *manifest)
        assert run.code == 2
        assert expected in run.error


def test_the_test_compares_published_and_measured(tmp_path: Path, experiment: Path, weights: bytes, zoo: Zoo) -> None:
    (tmp_path / "tiny.pth").write_bytes(weights)
    words = ("test", "tiny", "--dir", tmp_path, "--zoo", _manifest(tmp_path, experiment, weights))
    within = zoo(*words, "--tolerance", 30, "TEST.FLIP_TEST", "False")
    assert within.code == 0
    lines = within.out.splitlines()[-8:]
    table = {line.split()[0]: line for line in lines}
    assert table["AP"].split()[1] == "0.1"
    assert float(table["AP"].split()[2]) == pytest.approx(float(table["AP"].split()[3]) + 0.1, abs=0.011)
    assert "detections of person AP 56.4 / detections of" in table["boxes"]
    assert table["flip"].endswith("yes / no")
    assert table["data"].endswith("val2017 / val, 6 results")
    assert lines[-1] == "within 30 points of the published figures"
    _manifest(tmp_path, experiment, weights, published={"AP": 99.0, "Mean@0.5": 50.0})
    off = zoo(*words, "TEST.USE_GT_BBOX", "True")
    assert off.code == 1
    assert "detections of person AP 56.4 / annotated boxes" in off.out
    assert "n/a" in off.out
    assert "NOT within 0.3 points" in off.out


def test_figures_of_mpii_are_compared_in_percent(tmp_path: Path, rng: np.random.Generator, zoo: Zoo) -> None:
    people = write_tiny_mpii(tmp_path / "mpii", rng)
    write_truth_mat(tmp_path / "mpii" / "annot" / "gt_valid.mat", made_truth(rng, people))
    experiment = tiny_experiment(
        tmp_path,
        tmp_path / "mpii",
        MODEL={"NUM_JOINTS": 16},
        DATASET={"DATASET": "mpii", "TRAIN_SET": "valid", "TEST_SET": "valid"},
    )
    torch.save(build_model(load_config(experiment)).state_dict(), tmp_path / "tiny.pth")
    changes = {"detector": None, "published": {"Mean@0.5": 50.0, "Mean@0.11": 5.0}, "sha256": ""}
    manifest = _manifest(tmp_path, experiment, b"", **changes)
    run = zoo("test", "tiny", "--dir", tmp_path, "--zoo", manifest, "--tolerance", 100)
    assert run.code == 0
    lines = run.out.splitlines()
    rows = [line.split() for line in lines[-7:] if line.startswith("Mean@")]
    header, table = (line.strip("| ").split(" | ") for line in lines if re.match(r"\| (Arch|pose_hrnet)", line))
    printed = dict(zip(header, table, strict=True))
    measured = {name: float(figure) for name, _, figure, _ in rows}
    assert measured == {name: pytest.approx(float(printed[name]), abs=0.06) for name in changes["published"]}


def test_what_cannot_be_tested(tmp_path: Path, experiment: Path, weights: bytes, zoo: Zoo) -> None:
    (tmp_path / "tiny.pth").write_bytes(weights)
    for changes, name, expected in (
        ({}, "start", "no published figure"),
        ({}, "giant", "nothing named giant"),
        ({"config": None, "note": "the network is to come"}, "tiny", "yet: the network is to come."),
        ({"detector": 65.1}, "tiny", "TEST.COCO_BBOX_FILE"),
        ({"file": "absent.pth"}, "tiny", "by hand (the shelf)"),
        ({"sha256": "01234567"}, "tiny", "tiny.pth is not the published file"),
        ({"options": {"TEST.FLIP": 1}}, "tiny", "TEST.FLIP"),
    ):
        run = zoo("test", name, "--dir", tmp_path, "--zoo", _manifest(tmp_path, experiment, weights, **changes))
        assert run.code == 2
        assert expected in run.error
    for tolerance in ("-1", "nan"):
        assert "--tolerance is" in zoo("test", "tiny", "--tolerance", tolerance).error


@pytest.mark.slow
def test_other_weights_in_a_process_of_its_own(tmp_path: Path, experiment: Path, weights: bytes) -> None:
    (tmp_path / "mine.pth").write_bytes(weights)
    manifest = _manifest(tmp_path, experiment, weights)
    run = run_tool(
        "zoo", "test", "tiny", "--zoo", manifest, "--tolerance", 30, "TEST.MODEL_FILE", tmp_path / "mine.pth"
    )
    assert run.returncode == 0, run.stderr
    assert "tiny.pth / " in run.stdout
    assert "mine.pth" in run.stdout
