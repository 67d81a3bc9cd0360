"""Crops against the published matrices and against point-by-point forms of the conventions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from reference.coco_records import box_to_center_scale
from reference.crop_points import padded_box, three_point_warp, udp_input_point

from lib.utils.geometry import Crop, DarkCrop, PlainCrop, UdpCrop, apply_affine, mirror_points

SIZES = [((192, 256), (48, 64)), ((288, 384), (72, 96)), ((256, 192), (64, 48))]
CROPS = [PlainCrop, DarkCrop, UdpCrop]


def random_crops(rng: np.random.Generator, count: int, aspect: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    height = rng.uniform(0.3, 4, count)
    scale = np.stack([height * aspect, height], axis=-1)
    return rng.uniform(0, 600, (count, 2)), scale, rng.uniform(-90, 90, count)


def test_hrnet_warp_is_the_published_one(golden: Path) -> None:
    crops = np.load(golden / "codecs" / "crops.npz")
    matrix = PlainCrop((192, 256), (48, 64)).warp_matrix(crops["center"], crops["scale"], crops["rotation"])
    np.testing.assert_allclose(matrix.numpy(), crops["hrnet_warp"], atol=1e-4)


def test_udp_warp_is_the_inverse_of_the_published_one(golden: Path) -> None:
    crops = np.load(golden / "codecs" / "crops.npz")
    crop = UdpCrop((192, 256), (48, 64))
    matrix = crop.warp_matrix(crops["center"], crops["scale"], crops["rotation"])
    square = torch.cat([matrix, torch.tensor([[[0.0, 0.0, 1.0]]], dtype=torch.float64).expand(6, 1, 3)], dim=1)
    np.testing.assert_allclose(torch.linalg.inv(square)[:, :2].numpy(), crops["udp_warp_inverse"], atol=1e-4)
    points = apply_affine(crops["center"][:, None] + crops["image_offset"], matrix)
    np.testing.assert_allclose(points.numpy(), crops["udp_input_keypoints"], atol=1e-3)


@pytest.mark.parametrize(("size_wh", "heatmap_wh"), SIZES)
@pytest.mark.parametrize(("crop_type", "less"), [(PlainCrop, 0), (DarkCrop, 1)])
def test_warp_from_three_points(
    rng: np.random.Generator,
    size_wh: tuple[int, int],
    heatmap_wh: tuple[int, int],
    crop_type: type[Crop],
    less: int,
) -> None:
    center, scale, rotation = random_crops(rng, 5, size_wh[0] / size_wh[1])
    matrices = crop_type(size_wh, heatmap_wh).warp_matrix(center, scale, rotation).numpy()
    for index, matrix in enumerate(matrices):
        expected = three_point_warp(center[index], scale[index], rotation[index], size_wh, less)
        np.testing.assert_allclose(matrix, expected, atol=1e-9)


@pytest.mark.parametrize(("size_wh", "heatmap_wh"), SIZES)
def test_udp_warp_point_by_point(
    rng: np.random.Generator, size_wh: tuple[int, int], heatmap_wh: tuple[int, int]
) -> None:
    center, scale, rotation = random_crops(rng, 5, 0.7)
    points = rng.uniform(0, 600, (5, 1, 2))
    warped = apply_affine(points, UdpCrop(size_wh, heatmap_wh).warp_matrix(center, scale, rotation)).numpy()
    for index in range(5):
        expected = udp_input_point(points[index, 0], center[index], scale[index], rotation[index], size_wh)
        np.testing.assert_allclose(warped[index, 0], expected, atol=1e-9)


@pytest.mark.parametrize("crop_type", CROPS)
@pytest.mark.parametrize(("size_wh", "heatmap_wh"), SIZES)
def test_to_image_undoes_the_warp(
    rng: np.random.Generator, crop_type: type[Crop], size_wh: tuple[int, int], heatmap_wh: tuple[int, int]
) -> None:
    crop = crop_type(size_wh, heatmap_wh)
    center, scale, _ = random_crops(rng, 4, size_wh[0] / size_wh[1])
    image_points = rng.uniform(0, 600, (4, 17, 2))
    input_points = apply_affine(image_points, crop.warp_matrix(center, scale))
    np.testing.assert_allclose(crop.to_image(input_points, center, scale).numpy(), image_points, atol=1e-9)


@pytest.mark.parametrize("crop_type", CROPS)
@pytest.mark.parametrize(("size_wh", "heatmap_wh"), SIZES)
def test_heatmaps_are_a_crop_of_their_own_size(
    rng: np.random.Generator, crop_type: type[Crop], size_wh: tuple[int, int], heatmap_wh: tuple[int, int]
) -> None:
    crop, small = crop_type(size_wh, heatmap_wh), crop_type(heatmap_wh, heatmap_wh)
    center, scale, rotation = random_crops(rng, 4, size_wh[0] / size_wh[1])
    image_points = rng.uniform(0, 600, (4, 17, 2))
    input_points = apply_affine(image_points, crop.warp_matrix(center, scale, rotation))
    heatmap_points = apply_affine(image_points, small.warp_matrix(center, scale, rotation))
    np.testing.assert_allclose(crop.to_heatmap(input_points).numpy(), heatmap_points.numpy(), atol=1e-9)
    np.testing.assert_allclose(crop.from_heatmap(heatmap_points).numpy(), input_points.numpy(), atol=1e-9)


@pytest.mark.parametrize("crop_type", CROPS)
def test_boxes_get_the_aspect_and_the_padding(rng: np.random.Generator, crop_type: type[Crop]) -> None:
    boxes = rng.uniform(1, 300, (20, 4))
    center, scale = crop_type((192, 256), (48, 64)).box_to_center_scale(boxes)
    assert center.dtype == scale.dtype == np.float32
    less = 1 if crop_type is DarkCrop else 0
    np.testing.assert_allclose(center, boxes[:, :2] + (boxes[:, 2:] - less) / 2, rtol=1e-6)
    np.testing.assert_allclose(scale[:, 0] / scale[:, 1], 0.75, rtol=1e-6)
    sides = scale * 200 / 1.25
    assert (sides >= boxes[:, 2:] - 1e-3).all()
    np.testing.assert_allclose((sides / boxes[:, 2:]).min(axis=1), 1, rtol=1e-5)


def test_one_crop_without_batch_dimension() -> None:
    crop = UdpCrop((192, 256), (48, 64))
    assert crop.warp_matrix(np.array([100.0, 120.0]), np.array([1.0, 1.3]), 10.0).shape == (2, 3)
    assert crop.to_image(torch.tensor([[0, 0], [191, 255]]), [100.0, 120.0], [1.0, 1.5]).tolist() == [
        [0, -30],
        [200, 270],
    ]


@pytest.mark.parametrize("crop_type", CROPS)
def test_crops_may_share_scale_and_rotation(rng: np.random.Generator, crop_type: type[Crop]) -> None:
    crop = crop_type((192, 256), (48, 64))
    center, scale, rotation = random_crops(rng, 4, 0.75)
    shared = crop.warp_matrix(center, scale[0], rotation[0])
    repeated = crop.warp_matrix(center.astype(np.float64), scale[[0] * 4], rotation[[0] * 4])
    torch.testing.assert_close(shared, repeated, rtol=0, atol=1e-9)
    single = crop.warp_matrix(center[1], scale[0], float(rotation[0]))
    torch.testing.assert_close(single, shared[1], rtol=0, atol=1e-9)


def test_image_points_keep_their_precision() -> None:
    crop = PlainCrop((192, 256), (48, 64))
    center, scale = torch.tensor([[100.0, 100.0]]), torch.tensor([[1.0, 1.3]])
    for dtype in (torch.float32, torch.float64):
        assert crop.to_image(torch.zeros(1, 2, 2, dtype=dtype), center, scale).dtype == dtype


def test_mirroring_twice_is_the_identity(rng: np.random.Generator) -> None:
    keypoints = torch.from_numpy(rng.uniform(0, 200, (2, 3, 2)))
    original = keypoints.clone()
    mirrored = mirror_points(keypoints, 200, (0, 2, 1))
    assert torch.equal(mirrored[:, 1, 0], 199 - keypoints[:, 2, 0])
    torch.testing.assert_close(mirror_points(mirrored, 200, (0, 2, 1)), original)
    assert torch.equal(keypoints, original)


@pytest.mark.parametrize("size_wh", [(192, 256), (256, 256)])
def test_rsn_padding_equals_its_scalar_form(rng: np.random.Generator, size_wh: tuple[int, int]) -> None:
    boxes = rng.uniform((-5, -5, 1, 1), (500, 400, 300, 300), (60, 4)).round(2)
    center, scale = PlainCrop(size_wh, (48, 64), (1.09, 1.135)).box_to_center_scale(boxes)
    expected = [padded_box(box, (1.09, 1.135), size_wh[0] / size_wh[1]) for box in boxes.tolist()]
    np.testing.assert_array_equal(center, np.float32([one for one, _ in expected]))
    np.testing.assert_allclose(scale, [one for _, one in expected], rtol=2e-7)
    assert scale.dtype == np.float32


def test_equal_padding_is_that_of_hrnet(rng: np.random.Generator) -> None:
    boxes = rng.uniform((-5, -5, 1, 1), (500, 400, 300, 300), (60, 4))
    plain, twice = (PlainCrop((192, 256), (48, 64), (by, by)).box_to_center_scale(boxes)[1] for by in (1.25, 2.5))
    np.testing.assert_array_equal(twice, plain * 2)
    expected = [box_to_center_scale(tuple(box), (192, 256))[1] for box in boxes.tolist()]
    np.testing.assert_allclose(plain, expected, rtol=2e-7)
