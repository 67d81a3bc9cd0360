"""Pictures of a batch: crops with poses, and heatmaps over crops."""

from pathlib import Path

import numpy as np
from yacs.config import CfgNode

from lib.core.hooks import StepReport
from lib.run.setup import Setup
from lib.utils.image import denormalize
from visualization.drawing import heatmap_grid, pose_grid
from visualization.raster import save_image

MAX_PEOPLE = 8  # people per picture; more make it unreadable


class BatchPictures:
    """Draws what a network was shown and what it answered; all pictures are (H, W, 3) uint8, RGB."""

    def __init__(self, setup: Setup, report: StepReport) -> None:
        """Keep the first people of a batch."""
        self._codec, self._skeleton, self._report = setup.single_codec, setup.skeleton, report
        data = setup.cfg.DATASET
        crops = denormalize(report.images[:MAX_PEOPLE], data.MEAN, data.STD).permute(0, 2, 3, 1).cpu().numpy()
        self._crops = np.ascontiguousarray(crops if data.COLOR_RGB else crops[..., ::-1])
        self._visible = report.batch.visible[:MAX_PEOPLE].cpu().numpy() > 0

    def targets(self) -> np.ndarray:
        """Crops with their true poses."""
        return self._poses(self._report.batch.input_keypoints[:MAX_PEOPLE].cpu().numpy(), self._visible)

    def predictions(self) -> np.ndarray:
        """Crops with the decoded poses; where there is truth, only the joints that have it, as published."""
        keypoints, _ = self._codec.decode(self._report.outputs[:MAX_PEOPLE])
        shown = self._visible if self._visible.any() else np.ones_like(self._visible)
        return self._poses(keypoints.cpu().numpy(), shown)

    def target_heatmaps(self) -> np.ndarray:
        """One row per person: the crop, then each target map over it."""
        return heatmap_grid(self._crops, self._codec.score_maps(self._report.targets[:MAX_PEOPLE]).cpu().numpy())

    def predicted_heatmaps(self) -> np.ndarray:
        """One row per person: the crop, then each predicted map over it."""
        return heatmap_grid(self._crops, self._codec.score_maps(self._report.outputs[:MAX_PEOPLE]).cpu().numpy())

    def _poses(self, input_keypoints: np.ndarray, shown: np.ndarray) -> np.ndarray:
        return pose_grid(self._crops, np.concatenate([input_keypoints, shown[..., None]], axis=2), self._skeleton)


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
            save_image(prefix.with_name(f"{prefix.name}_{name}.jpg"), draw())
