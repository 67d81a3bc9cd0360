"""Keypoint sets: one definition drives heads, flips, OKS, NMS, evaluation and drawing."""

from lib.skeletons.skeleton import Skeleton, load_skeleton, skeleton_from_dict

__all__ = ["Skeleton", "load_skeleton", "skeleton_from_dict"]
