"""The same person from frame to frame: identities and smoothing."""

from lib.tracking.appearance import appearance
from lib.tracking.boxes import boxes_from_poses
from lib.tracking.smoother import PoseSmoother
from lib.tracking.tracker import PoseTracker

__all__ = ["PoseSmoother", "PoseTracker", "appearance", "boxes_from_poses"]
