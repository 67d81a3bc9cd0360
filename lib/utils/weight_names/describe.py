"""What kind of network a set of weights belongs to, in words."""

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from lib.utils.weight_names.hrformer import is_split
from lib.utils.weight_names.rsn import has_steps, is_rsn

CLASSIFIER = re.compile(r"(fc|classifier|incre_modules)\.")
WIDE_FUSION = re.compile(r"(stage4\.\d+\.fuse_layers\.)0\.0\.0\.weight")
# Blocks in layer1 .. layer4, and whether they are bottlenecks -> depth of the ResNet.
RESNET_DEPTHS: dict[tuple[tuple[int, ...], bool], int] = {
    ((2, 2, 2, 2), False): 18,
    ((3, 4, 6, 3), False): 34,
    ((3, 4, 6, 3), True): 50,
    ((3, 4, 23, 3), True): 101,
    ((3, 8, 36, 3), True): 152,
}
# RSN counts its blocks as the ResNet of that depth does, with blocks of its own.
RSN_DEPTHS: dict[tuple[int, ...], int] = {(2, 2, 2, 2): 18, (3, 4, 6, 3): 50, (3, 4, 23, 3): 101}
# Width of the first branch -> size.
HRFORMER_SIZES = {32: "small", 78: "base"}
# Channels of the published RSN's stem.
RSN_WIDTH = 64
OTHER_NETWORK = "a network of another kind"
# Associative embedding has a heatmap and a tag for each of COCO's keypoints.
EMBEDDING_CHANNELS = 34


def is_classifier(names: Iterable[str]) -> bool:
    """Whether names are of a network that classifies images, under our names."""
    return any(CLASSIFIER.match(name) for name in names)


def wide_fusion_prefix(names: Iterable[str]) -> str:
    """What the names of UDP-Pose's widened last fusion start with, '' where the network has none."""
    return next((match[1] for match in map(WIDE_FUSION.fullmatch, names) if match), "")


def describe_network(weights: Mapping[str, Tensor]) -> str:
    """What network the weights belong to, in words.

    Args:
        weights: entries under our names.

    Returns:
        For example "HRNet-W32", "ResNet-50", "RSN-18 (1 stage)", "HRFormer-small", "HigherHRNet-W32" or "a network of
        another kind".
    """
    if is_rsn(weights):
        return _describe_rsn(weights)
    if "transition1.0.0.weight" in weights:
        return _describe_high_resolution(weights)
    blocks = tuple(_count_blocks(weights, f"layer{index}.") for index in range(1, 5))
    depth = RESNET_DEPTHS.get((blocks, "layer1.0.conv3.weight" in weights))
    return f"ResNet-{depth}{_embedding(weights)}" if depth else OTHER_NETWORK


def _describe_high_resolution(weights: Mapping[str, Tensor]) -> str:
    width = weights["transition1.0.0.weight"].shape[0]
    if is_split(weights):
        return f"HRFormer-{HRFORMER_SIZES.get(width, f'W{width}')}"
    if "final_layers.0.weight" in weights:
        return f"HigherHRNet-W{width}"
    fusion = " with UDP-Pose's wide fusion" if wide_fusion_prefix(weights) else ""
    return f"HRNet-W{width}{fusion}{_embedding(weights)}"


def _embedding(weights: Mapping[str, Tensor]) -> str:
    final = weights.get("final_layer.weight")
    if final is None or final.shape[:1] != (EMBEDDING_CHANNELS,):
        return ""
    return f" with {EMBEDDING_CHANNELS} outputs, as associative embedding has"


def _describe_rsn(weights: Mapping[str, Tensor]) -> str:
    blocks = tuple(_count_blocks(weights, f"stage0.downsample.layer{index}.") for index in range(1, 5))
    depth = RSN_DEPTHS.get(blocks, "x".join(map(str, blocks)))
    steps = has_steps(weights)
    stages = len({name.split(".")[0] for name in weights if re.match(r"stage\d+\.", name)})
    stem = weights.get("top.conv.conv.weight", weights.get("top.conv.0.conv.weight"))
    width = RSN_WIDTH if stem is None else stem.shape[0]
    parts = [
        f"{stages} {'stage' if stages == 1 else 'stages'}",
        *([f"width {width}"] if width != RSN_WIDTH else []),
        *(["PRM"] if any(".prm." in name for name in weights) else []),
        *(["SE blocks"] if any(".se." in name for name in weights) else []),
        *(["a stem of three convolutions"] if "top.conv.0.conv.weight" in weights else []),
    ]
    return f"{'RSN' if steps else 'Res'}-{depth} {'' if steps else 'of the RSN repository '}({', '.join(parts)})"


def _count_blocks(names: Iterable[str], layer: str) -> int:
    return len({name.removeprefix(layer).split(".")[0] for name in names if name.startswith(layer)})
