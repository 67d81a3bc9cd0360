"""MPII's people and predictions in COCO's mappings."""

from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_mpii import made_people, write_people

from lib.core.mpii_predictions import MpiiPredictions
from lib.core.mpii_view import annotations_of, results_of
from lib.utils.errors import PoseError
from lib.utils.mpii_files import read_mpii


def test_coordinates_count_from_0(tmp_path: Path, rng: np.random.Generator) -> None:
    content = made_people(rng, 4)
    people = read_mpii(write_people(tmp_path, content))
    view = annotations_of(people)
    person = view["annotations"][3]
    rows = np.reshape(person["keypoints"], (16, 3))
    shown = np.array(content[3]["joints_vis"]) > 0
    assert rows[shown, :2] == pytest.approx(np.array(content[3]["joints"])[shown] - 1)
    assert (rows[~shown] == 0).all()
    assert person["num_keypoints"] == shown.sum()
    assert view["images"][person["image_id"]]["file_name"] == content[3]["image"]
    joints, scores = rng.uniform(size=(4, 16, 2)), rng.uniform(size=(4, 16))
    results = results_of(MpiiPredictions(joints, scores), people, "pred.json")
    assert np.reshape(results[2]["keypoints"], (16, 3))[:, :2] == pytest.approx(joints[2] - 1)
    assert results[2]["score"] == pytest.approx(scores[2].mean())
    with pytest.raises(PoseError, match=r"pred\.json has 3 people, .*valid\.json has 4"):
        results_of(MpiiPredictions(joints[:3]), people, "pred.json")
