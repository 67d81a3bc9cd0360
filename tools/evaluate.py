"""Print the COCO statistics of a keypoint result file, or check it for the COCO server.

    python tools/evaluate.py --gt annotations/person_keypoints_val2017.json --pred results.json

Where the annotation file has no annotations (image_info_test-dev2017.json), the result file is checked for submission.
"""

import argparse
from pathlib import Path

from lib.core.coco_library import library_for
from lib.core.evaluate import format_statistics
from lib.core.oks_metrics import OKS_METRICS, oks_metric_of, oks_statistics
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
    parser.add_argument("--gt", required=True, metavar="A.json", help="COCO annotation file, or image_info of test-dev")
    parser.add_argument("--pred", required=True, metavar="R.json", help="COCO keypoint result file of any program")
    parser.add_argument("--skeleton", default="coco", help="keypoint set: built-in name or YAML file (default: coco)")
    parser.add_argument("--metric", choices=OKS_METRICS, help="which statistics (those of the keypoint set's data set)")
    return parser.parse_args()


def main() -> None:
    """Evaluate or check."""
    arguments = parse_arguments()
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
        f"{library_for(truth)}"
    )
    print(format_statistics(stats, Path(arguments.pred).stem))


def _size(results: list[Record], truth: Truth) -> str:
    images = {record["image_id"] for record in results}
    return f"{len(results)} results on {len(images)} of {len(truth.image_ids)} images"


if __name__ == "__main__":
    run_command(main)
