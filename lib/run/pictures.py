"""Pictures of a batch: crops with keypoints, and heatmaps over crops."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from yacs.config import CfgNode

from lib.core.hooks import StepReport
from lib.run.setup import Setup
from lib.utils.files import atomic_path

MAX_PEOPLE = 8  # people per picture; more make it unreadable
HEATMAP_WEIGHT = 0.7  # of the heatmap's colours over the grey crop
TRUE_COLOR, PREDICTED_COLOR = (0, 255, 0), (255, 64, 0)  # RGB


class BatchPictures:
    """Draws what a network was shown and what it answered; all pictures are (H, W, 3) uint8, RGB."""

    def __init__(self, setup: Setup, report: StepReport) -> None:
        """Keep the first people of a batch."""
        self._codec = setup.codec
        crops = report.batch.image[:MAX_PEOPLE].permute(0, 2, 3, 1).cpu().numpy()
        self._crops = crops if setup.cfg.DATASET.COLOR_RGB else crops[..., ::-1]
        self._report = report

    def targets(self) -> np.ndarray:
        """Crops with their true keypoints."""
        keypoints = self._report.batch.input_keypoints[:MAX_PEOPLE].cpu().numpy()
        visible = self._report.batch.visible[:MAX_PEOPLE].cpu().numpy() > 0
        return self._with_points(keypoints, visible, TRUE_COLOR)

    def predictions(self) -> np.ndarray:
        """Crops with the decoded keypoints; where there is truth, only of the joints that have it, as published."""
        keypoints, _ = self._codec.decode(self._report.outputs[:MAX_PEOPLE])
        visible = self._report.batch.visible[:MAX_PEOPLE].cpu().numpy() > 0
        shown = visible if visible.any() else np.ones_like(visible)
        return self._with_points(keypoints.cpu().numpy(), shown, PREDICTED_COLOR)

    def target_heatmaps(self) -> np.ndarray:
        """One row per person: the crop, then each target map over it."""
        return self._with_heatmaps(self._report.targets)

    def predicted_heatmaps(self) -> np.ndarray:
        """One row per person: the crop, then each predicted map over it."""
        return self._with_heatmaps(self._report.outputs)

    def _with_points(self, input_keypoints: np.ndarray, shown: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
        pictures = []
        for crop, points, drawn in zip(self._crops, input_keypoints, shown, strict=True):
            picture = np.ascontiguousarray(crop)
            radius = max(1, crop.shape[0] // 96)
            for x, y in points[drawn & np.isfinite(points).all(axis=1)].round().astype(int).clip(-9999, 9999).tolist():
                cv2.circle(picture, (x, y), radius, color, -1, cv2.LINE_AA)
            pictures.append(picture)
        return np.concatenate(pictures, axis=1)

    def _with_heatmaps(self, heatmaps: Tensor) -> np.ndarray:
        maps = self._codec.score_maps(heatmaps[:MAX_PEOPLE].detach()).float().clamp(0, 1)
        grey = (maps * 255).to(torch.uint8).cpu().numpy()
        return np.concatenate([self._row(crop, own) for crop, own in zip(self._crops, grey, strict=True)], axis=0)

    def _row(self, crop: np.ndarray, maps: np.ndarray) -> np.ndarray:
        height, width = maps.shape[1:]
        small = cv2.resize(np.ascontiguousarray(crop), (width, height), interpolation=cv2.INTER_AREA)
        tiles = [small]
        for values in maps:
            colors = cv2.cvtColor(cv2.applyColorMap(values, cv2.COLORMAP_JET), cv2.COLOR_BGR2RGB)
            tiles.append(cv2.addWeighted(colors, HEATMAP_WEIGHT, small, 1 - HEATMAP_WEIGHT, 0))
        return np.concatenate(tiles, axis=1)


def save_debug_pictures(setup: Setup, report: StepReport, prefix: Path) -> None:
    """Save the pictures that DEBUG.* asks for, under the published names; each epoch replaces them.

    Args:
        setup: of the run.
        report: the batch.
        prefix: folder and start of the file names, for example output/.../debug/train_20.
    """
    options: CfgNode = setup.cfg.DEBUG
    if not options.DEBUG:
        return
    pictures = BatchPictures(setup, report)
    wanted = {
        "gt": (options.SAVE_BATCH_IMAGES_GT, pictures.targets),
        "pred": (options.SAVE_BATCH_IMAGES_PRED, pictures.predictions),
        "hm_gt": (options.SAVE_HEATMAPS_GT, pictures.target_heatmaps),
        "hm_pred": (options.SAVE_HEATMAPS_PRED, pictures.predicted_heatmaps),
    }
    for name, (is_wanted, draw) in wanted.items():
        if is_wanted:
            content = cv2.imencode(".jpg", cv2.cvtColor(draw(), cv2.COLOR_RGB2BGR))[1]
            with atomic_path(prefix.with_name(f"{prefix.name}_{name}.jpg")) as temporary:
                temporary.write_bytes(content.tobytes())
