import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_coco import tiny_annotations, written

from lib.dataset import coco, index_process
from lib.dataset.coco import as_arrays, parse_annotations, read_annotations
from lib.dataset.index_process import arrays_from_child
from lib.utils.annotation_form import COCO_FORM
from lib.utils.errors import PoseError


@pytest.fixture
def file(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An annotation file that counts as large, and an empty cache."""
    monkeypatch.setenv("PLUMBPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(coco, "LARGE_FILE_BYTES", 0)
    return written(tmp_path, "anno.json", tiny_annotations(rng, images=50))


def _arrive(path: Path) -> str:
    with pytest.raises(PoseError) as caught:
        read_annotations(path, 17)
    return str(caught.value)


def test_a_child_gives_the_same_arrays(file: Path) -> None:
    found, expected = as_arrays(read_annotations(file, 17)), as_arrays(parse_annotations(file, 17))
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_child_names_faults_as_this_process_does(tmp_path: Path, rng: np.random.Generator, file: Path) -> None:
    content = tiny_annotations(rng)
    content["annotations"][3]["keypoints"][7] = float("nan")
    faulty = written(tmp_path, "ünusual.json", content)
    broken = written(tmp_path, "broken.json", {})
    broken.write_text("{")
    for path in (faulty, broken):
        with pytest.raises(PoseError) as caught:
            parse_annotations(path, 17)
        assert _arrive(path) == str(caught.value)
    assert not list((file.parent / "cache").glob("**/*.npz"))


def test_absent_large_file(tmp_path: Path, file: Path) -> None:
    assert file.exists()
    assert "does not exist" in _arrive(tmp_path / "gone.json")


@pytest.mark.skipif(sys.platform == "win32", reason="no signals")
def test_a_killed_child_is_one_sentence(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_process, "PROGRAM", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    message = _arrive(file)
    assert "was ended by SIGKILL; it needs about" in message
    assert "anno.json" in message
    assert "\n" not in message


def test_a_crashed_child_is_one_sentence(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_process, "PROGRAM", "raise MemoryError('no more')")
    message = _arrive(file)
    assert "ended with code 1 (MemoryError: no more)" in message
    assert "\n" not in message


def test_without_processes_or_room_this_process_reads(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(tmp_path / "no-python"))
        assert arrays_from_child(file, 17) is None
        assert len(read_annotations(file, 17).id) == 150
    monkeypatch.setattr(index_process, "PROGRAM", "")  # ends well and leaves nothing
    assert arrays_from_child(file, 17) is None


def test_a_full_disk_leaves_nothing(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, arrays: dict[str, Any]) -> None:
        path.write_bytes(b"a part")
        raise OSError(28, f"no room for {len(arrays)} arrays")

    monkeypatch.setattr(index_process, "save_arrays", fail)
    (tmp_path / "work").mkdir()
    index_process.write_index(str(file), "17", COCO_FORM.to_text(), str(tmp_path / "work"))
    assert not list((tmp_path / "work").iterdir())


def test_a_child_does_without_pytorch(file: Path, tmp_path: Path) -> None:
    program = index_process.PROGRAM.format(
        search_path=sys.path, package_folder=str(Path(index_process.__file__).parent)
    )
    program += "print([name for name in ('torch', 'cv2') if name in sys.modules])"
    command = [sys.executable, "-c", program, str(file), "17", COCO_FORM.to_text(), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "[]"
