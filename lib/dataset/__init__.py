"""Data sets: from annotation files to records, and from records to crops with keypoints."""

from lib.dataset.build import (
    TestDataset,
    TrainDataset,
    build_dataset,
    build_loader,
    build_test_dataset,
    build_train_dataset,
)
from lib.dataset.dataset import PoseDataset, Sample
from lib.dataset.group import GroupDataset, GroupSample, PictureBatch, PictureDataset
from lib.dataset.loader import PoseLoader
from lib.dataset.records import Records
from lib.dataset.sampler import SampleKey, TestSampler, TrainSampler

__all__ = [
    "GroupDataset",
    "GroupSample",
    "PictureBatch",
    "PictureDataset",
    "PoseDataset",
    "PoseLoader",
    "Records",
    "Sample",
    "SampleKey",
    "TestDataset",
    "TestSampler",
    "TrainDataset",
    "TrainSampler",
    "build_dataset",
    "build_loader",
    "build_test_dataset",
    "build_train_dataset",
]
