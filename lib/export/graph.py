"""What is exported: pixels in, heatmaps or keypoints out."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lib.codecs.base import Codec
from lib.codecs.tracing import graph_forms
from lib.core.outputs import final_heatmaps
from lib.utils.image import MAX_PIXEL

HEATMAPS, KEYPOINTS, SCORES = "heatmaps", "keypoints", "scores"


@dataclass(frozen=True)
class Pixels:
    """How a network wants its pixels.

    Attributes:
        mean: subtracted from values in 0..1, in the network's channel order.
        std: then divided by.
        color_rgb: the network reads the channels in the order RGB, else BGR.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    color_rgb: bool


@dataclass(frozen=True)
class Parts:
    """What lies inside the graph besides the network.

    Attributes:
        flip_test: the mirrored crops, and the mean of both.
        decode: the reading of keypoints.
        batch: the only batch size; None for any.
    """

    flip_test: bool = False
    decode: bool = False
    batch: int | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what comes out."""
        return (KEYPOINTS, SCORES) if self.decode else (HEATMAPS,)


class PoseGraph(nn.Module):
    """A network with the steps before and after it.

    Args:
        network: from normalised images (B, 3, H, W) to heatmaps, or to a list of them whose last are the final ones;
            it is left in evaluation mode.
        codec: of the network.
        pixels: how the network wants them.
        parts: what else lies inside.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, codec: Codec, pixels: Pixels, parts: Parts) -> None:
        super().__init__()
        self.network = network.eval()
        self.codec = codec
        self.pixels = pixels
        self.parts = parts
        for name in ("mean", "std"):
            self.register_buffer(name, torch.tensor(getattr(pixels, name)).view(3, 1, 1))

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Crops (B, H, W, 3) uint8 RGB to what `Parts.outputs` names.

        Returns:
            heatmaps (B, C, h, w); or input_ keypoints (B, K, 2) and scores (B, K); float32.
        """
        heatmaps = self._heatmaps(self._normalized(crops))
        return self.codec.decode(heatmaps) if self.parts.decode else (heatmaps,)

    def example(self) -> Tensor:
        """Black crops, (2, H, W, 3) uint8."""
        width, height = self.codec.input_size_wh
        return torch.zeros(2, height, width, 3, dtype=torch.uint8)

    @torch.no_grad()
    def prepare(self) -> None:
        """Run once, so that the constants that are kept between calls are numbers when a trace reads them."""
        with graph_forms():
            self(self.example())

    def _normalized(self, crops: Tensor) -> Tensor:
        """The arithmetic of `lib.utils.image.normalize`, operation by operation, in a form that can be traced."""
        values = crops.to(torch.float32) / MAX_PIXEL  # first: TensorRT can do nothing else with bytes
        images = (values if self.pixels.color_rgb else values.flip(-1)).permute(0, 3, 1, 2)
        return (images - self.mean) / self.std

    def _heatmaps(self, images: Tensor) -> Tensor:
        if not self.parts.flip_test:
            return final_heatmaps(self.network(images))
        # As `lib.core.inference.forward_with_flip`, whose `chunk` cannot know that a batch of any size is even.
        both = final_heatmaps(self.network(torch.cat([images, images.flip(-1)])))
        plain, mirrored = both.unflatten(0, (2, -1)).unbind(0)
        return (plain + self.codec.flip_back(mirrored)) * 0.5
