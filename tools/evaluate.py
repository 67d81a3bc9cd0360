"""Print the ten COCO statistics of a keypoint result file, or check it for the COCO server.

    python tools/evaluate.py --gt annotations/person_keypoints_val2017.json --pred results.json

Where the annotation file has no annotations (image_info_test-dev2017.json), the result file is checked for submission.
"""

import argparse
from pathlib import Path

from lib.core.evaluate import format_statistics, statistics_of
from lib.core.submission import check_submission
from lib.skeletons import load_skeleton
from lib.utils.cli import run_command
from lib.utils.coco_files import Record, read_annotations, read_results


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--gt", required=True, metavar="A.json", help="COCO annotation file, or image_info of test-dev")
    parser.add_argument("--pred", required=True, metavar="R.json", help="COCO keypoint result file of any program")
    parser.add_argument("--skeleton", default="coco", help="keypoint set: built-in name or YAML file (default: coco)")
    return parser.parse_args()


def main() -> None:
    """Evaluate or check."""
    arguments = parse_arguments()
    skeleton = load_skeleton(arguments.skeleton)
    annotations = read_annotations(arguments.gt)
    results = read_results(arguments.pred)
    if not annotations["annotations"]:
        check_submission(results, annotations, f"result file {arguments.pred}")
        print(f"{arguments.pred} is a valid COCO submission: {_size(results, annotations)}")
        return
    stats = statistics_of(results, annotations, skeleton.sigmas_array, arguments.gt, source=arguments.pred)
    print(f"{_size(results, annotations)}, keypoint set {skeleton.name}, annotations {arguments.gt}")
    print(format_statistics(stats, Path(arguments.pred).stem))


def _size(results: list[Record], annotations: Record) -> str:
    images = {record["image_id"] for record in results}
    return f"{len(results)} results on {len(images)} of {len(annotations['images'])} images"


if __name__ == "__main__":
    run_command(main)
