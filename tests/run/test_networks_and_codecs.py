"""Every network with every codec that makes sense, by YAML alone: one training step, one test, finite gradients."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.dot_batches import DotBatch
from helpers.tiny_run import NUM_KEYPOINTS, tiny_experiment

from lib.config import load_config
from lib.config.checks import DECODERS
from lib.config.networks import MODEL_NAMES
from lib.core.function import StepSettings, train_one_epoch, validate
from lib.core.hooks import StepReport
from lib.core.optim import Schedule
from lib.core.state import RunState
from lib.run.pictures import BatchPictures
from lib.run.setup import Setup, make_model, set_up

# MODEL.EXTRA of the smallest network of each family; those without an entry have that of `tiny_experiment`.
TINY_EXTRA: dict[str, dict[str, Any]] = {
    "hrformer": {
        f"STAGE{branches}": {
            "NUM_MODULES": 1,
            "NUM_BRANCHES": branches,
            "NUM_BLOCKS": [1] * branches,
            "NUM_CHANNELS": [4 * 2**branch for branch in range(branches)],
            "NUM_HEADS": [1] * branches,
        }
        for branches in (2, 3, 4)
    },
    "pose_resnet": {"NUM_LAYERS": 18, "NUM_DECONV_FILTERS": [8, 8, 8]},
    "rsn": {"NUM_LAYERS": 18, "WIDTH": 8, "UPSAMPLE_CHANNELS": 16},
}
ENCODINGS = tuple(DECODERS)
# pose_higher_hrnet sees whole pictures alone; see test_bottom_up_run.py.
NETWORKS = tuple(name for name in MODEL_NAMES if name != "pose_higher_hrnet")


def make_setup(folder: Path, name: str, encoding: tuple[str, str], **sections: Any) -> Setup:
    codec, target_type = encoding
    model = {"NAME": name, "CODEC": codec, "TARGET_TYPE": target_type, **sections.pop("MODEL", {})}
    if name in TINY_EXTRA:
        model["EXTRA"] = TINY_EXTRA[name]
    return set_up(load_config(tiny_experiment(folder, folder, MODEL=model, **sections)), for_training=True)


def make_batch(rng: np.random.Generator, count: int = 2) -> DotBatch:
    return DotBatch(
        image=torch.from_numpy(rng.integers(0, 256, (count, 3, 64, 64), dtype=np.uint8)),
        input_keypoints=torch.from_numpy(rng.uniform(-8, 70, (count, NUM_KEYPOINTS, 2)).astype(np.float32)),
        visible=torch.from_numpy(rng.choice([0.0, 1.0, 2.0], (count, NUM_KEYPOINTS)).astype(np.float32)),
        center=torch.full((count, 2), 100.0),
        scale=torch.full((count, 2), 0.5),
        index=torch.arange(count),
    )


def one_step(setup: Setup, state: RunState, batch: DotBatch) -> list[StepReport]:
    """Train on one batch; what a listener saw."""
    reports: list[StepReport] = []

    class Recorder:
        def after_step(self, report: StepReport) -> None:
            reports.append(report)

    settings = StepSettings(setup.prepare, setup.precision, Schedule(1e-3, (), 0.1), 1, 0.0, 1, 0, np.arange(9))
    train_one_epoch(state.model, setup.codec, setup.loss_function, [batch], state, settings, Recorder())
    return reports


def make_state(setup: Setup) -> RunState:
    torch.manual_seed(0)
    model = make_model(setup)
    return RunState(model, torch.optim.Adam(model.parameters()), setup.precision.scaler())


@pytest.mark.parametrize(("name", "encoding"), list(product(NETWORKS, ENCODINGS)), ids=str)
def test_trains_and_tests(tmp_path: Path, rng: np.random.Generator, name: str, encoding: tuple[str, str]) -> None:
    setup, batch = make_setup(tmp_path, name, encoding), make_batch(rng)
    state = make_state(setup)
    gradients: dict[str, bool] = {}
    trained = {key: parameter for key, parameter in state.model.named_parameters() if parameter.requires_grad}
    for key, parameter in trained.items():
        parameter.register_hook(lambda value, key=key: gradients.update({key: bool(torch.isfinite(value).all())}))
    (report,) = one_step(setup, state, batch)
    assert np.isfinite(state.measures.losses()["loss"])
    assert set(gradients) == set(trained)
    assert all(gradients.values())
    assert report.outputs.shape == (2, setup.codec.num_channels, 16, 16)
    result = validate(
        state.model, setup.codec, setup.loss_function, [batch], setup.prepare, setup.precision, flip_test=True
    )
    assert np.isfinite(result.predictions.with_scores()).all()
    assert np.isfinite(result.loss)
    pictures = BatchPictures(setup, report)
    for picture in (pictures.predictions(), pictures.target_heatmaps(), pictures.predicted_heatmaps()):
        assert picture.ndim == 3


@pytest.mark.parametrize(
    ("name", "terms"), [("rsn", {"loss", "loss_coarse", "loss_heatmap"}), ("pose_hrnet", {"loss"})]
)
def test_terms_of_units_and_of_single_outputs(
    tmp_path: Path, rng: np.random.Generator, name: str, terms: set[str]
) -> None:
    setup = make_setup(tmp_path, name, ("megvii", "gaussian"), LOSS={"USE_OHKM": True, "TOPK": 5})
    state = make_state(setup)
    one_step(setup, state, make_batch(rng))
    assert set(state.measures.losses()) == terms
