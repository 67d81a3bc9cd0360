"""Poses from your own pictures and videos.

    python tools/infer.py --cfg X.yaml TEST.MODEL_FILE W.pth --input PATH --output DIR

PATH is a picture, a video, a folder, a pattern, a list file (.txt), a webcam's number or a stream's address. DIR gets
pictures/ (drawn), json/ (one file per input), results.json and images.json (COCO's format) and people.csv.
"""

import argparse
import math
import re
from pathlib import Path

from yacs.config import CfgNode

from lib.config import load_config, resolve_skeleton
from lib.config.arguments import AMP_CHOICES
from lib.detectors import NAMES
from lib.run.detector import DetectorSettings
from lib.run.folder import RunFolder
from lib.run.infer.infer import BoxSettings, InferSettings, infer
from lib.run.infer.outputs import KINDS, OutputSettings
from lib.skeletons import Skeleton
from lib.skeletons.subset import keypoint_subset
from lib.utils.cli import run_command
from lib.utils.errors import PoseError
from visualization.colors import parse_color
from visualization.people_pictures import DrawingOptions
from visualization.styles import STYLE_NAMES

REPOSITORY = Path(__file__).resolve().parents[1]
OPTION = re.compile(r"[A-Z][A-Z0-9_]*(\.[A-Z0-9_]+)+")
QUICKSTART = REPOSITORY / "experiments" / "synthetic" / "hrnet_w24_128x96_udp.yaml"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--cfg", type=Path, default=QUICKSTART, help="experiment file; by default that of make quickstart")
    add("opts", nargs="*", metavar="KEY VALUE", help="options of the experiment, before --input")
    add("--input", required=True, nargs="+", metavar="PATH", help="what to look at")
    add("--output", type=Path, default=Path("output/infer"), metavar="DIR", help="folder of the results (%(default)s)")
    add("--device", help="auto | cpu | cuda | cuda:N (DEVICE)")
    add("--amp", choices=AMP_CHOICES, help="precision of the network (AMP)")
    add("--batch-size", type=_count, help="people, or whole pictures, per batch (TEST.BATCH_SIZE_PER_GPU)")
    _add_boxes(parser.add_argument_group("boxes of the people (top-down networks)"))
    _add_video(parser.add_argument_group("videos"))
    _add_output(parser.add_argument_group("results"))
    _add_drawing(parser.add_argument_group("drawing; the data always hold everything"))
    return parser.parse_intermixed_args()


def _add_boxes(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--boxes", type=Path, metavar="FILE", help="detections or annotations in COCO's format, of any detector")
    add("--images-file", type=Path, metavar="FILE", help="COCO file with the images that detections are about")
    add("--full-frame", action="store_true", help="one person fills each picture")
    add("--detector", choices=("auto", *NAMES), help="torchvision's (auto)")
    add("--detector-weights", metavar="FILE", help="weights of the detector (torchvision's own)")
    add("--box-thr", type=_number, metavar="SCORE", help="boxes below this score are left out (0.5; of a file: none)")
    add("--box-nms", type=_number, metavar="IOU", help="overlap of the detector's suppression (0.5)")
    add("--max-people", type=_count, help="most boxes of the detector per picture (100)")


def _add_video(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--detect-every", type=_count, metavar="N", help="detect on every Nth frame, else follow the poses")
    add("--no-track", action="store_true", help="no ids from frame to frame")
    add("--no-smooth", action="store_true", help="no filter over time")
    add("--show-speed", action="store_true", help="frames per second of every step")


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--save", default=",".join(KINDS), metavar="KINDS", help="which of %(default)s to write")
    add("--format", default="jpg", choices=("jpg", "png"), help="of drawn pictures (%(default)s)")


def _add_drawing(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--score-thr", type=_number, default=-math.inf, help="people below this score are not drawn (all are)")
    add("--kpt-thr", type=_number, default=0.3, help="keypoints up to this score are not drawn (%(default)s)")
    add("--radius", type=_number, help="of the keypoints in pixels (by the size of the person)")
    add("--thickness", type=_number, help="of the limbs in pixels (by the size of the person)")
    add("--style", default="chunhua", choices=STYLE_NAMES, help="colours (%(default)s)")
    add("--skeleton", default="", metavar="NAMES", help="draw these keypoints alone, e.g. 'upper' or 'nose,left_*'")
    add("--hide-box", action="store_true", help="no boxes")
    add("--box-color", default="white", help="a name, #rrggbb, or 'track' for each person's own (%(default)s)")
    add("--label", action="store_true", help="track id and score beside each person")
    add("--heatmap", action="store_true", help="the network's score maps over the picture")
    add("--black-background", action="store_true", help="people on black")


def _count(text: str) -> int:
    """An integer of at least 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def _number(text: str) -> float:
    """A finite number, for argparse."""
    value = float(text)
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return value


def main() -> None:
    """Read, estimate, write, tell what was written."""
    arguments = parse_arguments()
    misplaced = [word for word in arguments.input if OPTION.fullmatch(word) and not Path(word).exists()]
    if misplaced:
        raise PoseError(f"{misplaced[0]} is an option of the experiment; put it and its value before --input.")
    flags = {
        "DEVICE": arguments.device,
        "AMP": arguments.amp,
        "TEST.BATCH_SIZE_PER_GPU": arguments.batch_size,
    }
    given = [word for key, value in flags.items() if value is not None for word in (key, str(value))]
    cfg = load_config(arguments.cfg, [*arguments.opts, *given])
    _check_quickstart(arguments.cfg, cfg)
    outputs = OutputSettings(
        arguments.output, _kinds(arguments.save), f".{arguments.format}", _drawing(arguments, resolve_skeleton(cfg))
    )
    settings = InferSettings(
        arguments.input,
        _boxes(arguments),
        outputs,
        track=not arguments.no_track,
        smooth=not arguments.no_smooth,
        show_speed=arguments.show_speed,
    )
    infer(cfg, settings)


def _check_quickstart(path: Path, cfg: CfgNode) -> None:
    """Where nobody names an experiment, the quickstart's has to have been run."""
    if path == QUICKSTART and not cfg.TEST.MODEL_FILE and not RunFolder(cfg).best.is_file():
        raise PoseError(
            f"without --cfg the quickstart's weights are taken, and {RunFolder(cfg).best} is not there; run make "
            "quickstart, or give --cfg X.yaml TEST.MODEL_FILE W.pth."
        )


def _boxes(arguments: argparse.Namespace) -> BoxSettings:
    if arguments.boxes and arguments.full_frame:
        raise PoseError("--boxes and --full-frame exclude each other; leave one of them out.")
    if arguments.images_file and not arguments.boxes:
        raise PoseError("--images-file names the images of --boxes; give --boxes as well, or leave it out.")
    own = {
        "name": arguments.detector,
        "weights": arguments.detector_weights,
        "nms_threshold": arguments.box_nms,
        "max_people": arguments.max_people,
    }
    given = {key: value for key, value in own.items() if value is not None}
    if (arguments.boxes or arguments.full_frame) and (given or arguments.detect_every):
        raise PoseError(
            "--detector, --detector-weights, --box-nms, --max-people and --detect-every are about a detector; leave "
            "them out with --boxes and --full-frame."
        )
    threshold = arguments.box_thr
    if threshold is not None and not arguments.boxes:
        given["score_threshold"] = threshold
    return BoxSettings(
        file=arguments.boxes,
        images_file=arguments.images_file,
        file_threshold=threshold or 0.0,
        full_frame=arguments.full_frame,
        detector=DetectorSettings(**given),
        detect_every=arguments.detect_every or 1,
    )


def _kinds(text: str) -> frozenset[str]:
    kinds = frozenset(word.strip() for word in text.split(",") if word.strip())
    if not kinds or kinds - set(KINDS):
        raise PoseError(f"--save {text!r} must be some of {', '.join(KINDS)}, with commas between them.")
    return kinds


def _drawing(arguments: argparse.Namespace, skeleton: Skeleton) -> DrawingOptions:
    return DrawingOptions(
        score_threshold=arguments.score_thr,
        kpt_threshold=arguments.kpt_thr,
        radius=arguments.radius,
        thickness=arguments.thickness,
        style=arguments.style,
        show_boxes=not arguments.hide_box,
        box_color=parse_color(arguments.box_color),
        subset=keypoint_subset(skeleton, arguments.skeleton) if arguments.skeleton else None,
        show_labels=arguments.label,
        black_background=arguments.black_background,
        heatmap=arguments.heatmap,
    )


if __name__ == "__main__":
    run_command(main)
