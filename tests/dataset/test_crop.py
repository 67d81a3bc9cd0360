from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.tiny_dataset import picture
from reference import coco_records

from lib.dataset.crop import Cropper, compose, invert, mirror_maps
from lib.dataset.pixels import IDENTITY, StoredPixels
from lib.utils.geometry import DarkCrop, PlainCrop, UdpCrop, apply_affine
from lib.utils.image import read_image

SIZE_WH, HEATMAP_WH = (96, 128), (24, 32)
# OpenCV 4 samples at positions rounded to 1/32 pixel, which changes steep edges by a few grey levels.
IS_OPENCV_4 = int(cv2.__version__.split(".")[0]) < 5


def _crop(
    image: np.ndarray, matrix: np.ndarray, size_wh: tuple[int, int] = SIZE_WH, to_stored: np.ndarray = IDENTITY
) -> np.ndarray:
    cropper = Cropper(size_wh, color_rgb=False)
    return cropper.crops(matrix[None], lambda _: StoredPixels(image, to_stored))[0]


@pytest.mark.parametrize("crop", [PlainCrop, UdpCrop, DarkCrop])
@pytest.mark.parametrize("rotation", [0.0, 33.0])
def test_equals_scalar_bilinear_sampling(rng: np.random.Generator, crop: type, rotation: float) -> None:
    image = picture(rng)
    center, scale = np.float32([300, 60]), np.float32([0.5, 0.6667])
    matrix = crop(SIZE_WH, HEATMAP_WH).warp_matrix(center, scale, rotation).numpy()
    before = image.copy()
    result = _crop(image, matrix)
    assert result.shape == (128, 96, 3)
    np.testing.assert_array_equal(image, before)
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    plane = image[..., 1].tolist()
    for x, y in rng.integers(0, SIZE_WH, (200, 2)).tolist():
        source_x, source_y, _ = inverse @ (x, y, 1)
        expected = coco_records.bilinear(plane, source_x, source_y)
        assert abs(int(result[y, x, 1]) - expected) <= (6 if IS_OPENCV_4 else 1)


@pytest.mark.parametrize("crop", [PlainCrop, UdpCrop, DarkCrop])
def test_points_move_with_their_pixels(crop: type) -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    points = np.array([[100, 80], [130, 120], [150, 60]])
    for x, y in points:
        image[y - 3 : y + 4, x - 3 : x + 4] = 255
    matrix = crop(SIZE_WH, HEATMAP_WH).warp_matrix(np.float32([125, 90]), np.float32([0.6, 0.8]), -20.0)
    result = _crop(image, matrix.numpy())[..., 0]
    _, _, _, centroids = cv2.connectedComponentsWithStats((result > 127).astype(np.uint8))
    found = sorted(centroids[1:].tolist())
    expected = sorted(apply_affine(points, matrix).tolist())
    np.testing.assert_allclose(found, expected, atol=0.35)


def test_outside_of_the_image_is_black() -> None:
    matrix = PlainCrop(SIZE_WH, HEATMAP_WH).warp_matrix(np.float32([-200, -200]), np.float32([0.6, 0.8])).numpy()
    assert not _crop(np.full((240, 320, 3), 255, np.uint8), matrix).any()


@pytest.mark.parametrize("center", [(5, 5), (160, 120), (318, 200), (400, 90)])
@pytest.mark.parametrize("rotation", [0.0, -71.0])
def test_equals_the_warp_of_the_whole_image(
    rng: np.random.Generator, center: tuple[float, float], rotation: float
) -> None:
    image = picture(rng)
    matrix = UdpCrop(SIZE_WH, HEATMAP_WH).warp_matrix(np.float32(center), np.float32([0.6, 0.8]), rotation).numpy()
    whole = cv2.warpAffine(image, matrix, SIZE_WH, flags=cv2.INTER_LINEAR)
    assert np.abs(_crop(image, matrix).astype(int) - whole).max() <= (6 if IS_OPENCV_4 else 1)


def test_channel_order_and_a_batch_of_several(rng: np.random.Generator) -> None:
    images = [picture(rng), picture(rng)]
    matrices = PlainCrop(SIZE_WH, HEATMAP_WH).warp_matrix(np.float32([[90, 90], [150, 80]]), np.float32([0.6, 0.8]))
    bgr, rgb = (
        Cropper(SIZE_WH, color_rgb=order).crops(matrices.numpy(), lambda i: StoredPixels(images[i], IDENTITY))
        for order in (False, True)
    )
    np.testing.assert_array_equal(bgr, rgb[..., ::-1])
    for image, matrix, crop in zip(images, matrices.numpy(), bgr, strict=True):
        np.testing.assert_array_equal(_crop(image, matrix), crop)


def test_pixels_may_be_stored_elsewhere(rng: np.random.Generator) -> None:
    image = picture(rng)
    matrix = UdpCrop(SIZE_WH, HEATMAP_WH).warp_matrix(np.float32([150, 120]), np.float32([0.3, 0.4]), 20.0).numpy()
    part, to_part = image[40:200, 70:230], np.array([[1.0, 0, -70], [0, 1, -40]])
    difference = _crop(part, matrix, to_stored=to_part).astype(int) - _crop(image, matrix)
    assert np.abs(difference).max() <= (6 if IS_OPENCV_4 else 1)


def test_mirrored_maps_read_the_image_as_it_is(rng: np.random.Generator) -> None:
    image = picture(rng)
    matrices = UdpCrop(SIZE_WH, HEATMAP_WH).warp_matrix(np.float32([[150, 120]] * 2), np.float32([0.6, 0.8]), 20.0)
    kept, mirrored = mirror_maps(matrices.numpy(), np.array([False, True]), np.array([320, 320]))
    np.testing.assert_array_equal(kept, matrices[0])
    difference = _crop(image, mirrored).astype(int) - _crop(np.ascontiguousarray(image[:, ::-1]), kept)
    assert np.abs(difference).max() <= (6 if IS_OPENCV_4 else 1)


def test_maps_compose_and_invert(rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, 2, 3))
    points = rng.normal(size=(5, 2))
    numbers = [tuple(matrix.ravel().tolist()) for matrix in (first, second)]
    both = np.reshape(compose(numbers[1], numbers[0]), (2, 3))
    np.testing.assert_allclose(
        apply_affine(points, both), apply_affine(apply_affine(points, first), second), atol=1e-12
    )
    back = np.reshape(invert(numbers[0]), (2, 3))
    np.testing.assert_allclose(apply_affine(apply_affine(points, first), back), points, atol=1e-12)


@pytest.mark.parametrize(("system", "crop"), [("hrnet", PlainCrop), ("udp", UdpCrop)])
def test_crops_of_real_data_equal_the_published_ones(shared: Path, system: str, crop: type) -> None:
    golden = np.load(shared / "golden" / "eval" / f"{system}.npz")
    convention = crop((192, 256), (48, 64))
    for index, expected in zip(golden["crop_index"], golden["crops"], strict=True):
        path = shared / "coco-mini" / "images" / "val2017" / f"{golden['gt_image_id'][index]:012d}.jpg"
        matrix = convention.warp_matrix(golden["gt_center"][index], golden["gt_scale"][index]).numpy()
        result = _crop(read_image(path), matrix, (192, 256))
        assert np.abs(result.astype(int) - expected).max() <= (6 if IS_OPENCV_4 else 1)
