"""What is printed beside every figure, so that it can be compared with another."""

import math
import shlex
from pathlib import Path

from yacs.config import CfgNode

from lib.codecs.group.codec import GroupCodec
from lib.config import is_bottom_up
from lib.dataset.build import locate_files
from lib.dataset.group.build import build_resize
from lib.run.evaluation import Evaluator, Outcome
from lib.run.setup import Setup

BOTTOM_UP_SCORE = 0.1  # of people who are drawn


def conditions(evaluator: Evaluator) -> dict[str, str]:
    """What a result depends on beside the weights, by name."""
    setup, dataset = evaluator.setup, evaluator.dataset
    dropped = ", ".join(f"{count} {reason}" for reason, count in dataset.num_dropped.items() if count)
    return {
        "boxes": dataset.box_source,
        "annotations": dataset.annotation_file,
        "records": f"{len(dataset)} kept, {sum(dataset.num_dropped.values())} dropped ({dropped or 'none'})",
        "codec": f"{setup.codec.name} ({setup.codec.variant})",
        **(_picture_conditions(setup) if isinstance(setup.codec, GroupCodec) else _crop_conditions(setup)),
        **evaluator.facts,
        "arithmetic": f"{setup.precision} on {setup.device}, {setup.runtime}",
    }


def _crop_conditions(setup: Setup) -> dict[str, str]:
    codec = setup.single_codec
    width, height = codec.input_size_wh
    shifted = ", shifted by 1 px" if codec.shift_flipped else ""
    return {
        "decoder": codec.decoder,
        "input size": f"{width}x{height}",
        "flip test": f"yes{shifted}" if setup.cfg.TEST.FLIP_TEST else "no",
    }


def _picture_conditions(setup: Setup) -> dict[str, str]:
    test = setup.cfg.TEST
    steps = [name for name, does in (("adjusted", test.ADJUST), ("refined", test.REFINE)) if does]
    thresholds = f"detections above {test.DETECTION_THRESHOLD:g}, tags within {test.TAG_THRESHOLD:g}"
    return {
        "decoder": ", ".join([f"group ({thresholds})", *steps]),
        **input_sizes(setup.cfg),
        "read maps": "as large as the input" if test.PROJECT2IMAGE else "as large as the finest output",
        "flip test": "yes" if test.FLIP_TEST else "no",
    }


def input_sizes(cfg: CfgNode) -> dict[str, str]:
    """How a bottom-up network is shown pictures."""
    resize = build_resize(cfg)
    return {
        "input size": f"short side {resize.input_short_side}, long side up to a multiple of 64 ({resize.name})",
        "scales": ", ".join(f"{scale:g}" for scale in resize.scales),
    }


def long_report(evaluator: Evaluator, outcome: Outcome, weights: Path) -> list[str]:
    """Conditions, one a line, and the statistics."""
    facts = {"weights": str(weights), **conditions(evaluator), "results": str(outcome.num_results)}
    if outcome.times is not None:
        facts["per picture"] = str(outcome.times)
    lines = [f"{name:<12} {fact}" for name, fact in facts.items()]
    return [*lines, measures_line(outcome), *outcome.tables]


def short_report(evaluator: Evaluator, outcome: Outcome) -> list[str]:
    """Conditions in one line, and the statistics, for the tests between epochs."""
    facts = ", ".join(f"{name} {fact}" for name, fact in conditions(evaluator).items())
    return [f"tested with {facts}", measures_line(outcome), *outcome.tables]


def measures_line(outcome: Outcome) -> str:
    """PCK and loss, n/a where the records have no targets."""
    loss = "n/a" if math.isnan(outcome.loss) else f"{outcome.loss:.6f}"
    return f"{'PCK':<12} {outcome.pck}, loss {loss}"


def plot_command(evaluator: Evaluator, result_file: Path, keypoint_set: str) -> str:
    """The command that draws a result file over its images.

    Args:
        evaluator: of the test.
        result_file: what it wrote.
        keypoint_set: a built-in name or a YAML file.
    """
    files = locate_files(evaluator.setup.cfg, is_train=False)
    words = ["python", "visualization/plot_coco.py", "--prediction", str(result_file)]
    words += ["--gt-anno", files.annotation_file, "--image-path", files.images]
    words += [] if keypoint_set == "coco" else ["--skeleton", keypoint_set]
    # Their scores are means over all keypoints: those of half-visible people lie below the tool's threshold.
    words += ["--score-thr", f"{BOTTOM_UP_SCORE:g}"] if is_bottom_up(evaluator.setup.cfg) else []
    return shlex.join([*words, "--save-path", str(result_file.parent / "pictures")])
