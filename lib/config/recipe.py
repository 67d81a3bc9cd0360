"""Compare the batch of a run with the one its recipe was made for."""

from yacs.config import CfgNode

from lib.config.bottom_up import is_bottom_up


def batch_notice(config: CfgNode, num_processes: int) -> str | None:
    """What to print when the total batch is not the recipe's; None when it is.

    Args:
        config: loaded configuration.
        num_processes: training processes, each with TRAIN.BATCH_SIZE_PER_GPU people, or bottom-up pictures, per step.
    """
    train = config.TRAIN
    total = train.BATCH_SIZE_PER_GPU * num_processes * train.ACCUMULATE
    expected = train.EXPECTED_BATCH
    if expected in (0, total):
        return None
    processes = "1 process" if num_processes == 1 else f"{num_processes} processes"
    steps = f" and its TRAIN.MAX_ITERS {train.MAX_ITERS}" if train.MAX_ITERS else ""
    unit = "pictures" if is_bottom_up(config) else "people"
    return (
        f"The total batch is {total} {unit} (TRAIN.BATCH_SIZE_PER_GPU {train.BATCH_SIZE_PER_GPU} x {processes} x "
        f"TRAIN.ACCUMULATE {train.ACCUMULATE}), but the recipe was made for {expected}; its learning rate "
        f"{train.LR:g}{steps} may not fit."
    )
