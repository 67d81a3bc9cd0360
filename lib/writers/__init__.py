"""Poses as files that other programs read."""

from lib.writers.coco import CocoResults
from lib.writers.frame import FrameFacts
from lib.writers.image_ids import ImageIds
from lib.writers.input_json import InputJson
from lib.writers.pose_csv import PoseCsv

__all__ = ["CocoResults", "FrameFacts", "ImageIds", "InputJson", "PoseCsv"]
