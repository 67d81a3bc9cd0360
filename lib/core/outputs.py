"""What networks return: one tensor of heatmaps, or a list of them where every unit of the network answers."""

from collections.abc import Sequence

from torch import Tensor, nn

# (B, C, h, w), or several such tensors in published order, the final one last.
Outputs = Tensor | Sequence[Tensor]


def all_heatmaps(outputs: Outputs) -> list[Tensor]:
    """Every output of a network.

    Args:
        outputs: as the network returned them, any floating dtype.

    Returns:
        Heatmaps (B, C, h, w), float32, the final ones last.
    """
    return [heatmaps.float() for heatmaps in ([outputs] if isinstance(outputs, Tensor) else outputs)]


def final_heatmaps(outputs: Outputs) -> Tensor:
    """The output that keypoints are read from, (B, C, h, w), float32; see `all_heatmaps`."""
    return (outputs if isinstance(outputs, Tensor) else outputs[-1]).float()


class FinalOutput(nn.Module):
    """A network without its intermediate outputs, for engines that compile or export it.

    Args:
        network: from images (B, 3, H, W) to heatmaps (B, C, h, w), or to a list of them.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) to the final heatmaps (B, C, h, w), float32."""
        return final_heatmaps(self.network(images))
