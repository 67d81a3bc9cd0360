"""The pictures that loaders are measured on: given ones, or synthetic ones of COCO's usual size."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from yacs.config import CfgNode

from lib.bench.settings import BenchSettings
from lib.config import load_config
from lib.dataset.dataset import PoseDataset
from lib.dataset.pixels import ImagePixels
from lib.dataset.records import Records
from lib.dataset.synthetic.writer import make_dataset

CONFIG = Path(__file__).resolve().parents[2] / "experiments/coco/hrnet/w32_256x192_adam_lr1e-3_udp.yaml"
SIZE_WH = (640, 480)
IMAGES = 64


@contextmanager
def loading_config(settings: BenchSettings) -> Iterator[CfgNode]:
    """W32 256x192 UDP on `settings.data`, or on synthetic pictures that are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        parts = {} if settings.data else {"DATASET.TRAIN_SET": "train", "DATASET.TEST_SET": "val"}
        if not settings.data:
            make_dataset(folder, train=IMAGES, val=IMAGES, workers=1, size_wh=SIZE_WH, progress=False)
        options = {"DATASET.ROOT": settings.data or folder, "TEST.USE_GT_BBOX": "True", "WORKERS": "0", **parts}
        yield load_config(CONFIG, [word for pair in options.items() for word in pair])


def with_boxes(dataset: PoseDataset, per_image: int) -> PoseDataset:
    """A test on the same images with made detections: boxes anywhere, a fifth to the whole of the image high."""
    used = np.unique(dataset.records.image_index)
    image_index = np.repeat(used, per_image)
    rng = np.random.default_rng(0)
    sizes_wh = dataset.images.size_wh[image_index]
    height = sizes_wh[:, 1] * rng.uniform(0.2, 1.0, len(image_index))
    width = np.minimum(height * rng.uniform(0.3, 0.9, len(image_index)), sizes_wh[:, 0])
    corner = (sizes_wh - np.stack([width, height], axis=1)) * rng.random((len(image_index), 2))
    center, scale = dataset.codec.box_to_center_scale(np.column_stack([corner, width, height]))
    count, joints = len(image_index), dataset.codec.num_keypoints
    records = Records(
        center=center,
        scale=scale,
        box=np.column_stack([corner, width, height]).astype(np.float32),
        image_id=dataset.images.id[image_index],
        image_index=image_index,
        annotation_id=np.full(count, -1, np.int64),
        score=rng.random(count),
        area=width * height,
        keypoints=np.zeros((count, joints, 2), np.float32),
        visible=np.zeros((count, joints), np.float32),
    )
    source = dataset.source
    if not isinstance(source, ImagePixels):
        raise TypeError("boxes are made for data sets of images")
    again = ImagePixels(image_index, dataset.images, source.store, dataset.annotation_file)
    return PoseDataset(
        records,
        dataset.images,
        again,
        dataset.codec,
        dataset.skeleton,
        replace(dataset.provenance, box_source="made boxes"),
    )
