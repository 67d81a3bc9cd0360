"""What all benchmarks share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchSettings:
    """How and on what to measure.

    Attributes:
        device: "cpu" or "cuda".
        repeats: rounds of each contest.
        data: a COCO-format folder of real images; '' for pictures made on the spot.
    """

    device: str = "cpu"
    repeats: int = 5
    data: str = ""
