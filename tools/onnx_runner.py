"""Poses with an exported ONNX file and nothing but NumPy, OpenCV and ONNX Runtime: to use, to copy, to port.

    python tools/onnx_runner.py --model pose.onnx --image a.jpg --boxes 40,30,200,400 --draw drawn.jpg

As a module: OnnxPose("pose.onnx")(image_rgb, boxes) gives (x, y, score) of each keypoint in the image, (N, K, 3).
Points are (x, y) with pixel centres at whole numbers; boxes are (left, top, width, height). Heatmaps are read by the
formulas of lib/codecs, whose sources stand there. A "map" is one keypoint's heatmap, and M counts maps.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

Array = np.ndarray
Facts = dict[str, Any]  # what the file says about itself: docs/EXPORT.md
PIXELS_PER_SCALE = 200.0  # crops are stated in units of 200 image pixels, rounded to float32
LARGEST_BATCH = 32
BLUR_NOISE = 1e-6  # blurred values closer than this part of them count as equal


class OnnxPose:
    """A network exported by tools/export.py.

    Args:
        path: the file.
        flip_test: average with the mirrored crops; possible where the file gives heatmaps, or does it by itself.
        providers: of ONNX Runtime, e.g. ("CUDAExecutionProvider", "CPUExecutionProvider").
    """

    def __init__(
        self, path: str | Path, flip_test: bool = False, providers: tuple[str, ...] = ("CPUExecutionProvider",)
    ) -> None:
        self.session = onnxruntime.InferenceSession(str(path), providers=list(providers))
        entries = self.session.get_modelmeta().custom_metadata_map
        if "plumbpose" not in entries:
            raise ValueError(f"{path} does not say how it is used; export it with tools/export.py.")
        self.facts: Facts = json.loads(entries["plumbpose"])
        self.decodes = self.facts["decoder"]["inside"]
        self.flips = flip_test and not self.facts["flip_test"]["inside"]
        if self.flips and self.decodes:
            raise ValueError(f"{path} gives keypoints and no heatmaps to average; export it with --flip-test.")

    def __call__(self, image_rgb: Array, boxes: Any = None) -> Array:
        """(x, y, score) in the image, (N, K, 3) float32, for boxes (N, 4), or for the whole image (N = 1)."""
        height, width = image_rgb.shape[:2]
        boxes = np.asarray([(0, 0, width, height)] if boxes is None else boxes, dtype=np.float64).reshape(-1, 4)
        size = self.facts["input"]["batch"] or LARGEST_BATCH
        parts = [self._some(image_rgb, boxes[first : first + size]) for first in range(0, len(boxes), size)]
        return np.concatenate([np.zeros((0, len(self.facts["keypoints"]["names"]), 3), np.float32), *parts])

    def _some(self, image_rgb: Array, boxes: Array) -> Array:
        center, factor, middle = crop_geometry(boxes, self.facts)
        crops = np.stack([cut(image_rgb, *place, middle, self.facts) for place in zip(center, factor, strict=True)])
        outputs = self._run(crops)
        if self.decodes:
            points, scores = outputs
        else:
            heatmaps = outputs[0]
            if self.flips:
                heatmaps = (heatmaps + flip_back(self._run(crops[:, :, ::-1])[0], self.facts)) * np.float32(0.5)
            points, scores = decode(heatmaps, self.facts)
        points = (points - middle) / factor[:, None] + center[:, None]
        return np.concatenate([points, scores[..., None]], axis=-1).astype(np.float32)

    def _run(self, crops: Array) -> list[Array]:
        """The file's outputs for crops (N, H, W, 3) uint8 RGB; a fixed batch is filled up with black ones."""
        missing = (self.facts["input"]["batch"] or len(crops)) - len(crops)
        filled = np.concatenate([crops, np.zeros((missing, *crops.shape[1:]), np.uint8)])
        outputs = self.session.run(self.facts["outputs"], {self.facts["input"]["name"]: filled})
        return [output[: len(crops)] for output in outputs]


def crop_geometry(boxes: Array, facts: Facts) -> tuple[Array, Array, Array]:
    """How image points become input points: (point - center) * factor + middle.

    Returns center (N, 2), factor (N, 2) and middle (2,). Three conventions: "plain" counts W lengths across W pixels,
    "udp" the W - 1 between their centres on each axis, "dark" the W - 1 of the width on both.
    """
    convention, padding = facts["crop"]["convention"], np.array(facts["crop"]["box_padding"])
    size = np.array(facts["input"]["size_wh"], dtype=np.float64)
    corner, box_size = boxes[:, :2], boxes[:, 2:]
    center = (corner + (box_size - (convention == "dark")) * 0.5).astype(np.float32).astype(np.float64)
    if padding[0] == padding[1]:
        scale = (with_aspect(box_size, size) / PIXELS_PER_SCALE).astype(np.float32) * np.float32(padding[0])
    else:
        padded = ((box_size / PIXELS_PER_SCALE).astype(np.float32) * padding).astype(np.float32)
        scale = with_aspect(padded.astype(np.float64), size).astype(np.float32)
    side = scale.astype(np.float64) * PIXELS_PER_SCALE
    if convention == "plain":
        return center, np.repeat(size[:1] / side[:, :1], 2, axis=1), size * 0.5
    if convention == "dark":
        return center, np.repeat((size[:1] - 1) / (side[:, :1] - 1), 2, axis=1), (size - 1) * 0.5
    return center, (size - 1) / side, (size - 1) * 0.5


def with_aspect(size_wh: Array, input_wh: Array) -> Array:
    """Sizes (N, 2) with the short side extended to the proportions of the input."""
    aspect = input_wh[0] / input_wh[1]
    width, height = size_wh.T
    return np.stack([np.maximum(width, height * aspect), np.maximum(height, width / aspect)], axis=-1)


def cut(image: Array, center: Array, factor: Array, middle: Array, facts: Facts) -> Array:
    """One crop, (H, W, 3) uint8; black outside of the image."""
    matrix = np.concatenate([np.diag(factor), (middle - factor * center)[:, None]], axis=1)
    return cv2.warpAffine(image, matrix, tuple(facts["input"]["size_wh"]), flags=cv2.INTER_LINEAR)


def flip_back(heatmaps: Array, facts: Facts) -> Array:
    """Heatmaps (N, C, h, w) of mirrored crops as those of the crops: mirrored, left and right exchanged."""
    channels = facts["heatmaps"]["channels_per_keypoint"]
    grouped = heatmaps.reshape(len(heatmaps), -1, channels, *heatmaps.shape[2:])
    flipped = grouped[:, facts["flip_test"]["permutation"], ..., ::-1].copy()
    if facts["flip_test"]["shift"]:
        flipped[..., 1:] = flipped[..., :-1].copy()
    if channels == 3:
        flipped[:, :, 1] *= -1  # the way to the right is now one to the left
    return flipped.reshape(heatmaps.shape)


def decode(heatmaps: Array, facts: Facts) -> tuple[Array, Array]:
    """Heatmaps (N, C, h, w) to points of the input (N, K, 2) and scores (N, K)."""
    about, grid = facts["decoder"], facts["heatmaps"]
    channels, (width, height) = grid["channels_per_keypoint"], grid["size_wh"]
    maps = (heatmaps.astype(np.float32) / np.float32(about["divide_by"])).reshape(-1, channels, height, width)
    with np.errstate(all="ignore"):  # maps without a peak divide by zero on their way to being left alone
        points, scores = DECODERS[about["name"]](maps if channels > 1 else maps[:, 0], about)
    points = (points + about["add"]) * grid["step"] + grid["first"]
    shape = len(heatmaps), len(facts["keypoints"]["names"])
    return points.reshape(*shape, 2), scores.reshape(shape)


def find_peaks(maps: Array, tolerance: float = 0.0) -> tuple[Array, Array]:
    """The first highest pixel (x, y) of maps (M, h, w), (M, 2) int, and its value, (M,)."""
    flat = maps.reshape(len(maps), -1)
    scores = flat.max(axis=1)
    index = (flat >= (scores - tolerance * np.abs(scores))[:, None]).argmax(axis=1)
    return np.stack([index % maps.shape[2], index // maps.shape[2]], axis=1), scores


def blur(maps: Array, size: int, border: int = cv2.BORDER_REFLECT_101) -> Array:
    """OpenCV's Gaussian blur of every map."""
    return np.stack([cv2.GaussianBlur(image, (size, size), 0, borderType=border) for image in maps])


def values_at(maps: Array, peaks: Array, steps: Any) -> Array:
    """The values at P steps (dx, dy) from each peak, (P, M); beyond the border those of the nearest pixel."""
    places = peaks[:, None] + np.array(steps)
    x, y = places[..., 0].clip(0, maps.shape[2] - 1), places[..., 1].clip(0, maps.shape[1] - 1)
    return maps[np.arange(len(maps))[:, None], y, x].T


def inside(maps: Array, peaks: Array, first: int, margin: int) -> Array:
    """Which peaks (x, y) have first <= p < size - margin on both axes, (M, 1)."""
    within = (peaks >= first) & (peaks < np.array(maps.shape[:0:-1]) - margin)
    return within[:, :1] & within[:, 1:]


def moved(peaks: Array, scores: Array, shift: Array) -> Array:
    """Peaks with their shifts, but for maps without a positive value and for shifts that are no numbers."""
    usable = (scores > 0) & np.isfinite(shift).all(axis=1)
    return peaks + np.where(usable[:, None], shift, 0.0)


def newton_step(gx: Array, gy: Array, dxx: Array, dxy: Array, dyy: Array) -> Array:
    """-H^-1 g, (M, 2); none where H cannot be inverted."""
    determinant = (dxx * dyy - dxy * dxy)[:, None]
    step = -np.stack([dyy * gx - dxy * gy, dxx * gy - dxy * gx], axis=1)
    return np.where(determinant == 0, 0.0, step / determinant)


def read_argmax(maps: Array, about: Facts) -> tuple[Array, Array]:
    """The highest pixel."""
    del about
    return find_peaks(maps)


def read_quarter(maps: Array, about: Facts) -> tuple[Array, Array]:
    """HRNet: a quarter of a pixel towards the higher neighbour on each axis."""
    del about
    peaks, scores = find_peaks(maps)
    return moved(peaks, scores, quarter_shift(maps, peaks, scores)), scores


def quarter_shift(maps: Array, peaks: Array, scores: Array, tolerance: float = 0.0) -> Array:
    """(M, 2)."""
    right, left, below, above = values_at(maps, peaks, [(1, 0), (-1, 0), (0, 1), (0, -1)])
    rise = np.stack([right - left, below - above], axis=1)
    return np.where(np.abs(rise) <= tolerance * scores[:, None], 0.0, np.sign(rise) * 0.25) * inside(maps, peaks, 2, 1)


def read_dark(maps: Array, about: Facts) -> tuple[Array, Array]:
    """DARK: one Newton step on the logarithm of the blurred map, derivatives over two pixels."""
    peaks, scores = find_peaks(maps)
    blurred = blur(maps, about["blur_kernel"], cv2.BORDER_CONSTANT)
    logs = np.log(np.maximum(blurred * (scores / blurred.max(axis=(1, 2)))[:, None, None], 1e-10))
    middle, right, left, below, above = values_at(logs, peaks, [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
    right2, left2, below2, above2 = values_at(logs, peaks, [(2, 0), (-2, 0), (0, 2), (0, -2)])
    corners = values_at(logs, peaks, [(1, 1), (1, -1), (-1, 1), (-1, -1)])
    dxx, dyy = 0.25 * (right2 - 2 * middle + left2), 0.25 * (below2 - 2 * middle + above2)
    dxy = 0.25 * (corners[0] - corners[1] - corners[2] + corners[3])
    step = newton_step(0.5 * (right - left), 0.5 * (below - above), dxx, dxy, dyy)
    return moved(peaks, scores, np.where(inside(maps, peaks, 2, 2), step, 0.0)), scores


def read_udp(maps: Array, about: Facts) -> tuple[Array, Array]:
    """UDP: the same with derivatives over one pixel, at the border as well; mmpose does not stretch the blurred map."""
    peaks, scores = find_peaks(maps)
    blurred, tiny = blur(maps, about["blur_kernel"]), np.finfo(np.float32).eps
    values = values_at(blurred, peaks, [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1)])
    if about["variant"] == "original":
        low, high = blurred.min(axis=(1, 2)), blurred.max(axis=(1, 2))
        spread = np.where(high - low <= BLUR_NOISE * np.abs(high), np.nan, high - low)
        values, tiny = (values - low) / spread * scores, 0.0
    middle, right, left, below, above, corner, opposite = np.log(np.clip(values, 0.001, 50.0)).astype(np.float64)
    dxx, dyy = right - 2 * middle + left + tiny, below - 2 * middle + above + tiny
    dxy = 0.5 * (corner - right - below + 2 * middle - left - above + opposite)
    return moved(peaks, scores, newton_step(0.5 * (right - left), 0.5 * (below - above), dxx, dxy, dyy)), scores


def read_offset(maps: Array, about: Facts) -> tuple[Array, Array]:
    """UDP's offsets: the highest pixel of the blurred mask, and the blurred way from there; maps (M, 3, h, w)."""
    peaks, scores = find_peaks(blur(maps[:, 0], 2 * about["blur_kernel"] + 1), BLUR_NOISE)
    peaks = np.where(scores[:, None] > 0, peaks, find_peaks(maps[:, 0])[0])
    ways = [values_at(blur(maps[:, axis], about["blur_kernel"]), peaks, [(0, 0)])[0] for axis in (1, 2)]
    return moved(peaks, scores, np.stack(ways, axis=1) * about["radius"]), scores


def read_megvii(maps: Array, about: Facts) -> tuple[Array, Array]:
    """RSN: a quarter of a pixel from the highest towards the second highest pixel of the blurred map."""
    raw, values = find_peaks(maps)
    responds = values > 0
    if about["variant"] == "mmpose":
        blurred = blur(maps, about["blur_kernel"], cv2.BORDER_CONSTANT)
        blurred = blurred * (values / blurred.max(axis=(1, 2)))[:, None, None]
        peaks, scores = find_peaks(blurred, BLUR_NOISE)
        shift = quarter_shift(blurred, peaks, scores, BLUR_NOISE)
        # What is added to every point later shall not be added at the border.
        points = peaks + np.where(inside(maps, peaks, 2, 1), shift, -about["add"])
    else:
        border, last = 10, np.array(maps.shape[:0:-1]) - 1
        blurred = blur(np.pad(maps, ((0, 0), (border, border), (border, border))), about["blur_kernel"])
        first, _ = find_peaks(blurred, BLUR_NOISE)
        blurred[np.arange(len(maps)), first[:, 1], first[:, 0]] = 0
        way = find_peaks(blurred, BLUR_NOISE)[0] - first
        length = np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1)
        points = np.clip(first - border + 0.25 * way / length, 0, last)
        nearest = np.round(points.astype(np.float32)).astype(int)
        values = np.where(responds, values_at(maps, nearest, [(0, 0)])[0], values)
    return np.where(responds[:, None], points, raw), values + 0.5


def read_exact(maps: Array, about: Facts) -> tuple[Array, Array]:
    """Our own: a Gaussian fitted to the pixels around the highest, or the votes of offsets, up to the border."""
    return vote(maps, about) if maps.ndim == 4 else fit(maps, about)


def window(reach: float) -> Array:
    """The steps (dx, dy) of the smallest square that reaches so far on each side, (P, 2)."""
    steps = np.arange(-int(np.ceil(reach)), int(np.ceil(reach)) + 1)
    return np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)


def on_map(maps: Array, peaks: Array, steps: Array) -> Array:
    """Which of the pixels at steps from each peak lie on the map, (M, P)."""
    places = peaks[:, None] + steps
    return ((places >= 0) & (places < np.array(maps.shape[:-3:-1]))).all(axis=2)


def fit(maps: Array, about: Facts) -> tuple[Array, Array]:
    """Weighted least squares for log f = a + bx dx + by dy + cx dx^2 + cy dy^2 around each peak."""
    peaks, scores = find_peaks(maps)
    steps, curvature = window(1.5 * about["sigma"]), -0.5 / about["sigma"] ** 2
    ratio = values_at(maps, peaks, steps).T.astype(np.float64) / scores[:, None]
    usable = on_map(maps, peaks, steps) & (ratio > 0) & (scores > 0)[:, None]
    ratio = np.where(usable, ratio, 1.0)
    dx, dy = steps.T.astype(np.float64)
    terms = np.stack([np.ones_like(dx), dx, dy, dx * dx, dy * dy], axis=1)
    weighted = (usable * ratio * ratio)[..., None] * terms
    # A weak belief that the peak is as wide as the target keeps a fit to few pixels solvable.
    belief, expected = np.array([0, 1e-6, 1e-6, 0.1, 0.1]), np.array([0, 0, 0, curvature, curvature])
    matrix = np.einsum("mpi,pj->mij", weighted, terms) + np.diag(belief)
    matrix[scores <= 0] = np.eye(5)  # nothing to fit
    right_side = np.einsum("mpi,mp->mi", weighted, np.log(ratio)) + belief * expected
    solution = np.linalg.solve(matrix, right_side[..., None])[..., 0]
    shift = -0.5 * solution[:, 1:3] / np.minimum(solution[:, 3:], curvature / 4)
    return moved(peaks, scores, shift.clip(-1.5, 1.5)), scores


def vote(maps: Array, about: Facts) -> tuple[Array, Array]:
    """Pixels around each peak of the mask vote for where their offsets lead, twice; maps (M, 3, h, w)."""
    peaks, scores = find_peaks(maps[:, 0])
    steps, places = window(about["radius"]), peaks
    for _ in range(2):
        mask, *offsets = (values_at(maps[:, channel], places, steps).T for channel in range(3))
        weights = np.where(on_map(maps, places, steps), np.maximum(mask / scores[:, None] - 0.5, 0), 0.0)[..., None]
        votes = steps + np.stack(offsets, axis=-1).clip(-1, 1) * about["radius"]
        points = places + (weights * votes).sum(axis=1) / weights.sum(axis=1)
        places = np.nan_to_num(points).round().clip(0, np.array(maps.shape[:-3:-1]) - 1).astype(int)
    return moved(peaks, scores, points - peaks), scores


DECODERS = {
    "argmax": read_argmax,
    "quarter": read_quarter,
    "dark": read_dark,
    "udp": read_udp,
    "offset": read_offset,
    "megvii": read_megvii,
    "exact": read_exact,
}


def draw(image: Array, people: Array, limbs: list[list[int]], least: float = 0.3) -> Array:
    """The picture with the limbs whose two scores are above `least`."""
    picture, thickness = image.copy(), max(1, round(max(image.shape) / 300))
    for person in people:
        spots = person[:, :2].round().astype(int).tolist()
        for a, b in limbs:
            if min(person[a, 2], person[b, 2]) > least:
                cv2.line(picture, spots[a], spots[b], (255, 160, 0), thickness, cv2.LINE_AA)
    return picture


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="file of tools/export.py --format onnx")
    parser.add_argument("--image", required=True, help="picture")
    parser.add_argument("--boxes", nargs="+", metavar="X,Y,W,H", help="people (default: the whole picture)")
    parser.add_argument("--flip-test", action="store_true", help="average with the mirrored crops")
    parser.add_argument("--output", help="JSON file (default: printed)")
    parser.add_argument("--draw", help="picture to write")
    flags = parser.parse_args()
    try:
        run(flags)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def run(flags: argparse.Namespace) -> None:
    """Read, estimate, write; raises OSError or ValueError for bad input."""
    for path in filter(None, (flags.output, flags.draw)):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    image = cv2.imread(flags.image, cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"image {flags.image} cannot be read; check the path.")
    if not Path(flags.model).is_file():
        raise ValueError(f"model {flags.model} does not exist; check the path.")
    boxes = None if flags.boxes is None else [[float(value) for value in box.split(",")] for box in flags.boxes]
    if boxes is not None and any(len(box) != 4 for box in boxes):
        raise ValueError("a box of --boxes has not four numbers; give X,Y,W,H for each person.")
    pose = OnnxPose(flags.model, flags.flip_test)
    image_rgb = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    people = pose(image_rgb, boxes)
    about = pose.facts["keypoints"]
    result = json.dumps({"names": about["names"], "people": people.tolist()})
    Path(flags.output).write_text(result) if flags.output else print(result)
    if flags.draw:
        drawn = cv2.cvtColor(draw(image_rgb, people, about["limbs"]), cv2.COLOR_RGB2BGR)
        if not cv2.imwrite(flags.draw, drawn):
            raise ValueError(f"picture {flags.draw} cannot be written; check the folder.")


if __name__ == "__main__":
    main()
