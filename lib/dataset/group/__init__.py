"""Whole pictures with all their people, for networks that need no boxes."""

from lib.dataset.group.dataset import GroupDataset, GroupSample
from lib.dataset.group.pictures import PictureBatch, PictureDataset
from lib.dataset.group.records import GroupRecords

__all__ = ["GroupDataset", "GroupRecords", "GroupSample", "PictureBatch", "PictureDataset"]
