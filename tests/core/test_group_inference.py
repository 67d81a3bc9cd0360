"""People of whole pictures through a network that knows them: scales, mirroring, both conventions, batches."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lib.codecs.group.codec import GroupCodec
from lib.codecs.group.options import GroupOptions
from lib.core.group_inference import GroupTest, points_to_image, predict_groups
from lib.core.group_predictions import Times
from lib.core.inference import Preparation
from lib.dataset.group.pictures import PictureBatch, resized
from lib.dataset.group.resize import PlainResize, Resize, UdpResize
from lib.dataset.pixels import IDENTITY, StoredPixels
from lib.skeletons import load_skeleton
from lib.utils.errors import PoseError

SKELETON = load_skeleton("coco")
K = SKELETON.num_keypoints
SIDE = 128
SIZES = ((200, 150), (150, 200), (200, 150))
PREPARE = Preparation(torch.device("cpu"), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
SHADE = 60  # of the blue channel, per picture


def _codec(size_wh: tuple[int, int], *, udp: bool) -> GroupCodec:
    outputs = [(size_wh[0] // 4, size_wh[1] // 4), (size_wh[0] // 2, size_wh[1] // 2)]
    options = GroupOptions(tuple(range(K)))
    return GroupCodec(
        size_wh,
        outputs,
        SKELETON.flip_permutation,
        unbiased=udp,
        variant="mmpose" if udp else "original",
        sigma=2.0,
        options=options,
    )


class Knowing(nn.Module):
    """A network that knows the people of each picture and sees from the shades which picture it is shown, and how.

    Args:
        people: of each picture, image_ (x, y), (P, K, 2).
        resize: how pictures become inputs.
        udp: the convention of the maps.
    """

    def __init__(self, people: Sequence[np.ndarray], resize: Resize, *, udp: bool) -> None:
        super().__init__()
        self.people, self.resize, self.udp = people, resize, udp
        self.calls: list[tuple[int, ...]] = []

    def forward(self, images: Tensor) -> list[Tensor]:
        self.calls.append(tuple(images.shape))
        height, width = images.shape[2:]
        codec = _codec((width, height), udp=self.udp)
        made = [self._outputs(image, codec) for image in images]
        return [torch.stack(column) for column in zip(*made, strict=True)]

    def _outputs(self, image: Tensor, codec: GroupCodec) -> tuple[Tensor, Tensor]:
        width, height = codec.input_size_wh
        row = image[:, height // 2]
        shown = (row[2] > 0.99 * row[2].max()).nonzero().flatten()  # the rest is black
        number = round(float(row[2].max()) * 255 / SHADE) - 1
        is_mirrored = row[0, shown[0]] > row[0, shown[-1]]
        size_wh = SIZES[number]
        scale = next(one for one in self.resize.scales if self.resize.input_size(size_wh, one) == (width, height))
        matrix = self.resize.to_input(size_wh, scale)
        points = self.people[number] @ matrix[:, :2].T + matrix[:, 2]
        if is_mirrored:
            points = points[:, list(SKELETON.flip_permutation)]
            points[..., 0] = width - 1 - points[..., 0]
        targets = codec.encode(torch.from_numpy(points)[None], torch.full((1, *points.shape[:2]), 2.0))
        tags = self._tags(torch.from_numpy(points), codec)
        return torch.cat([targets.heatmaps[0][0], tags]), targets.heatmaps[1][0]

    def _tags(self, points: Tensor, codec: GroupCodec) -> Tensor:
        """Each pixel has the number of the person whose keypoint is nearest, (K, h, w)."""
        width, height = codec.output_sizes_wh[0]
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        on_map = codec.crops[0].to_heatmap(points)
        distances = (on_map[..., 0, None, None] - columns).square() + (on_map[..., 1, None, None] - rows).square()
        return 5.0 * distances.argmin(dim=0).float()


def _people(rng: np.random.Generator, size_wh: tuple[int, int], count: int) -> np.ndarray:
    """People side by side, (count, K, 2), each at least 12 px from the others."""
    width, height = size_wh
    column = width / max(count, 1)
    points = rng.uniform(0, 1, (count, K, 2)) * (column - 12, height - 20) + (6, 10)
    points[..., 0] += column * np.arange(count)[:, None]
    return points


def _picture(number: int) -> StoredPixels:
    width, height = SIZES[number]
    array = np.zeros((height, width, 3), np.uint8)
    array[..., 2] = np.linspace(50, 200, width)[None]  # red: BGR as stored
    array[..., 0] = SHADE * (number + 1)
    return StoredPixels(array, IDENTITY)


def _batch(numbers: Sequence[int], resize: Resize) -> PictureBatch:
    sizes = [SIZES[number] for number in numbers]
    inputs = [
        tuple(resized(_picture(number), resize, size, scale, True) for scale in resize.scales)
        for number, size in zip(numbers, sizes, strict=True)
    ]
    return PictureBatch(
        tuple(inputs),
        torch.tensor([resize.input_size(size) for size in sizes]),
        torch.from_numpy(np.stack([resize.to_image(size) for size in sizes])),
        torch.tensor(numbers),
    )


def _nearest(found: np.ndarray, people: np.ndarray) -> np.ndarray:
    """For each true person the distances of the keypoints of the found person that is nearest, (P, K)."""
    distances = np.linalg.norm(found[None] - people[:, None], axis=-1)  # (P, F, K)
    return distances[np.arange(len(people)), distances.mean(axis=2).argmin(axis=1)]


@pytest.mark.parametrize("udp", [False, True])
@pytest.mark.parametrize("scales", [(1.0,), (2.0, 1.0, 0.5)])
@pytest.mark.parametrize(("flip", "project"), list(product([False, True], repeat=2)))
def test_people_come_back_to_their_places(
    rng: np.random.Generator, udp: bool, scales: tuple[float, ...], flip: bool, project: bool
) -> None:
    resize: Resize = UdpResize(SIDE, scales) if udp else PlainResize(SIDE, scales)
    people = [_people(rng, size, count) for size, count in zip(SIZES, (2, 1, 3), strict=True)]
    network, codec = Knowing(people, resize, udp=udp), _codec((SIDE, SIDE), udp=udp)
    options = GroupTest(resize.scales, flip, project)
    found = predict_groups(network, codec, [_batch([0, 1, 2], resize)], PREPARE, options)
    assert found.index.tolist() == [0, 0, 1, 2, 2, 2]
    for number, true in enumerate(people):
        errors = _nearest(found.image_keypoints[found.index == number], true)
        # A pixel of the first output is 4 * 150 / 128 = 4.7 image pixels; flipped maps of the plain convention lie half
        # an input pixel off, and a rounded Gaussian loses half a pixel of its output.
        assert np.median(errors) < (1.0 if udp else 2.5)
        assert errors.max() < (3.0 if udp else 6.0)
    assert (found.scores > 0.3).all()
    assert not found.refined.any()
    np.testing.assert_array_equal(found.scores, found.raw_scores)
    np.testing.assert_allclose(found.person_scores, found.scores.mean(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(found.with_scores()[..., :2], found.image_keypoints)
    assert found.times.pictures == 3
    assert min(found.times.network, found.times.grouping) > 0
    # The two pictures of one size go through the network together, once per scale.
    assert [call[0] for call in network.calls] == [2 * (1 + flip)] * len(scales) + [1 + flip] * len(scales)


def test_a_batch_is_like_one_by_one(rng: np.random.Generator) -> None:
    resize = UdpResize(SIDE, (1.0, 0.5))
    people = [_people(rng, size, 2) for size in SIZES]
    network, codec = Knowing(people, resize, udp=True), _codec((SIDE, SIDE), udp=True)
    options = GroupTest(resize.scales)
    together = predict_groups(network, codec, [_batch([2, 0, 1], resize)], PREPARE, options)
    alone = predict_groups(network, codec, [_batch([n], resize) for n in (1, 2, 0)], PREPARE, options)
    for name in ("index", "image_keypoints", "scores", "person_scores"):
        np.testing.assert_allclose(getattr(together, name), getattr(alone, name), atol=1e-4)


def test_a_missing_keypoint_is_refined_and_marked(rng: np.random.Generator) -> None:
    """The nose, which is its own mirror image, has peaks too weak for candidates, but is found by its tag."""
    resize = PlainResize(SIDE)
    people = [_people(rng, SIZES[0], 2)]
    network = Knowing(people, resize, udp=False)
    weaken = Weakened(network, keypoint=0, factor=0.05)
    found = predict_groups(weaken, _codec((SIDE, SIDE), udp=False), [_batch([0], resize)], PREPARE, GroupTest())
    assert found.refined[:, 0].all()
    assert not found.refined[:, 1:].any()
    assert (found.raw_scores[:, 0] == 0).all()
    assert (found.scores[:, 0] > 0).all()
    np.testing.assert_allclose(found.person_scores, found.raw_scores.mean(axis=1), rtol=1e-6)


class Weakened(nn.Module):
    """A network with one keypoint's heatmaps made small."""

    def __init__(self, network: nn.Module, keypoint: int, factor: float) -> None:
        super().__init__()
        self.network, self.keypoint, self.factor = network, keypoint, factor

    def forward(self, images: Tensor) -> list[Tensor]:
        outputs = self.network(images)
        for output in outputs:
            output[:, self.keypoint] *= self.factor
        return outputs


def test_nobody(rng: np.random.Generator) -> None:
    resize = PlainResize(SIDE)
    people = [_people(rng, SIZES[0], 0), _people(rng, SIZES[1], 1), _people(rng, SIZES[2], 0)]
    codec = _codec((SIDE, SIDE), udp=False)

    class Blank(nn.Module):
        def forward(self, images: Tensor) -> list[Tensor]:
            count, _, height, width = images.shape
            return [torch.zeros(count, c * K, height // s, width // s) for c, s in ((2, 4), (1, 2))]

    for network in (Blank(), Knowing(people, resize, udp=False)):
        batch = _batch([1], resize) if isinstance(network, Knowing) else _batch([0, 1], resize)
        found = predict_groups(network, codec, [batch], PREPARE, GroupTest())
        assert len(found.index) == (1 if isinstance(network, Knowing) else 0)
    none = predict_groups(Blank(), codec, [], PREPARE, GroupTest())
    assert none.image_keypoints.shape == (0, K, 2)
    assert none.with_scores().shape == (0, K, 3)
    assert none.times.pictures == 0


def test_an_output_that_is_no_number_names_its_pictures(rng: np.random.Generator) -> None:
    resize = PlainResize(SIDE)
    network = Knowing([_people(rng, size, 1) for size in SIZES], resize, udp=False)

    class Spoilt(nn.Module):
        def forward(self, images: Tensor) -> list[Tensor]:
            outputs = network(images)
            outputs[0][:, K + 2] = float("nan")  # of a tag
            return outputs

    with pytest.raises(PoseError, match=r"pictures \[0, 2\].*NaN"):
        predict_groups(Spoilt(), _codec((SIDE, SIDE), udp=False), [_batch([0, 2], resize)], PREPARE, GroupTest())


def test_scales_without_1_are_refused(rng: np.random.Generator) -> None:
    resize = PlainResize(SIDE, (2.0, 1.0))
    network = Knowing([_people(rng, size, 1) for size in SIZES], resize, udp=False)
    with pytest.raises(PoseError, match="lacks 1"):
        predict_groups(network, _codec((SIDE, SIDE), udp=False), [_batch([0], resize)], PREPARE, GroupTest((2.0, 0.5)))


@pytest.mark.parametrize("udp", [False, True])
def test_points_against_the_published_arithmetic(rng: np.random.Generator, udp: bool) -> None:
    """HigherHRNet: (x - w / 2) side / w + centre; mmpose UDP: x covered / (w - 1)."""
    picture = (641, 427)
    resize: Resize = UdpResize(512) if udp else PlainResize(512)
    base, points = resize.input_size(picture), rng.uniform(0, 100, (3, K, 2))
    for map_wh in (base, (base[0] // 4, base[1] // 4)):
        found = points_to_image(points, map_wh, base, resize.to_image(picture), unbiased=udp)
        for person, keypoint, axis in product(range(3), range(K), range(2)):
            value = points[person, keypoint, axis]
            if udp:
                covered = ((base[0] - 1) / (base[1] - 1) * 426, 426)[axis]
                expected = value * covered / (map_wh[axis] - 1)
            else:
                side, center = base[0] / base[1] * 427, (321, 214)[axis]
                expected = (value - map_wh[axis] / 2) * side / map_wh[0] + center
            assert found[person, keypoint, axis] == pytest.approx(expected, abs=1e-3)


def test_times_are_per_picture() -> None:
    assert str(Times(1.5, 0.25, 10)) == "150.0 ms network, 25.0 ms grouping"
    assert str(Times()) == "0.0 ms network, 0.0 ms grouping"
