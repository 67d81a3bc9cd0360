"""Poses from your own pictures and videos.

    python tools/infer.py --cfg X.yaml TEST.MODEL_FILE W.pth --input PATH --output DIR

PATH is a picture, a video, a folder, a pattern, a list file (.txt), a webcam's number or a stream's address. DIR gets
pictures/ (drawn), json/ (one file per input), results.json and images.json (COCO's format) and people.csv.
"""

import argparse
from pathlib import Path

from lib.config import load_config, resolve_skeleton
from lib.config.arguments import AMP_CHOICES
from lib.run.detector import DetectorSettings
from lib.run.infer.infer import BoxSettings, InferSettings, infer
from lib.run.infer.outputs import KINDS, OutputSettings
from lib.skeletons import Skeleton
from lib.skeletons.subset import keypoint_subset
from lib.utils.cli import run_command
from lib.utils.errors import PoseError
from visualization.colors import parse_color
from visualization.people_pictures import DrawingOptions
from visualization.styles import STYLE_NAMES

QUICKSTART = "experiments/synthetic/hrnet_w24_128x96_udp.yaml"


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--cfg", default=QUICKSTART, help="experiment file; by default that of make quickstart")
    add("opts", nargs="*", metavar="KEY VALUE", help="options of the experiment to change, e.g. TEST.MODEL_FILE W.pth")
    add("--input", required=True, nargs="+", metavar="PATH", help="what to look at")
    add("--output", type=Path, default=Path("output/infer"), metavar="DIR", help="folder of the results (%(default)s)")
    add("--device", help="auto | cpu | cuda | cuda:N (DEVICE)")
    add("--amp", choices=AMP_CHOICES, help="precision of the network (AMP)")
    add("--batch-size", type=_count, help="people per batch (TEST.BATCH_SIZE_PER_GPU)")
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
    add("--detector", default="auto", choices=("auto", "fasterrcnn", "ssdlite"), help="torchvision's (%(default)s)")
    add("--detector-weights", default="default", metavar="FILE", help="weights of the detector (torchvision's own)")
    add("--box-thr", type=float, metavar="SCORE", help="boxes below this score are left out (0.5; of a file: none)")
    add("--box-nms", type=float, default=0.5, metavar="IOU", help="overlap of the detector's suppression (%(default)s)")
    add("--max-people", type=_count, default=100, help="most boxes of the detector per picture (%(default)s)")


def _add_video(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--detect-every", type=_count, default=1, metavar="N", help="detect on every Nth frame, else follow the poses")
    add("--no-track", action="store_true", help="no ids from frame to frame")
    add("--no-smooth", action="store_true", help="no filter over time")
    add("--show-speed", action="store_true", help="frames per second of every step")


def _add_output(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--save", default=",".join(KINDS), metavar="KINDS", help="which of %(default)s to write")
    add("--format", default="jpg", choices=("jpg", "png"), help="of drawn pictures (%(default)s)")


def _add_drawing(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--kpt-thr", type=float, default=0.3, help="keypoints up to this score are not drawn (%(default)s)")
    add("--radius", type=float, help="of the keypoints in pixels (by the size of the person)")
    add("--thickness", type=float, help="of the limbs in pixels (by the size of the person)")
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


def main() -> None:
    """Read, estimate, write, tell what was written."""
    arguments = parse_arguments()
    flags = {
        "DEVICE": arguments.device,
        "AMP": arguments.amp,
        "TEST.BATCH_SIZE_PER_GPU": arguments.batch_size,
    }
    given = [word for key, value in flags.items() if value is not None for word in (key, str(value))]
    cfg = load_config(arguments.cfg, [*arguments.opts, *given])
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


def _boxes(arguments: argparse.Namespace) -> BoxSettings:
    if arguments.boxes and arguments.full_frame:
        raise PoseError("--boxes and --full-frame exclude each other; leave one of them out.")
    threshold = {} if arguments.box_thr is None else {"score_threshold": arguments.box_thr}
    detector = DetectorSettings(
        name=arguments.detector,
        weights=arguments.detector_weights,
        nms_threshold=arguments.box_nms,
        max_people=arguments.max_people,
        **threshold,
    )
    return BoxSettings(
        file=arguments.boxes,
        images_file=arguments.images_file,
        file_threshold=arguments.box_thr or 0.0,
        full_frame=arguments.full_frame,
        detector=detector,
        detect_every=arguments.detect_every,
    )


def _kinds(text: str) -> frozenset[str]:
    kinds = frozenset(word.strip() for word in text.split(",") if word.strip())
    if not kinds or kinds - set(KINDS):
        raise PoseError(f"--save {text!r} must be some of {', '.join(KINDS)}, with commas between them.")
    return kinds


def _drawing(arguments: argparse.Namespace, skeleton: Skeleton) -> DrawingOptions:
    return DrawingOptions(
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
