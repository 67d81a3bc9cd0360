from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers.tiny_dataset import picture
from reference import coco_records

from lib.dataset.crop import crop_image
from lib.utils.geometry import DarkCrop, PlainCrop, UdpCrop, apply_affine
from lib.utils.image import read_image

SIZE_WH, HEATMAP_WH = (96, 128), (24, 32)
# OpenCV 4 samples at positions rounded to 1/32 pixel, which changes steep edges by a few grey levels.
IS_OPENCV_4 = int(cv2.__version__.split(".")[0]) < 5


@pytest.mark.parametrize("crop", [PlainCrop, UdpCrop, DarkCrop])
@pytest.mark.parametrize("rotation", [0.0, 33.0])
def test_equals_scalar_bilinear_sampling(rng: np.random.Generator, crop: type, rotation: float) -> None:
    image = picture(rng)
    center, scale = np.float32([300, 60]), np.float32([0.5, 0.6667])
    matrix = crop(SIZE_WH, HEATMAP_WH).warp_matrix(center, scale, rotation).numpy()
    before = image.copy()
    result = crop_image(image, matrix, SIZE_WH)
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
    result = crop_image(image, matrix.numpy(), SIZE_WH)[..., 0]
    _, _, _, centroids = cv2.connectedComponentsWithStats((result > 127).astype(np.uint8))
    found = sorted(centroids[1:].tolist())
    expected = sorted(apply_affine(points, matrix).tolist())
    np.testing.assert_allclose(found, expected, atol=0.35)


def test_outside_of_the_image_is_black() -> None:
    matrix = PlainCrop(SIZE_WH, HEATMAP_WH).warp_matrix(np.float32([-200, -200]), np.float32([0.6, 0.8])).numpy()
    assert not crop_image(np.full((240, 320, 3), 255, np.uint8), matrix, SIZE_WH).any()


@pytest.mark.parametrize(("system", "crop"), [("hrnet", PlainCrop), ("udp", UdpCrop)])
def test_crops_of_real_data_equal_the_published_ones(shared: Path, system: str, crop: type) -> None:
    golden = np.load(shared / "golden" / "eval" / f"{system}.npz")
    convention = crop((192, 256), (48, 64))
    for index, expected in zip(golden["crop_index"], golden["crops"], strict=True):
        path = shared / "coco-mini" / "images" / "val2017" / f"{golden['gt_image_id'][index]:012d}.jpg"
        matrix = convention.warp_matrix(golden["gt_center"][index], golden["gt_scale"][index]).numpy()
        result = crop_image(read_image(path), matrix, (192, 256))
        assert np.abs(result.astype(int) - expected).max() <= (6 if IS_OPENCV_4 else 1)
