"""From inputs to files of poses."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm
from yacs.config import CfgNode

from lib.config import is_bottom_up, notices
from lib.detectors import BoxFile
from lib.media import open_inputs
from lib.media.source import Source
from lib.run.detector import DetectorSettings, make_detector
from lib.run.estimator import make_estimator
from lib.run.folder import check_writable
from lib.run.infer.clock import StageClock
from lib.run.infer.events import Batch, shown_in
from lib.run.infer.follow import BOTTOM_UP, TOP_DOWN, FollowRules
from lib.run.infer.ids import FrameIds
from lib.run.infer.locate import ByDetector, FromFile, FullFrame, Locator, NoBoxes
from lib.run.infer.outputs import PICTURES, Counts, Outputs, OutputSettings
from lib.run.infer.stages import FindBoxes, Pose, read
from lib.run.infer.synthetic import synthetic_notice
from lib.run.report import input_sizes
from lib.run.setup import Setup, describe_machine, set_up
from lib.run.weights import TrainedModel, load_trained
from lib.utils.errors import PoseError
from lib.utils.logging import get_logger, open_log
from lib.utils.overlap import overlapped


@dataclass(frozen=True)
class BoxSettings:
    """Where boxes come from.

    Attributes:
        file: a COCO-format file; None for none.
        images_file: names the images that results in `file` are about.
        file_threshold: boxes of the file below this score are left out.
        full_frame: one person fills each picture.
        detector: what looks for people otherwise.
        detect_every: frames of a video from one detection to the next.
    """

    file: Path | None = None
    images_file: Path | None = None
    file_threshold: float = 0.0
    full_frame: bool = False
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    detect_every: int = 1


@dataclass(frozen=True)
class InferSettings:
    """What a run does beside what its experiment says.

    Attributes:
        inputs: as people name them, see `lib.media.open_inputs`.
        boxes: where boxes come from.
        outputs: what is written.
        track: give people of videos ids.
        smooth: filter the keypoints of followed people.
        show_speed: print how fast each step is.
    """

    inputs: Sequence[str]
    boxes: BoxSettings
    outputs: OutputSettings
    track: bool = True
    smooth: bool = True
    show_speed: bool = False


def infer(cfg: CfgNode, settings: InferSettings) -> Counts:
    """Estimate the poses in all inputs and write them.

    Args:
        cfg: the experiment; TEST.MODEL_FILE, or the best weights of its own run.
        settings: the rest.

    Returns:
        What was done; inputs that could not be read are reported and listed.

    Raises:
        PoseError: no input, boxes or weights at all, no input that could be read, or nowhere to write.
        KeyboardInterrupt: after what was done is written.
    """
    logger = open_log(keep=False)
    setup = set_up(cfg)
    sources = _inputs(settings)
    check_writable(settings.outputs.folder, "--output")
    trained = load_trained(setup)
    locator, file = _locator(settings.boxes, setup, sources)
    for line in _start_lines(setup, trained, locator, sources):
        logger.info(line)
    if notice := synthetic_notice(trained.report.metadata, sources):
        logger.warning("warning: %s", notice)
    clock = StageClock()
    drawing = settings.outputs.drawing
    pose = Pose(
        make_estimator(setup, trained),
        FollowRules(
            setup.skeleton, settings.track, settings.smooth, scores=BOTTOM_UP if is_bottom_up(cfg) else TOP_DOWN
        ),
        with_heat=drawing.heatmap and "pictures" in settings.outputs.kinds,
        clock=clock,
    )
    facts = {
        "model": cfg.MODEL.NAME,
        "weights": trained.path.name,
        "codec": setup.codec.name,
        "boxes": locator.description,
    }
    video_facts = {"tracked": settings.track, "smoothed": settings.track and settings.smooth}
    outputs = Outputs(settings.outputs, setup.skeleton, FrameIds(sources, file), facts, video_facts, clock)
    try:
        run_steps(sources, FindBoxes(locator, clock), pose, outputs, clock)
    except KeyboardInterrupt:
        _report(outputs.counts, settings, clock)
        raise
    _report(outputs.counts, settings, clock)
    return outputs.counts


def run_steps(sources: Sequence[Source], boxes: FindBoxes, pose: Pose, outputs: Outputs, clock: StageClock) -> None:
    """Read, find boxes and estimate in a thread each, and write in this one.

    Raises:
        PoseError: nothing could be read or, where pictures are all that is wanted, drawn; the results of an earlier run
            are left as they were.
    """
    # Frames of live inputs wait as little as threads allow.
    depth = 1 if any(source.is_live for source in sources) else 2
    clock.start()
    with overlapped(read(sources, clock, pose.estimator.check_size), boxes, pose, depth=depth) as batches, outputs:
        for batch in _with_progress(batches):
            for event in batch:
                outputs.handle(event)
        counts = outputs.counts
        if counts.frames == 0:
            raise PoseError(f"not one of {len(sources)} inputs could be read; see the warnings above.")
        if outputs.only_pictures and len(counts.undrawn) + len(counts.failures) >= counts.inputs:
            raise PoseError(f"not one of {len(sources)} inputs could be drawn; see the warnings above.")


def _inputs(settings: InferSettings) -> list[Source]:
    """All inputs but the results of an earlier run, which may lie below the input folder."""
    results = (settings.outputs.folder / PICTURES).resolve()
    found = open_inputs(*settings.inputs)
    sources = [source for source in found if source.path is None or results not in source.path.resolve().parents]
    if not sources:
        raise PoseError(f"all inputs lie in {results}, where the results are drawn; choose another --output.")
    if len(sources) < len(found):
        get_logger().info(f"left out: {len(found) - len(sources)} drawn results of an earlier run in {results}")
    return sources


def _locator(boxes: BoxSettings, setup: Setup, sources: Sequence[Source]) -> tuple[Locator, BoxFile | None]:
    """The source of boxes; what it lacks is said before anything is read."""
    if is_bottom_up(setup.cfg):
        if boxes != BoxSettings():
            raise PoseError(
                f"MODEL.CODEC {setup.cfg.MODEL.CODEC} finds all people of a picture by itself; leave out --boxes, "
                "--full-frame and all options of detectors (--detector, --box-thr, --max-people and so on)."
            )
        return NoBoxes(), None
    if boxes.full_frame:
        return FullFrame(), None
    if boxes.file is not None:
        file = BoxFile(boxes.file, boxes.images_file, score_threshold=boxes.file_threshold)
        pictures = [source.file_name for source in sources if not source.is_video]
        lacking = file.without_boxes(pictures, [source.file_name for source in sources if source.is_video])
        if lacking:
            get_logger().warning(
                "warning: %d of %d inputs have no boxes in %s, the first is %s",
                *(len(lacking), len(sources), boxes.file, lacking[0]),
            )
        return FromFile(file), file
    detector = make_detector(boxes.detector, setup.device)
    return ByDetector(detector, detector.name, boxes.detect_every), None


def _start_lines(setup: Setup, trained: TrainedModel, locator: Locator, sources: Sequence[Source]) -> Iterator[str]:
    yield f"Estimating poses on {describe_machine(setup.device)}."
    yield from notices(setup.cfg)
    flip = "flip test" if setup.cfg.TEST.FLIP_TEST else "no flip test"
    yield f"weights      {trained.path}"
    yield f"boxes        {locator.description}"
    codec = f"codec {setup.codec.name}, decoder {setup.codec.decoder}"
    yield f"network      {setup.cfg.MODEL.NAME}, {_input_size(setup)}, {codec}, {flip}"
    yield f"arithmetic   {setup.precision}, {setup.runtime}"
    yield f"inputs       {len(sources)}, the first is {sources[0].name}"


def _input_size(setup: Setup) -> str:
    if is_bottom_up(setup.cfg):
        return ", ".join(f"{name} {fact}" for name, fact in input_sizes(setup.cfg).items())
    width, height = setup.codec.input_size_wh
    return f"{width}x{height}"


def _with_progress(batches: Iterator[Batch]) -> Iterator[Batch]:
    with tqdm(desc="poses", unit="frame", disable=not sys.stderr.isatty(), dynamic_ncols=True) as bar:
        for batch in batches:
            yield batch
            bar.update(len(shown_in(batch)))


def _report(counts: Counts, settings: InferSettings, clock: StageClock) -> None:
    logger = get_logger()
    logger.info(f"{counts.people} people in {counts.frames} pictures and frames of {counts.inputs} inputs")
    if counts.failures:
        logger.warning("warning: %d inputs could not be read, the first: %s", len(counts.failures), counts.failures[0])
    if counts.undrawn:
        logger.warning("warning: %d inputs could not be drawn, the first: %s", len(counts.undrawn), counts.undrawn[0])
    logger.info(f"results      {settings.outputs.folder}")
    if settings.show_speed:
        for line in clock.lines(counts.frames):
            logger.info(line)
