"""Weights of every naming scheme are recognised, reported and loaded whole; anything else is refused by name."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.small_models import SMALL_STAGES, randomized, small_hrnet, small_resnet
from helpers.weight_files import OldParameter, write_legacy_tar
from torch import Tensor, nn

from lib.models.pose_hrnet import PoseHighResolutionNet, Stage
from lib.models.pose_resnet import PoseResNet
from lib.skeletons.skeleton import load_skeleton
from lib.utils.checkpoint import load_weights, model_checkpoint, read_metadata, save_checkpoint, unwrap
from lib.utils.errors import PoseError

State = dict[str, Tensor]
CODEC = {"name": "udp_gaussian", "sigma": 2.0, "input_size_wh": [192, 256]}


def prefixed(state: State, prefix: str) -> State:
    return {prefix + name: value for name, value in state.items()}


def mmpose(state: State, head: str) -> State:
    in_head = ("final_layer.", "deconv_layers.")
    return {(f"{head}." if name.startswith(in_head) else "backbone.") + name: value for name, value in state.items()}


# Scheme -> how it wraps a state dict, and what the report calls it.
SCHEMES: dict[str, tuple[Callable[[State], object], str]] = {
    "official": (lambda state: state, "official"),
    "data parallel": (lambda state: prefixed(state, "module."), "official"),
    "training checkpoint": (
        lambda state: {
            "epoch": 210,
            "model": "pose_hrnet",
            "state_dict": prefixed(state, "module."),
            "best_state_dict": state,
            "perf": 0.744,
            "optimizer": {"state": {0: {"step": 5, "exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 1e-3}]},
        },
        "official",
    ),
    "best weights only": (lambda state: {"best_state_dict": state, "perf": 0.7}, "official"),
    "an accuracy that is a tensor": (lambda state: {"state_dict": state, "perf": torch.tensor(0.7)}, "official"),
    "compiled": (lambda state: prefixed(state, "_orig_mod."), "official"),
    "HigherHRNet in half precision": (lambda state: prefixed(state, "1."), "official"),
    "compiled data parallel": (lambda state: {"state_dict": prefixed(state, "module._orig_mod.")}, "official"),
    "mmpose 0.x": (lambda state: {"meta": {"epoch": 1}, "state_dict": mmpose(state, "keypoint_head")}, "mmpose 0.x"),
    "mmpose 1.x": (lambda state: {"meta": {}, "state_dict": mmpose(state, "head")}, "mmpose 1.x"),
    "mmpose data parallel": (
        lambda state: {"state_dict": prefixed(mmpose(state, "keypoint_head"), "module.")},
        "mmpose 0.x",
    ),
    "model entry": (lambda state: {"model": state, "iteration": 96_000}, "official"),
}


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """The messages, even where a test of a command has sent them to the console alone."""
    monkeypatch.setattr(logging.getLogger("lib"), "propagate", True)
    caplog.set_level(logging.INFO, "lib")
    return caplog


def write(path: Path, content: object) -> Path:
    torch.save(content, path)
    return path


def assert_equal_weights(model: nn.Module, state: State) -> None:
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]), name


@pytest.mark.parametrize(
    ("scheme", "make"),
    [*((scheme, small_hrnet) for scheme in SCHEMES), ("mmpose 0.x", small_resnet), ("mmpose 1.x", small_resnet)],
)
def test_every_scheme_loads_identically(
    tmp_path: Path, scheme: str, make: Callable[[], nn.Module], log: pytest.LogCaptureFixture
) -> None:
    state = randomized(make()).state_dict()
    wrap, expected = SCHEMES[scheme]
    model = make()
    report = load_weights(model, write(tmp_path / "weights.pth", wrap(state)), codec="udp_gaussian")
    assert_equal_weights(model, state)
    assert (report.scheme, set(report.matched)) == (expected, set(state))
    assert (report.missing, report.unexpected, report.reinitialised, report.coverage) == ((), (), {}, 1.0)
    assert f"{len(state)} of {len(state)} entries" in report.summary()
    warnings = [record.getMessage() for record in log.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "weights.pth does not say which codec it was trained with; the config's, udp_gaussian, is" in warnings[0]


def test_udp_pose_weights_are_recognised(tmp_path: Path) -> None:
    state = randomized(small_hrnet(51, wide_fusion=True)).state_dict()
    model = small_hrnet(51, wide_fusion=True)
    assert load_weights(model, write(tmp_path / "udp.pth", prefixed(state, "module."))).scheme == "UDP-Pose"
    assert_equal_weights(model, state)


def test_half_precision_weights_are_converted(tmp_path: Path) -> None:
    state = randomized(small_resnet()).half().state_dict()
    model = small_resnet()
    load_weights(model, write(tmp_path / "half.pth", state))
    assert model.conv1.weight.dtype == torch.float32
    assert torch.equal(model.conv1.weight, state["conv1.weight"].float())


def test_report_names_what_is_missing_and_unused(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    state = randomized(small_hrnet()).state_dict()
    del state["stage4.0.branches.0.0.bn1.bias"]
    state["tail.weight"] = torch.zeros(1)
    model = small_hrnet()
    before = model.get_parameter("stage4.0.branches.0.0.bn1.bias").clone()
    report = load_weights(model, write(tmp_path / "weights.pth", state))
    assert report.missing == ("stage4.0.branches.0.0.bn1.bias",)
    assert report.unexpected == ("tail.weight",)
    assert 0.95 < report.coverage < 1
    assert torch.equal(model.get_parameter("stage4.0.branches.0.0.bn1.bias"), before)
    for text in ("missing: 1 (stage4.0.branches.0.0.bn1.bias)", "unused in the file: 1 (tail.weight)"):
        assert text in log.text
    assert log.records[0].levelno == logging.WARNING


def test_counters_that_old_files_lack_are_not_missed(tmp_path: Path) -> None:
    state = {name: value for name, value in small_hrnet().state_dict().items() if "num_batches" not in name}
    report = load_weights(small_hrnet(), write(tmp_path / "weights.pth", state))
    assert (report.missing, report.coverage) == ((), 1.0)


@pytest.mark.parametrize("old_format", [False, True])
def test_imagenet_resnet_fills_the_backbone(tmp_path: Path, old_format: bool) -> None:
    source = randomized(small_resnet()).state_dict()
    state = {name: value for name, value in source.items() if not name.startswith(("deconv", "final", "num_"))}
    state |= {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    path = tmp_path / "resnet18.pth"
    if old_format:
        state = {name: value for name, value in state.items() if "num_batches" not in name}
        write_legacy_tar(path, {name: OldParameter(value) for name, value in state.items()})
    else:
        write(path, state)
    model = small_resnet()
    report = load_weights(model, path)
    assert (report.scheme, report.coverage) == ("ImageNet", 1.0)
    assert list(report.reinitialised) == ["deconv_layers", "final_layer"]
    assert set(report.unexpected) == {"fc.weight", "fc.bias"}
    assert torch.equal(model.layer4[1].bn2.running_var, source["layer4.1.bn2.running_var"])
    with pytest.raises(PoseError, match=r"no usable deconv_layers, because the file has none.*--load-from"):
        load_weights(model, path, allow_new_head=False)


@pytest.mark.parametrize(
    ("classifier", "scheme"), [({}, "mmpose backbone"), ({"head.fc.weight": torch.zeros(3)}, "ImageNet")]
)
def test_backbones_of_openmmlab_are_recognised(tmp_path: Path, classifier: State, scheme: str) -> None:
    state = {name: value for name, value in small_hrnet().state_dict().items() if not name.startswith("final")}
    path = write(tmp_path / "backbone.pth", {"state_dict": prefixed(state, "backbone.") | classifier})
    report = load_weights(small_hrnet(), path)
    assert (report.scheme, report.coverage) == (scheme, 1.0)
    assert report.reinitialised == {"final_layer": "the file has none"}


def test_head_of_another_keypoint_number(tmp_path: Path, log: pytest.LogCaptureFixture) -> None:
    state = randomized(small_hrnet(17)).state_dict()
    path = write(tmp_path / "coco.pth", mmpose(state, "head"))
    model = small_hrnet(14)
    head = model.final_layer.weight.clone()
    report = load_weights(model, path)
    assert torch.equal(model.final_layer.weight, head)
    assert torch.equal(model.conv1.weight, state["conv1.weight"])
    assert report.reinitialised == {"final_layer": "the file has 17 channels and the network 14"}
    assert "final_layer starts from new values" in log.text
    with pytest.raises(PoseError, match=r"coco\.pth has no usable final_layer.*17 channels and the network 14"):
        load_weights(model, path, allow_new_head=False)


@pytest.mark.parametrize(("theirs", "ours", "setting"), [(51, 17, "offset"), (17, 51, "gaussian")])
@pytest.mark.parametrize("allow_new_head", [False, True])
def test_other_kind_of_heatmaps(tmp_path: Path, theirs: int, ours: int, setting: str, allow_new_head: bool) -> None:
    path = write(tmp_path / "weights.pth", small_hrnet(theirs).state_dict())
    with pytest.raises(PoseError, match=rf"weights\.pth has {theirs} channels.*MODEL\.TARGET_TYPE {setting}"):
        load_weights(small_hrnet(ours), path, allow_new_head=allow_new_head)


@pytest.mark.parametrize("wide", [False, True])
def test_wide_fusion_must_agree(tmp_path: Path, wide: bool) -> None:
    path = write(tmp_path / "weights.pth", small_hrnet(wide_fusion=wide).state_dict())
    with pytest.raises(PoseError, match=rf"MODEL\.WIDE_FUSION {wide} for this file"):
        load_weights(small_hrnet(wide_fusion=not wide), path)


def test_other_networks_are_refused_by_name(tmp_path: Path) -> None:
    hrnet = write(tmp_path / "hrnet.pth", small_hrnet().state_dict())
    resnet = write(tmp_path / "resnet.pth", small_resnet().state_dict())
    with pytest.raises(PoseError, match=r"hrnet\.pth holds HRNet-W8, but the network is ResNet-18"):
        load_weights(small_resnet(), hrnet)
    with pytest.raises(PoseError, match=r"resnet\.pth holds ResNet-18, but the network is HRNet-W8: \d+\.\d%"):
        load_weights(small_hrnet(), resnet)
    with torch.device("meta"):
        deeper = PoseResNet(50, 17)
    with pytest.raises(PoseError, match="holds ResNet-18, but the network is ResNet-50"):
        load_weights(deeper, resnet)
    with pytest.raises(PoseError, match="holds a network of another kind"):
        load_weights(small_hrnet(), write(tmp_path / "linear.pth", nn.Linear(2, 3).state_dict()))


def test_other_widths_are_refused_even_where_few_entries_differ(tmp_path: Path) -> None:
    widths = [*SMALL_STAGES[:2], Stage(2, (1,) * 4, (8, 16, 32, 48))]
    other = PoseHighResolutionNet((widths[0], widths[1], widths[2]), 17)
    model = small_hrnet()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(PoseError, match=r"transition3\.3\.0\.0\.weight is \[48, 32, 3, 3\] in the file and \[64"):
        load_weights(model, write(tmp_path / "weights.pth", other.state_dict()))
    assert_equal_weights(model, before)


def test_deeper_networks_are_refused_although_they_have_every_entry(tmp_path: Path) -> None:
    stages = SMALL_STAGES[0], Stage(2, (1,) * 3, (8, 16, 32)), SMALL_STAGES[2]
    path = write(tmp_path / "deeper.pth", PoseHighResolutionNet(stages, 17).state_dict())
    model = small_hrnet()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(PoseError, match=r"deeper\.pth holds HRNet-W8.*no block stage3\.1\.branches\.0\.0\)"):
        load_weights(model, path)
    assert_equal_weights(model, before)
    load_weights(model, path, layers=("conv1", "stage2"))

    state = small_resnet().state_dict()
    state |= {name.replace("layer3.1", "layer3.2"): value for name, value in state.items() if "layer3.1" in name}
    with pytest.raises(PoseError, match=r"but the network is ResNet-18: 100\.0%.*no block layer3\.2\)"):
        load_weights(small_resnet(), write(tmp_path / "resnet.pth", state))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, bad: float) -> None:
    state = small_hrnet().state_dict()
    state["stage2.0.branches.0.0.conv1.weight"][0, 0, 0, 0] = bad
    with pytest.raises(PoseError, match=r"NaN or infinity in stage2\.0\.branches\.0\.0\.conv1\.weight"):
        load_weights(small_hrnet(), write(tmp_path / "weights.pth", state))


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [1, 2], torch.zeros(3), {"state_dict": {}}, None])
def test_files_without_weights_are_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(PoseError, match=r"empty\.pth holds no weights"):
        load_weights(small_hrnet(), write(tmp_path / "empty.pth", content))


def test_wrapped_networks_load_and_save(tmp_path: Path) -> None:
    state = randomized(small_hrnet()).state_dict()
    compiled = torch.compile(small_hrnet(), backend="eager")
    wrapped = nn.DataParallel(compiled)  # type: ignore[arg-type]
    assert load_weights(wrapped, write(tmp_path / "weights.pth", state)).coverage == 1.0
    assert_equal_weights(unwrap(wrapped), state)
    checkpoint = model_checkpoint(wrapped, codec=CODEC, skeleton=load_skeleton("coco"), config="")
    assert set(checkpoint["state_dict"]) == set(state)


def test_our_checkpoints_say_what_they_are(tmp_path: Path) -> None:
    source = randomized(small_hrnet())
    skeleton = load_skeleton("coco")
    path = tmp_path / "run" / "model_best.pth"
    save_checkpoint(
        path, model_checkpoint(source, codec=CODEC, skeleton=skeleton, config="MODEL:\n  NAME: pose_hrnet\n")
    )
    assert [file.name for file in path.parent.iterdir()] == ["model_best.pth"]
    torch.load(path, weights_only=True)

    metadata = read_metadata(path)
    assert metadata is not None
    assert (metadata.version, metadata.network, metadata.codec) == (1, "HRNet-W8", CODEC)
    assert (metadata.skeleton, metadata.keypoint_names) == (skeleton.name, skeleton.names)
    assert metadata.config.startswith("MODEL:")

    model = small_hrnet()
    report = load_weights(model, path, allow_new_head=False, keypoint_names=skeleton.names)
    assert_equal_weights(model, source.state_dict())
    assert (report.scheme, report.metadata) == ("PlumbPose", metadata)
    assert "does not say which codec" not in report.summary()


def test_other_keypoints_of_the_same_number(tmp_path: Path) -> None:
    source = randomized(small_hrnet())
    skeleton = load_skeleton("coco")
    path = tmp_path / "model.pth"
    save_checkpoint(path, model_checkpoint(source, codec=CODEC, skeleton=skeleton, config=""))
    names = [skeleton.names[0], "tail", *skeleton.names[2:]]
    with pytest.raises(
        PoseError, match=f"17 keypoints of {skeleton.name}, such as {skeleton.names[1]} in place of tail"
    ):
        load_weights(small_hrnet(), path, allow_new_head=False, keypoint_names=names)
    report = load_weights(small_hrnet(), path, keypoint_names=names)
    assert list(report.reinitialised) == ["final_layer"]


def test_foreign_files_have_no_metadata(tmp_path: Path) -> None:
    assert read_metadata(write(tmp_path / "weights.pth", small_hrnet().state_dict())) is None


def test_newer_and_incomplete_checkpoints_are_refused(tmp_path: Path) -> None:
    checkpoint = model_checkpoint(small_hrnet(), codec=CODEC, skeleton=load_skeleton("coco"), config="")
    with pytest.raises(PoseError, match="newer version"):
        read_metadata(write(tmp_path / "newer.pth", checkpoint | {"version": 99}))
    del checkpoint["codec"]
    with pytest.raises(PoseError, match=r"lacks what its format promises \('codec'\)"):
        load_weights(small_hrnet(), write(tmp_path / "partial.pth", checkpoint))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "checkpoint.pth", {"epoch": 1})
    before = path.read_bytes()

    def full_disk(_content: object, target: Path) -> None:
        target.write_bytes(b"half")
        raise RuntimeError("No space left on device\nmore lines")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(PoseError, match=r"checkpoint\.pth cannot be written \(No space left on device\)"):
        save_checkpoint(path, {"epoch": 2})
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1
