import zipfile
from pathlib import Path

import numpy as np
import pytest

from lib.dataset import images
from lib.dataset.images import open_images, require_images
from lib.utils.errors import PoseError

NAMES = np.array([b"a.jpg", b"sub/b.jpg", "ü.jpg".encode(), b"gone.jpg"])
CONTENT = {"a.jpg": b"first", "sub/b.jpg": b"second" * 100, "ü.jpg": bytes(range(256))}


def _folder(root: Path) -> Path:
    for name, content in CONTENT.items():
        path = root / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root / "set"


def _zip(root: Path, prefix: str, compression: int) -> Path:
    path = root / "set.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("readme.txt", "something else first")
        for name, content in CONTENT.items():
            archive.writestr(prefix + name, content)
    return path


LOCATIONS = {
    "folder": _folder,
    "zip, images at the top": lambda root: _zip(root, "", zipfile.ZIP_STORED),
    "zip, images in a folder": lambda root: _zip(root, "set/", zipfile.ZIP_STORED),
    "zip, deflated": lambda root: _zip(root, "", zipfile.ZIP_DEFLATED),
}


@pytest.mark.parametrize("kind", LOCATIONS)
def test_images_are_read_by_position(tmp_path: Path, kind: str) -> None:
    store = open_images(LOCATIONS[kind](tmp_path), NAMES)
    for index, content in enumerate(CONTENT.values()):
        assert store.read(index) == content
        assert store.name(index).endswith(NAMES[index].decode())
    np.testing.assert_array_equal(store.missing(np.arange(4)), [3])
    np.testing.assert_array_equal(store.missing(np.array([0, 2])), [])


@pytest.mark.parametrize("kind", LOCATIONS)
def test_missing_images_are_named_at_the_start(tmp_path: Path, kind: str) -> None:
    store = open_images(LOCATIONS[kind](tmp_path), NAMES)
    require_images(store, np.array([0, 1, 1]), "anno.json")
    with pytest.raises(PoseError, match=r"gone\.jpg, which anno\.json asks for, does not exist \(1 missing"):
        require_images(store, np.array([3, 0, 3]), "anno.json")


def test_names_that_only_the_file_system_takes_for_equal_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some tell upper from lower case, or composed from other accents, in a listing but not when a file is opened."""
    store = open_images(_folder(tmp_path), NAMES)
    monkeypatch.setattr(images.os, "listdir", lambda folder: ["A.JPG", "B.JPG", "Ü.JPG"])  # noqa: ARG005
    np.testing.assert_array_equal(store.missing(np.arange(4)), [3])


def test_folders_that_cannot_be_listed_may_have_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> list[str]:
        raise PermissionError(13, "Permission denied", str(folder))

    store = open_images(_folder(tmp_path), NAMES)
    monkeypatch.setattr(images.os, "listdir", refuse)
    np.testing.assert_array_equal(store.missing(np.arange(4)), [3])


def test_absent_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"image folder .*nowhere does not exist"):
        open_images(tmp_path / "nowhere", NAMES)
    with pytest.raises(PoseError, match=r"zip file .*nowhere\.zip does not exist"):
        open_images(tmp_path / "nowhere.zip", NAMES)


def test_an_image_that_vanishes_is_named(tmp_path: Path) -> None:
    store = open_images(_folder(tmp_path), NAMES)
    (tmp_path / "set" / "a.jpg").unlink()
    with pytest.raises(PoseError, match=r"a\.jpg cannot be read"):
        store.read(0)


def test_a_file_that_is_no_zip_is_named(tmp_path: Path) -> None:
    (tmp_path / "set.zip").write_bytes(b"no zip file")
    with pytest.raises(PoseError, match=r"set\.zip cannot be read"):
        open_images(tmp_path / "set.zip", NAMES)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_changed_bytes_in_a_zip_are_noticed(tmp_path: Path, compression: int) -> None:
    path = _zip(tmp_path, "", compression)
    store = open_images(path, NAMES)
    spoilt = bytearray(path.read_bytes())
    start = spoilt.index(b"a.jpg") + len(b"a.jpg")
    spoilt[start : start + 5] = b"\xff" * 5
    path.write_bytes(spoilt)
    with pytest.raises(PoseError, match=r"set\.zip@a\.jpg"):
        store.read(0)


def test_other_compressions_are_named(tmp_path: Path) -> None:
    store = open_images(_zip(tmp_path, "", zipfile.ZIP_BZIP2), NAMES)
    with pytest.raises(PoseError, match="compressed by method 12"):
        store.read(1)
