"""Options of each network (MODEL.EXTRA) and what the configuration must know about its shape."""

from yacs.config import CfgNode

from lib.config.networks import higher_hrnet, hrformer, hrnet, resnet, rsn
from lib.config.networks.shared import COARSEST_STRIDE, NetworkOptions

_NETWORKS: dict[str, NetworkOptions] = {
    "pose_hrnet": hrnet,
    "pose_resnet": resnet,
    "rsn": rsn,
    "hrformer": hrformer,
    "pose_higher_hrnet": higher_hrnet,
}
MODEL_NAMES = tuple(_NETWORKS)


def default_extra(model_name: str) -> CfgNode:
    """MODEL.EXTRA of a network with every option at its default; `model_name` is one of MODEL_NAMES."""
    return _NETWORKS[model_name].default_extra()


def heatmap_stride(model_name: str, extra: CfgNode) -> int:
    """Crop pixels per heatmap pixel of the network that these options make."""
    return _NETWORKS[model_name].stride(extra)


def network_fault(model: CfgNode) -> str:
    """What is wrong with a MODEL section, as a phrase; '' for nothing."""
    return _NETWORKS[model.NAME].fault(model)


__all__ = ["COARSEST_STRIDE", "MODEL_NAMES", "default_extra", "heatmap_stride", "network_fault"]
