"""What is kept of every epoch: a table, curves, TensorBoard."""

import csv
import math
from pathlib import Path

from lib.core.state import RunState
from lib.run.evaluation import Outcome
from lib.utils.files import atomic_path
from lib.utils.logging import never_fatal
from visualization.curves import plot_curves

Row = dict[str, float | None]


def epoch_row(state: RunState, rate: float, outcome: Outcome | None) -> Row:
    """The figures of the epoch that has just been trained; every process must call.

    Args:
        state: of the run.
        rate: learning rate at the end of the epoch.
        outcome: of the test after the epoch; None where there was none.
    """
    row: Row = {"epoch": state.epoch, "lr": rate}
    losses = state.measures.losses(all_processes=True)
    row.update({f"train_{name}": value for name, value in losses.items()})
    row["train_pck"] = state.measures.pck(all_processes=True).mean
    if outcome is not None:
        row["val_loss"] = None if math.isnan(outcome.loss) else outcome.loss
        row["val_pck"] = outcome.pck.mean
        # -1 stands for "no annotated person of that size", NaN for nothing to measure.
        row.update({name: value if value >= 0 else None for name, value in (outcome.stats or {}).items()})
    return row


def write_history(rows: list[Row], table: Path, curves: Path) -> None:
    """Write the table and its curves, on the main process; a failure is a warning."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with never_fatal(str(table)), atomic_path(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with never_fatal(str(curves)):
        plot_curves(table, curves)
