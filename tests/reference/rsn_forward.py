"""RSN in evaluation, in float64 from its entries alone, in the order in which the published code works."""

import torch
from torch import Tensor
from torch.nn import functional

Entries = dict[str, Tensor]
# Where each 3x3 step of a residual steps block takes its input from, beside the branch's part of the first result.
STEPS = {
    "1_1": ("part0",),
    "2_1": ("part1", "1_1"),
    "2_2": ("2_1",),
    "3_1": ("part2", "2_1"),
    "3_2": ("3_1", "2_2"),
    "3_3": ("3_2",),
    "4_1": ("part3", "3_1"),
    "4_2": ("4_1", "3_2"),
    "4_3": ("4_2", "3_3"),
    "4_4": ("4_3",),
}


def rsn_forward(entries: Entries, images: Tensor) -> list[Tensor]:
    """Heatmaps of all units of all stages; which modules there are is read from the names."""
    entries = {name: value.double() for name, value in entries.items()}
    x = _stem(entries, images.double())
    size = x.shape[-2:]
    skips: list[tuple[Tensor, Tensor]] = []
    heatmaps = []
    stage = 0
    while f"stage{stage}.upsample.up1.u_skip.conv.weight" in entries:
        features = []
        for level in range(4):
            layer, block = f"stage{stage}.downsample.layer{level + 1}", 0
            while f"{layer}.{block}.conv_bn_relu1.conv.weight" in entries:
                x = _block(entries, f"{layer}.{block}", x, stride=2 if level > 0 and block == 0 else 1)
                block += 1
            if skips:
                x = x + skips[level][0] + skips[level][1]
            features.append(x)
        skips, above = [], None
        for index in range(4):
            unit, x = f"stage{stage}.upsample.up{index + 1}", features[3 - index]
            out = _conv_norm(entries, f"{unit}.u_skip", x)
            if above is not None:
                out = out + _conv_norm(entries, f"{unit}.up_conv", _bilinear(above, x.shape[-2:]))
            out = out.relu()
            if f"{unit}.prm.conv_bn_relu_prm_1.conv.weight" in entries:
                out = _refine(entries, f"{unit}.prm", out)
            result = _conv_norm(entries, f"{unit}.res_conv1", out).relu()
            heatmaps.append(_bilinear(_conv_norm(entries, f"{unit}.res_conv2", result), size))
            if f"{unit}.skip1.conv.weight" in entries:
                skips.append(
                    (_conv_norm(entries, f"{unit}.skip1", x).relu(), _conv_norm(entries, f"{unit}.skip2", out).relu())
                )
            above = out
        skips.reverse()
        if skips:
            x = _conv_norm(entries, f"stage{stage}.upsample.up4.cross_conv", above).relu()
        stage += 1
    return heatmaps


def _stem(entries: Entries, images: Tensor) -> Tensor:
    if "top.conv.conv.weight" in entries:
        return functional.max_pool2d(_conv_norm(entries, "top.conv", images, stride=2).relu(), 3, 2, 1)
    for index, stride in enumerate((2, 1, 2)):
        images = _conv_norm(entries, f"top.conv.{index}", images, stride).relu()
    return images


def _block(entries: Entries, name: str, x: Tensor, stride: int) -> Tensor:
    if f"{name}.conv_bn_relu2.conv.weight" in entries:
        out = _conv_norm(entries, f"{name}.conv_bn_relu1", x).relu()
        out = _conv_norm(entries, f"{name}.conv_bn_relu2", out, stride).relu()
    else:
        first = _conv_norm(entries, f"{name}.conv_bn_relu1", x, stride).relu()
        values = {f"part{index}": part for index, part in enumerate(first.chunk(4, 1))}
        for step, inputs in STEPS.items():
            total = torch.stack([values[key] for key in inputs]).sum(0)
            values[step] = _conv_norm(entries, f"{name}.conv_bn_relu2_{step}", total).relu()
        out = torch.cat([values[f"{branch}_{branch}"] for branch in range(1, 5)], 1)
    out = _conv_norm(entries, f"{name}.conv_bn_relu3", out)
    if f"{name}.se.fc.0.weight" in entries:
        hidden = (out.mean((2, 3)) @ entries[f"{name}.se.fc.0.weight"].T).relu()
        out = out * (hidden @ entries[f"{name}.se.fc.2.weight"].T).sigmoid()[:, :, None, None]
    if f"{name}.downsample.conv.weight" in entries:
        x = _conv_norm(entries, f"{name}.downsample", x, stride)
    return (out + x).relu()


def _refine(entries: Entries, name: str, x: Tensor) -> Tensor:
    x = _conv_norm(entries, f"{name}.conv_bn_relu_prm_1", x).relu()
    overall = x.mean((2, 3), keepdim=True)
    local = x
    for step in (1, 2):
        overall = _conv_norm(entries, f"{name}.conv_bn_relu_prm_2_{step}", overall).relu()
        local = _conv_norm(entries, f"{name}.conv_bn_relu_prm_3_{step}", local).relu()
    return x + x * overall.sigmoid() * local.sigmoid()


def _conv_norm(entries: Entries, name: str, x: Tensor, stride: int = 1) -> Tensor:
    weight = entries[f"{name}.conv.weight"]
    groups = x.shape[1] // weight.shape[1]
    x = functional.conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=groups)
    norm = {
        key: entries[f"{name}.bn.{key}"][:, None, None] for key in ("running_mean", "running_var", "weight", "bias")
    }
    if f"{name}.conv.bias" in entries:
        x = x + entries[f"{name}.conv.bias"][:, None, None]
    return (x - norm["running_mean"]) / (norm["running_var"] + 1e-5).sqrt() * norm["weight"] + norm["bias"]


def _bilinear(x: Tensor, size: torch.Size) -> Tensor:
    """Resize with the corner pixels on each other."""
    rows, columns = (_interpolation(have, want) for have, want in zip(x.shape[-2:], size, strict=True))
    return rows @ x @ columns.T


def _interpolation(have: int, want: int) -> Tensor:
    """The matrix (want, have) that interpolates linearly between the samples of a line."""
    places = torch.arange(want, dtype=torch.float64) * ((have - 1) / (want - 1))
    return (1 - (places[:, None] - torch.arange(have)).abs()).clamp(min=0)
