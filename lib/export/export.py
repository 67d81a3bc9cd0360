"""From a network to a file that is known to find the same keypoints."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lib.export.formats import Engine, Format
from lib.export.graph import PoseGraph
from lib.export.parity import SCORE_TOLERANCE, TOLERANCE_PX, Parity
from lib.utils.errors import PoseError
from lib.utils.files import atomic_path


def export(
    graph: PoseGraph, description: dict[str, Any], form: Format, output: Path, check: Callable[[Engine], Parity]
) -> Parity:
    """Write a graph, and keep the files only when they agree with PyTorch.

    Args:
        graph: what to export.
        description: what the files say about it, see `lib.export.description.describe`.
        form: the format.
        output: the file, with the format's ending; the format's other files stand beside it.
        check: compares the written program, in its engine, with PyTorch.

    Returns:
        How far they are from each other.

    Raises:
        PoseError: another ending, a place that cannot be written to, or a difference above the tolerance. Files that
            were there before are then still there.
    """
    if output.suffix != form.suffixes[0]:
        raise PoseError(f"--output {output} is no name for {form.label}; let it end with {form.suffixes[0]}.")
    graph.prepare()
    with ExitStack() as stack:
        paths = [stack.enter_context(atomic_path(output.with_suffix(suffix))) for suffix in form.suffixes]
        form.write(graph, description, paths)
        parity = check(form.load(paths))
        if not parity.holds:
            raise PoseError(
                f"the exported program differs from PyTorch by {parity.max_px:.3g} px and {parity.max_score:.2g} of "
                f"the largest score, above {TOLERANCE_PX} px or {SCORE_TOLERANCE:g}, so that {output} was not written; "
                "leave --decode or --flip-test out, or try another --format or --opset."
            )
    return parity
