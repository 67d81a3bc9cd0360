"""Data sets: from annotation files to records, and from records to crops with keypoints."""

from lib.dataset.build import build_dataset, build_loader
from lib.dataset.dataset import PoseDataset, Sample
from lib.dataset.loader import PoseLoader
from lib.dataset.records import Records
from lib.dataset.sampler import SampleKey, TestSampler, TrainSampler

__all__ = [
    "PoseDataset",
    "PoseLoader",
    "Records",
    "Sample",
    "SampleKey",
    "TestSampler",
    "TrainSampler",
    "build_dataset",
    "build_loader",
]
