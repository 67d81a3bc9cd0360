"""PCKh against the published arithmetic and against loops."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.tiny_mpii import made_people, made_truth, write_people, write_truth_json, write_truth_mat
from reference.pckh_loops import pckh_loops

from lib.core.mpii_predictions import check_images, read_predictions, write_predictions
from lib.core.mpii_truth import find_mpii_truth, read_mpii_truth
from lib.core.pckh import format_joints, format_pckh, pckh
from lib.utils.errors import PoseError
from lib.utils.mat_file import write_mat


def made(rng: np.random.Generator, count: int = 40) -> tuple[list[dict[str, Any]], dict[str, Any], np.ndarray]:
    """People, their truth and predictions near it, (N, 16, 2)."""
    people = made_people(rng, count)
    truth = made_truth(rng, people)
    return people, truth, np.moveaxis(truth["pos_gt_src"], 2, 0) + rng.normal(0, 5, (count, 16, 2))


def assert_equal(found: dict[str, float], expected: dict[str, float]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-9, nan_ok=True), name


def test_the_published_arithmetic(golden: Path) -> None:
    folder = golden / "mpii"
    found = pckh(read_predictions(folder / "pred_made.mat").joints, read_mpii_truth(folder / "gt_made.mat"))
    assert_equal(found, json.loads((folder / "pckh_made.json").read_text()))
    assert found["Mean@0.11"] != found["Mean@0.1"]
    assert next(iter(found)) == "Mean@0.5"


@pytest.mark.parametrize("seed", range(5))
def test_loops_and_every_form_of_truth(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    people, truth, preds = made(rng)
    if seed == 3:
        truth["jnt_missing"][4] = 1  # nobody has this knee
    if seed == 4:
        truth["jnt_missing"][:] = 1
    expected = pckh_loops(preds.tolist(), {name: np.asarray(value).tolist() for name, value in truth.items()})
    corners = np.moveaxis(truth["headboxes_src"], 2, 0).tolist()
    flags = (1 - truth["jnt_missing"]).astype(int).T.tolist()
    records = [
        person | {"headbox": corner, "joints_vis": visible}
        for person, corner, visible in zip(people, corners, flags, strict=True)
    ]
    files = [
        write_truth_mat(tmp_path / "gt.mat", truth),
        write_truth_json(tmp_path / "gt.json", truth),
        write_people(tmp_path, records),
    ]
    for file in files:
        assert_equal(pckh(preds, read_mpii_truth(file)), expected)
    sizes = 0.6 * np.linalg.norm(np.diff(np.array(corners), axis=1)[:, 0], axis=1)
    sized = [record | {"head_size": size} for record, size in zip(records, sizes.tolist(), strict=True)]
    for record in sized:
        del record["headbox"]
    assert_equal(pckh(preds, read_mpii_truth(write_people(tmp_path, sized))), expected)


def test_who_has_no_head_box_does_not_count(tmp_path: Path, rng: np.random.Generator) -> None:
    people, truth, preds = made(rng, 6)
    corners = np.moveaxis(truth["headboxes_src"], 2, 0).tolist()
    records = [person | {"headbox": corner} for person, corner in zip(people, corners, strict=True)]
    del records[1]["headbox"]
    some = read_mpii_truth(write_people(tmp_path, records))
    others = np.array([0, 2, 3, 4, 5])
    assert_equal(pckh(preds, some), pckh(preds[others], some.take(others)))


def test_a_head_box_without_extent_leaves_nothing_correct(tmp_path: Path, rng: np.random.Generator) -> None:
    """The published division by zero, whose quotient is above every threshold."""
    _, truth, _ = made(rng, 4)
    truth["jnt_missing"][:] = 0
    truth["headboxes_src"][:, :, 1] = 7
    perfect = np.moveaxis(truth["pos_gt_src"], 2, 0)
    assert pckh(perfect, read_mpii_truth(write_truth_mat(tmp_path / "gt.mat", truth)))["Mean@0.5"] == 75.0


def test_head_segments_stand_in(tmp_path: Path, rng: np.random.Generator) -> None:
    people, _, preds = made(rng, 6)
    people[0]["joints_vis"][8] = 0
    truth = read_mpii_truth(write_people(tmp_path, people))
    assert not truth.has_heads
    assert all(np.isnan(value) for value in pckh(preds, truth).values()), "never a silent 0"
    sizes = truth.with_head_segments().head_sizes
    assert np.isnan(sizes[0])
    assert sizes[1] == pytest.approx(np.linalg.norm(np.subtract(people[1]["joints"][8], people[1]["joints"][9])))


def test_the_truth_of_a_part(tmp_path: Path, rng: np.random.Generator) -> None:
    people, truth, _ = made(rng, 6)
    annotations = str(write_people(tmp_path, people))
    own = find_mpii_truth(annotations, "valid")
    assert own is not None
    assert own.source == annotations
    write_truth_json(tmp_path / "annot" / "gt_valid.json", truth)
    assert str(getattr(find_mpii_truth(annotations, "valid"), "source", "")).endswith("gt_valid.json")
    write_truth_mat(tmp_path / "annot" / "gt_valid.mat", truth)
    assert str(getattr(find_mpii_truth(annotations, "valid"), "source", "")).endswith("gt_valid.mat")
    write_people(tmp_path, people[:4])
    with pytest.raises(PoseError, match=r"gt_valid\.mat has 6 people, .*valid\.json has 4"):
        find_mpii_truth(annotations, "valid")
    without = [{key: person[key] for key in ("image", "center", "scale")} for person in people]
    assert find_mpii_truth(str(write_people(tmp_path, without, "test")), "test") is None


def test_bad_truth_is_named(tmp_path: Path, rng: np.random.Generator) -> None:
    _, truth, preds = made(rng, 6)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"dataset_joints": truth["dataset_joints"][::-1]}, "joints in the order lwri"),
        ({"jnt_missing": truth["jnt_missing"][:, :3]}, r"jnt_missing has the shape \(16, 3\), not \(16, 6\)"),
        ({"headboxes_src": np.full((2, 2, 6), np.nan)}, "person 0 .* head box that is not finite"),
        ({"pos_gt_src": np.full((16, 2, 6), np.inf)}, "person 0 .* not finite"),
    ]
    for change, message in cases:
        with pytest.raises(PoseError, match=rf"gt\.mat.*{message}"):
            read_mpii_truth(write_truth_mat(tmp_path / "gt.mat", truth | change))
    del truth["pos_gt_src"]
    with pytest.raises(PoseError, match=r"gt\.mat has no pos_gt_src"):
        read_mpii_truth(write_truth_mat(tmp_path / "gt.mat", truth))
    (tmp_path / "coco.json").write_text('{"images": []}')
    with pytest.raises(PoseError, match=r"coco\.json is no truth for PCKh"):
        read_mpii_truth(tmp_path / "coco.json")
    own = read_mpii_truth(write_people(tmp_path, made_people(rng, 6)))
    with pytest.raises(PoseError, match=r"\(5, 16, 2\) do not fit"):
        pckh(preds[:5], own)
    preds[2, 3] = np.nan
    with pytest.raises(PoseError, match="person 2"):
        pckh(preds, own)


def test_names_that_are_none_say_nothing_of_the_order(tmp_path: Path, rng: np.random.Generator) -> None:
    _, truth, _ = made(rng, 6)
    del truth["dataset_joints"]
    expected = read_mpii_truth(write_truth_json(tmp_path / "gt.json", truth))
    found = read_mpii_truth(write_truth_json(tmp_path / "gt.json", truth | {"dataset_joints": [1, None]}))
    assert np.array_equal(found.joints, expected.joints)


@pytest.mark.parametrize("count", [1, 2, 16])
def test_matrices_of_few_people_are_not_turned(tmp_path: Path, rng: np.random.Generator, count: int) -> None:
    """Of two people (2, 16, 2) is both the published shape and evalMPII's other one."""
    joints = rng.normal(100, 50, (count, 16, 2))
    write_mat(tmp_path / "pred.mat", {"preds": joints})
    assert np.array_equal(read_predictions(tmp_path / "pred.mat").joints, joints)
    if count != 2:
        write_mat(tmp_path / "pred.mat", {"preds": joints.transpose(2, 1, 0)})
        assert np.array_equal(read_predictions(tmp_path / "pred.mat").joints, joints)


def test_prediction_files(tmp_path: Path, rng: np.random.Generator) -> None:
    joints, scores = rng.normal(100, 50, (3, 16, 2)), rng.uniform(size=(3, 16))
    mat_file = write_predictions(tmp_path / "out" / "pred.json", ["a.jpg", "a.jpg", "b.jpg"], joints, scores)
    from_json, from_mat = read_predictions(tmp_path / "out" / "pred.json"), read_predictions(mat_file)
    assert np.array_equal(from_json.joints, joints)
    assert np.array_equal(from_mat.joints, joints)
    assert np.array_equal(np.asarray(from_json.scores), scores)
    check_images(from_json, ("a.jpg", "a.jpg", "b.jpg"), "pred.json")
    check_images(from_mat, ("x.jpg",), "pred.mat")
    with pytest.raises(PoseError, match=r"pred\.json: record 2 .* b\.jpg, the truth's is of c\.jpg"):
        check_images(from_json, ("a.jpg", "a.jpg", "c.jpg"), "pred.json")
    with pytest.raises(PoseError, match="NaN or infinity"):
        write_predictions(tmp_path / "nan.json", ["a"], np.full((1, 16, 2), np.nan), scores[:1])
    assert not (tmp_path / "nan.json").exists()
    content = json.loads((tmp_path / "out" / "pred.json").read_text())
    content[1]["joints"] = content[1]["joints"][:3]
    (tmp_path / "bad.json").write_text(json.dumps(content))
    with pytest.raises(PoseError, match=r"bad\.json: record 1 \(from 0\) has no joints of shape \(16, 2\)"):
        read_predictions(tmp_path / "bad.json")


def test_the_table_is_in_the_published_order(golden: Path) -> None:
    stats = json.loads((golden / "mpii" / "pckh_made.json").read_text())
    header = format_pckh(stats, "net").splitlines()[0]
    assert header == (
        "| Arch | Head | Shoulder | Elbow | Wrist | Hip | Knee | Ankle | Mean@0.5 | Mean@0.11 | Mean@0.1 |"
    )


def test_the_table_of_all_joints(tmp_path: Path, rng: np.random.Generator) -> None:
    people, truth, preds = made(rng, 12)
    truth["jnt_missing"][4] = 1
    lines = format_joints(preds, read_mpii_truth(write_truth_mat(tmp_path / "gt.mat", truth))).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    assert [row[0] for row in cells] == ["joint", "---", "PCKh@0.5", "PCKh@0.11", "PCKh@0.1", "people"]
    assert (cells[0][1], cells[0][5], cells[0][7]) == ("right_ankle", "left_knee", "pelvis")
    errors = np.linalg.norm(preds[:, 6] - truth["pos_gt_src"][6].T, axis=1)
    heads = 0.6 * np.linalg.norm(truth["headboxes_src"][1] - truth["headboxes_src"][0], axis=0)
    has = truth["jnt_missing"][6] == 0
    assert cells[4][7] == f"{100 * (errors / heads <= 0.1)[has].mean():.1f}"
    assert (cells[2][5], cells[5][5], cells[5][7]) == ("n/a", "0", str(has.sum()))
    without = read_mpii_truth(write_people(tmp_path, people))
    assert "| segment PCKh@0.5 |" in format_joints(preds, without)
