"""MPII annotation files and their faults."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_mpii import made_people, write_people

from lib.utils.errors import PoseError
from lib.utils.mpii_files import mpii_faults, read_mpii


def test_arrays_keep_the_file_s_order_and_frame(tmp_path: Path, rng: np.random.Generator) -> None:
    content = made_people(rng)
    people = read_mpii(write_people(tmp_path, content))
    assert people.image_names == ["000000000.jpg", "000000001.jpg", "000000002.jpg"]
    assert people.image_index.tolist() == [0, 0, 1, 1, 2, 2]
    assert people.joints[3].tolist() == content[3]["joints"]
    assert (people.visible == np.array([person["joints_vis"] for person in content])).all()
    assert np.isnan(people.head_sizes).all()


@pytest.mark.parametrize(
    ("head", "size"),
    [
        ({"headbox": [1, 2, 4, 6]}, 3.0),
        ({"headbox": [[1, 2], [4, 6]]}, 3.0),
        ({"head_size": 7.5}, 7.5),
        ({"headbox": None, "head_size": 7.5}, 7.5),
    ],
)
def test_head_sizes(tmp_path: Path, rng: np.random.Generator, head: dict[str, Any], size: float) -> None:
    content = made_people(rng)
    content[1] |= {"headbox": None, "head_size": None}
    content[2] |= head
    sizes = read_mpii(write_people(tmp_path, content)).head_sizes
    assert sizes[2] == pytest.approx(size)
    assert np.isfinite(sizes).sum() == 1
    assert np.isnan(sizes[1])


SPOILT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no image": lambda person: person.pop("image"),
    "bad center": lambda person: person.update(center=[1]),
    "bad scale": lambda person: person.update(scale=10**400),
    "wrong joints": lambda person: person["joints"].pop(),
    "bad joint": lambda person: person["joints"].__setitem__(3, [1, None]),
    "bad joints_vis": lambda person: person.update(joints_vis=[1] * 15),
    "bad head": lambda person: person.update(headbox=[1, 1, 1, 1]),
}


@pytest.mark.parametrize("kind", SPOILT)
def test_faults_name_the_record(tmp_path: Path, rng: np.random.Generator, kind: str) -> None:
    content = made_people(rng)
    SPOILT[kind](content[4])
    (fault,) = mpii_faults(content)
    assert (fault.kind, fault.entry) == (kind, 4)
    with pytest.raises(PoseError, match=r"valid\.json: record 4 \(counted from 0\) .*; .+check_dataset\.py"):
        read_mpii(write_people(tmp_path, content))


@pytest.mark.parametrize("content", [{}, [], [3]])
def test_what_is_no_list_of_people_is_named(tmp_path: Path, content: Any) -> None:
    with pytest.raises(PoseError, match=r"valid\.json: (it holds no list of people|record 0 .* is no mapping)"):
        read_mpii(write_people(tmp_path, content))


def test_a_test_set_has_no_joints(tmp_path: Path, rng: np.random.Generator) -> None:
    content = [{key: person[key] for key in ("image", "center", "scale")} for person in made_people(rng)]
    placeholders = [person | {"joints": [[-1, -1]] * 16, "joints_vis": [0] * 16} for person in content]
    for records in (content, placeholders):
        people = read_mpii(write_people(tmp_path, records, "test"))
        assert not people.has_joints
        assert not people.visible.any()
