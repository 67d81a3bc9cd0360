"""Configs of other systems that are programs. They are refused, with the name of the file to use."""

import re
from pathlib import Path

from lib.utils.errors import PoseError

EXPERIMENTS = Path(__file__).parents[2] / "experiments"

# Where to start when we have no experiment of the same network and data set.
_NEAREST = "experiments/coco/hrnet/w32_256x192_adam_lr1e-3.yaml"
# Words of file names -> our folder of the data set, the more special words first.
_DATA = {"wholebody": "coco_wholebody", "crowdpose": "crowdpose", "mpii": "mpii", "coco": "coco"}

# Words of mmpose's file names that stand for another data set, augmentation or loss than our files have.
_OTHER_EXPERIMENT = ("aic", "coarsedropout", "gridmask", "photometric", "awing", "fp16", "merge", "halpe")
# Networks in the file names of mmpose 0.x, 1.x and HRFormer, without hyphens.
_NETWORK = re.compile(
    r"(?:^|_)(?:(?P<higher>higher_?)?hrnet_(?P<width>w\d+)|res(?:net)?_?(?P<depth>\d+)|(?P<stages>\dx)?rsn_?(?P<rsn>\d+)"
    r"|(?P<transformer>hrformer|hrt)_(?P<size>small|base))(?=_)"
)
# Sizes of squares that bottom-up networks are trained on; no crop of one person is so large.
_PICTURES = ("512x512", "640x640")
# Folders of the RSN repository and of UDP-Pose's copy, for example 4XRSN18.coco.
_RSN_FOLDER = re.compile(
    r"(?:(?P<stages>\d)x)?(?P<network>rsn|res)(?P<depth>\d+)\.(?P<data>coco|mpii)(?P<udp>.*(_prm|udp))?"
)


def refuse_foreign_config(path: Path) -> None:
    """Refuse a Python config.

    Raises:
        PoseError: `path` ends in .py; the message names our file for the same experiment.
    """
    if path.suffix != ".py":
        return
    system = "RSN" if path.name == "config.py" else "HRFormer" if path.name.startswith("hrt_") else "mmpose"
    equivalent = equivalent_file(path)
    if equivalent is None:
        raise PoseError(
            f"{path} is a Python config, probably of {system}, and is not run here; no YAML file here is known to be "
            f"this experiment, so look for the nearest in experiments/ or start from {_NEAREST}."
        )
    raise PoseError(f"{path} is a Python config of {system} and is not run here; use {equivalent} instead.")


def equivalent_file(path: Path) -> str | None:
    """Our experiment for a Python config, from its name.

    Understands the names of mmpose 0.x (hrnet_w32_coco_256x192_udp.py, higherhrnet_w32_coco_512x512.py) and 1.x
    (td-hm_hrnet-w32_udp-8xb64-210e_coco-256x192.py, ae_hrnet-w32_8xb24-300e_coco-512x512.py), of HRFormer
    (hrt_small_coco_256x192.py) and the folders of RSN (RSN18.coco/config.py). Returns a path that exists below
    experiments/, or None.
    """
    name = _rsn_experiment(path.parent.name) if path.name == "config.py" else _mmpose_experiment(path.stem)
    return f"experiments/{name}.yaml" if name and (EXPERIMENTS / f"{name}.yaml").is_file() else None


def _mmpose_experiment(stem: str) -> str:
    """The path of the experiment that a file name of mmpose or HRFormer asks for; '' where it says too little."""
    name = stem.lower().replace("-", "_")
    network, sizes = _NETWORK.search(name), re.findall(r"\d{3}x\d{3}", name)
    data = next((folder for word, folder in _DATA.items() if word in name), "")
    if not data or network is None or not sizes or any(word in name for word in _OTHER_EXPERIMENT):
        return ""
    size = sizes[-1]
    if network["size"]:
        ours = "" if network["transformer"] == "hrt" else "_mmpose"
        return f"{data}/hrformer/{network['size']}_{size}{ours}"
    if network["rsn"]:
        stages = f"x{network['stages'][0]}" if network["stages"] else ""
        return f"{data}/rsn/rsn{network['rsn']}{stages}_{size}_mmpose"
    encoding = _encoding(name)
    if size in _PICTURES:
        higher = "higher_" if network["higher"] else ""
        kind = f"{higher}hrnet_{network['width']}" if network["width"] else f"res{network['depth']}"
        return f"{data}/ae/{kind}_{size}{encoding}_mmpose"
    if network["width"]:
        return f"{data}/hrnet/{network['width']}_{size}_adam_lr5e-4{encoding}_mmpose"
    return f"{data}/resnet/res{network['depth']}_{size}_d256x3_adam_lr5e-4{encoding}_mmpose"


def _encoding(name: str) -> str:
    if "udp" in name:
        return "_udp_offset" if "regress" in name or "combined" in name else "_udp"
    return "_dark" if "dark" in name else ""


def _rsn_experiment(folder: str) -> str:
    """The path of the experiment that a folder of the RSN repository asks for; '' for another folder."""
    match = _RSN_FOLDER.match(folder.lower())
    if match is None:
        return ""
    stages = f"x{match['stages']}" if match["stages"] else ""
    size = "256x192" if match["data"] == "coco" else "256x256"
    return f"{match['data']}/rsn/{match['network']}{match['depth']}{stages}_{size}{'_udp' if match['udp'] else ''}"
