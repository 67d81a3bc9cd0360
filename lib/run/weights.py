"""Trained weights for testing and using, with the checks that belong to them."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from lib.codecs.base import check_same_codec
from lib.run.folder import RunFolder
from lib.run.setup import Setup, make_model
from lib.utils.checkpoint import WeightReport, load_weights


@dataclass(frozen=True)
class TrainedModel:
    """A network with its weights.

    Attributes:
        model: on the device of the setup; not yet prepared for TEST.RUNTIME.
        path: the weights' file.
        report: what became of them.
    """

    model: nn.Module
    path: Path
    report: WeightReport


def find_weights(setup: Setup) -> Path:
    """TEST.MODEL_FILE, or the best weights of the experiment's own run.

    Raises:
        PoseError: there are none.
    """
    cfg = setup.cfg
    return Path(cfg.TEST.MODEL_FILE) if cfg.TEST.MODEL_FILE else RunFolder(cfg).tested_weights()


def load_trained(setup: Setup) -> TrainedModel:
    """The experiment's network with its weights.

    Raises:
        PoseError: the file is absent, cannot be read, or belongs to another network, keypoint set or codec.
    """
    path, model = find_weights(setup), make_model(setup)
    report = load_weights(
        model, path, allow_new_head=False, keypoint_names=setup.skeleton.names, codec=setup.codec.name
    )
    if report.metadata is not None:
        check_same_codec(report.metadata.codec, setup.codec.description(), str(path))
    return TrainedModel(model, path, report)
