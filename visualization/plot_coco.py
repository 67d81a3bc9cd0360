"""Draw the skeletons of a COCO keypoint result file, or of MPII predictions, over their images.

    python visualization/plot_coco.py --prediction R.json --gt-anno A.json --image-path D --save-path O

One picture per image with a prediction, or with --best N and --worst N one per annotated person, ranked by OKS.
"""

import argparse
from pathlib import Path

from tqdm import tqdm

from lib.core.mpii_predictions import read_predictions
from lib.core.mpii_truth import is_mpii_truth
from lib.core.mpii_view import annotations_of, results_of
from lib.skeletons import Skeleton, load_skeleton
from lib.utils.cli import run_command
from lib.utils.coco_files import (
    Record,
    annotated_people,
    check_results,
    joined_results,
    person_category,
    read_annotations,
    read_results,
)
from lib.utils.errors import PoseError
from lib.utils.image import read_image
from lib.utils.mpii_files import NUM_JOINTS, read_mpii
from visualization.coco_pictures import Person, Picture, pictures_by_image, pictures_by_oks
from visualization.raster import draw_shapes, save_image, side_by_side
from visualization.shapes import Shape, box_shapes, pose_shapes
from visualization.styles import STYLE_NAMES, make_style
from visualization.vector import Panel, save_pdf

COCO_VAL = "data/coco"


def parse_arguments() -> argparse.Namespace:
    """The command line: the published flags first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add = parser.add_argument
    add("--prediction", required=True, metavar="R.json", help="COCO keypoint result file")
    add(
        "--gt-anno",
        default=f"{COCO_VAL}/annotations/person_keypoints_val2017.json",
        help="annotation file (%(default)s)",
    )
    add("--image-path", default=f"{COCO_VAL}/images/val2017", help="folder of the images (%(default)s)")
    add("--save-path", default="visualization/coco", help="folder of the pictures (%(default)s)")
    add("--style", default="chunhua", choices=STYLE_NAMES, help="colours (%(default)s)")
    add("--format", default="png", choices=("png", "jpg", "pdf"), help="of the pictures (%(default)s)")
    add("--skeleton", default="coco", help="keypoint set: built-in name or YAML file (%(default)s)")
    add("--score-thr", type=float, default=0.3, help="people below this score are left out (%(default)s)")
    add("--kpt-thr", type=float, default=0.2, help="keypoints up to this score are left out (%(default)s)")
    add("--radius", type=float, help="of the keypoints in pixels (by the size of the person)")
    add("--line-width", type=float, help="of the limbs in pixels (by the size of the person)")
    add(
        "--boxes",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="draw boxes, crops, or the extents of poses without either (%(default)s)",
    )
    add("--with-gt", action="store_true", help="ground truth beside the prediction")
    add("--best", type=_count, default=0, metavar="N", help="only the N people predicted best, by OKS")
    add("--worst", type=_count, default=0, metavar="N", help="only the N people predicted worst, by OKS")
    add("--limit", type=_count, metavar="N", help="at most N pictures")
    return parser.parse_args()


def _count(text: str) -> int:
    """An integer of at least 1, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return value


def main() -> None:
    """Read, check, draw, tell what was written."""
    arguments = parse_arguments()
    skeleton = load_skeleton(arguments.skeleton)
    if is_mpii_truth(arguments.gt_anno):
        annotations, results = _read_mpii(arguments)
        if skeleton.num_keypoints != NUM_JOINTS:
            raise PoseError(
                f"{arguments.gt_anno} has MPII's {NUM_JOINTS} joints, but the keypoint set {skeleton.name} has "
                f"{skeleton.num_keypoints}; add --skeleton mpii."
            )
    else:
        annotations, results = _read(arguments.gt_anno, arguments.prediction, skeleton)
    pictures = _choose(arguments, annotations, results, skeleton)
    image_folder, save_folder = Path(arguments.image_path), Path(arguments.save_path)
    _check_images(pictures, image_folder)
    for picture in tqdm(pictures, desc="plot", unit="picture", disable=None):
        panels = _panels(picture, arguments, skeleton, image_folder)
        _save(save_folder / f"{picture.name}.{arguments.format}", panels)
    print(_summary(arguments, pictures, results, save_folder))


def _read(gt_file: str, result_file: str, skeleton: Skeleton) -> tuple[Record, list[Record]]:
    """Annotations and results that fit each other and the keypoint set."""
    annotations, results = read_annotations(gt_file), read_results(result_file)
    if not results:
        raise PoseError(f"result file {result_file} holds no results, so there is nothing to plot.")
    image_ids = {image["id"] for image in annotations["images"]}
    category = person_category(annotations, gt_file)
    results = list(joined_results(results, skeleton.num_keypoints, skeleton.form, f"result file {result_file}"))
    check_results(results, image_ids, category, skeleton.num_keypoints, f"result file {result_file}")
    people = annotated_people(annotations, skeleton.num_keypoints, gt_file, skeleton.form)
    return {**annotations, "annotations": people}, results


def _read_mpii(arguments: argparse.Namespace) -> tuple[Record, list[Record]]:
    """The same from MPII's files."""
    if arguments.best or arguments.worst:
        raise PoseError("--best and --worst rank by OKS, but MPII has no areas for it; leave them out.")
    people = read_mpii(arguments.gt_anno)
    predictions = read_predictions(arguments.prediction)
    return annotations_of(people), results_of(predictions, people, arguments.prediction)


def _choose(
    arguments: argparse.Namespace, annotations: Record, results: list[Record], skeleton: Skeleton
) -> list[Picture]:
    """What to draw; at least one picture."""
    if arguments.best or arguments.worst:
        if not annotations["annotations"]:
            raise PoseError(f"{arguments.gt_anno} has no annotations; --best and --worst need them.")
        pictures = pictures_by_oks(
            results,
            annotations,
            arguments.score_thr,
            skeleton.sigmas_array,
            best=arguments.best,
            worst=arguments.worst,
        )
    else:
        pictures = pictures_by_image(results, annotations, arguments.score_thr)
    if not pictures:
        highest = max(record["score"] for record in results)
        raise PoseError(
            f"no person of {arguments.prediction} has a score of {arguments.score_thr} or more (the highest is "
            f"{highest:.3g}); lower --score-thr."
        )
    return pictures[: arguments.limit]


def _check_images(pictures: list[Picture], folder: Path) -> None:
    """All images are there before the first picture is drawn."""
    missing = sorted({picture.file_name for picture in pictures if not (folder / picture.file_name).is_file()})
    if missing:
        raise PoseError(f"{len(missing)} images are not in {folder}, the first is {missing[0]}; check --image-path.")


def _panels(picture: Picture, arguments: argparse.Namespace, skeleton: Skeleton, image_folder: Path) -> list[Panel]:
    """The prediction, and on demand the ground truth before it."""
    image = read_image(image_folder / picture.file_name)
    caption = picture.caption
    panels = []
    if arguments.with_gt:
        caption = f"prediction   {caption}"
        panels.append(Panel(image, _shapes(picture.annotated, arguments, skeleton, 0.0), "ground truth"))
    panels.append(Panel(image, _shapes(picture.predicted, arguments, skeleton, arguments.kpt_thr), caption))
    return panels


def _shapes(
    people: tuple[Person, ...], arguments: argparse.Namespace, skeleton: Skeleton, threshold: float
) -> list[Shape]:
    shapes: list[Shape] = []
    for index, person in enumerate(people):
        frame = person.frame(threshold)
        if arguments.boxes and max(frame[2:]) > 0:
            shapes += box_shapes(frame)
        style = make_style(arguments.style, skeleton, index)
        shapes += pose_shapes(
            person.keypoints, style, threshold=threshold, radius=arguments.radius, line_width=arguments.line_width
        )
    return shapes


def _save(path: Path, panels: list[Panel]) -> None:
    if path.suffix == ".pdf":
        save_pdf(path, panels)
        return
    drawn = [draw_shapes(panel.image, panel.shapes) for panel in panels]
    captions = [panel.caption for panel in panels] if any(panel.caption for panel in panels) else []
    save_image(path, side_by_side(drawn, captions))


def _summary(arguments: argparse.Namespace, pictures: list[Picture], results: list[Record], save_folder: Path) -> str:
    low = sum(record["score"] < arguments.score_thr for record in results)
    people = sum(len(picture.predicted) for picture in pictures)
    return (
        f"{len(pictures)} pictures with {people} predicted people in {save_folder} ({arguments.style}, "
        f"{arguments.format}); left out: {low} of {len(results)} people below score {arguments.score_thr}, and "
        f"keypoints up to score {arguments.kpt_thr}"
    )


if __name__ == "__main__":
    run_command(main)
