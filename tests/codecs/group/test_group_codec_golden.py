"""Reading people and the losses of tags against what mmpose 0.29 computed (tests/golden/codecs/ae.npz)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.group_scenes import make_group_codec

from lib.codecs.group.people import GroupedPeople
from lib.core.group_loss import tag_losses

Golden = Mapping[str, np.ndarray]


@pytest.fixture(scope="module")
def ae(golden: Path) -> Golden:
    """The maps in dense form, and what was read from them."""
    stored = np.load(golden / "codecs" / "ae.npz")
    heatmaps = np.zeros(tuple(stored["shape"]), np.float32)
    heatmaps.flat[stored["pixels"]] = stored["values"]
    tags = np.zeros((*heatmaps.shape, 1), np.float32)
    tags.flat[stored["tag_pixels"]] = stored["tag_values"]
    return {**stored, "heatmaps": heatmaps, "tags": tags}


def grouped(people: GroupedPeople) -> np.ndarray:
    """Rows (x, y, score, tag), sorted: a person's order carries no meaning."""
    return by_person(np.concatenate([people.keypoints, people.scores[..., None], people.tags], axis=-1))


def by_person(people: np.ndarray) -> np.ndarray:
    return people[np.lexsort(people[:, 2, :2].T)]


@pytest.mark.parametrize("variant", ["original", "mmpose"])
@pytest.mark.parametrize(("refined", "name"), [(True, "grouped"), (False, "grouped_raw")])
def test_people(ae: Golden, variant: str, refined: bool, name: str) -> None:
    codec = make_group_codec(variant=variant, adjust=refined, refine=refined)
    (people,) = codec.decode(ae["heatmaps"], ae["tags"])
    np.testing.assert_allclose(grouped(people), by_person(ae[name]), atol=1e-6)
    np.testing.assert_allclose(np.sort(people.score), np.sort(ae["scores"]), atol=1e-6)
    assert people.refined.any() == refined


def test_people_of_whole_maps(shared: Path) -> None:
    """The maps as mmpose read them, with what lies below the threshold."""
    published = np.load(shared / "golden" / "codecs" / "mm0.npz")
    for refined, name in ((True, "ae_grouped"), (False, "ae_grouped_raw")):
        codec = make_group_codec(variant="mmpose", adjust=refined, refine=refined)
        (people,) = codec.decode(published["ae_heatmaps"], published["ae_tags"])
        np.testing.assert_allclose(grouped(people), by_person(published[name]), atol=1e-6)


def test_what_was_filled_in(ae: Golden) -> None:
    """Flags and scores before refinement tell the filled keypoints, to which mmpose gives the tag 0."""
    (people,) = make_group_codec().decode(ae["heatmaps"], ae["tags"])
    np.testing.assert_array_equal(people.refined, people.tags[..., 0] == 0)
    np.testing.assert_array_equal(people.raw_scores, np.where(people.refined, 0, people.scores))


@pytest.mark.parametrize("kind", ["exp", "max"])
def test_losses_of_tags(ae: Golden, kind: str) -> None:
    tags = torch.from_numpy(ae["tags"][..., 0])
    joints = torch.from_numpy(ae["loss_joints"])
    index = joints[..., 0] - torch.arange(17) * tags[0, 0].numel()
    push, pull = tag_losses(tags, index, joints[..., 1] > 0, kind)
    np.testing.assert_allclose([push.item(), pull.item()], ae[f"loss_{kind}"], rtol=1e-5, atol=1e-8)
