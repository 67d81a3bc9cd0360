"""The command line that training and testing share."""

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import pairwise

from yacs.config import CfgNode

from lib.config.load import load_config

AMP_CHOICES = ("auto", "none", "bf16", "fp16")

# Flags that set one option each.
_FLAG_KEYS = {
    "modelDir": "OUTPUT_DIR",
    "logDir": "LOG_DIR",
    "dataDir": "DATA_DIR",
    "epochs": "TRAIN.END_EPOCH",
    "lr": "TRAIN.LR",
    "workers": "WORKERS",
    "device": "DEVICE",
    "seed": "SEED",
    "amp": "AMP",
}


def parse_arguments(
    description: str, for_training: bool, arguments: Sequence[str] | None = None
) -> tuple[CfgNode, argparse.Namespace]:
    """Parse a command line and load the configuration it asks for.

    Args:
        description: first line of the help text.
        for_training: offer the flags of training as well.
        arguments: the words of the command line; None = those of this process.

    Returns:
        The configuration, in which every flag is already an option, and the parsed flags. What is no option stays in
        the flags alone: `resume` (continue, or fail when there is nothing to continue) and, in training, `load_from`
        (weights to start from, '' = none). In a test `load_from` is TEST.MODEL_FILE.

    Raises:
        PoseError: the configuration cannot be loaded.
        SystemExit: the flags are wrong or ask for help.
    """
    parser = _parser(description, for_training)
    words = _complete_bare_amp(sys.argv[1:] if arguments is None else arguments)
    # Intermixed: overrides and flags may stand in any order.
    flags = parser.parse_intermixed_args(words)
    if for_training and flags.resume and flags.load_from:
        parser.error("--resume continues a run with its own weights, so it cannot be given with --load-from")
    return load_config(flags.cfg, [*flags.opts, *_flag_overrides(flags, for_training)]), flags


def _parser(description: str, for_training: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--cfg", required=True, help="experiment file (YAML)")
    parser.add_argument("opts", nargs="*", metavar="KEY VALUE", help="options to change, e.g. TEST.FLIP_TEST False")
    parser.add_argument("--modelDir", default="", help="folder of results (OUTPUT_DIR)")
    parser.add_argument("--logDir", default="", help="folder of TensorBoard logs (LOG_DIR)")
    parser.add_argument("--dataDir", default="", help="put before the paths of data and weights (DATA_DIR)")
    parser.add_argument(
        "--prevModelDir", default="", help=argparse.SUPPRESS
    )  # old scripts pass it; nothing ever read it
    parser.add_argument("--batch-size", type=int, help="people per step and process")
    parser.add_argument("--workers", type=int, help="data loading processes (WORKERS)")
    parser.add_argument("--device", help="auto | cpu | cuda | cuda:N (DEVICE)")
    parser.add_argument("--seed", type=int, help="seed of everything random (SEED)")
    parser.add_argument("--amp", choices=AMP_CHOICES, help="precision of the network (AMP); without a value bf16")
    parser.add_argument("--load-from", default="", metavar="FILE", help=_load_from_help(for_training))
    if for_training:
        parser.add_argument("--epochs", type=int, help="epochs to train (TRAIN.END_EPOCH)")
        parser.add_argument("--lr", type=float, help="learning rate (TRAIN.LR)")
        parser.add_argument("--resume", action="store_true", help="continue the run from its last checkpoint")
    return parser


def _load_from_help(for_training: bool) -> str:
    return "weights to start from, at epoch 0" if for_training else "weights to test (TEST.MODEL_FILE)"


def _complete_bare_amp(words: Sequence[str]) -> list[str]:
    """Give a bare --amp its value; otherwise the override behind it would be taken for one."""
    completed = []
    for word, following in pairwise([*words, ""]):
        completed.append("--amp=bf16" if word == "--amp" and following not in AMP_CHOICES else word)
    return completed


def _flag_overrides(flags: argparse.Namespace, for_training: bool) -> list[str]:
    """The given flags as `KEY VALUE` pairs."""
    given = [
        (key, getattr(flags, flag)) for flag, key in _FLAG_KEYS.items() if getattr(flags, flag, None) not in (None, "")
    ]
    if flags.batch_size is not None:
        given.append(("TEST.BATCH_SIZE_PER_GPU", flags.batch_size))
        if for_training:
            given.append(("TRAIN.BATCH_SIZE_PER_GPU", flags.batch_size))
    if for_training and (flags.resume or flags.load_from):
        given.append(("AUTO_RESUME", flags.resume))
    if not for_training and flags.load_from:
        # Absolute, because a path given here is not one below DATA_DIR.
        given.append(("TEST.MODEL_FILE", os.path.abspath(flags.load_from)))  # noqa: PTH100
    return [str(word) for pair in given for word in pair]
