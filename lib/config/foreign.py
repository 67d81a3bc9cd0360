"""Configs of other systems: they are programs, so they are refused, with the name of the YAML file to use instead."""

import re
from pathlib import Path

from lib.utils.errors import PoseError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"

# Where to start when we have no experiment of the same network.
_NEAREST = "experiments/coco/hrnet/w32_256x192_adam_lr1e-3.yaml"

# Words of mmpose's file names that stand for another data set, augmentation or loss than our files have.
_OTHER_EXPERIMENT = ("wholebody", "aic", "coarsedropout", "gridmask", "photometric", "awing", "fp16", "merge")


def refuse_foreign_config(path: Path) -> None:
    """Refuse a Python config.

    Raises:
        PoseError: `path` ends in .py; the message names our file for the same experiment.
    """
    if path.suffix != ".py":
        return
    system = "RSN" if path.name == "config.py" else "mmpose"
    equivalent = equivalent_file(path)
    if equivalent is None:
        raise PoseError(
            f"{path} is a Python config of {system} and is not run here; there is no YAML file for this experiment, "
            f"the one to start from is {_NEAREST}."
        )
    raise PoseError(f"{path} is a Python config of {system} and is not run here; use {equivalent} instead.")


def equivalent_file(path: Path) -> str | None:
    """Our experiment for an mmpose config, from its file name, such as hrnet_w32_coco_256x192_udp.py.

    Understands the names of mmpose 0.x and 1.x (td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192.py). Returns a path that
    exists below experiments/, or None.
    """
    name = path.stem.lower().replace("-", "_")
    network = re.search(r"(?:^|_)(?:hrnet_(w\d+)|res(?:net)?_?(\d+))(?=_)", name)
    sizes = re.findall(r"\d{3}x\d{3}", name)
    other = any(word in name for word in _OTHER_EXPERIMENT)
    if "coco" not in name or other or network is None or not sizes:
        return None
    width, depth = network.groups()
    suffix = ""
    if "udp" in name:
        suffix = "_udp_offset" if "regress" in name or "combined" in name else "_udp"
    elif "dark" in name:
        suffix = "_dark"
    folder, prefix = ("hrnet", width) if width else ("resnet", f"res{depth}")
    middle = "adam_lr5e-4" if width else "d256x3_adam_lr5e-4"
    file = Path("coco") / folder / f"{prefix}_{sizes[-1]}_{middle}{suffix}_mmpose.yaml"
    return f"experiments/{file.as_posix()}" if (EXPERIMENTS / file).is_file() else None
