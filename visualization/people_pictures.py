"""The people of a picture drawn as tools/infer.py is asked to, from plain arrays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lib.skeletons import Skeleton
from lib.utils.errors import PoseError
from visualization.colors import TRACK, BoxColor
from visualization.heat_overlay import overlay_heatmaps
from visualization.labels import put_tags
from visualization.raster import draw_shapes
from visualization.shapes import BOX_COLOR, Shape, box_shapes, pose_shapes
from visualization.styles import Color, make_style, person_color

# Of radius and thickness: beyond it, pictures are a single blot.
MOST_PIXELS = 1000


@dataclass(frozen=True)
class DrawingOptions:
    """What is drawn and how; it changes pictures only, never the written data.

    Attributes:
        score_threshold: people below this score are not drawn.
        kpt_threshold: a keypoint is drawn when its score is above it, and a limb when both its ends are.
        radius: of the keypoints, pixels; by the size of the person when None. Faces, hands and feet are drawn finer, by
            the factors of visualization.styles.
        thickness: of the limbs, pixels, likewise.
        style: a name of visualization.styles.STYLE_NAMES; in "people" a track keeps its colour.
        show_boxes: whether boxes are drawn.
        box_color: of boxes and labels; "track" is each person's own colour, that of the style "people".
        subset: the keypoints that are drawn, (K,); all when None.
        show_labels: whether labels are drawn.
        black_background: black instead of the picture.
        heatmap: whether score maps are drawn.
    """

    score_threshold: float = -math.inf
    kpt_threshold: float = 0.3
    radius: float | None = None
    thickness: float | None = None
    style: str = "chunhua"
    show_boxes: bool = True
    box_color: BoxColor = BOX_COLOR
    subset: NDArray[np.bool_] | None = None
    show_labels: bool = False
    black_background: bool = False
    heatmap: bool = False

    def __post_init__(self) -> None:
        for name, value in {"radius": self.radius, "thickness": self.thickness}.items():
            if value is not None and not 0 < value <= MOST_PIXELS:
                raise PoseError(
                    f"{name} {value} cannot be drawn; give a number of pixels above 0, at most {MOST_PIXELS}."
                )
        if np.isnan(self.kpt_threshold) or np.isnan(self.score_threshold):
            raise PoseError("a threshold that is no number hides everybody; give one such as 0.3.")


DEFAULT_OPTIONS = DrawingOptions()


def draw_people(
    image: np.ndarray,
    keypoints: ArrayLike,
    skeleton: Skeleton,
    *,
    boxes: ArrayLike | None = None,
    labels: Sequence[str] = (),
    track_ids: ArrayLike | None = None,
    heatmaps: tuple[ArrayLike, ArrayLike] | None = None,
    options: DrawingOptions = DEFAULT_OPTIONS,
) -> np.ndarray:
    """Draw people; later ones lie over earlier ones, and labels over all.

    Args:
        image: (H, W, 3) uint8 RGB; not modified.
        keypoints: image_ (x, y, score), (P, K, 3).
        skeleton: the keypoint set.
        boxes: image_ x, y, width, height, (P, 4); None where there are none.
        labels: a line of text per person, at the top left corner of the box or, without boxes, of the pose; or none.
        track_ids: (P,), those below 0 stand for nobody's; they decide people's colours, which without them follow
            their order.
        heatmaps: maps (P, h, w) and matrices (P, 2, 3) of `overlay_heatmaps`.
        options: what of this is drawn.

    Returns:
        a new picture of the same size.
    """
    rows = np.asarray(keypoints, dtype=np.float64).reshape(-1, skeleton.num_keypoints, 3)
    frames = None if boxes is None else np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    numbers = _person_numbers(len(rows), track_ids)
    canvas = np.zeros(image.shape, image.dtype) if options.black_background else image
    if options.heatmap and heatmaps is not None:
        canvas = overlay_heatmaps(canvas, *heatmaps)
    shapes: list[Shape] = []
    if options.show_boxes and frames is not None:
        for frame, number in zip(frames, numbers, strict=True):
            shapes += box_shapes(frame, color=_box_color(options, number))
    for row, number in zip(rows, numbers, strict=True):
        shapes += pose_shapes(
            row,
            make_style(options.style, skeleton, number),
            threshold=options.kpt_threshold,
            radius=options.radius,
            line_width=options.thickness,
            subset=options.subset,
        )
    drawn = draw_shapes(canvas, shapes)
    if options.show_labels and labels:
        corners = _pose_corners(rows, options.kpt_threshold) if frames is None else frames[:, :2]
        put_tags(drawn, labels, corners, [_box_color(options, number) for number in numbers])
    return drawn


def person_labels(scores: ArrayLike, track_ids: ArrayLike | None = None) -> list[str]:
    """Labels such as "#3 0.87": the track, where there is one (0 or more), and the score, (P,) each."""
    values = np.asarray(scores, dtype=np.float64)
    ids = np.full(len(values), -1) if track_ids is None else np.asarray(track_ids)
    return [f"#{track} {score:.2f}" if track >= 0 else f"{score:.2f}" for track, score in zip(ids, values, strict=True)]


def _person_numbers(count: int, track_ids: ArrayLike | None) -> list[int]:
    """The number of each person that decides the colour."""
    order = np.arange(count)
    # Below 0 for people without a track, so that none has the colour of one.
    return (order if track_ids is None else np.where(np.asarray(track_ids) >= 0, track_ids, -1 - order)).tolist()


def _box_color(options: DrawingOptions, number: int) -> Color:
    return person_color(number) if options.box_color == TRACK else options.box_color


def _pose_corners(rows: NDArray[np.float64], threshold: float) -> NDArray[np.float64]:
    """The top left corner of each pose's keypoints above the threshold, (P, 2); NaN where there is none."""
    seen = (rows[..., 2] > threshold) & np.isfinite(rows[..., :2]).all(axis=-1)
    lowest = np.where(seen[..., None], rows[..., :2], np.inf).min(axis=1)
    return np.where(np.isfinite(lowest), lowest, np.nan)
