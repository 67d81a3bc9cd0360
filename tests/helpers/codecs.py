"""Codecs for tests, made without a configuration."""

from collections.abc import Sequence

from torch import Tensor

from lib.codecs.base import Codec
from lib.codecs.dark import DarkCodec
from lib.codecs.megvii import MegviiCodec
from lib.codecs.megvii_udp import MegviiUdpCodec
from lib.codecs.msra import MsraCodec
from lib.codecs.udp import UdpGaussianCodec
from lib.codecs.udp_offset import MMPOSE_RADIUS_FACTOR, UdpOffsetCodec
from lib.utils.geometry import ArrayLike, DarkCrop, PlainCrop, UdpCrop, as_tensor

LEVEL_ENCODINGS = ("megvii", "megvii_udp")
ENCODINGS = ("msra", "dark", "udp_gaussian", "udp_offset", *LEVEL_ENCODINGS)
PUBLISHED_DECODER = {
    "msra": "quarter",
    "dark": "dark",
    "udp_gaussian": "udp",
    "udp_offset": "offset",
    "megvii": "megvii",
    "megvii_udp": "udp",
}


def make_codec(
    encoding: str,
    decoder: str = "",
    *,
    variant: str = "original",
    num_keypoints: int = 17,
    input_size_wh: tuple[int, int] = (192, 256),
    heatmap_size_wh: tuple[int, int] = (48, 64),
    sigma: float = 2.0,
    no_response: str = "argmax",
    shift_flipped: bool = False,
    flip_permutation: Sequence[int] | None = None,
    joint_weights: Sequence[float] | None = None,
    blur_kernel: int = 0,
) -> Codec:
    """A codec with its published decoder unless another is named, and neighbours as flip pairs."""
    permutation = flip_permutation or neighbour_pairs(num_keypoints)
    sizes = input_size_wh, heatmap_size_wh
    decoder = decoder or PUBLISHED_DECODER[encoding]
    shared = {"variant": variant, "no_response": no_response}
    if encoding == "megvii":
        return MegviiCodec(PlainCrop(*sizes), permutation, decoder=decoder, blur_kernel=blur_kernel, **shared)
    if encoding == "megvii_udp":
        return MegviiUdpCodec(UdpCrop(*sizes), permutation, decoder=decoder, blur_kernel=blur_kernel, **shared)
    shared["joint_weights"] = joint_weights
    if encoding == "udp_offset":
        radius = MMPOSE_RADIUS_FACTOR * heatmap_size_wh[1] if variant == "mmpose" else 4.0
        return UdpOffsetCodec(
            UdpCrop(*sizes), permutation, decoder=decoder, radius=radius, blur_kernel=blur_kernel, **shared
        )
    kinds = {
        "msra": (MsraCodec, PlainCrop),
        "dark": (DarkCodec, PlainCrop if variant == "mmpose" else DarkCrop),
        "udp_gaussian": (UdpGaussianCodec, UdpCrop),
    }
    kind, crop = kinds[encoding]
    return kind(
        crop(*sizes),
        permutation,
        decoder=decoder,
        sigma=sigma,
        blur_kernel=blur_kernel,
        shift_flipped=shift_flipped,
        **shared,
    )


def finest_targets(codec: Codec, points: ArrayLike) -> tuple[Tensor, Tensor]:
    """Targets (B, C, h, w) of visible points (B, K, 2) as a perfect network would return them, and their weights."""
    heatmaps, weights = codec.encode(points, as_tensor(points)[..., 0] * 0 + 2)
    return heatmaps[:, -1] if codec.levels > 1 else heatmaps, weights


def neighbour_pairs(num_keypoints: int) -> list[int]:
    """0 stays, 1 and 2 change places, 3 and 4 change places, and so on; a last one without partner stays."""
    order = list(range(num_keypoints))
    for left in range(1, num_keypoints - 1, 2):
        order[left], order[left + 1] = left + 1, left
    return order
