"""What writers write: valid by its schema, equal numbers in every format, read by the programs that people use."""

import csv
import json
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.made_people import made_people
from jsonschema import Draft202012Validator, ValidationError
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import lib.writers
from lib.dataset.coco import read_annotations, read_detections
from lib.skeletons import Skeleton, load_skeleton, skeleton_from_dict
from lib.utils.coco_files import joined_results, read_results
from lib.utils.errors import PoseError
from lib.utils.people import Boxes, People
from lib.writers.coco import CocoResults
from lib.writers.frame import FrameFacts
from lib.writers.input_json import InputJson
from lib.writers.pose_csv import FIRST_COLUMNS, PoseCsv, csv_columns
from visualization.plot_coco import main as plot
from visualization.raster import save_image

SCHEMAS = Path(lib.writers.__file__).parent / "schema"
COCO_SET, WHOLE_BODY = load_skeleton("coco"), load_skeleton("coco_wholebody")
ODD = skeleton_from_dict({"name": "odd", "names": ["tip", 'a "quoted", name', "Mitte-ä"], "limbs": [[0, 2]]}, "test")
NAME = 'clips/a "b", c.mp4'
Frames = list[tuple[FrameFacts, People]]


@pytest.fixture(autouse=True, params=["orjson", "json"])
def text_maker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of this with and without orjson."""
    if request.param == "json":
        monkeypatch.setitem(sys.modules, "orjson", None)


def made_frames(rng: np.random.Generator, skeleton: Skeleton, counts: tuple[int, ...] = (2, 0, 3, 1)) -> Frames:
    """Frames of a video with so many people in each."""
    return [
        (
            FrameFacts(NAME, (1280, 720), 100 + index, index, index / 29.97, True),
            made_people(rng, count, skeleton.num_keypoints, tracked=True),
        )
        for index, count in enumerate(counts)
    ]


def write_all(folder: Path, skeleton: Skeleton, frames: Frames) -> None:
    """r.json, images.json, i.json and p.csv."""
    with ExitStack() as stack:
        facts = {"model": "pose_hrnet", "flip": True, "boxes": None}
        writers = (
            stack.enter_context(CocoResults(folder / "r.json", skeleton)),
            stack.enter_context(
                InputJson(folder / "i.json", skeleton, input_name=NAME, rate=30000 / 1001, facts=facts)
            ),
            stack.enter_context(PoseCsv(folder / "p.csv", skeleton)),
        )
        for frame, people in frames:
            for writer in writers:
                writer.add(frame, people)


def content(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def check_schemas(folder: Path) -> None:
    for file, schema in (("r", "coco_results"), ("images", "coco_images"), ("i", "input")):
        definition = content(SCHEMAS / f"{schema}.json")
        Draft202012Validator.check_schema(definition)
        Draft202012Validator(definition).validate(content(folder / f"{file}.json"))


def from_json(folder: Path) -> Iterator[tuple[Any, ...]]:
    """frame, time, person, track, numbers of each person."""
    written = content(folder / "i.json")
    for frame in written["frames"]:
        for index, person in enumerate(frame["people"]):
            assert list(person["keypoints"]) == written["keypoint_names"]
            rows = list(person["keypoints"].values())
            numbers = [person["score"], *person["box"], person["box_score"], *(value for row in rows for value in row)]
            yield frame["frame"], frame["time"], index, person["id"], numbers


def from_csv(folder: Path, skeleton: Skeleton) -> Iterator[tuple[Any, ...]]:
    with (folder / "p.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert list(row) == csv_columns(skeleton)
            assert row["input"] == NAME
            track = int(row["track_id"]) if row["track_id"] else None
            numbers = [float(value) for value in list(row.values())[5:]]
            yield int(row["frame"]), float(row["time"]), int(row["person"]), track, numbers


def from_coco(folder: Path, skeleton: Skeleton) -> Iterator[tuple[Any, ...]]:
    """Without the scores of boxes, which COCO's results do not have."""
    images = {image["id"]: image for image in content(folder / "images.json")["images"]}
    records = read_results(folder / "r.json")
    seen: dict[int, int] = {}
    for record in joined_results(records, skeleton.num_keypoints, skeleton.form, "r.json"):
        image = images[record["image_id"]]
        person = seen[record["image_id"]] = seen.get(record["image_id"], -1) + 1
        numbers = [record["score"], *record["bbox"], *record["keypoints"]]
        yield image["frame_index"], image["time"], person, record.get("track_id"), numbers


@pytest.mark.parametrize("skeleton", [COCO_SET, WHOLE_BODY, ODD], ids=lambda skeleton: skeleton.name)
def test_all_formats_hold_the_same_numbers(tmp_path: Path, rng: np.random.Generator, skeleton: Skeleton) -> None:
    frames = made_frames(rng, skeleton)
    before = [people.keypoints.copy() for _, people in frames]
    write_all(tmp_path, skeleton, frames)
    check_schemas(tmp_path)
    rows = list(from_json(tmp_path))
    assert rows == list(from_csv(tmp_path, skeleton))
    assert [(*row[:4], row[4][:5] + row[4][6:]) for row in rows] == list(from_coco(tmp_path, skeleton))
    expected = [
        (frame, people, index) for frame, people in frames for index in range(len(people))
    ]  # one after another, in their order
    assert len(rows) == len(expected) == 6
    for (index, time, person, track, numbers), (frame, people, own) in zip(rows, expected, strict=True):
        assert (index, person) == (frame.index, own)
        assert time == pytest.approx(frame.time, abs=1e-6)
        assert track == (None if people.track_ids[own] < 0 else people.track_ids[own])
        values = np.array(numbers)
        np.testing.assert_allclose(values[1:5], people.boxes.xywh[own], atol=5.1e-4)
        np.testing.assert_allclose(values[[0, 5]], [people.scores[own], people.boxes.scores[own]], atol=5.1e-6)
        points = values[6:].reshape(-1, 3)
        np.testing.assert_allclose(points[:, :2], people.keypoints[own, :, :2], atol=5.1e-4)
        np.testing.assert_allclose(points[:, 2], people.keypoints[own, :, 2], atol=5.1e-6)
    assert all(np.array_equal(a, people.keypoints) for a, (_, people) in zip(before, frames, strict=True))


def test_the_head_of_an_input(tmp_path: Path, rng: np.random.Generator) -> None:
    write_all(tmp_path, COCO_SET, made_frames(rng, COCO_SET))
    written = content(tmp_path / "i.json")
    assert (written["width"], written["height"], written["rate"]) == (1280, 720, 29.97003)
    assert written["input"] == NAME
    assert written["keypoint_names"] == list(COCO_SET.names)
    assert [tuple(limb) for limb in written["limbs"]] == list(COCO_SET.limbs)
    assert written["made_with"] == {"model": "pose_hrnet", "flip": True, "boxes": None}
    assert [frame["image_id"] for frame in written["frames"]] == [100, 101, 102, 103]


def test_images_of_a_video_and_pictures(tmp_path: Path, rng: np.random.Generator) -> None:
    with CocoResults(tmp_path / "r.json", WHOLE_BODY) as writer:
        writer.add(FrameFacts("deep/a.jpg", (5, 4), 139), made_people(rng, 1, 133))
        writer.add(FrameFacts("b.mp4", (6, 7), 140, 12, 0.5, True), made_people(rng, 0, 133))
    written = content(tmp_path / "images.json")
    still, moving = written["images"]
    assert still == {"id": 139, "file_name": "deep/a.jpg", "width": 5, "height": 4}
    assert moving["file_name"] == "b.mp4/000012.jpg"
    assert (moving["video"], moving["frame_index"], moving["time"]) == ("b.mp4", 12, 0.5)
    (person,) = written["categories"]
    assert person["keypoints"] == list(COCO_SET.names)
    assert [name for field, _ in WHOLE_BODY.fields for name in person[field]] == list(WHOLE_BODY.names)
    assert [[a - 1, b - 1] for a, b in person["skeleton"]] == [list(limb) for limb in WHOLE_BODY.limbs[:19]]
    (record,) = read_results(tmp_path / "r.json")
    assert [len(record[field]) for field, _ in WHOLE_BODY.fields] == [3 * count for _, count in WHOLE_BODY.fields]


@pytest.mark.parametrize("counts", [(), (0, 0)])
def test_nobody(tmp_path: Path, rng: np.random.Generator, counts: tuple[int, ...]) -> None:
    write_all(tmp_path, COCO_SET, made_frames(rng, COCO_SET, counts))
    check_schemas(tmp_path)
    assert content(tmp_path / "r.json") == []
    assert len(content(tmp_path / "images.json")["images"]) == len(counts)
    written = content(tmp_path / "i.json")
    assert [frame["people"] for frame in written["frames"]] == [[] for _ in counts]
    assert written["width"] == (1280 if counts else None)
    assert (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines() == [",".join(csv_columns(COCO_SET))]


def test_programs_for_coco_read_the_results(tmp_path: Path, rng: np.random.Generator) -> None:
    frames = made_frames(rng, COCO_SET)
    write_all(tmp_path, COCO_SET, frames)
    truth = COCO(str(tmp_path / "images.json"))
    results = truth.loadRes(str(tmp_path / "r.json"))
    assert len(results.getAnnIds()) == 6
    assert len(results.getAnnIds(imgIds=[102])) == 3
    # The people themselves as their own annotations are found again.
    people = [{**record, "num_keypoints": 17} for record in results.dataset["annotations"]]
    truth.dataset["annotations"] = people
    truth.createIndex()
    judge = COCOeval(truth, results, "keypoints")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    assert judge.stats[0] == pytest.approx(1.0)
    annotations = read_annotations(tmp_path / "images.json", 17)
    assert len(read_detections(tmp_path / "r.json", annotations).box_xywh) == 6, "used as boxes"


@pytest.mark.parametrize("place", ["keypoints", "scores", "boxes", "huge"])
def test_a_number_that_json_does_not_have_is_refused(tmp_path: Path, rng: np.random.Generator, place: str) -> None:
    good, bad = made_people(rng, 2), made_people(rng, 2)
    if place == "boxes":
        bad = People(Boxes(np.full((2, 4), np.inf), bad.boxes.scores), bad.keypoints, bad.scores)
    else:
        column = bad.scores if place == "scores" else bad.keypoints
        column[-1:] = 1e308 if place == "huge" else np.nan
    with CocoResults(tmp_path / "r.json", COCO_SET) as writer:
        writer.add(FrameFacts("a.jpg", (9, 9), 1), good)
        with pytest.raises(PoseError, match=r"^b\.jpg, frame 0: a person has NaN or infinity.*check the model"):
            writer.add(FrameFacts("b.jpg", (9, 9), 2), bad)
    assert len(read_results(tmp_path / "r.json")) == 2
    assert [image["id"] for image in content(tmp_path / "images.json")["images"]] == [1]


def test_wrong_number_of_keypoints(tmp_path: Path, rng: np.random.Generator) -> None:
    for writer in (CocoResults(tmp_path / "r.json", ODD), PoseCsv(tmp_path / "p.csv", ODD)):
        message = r"\(2, 17, 3\) are no 3 keypoints of 2 people"
        with pytest.raises(PoseError, match=message), writer:
            writer.add(FrameFacts("a.jpg", (9, 9), 1), made_people(rng, 2))
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_the_list_of_images_is_taken(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"images\.json is the name of the list of images"):
        CocoResults(tmp_path / "images.json", COCO_SET)


def test_ctrl_c_keeps_what_was_written(tmp_path: Path, rng: np.random.Generator) -> None:
    frames = made_frames(rng, COCO_SET)

    class Interrupting(list[tuple[FrameFacts, People]]):
        def __iter__(self) -> Iterator[tuple[FrameFacts, People]]:
            yield from frames[:3]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_all(tmp_path, COCO_SET, Interrupting())
    check_schemas(tmp_path)
    assert len(list(from_json(tmp_path))) == len(list(from_coco(tmp_path, COCO_SET))) == 5
    assert sorted(file.name for file in tmp_path.iterdir()) == ["i.json", "images.json", "p.csv", "r.json"]


def test_names_that_are_no_text(tmp_path: Path, rng: np.random.Generator) -> None:
    """Linux allows file names that are no UTF-8; Python gives them with lone surrogates."""
    odd = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    frame = FrameFacts(odd, (9, 9), 1)
    with (
        InputJson(tmp_path / "i.json", COCO_SET, input_name=odd, facts={"weights": odd, "flip": True}) as one,
        PoseCsv(tmp_path / "p.csv", COCO_SET) as two,
        CocoResults(tmp_path / "r.json", COCO_SET) as three,
    ):
        for writer in (one, two, three):
            writer.add(frame, made_people(rng, 1))
    assert content(tmp_path / "i.json")["input"] == "caf\\udce9.jpg"
    assert content(tmp_path / "i.json")["made_with"] == {"weights": "caf\\udce9.jpg", "flip": True}
    assert content(tmp_path / "images.json")["images"][0]["file_name"] == "caf\\udce9.jpg"


def test_the_csv_file_is_that_of_the_rfc(tmp_path: Path, rng: np.random.Generator) -> None:
    write_all(tmp_path, ODD, made_frames(rng, ODD))
    lines = (tmp_path / "p.csv").read_bytes().split(b"\r\n")
    assert len(lines) == 8, "header, six people, nothing after the last line break"
    assert lines[-1] == b""
    assert lines[1].startswith(b'"clips/a ""b"", c.mp4",0,0.0,0,7,')


def test_numbers_are_short_and_zero_has_no_sign(tmp_path: Path) -> None:
    people = People(Boxes.of([[-0.0, 1 / 3, 2, 3]]), np.full((1, 3, 3), -1e-9), np.array([2 / 3]))
    with InputJson(tmp_path / "i.json", ODD, input_name="a.jpg") as writer:
        writer.add(FrameFacts("a.jpg", (9, 9), 1, time=-1e-9), people)
    text = (tmp_path / "i.json").read_text(encoding="utf-8")
    assert '"score":0.66667,"box":[0.0,0.333,2.0,3.0],"box_score":1.0' in text
    assert "-0.0" not in text


def test_the_documented_files_are_valid_and_explained(repository: Path) -> None:
    text = (repository / "docs" / "OUTPUTS.md").read_text(encoding="utf-8")
    examples = [json.loads(block.split("```")[0]) for block in text.split("```json\n")[1:]]
    for example, schema in zip(examples, ("input", "coco_results", "coco_images"), strict=True):
        definition = content(SCHEMAS / f"{schema}.json")
        Draft202012Validator(definition).validate(example)
        assert f"lib/writers/schema/{schema}.json" in text
    assert all(f"`{column}`" in text for column in FIRST_COLUMNS)
    broken = {**examples[0], "frames": [{**examples[0]["frames"][0], "people": [{"id": 3}]}]}
    with pytest.raises(ValidationError):
        Draft202012Validator(content(SCHEMAS / "input.json")).validate(broken)


def test_results_are_plotted_from_the_list_of_images(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CocoResults(tmp_path / "r.json", COCO_SET) as writer:
        for index in range(2):
            frame = FrameFacts("a.mp4", (64, 48), index + 1, index, index / 25, True)
            save_image(tmp_path / f"a.mp4/{index:06d}.jpg", np.zeros((48, 64, 3), np.uint8))
            writer.add(frame, made_people(rng, 2, far=40.0))
    words = ["--prediction", "r.json", "--gt-anno", "images.json", "--image-path", ".", "--save-path", "out"]
    monkeypatch.setattr(sys, "argv", ["plot_coco.py", *words, "--score-thr", "0", "--boxes"])
    monkeypatch.chdir(tmp_path)
    plot()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["000000.png", "000001.png"]


def test_many_frames_need_the_memory_of_one(tmp_path: Path, rng: np.random.Generator) -> None:
    people = made_people(rng, 5)
    frames = [FrameFacts("a.mp4", (9, 9), index, index, index / 30, True) for index in range(100)]
    tracemalloc.start()
    try:
        write_all(tmp_path, COCO_SET, [(frame, people) for frame in frames])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    written = sum(file.stat().st_size for file in tmp_path.iterdir())
    assert written > 800_000
    assert peak < 300_000
