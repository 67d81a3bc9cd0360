"""Loss and PCK over many batches."""

from typing import Any

import torch
from torch import Tensor

from lib.core.pck import Pck, heatmap_pck
from lib.utils.distributed import gather_values
from lib.utils.meters import Means


class Measures:
    """Running loss (whole, and its terms where there are several) and PCK; nothing here waits for a GPU until read."""

    def __init__(self) -> None:
        self._means = Means()
        self._pck: Pck | None = None

    def add_loss(self, terms: dict[str, Tensor], count: Tensor | float) -> None:
        """Add the loss of a batch.

        Args:
            terms: named scalars whose sum is the loss.
            count: samples behind it; 0 leaves the batch out.
        """
        self._means.add("loss", torch.stack(list(terms.values())).sum(), count)
        if len(terms) > 1:
            for name, value in terms.items():
                self._means.add(f"loss_{name}", value, count)

    def add_pck(self, outputs: Tensor, targets: Tensor) -> None:
        """Count the correct keypoints of a batch.

        Args:
            outputs: maps whose arg-max is the keypoint, (B, K, h, w).
            targets: the same for the truth.
        """
        pck = heatmap_pck(outputs, targets)
        self._pck = pck if self._pck is None else self._pck + pck

    def losses(self, *, all_processes: bool = False) -> dict[str, float]:
        """Mean loss and terms by name; NaN without samples. Every process must call for those of all."""
        return self._means.read(all_processes=all_processes)

    def pck(self, *, all_processes: bool = False) -> Pck:
        """Counts of correct keypoints, on the CPU. Every process must call for those of all."""
        own = None if self._pck is None else (self._pck.correct.tolist(), self._pck.total.tolist())
        counts = [pair for pair in (gather_values(own) if all_processes else [own]) if pair is not None]
        if not counts:
            return Pck(torch.zeros(1), torch.zeros(1))
        correct, total = zip(*counts, strict=True)
        return Pck(torch.tensor(correct).sum(dim=0), torch.tensor(total).sum(dim=0))

    def state_dict(self) -> dict[str, Any]:
        """The running sums, on the CPU."""
        counts = None if self._pck is None else [self._pck.correct.cpu(), self._pck.total.cpu()]
        return {"means": self._means.state_dict(), "pck": counts}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Continue from `state_dict`."""
        self._means.load_state_dict(state["means"], device)
        self._pck = None if state["pck"] is None else Pck(*(counts.to(device) for counts in state["pck"]))
