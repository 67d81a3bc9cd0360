"""Where the files of a run lie, and whether they can be written."""

import os
from pathlib import Path

import pytest
from helpers.tiny_run import tiny_experiment

from lib.config import load_config, resolve_skeleton
from lib.run.folder import RunFolder
from lib.skeletons import load_skeleton
from lib.utils.errors import PoseError


def _folder(tmp_path: Path, output: Path) -> RunFolder:
    return RunFolder(load_config(tiny_experiment(tmp_path, tmp_path), ["OUTPUT_DIR", str(output)]))


def test_results_have_the_published_name(tmp_path: Path) -> None:
    folder = _folder(tmp_path, tmp_path / "output")
    expected = tmp_path / "output/coco/pose_hrnet/tiny/results/keypoints_val2017_results_0.json"
    assert folder.results("val2017") == expected


def test_looking_makes_nothing(tmp_path: Path) -> None:
    _folder(tmp_path, tmp_path / "output").check_writable()
    assert not (tmp_path / "output").exists()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PoseError, match="file is a file"):
        _folder(tmp_path, tmp_path / "file" / "output").check_writable()


def test_a_folder_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    access, stat = os.access, os.stat

    def refuse(path: object, *arguments: object, **options: object) -> os.stat_result:
        if str(locked) + os.sep in str(path):
            raise PermissionError(13, "Permission denied")
        return stat(path, *arguments, **options)  # type: ignore[call-overload]

    # As for a user who may not search the folder; chmod would not stop root.
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and Path(path) != locked)
    monkeypatch.setattr(os, "stat", refuse)
    folder = _folder(tmp_path, locked / "output")
    with pytest.raises(PoseError, match=r"locked cannot be written to"):
        folder.check_writable()


def test_an_inline_keypoint_set_becomes_a_file(tmp_path: Path) -> None:
    names = [f"left_{index}" for index in range(8)] + [f"right_{index}" for index in range(8)] + ["nose"]
    pairs = [[index, index + 8] for index in range(8)]
    section = {"NAME": "mine", "NAMES": names, "FLIP_PAIRS": pairs, "LIMBS": [[0, 1]]}
    cfg = load_config(tiny_experiment(tmp_path, tmp_path, SKELETON=section))
    assert load_skeleton(RunFolder(cfg).keypoint_set(cfg)) == resolve_skeleton(cfg)
    plain = load_config(tiny_experiment(tmp_path, tmp_path), ["DATASET.SKELETON", "coco"])
    assert RunFolder(plain).keypoint_set(plain) == "coco"
