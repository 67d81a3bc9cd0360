"""Checkpoints of a run, from which it continues as if it had not been interrupted."""

from pathlib import Path
from typing import Any

import yaml
from yacs.config import CfgNode

from lib.codecs.base import check_same_codec
from lib.config import config_to_text, default_config, flat_items
from lib.core.state import RunState
from lib.run.setup import Setup
from lib.utils import distributed
from lib.utils.checkpoint import model_checkpoint, read_checkpoint, save_checkpoint
from lib.utils.errors import PoseError
from lib.utils.logging import get_logger
from lib.utils.seeding import random_state, restore_random_state

# Options that say where weights come from, not what the network is.
SOURCES = ("MODEL.INIT_WEIGHTS", "MODEL.PRETRAINED", "MODEL.EXTRA.PRETRAINED_LAYERS")
# An option that only asks for the continuation itself; so do other ends, where no rate depends on them.
REQUEST, ENDS = "AUTO_RESUME", ("TRAIN.END_EPOCH", "TRAIN.MAX_ITERS")
FIXED_OPTIONS = ("TRAIN.OPTIMIZER", "TRAIN.NO_DECAY")
# A training does the same with either of these values; the second was the default before there was the first.
SAME_VALUES = {"AMP": ("auto", "none")}
# Without these being equal, "step N of the epoch" means other records.
STEP_OPTIONS = (
    *("SEED", "TRAIN.BATCH_SIZE_PER_GPU", "TRAIN.ACCUMULATE", "TRAIN.SHUFFLE"),
    *("DATASET.TRAIN_SET", "DATASET.TRAIN_ANNO", "DATASET.SELECT_DATA", "DATASET.SHARDS"),
)


def save_weights(path: Path, setup: Setup, state: RunState) -> None:
    """Write the evaluated weights with what is needed to use them; every process may call."""
    if distributed.is_main():
        save_checkpoint(path, _weights(setup, state.evaluated_model))


def save_run(path: Path, setup: Setup, state: RunState) -> None:
    """Write all that the run needs to continue; every process must call, for each has random states of its own."""
    own = {"random": random_state(), "measures": state.measures.state_dict()}
    processes = distributed.gather_values(own)
    if distributed.is_main():
        save_checkpoint(path, {**_weights(setup, state.model), "run": state.state_dict(), "processes": processes})


def continue_run(path: Path, setup: Setup, state: RunState) -> None:
    """Put a run back where its checkpoint was written.

    Args:
        path: checkpoint.pth of the run.
        setup: of the run.
        state: fresh; it is changed.

    Raises:
        PoseError: the file is no checkpoint of a run, or belongs to a run with another network, codec, keypoint set or
            optimiser; both values are named.
    """
    content = read_checkpoint(path)
    if not isinstance(content, dict) or not {"run", "processes", "codec", "skeleton", "config"} <= content.keys():
        raise PoseError(f"{path} is not a checkpoint of a training run; use --load-from to take weights from it.")
    # What the checkpoint's version did not know yet was done as the defaults do it.
    stored = dict(flat_items(default_config())) | dict(flat_items(CfgNode(yaml.safe_load(content["config"]))))
    changed = _changed_options(stored, setup.cfg)
    _refuse_other_run(path, setup, content, stored, changed)
    try:
        state.model.load_state_dict(content["state_dict"])
        state.load_state_dict(content["run"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise PoseError(f"checkpoint {path} does not fit the run ({' '.join(str(error).split())[:200]}).") from error
    if changed:
        get_logger().info("Continuing with changed options: %s.", ", ".join(changed))
    _restore_process(content["processes"], changed, setup, state)


def _weights(setup: Setup, model: Any) -> dict[str, Any]:
    return model_checkpoint(
        model, codec=setup.codec.description(), skeleton=setup.skeleton, config=config_to_text(setup.cfg)
    )


def _changed_options(stored: dict[str, Any], cfg: CfgNode) -> list[str]:
    current = dict(flat_items(cfg))
    silent = {*SOURCES, REQUEST, *(ENDS if cfg.TRAIN.LR_SCHEDULE == "step" else ())}
    compared = [key for key in current if key in stored and key not in silent]
    return [key for key in compared if not _are_same(key, stored[key], current[key])]


def _are_same(key: str, one: Any, other: Any) -> bool:
    same = SAME_VALUES.get(key, ())
    return _as_plain(one) == _as_plain(other) or (one in same and other in same)


def _as_plain(value: Any) -> Any:
    """YAML knows lists only."""
    return list(value) if isinstance(value, tuple) else value


def _refuse_other_run(
    path: Path, setup: Setup, content: dict[str, Any], stored: dict[str, Any], changed: list[str]
) -> None:
    check_same_codec(content["codec"], setup.codec.description(), str(path))
    current = dict(flat_items(setup.cfg))
    for key in changed:
        if key.startswith("MODEL.") or key in FIXED_OPTIONS:
            raise PoseError(
                f"checkpoint {path} belongs to a run with {key} {stored[key]}, the config has {current[key]}; continue "
                "with the run's own config.yaml or start anew without --resume."
            )
    if tuple(content["skeleton"]["names"]) != setup.skeleton.names:
        raise PoseError(
            f"checkpoint {path} belongs to a run with the keypoint set {content['skeleton']['name']}, the config has "
            f"{setup.skeleton.name}; continue with the run's own config.yaml or start anew without --resume."
        )


def _restore_process(processes: list[Any], changed: list[str], setup: Setup, state: RunState) -> None:
    """Random states and measures of this process; an epoch whose steps would be others starts again.

    After the training's last step there is only its test left, whatever has changed.
    """
    same_processes = len(processes) == distributed.world_size()
    steps_are_left = not 0 < setup.cfg.TRAIN.MAX_ITERS <= state.updates
    if state.step and steps_are_left and (not same_processes or set(changed) & set(STEP_OPTIONS)):
        get_logger().info(
            "Epoch %d starts again from its first step, with the weights of step %d, because processes, batch or data "
            "are not those of the checkpoint.",
            state.epoch,
            state.step,
        )
        state.step = 0
    elif same_processes:
        own = processes[distributed.rank()]
        restore_random_state(own["random"])
        state.measures.load_state_dict(own["measures"], setup.device)
