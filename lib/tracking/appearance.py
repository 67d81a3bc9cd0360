"""What people's clothes look like: colours of the middle of their boxes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from lib.utils.people import FloatArray, People

# The part of a box, left, top, right and bottom as shares of it, where an upright person's upper body is.
TORSO = (0.3, 0.2, 0.7, 0.55)
# Points per side that are looked at: enough for a histogram, and equally many for large and small people.
SAMPLES = 16
HUES, GREYS = 12, 4
# Below this saturation (0..255) or brightness the hue is noise, and the brightness is counted instead.
LEAST_SATURATION, LEAST_VALUE = 50, 40
OPENCV_HUES = 180
# Saturated colours count as pale or strong from here on.
STRONG_SATURATION = 140
BINS = 2 * HUES + GREYS


def appearance(image: NDArray[np.uint8], people: People) -> FloatArray:
    """Colour histograms of the people's upper bodies, for PoseTracker.update.

    Args:
        image: (H, W, 3) RGB.
        people: P of them; only their boxes are looked at.

    Returns:
        (P, 28), each row 12 hues of pale and of strong colours and 4 greys that sum to 1; zeros for people whose
        upper body is outside the picture.
    """
    xs, x_inside = _samples(people.boxes.xywh[:, 0], people.boxes.xywh[:, 2], TORSO[0], TORSO[2], image.shape[1])
    ys, y_inside = _samples(people.boxes.xywh[:, 1], people.boxes.xywh[:, 3], TORSO[1], TORSO[3], image.shape[0])
    inside = (y_inside[:, :, None] & x_inside[:, None]).reshape(len(people), SAMPLES * SAMPLES)
    if not inside.any():
        return np.zeros((len(people), BINS))
    colors = image[ys[:, :, None], xs[:, None]].reshape(len(people), SAMPLES * SAMPLES, 3)
    bins, shares = _bins(cv2.cvtColor(np.ascontiguousarray(colors), cv2.COLOR_RGB2HSV).astype(np.float64))
    flat = bins + np.arange(len(people))[:, None] * BINS
    weights = np.where(inside, shares, 0.0)
    counts = np.bincount(flat.ravel(), weights.ravel(), minlength=len(people) * BINS).reshape(-1, BINS)
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)


def _samples(
    start: FloatArray, length: FloatArray, low: float, high: float, limit: int
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Pixel numbers evenly over a part of each side, (P, SAMPLES), and which lie in the picture."""
    places = start[:, None] + length[:, None] * np.linspace(low, high, SAMPLES)
    inside = np.isfinite(places) & (places > -0.5) & (places < limit - 0.5)
    return np.rint(np.where(inside, places, 0.0)).astype(np.intp), inside


def _bins(hsv: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
    """The two bins that points (P, N, 3) lie between, and their shares in them, both (2, P, N)."""
    hue, saturation, value = hsv[..., 0], hsv[..., 1], hsv[..., 2]
    colored = (saturation >= LEAST_SATURATION) & (value >= LEAST_VALUE)
    # Between two bins rather than into one: a little more light must not move a coat from one bin to the next.
    place = np.where(colored, hue * (HUES / OPENCV_HUES), np.clip(value * (GREYS / 256.0), 0.5, GREYS - 0.5)) - 0.5
    both = np.floor(place).astype(np.intp) + np.array([0, 1])[:, None, None]
    hues = both % HUES + HUES * (saturation >= STRONG_SATURATION)
    bins = np.where(colored, hues, 2 * HUES + np.minimum(both, GREYS - 1))
    share = place - np.floor(place)
    return bins, np.stack([1.0 - share, share])
