"""Rows on decoding: heatmaps of a batch of people to image coordinates."""

from collections.abc import Callable

import numpy as np
import torch

from lib.bench.contest import Contest, Way, hold
from lib.bench.plain_decode import decode_dark, decode_udp
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.codecs.base import Codec
from lib.codecs.dark import DarkCodec
from lib.codecs.udp import UdpGaussianCodec
from lib.skeletons import load_skeleton
from lib.utils.geometry import DarkCrop, UdpCrop

PEOPLE = 32
INPUT_WH, HEATMAP_WH = (192, 256), (48, 64)
SIGMA = 2.0
GPU_TARGET = 50.0

PlainDecoder = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def decode_rows(settings: BenchSettings) -> list[Row]:
    """People per second of the published decoders, joint by joint and in batches."""
    on_gpu = settings.device != "cpu"
    rows = []
    for name, plain, target in (("udp", decode_udp, 8.0), ("dark", decode_dark, 12.0)):
        contest = decode_contest(name, plain, GPU_TARGET if on_gpu else target, settings.device)
        rows += hold(contest, settings.repeats)
    return rows


def decode_contest(name: str, plain: PlainDecoder, target: float, device: str) -> Contest:
    """One decoder both ways on the same noisy heatmaps; the plain way reads them where NumPy can."""
    codec = make_codec(name)
    heatmaps, center, scale = made_heatmaps(codec)
    arrays = heatmaps.numpy(), center.numpy(), scale.numpy()
    on_device = heatmaps.to(device)

    def ours() -> None:
        points, scores = codec.decode(on_device)
        codec.to_image(points, center, scale).cpu()
        scores.cpu()

    return Contest(
        name=f"decoding {PEOPLE} people, {name}",
        unit="people/s",
        plain=Way("plain", lambda: plain(*arrays), PEOPLE),
        ways=[Way("batched", ours, PEOPLE)],
        target=target,
    )


def make_codec(name: str) -> Codec:
    """COCO's keypoints at 256x192 with a published encoding and its decoder."""
    permutation = load_skeleton("coco").flip_permutation
    if name == "udp":
        return UdpGaussianCodec(
            UdpCrop(INPUT_WH, HEATMAP_WH), permutation, variant="original", decoder="udp", sigma=SIGMA
        )
    return DarkCodec(DarkCrop(INPUT_WH, HEATMAP_WH), permutation, variant="original", decoder="dark", sigma=SIGMA)


def made_heatmaps(codec: Codec, people: int = PEOPLE) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Targets with a little noise, as networks give them, and the centres and scales of their crops."""
    generator = torch.Generator().manual_seed(0)
    size = torch.tensor(codec.input_size_wh)
    points = torch.rand(people, codec.num_keypoints, 2, generator=generator, dtype=torch.float64) * (size - 1)
    heatmaps, _ = codec.encode(points, torch.ones(people, codec.num_keypoints))
    heatmaps += 0.01 * torch.randn(heatmaps.shape, generator=generator)
    center = 100 + 300 * torch.rand(people, 2, generator=generator)
    height = 0.5 + torch.rand(people, 1, generator=generator)
    return heatmaps, center, torch.cat([height * INPUT_WH[0] / INPUT_WH[1], height], dim=1)
