"""Rows on what bf16 and the runtimes do to results: AP, and how far keypoints move from those of eager float32."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from yacs.config import CfgNode

from lib.bench.devices import runs_of
from lib.bench.rows import Row
from lib.bench.settings import BenchSettings
from lib.core.build import build_suppression
from lib.core.evaluate import pose_statistics
from lib.core.inference import Predictions, predict
from lib.core.precision import Precision
from lib.core.runtimes import RUNTIMES, make_runtime
from lib.core.truth import Truth, read_truth
from lib.dataset import PoseDataset, build_dataset, build_loader
from lib.run.judges.coco import select_poses
from lib.run.setup import Setup, example_input, make_model, set_up
from lib.utils.checkpoint import load_weights
from lib.utils.errors import PoseError

# Loads fresh weights and predicts all test records with a runtime in a precision.
Predict = Callable[[str, Precision], Predictions]


def precision_rows(settings: BenchSettings, cfg: CfgNode) -> list[Row]:
    """Test a network in float32, in bf16 and in every runtime that is installed.

    Args:
        settings: device.
        cfg: of an experiment whose TEST.MODEL_FILE is given; its test records must have public annotations.

    Returns:
        Per way the AP, and the distance of its keypoints from those of eager float32, image px: median and largest of
        the annotated ones, then of all. What is not annotated was never trained; its map may have two maxima of nearly
        equal height, between which rounding decides.

    Raises:
        PoseError: data or weights that cannot be used.
    """
    cfg = cfg.clone()
    cfg.merge_from_list(["DEVICE", settings.device, "TEST.RUNTIME", "eager", "AMP", "none"])
    setup, dataset = set_up(cfg), build_dataset(cfg, is_train=False)

    def found(runtime: str, precision: Precision) -> Predictions:
        return _predictions(setup, dataset, runtime, precision)

    return compare_predictions(f"{cfg.RUN_NAME}, {len(dataset)} people", setup, dataset, found)


def compare_predictions(name: str, setup: Setup, dataset: PoseDataset, found: Predict) -> list[Row]:
    """The rows of every way that works here, the reference first."""
    truth = read_truth(dataset.annotation_file, setup.skeleton.num_keypoints)
    reference = found("eager", Precision(setup.device))
    rows = [Row.of(name, "eager, float32", "AP", [_average_precision(setup, dataset, truth, reference)])]
    annotated = dataset.records.take(reference.index).visible > 0
    for runtime, precision in _others(setup.device):
        way = f"{runtime}, {precision.label}"
        try:
            other = found(runtime, precision)
        except PoseError:
            continue
        distance = np.linalg.norm(other.image_keypoints - reference.image_keypoints, axis=-1)
        rows.append(Row.of(name, way, "AP", [_average_precision(setup, dataset, truth, other)]))
        for kind, values in (("annotated keypoints", distance[annotated]), ("all keypoints", distance)):
            rows.append(Row.of(name, f"{way}: {kind}, median shift", "px", [np.median(values)]))
            rows.append(Row.of(name, f"{way}: {kind}, largest shift", "px", [values.max()]))
    return rows


def _others(device: torch.device) -> list[tuple[str, Precision]]:
    """bf16 in eager PyTorch, which any hardware can do, and the runtimes; bf16 there where the hardware has it."""
    others = [runtime for runtime in RUNTIMES if runtime != "eager"]
    return [("eager", Precision(device, "bf16")), *runs_of(others, str(device))]


def _predictions(setup: Setup, dataset: PoseDataset, runtime: str, precision: Precision) -> Predictions:
    cfg = setup.cfg
    network = make_runtime(runtime, _loaded_model(setup), example_input(setup), precision)
    return predict(
        network,
        setup.single_codec,
        build_loader(cfg, dataset, is_train=False),
        setup.prepare,
        flip_test=cfg.TEST.FLIP_TEST,
        precision=precision,
    )


def _loaded_model(setup: Setup) -> nn.Module:
    model = make_model(setup)
    load_weights(model, setup.cfg.TEST.MODEL_FILE, allow_new_head=False, keypoint_names=setup.skeleton.names)
    return model


def _average_precision(setup: Setup, dataset: PoseDataset, truth: Truth, predictions: Predictions) -> float:
    rule = build_suppression(setup.cfg)
    poses = select_poses(predictions, dataset.records, truth.category, rule)
    return pose_statistics(poses, truth, rule.sigmas)["AP"]
