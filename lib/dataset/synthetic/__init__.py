"""Synthetic people: pictures of articulated figures with exact keypoints, as a data set or one by one in memory."""

from lib.dataset.synthetic.scene import SceneSpec, render_scene
from lib.dataset.synthetic.writer import make_dataset

__all__ = ["SceneSpec", "make_dataset", "render_scene"]
