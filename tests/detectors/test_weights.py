"""Weights of detectors: from files, from torch.hub's folder, and what is said where there are none."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import pytest
import torch

from lib.detectors.torchvision_detector import TorchvisionDetector
from lib.detectors.weights import TIMEOUT, fetch_weights, weights_location
from lib.utils.errors import PoseError

State = Mapping[str, torch.Tensor]


@pytest.fixture(autouse=True)
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """torch.hub's folder, empty, and no network."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "download_url_to_file", _unreachable)
    return tmp_path / "hub" / "checkpoints"


def _unreachable(*_arguments: Any, **_more: Any) -> None:
    raise URLError(OSError("Network is unreachable\nat all."))


def _detector(weights: str | Path | None, name: str = "ssdlite") -> TorchvisionDetector:
    return TorchvisionDetector(
        name, weights=weights, device=torch.device("cpu"), score_threshold=0.0, nms_threshold=0.5, max_people=20
    )


@pytest.fixture(scope="module")
def trained() -> TorchvisionDetector:
    """A detector that stands for a trained one."""
    torch.manual_seed(5)
    detector = _detector(None)
    for block in detector.model.head.classification_head.module_list:
        torch.nn.init.normal_(block[-1].bias)
    return detector


def _sentence(error: pytest.ExceptionInfo[PoseError]) -> str:
    text = str(error.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("key", [None, "model", "state_dict"])
def test_round_trip(trained: TorchvisionDetector, tmp_path: Path, rng: np.random.Generator, key: str | None) -> None:
    state = trained.model.state_dict()
    torch.save(state if key is None else {key: state, "epoch": 3}, tmp_path / "own.pth")
    picture = rng.integers(0, 256, (50, 70, 3), dtype=np.uint8)
    torch.manual_seed(99)
    (expected,), (found,) = trained([picture]), _detector(tmp_path / "own.pth")([picture])
    np.testing.assert_array_equal(found.xywh, expected.xywh)
    np.testing.assert_array_equal(found.scores, expected.scores)
    assert len(found)


def test_weights_of_another_detector(trained: TorchvisionDetector, tmp_path: Path) -> None:
    torch.save(trained.model.state_dict(), tmp_path / "own.pth")
    with pytest.raises(PoseError, match=r"own\.pth are not those of fasterrcnn \(\d+ missing: ") as error:
        _detector(tmp_path / "own.pth", "fasterrcnn")
    assert "not known: " in _sentence(error)


def test_weights_that_lack_a_tensor_or_have_another_shape(trained: TorchvisionDetector, tmp_path: Path) -> None:
    state = dict(trained.model.state_dict())
    first, second = list(state)[:2]
    del state[first]
    state[second] = state[second][:-1]
    torch.save(state, tmp_path / "cut.pth")
    with pytest.raises(PoseError) as error:
        _detector(tmp_path / "cut.pth")
    assert f"(1 missing: {first}, 1 of another shape: {second})" in _sentence(error)


@pytest.mark.parametrize("content", [{}, [torch.zeros(3)], {"model": {"weight": 3}}, {"optimizer": {}}])
def test_a_file_without_weights(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(PoseError, match=r"other\.pth hold no weights by name") as error:
        _detector(tmp_path / "other.pth")
    _sentence(error)


def test_an_absent_file(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"nowhere\.pth does not exist"):
        _detector(tmp_path / "nowhere.pth")


@pytest.mark.parametrize("name", ["fasterrcnn", "ssdlite"])
def test_published_weights_without_a_network(hub: Path, name: str) -> None:
    with pytest.raises(PoseError) as error:
        _detector("default", name)
    text = _sentence(error)
    for part in (name, str(hub), "Network is unreachable", "--detector-weights FILE", "--boxes FILE", "--full-frame"):
        assert part in text
    assert "at all" not in text
    assert not list(hub.iterdir())


@pytest.mark.parametrize("fault", [RuntimeError('invalid hash value (expected "a")'), TimeoutError("timed out")])
def test_published_weights_that_arrive_broken(monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    def broken(*_arguments: Any, **_more: Any) -> None:
        raise fault

    monkeypatch.setattr(torch.hub, "download_url_to_file", broken)
    with pytest.raises(PoseError, match="--full-frame") as error:
        fetch_weights("ssdlite")
    assert str(fault) in _sentence(error)


def test_published_weights_are_fetched_once(
    trained: TorchvisionDetector, hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def download(url: str, place: str, digits: str, **_more: Any) -> None:
        asked.append((url.rpartition("/")[2], Path(place), digits, socket.getdefaulttimeout()))
        torch.save(trained.model.state_dict(), place)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    for _ in range(2):
        loaded = _detector("default").model.state_dict()
        assert all(torch.equal(loaded[key], value) for key, value in trained.model.state_dict().items())
    name = "ssdlite320_mobilenet_v3_large_coco-a79551df.pth"
    assert asked == [(name, hub / name, "a79551df", TIMEOUT)]
    assert socket.getdefaulttimeout() is None
    assert weights_location("fasterrcnn") == hub / "fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth"


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("a file where the folder should be")
    with pytest.raises(PoseError, match="--detector-weights"):
        fetch_weights("ssdlite")
