"""The published losses, one map at a time in float64."""

import numpy as np


def mean_square(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.mean((first.astype(float) - second.astype(float)) ** 2))


def mean_smooth_l1(first: np.ndarray, second: np.ndarray) -> float:
    distance = np.abs(first.astype(float) - second.astype(float))
    return float(np.mean(np.where(distance < 1, 0.5 * distance**2, distance - 0.5)))


def joints_mse(output: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    """HRNet: both maps times the weight, a half, mean over keypoints."""
    total = 0.0
    for joint in range(output.shape[1]):
        factor = weight[:, joint, None, None]
        total += 0.5 * mean_square(output[:, joint] * factor, target[:, joint] * factor)
    return total / output.shape[1]


def joints_mse_mmpose(output: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    """mmpose 0.29: the squared error times the weight, mean over keypoints."""
    total = 0.0
    for joint in range(output.shape[1]):
        squares = (output[:, joint] - target[:, joint]).astype(float) ** 2
        total += float(np.mean(squares * weight[:, joint, None, None]))
    return total / output.shape[1]


def hard_keypoints(output: np.ndarray, target: np.ndarray, weight: np.ndarray, top: int, factor: float) -> float:
    total = 0.0
    for person in range(len(output)):
        losses = [
            factor * mean_square(output[person, k] * weight[person, k], target[person, k] * weight[person, k])
            for k in range(output.shape[1])
        ]
        total += sum(sorted(losses)[-top:]) / top
    return total / len(output)


def unit_losses(
    outputs: list[np.ndarray],
    targets: np.ndarray,
    flags: np.ndarray,
    joint_weights: np.ndarray,
    top: int,
    *,
    zeroes_hidden: bool,
) -> tuple[float, float]:
    """(coarse term, final term) of RSN's loss, or of mmpose's for it; `top` 0 takes the mean over all keypoints."""
    labelled = (flags > 0) * joint_weights
    coarse, final = 0.0, 0.0
    for index, output in enumerate(outputs):
        stage, unit = divmod(index, 4)
        target = targets[:, unit + 1 if stage == len(outputs) // 4 - 1 else unit]
        if unit == 3:
            final += hard_keypoints(output, target, labelled, top, 1.0) if top else 0.0
            final += 0.0 if top else joints_mse_mmpose(output, target, labelled)
        elif zeroes_hidden:
            learnt = target.copy()
            for person, joint in np.ndindex(flags.shape):
                if flags[person, joint] <= 1:
                    learnt[person, joint] = 0
            coarse += joints_mse_mmpose(output, learnt, np.ones_like(flags) * joint_weights) / 4
        else:
            coarse += joints_mse_mmpose(output, target, labelled) / 4
    return coarse, final


def offsets(
    output: np.ndarray, target: np.ndarray, weight: np.ndarray, *, smooth_l1: bool, mmpose: bool
) -> tuple[float, float]:
    """(mask term, offset term) of UDP's losses, or of mmpose's CombinedTargetMSELoss."""
    error = mean_smooth_l1 if smooth_l1 else mean_square
    num_joints = output.shape[1] // 3
    mask_term, offset_term = 0.0, 0.0
    for joint in range(num_joints):
        factor = weight[:, joint, None, None]
        mask = target[:, 3 * joint]
        mask_term += 0.5 * error(output[:, 3 * joint] * factor, mask * factor)
        within = mask * factor if mmpose else mask
        for channel in (3 * joint + 1, 3 * joint + 2):
            offset_term += 0.5 * error(within * output[:, channel], within * target[:, channel])
    return mask_term / num_joints, offset_term / num_joints
