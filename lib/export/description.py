"""What an exported file says about itself, so that whoever runs it needs nothing else."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from lib.codecs.base import Codec
from lib.codecs.levels import PEAK, LevelCodec
from lib.codecs.megvii import MIDDLE, MegviiCodec
from lib.core.runtimes.export import IMAGES
from lib.export.graph import Parts, Pixels
from lib.skeletons.skeleton import Skeleton

# The name under which files hold the description, as JSON, and the version of its form.
KEY, FORMAT = "plumbpose", 1


def describe(codec: Codec, skeleton: Skeleton, pixels: Pixels, parts: Parts, *, name: str) -> dict[str, Any]:
    """All that is needed to use an exported network; plain JSON values.

    Args:
        codec: of the network.
        skeleton: its keypoints.
        pixels: what is done to them, always inside the graph.
        parts: what else lies inside.
        name: of the network.

    See docs/EXPORT.md for every entry.
    """
    return {
        "format": FORMAT,
        "producer": f"plumbpose {_version()}",
        "network": name,
        "input": {
            "name": IMAGES,
            "type": "uint8",
            "layout": "NHWC",
            "color": "RGB",
            "size_wh": list(codec.input_size_wh),
            "batch": parts.batch,
        },
        "outputs": list(parts.outputs),
        "normalization": {
            "inside": True,
            "mean": list(pixels.mean),
            "std": list(pixels.std),
            "color": "RGB" if pixels.color_rgb else "BGR",
        },
        "crop": {"convention": codec.crop.name, "box_padding": list(codec.crop.box_padding)},
        "heatmaps": _heatmaps(codec),
        "codec": codec.description(),
        "decoder": {"inside": parts.decode, **_decoder(codec)},
        "flip_test": {
            "inside": parts.flip_test,
            "permutation": list(codec.flip_permutation),
            "shift": codec.shift_flipped,
        },
        "keypoints": {
            "set": skeleton.name,
            "names": list(skeleton.names),
            "flip_pairs": [list(pair) for pair in skeleton.flip_pairs],
            "limbs": [list(pair) for pair in skeleton.limbs],
        },
    }


def _heatmaps(codec: Codec) -> dict[str, Any]:
    """Size and channels, and how a point of theirs becomes one of the input: point * step + first, on each axis."""
    first, second = codec.crop.from_heatmap(torch.tensor([[0.0, 0.0], [1.0, 1.0]], dtype=torch.float64))
    return {
        "size_wh": list(codec.heatmap_size_wh),
        "channels_per_keypoint": codec.CHANNELS_PER_KEYPOINT,
        "step": (second - first).tolist(),
        "first": first.tolist(),
    }


def _decoder(codec: Codec) -> dict[str, Any]:
    numbers = {key: getattr(codec, key) for key in ("blur_kernel", "sigma", "radius") if hasattr(codec, key)}
    return {
        "name": codec.decoder,
        "variant": codec.variant,
        "divide_by": PEAK if isinstance(codec, LevelCodec) else 1.0,
        "add": MIDDLE if isinstance(codec, MegviiCodec) else 0.0,
        **numbers,
    }


def _version() -> str:
    try:
        return version("plumbpose")
    except PackageNotFoundError:
        return "(not installed)"
