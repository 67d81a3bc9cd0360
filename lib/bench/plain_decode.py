"""The plain way to decode heatmaps: person by person and joint by joint, OpenCV's blur map by map.

Written after UDP lib/core/inference.py (post, get_final_preds) and DarkPose lib/core/inference.py (gaussian_blur,
taylor).
"""

import cv2
import numpy as np

UDP_KERNEL, DARK_KERNEL = 7, 11


def arg_max(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """heatmap_ (x, y) (B, K, 2) and scores (B, K, 1) of maps (B, K, h, w); (0, 0) without a positive value."""
    batch, joints, _, width = heatmaps.shape
    flat = heatmaps.reshape(batch, joints, -1)
    index, scores = flat.argmax(axis=2), flat.max(axis=2)[..., None]
    points = np.stack([index % width, index // width], axis=2).astype(np.float32)
    return points * (scores > 0), scores


def decode_udp(heatmaps: np.ndarray, center: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """image_ (x, y) and scores the way UDP decodes gaussian maps."""
    points, scores = arg_max(heatmaps)
    batch, joints, height, width = heatmaps.shape
    blurred = np.empty_like(heatmaps)
    for person in range(batch):
        for joint in range(joints):
            one = heatmaps[person, joint]
            smooth = cv2.GaussianBlur(one, (UDP_KERNEL, UDP_KERNEL), 0)
            low, high = smooth.min(), smooth.max()
            blurred[person, joint] = (smooth - low) / (high - low) * one.max()
    logs = np.log(np.clip(blurred, 0.001, 50))
    padded = np.pad(logs, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    for person in range(batch):
        for joint in range(joints):
            x, y = int(points[person, joint, 0]) + 1, int(points[person, joint, 1]) + 1
            near = padded[person, joint]
            here, right, left, below, above = (
                near[y, x],
                near[y, x + 1],
                near[y, x - 1],
                near[y + 1, x],
                near[y - 1, x],
            )
            gradient = np.array([[0.5 * (right - left)], [0.5 * (below - above)]])
            dxx, dyy = right - 2 * here + left, below - 2 * here + above
            dxy = 0.5 * (near[y + 1, x + 1] - right - below + 2 * here - left - above + near[y - 1, x - 1])
            hessian = np.array([[dxx, dxy], [dxy, dyy]])
            if np.linalg.det(hessian) != 0:
                points[person, joint] -= (np.linalg.inv(hessian) @ gradient)[:, 0]
    image_points = np.empty_like(points)
    for person in range(batch):
        size = scale[person] * 200.0
        step = size / (width - 1.0), size / (height - 1.0)
        image_points[person, :, 0] = points[person, :, 0] * step[0][0] + center[person, 0] - size[0] * 0.5
        image_points[person, :, 1] = points[person, :, 1] * step[1][1] + center[person, 1] - size[1] * 0.5
    return image_points, scores


def decode_dark(heatmaps: np.ndarray, center: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """image_ (x, y) and scores the way DarkPose decodes."""
    points, scores = arg_max(heatmaps)
    batch, joints, height, width = heatmaps.shape
    border = (DARK_KERNEL - 1) // 2
    for person in range(batch):
        for joint in range(joints):
            one = heatmaps[person, joint]
            highest = one.max()
            padded = np.zeros((height + 2 * border, width + 2 * border), np.float32)
            padded[border:-border, border:-border] = one
            padded = cv2.GaussianBlur(padded, (DARK_KERNEL, DARK_KERNEL), 0)
            smooth = padded[border:-border, border:-border].copy()
            smooth *= highest / smooth.max()
            logs = np.log(np.maximum(smooth, 1e-10))
            points[person, joint] = _newton(logs, points[person, joint])
    image_points = np.empty_like(points)
    for person in range(batch):
        image_points[person] = _to_image(points[person], center[person], scale[person], (width, height))
    return image_points, scores


def _newton(logs: np.ndarray, point: np.ndarray) -> np.ndarray:
    """DarkPose's step with derivatives over two pixels."""
    height, width = logs.shape
    x, y = int(point[0]), int(point[1])
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return point
    dx, dy = 0.5 * (logs[y, x + 1] - logs[y, x - 1]), 0.5 * (logs[y + 1, x] - logs[y - 1, x])
    dxx = 0.25 * (logs[y, x + 2] - 2 * logs[y, x] + logs[y, x - 2])
    dyy = 0.25 * (logs[y + 2, x] - 2 * logs[y, x] + logs[y - 2, x])
    dxy = 0.25 * (logs[y + 1, x + 1] - logs[y - 1, x + 1] - logs[y + 1, x - 1] + logs[y - 1, x - 1])
    if dxx * dyy - dxy**2 == 0:
        return point
    hessian, gradient = np.array([[dxx, dxy], [dxy, dyy]]), np.array([[dx], [dy]])
    return point - (np.linalg.inv(hessian) @ gradient)[:, 0]


def _to_image(points: np.ndarray, center: np.ndarray, scale: np.ndarray, size_wh: tuple[int, int]) -> np.ndarray:
    """DarkPose's way back: three pairs of points define the map, which is applied to one joint after the other."""
    width, height = size_wh[0] - 1, size_wh[1] - 1
    source_width = scale[0] * 200.0 - 1
    source = np.zeros((3, 2), np.float32)
    target = np.zeros((3, 2), np.float32)
    source[0], source[1] = center, center + np.array([0, source_width * -0.5])
    target[0], target[1] = [width * 0.5, height * 0.5], [width * 0.5, height * 0.5 - width * 0.5]
    for corners in (source, target):
        direction = corners[0] - corners[1]
        corners[2] = corners[1] + np.array([-direction[1], direction[0]], np.float32)
    matrix = cv2.getAffineTransform(target, source)
    moved = np.empty_like(points)
    for joint in range(len(points)):
        moved[joint] = matrix @ np.array([points[joint, 0], points[joint, 1], 1.0])
    return moved
