"""What training and testing build alike from a configuration."""

import platform
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import nn
from yacs.config import CfgNode

from lib.codecs import build_codec
from lib.codecs.base import Codec
from lib.codecs.group.build import build_group_codec
from lib.codecs.group.codec import GroupCodec
from lib.config import is_bottom_up, resolve_skeleton
from lib.core.build import build_group_loss, build_loss
from lib.core.function import LossFunction
from lib.core.inference import Preparation
from lib.core.precision import Precision, choose_precision
from lib.core.runtimes import check_runtime, make_runtime
from lib.models import build_model
from lib.skeletons import Skeleton
from lib.utils import distributed
from lib.utils.device import choose_device
from lib.utils.errors import PoseError


@dataclass(frozen=True)
class Setup:
    """The parts of a run that do not change in its course.

    Attributes:
        cfg: the configuration they were made from.
        device: where the network runs.
        skeleton: the keypoint set.
        codec: keypoints to heatmaps and back; for whole pictures a GroupCodec.
        loss_function: named loss terms.
        prepare: stored crops to network input.
        precision: of the network's arithmetic.
        runtime: what runs the network.
    """

    cfg: CfgNode
    device: torch.device
    skeleton: Skeleton
    codec: Codec | GroupCodec
    loss_function: LossFunction
    prepare: Preparation
    precision: Precision
    runtime: str

    @property
    def single_codec(self) -> Codec:
        """The codec, where people are cut out one by one."""
        if isinstance(self.codec, GroupCodec):
            raise PoseError(
                f"MODEL.CODEC {self.codec.name} finds all people of a picture, and this is for networks of single "
                "people; give a top-down experiment."
            )
        return self.codec


def set_up(cfg: CfgNode, *, for_training: bool = False) -> Setup:
    """Choose the device and build the unchanging parts.

    Args:
        cfg: the configuration.
        for_training: TEST.RUNTIME does not count, for the weights of a training change from test to test.

    Raises:
        PoseError: a device or runtime that is not there, or a combination of options that cannot be built.
    """
    device = choose_device(cfg.DEVICE)
    runtime = "eager" if for_training else cfg.TEST.RUNTIME
    precision = choose_precision(cfg.AMP, device, for_training=for_training, runtime=runtime)
    check_runtime(runtime, precision)
    torch.backends.cudnn.benchmark = cfg.CUDNN.BENCHMARK
    torch.backends.cudnn.deterministic = cfg.CUDNN.DETERMINISTIC
    torch.backends.cudnn.enabled = cfg.CUDNN.ENABLED
    return Setup(
        cfg=cfg,
        device=device,
        skeleton=resolve_skeleton(cfg),
        codec=make_codec(cfg),
        loss_function=build_group_loss(cfg) if is_bottom_up(cfg) else build_loss(cfg),
        prepare=Preparation(device, tuple(cfg.DATASET.MEAN), tuple(cfg.DATASET.STD), cfg.CHANNELS_LAST),
        precision=precision,
        runtime=runtime,
    )


def make_codec(cfg: CfgNode) -> Codec | GroupCodec:
    """The codec that a configuration asks for, of single people or of whole pictures.

    Raises:
        PoseError: the values do not fit together.
    """
    return build_group_codec(cfg) if is_bottom_up(cfg) else build_codec(cfg)


def make_model(setup: Setup) -> nn.Module:
    """The network on its device, with random weights."""
    model = build_model(setup.cfg).to(setup.device)
    return model.to(memory_format=torch.channels_last) if setup.cfg.CHANNELS_LAST else model


def make_tested_network(setup: Setup, model: nn.Module) -> nn.Module:
    """The network as TEST.RUNTIME runs it, for the batches of a test; compiling takes minutes.

    Raises:
        PoseError: the runtime cannot run the network.
    """
    if isinstance(setup.codec, GroupCodec):
        return model  # pictures have many sizes, so that TEST.RUNTIME is eager
    return make_runtime(setup.runtime, model, example_input(setup), setup.precision)


def example_input(setup: Setup) -> torch.Tensor:
    """A batch as the network sees it in a test, (B, 3, H, W), with as many black images."""
    width, height = setup.codec.input_size_wh
    images = setup.cfg.TEST.BATCH_SIZE_PER_GPU * (2 if setup.cfg.TEST.FLIP_TEST else 1)
    return setup.prepare(torch.zeros(images, 3, height, width, dtype=torch.uint8))


def picture_notice(cfg: CfgNode) -> str | None:
    """What to say where DEBUG.* asks for pictures that there are none of."""
    if not (cfg.DEBUG.DEBUG and is_bottom_up(cfg)):
        return None
    return f"DEBUG draws single people, so there will be no pictures with MODEL.CODEC {cfg.MODEL.CODEC}."


def describe_machine(device: torch.device) -> str:
    """Device and versions in one line, for the log."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    return (
        f"{device} ({name}), {distributed.world_size()} process(es), Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}, NumPy {np.__version__}, OpenCV {cv2.__version__}"
    )
