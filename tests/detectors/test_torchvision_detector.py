"""torchvision's detectors: people alone, at the right places, from pictures of any size."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.models import detection
from torchvision.models.detection.image_list import ImageList

from lib.detectors.detector import Detector, full_frame
from lib.detectors.torchvision_detector import NAMES, TorchvisionDetector, detector_name
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from lib.utils.people import Boxes

CPU = torch.device("cpu")
# From 200 pixels on, Faster R-CNN as it is tested here would have less than one row left.
SIZES_HW = [(1, 1), (3, 2000), (1, 2000), (2000, 1), (1, 399), (48, 64), (64, 48)]
SSD_PIXELS, CLASSES = 320, 91
BACKGROUND, PERSON, CAT = 0, 1, 17


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building a detector with random weights or from a file fetches nothing."""

    def refuse(*_arguments: Any, **_more: Any) -> None:
        raise AssertionError("a download was tried")

    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)


def _detector(name: str, **settings: Any) -> TorchvisionDetector:
    """One with random weights that keeps whatever it finds; Faster R-CNN with smaller pictures and fewer proposals."""
    defaults = {"weights": None, "device": CPU, "score_threshold": 0.0, "nms_threshold": 0.5, "max_people": 50}
    detector = TorchvisionDetector(name, **(defaults | settings))
    return _smaller(detector) if name == "fasterrcnn" else detector


def _smaller(detector: TorchvisionDetector) -> TorchvisionDetector:
    detector.model.transform.min_size, detector.model.transform.max_size = (64,), 200
    detector.model.rpn._post_nms_top_n["testing"] = 30
    return detector


@pytest.fixture(scope="module")
def detectors() -> dict[str, Detector]:
    torch.manual_seed(0)
    return {name: _detector(name) for name in NAMES}


def _picture(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def _check_sound(boxes: Boxes, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    x, y, w, h = boxes.xywh.T
    assert np.isfinite(boxes.xywh).all()
    assert (x >= 0).all()
    assert (y >= 0).all()
    assert (w > 0).all()
    assert (h > 0).all()
    assert (x + w <= width + 1e-9).all()
    assert (y + h <= height + 1e-9).all()
    assert (np.diff(boxes.scores) <= 0).all()
    assert boxes.xywh.dtype == boxes.scores.dtype == np.float64


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_any_size(detectors: dict[str, Detector], rng: np.random.Generator, name: str) -> None:
    pictures = [_picture(rng, *size) for size in SIZES_HW]
    before = [picture.copy() for picture in pictures]
    found = detectors[name](pictures)
    assert sum(map(len, found)) > 0
    for boxes, picture, copy in zip(found, pictures, before, strict=True):
        _check_sound(boxes, picture)
        np.testing.assert_array_equal(picture, copy)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_does_not_depend_on_its_neighbours(
    detectors: dict[str, Detector], rng: np.random.Generator, name: str
) -> None:
    pictures = [_picture(rng, *size) for size in [(64, 48), (48, 90), (64, 48)]]
    together = detectors[name](pictures)
    for picture, boxes in zip(pictures, together, strict=True):
        (alone,) = detectors[name]([picture])
        assert len(boxes) == len(alone)
        np.testing.assert_allclose(boxes.scores, alone.scores, rtol=1e-4, atol=1e-6)


def test_arrays_in_any_memory(detectors: dict[str, Detector], rng: np.random.Generator) -> None:
    picture = _picture(rng, 40, 60)
    frozen = picture.copy()
    frozen.setflags(write=False)
    mirrored = np.ascontiguousarray(picture[:, ::-1])[:, ::-1]
    for same in detectors["ssdlite"]([picture, frozen, mirrored]):
        np.testing.assert_allclose(same.scores, detectors["ssdlite"]([picture])[0].scores, rtol=1e-5)


def test_no_pictures(detectors: dict[str, Detector]) -> None:
    assert detectors["ssdlite"]([]) == []
    assert detectors["fasterrcnn"]([]) == []


@pytest.mark.parametrize("picture", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), np.uint8)])
def test_no_picture(detectors: dict[str, Detector], rng: np.random.Generator, picture: np.ndarray) -> None:
    with pytest.raises(PoseError, match=r"^picture 1 .* give uint8 RGB"):
        detectors["ssdlite"]([_picture(rng, 4, 4), picture])


@pytest.mark.parametrize("name", ["ssdlite", pytest.param("fasterrcnn", marks=pytest.mark.slow)])
def test_real_pictures(shared: Path, name: str) -> None:
    files = sorted((shared / "coco-mini" / "images" / "val2017").glob("*.jpg"))[:3]
    pictures = [read_image(file) for file in files]
    for boxes, picture in zip(_detector(name)(pictures), pictures, strict=True):
        _check_sound(boxes, picture)


@pytest.mark.parametrize("name", ["ssdlite", pytest.param("fasterrcnn", marks=pytest.mark.slow)])
def test_the_people_of_torchvision(tmp_path: Path, rng: np.random.Generator, name: str) -> None:
    """Where torchvision's limit on all classes cuts nothing off, its people are ours, with the same scores."""
    model, threshold, limit = _published(name)
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    detector = _detector(name, weights=tmp_path / "weights.pth", score_threshold=threshold, max_people=limit)
    if name == "ssdlite":
        # Random weights give all places nearly the same scores; random logits tell them apart.
        logits, regression = torch.randn(1, 3234, CLASSES) * 2.0, torch.randn(1, 3234, 4)
        model.head.forward = lambda _: {"cls_logits": logits.clone(), "bbox_regression": regression.clone()}
        detector.model.head.forward = model.head.forward
    picture = _picture(rng, 60, 80)
    with torch.inference_mode():
        (output,) = model([torch.from_numpy(picture).permute(2, 0, 1) / 255.0])
    is_person = output["labels"] == PERSON
    corners, scores = output["boxes"][is_person].double().numpy(), output["scores"][is_person].double().numpy()
    (boxes,) = detector([picture])
    assert 0 < len(boxes) == len(scores)
    np.testing.assert_allclose(boxes.scores, scores, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(boxes.xywh[:, :2], corners[:, :2], atol=1e-3)
    np.testing.assert_allclose(boxes.xywh[:, 2:], corners[:, 2:] - corners[:, :2], atol=1e-3)


def _published(name: str) -> tuple[Any, float, int]:
    """torchvision's own model with all its classes, its score threshold, and a limit that it does not reach."""
    torch.manual_seed(3)
    threshold, limit = 0.0 if name == "fasterrcnn" else 0.05, 100_000
    if name == "fasterrcnn":
        model = detection.fasterrcnn_resnet50_fpn_v2(
            weights=None, weights_backbone=None, box_score_thresh=threshold, box_detections_per_img=limit
        )
        model.transform.min_size, model.transform.max_size = (64,), 200
        model.rpn._post_nms_top_n["testing"] = 30
        # Random weights of the last layer alone tell the classes apart too little.
        torch.nn.init.normal_(model.roi_heads.box_predictor.cls_score.bias)
    else:
        model = detection.ssdlite320_mobilenet_v3_large(
            weights=None,
            weights_backbone=None,
            score_thresh=threshold,
            nms_thresh=0.5,
            detections_per_img=limit,
            topk_candidates=limit,
        )
    return model.eval(), threshold, limit


class _Scene:
    """Boxes planted in the raw output of SSDLite, before any threshold; all other anchors see the background."""

    def __init__(self, detector: TorchvisionDetector, size_wh: tuple[int, int]) -> None:
        self.detector, self.size_wh = detector, size_wh
        image = torch.zeros(1, 3, SSD_PIXELS, SSD_PIXELS)
        features = list(detector.model.backbone(image).values())
        (anchors,) = detector.model.anchor_generator(ImageList(image, [(SSD_PIXELS, SSD_PIXELS)]), features)
        self.anchors = anchors.double().numpy()
        self.logits = torch.zeros(1, len(anchors), CLASSES)
        self.logits[..., BACKGROUND] = 50.0
        self.regression = torch.zeros(1, len(anchors), 4)
        self.used = 0
        detector.model.head.forward = self._forward

    def _forward(self, _features: list[Tensor]) -> dict[str, Tensor]:
        return {"bbox_regression": self.regression.clone(), "cls_logits": self.logits.clone()}

    def plant(self, xywh: tuple[float, float, float, float], score: float, label: int = PERSON) -> None:
        """Give the next anchor this box in the picture, and the class this probability, shared with the background."""
        x, y, w, h = (
            value * SSD_PIXELS / size for value, size in zip(xywh, (*self.size_wh, *self.size_wh), strict=True)
        )
        left, top, right, bottom = self.anchors[self.used]
        width, height = right - left, bottom - top
        self.regression[0, self.used] = torch.tensor(
            [
                10.0 * (x + w / 2 - (left + right) / 2) / width,
                10.0 * (y + h / 2 - (top + bottom) / 2) / height,
                5.0 * math.log(w / width),
                5.0 * math.log(h / height),
            ]
        )
        self.logits[0, self.used] = -50.0
        self.logits[0, self.used, BACKGROUND] = 0.0
        self.logits[0, self.used, label] = math.log(score / (1.0 - score))
        self.used += 1

    def found(self) -> Boxes:
        width, height = self.size_wh
        (boxes,) = self.detector([np.zeros((height, width, 3), np.uint8)])
        return boxes


Plant = Callable[..., _Scene]


@pytest.fixture
def scene() -> Plant:
    def make(size_wh: tuple[int, int] = (640, 400), **settings: Any) -> _Scene:
        return _Scene(_detector("ssdlite", **({"score_threshold": 0.3} | settings)), size_wh)

    return make


def test_planted_people_are_found(scene: Plant) -> None:
    planted = scene()
    people = [((300.0, 40.0, 90.0, 200.0), 0.6), ((20.0, 100.0, 50.0, 120.0), 0.9), ((500.0, 5.0, 100.0, 300.0), 0.31)]
    for box, score in people:
        planted.plant(box, score)
    planted.plant((200.0, 200.0, 60.0, 60.0), 0.29)
    planted.plant((400.0, 300.0, 60.0, 60.0), 0.99, CAT)
    found = planted.found()
    best_first = sorted(people, key=lambda person: -person[1])
    np.testing.assert_allclose(found.scores, [score for _, score in best_first], atol=1e-5)
    np.testing.assert_allclose(found.xywh, [box for box, _ in best_first], atol=1e-2)


def test_nobody(scene: Plant) -> None:
    planted = scene()
    planted.plant((400.0, 300.0, 60.0, 60.0), 0.99, CAT)
    assert len(planted.found()) == 0


def test_other_classes_do_not_crowd_people_out(scene: Plant) -> None:
    planted = scene(max_people=2)
    for index in range(300):
        planted.plant((2.0 * index, 10.0, 30.0, 100.0), 0.99, CAT)
    planted.plant((20.0, 100.0, 50.0, 120.0), 0.5)
    np.testing.assert_allclose(planted.found().scores, [0.5], atol=1e-5)


def test_other_classes_do_not_suppress_people(scene: Plant) -> None:
    planted = scene()
    planted.plant((20.0, 100.0, 50.0, 120.0), 0.99, CAT)
    planted.plant((21.0, 100.0, 50.0, 120.0), 0.5)
    np.testing.assert_allclose(planted.found().scores, [0.5], atol=1e-5)


def test_the_best_remain_at_the_limit(scene: Plant) -> None:
    planted = scene(max_people=3)
    for index in range(6):
        planted.plant((100.0 * index, 10.0, 60.0, 100.0), 0.4 + 0.05 * index)
    np.testing.assert_allclose(planted.found().scores, [0.65, 0.6, 0.55], atol=1e-5)


@pytest.mark.parametrize(("threshold", "kept"), [(0.45, 1), (0.55, 2)])
def test_suppression(scene: Plant, threshold: float, kept: int) -> None:
    planted = scene(nms_threshold=threshold)
    planted.plant((100.0, 100.0, 60.0, 100.0), 0.9)
    planted.plant((120.0, 100.0, 60.0, 100.0), 0.8)  # IoU 40 / 80
    assert len(planted.found()) == kept


def test_boxes_end_at_the_border(scene: Plant) -> None:
    planted = scene()
    planted.plant((-30.0, 350.0, 90.0, 90.0), 0.9)
    planted.plant((700.0, 100.0, 50.0, 50.0), 0.8)  # outside
    np.testing.assert_allclose(planted.found().xywh, [[0.0, 350.0, 60.0, 50.0]], atol=1e-2)


def test_numbers_that_are_not_finite_are_nobody(scene: Plant) -> None:
    planted = scene()
    planted.plant((20.0, 100.0, 50.0, 120.0), 0.9)
    planted.plant((300.0, 100.0, 50.0, 120.0), 0.8)
    planted.plant((500.0, 100.0, 50.0, 120.0), 0.7)
    planted.regression[0, 0] = math.nan
    planted.logits[0, 1] = math.nan
    np.testing.assert_allclose(planted.found().scores, [0.7], atol=1e-5)


def test_more_people_than_published_candidates(scene: Plant) -> None:
    planted = scene(max_people=500)
    for index in range(500):
        planted.plant((12.0 * (index % 50), 35.0 * (index // 50), 10.0, 30.0), 0.9)
    assert len(planted.found()) == 500


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"score_threshold": 1.5}, "score threshold of the detector is 1.5"),
        ({"nms_threshold": math.nan}, "NMS threshold of the detector is nan"),
        ({"max_people": 0}, "at most 0 people"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(PoseError, match=message):
        _detector("ssdlite", **settings)


def test_names() -> None:
    assert detector_name("auto", CPU) == "ssdlite"
    assert detector_name("auto", torch.device("cuda")) == "fasterrcnn"
    assert detector_name("fasterrcnn", CPU) == "fasterrcnn"
    with pytest.raises(PoseError, match="detector 'yolo' is unknown; use auto, fasterrcnn or ssdlite"):
        detector_name("yolo", CPU)


def test_full_frame() -> None:
    boxes = full_frame((640, 480))
    np.testing.assert_array_equal(boxes.xywh, [[0, 0, 640, 480]])
    np.testing.assert_array_equal(boxes.scores, [1])
