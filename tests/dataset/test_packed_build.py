import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny_dataset import rewrite_annotations, tiny_config, write_dataset
from helpers.tiny_pack import pack

from lib.dataset import PoseDataset, Sample, build_dataset, build_loader
from lib.dataset.build import check_dataset
from lib.dataset.packed.source import PackedPixels
from lib.utils.errors import PoseError

PACKED = ("DATASET.DATA_FORMAT", "packed")


@pytest.fixture
def root(tmp_path: Path, rng: np.random.Generator) -> Path:
    write_dataset(tmp_path, rng)
    return tmp_path


def _differences(one: PoseDataset, other: PoseDataset, epochs: int = 4) -> np.ndarray:
    """Grey differences of all crops; everything else must be equal bit for bit."""
    assert len(one) == len(other)
    indices, differences = np.arange(len(one)), []
    for epoch in range(epochs):
        first, second = one.batch(epoch, indices), other.batch(epoch, indices)
        for name in Sample._fields[1:]:
            assert torch.equal(getattr(first, name), getattr(second, name)), name
        differences.append((first.image.int() - second.image.int()).abs().numpy())
    return np.stack(differences)


@pytest.mark.parametrize("codec", ["msra", "udp", "dark"])
def test_samples_are_those_of_the_image_files(root: Path, codec: str) -> None:
    own = ("MODEL.CODEC", codec)
    pack(root, *own)
    images = build_dataset(tiny_config(root, *own), is_train=True)
    shutil.rmtree(root / "annotations")
    packed = build_dataset(tiny_config(root, *own, *PACKED), is_train=True)
    differences = _differences(images, packed)
    # The warp's matrix differs in its last digits, which may round a grey value the other way.
    assert differences.max() <= 1
    assert differences.mean() < 1e-3


@pytest.mark.parametrize("way", ["mmpose", "rsn", "rsn_mpii"])
def test_every_way_of_augmentation_can_be_packed(root: Path, way: str) -> None:
    own = ("DATASET.AUGMENTATION", way, "DATASET.NUM_JOINTS_HALF_BODY", "3", "DATASET.BOX_PADDING", "[1.09,1.135]")
    pack(root, *own)
    images, packed = (build_dataset(tiny_config(root, *own, *more), is_train=True) for more in ((), PACKED))
    assert _differences(images, packed, epochs=12).max() <= 1
    with pytest.raises(PoseError, match=f"DATASET.AUGMENTATION hrnet .packed for {way}"):
        build_dataset(tiny_config(root, *own[2:], *PACKED), is_train=True)


def test_reduced_pixels_change_the_crops_a_little(root: Path) -> None:
    pack(root, density=1.5)
    images, packed = (build_dataset(tiny_config(root, *options), is_train=True) for options in ((), PACKED))
    assert _differences(images, packed).mean() < 1


def test_real_people_differ_by_half_a_grey_level(shared: Path, tmp_path: Path) -> None:
    options = ("DATASET.TRAIN_SET", "train2017", "MODEL.IMAGE_SIZE", "[192,256]", "MODEL.HEATMAP_SIZE", "[48,64]")
    root, output = shared / "coco-mini", str(tmp_path / "packed")
    index = pack(root, *options, density=1.5, output=output)
    images = build_dataset(tiny_config(root, *options), is_train=True)
    packed = build_dataset(tiny_config(root, *options, *PACKED, "DATASET.TRAIN_IMAGES", output), is_train=True)
    assert _differences(images, packed).mean() == pytest.approx(0.45, abs=0.15)
    assert index.num_bytes / index.num_people == pytest.approx(288e3, rel=0.02)


def test_the_same_people_are_selected(root: Path) -> None:
    path = root / "annotations" / "person_keypoints_tiny.json"
    content = json.loads(path.read_text())
    for entry in content["annotations"][4:7]:
        x, y = entry["bbox"][:2]
        entry["keypoints"] = [x, y, 2] * 17
    rewrite_annotations(root, content)
    pack(root)
    options = ("DATASET.SELECT_DATA", "True")
    images, packed = (build_dataset(tiny_config(root, *options, *more), is_train=True) for more in ((), PACKED))
    assert len(packed) == 14
    assert packed.num_dropped == images.num_dropped
    assert _differences(images, packed).max() <= 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_loaders_give_the_same_batches(root: Path, workers: str) -> None:
    pack(root)
    config = tiny_config(root, *PACKED, "WORKERS", workers)
    dataset = build_dataset(config, is_train=True)
    dataset.batch(0, np.arange(3))  # a shard that is mapped before the workers are forked
    loader = build_loader(config, dataset, is_train=True)
    plain = build_loader(tiny_config(root), build_dataset(tiny_config(root), is_train=True), is_train=True)
    for epoch in range(2):
        loader.set_epoch(epoch)
        plain.set_epoch(epoch)
        for one, other in zip(loader, plain, strict=True):
            assert torch.equal(one.input_keypoints, other.input_keypoints)
            assert (one.image.int() - other.image.int()).abs().max() <= 1


def test_tests_read_the_images(root: Path) -> None:
    pack(root)
    folder = build_dataset(tiny_config(root, *PACKED), is_train=False)
    expected = [folder[index].image for index in range(len(folder))]
    with zipfile.ZipFile(root / "images" / "tiny.zip", "w") as archive:
        for path in (root / "images" / "tiny").iterdir():
            archive.write(path, path.name)
    shutil.rmtree(root / "images" / "tiny")
    zipped = build_dataset(tiny_config(root, *PACKED), is_train=False)
    assert all(torch.equal(zipped[index].image, image) for index, image in enumerate(expected))


def test_another_folder_is_named_as_training_images(root: Path) -> None:
    pack(root, output=str(root / "elsewhere"))
    dataset = build_dataset(tiny_config(root, *PACKED, "DATASET.TRAIN_IMAGES", str(root / "elsewhere")), is_train=True)
    assert dataset.annotation_file == str(root / "elsewhere")
    assert len(dataset) == 17


def test_a_config_that_asks_for_more_is_refused_in_one_sentence(root: Path) -> None:
    pack(root)
    config = tiny_config(root, *PACKED, "DATASET.SCALE_FACTOR", "0.5", "MODEL.CODEC", "dark")
    with pytest.raises(
        PoseError,
        match=r"does not hold .*: the crop convention of the codec dark \(packed for udp\); "
        r"DATASET\.SCALE_FACTOR 0\.5 \(packed for 0\.35\); pack it again",
    ):
        build_dataset(config, is_train=True)


def test_each_process_needs_its_own_shards_only(root: Path) -> None:
    index = pack(root)
    number = len(index.shards)
    assert number > 2
    (root / "packed" / "tiny" / "shard-00001.bin").unlink()
    with pytest.raises(PoseError, match=r"shard-00001\.bin is absent"):
        build_dataset(tiny_config(root, *PACKED), is_train=True)
    config = tiny_config(root, *PACKED, "DATASET.SHARDS", "own")
    dataset = build_dataset(config, is_train=True)
    assert isinstance(dataset.source, PackedPixels)
    seen = torch.cat([batch.index for batch in build_loader(config, dataset, is_train=True, rank=0, world_size=2)])
    assert set((dataset.source.shard[seen] % 2).tolist()) == {0}
    with pytest.raises(PoseError, match=r"shard-00001\.bin is absent"):
        build_loader(config, dataset, is_train=True, rank=1, world_size=2)
    with pytest.raises(PoseError, match="processes cannot share"):
        build_loader(config, dataset, is_train=True, rank=0, world_size=number + 1)


def test_a_damaged_shard_ends_the_loading_with_its_name(root: Path) -> None:
    pack(root)
    config = tiny_config(root, *PACKED, "WORKERS", "1")
    dataset = build_dataset(config, is_train=True)
    (root / "packed" / "tiny" / "shard-00000.bin").write_bytes(b"short")
    with pytest.raises(PoseError, match=r"record \d+: .*shard-00000\.bin has 5 bytes"):
        list(build_loader(config, dataset, is_train=True))


def test_the_check_describes_a_pack_and_names_its_faults(root: Path) -> None:
    report = check_dataset(tiny_config(root, *PACKED), True, lambda items, total: items)  # noqa: ARG005
    assert report.num_faults == 1
    assert "is no packed data set" in report.lines[-1]
    pack(root)
    report = check_dataset(tiny_config(root, *PACKED), True, lambda items, total: items)  # noqa: ARG005
    assert report.num_faults == 0
    assert "17 people of 6 images from person_keypoints_tiny.json, pixels as in the images" in report.lines[1]
    (root / "packed" / "tiny" / "shard-00001.bin").unlink()
    config = tiny_config(root, *PACKED, "DATASET.ROT_FACTOR", "80")
    report = check_dataset(config, True, lambda items, total: items)  # noqa: ARG005
    assert report.num_faults == 2
    assert any("shard-00001.bin is absent" in line for line in report.lines)
    assert any("DATASET.ROT_FACTOR 80 (packed for 45)" in line for line in report.lines)


def test_shards_on_other_machines_are_no_fault(root: Path) -> None:
    pack(root)
    (root / "packed" / "tiny" / "shard-00001.bin").unlink()
    (root / "packed" / "tiny" / "shard-00002.bin").write_bytes(b"short")
    config = tiny_config(root, *PACKED, "DATASET.SHARDS", "own")
    report = check_dataset(config, True, lambda items, total: items)  # noqa: ARG005
    assert report.num_faults == 1
    assert any("note  shard elsewhere (1): " in line and "shard-00001.bin is absent" in line for line in report.lines)
    assert any("FAULT damaged shard (1): " in line and "shard-00002.bin has 5 bytes" in line for line in report.lines)


def test_the_pack_of_a_config_for_packed_data_is_made_from_its_images(root: Path) -> None:
    index = pack(root, *PACKED, "DATASET.TRAIN_IMAGES", str(root / "mine"))
    assert json.loads((root / "mine" / "index.json").read_text())["num_people"] == index.num_people
