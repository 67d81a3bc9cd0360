"""Where a run writes."""

from pathlib import Path

from yacs.config import CfgNode


def output_directory(config: CfgNode) -> Path:
    """OUTPUT_DIR/<data set>/<model>/<run>: configuration, log, checkpoints and results."""
    return Path(config.OUTPUT_DIR) / _run_path(config)


def log_directory(config: CfgNode) -> Path:
    """LOG_DIR/<data set>/<model>/<run>: TensorBoard files."""
    return Path(config.LOG_DIR) / _run_path(config)


def _run_path(config: CfgNode) -> Path:
    dataset = "_".join(filter(None, (config.DATASET.DATASET, config.DATASET.HYBRID_JOINTS_TYPE))).replace(":", "_")
    return Path(dataset) / config.MODEL.NAME / config.RUN_NAME
