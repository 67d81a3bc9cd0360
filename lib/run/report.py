"""What is printed beside every figure, so that it can be compared with another."""

import math
import shlex
from pathlib import Path

from lib.dataset.build import locate_files
from lib.run.evaluation import Evaluator, Outcome


def conditions(evaluator: Evaluator) -> dict[str, str]:
    """What a result depends on beside the weights, by name."""
    cfg, codec, dataset = evaluator.setup.cfg, evaluator.setup.codec, evaluator.dataset
    width, height = codec.input_size_wh
    dropped = ", ".join(f"{count} {reason}" for reason, count in dataset.num_dropped.items() if count)
    shifted = ", shifted by 1 px" if codec.shift_flipped else ""
    return {
        "boxes": dataset.box_source,
        "annotations": dataset.annotation_file,
        "records": f"{len(dataset)} kept, {sum(dataset.num_dropped.values())} dropped ({dropped or 'none'})",
        "codec": f"{codec.name} ({codec.variant})",
        "decoder": codec.decoder,
        "input size": f"{width}x{height}",
        "flip test": f"yes{shifted}" if cfg.TEST.FLIP_TEST else "no",
        **evaluator.facts,
        "arithmetic": f"{evaluator.setup.precision} on {evaluator.setup.device}, {evaluator.setup.runtime}",
    }


def long_report(evaluator: Evaluator, outcome: Outcome, weights: Path) -> list[str]:
    """Conditions, one a line, and the statistics."""
    facts = {"weights": str(weights), **conditions(evaluator), "results": str(outcome.num_results)}
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
    return shlex.join([*words, "--save-path", str(result_file.parent / "pictures")])
