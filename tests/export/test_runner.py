"""tools/onnx_runner.py, which knows neither PyTorch nor lib, does what they do."""

import json
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from helpers.codecs import ENCODINGS, finest_targets, make_codec
from helpers.small_models import ThreeLayers, randomized
from helpers.tools import load_tool

from lib.codecs.base import Codec
from lib.core.inference import Preparation, forward_with_flip
from lib.core.precision import Precision
from lib.dataset.crop import Cropper
from lib.dataset.pixels import IDENTITY, StoredPixels
from lib.export.description import describe
from lib.export.export import export
from lib.export.formats import make_format
from lib.export.graph import Parts, Pixels, PoseGraph
from lib.export.parity import Parity, settled_joints
from lib.skeletons import load_skeleton

SKELETON = load_skeleton("coco")
PIXELS = Pixels((0.4, 0.5, 0.6), (0.2, 0.2, 0.2), True)
CPU = torch.device("cpu")
GOOD = Parity((1,), 1, 0, 0.0, 0.0, 0.0, 0.0)
DECODERS = [
    (encoding, decoder, variant)
    for encoding, variant in product(ENCODINGS, ("original", "mmpose"))
    for decoder in make_codec(encoding).DECODERS
]


@pytest.fixture(scope="module")
def runner() -> ModuleType:
    pytest.importorskip("onnxruntime")
    return load_tool("onnx_runner")


def _facts(codec: Codec, parts: Parts | None = None) -> Any:
    return json.loads(json.dumps(describe(codec, SKELETON, PIXELS, parts or Parts(), name="network")))


@pytest.mark.parametrize(("encoding", "decoder", "variant"), DECODERS)
def test_decoders(rng: np.random.Generator, runner: ModuleType, encoding: str, decoder: str, variant: str) -> None:
    for size_wh in ((192, 256), (100, 64)):
        heatmap_wh = size_wh[0] // 4, size_wh[1] // 4
        codec = make_codec(encoding, decoder, variant=variant, input_size_wh=size_wh, heatmap_size_wh=heatmap_wh)
        heatmaps, _ = finest_targets(codec, rng.uniform(-0.03, 1.03, (6, 17, 2)) * (np.array(size_wh) - 1))
        heatmaps = heatmaps * torch.from_numpy(rng.uniform(0.2, 1, (6, heatmaps.shape[1], 1, 1)).astype(np.float32))
        noise = rng.normal(0, 0.01 * float(heatmaps.abs().max()), heatmaps.shape)
        heatmaps = heatmaps + torch.from_numpy(noise.astype(np.float32))
        heatmaps[0, :3] = 0
        heatmaps[1, :3] = -1
        points, scores = codec.decode(heatmaps)
        found, found_scores = runner.decode(heatmaps.numpy(), _facts(codec))
        settled = settled_joints(codec, heatmaps).numpy()
        # Outside of the crop, heatmaps are noise alone; Megvii's have equal neighbours.
        assert settled.mean() > 0.7
        assert np.linalg.norm(found - points.numpy(), axis=-1)[settled].max() < 1e-2
        np.testing.assert_allclose(found_scores[settled], scores.numpy()[settled], rtol=1e-5, atol=1e-6)


def test_silent_maps_give_their_first_pixel(runner: ModuleType) -> None:
    for encoding in ENCODINGS:
        codec = make_codec(encoding)
        for value in (0.0, -1.0):
            heatmaps = torch.full((1, codec.num_channels, 64, 48), value)
            points, scores = codec.decode(heatmaps)
            found, found_scores = runner.decode(heatmaps.numpy(), _facts(codec))
            np.testing.assert_allclose(found, points.numpy(), atol=1e-4)
            np.testing.assert_allclose(found_scores, scores.numpy(), atol=1e-6)


@pytest.mark.parametrize("encoding", ["msra", "udp_offset"])
def test_flip(rng: np.random.Generator, runner: ModuleType, encoding: str) -> None:
    codec = make_codec(encoding, shift_flipped=encoding == "msra", flip_permutation=SKELETON.flip_permutation)
    heatmaps = rng.normal(size=(2, codec.num_channels, 64, 48)).astype(np.float32)
    expected = codec.flip_back(torch.from_numpy(heatmaps)).numpy()
    np.testing.assert_array_equal(runner.flip_back(heatmaps, _facts(codec)), expected)


def _picture(rng: np.random.Generator) -> np.ndarray:
    return cv2.GaussianBlur(rng.integers(0, 256, (120, 160, 3), dtype=np.uint8), (9, 9), 0)


def _boxes(rng: np.random.Generator, count: int) -> np.ndarray:
    return np.concatenate([rng.uniform(-15, 90, (count, 2)), rng.uniform(20, 120, (count, 2))], axis=1)


def _crops(codec: Codec, picture: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """(N, H, W, 3) uint8 RGB as the data set cuts them."""
    matrices = codec.warp_matrix(*codec.box_to_center_scale(boxes)).numpy()
    # The cropper takes pixels for BGR and here they are RGB.
    return Cropper(codec.input_size_wh, color_rgb=False).crops(matrices, lambda _: StoredPixels(picture, IDENTITY))


@pytest.mark.parametrize("padding", [(1.25, 1.25), (1.1, 1.3)])
@pytest.mark.parametrize("encoding", ["msra", "dark", "udp_gaussian"])
def test_crops(rng: np.random.Generator, runner: ModuleType, encoding: str, padding: tuple[float, float]) -> None:
    codec = make_codec(encoding)
    codec.crop.box_padding = padding
    picture, boxes, facts = _picture(rng), _boxes(rng, 30), _facts(codec)
    expected = _crops(codec, picture, boxes)
    center, factor, middle = runner.crop_geometry(boxes, facts)
    found = np.stack([runner.cut(picture, *place, middle, facts) for place in zip(center, factor, strict=True)])
    difference = np.abs(found.astype(int) - expected)
    # The same map, rounded elsewhere: the data set cuts the seen part out first.
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3
    points = rng.uniform(0, 200, (30, 5, 2)).astype(np.float32)
    image_points = codec.to_image(points, *codec.box_to_center_scale(boxes)).numpy()
    np.testing.assert_allclose((points - middle) / factor[:, None] + center[:, None], image_points, atol=1e-4)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Parts], tuple[Path, torch.nn.Module, Codec]]:
    """A small network in ONNX, for the parts that are asked for."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("onnx")
    codec = make_codec(
        "udp_gaussian",
        input_size_wh=(48, 64),
        heatmap_size_wh=(12, 16),
        flip_permutation=SKELETON.flip_permutation,
    )
    torch.manual_seed(0)
    model, made = randomized(ThreeLayers(17)), dict[Parts, Path]()

    def make(parts: Parts) -> tuple[Path, torch.nn.Module, Codec]:
        if parts not in made:
            path = folder / f"{len(made)}.onnx"
            graph = PoseGraph(model, codec, PIXELS, parts)
            export(graph, _facts(codec, parts), make_format("onnx"), path, lambda _: GOOD)
            made[parts] = path
        return made[parts], model, codec

    return make


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parts", "flip_test"),
    [(Parts(), False), (Parts(), True), (Parts(True, True), False), (Parts(batch=2), True)],
    ids=str,
)
def test_people_in_a_picture(
    rng: np.random.Generator, runner: ModuleType, files: Callable[..., Any], parts: Parts, flip_test: bool
) -> None:
    path, model, codec = files(parts)
    picture, boxes = _picture(rng), _boxes(rng, 5)
    people = runner.OnnxPose(path, flip_test)(picture, boxes)
    assert people.shape == (5, 17, 3)
    assert people.dtype == np.float32
    crops = torch.from_numpy(_crops(codec, picture, boxes)).permute(0, 3, 1, 2)
    images = Preparation(CPU, PIXELS.mean, PIXELS.std)(crops)
    with torch.no_grad():
        flips = flip_test or parts.flip_test
        heatmaps = forward_with_flip(model, codec, images, Precision(CPU)) if flips else model(images)
        points, scores = codec.decode(heatmaps)
    expected = codec.to_image(points, *codec.box_to_center_scale(boxes)).numpy()
    settled = settled_joints(codec, heatmaps).numpy()
    distance = np.linalg.norm(people[..., :2] - expected, axis=-1)[settled]
    assert settled.mean() > 0.7
    assert distance.max() < 0.1
    np.testing.assert_allclose(people[..., 2][settled], scores.numpy()[settled], rtol=1e-3)


@pytest.mark.slow
def test_without_boxes_and_wrong_wishes(
    rng: np.random.Generator, runner: ModuleType, files: Callable[..., Any], tmp_path: Path
) -> None:
    import onnx

    pose = runner.OnnxPose(files(Parts())[0])
    picture = _picture(rng)
    np.testing.assert_array_equal(pose(picture), pose(picture, [(0, 0, 160, 120)]))
    assert pose(picture, []).shape == (0, 17, 3)
    model = onnx.load(files(Parts())[0])
    (entry,) = model.metadata_props
    facts = json.loads(entry.value)
    entry.value = json.dumps({**facts, "decoder": {**facts["decoder"], "inside": True}})
    onnx.save(model, tmp_path / "decodes.onnx")
    with pytest.raises(ValueError, match="no heatmaps to average"):
        runner.OnnxPose(tmp_path / "decodes.onnx", flip_test=True)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    with pytest.raises(ValueError, match=r"export it with tools/export\.py"):
        runner.OnnxPose(tmp_path / "bare.onnx")


@pytest.mark.slow
def test_it_runs_without_pytorch_and_lib(
    rng: np.random.Generator, files: Callable[..., Any], tmp_path: Path, repository: Path
) -> None:
    picture = _picture(rng)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    # What is None in sys.modules cannot be imported.
    program = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(['torch', 'torchvision', 'lib', 'yacs', 'yaml']));"
        f"runpy.run_path({str(repository / 'tools' / 'onnx_runner.py')!r}, run_name='__main__')"
    )
    words = ["--model", files(Parts())[0], "--image", tmp_path / "a.png", "--boxes", "10,10,60,90", "0,0,160,120"]
    words += ["--flip-test", "--output", tmp_path / "a.json", "--draw", tmp_path / "drawn.png"]
    command = [sys.executable, "-c", program, *map(str, words)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["names"] == list(SKELETON.names)
    assert np.array(content["people"]).shape == (2, 17, 3)
    assert (cv2.imread(str(tmp_path / "drawn.png")) != picture).any()
    words[3] = tmp_path / "absent.png"
    command = [sys.executable, "-c", program, *map(str, words)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert result.returncode != 0
    assert result.stderr.splitlines()[-1].startswith("error: image")
