import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_coco import tiny_annotations, written

from lib.dataset import coco, index_cache, index_process
from lib.dataset.coco import Annotations, as_arrays, parse_annotations, read_annotations
from lib.dataset.index_cache import Arrays, cache_folder, cached_arrays
from lib.utils.annotation_form import AnnotationForm
from lib.utils.errors import PoseError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty cache, which every file is large and old enough for."""
    monkeypatch.setenv("PLUMBPOSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(coco, "LARGE_FILE_BYTES", 0)
    monkeypatch.setattr(index_cache, "SETTLED_SECONDS", 0)
    return tmp_path / "cache" / "index"


@pytest.fixture
def file(tmp_path: Path, rng: np.random.Generator) -> Path:
    return written(tmp_path, "anno.json", tiny_annotations(rng))


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one whenever an index is built, in this process to save time."""
    built: list[str] = []

    def build(path: str, num_keypoints: int, form: AnnotationForm) -> Arrays:
        built.append(str(path))
        return as_arrays(parse_annotations(path, num_keypoints, form))

    monkeypatch.setattr(coco, "arrays_from_child", build)
    return built


def _assert_same(first: Annotations, second: Annotations) -> None:
    expected, found = as_arrays(first), as_arrays(second)
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        assert array.dtype == found[name].dtype, name
        np.testing.assert_array_equal(array, found[name], err_msg=name)


def test_an_index_is_built_once(cache: Path, file: Path, builds: list[str]) -> None:
    first = read_annotations(file, 17)
    second = read_annotations(str(file), 17)
    assert len(builds) == len(list(cache.iterdir())) == 1
    _assert_same(first, second)
    _assert_same(first, parse_annotations(file, 17))


def test_small_files_leave_no_trace(
    cache: Path, file: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "LARGE_FILE_BYTES", file.stat().st_size + 1)
    read_annotations(file, 17)
    assert not builds
    assert not cache.exists()


def test_another_number_of_keypoints_is_another_index(cache: Path, file: Path, builds: list[str]) -> None:
    read_annotations(file, 17)
    with pytest.raises(PoseError, match="51 keypoint numbers where 3 keypoints need 9"):
        read_annotations(file, 3)
    assert len(builds) == 2
    assert len(list(cache.iterdir())) == 1


def test_a_changed_file_is_read_again(cache: Path, tmp_path: Path, file: Path, builds: list[str]) -> None:
    read_annotations(file, 17)
    before, text = file.stat(), file.read_text()
    file.write_text(text.replace('"id": 105', '"id": 905').replace('"image_id": 105', '"image_id": 905'))
    # As copying tools do; the size is the same as well.
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size
    assert read_annotations(file, 17).images.id[-1] == 905
    assert len(builds) == 2
    assert len(list(cache.iterdir())) == 1
    other = tmp_path / "other.json"
    other.write_text(text)
    other.replace(file)
    assert read_annotations(file, 17).images.id[-1] == 105


def test_a_link_that_points_elsewhere_is_another_file(
    cache: Path, tmp_path: Path, file: Path, builds: list[str]
) -> None:
    link, other = tmp_path / "link.json", tmp_path / "other.json"
    other.write_text(file.read_text().replace("105", "905"))
    link.symlink_to(file)
    assert read_annotations(link, 17).images.id[-1] == 105
    link.unlink()
    link.symlink_to(other)
    assert read_annotations(link, 17).images.id[-1] == 905
    assert len(builds) == len(list(cache.iterdir())) == 2


def test_a_file_written_just_now_is_not_kept(
    cache: Path, file: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_cache, "SETTLED_SECONDS", 1000.0)
    read_annotations(file, 17)
    read_annotations(file, 17)
    assert len(builds) == 2
    assert list(cache.iterdir()) == []


def test_a_file_that_changes_while_it_is_read_is_not_kept(cache: Path, file: Path) -> None:
    def build() -> Arrays:
        file.write_text(file.read_text() + " ")
        return {"a": np.zeros(1)}

    cached_arrays(file, 17, build)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("part", [0.0, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_a_damaged_index_is_made_again(cache: Path, file: Path, builds: list[str], part: float, damage: str) -> None:
    first = read_annotations(file, 17)
    entry = next(cache.iterdir())
    content = bytearray(entry.read_bytes())
    position = int(part * len(content))
    if damage == "cut":
        del content[position:]
    else:
        content[position] ^= 0xFF
    entry.write_bytes(content)
    _assert_same(first, read_annotations(file, 17))
    _assert_same(first, read_annotations(file, 17))
    # A changed byte may lie where nothing depends on it, as in the dates of zip files.
    assert len(builds) == 2 or damage == "flip"


def test_every_flipped_byte_is_noticed_or_harmless(cache: Path, file: Path, builds: list[str]) -> None:
    first = read_annotations(file, 17)
    entry = next(cache.iterdir())
    content = entry.read_bytes()
    for position in range(0, len(content), 97):
        entry.write_bytes(content[:position] + bytes([content[position] ^ 0x55]) + content[position + 1 :])
        _assert_same(first, read_annotations(file, 17))
    assert len(builds) > 10


@pytest.mark.parametrize("blocked", ["file in place of the folder", "no home"])
def test_without_a_place_nothing_is_kept(
    tmp_path: Path, file: Path, builds: list[str], cache: Path, monkeypatch: pytest.MonkeyPatch, blocked: str
) -> None:
    if blocked == "no home":
        monkeypatch.setattr(index_cache, "cache_folder", lambda: None)
    else:
        (tmp_path / "cache").write_text("in the way")
    read_annotations(file, 17)
    assert len(read_annotations(file, 17).id) == 18
    assert len(builds) == 2
    assert not cache.exists()


def test_a_full_disk_is_no_error(cache: Path, file: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, arrays: Arrays) -> None:
        path.write_bytes(b"a part")
        raise OSError(28, f"no room for {len(arrays)} arrays")

    monkeypatch.setattr(index_cache, "save_arrays", fail)
    assert len(read_annotations(file, 17).id) == 18
    assert not list(cache.iterdir())
    assert len(builds) == 1


def test_the_folder_does_not_grow_without_bound(
    cache: Path, tmp_path: Path, file: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read_annotations(file, 17)
    size = next(cache.iterdir()).stat().st_size
    monkeypatch.setattr(index_cache, "LIMIT_BYTES", 3.5 * size)
    stranger, leftover, writing = cache / "other.npz", cache / ".annotations-a.x.npz", cache / ".annotations-b.y.npz"
    for path in (stranger, leftover, writing):
        path.write_bytes(b"x" * 10)
    for path in (stranger, leftover):
        os.utime(path, (1, 1))
    for number in range(4):
        for age, entry in enumerate(sorted(cache.glob("annotations-*"), key=lambda path: path.stat().st_mtime)):
            os.utime(entry, (1000 + age, 1000 + age))
        read_annotations(file, 17)  # keeps it among those used last
        copy = tmp_path / f"copy{number}.json"
        copy.write_bytes(file.read_bytes())
        read_annotations(copy, 17)
    assert len(list(cache.glob("annotations-*"))) == 3
    assert stranger.exists()
    assert writing.exists()
    assert not leftover.exists()
    read_annotations(file, 17)
    assert builds.count(str(file)) == 1


def test_the_last_index_is_kept_whatever_its_size(
    cache: Path, tmp_path: Path, file: Path, builds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The larger a file, the more its index is worth."""
    monkeypatch.setattr(index_cache, "LIMIT_BYTES", 1)
    for path in (written(tmp_path, "first.json", json.loads(file.read_text())), file, file):
        read_annotations(path, 17)
    assert len(builds) == 2
    assert len(list(cache.iterdir())) == 1


def test_another_content_needs_another_format(file: Path) -> None:
    """An index of an older version must not be taken for one of this; after a change raise FORMAT and both here."""
    arrays = as_arrays(parse_annotations(file, 17))
    kinds = {name: (array.dtype.kind, array.shape[1:]) for name, array in arrays.items()}
    assert index_cache.FORMAT == 3
    assert kinds == {
        "images.id": ("i", ()),
        "images.file_name": ("S", ()),
        "images.size_wh": ("i", (2,)),
        "person_category": ("i", ()),
        "id": ("i", ()),
        "image_index": ("i", ()),
        "category": ("i", ()),
        "is_crowd": ("b", ()),
        "area": ("f", ()),
        "box_xywh": ("f", (4,)),
        "keypoints": ("f", (17, 3)),
        "num_keypoints": ("i", ()),
    }


def test_where_the_cache_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    for name in ("PLUMBPOSE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert cache_folder() == tmp_path / ".cache" / "plumbpose" / "index"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == tmp_path / ".cache" / "plumbpose" / "index"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "plumbpose" / "index"
    monkeypatch.setenv("PLUMBPOSE_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own" / "index"


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not locked there")
def test_those_who_ask_at_once_wait_for_the_first(cache: Path, file: Path) -> None:
    built: list[int] = []

    def build() -> Arrays:
        built.append(1)
        time.sleep(0.2)
        return {"a": np.arange(3)}

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: cached_arrays(file, 17, build), range(4)))
    assert built == [1]
    assert all(answer["a"].tolist() == [0, 1, 2] for answer in answers)
    assert len(list(cache.iterdir())) == 1


def test_processes_may_build_at_once(cache: Path, file: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom lib.dataset import coco, index_cache\n"
        "coco.LARGE_FILE_BYTES = index_cache.SETTLED_SECONDS = 0\n"
        "coco.arrays_from_child = lambda path, num_keypoints, form: None\n"  # only the cache is tried here
        "for _ in range(40):\n"
        "    assert len(coco.read_annotations(sys.argv[1], 17).id) == 18\n"
        "    for entry in index_cache.cache_folder().iterdir():\n"
        "        entry.unlink(missing_ok=True)\n"
    )
    # As in a child: without the start of lib.dataset.
    head = index_process.PROGRAM.format(search_path=sys.path, package_folder=str(Path(coco.__file__).parent))
    head = head.partition("from lib.dataset.index_process")[0]
    command = [sys.executable, "-c", head + program, str(file)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()
    assert not list(cache.glob(".annotations-*"))
