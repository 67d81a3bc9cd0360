"""Synthetic data sets: the same for any number of processes, valid COCO, continued and not repeated."""

import hashlib
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from lib.dataset.synthetic import writer
from lib.dataset.synthetic.writer import make_dataset
from lib.utils.errors import PoseError

SIZE = (96, 96)


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_CHUNK", 3)


def make(folder: Path, **changes: Any) -> dict[str, Any]:
    arguments = {"train": 8, "val": 4, "seed": 7, "workers": 1, "size_wh": SIZE, "progress": False}
    return make_dataset(folder, **{**arguments, **changes})


def digest(folder: Path) -> dict[str, str]:
    """File name -> hash of its content."""
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_two_processes_make_the_same_files_as_one(tmp_path: Path) -> None:
    make(tmp_path / "one")
    make(tmp_path / "two", workers=2)
    files = digest(tmp_path / "one")
    assert files == digest(tmp_path / "two")
    assert len(files) == 8 + 4 + 2 + 1


def test_a_longer_set_begins_with_the_shorter_one(tmp_path: Path) -> None:
    make(tmp_path / "short")
    make(tmp_path / "long", train=10)
    long = digest(tmp_path / "long")
    assert all(long[name] == value for name, value in digest(tmp_path / "short").items() if name.endswith(".jpg"))


def test_the_annotations_are_valid_coco(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = make(tmp_path)
    for split, count in (("train", 8), ("val", 4)):
        coco = COCO(str(tmp_path / "annotations" / f"person_keypoints_{split}.json"))
        assert len(coco.getImgIds()) == count
        assert coco.getCatIds(catNms=["person"]) == [1]
        assert len(coco.loadCats(1)[0]["keypoints"]) == 17
        assert manifest["statistics"][split]["people"] == len(coco.getAnnIds())
        for image in coco.loadImgs(coco.getImgIds()):
            assert (tmp_path / "images" / split / image["file_name"]).is_file()
            assert (image["width"], image["height"]) == SIZE
        assert all(len(one["keypoints"]) == 51 for one in coco.loadAnns(coco.getAnnIds()))
    capsys.readouterr()


def test_a_complete_set_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be done")

    monkeypatch.setattr(writer, "_make_chunk", refuse)
    assert make(tmp_path, workers=3) == first


def test_other_arguments_make_it_anew(tmp_path: Path) -> None:
    make(tmp_path / "changed")
    make(tmp_path / "changed", train=4, seed=8)
    make(tmp_path / "fresh", train=4, seed=8)
    assert digest(tmp_path / "changed") == digest(tmp_path / "fresh")


def test_an_interrupted_run_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "whole")
    original: Callable[..., int] = writer._make_chunk
    made: list[writer._Chunk] = []

    def interrupted(chunk: writer._Chunk, **rest: Any) -> int:
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(chunk)
        return original(chunk, **rest)

    monkeypatch.setattr(writer, "_make_chunk", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "cut")
    assert not (tmp_path / "cut" / "manifest.json").exists()
    again: list[writer._Chunk] = []
    monkeypatch.setattr(writer, "_make_chunk", lambda chunk, **rest: (again.append(chunk), original(chunk, **rest))[1])
    make(tmp_path / "cut")
    assert digest(tmp_path / "cut") == digest(tmp_path / "whole")
    assert len(again) == 5 - 2


def test_files_of_others_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(PoseError, match="choose another output folder"):
        make(tmp_path)
    assert list(tmp_path.iterdir()) == [tmp_path / "thesis.txt"]


def test_bad_arguments_are_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(PoseError, match=r"cannot be written to"):
        make(blocked / "below")
    with pytest.raises(PoseError, match="cannot be made"):
        make(tmp_path / "new", train=0, val=0)
    with pytest.raises(PoseError, match="below 64"):
        make(tmp_path / "new", size_wh=(320, 10))
    assert not (tmp_path / "new").exists()


def test_the_command_prints_the_statistics(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["make_synthetic.py", "--output", str(tmp_path), "--train", "3", "--val", "2", "--size", "96x80"]
    monkeypatch.setattr(sys, "argv", [*command, "--workers", "1"])
    runpy.run_path(str(repository / "tools" / "make_synthetic.py"), run_name="__main__")
    assert "of the joints occluded" in capsys.readouterr().out
    images = json.loads((tmp_path / "annotations" / "person_keypoints_val.json").read_text())["images"]
    assert [(image["width"], image["height"]) for image in images] == [(96, 80)] * 2
    monkeypatch.setattr(sys, "argv", ["make_synthetic.py", "--output", str(tmp_path), "--size", "big"])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(repository / "tools" / "make_synthetic.py"), run_name="__main__")
    assert caught.value.code == 2
    assert "WxH" in capsys.readouterr().err


def test_keypoints_survive_the_file_exactly(tmp_path: Path) -> None:
    from lib.dataset.synthetic import SceneSpec, render_scene

    make(tmp_path)
    stored = json.loads((tmp_path / "annotations" / "person_keypoints_val.json").read_text())["annotations"]
    _, people = render_scene(np.random.default_rng([7, 1, 0]), SceneSpec(split="val", size_wh=SIZE))
    mine = [one for one in stored if one["image_id"] == 1]
    assert [one["keypoints"] for one in mine] == [one["keypoints"] for one in people]
