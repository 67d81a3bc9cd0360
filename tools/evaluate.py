"""Print the COCO statistics of a keypoint result file, or check it for the COCO server; or print PCKh on MPII.

    python tools/evaluate.py --gt annotations/person_keypoints_val2017.json --pred results.json
    python tools/evaluate.py --gt annot/gt_valid.mat --pred pred.mat

Where the annotation file has no annotations (image_info_test-dev2017.json), the result file is checked for submission.
For MPII --gt is gt_valid.mat, its arrays as JSON or annotations with head boxes, and --pred a pred.mat or our JSON.
"""

import argparse
from pathlib import Path

from lib.core.coco_library import library_for
from lib.core.evaluate import format_statistics
from lib.core.mpii_predictions import check_images, read_predictions
from lib.core.mpii_truth import is_mpii_truth, read_mpii_truth
from lib.core.oks_metrics import FACTS, OKS_METRICS, oks_metric_of, oks_statistics
from lib.core.pckh import describe_heads, format_joints, format_pckh, head_figures
from lib.core.poses import poses_of
from lib.core.submission import COCO_KEYPOINTS, check_submission
from lib.core.truth import COCO_PERSON, Truth, read_truth
from lib.skeletons import load_skeleton
from lib.utils.cli import run_command
from lib.utils.coco_files import Record, read_results


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--gt", required=True, metavar="A", help="COCO annotation file, image_info of test-dev, or MPII truth"
    )
    parser.add_argument(
        "--pred", required=True, metavar="R", help="COCO keypoint result file or MPII predictions of any program"
    )
    parser.add_argument("--skeleton", default="coco", help="keypoint set: built-in name or YAML file (default: coco)")
    parser.add_argument("--metric", choices=OKS_METRICS, help="which statistics (those of the keypoint set's data set)")
    return parser.parse_args()


def main() -> None:
    """Evaluate or check."""
    arguments = parse_arguments()
    if is_mpii_truth(arguments.gt):
        _evaluate_mpii(arguments.gt, arguments.pred)
    else:
        _evaluate_coco(arguments)


def _evaluate_mpii(truth_file: str, prediction_file: str) -> None:
    truth, predictions = read_mpii_truth(truth_file), read_predictions(prediction_file)
    check_images(predictions, truth.image_names, prediction_file)
    stats = head_figures(predictions.joints, truth)
    print(f"{len(truth)} people, truth {truth.source}, head boxes {describe_heads(truth)}")
    print(format_pckh(stats, Path(prediction_file).stem))
    print(format_joints(predictions.joints, truth))


def _evaluate_coco(arguments: argparse.Namespace) -> None:
    skeleton = load_skeleton(arguments.skeleton)
    truth = read_truth(arguments.gt, skeleton.num_keypoints, skeleton.form)
    results = read_results(arguments.pred)
    if not truth.is_public:
        source = f"result file {arguments.pred}"
        check_submission(poses_of(results, truth.image_ids, COCO_PERSON, COCO_KEYPOINTS, source), truth, source)
        print(f"{arguments.pred} is a valid COCO submission: {_size(results, truth)}")
        return
    metric = arguments.metric or oks_metric_of(skeleton.name)
    statistics = oks_statistics(metric, truth, skeleton, arguments.pred)
    poses = poses_of(results, truth.image_ids, truth.category, skeleton.num_keypoints, arguments.pred, skeleton.form)
    stats = statistics(poses, truth, skeleton.sigmas_array)
    print(
        f"{_size(results, truth)}, keypoint set {skeleton.name}, annotations {arguments.gt}, {metric} by "
        f"{library_for(truth)}{''.join(f', {name} {fact}' for name, fact in FACTS.get(metric, {}).items())}"
    )
    print(format_statistics(stats, Path(arguments.pred).stem))


def _size(results: list[Record], truth: Truth) -> str:
    images = {record["image_id"] for record in results}
    return f"{len(results)} results on {len(images)} of {len(truth.image_ids)} images"


if __name__ == "__main__":
    run_command(main)
