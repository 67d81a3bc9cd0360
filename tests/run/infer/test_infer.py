"""Runs over pictures and videos, without a network where it plays no part."""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from helpers.infer_runs import run_inputs
from helpers.made_videos import pan_zoom, write_video
from helpers.pattern_estimator import STANDING, PatternEstimator
from helpers.tiny_run import write_json

from lib.detectors import BoxFile
from lib.run.infer.events import Shown
from lib.run.infer.locate import ByDetector, FromFile, FullFrame
from lib.run.infer.outputs import Counts
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from lib.utils.logging import close_log
from lib.utils.people import Boxes
from visualization.people_pictures import DrawingOptions

Run = Callable[..., Counts]


@pytest.fixture(autouse=True)
def _closed_log() -> Iterator[None]:
    yield
    close_log()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the steps over inputs into tmp_path/out."""
    return partial(run_inputs, tmp_path / "out")


def _pictures(folder: Path, *names: str, size_wh: tuple[int, int] = (40, 60)) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((size_wh[1], size_wh[0], 3), 20 * number, np.uint8))
    return folder


def _json(path: Path) -> object:
    return json.loads(path.read_text())


def _video_facts(path: Path) -> tuple[int, tuple[int, int], float]:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        return len(frames), (frames[0].width, frames[0].height), float(frames[-1].pts * frames[-1].time_base)


def test_a_folder_with_a_broken_picture_in_the_middle(run: Run, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "in", "a.png", "c.png", "sub/a.jpg")
    (folder / "b.jpg").write_bytes(b"\xff\xd8 no picture")
    (folder / "notes.txt").write_text("no input")

    counts = run(folder)

    assert (counts.inputs, counts.frames, counts.people) == (4, 3, 3)
    assert len(counts.failures) == 1
    assert "b.jpg" in counts.failures[0]
    drawn = sorted(str(path.relative_to(tmp_path / "out" / "pictures")) for path in (tmp_path / "out").rglob("*.png"))
    assert drawn == ["a.png", "c.png", "sub/a.png"]
    results = _json(tmp_path / "out" / "results.json")
    images = _json(tmp_path / "out" / "images.json")
    assert [image["file_name"] for image in images["images"]] == ["a.png", "c.png", "sub/a.jpg"]
    assert [record["image_id"] for record in results] == [image["id"] for image in images["images"]]
    np.testing.assert_allclose(np.reshape(results[0]["keypoints"], (17, 3))[:, :2], STANDING * [40, 60], atol=1e-3)
    rows = list(csv.DictReader((tmp_path / "out" / "people.csv").open(newline="")))
    assert [row["input"] for row in rows] == ["a.png", "c.png", "sub/a.jpg"]
    assert not list((tmp_path / "out").rglob(".*"))


def test_people_of_several_pictures_share_a_call(run: Run, tmp_path: Path) -> None:
    estimator = PatternEstimator()
    run(_pictures(tmp_path / "in", *(f"{number:02}.png" for number in range(11))), estimator=estimator)
    assert estimator.calls == [8, 3]


def test_a_video_keeps_size_length_and_ids(run: Run, tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 255, (300, 400, 3), np.uint8)
    photo = cv2.GaussianBlur(photo, (0, 0), 5)
    _, matrices = pan_zoom(photo, 30, (160, 120), tmp_path / "moving.mp4", sound=True)
    people = np.array([[120.0, 90, 60, 120], [220, 100, 50, 110]])
    images, annotations = [], []
    for number, matrix in enumerate(matrices):
        images.append(
            {"id": 100 + number, "file_name": "moving.mp4", "frame_index": number, "width": 160, "height": 120}
        )
        for box in people:
            left_top = matrix[:, :2] @ box[:2] + matrix[:, 2]
            xywh = [*left_top.tolist(), *(box[2:] * matrix[0, 0]).tolist()]
            annotations.append({"id": len(annotations), "image_id": 100 + number, "category_id": 1, "bbox": xywh})
    write_json(tmp_path / "boxes.json", {"images": images, "annotations": annotations, "categories": []})

    counts = run(tmp_path / "moving.mp4", locator=FromFile(BoxFile(tmp_path / "boxes.json")), smooth=False)

    assert (counts.frames, counts.people) == (30, 60)
    frames, size_wh, last = _video_facts(tmp_path / "out" / "pictures" / "moving.mp4")
    assert (frames, size_wh) == (30, (160, 120))
    assert last == pytest.approx(29 / 25, abs=1e-3)
    with av.open(str(tmp_path / "out" / "pictures" / "moving.mp4")) as container:
        assert len(container.streams.audio) == 1
    content = _json(tmp_path / "out" / "json" / "moving.json")
    assert [frame["image_id"] for frame in content["frames"]] == list(range(100, 130))
    assert [frame["time"] for frame in content["frames"]] == pytest.approx(np.arange(30) / 25)
    ids = [[person["id"] for person in frame["people"]] for frame in content["frames"]]
    assert ids == [[1, 2]] * 30 or ids == [[2, 1]] * 30


def test_people_are_followed_between_two_detections(run: Run, tmp_path: Path) -> None:
    frames = [np.full((120, 160, 3), 90, np.uint8)] * 20
    write_video(tmp_path / "still.mp4", frames)
    looked: list[int] = []

    def detector(pictures: Sequence[np.ndarray]) -> list[Boxes]:
        looked.append(len(pictures))
        return [Boxes.of([[40.0, 10, 50, 100]], [0.8])] * len(pictures)

    run(tmp_path / "still.mp4", locator=ByDetector(detector, "made", 5))

    assert sum(looked) == 4
    people = [frame["people"] for frame in _json(tmp_path / "out" / "json" / "still.json")["frames"]]
    assert [len(found) for found in people] == [1] * 20
    assert {person["id"] for found in people for person in found} == {1}
    # Boxes from poses follow the keypoints, and the score of the detection stays.
    widths = [found[0]["box"][2] for found in people]
    assert widths[0] == widths[5] == 50
    assert all(width != 50 for width in widths[1:5])
    assert {found[0]["box_score"] for found in people} == {0.8}


def test_smoothing_changes_followed_people_only(run: Run, tmp_path: Path) -> None:
    write_video(tmp_path / "shaking.mp4", [np.full((120, 160, 3), 90, np.uint8)] * 12)
    images = [{"id": n, "file_name": "shaking.mp4", "frame_index": n, "width": 160, "height": 120} for n in range(12)]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [40.0 + 4 * (n % 2), 10, 50, 100]} for n in range(12)]
    write_json(tmp_path / "boxes.json", {"images": images, "annotations": boxes, "categories": []})

    def shaking(**options: bool) -> float:
        run(tmp_path / "shaking.mp4", locator=FromFile(BoxFile(tmp_path / "boxes.json")), kinds=["json"], **options)
        frames = _json(tmp_path / "out" / "json" / "shaking.json")["frames"]
        return float(np.std([frame["people"][0]["keypoints"]["nose"][0] for frame in frames[6:]]))

    assert shaking(smooth=False) == pytest.approx(2.0)
    assert shaking(track=False) == pytest.approx(2.0)
    assert shaking() < 1.0


def test_nobody_one_frame_one_pixel_and_odd_sizes(run: Run, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "in", "pixel.png", size_wh=(1, 1))
    _pictures(folder, "odd.png", size_wh=(33, 47))
    write_video(folder / "short.mp4", [np.full((47, 33, 3), 90, np.uint8)], pix_fmt="yuv444p")
    nobody = ByDetector(lambda pictures: [Boxes.none()] * len(pictures), "blind", 1)

    for locator in (nobody, FullFrame()):
        counts = run(folder, locator=locator)
        assert counts.frames == 3
        assert counts.failures == []
        assert read_image(tmp_path / "out" / "pictures" / "pixel.png").shape == (1, 1, 3)
        assert read_image(tmp_path / "out" / "pictures" / "odd.png").shape == (47, 33, 3)
        (video,) = (tmp_path / "out" / "pictures").glob("*.mp4")
        assert _video_facts(video)[:2] == (1, (33, 47))
        assert len(_json(tmp_path / "out" / "results.json")) == counts.people
    run(folder, locator=nobody)
    assert _json(tmp_path / "out" / "results.json") == []
    assert _json(tmp_path / "out" / "json" / "pixel.json")["frames"][0]["people"] == []
    assert len((tmp_path / "out" / "people.csv").read_text().splitlines()) == 1


def test_an_interruption_keeps_what_was_done(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _pictures(tmp_path / "in", "a.png", "b.png")
    write_video(folder / "c.mp4", [np.full((60, 40, 3), 90, np.uint8)] * 10)
    shown: list[Shown] = []

    def interrupted(event: Shown, *_: object) -> np.ndarray:
        shown.append(event)
        if len(shown) == 6:
            raise KeyboardInterrupt
        return event.frame.image

    monkeypatch.setattr("lib.run.infer.outputs.draw_estimate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(folder)

    assert _video_facts(tmp_path / "out" / "pictures" / "c.mp4")[0] == 3
    assert len(_json(tmp_path / "out" / "json" / "c.json")["frames"]) == 4
    assert len(_json(tmp_path / "out" / "results.json")) == 6
    assert len((tmp_path / "out" / "people.csv").read_text().splitlines()) == 7
    assert not list((tmp_path / "out").rglob(".*"))


def test_a_failure_leaves_nothing_half_written(run: Run, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "in", "a.png")
    write_video(folder / "b.mp4", [np.full((60, 40, 3), 90, np.uint8)] * 20)

    def fail_later(_: Sequence[np.ndarray]) -> None:
        if len(estimator.calls) == 2:
            raise PoseError("the network's output is NaN.")

    estimator = PatternEstimator(before=fail_later)
    with pytest.raises(PoseError, match="NaN"):
        run(folder, estimator=estimator)
    files = sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert files == ["a.json", "a.png"]


def test_drawing_options_change_pictures_alone(run: Run, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "in", "a.png")
    options = {
        "plain": DrawingOptions(),
        "boxless": DrawingOptions(show_boxes=False),
        "hidden": DrawingOptions(show_boxes=False, kpt_threshold=0.95),
        "black": DrawingOptions(black_background=True, show_labels=True),
        "heat": DrawingOptions(heatmap=True),
    }
    pictures, data = {}, set()
    for name, drawing in options.items():
        run(folder, drawing=drawing)
        pictures[name] = read_image(tmp_path / "out" / "pictures" / "a.png")
        data.add((tmp_path / "out" / "results.json").read_text())
    assert len(data) == 1
    assert (pictures["hidden"] == read_image(folder / "a.png")).all()
    assert len({picture.tobytes() for picture in pictures.values()}) == len(options)


def test_ids_of_pictures_that_the_box_file_does_not_know(run: Run, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "in", "a.png", "b.png", "c.png")
    images = [{"id": 2, "file_name": "b.png", "width": 40, "height": 60}, {"id": 9, "file_name": "x.png"}]
    write_json(
        tmp_path / "boxes.json",
        {"images": images, "annotations": [{"id": 1, "image_id": 2, "category_id": 1, "bbox": [1, 2, 30, 40]}]},
    )
    run(folder, locator=FromFile(BoxFile(tmp_path / "boxes.json")))
    images = _json(tmp_path / "out" / "images.json")["images"]
    assert [(image["file_name"], image["id"]) for image in images] == [("a.png", 10), ("b.png", 2), ("c.png", 11)]


def test_boxes_for_pixels_of_another_size_are_left_out(run: Run, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "in", "a.png", "b.png")
    images = [
        {"id": 1, "file_name": "a.png", "width": 60, "height": 40},
        {"id": 2, "file_name": "b.png", "width": 40, "height": 60},
    ]
    boxes = [{"id": n, "image_id": n, "category_id": 1, "bbox": [1, 2, 30, 30]} for n in (1, 2)]
    write_json(tmp_path / "boxes.json", {"images": images, "annotations": boxes})
    run(folder, locator=FromFile(BoxFile(tmp_path / "boxes.json")))
    assert [record["image_id"] for record in _json(tmp_path / "out" / "results.json")] == [2]


def test_results_serve_as_boxes(run: Run, tmp_path: Path) -> None:
    folder = _pictures(tmp_path / "in", "a.png", "sub/b.png")
    write_video(folder / "c.mp4", [np.full((60, 40, 3), 90, np.uint8)] * 4)
    run(folder)
    first = _json(tmp_path / "out" / "results.json")
    (tmp_path / "kept.json").write_text((tmp_path / "out" / "results.json").read_text())
    (tmp_path / "images.json").write_text((tmp_path / "out" / "images.json").read_text())

    run(folder, locator=FromFile(BoxFile(tmp_path / "kept.json", tmp_path / "images.json")))

    again = _json(tmp_path / "out" / "results.json")
    for one, other in zip(first, again, strict=True):
        assert one["image_id"] == other["image_id"]
        np.testing.assert_allclose(one["bbox"], other["bbox"])
