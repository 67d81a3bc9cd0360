"""Random views of whole pictures: each number against the published arithmetic."""

import numpy as np
import pytest
from reference.group_views import mirrored_view, plain_view, random_square, taught_point, udp_view

from lib.dataset.group.augment import ViewParams, ViewSettings, draw_views, output_shifts, view_maps
from lib.utils.geometry import PlainCrop, UdpCrop

SETTINGS = ViewSettings(
    flip=True,
    max_rotation=30.0,
    min_scale=0.75,
    max_scale=1.5,
    scale_by_short=True,
    max_translate=40.0,
    shift_by_axis=False,
    flip_on_output=True,
)
SIZES = np.array([[640, 427], [427, 640], [500, 500], [33, 21], [641, 480]])


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("by_axis", [False, True])
def test_maps_are_the_published_ones(rng: np.random.Generator, udp: bool, short: bool, by_axis: bool) -> None:
    settings = ViewSettings(True, 30.0, 0.75, 1.5, short, 40.0, by_axis, True)
    params = draw_views(settings, 7, 3, len(SIZES))
    crop = UdpCrop((512, 512), (128, 128)) if udp else PlainCrop((512, 512), (128, 128))
    maps = view_maps(params, settings, SIZES, crop)
    assert params.flip.any()
    assert not params.flip.all()
    for number, size_wh in enumerate(SIZES.tolist()):
        shift = (float(params.shift[number, 0]), float(params.shift[number, 1]))
        center, side = random_square(
            tuple(size_wh),
            float(params.scale[number]),
            shift,
            short=short,
            max_translate=40.0,
            by_axis=by_axis,
            udp=udp,
        )
        for point in rng.uniform(0, 1, (5, 2)) * size_wh:
            view = udp_view if udp else plain_view
            expected = view((point[0], point[1]), center, side, float(params.rotation_degrees[number]), 512)
            if params.flip[number]:
                expected = mirrored_view(expected, 512)
            assert maps[number] @ (*point, 1.0) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("flip_on", ["output", "input"])
def test_mirrored_points_on_outputs(rng: np.random.Generator, udp: bool, flip_on: str) -> None:
    """The published formula mirrors on each output; on the input's grid it is the picture's own place."""
    settings = ViewSettings(True, 30.0, 0.75, 1.5, True, 40.0, False, flip_on == "output")
    params, kind = draw_views(settings, 5, 1, len(SIZES)), UdpCrop if udp else PlainCrop
    crops = [kind((512, 512), (128, 128)), kind((512, 512), (256, 256))]
    maps, shifts = view_maps(params, settings, SIZES, crops[0]), output_shifts(params, settings, crops)
    assert shifts.shape == (len(SIZES), 2)
    for number, size_wh in enumerate(SIZES.tolist()):
        drawn = float(params.scale[number]), (float(params.shift[number, 0]), float(params.shift[number, 1]))
        center, side = random_square(tuple(size_wh), *drawn, short=True, max_translate=40.0, by_axis=False, udp=udp)
        where = flip_on if params.flip[number] else ""
        for output, crop in enumerate(crops):
            point, degrees = rng.uniform(0, 1, 2) * size_wh, float(params.rotation_degrees[number])
            sizes = 512, crop.heatmap_size_wh[0]
            expected = taught_point((point[0], point[1]), center, side, degrees, sizes, udp=udp, flip_on=where)
            x, y = crop.to_heatmap(maps[number] @ (*point, 1.0)).tolist()
            assert (x + shifts[number, output], y) == pytest.approx(expected, abs=1e-6)


def test_how_far_published_points_lie_from_the_picture() -> None:
    """0.75 pixels of the first output and 0.5 of the second, in mirrored pictures with plain pixels alone."""
    params = ViewParams(np.ones(2), np.zeros(2), np.full((2, 2), 0.5), np.array([True, False]))
    for kind, expected in ((PlainCrop, [[-0.75, -0.5], [0, 0]]), (UdpCrop, np.zeros((2, 2)))):
        crops = [kind((640, 640), (160, 160)), kind((640, 640), (320, 320))]
        np.testing.assert_array_equal(output_shifts(params, SETTINGS, crops), expected)


def test_draws_depend_on_seed_epoch_and_number_alone() -> None:
    whole, part = draw_views(SETTINGS, 1, 2, 100), draw_views(SETTINGS, 1, 2, 7)
    for field, other in zip(whole.take(np.arange(7)), part, strict=True):
        np.testing.assert_array_equal(field, other)
    for seed, epoch in ((1, 3), (2, 2)):
        assert not np.array_equal(draw_views(SETTINGS, seed, epoch, 100).scale, whole.scale)
    still = draw_views(ViewSettings(False, 0.0, 1.0, 1.0, True, 0.0, False, True), 1, 2, 100)
    np.testing.assert_array_equal(still.shift, whole.shift)
    assert not still.flip.any()
    assert (still.scale == 1).all()


def test_draws_are_spread_as_published() -> None:
    params = draw_views(SETTINGS, 0, 0, 20_000)
    for values, low, high in ((params.scale, 0.75, 1.5), (params.rotation_degrees, -30, 30), (params.shift, 0, 1)):
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() < high
        assert np.mean(values) == pytest.approx((low + high) / 2, abs=0.01 * (high - low))
    assert np.mean(params.flip) == pytest.approx(0.5, abs=0.01)
    names = (params.scale, params.rotation_degrees, *params.shift.T, params.flip)
    assert np.abs(np.corrcoef(np.array(names, float)) - np.eye(5)).max() < 0.03


def test_an_unchanged_square_fills_the_input() -> None:
    none = ViewParams(np.ones(1), np.zeros(1), np.full((1, 2), 0.5), np.zeros(1, bool))
    maps = view_maps(none, SETTINGS, np.array([[512, 512]]), PlainCrop((512, 512), (128, 128)))
    np.testing.assert_allclose(maps[0], np.eye(2, 3), atol=1e-9)
    maps = view_maps(none, SETTINGS, np.array([[640, 512]]), PlainCrop((256, 256), (64, 64)))
    np.testing.assert_allclose(maps[0] @ (64, 0, 1), (0, 0), atol=1e-9)
    mirrored = none._replace(flip=np.ones(1, bool))
    maps = view_maps(mirrored, SETTINGS, np.array([[512, 512]]), PlainCrop((512, 512), (128, 128)))
    np.testing.assert_allclose(maps[0] @ (0, 5, 1), (511, 5), atol=1e-9)
