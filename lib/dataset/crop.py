"""Cut the network's input out of an image."""

import cv2
import numpy as np


def crop_image(image: np.ndarray, matrix: np.ndarray, input_size_wh: tuple[int, int]) -> np.ndarray:
    """Warp an image bilinearly; what lies outside of it becomes 0.

    Args:
        image: (H, W, 3) uint8.
        matrix: affine map from image_ to input_ points, (2, 3) float64.
        input_size_wh: width and height of the crop.

    Returns:
        (height, width, 3) uint8.

    OpenCV 4 rounds the sampled positions to 1/32 pixel, OpenCV 5 does not; the crops differ by a few grey levels.
    """
    return cv2.warpAffine(image, matrix, input_size_wh, flags=cv2.INTER_LINEAR)
