"""Options that networks which see whole pictures have no use for."""

from pathlib import Path

import pytest
from helpers.tiny_groups import group_experiment, make_group_data
from helpers.tiny_weights import save_random_weights

from lib.config import load_config
from lib.run.detector import DetectorSettings
from lib.run.infer.infer import BoxSettings, InferSettings, infer
from lib.run.infer.outputs import KINDS, OutputSettings
from lib.utils.errors import PoseError
from visualization.people_pictures import DrawingOptions


@pytest.mark.parametrize(
    "boxes",
    [
        BoxSettings(full_frame=True),
        BoxSettings(file=Path("boxes.json")),
        BoxSettings(detector=DetectorSettings("ssdlite")),
        BoxSettings(detect_every=2),
    ],
)
def test_sources_of_boxes_are_refused_at_the_start(tmp_path: Path, boxes: BoxSettings) -> None:
    data = make_group_data(tmp_path / "data")
    experiment = group_experiment(tmp_path, data)
    weights = save_random_weights(experiment, tmp_path / "w.pth")
    settings = InferSettings(
        [str(data / "images" / "val")],
        boxes,
        OutputSettings(tmp_path / "out", frozenset(KINDS), ".png", DrawingOptions()),
    )
    with pytest.raises(PoseError, match="finds all people of a picture by itself; leave out --boxes"):
        infer(load_config(experiment, ["TEST.MODEL_FILE", str(weights)]), settings)
    assert not (tmp_path / "out").exists()
