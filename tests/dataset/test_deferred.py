import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torchvision
from helpers.tiny_dataset import picture, tiny_config, write_dataset
from yacs.config import CfgNode

from lib.dataset import PoseDataset, build_dataset, build_loader
from lib.dataset.deferred import DeferredCrops, decode_jpegs
from lib.dataset.pixels import ImagePixels
from lib.utils.errors import PoseError

# OpenCV 4 samples at positions rounded to 1/32 pixel, which changes steep edges by a few grey levels.
TOLERANCE = 6 if int(cv2.__version__.split(".")[0]) < 5 else 1


@pytest.fixture
def root(tmp_path: Path, rng: np.random.Generator) -> Path:
    write_dataset(tmp_path, rng)
    return tmp_path


def _write_jpegs(root: Path, rng: np.random.Generator) -> None:
    for path in (root / "images" / "tiny").iterdir():
        path.write_bytes(cv2.imencode(".jpg", picture(rng))[1].tobytes())


def _config(root: Path, where: str, *overrides: str) -> CfgNode:
    return tiny_config(root, "DATASET.CROP_ON", where, *overrides)


def _datasets(root: Path, is_train: bool, *overrides: str) -> tuple[PoseDataset, PoseDataset]:
    usual, deferred = (build_dataset(_config(root, where, *overrides), is_train) for where in ("cpu", "device"))
    return usual, deferred


@pytest.mark.parametrize("is_train", [False, True])
@pytest.mark.parametrize("jpeg", [False, True])
@pytest.mark.parametrize("color_rgb", ["True", "False"])
def test_crops_equal_those_of_the_cpu(
    root: Path, rng: np.random.Generator, is_train: bool, jpeg: bool, color_rgb: str
) -> None:
    if jpeg:
        _write_jpegs(root, rng)
    usual, deferred = _datasets(root, is_train, "DATASET.COLOR_RGB", color_rgb)
    indices = np.array([4, 0, 9, 5, 4])
    expected, batch = usual.batch(3, indices), deferred.batch(3, indices)
    assert isinstance(batch.image, DeferredCrops)
    assert len(batch.image) == 5
    crops = batch.image.to("cpu")
    assert (crops.shape, crops.dtype) == ((5, 3, 128, 96), torch.uint8)
    assert (crops.int() - expected.image.to("cpu").int()).abs().max() <= TOLERANCE
    for one, other in zip(batch[1:], expected[1:], strict=True):
        assert torch.equal(one, other)


def test_an_image_of_several_people_travels_once(root: Path) -> None:
    _, deferred = _datasets(root, is_train=False)
    batch = deferred.batch(0, np.arange(len(deferred)))
    assert isinstance(batch.image, DeferredCrops)
    assert len(batch.image.sizes) == len(np.unique(deferred.records.image_index)) < len(deferred)


def test_how_a_file_is_decoded_does_not_depend_on_the_others(rng: np.random.Generator) -> None:
    jpeg, png = (cv2.imencode(suffix, picture(rng))[1] for suffix in (".jpg", ".png"))
    files = [torch.from_numpy(content) for content in (png, jpeg, jpeg[:300], jpeg)]
    found = decode_jpegs(files, torch.device("cpu"))
    assert [picture is not None for picture in found] == [False, True, False, True]
    assert found[1] is not None
    assert found[3] is not None
    assert torch.equal(found[1], found[3])
    expected = cv2.imdecode(jpeg, cv2.IMREAD_COLOR)[..., ::-1].transpose(2, 0, 1)
    np.testing.assert_array_equal(found[1].numpy(), expected)


def test_a_decoder_that_forgives_is_not_asked_for_a_part(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision.io, "decode_jpeg", lambda files, **_: [torch.zeros(3, 9, 9)] * len(files))
    whole = torch.from_numpy(cv2.imencode(".jpg", picture(rng))[1])
    found = decode_jpegs([whole, whole[:-10], whole], torch.device("cpu"))
    assert [picture is not None for picture in found] == [True, False, True]


def test_a_batch_without_anyone_is_empty(root: Path) -> None:
    nobody = np.array([], np.int64)
    for dataset in _datasets(root, is_train=True):
        assert dataset.batch(0, nobody).image.to("cpu").shape == (0, 3, 128, 96)


def test_a_crop_outside_of_its_image_is_black(root: Path) -> None:
    _, deferred = _datasets(root, is_train=False)
    deferred.records.center[2] = -500
    assert not deferred[2].image.any()


def test_loaders_hand_them_on(root: Path) -> None:
    for workers in ("0", "2"):
        loader = build_loader(
            _config(root, "device", "WORKERS", workers), _datasets(root, is_train=False)[1], is_train=False
        )
        assert sum(len(batch.image.to("cpu")) for batch in loader) == 17


def test_they_can_be_sent_to_another_process(root: Path) -> None:
    crops = _datasets(root, is_train=False)[1].batch(0, np.arange(3)).image
    assert torch.equal(pickle.loads(pickle.dumps(crops)).to("cpu"), crops.to("cpu"))


def test_faults_are_named_with_record_and_file(root: Path, rng: np.random.Generator) -> None:
    usual, deferred = _datasets(root, is_train=False)
    assert isinstance(usual.source, ImagePixels)
    first = Path(usual.source.store.name(0))
    content = first.read_bytes()
    first.write_bytes(b"broken")
    with pytest.raises(PoseError, match=r"^record 0: image .*100\.png is cut short or not a picture"):
        deferred[0]
    first.write_bytes(cv2.imencode(".png", picture(rng, (240, 320)))[1].tobytes())
    with pytest.raises(PoseError, match=r"^record 0: image .*100\.png has 240x320 stored pixels.* 320x240"):
        deferred[0]
    first.unlink()
    with pytest.raises(PoseError, match=r"^record 0: image .*100\.png cannot be read"):
        deferred[0]
    first.write_bytes(content)
    assert deferred[0].image.any()
