"""Runs of the steps of tools/infer.py without its configuration and weights."""

from collections.abc import Sequence
from pathlib import Path

from helpers.pattern_estimator import PatternEstimator

from lib.estimator import Estimator
from lib.media import open_inputs
from lib.run.infer.clock import StageClock
from lib.run.infer.follow import FollowRules
from lib.run.infer.ids import FrameIds
from lib.run.infer.infer import run_steps
from lib.run.infer.locate import FromFile, FullFrame, Locator
from lib.run.infer.outputs import KINDS, Counts, Outputs, OutputSettings
from lib.run.infer.stages import FindBoxes, Pose
from lib.skeletons import load_skeleton
from visualization.people_pictures import DrawingOptions

COCO = load_skeleton("coco")


def run_inputs(
    out: Path,
    *inputs: Path,
    locator: Locator | None = None,
    estimator: Estimator | None = None,
    kinds: Sequence[str] = KINDS,
    drawing: DrawingOptions | None = None,
    track: bool = True,
    smooth: bool = True,
) -> Counts:
    """Run over inputs into the folder `out`; the whole picture is the box, and the standing pose is found in it."""
    clock, sources = StageClock(), open_inputs(*map(str, inputs))
    locator = locator or FullFrame()
    settings = OutputSettings(out, frozenset(kinds), ".png", drawing or DrawingOptions())
    file = locator.file if isinstance(locator, FromFile) else None
    outputs = Outputs(settings, COCO, FrameIds(sources, file), {"model": "none"}, {"tracked": track}, clock)
    pose = Pose(estimator or PatternEstimator(), FollowRules(COCO, track, smooth), settings.drawing.heatmap, clock)
    run_steps(sources, FindBoxes(locator, clock), pose, outputs, clock)
    return outputs.counts
