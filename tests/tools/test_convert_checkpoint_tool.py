"""tools/convert_checkpoint.py: there and back gives the same bits, and what cannot be is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.golden_models import read_states
from helpers.small_models import randomized, small_hrnet
from helpers.tiny_run import run_tool
from torch import Tensor

from lib.config import load_config
from lib.models import build_model
from lib.run.convert import FOLDED, Conversion, convert_checkpoint
from lib.utils.checkpoint import load_weights, read_metadata
from lib.utils.errors import PoseError
from lib.utils.weight_names import find_weights

State = dict[str, Tensor]
SMALL_HRNET = """
DATASET: {DATASET: coco}
MODEL:
  NAME: pose_hrnet
  CODEC: udp
  NUM_JOINTS: 17
  IMAGE_SIZE: [64, 96]
  HEATMAP_SIZE: [16, 24]
  EXTRA:
    STAGE2: {NUM_MODULES: 1, NUM_BRANCHES: 2, NUM_BLOCKS: [1, 1], NUM_CHANNELS: [4, 8]}
    STAGE3: {NUM_MODULES: 1, NUM_BRANCHES: 3, NUM_BLOCKS: [1, 1, 1], NUM_CHANNELS: [4, 8, 16]}
    STAGE4: {NUM_MODULES: 1, NUM_BRANCHES: 4, NUM_BLOCKS: [1, 1, 1, 1], NUM_CHANNELS: [4, 8, 16, 32]}
"""
RSN = "DATASET: {DATASET: coco}\nMODEL: {NAME: rsn, NUM_JOINTS: 17, IMAGE_SIZE: [64, 96], HEATMAP_SIZE: [16, 24]}\n"
NETWORKS = ("rsn18_256x192", "mmpose_rsn18_256x192", "hrt_small_256x192", "mmpose_hrformer_small_256x192")


@pytest.fixture(scope="module")
def published(golden: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of random weights with the published names, in the containers of their programs."""
    states, folder = read_states(golden), tmp_path_factory.mktemp("published")
    paths = {}
    for name in NETWORKS:
        paths[name] = folder / f"{name}.pth"
        weights = filled(states[name]["state"])
        torch.save({"model" if name.startswith("rsn") else "state_dict": weights, "epoch": 3}, paths[name])
    return paths


def filled(shapes: dict[str, list[int]]) -> State:
    """Random values; counters and tables are whole numbers."""
    values = {}
    for name, shape in shapes.items():
        whole = name.endswith(("num_batches_tracked", "relative_position_index"))
        values[name] = torch.randint(99, shape) if whole else torch.randn(shape)
        if name.endswith("running_var"):
            values[name].abs_()
    return values


def stored(path: Path) -> State:
    found = find_weights(torch.load(path, weights_only=True))
    assert found is not None
    return found


def assert_identical(one: Path, other: Path) -> None:
    states = stored(one), stored(other)
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert value.dtype == states[1][name].dtype, name
        assert torch.equal(value, states[1][name]), name


def config(folder: Path, text: str, *overrides: str) -> Any:
    path = folder / "experiment.yaml"
    path.write_text(text)
    return load_config(path, overrides)


def convert(source: Path, target: str, cfg: Any = None) -> tuple[Path, Conversion]:
    output = source.parent / f"{source.stem}-{target}.pth"
    return output, convert_checkpoint(source, output, target, cfg, force=True)


@pytest.mark.parametrize("name", NETWORKS)
def test_there_and_back_is_identical(published: dict[str, Path], tmp_path: Path, name: str) -> None:
    source = tmp_path / "weights.pth"
    source.symlink_to(published[name])
    home = "mmpose0" if name.startswith("mmpose") else "original"
    path, steps = source, [target for target in ("mmpose1", "original", "mmpose0") if target != home]
    for target in (*steps, home):
        path, _ = convert(path, target)
    assert_identical(path, source)


def test_biases_that_mmpose_lacks_are_kept_for_the_way_back(published: dict[str, Path], tmp_path: Path) -> None:
    there, work = convert(published["rsn18_256x192"], "mmpose0")
    text = "\n".join(work.facts)
    assert "RSN-18 (1 stage), official" in text
    assert "690 entries, mmpose0: 690 renamed" in text
    assert "running means: 115 biases; kept as folded_biases" in text
    assert "left out: epoch" in text
    content = torch.load(there, weights_only=True)
    assert set(content) == {"meta", "state_dict", FOLDED}
    mean = content["state_dict"]["backbone.top.top.0.bn.running_mean"]
    before = stored(published["rsn18_256x192"])
    torch.testing.assert_close(mean, before["top.conv.bn.running_mean"] - before["top.conv.conv.bias"])
    _, work = convert(there, "original")
    assert "805 entries, original: 690 renamed, 115 put back" in work.facts[1]

    mean += 1
    trained = tmp_path / "trained_further.pth"
    torch.save(content, trained)
    back, work = convert(trained, "original")
    assert "no longer fit its weights" in work.warnings[0]
    assert not stored(back)["top.conv.conv.bias"].any()


def test_hrformer_says_that_its_systems_differ(published: dict[str, Path]) -> None:
    there, work = convert(published["hrt_small_256x192"], "mmpose1")
    assert "1900 entries, mmpose1: 798 with the same name, 1014 renamed, 88 joined from three" in work.facts[1]
    assert "trained without it" in work.warnings[0]
    back, work = convert(there, "original")
    assert work.warnings == []
    assert "264 split from one" in work.facts[1]
    assert_identical(back, published["hrt_small_256x192"])
    _, work = convert(published["mmpose_hrformer_small_256x192"], "mmpose1")
    assert work.warnings == []
    _, work = convert(published["mmpose_hrformer_small_256x192"], "original")
    assert "trained with it" in work.warnings[0]


def test_bottom_up_weights_to_ours_and_back(repository: Path, tmp_path: Path) -> None:
    cfg = load_config(repository / "experiments" / "synthetic" / "ae_higher_hrnet_w24_256x256.yaml")
    source = tmp_path / "higher.pth"
    torch.save(randomized(build_model(cfg)).state_dict(), source)
    theirs, work = convert(source, "mmpose0")
    assert "HigherHRNet-W24, official" in work.facts[0]
    assert "keypoint_head.deconv_layers.0.1.0.conv2.weight" in stored(theirs)
    ours, _ = convert(theirs, "plumbpose", cfg)
    metadata = read_metadata(ours)
    assert metadata is not None
    assert (metadata.codec["name"], metadata.skeleton) == ("ae", "coco")
    back, _ = convert(ours, "original")
    assert_identical(back, source)
    with pytest.raises(PoseError, match=r"mmpose 1\.x has no HigherHRNet"):
        convert(ours, "mmpose1")


def test_to_ours_and_back(tmp_path: Path) -> None:
    cfg = config(tmp_path, SMALL_HRNET)
    source = tmp_path / "hrnet.pth"
    torch.save(randomized(build_model(cfg)).state_dict(), source)
    theirs, _ = convert(source, "mmpose1")
    ours, work = convert(theirs, "plumbpose", cfg)
    assert "plumbpose: 296 renamed" in work.facts[1]
    metadata = read_metadata(ours)
    assert metadata is not None
    assert (metadata.network, metadata.codec["name"], metadata.skeleton) == ("HRNet-W4", "udp_gaussian", "coco")
    assert load_weights(build_model(cfg), ours, allow_new_head=False).scheme == "PlumbPose"
    back, work = convert(ours, "mmpose1")
    assert_identical(back, theirs)
    assert "left out: codec udp_gaussian, keypoints coco, configuration" in "\n".join(work.facts)
    assert_identical(convert(back, "original")[0], source)
    with pytest.raises(PoseError, match="is one of ours already"):
        convert(ours, "plumbpose", cfg)


def test_ours_without_biases_keeps_them_too(published: dict[str, Path], tmp_path: Path) -> None:
    cfg = config(tmp_path, RSN, "MODEL.EXTRA.CONV_BIAS", "False")
    ours, work = convert(published["rsn18_256x192"], "plumbpose", cfg)
    assert len(stored(ours)) == 690
    assert "115 biases; kept" in "\n".join(work.facts)
    assert_identical(convert(ours, "original")[0], published["rsn18_256x192"])
    ours, work = convert(published["mmpose_rsn18_256x192"], "plumbpose", config(tmp_path, RSN))
    assert "115 added" in work.facts[1]
    assert_identical(convert(ours, "mmpose0")[0], published["mmpose_rsn18_256x192"])


def test_bad_input_is_refused(published: dict[str, Path], tmp_path: Path) -> None:
    source, cfg = published["rsn18_256x192"], config(tmp_path, SMALL_HRNET)
    with pytest.raises(PoseError, match=r"holds RSN-18 \(1 stage\), but the network is HRNet-W4"):
        convert_checkpoint(source, tmp_path / "x.pth", "plumbpose", cfg, force=False)
    for target, given in (("plumbpose", None), ("mmpose0", cfg)):
        with pytest.raises(PoseError, match="--to plumbpose needs it"):
            convert_checkpoint(source, tmp_path / "x.pth", target, given, force=False)
    wide = tmp_path / "wide.pth"
    torch.save(small_hrnet(wide_fusion=True).state_dict(), wide)
    with pytest.raises(PoseError, match="mmpose's HRNet has no wide last fusion"):
        convert(wide, "mmpose0")
    other = tmp_path / "other.pth"
    torch.save(torch.nn.Linear(2, 2).state_dict(), other)
    with pytest.raises(PoseError, match=r"other\.pth holds a network of another kind"):
        convert(other, "mmpose0")
    partial = build_model(cfg).state_dict()
    del partial["bn1.bias"]
    torch.save(partial, other)
    with pytest.raises(PoseError, match=r"is not complete: it lacks 1 \(bn1\.bias\)"):
        convert(other, "plumbpose", cfg)
    with pytest.raises(PoseError, match=r"other\.pth exists already"):
        convert_checkpoint(source, other, "mmpose0", None, force=False)
    assert not (tmp_path / "x.pth").exists()


@pytest.mark.slow
def test_the_command(tmp_path: Path) -> None:
    source, output = tmp_path / "in.pth", tmp_path / "out.pth"
    torch.save(small_hrnet().state_dict(), source)
    done = run_tool("convert_checkpoint", source, output, "--to", "mmpose0")
    assert done.returncode == 0, done.stderr
    assert f"{output}: 440 entries, mmpose0: 440 renamed" in done.stdout
    again = run_tool("convert_checkpoint", source, output, "--to", "mmpose1")
    assert again.returncode == 2
    assert again.stderr == f"error: {output} exists already; name another file or add --force.\n"
