import errno
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_dataset import tiny_config, write_dataset
from helpers.tiny_pack import pack

from lib.dataset import build_dataset
from lib.dataset.packed import format as packed_format
from lib.dataset.packed.format import Needs
from lib.dataset.packed.source import Pack, PackedPixels
from lib.utils.errors import PoseError
from lib.utils.geometry import apply_affine


@pytest.fixture
def root(tmp_path: Path, rng: np.random.Generator) -> Path:
    write_dataset(tmp_path, rng)
    return tmp_path


@pytest.fixture
def folder(root: Path) -> Path:
    pack(root)
    return root / "packed" / "tiny"


def _source(folder: Path) -> PackedPixels:
    opened = Pack.open(folder)
    return PackedPixels(folder, opened.index.shards, opened.layout)


def test_records_are_those_of_the_annotation_file(root: Path, folder: Path) -> None:
    opened, dataset = Pack.open(folder), build_dataset(tiny_config(root), is_train=True)
    for name, value in vars(dataset.records).items():
        np.testing.assert_array_equal(getattr(opened.records, name), value)
        assert getattr(opened.records, name).dtype == value.dtype
    for name, value in vars(dataset.images).items():
        np.testing.assert_array_equal(getattr(opened.images, name), value)


def test_pixels_lie_where_their_map_says(root: Path, folder: Path) -> None:
    dataset, source = build_dataset(tiny_config(root), is_train=True), _source(folder)
    for index in range(len(dataset)):
        stored, image = source.pixels(index), dataset.source.pixels(index).array
        left, top = (-stored.to_stored[:, 2]).round().astype(int)
        height, width = stored.array.shape[:2]
        np.testing.assert_array_equal(stored.array, image[top : top + height, left : left + width])


def test_reduced_pixels_are_means_of_areas(root: Path) -> None:
    pack(root, density=0.4)
    dataset, source = build_dataset(tiny_config(root), is_train=True), _source(root / "packed" / "tiny")
    reduced = [index for index in range(len(dataset)) if source.pixels(index).to_stored[0, 0] < 0.5]
    assert reduced
    for index in reduced:
        stored, image = source.pixels(index), dataset.source.pixels(index).array
        height, width = stored.array.shape[:2]
        x, y = np.meshgrid(np.arange(1, width - 1), np.arange(1, height - 1))
        inverse = np.linalg.inv(np.vstack([stored.to_stored, [0, 0, 1]]))[:2]
        points = apply_affine(np.stack([x.ravel(), y.ravel()], axis=1), inverse).numpy().round().astype(int)
        # The pictures are smooth, so that an area's mean is near its middle.
        there = image[points[:, 1], points[:, 0]].astype(float)
        assert np.abs(stored.array[1:-1, 1:-1].reshape(-1, 3) - there).mean() < 6


def test_pixels_cannot_be_written_to(folder: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        _source(folder).pixels(0).array[0, 0, 0] = 1


def test_an_absent_pack_is_named_with_the_way_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"nowhere is no packed data set .*tools/pack_dataset\.py"):
        Pack.open(tmp_path / "nowhere")


def test_an_unfinished_pack_is_refused(folder: Path) -> None:
    content = json.loads((folder / "index.json").read_text())
    content["shards"][1]["sha256"] = ""
    (folder / "index.json").write_text(json.dumps(content))
    with pytest.raises(PoseError, match=r"lacks 1 of \d shards; run the tools/pack_dataset.py command that began it"):
        Pack.open(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 1}, "is not of version 2 of the packed format"),
        ({"format": "something"}, "is not of version 2 of the packed format"),
        ({"shards": [{"name": "shard-00000.bin"}]}, "is damaged"),
        ({"made_for": {}}, "is damaged"),
        ({"arrays": {}}, r"does not name the array 'record_center'; run the tools/pack_dataset.py command"),
    ],
)
def test_a_strange_index_is_refused(folder: Path, change: dict[str, object], message: str) -> None:
    content = json.loads((folder / "index.json").read_text())
    (folder / "index.json").write_text(json.dumps(content | change))
    with pytest.raises(PoseError, match=message):
        Pack.open(folder)


def test_damaged_files_are_named_when_they_are_needed(folder: Path) -> None:
    path = folder / "shard-00000.bin"
    path.write_bytes(path.read_bytes()[:-1])
    source = _source(folder)
    with pytest.raises(PoseError, match=r"shard-00000\.bin has \d+ bytes in place of \d+"):
        source.pixels(0)
    assert source.pixels(16).array.size
    with pytest.raises(PoseError, match=r"shard-00000\.bin has"):
        source.require([0, 1])
    (folder / "arrays" / "record_scale.npy").write_bytes(b"nonsense")
    with pytest.raises(PoseError, match=r"record_scale\.npy does not match its checksum"):
        Pack.open(folder)
    (folder / "arrays" / "record_scale.npy").unlink()
    with pytest.raises(PoseError, match=r"record_scale\.npy is absent"):
        Pack.open(folder)


def test_a_file_that_the_disk_does_not_give_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path) -> str:
        raise OSError(errno.EIO, "Input/output error", str(path))

    index = Pack.open(folder).index
    monkeypatch.setattr(packed_format, "file_sha256", fail)
    reasons = {reason for _, reason in packed_format.damaged_files(folder, index)}
    assert reasons == {"cannot be read (Input/output error)"}
    with pytest.raises(PoseError, match=r"record_center\.npy cannot be read \(Input/output error\); run"):
        Pack.open(folder)


def test_arrays_of_another_pack_are_not_mixed_in(root: Path, folder: Path) -> None:
    pack(root, output=str(root / "other"), density=0.5)
    (root / "other" / "arrays" / "pixels_to_stored.npy").replace(folder / "arrays" / "pixels_to_stored.npy")
    with pytest.raises(PoseError, match=r"pixels_to_stored\.npy does not match its checksum; run .* or copy it anew"):
        Pack.open(folder)


MADE = Needs((192, 256), "udp", (1.25, 1.25), ("a", "b"), (0,), "hrnet", 0.35, 45.0, 8)


@pytest.mark.parametrize(
    "needs",
    [
        MADE,
        replace(MADE, scale_factor=0.1, rotation_factor=0.0, half_body_above=9),
        replace(MADE, half_body_above=None, upper_body=()),
    ],
)
def test_a_pack_serves_weaker_changes(needs: Needs) -> None:
    assert needs.unmet_by(MADE) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scale_factor": 0.5}, "DATASET.SCALE_FACTOR 0.5 (packed for 0.35)"),
        ({"rotation_factor": 60.0}, "DATASET.ROT_FACTOR 60 (packed for 45)"),
        ({"half_body_above": 5}, "DATASET.NUM_JOINTS_HALF_BODY 5 (packed for 8)"),
        ({"input_size_wh": (288, 384)}, "MODEL.IMAGE_SIZE 288, 384 (packed for 192, 256)"),
        ({"box_padding": (1.09, 1.135)}, "DATASET.BOX_PADDING 1.09, 1.135 (packed for 1.25, 1.25)"),
        ({"augmentation": "rsn"}, "DATASET.AUGMENTATION rsn (packed for hrnet)"),
        ({"crop": "dark"}, "the crop convention of the codec dark (packed for udp)"),
        ({"keypoints": ("b", "a")}, "the keypoint set b, a (packed for a, b)"),
        ({"upper_body": ()}, "the upper body none (packed for 0)"),
    ],
)
def test_a_pack_does_not_serve_more_than_it_was_made_for(changes: dict[str, object], message: str) -> None:
    assert replace(MADE, **changes).unmet_by(MADE) == [message]


def test_half_bodies_need_to_be_packed() -> None:
    made = replace(MADE, half_body_above=None, upper_body=())
    unmet = MADE.unmet_by(made)
    assert unmet == ["DATASET.PROB_HALF_BODY above 0 (packed for none)"]


def test_a_source_holds_no_python_object_per_record(folder: Path) -> None:
    """Forked workers share arrays for good, but copy the memory of every object that they look at."""
    source = _source(folder)
    source.pixels(0)
    held = vars(source).values()
    assert not [value for value in held if isinstance(value, (list, tuple)) and len(value) >= len(source.shard)]


def test_a_source_travels_without_its_pixels(folder: Path) -> None:
    source = _source(folder)
    before = len(pickle.dumps(source))
    expected = source.pixels(3)
    content = pickle.dumps(source)
    assert len(content) == before
    np.testing.assert_array_equal(pickle.loads(content).pixels(3).array, expected.array)
    np.testing.assert_array_equal(source.pixels(3).array, expected.array)
