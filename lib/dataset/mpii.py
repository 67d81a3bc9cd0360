"""MPII's people as records, by the conventions of the HRNet repository."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from lib.dataset.coco import Images
from lib.dataset.images import ImageStore
from lib.dataset.records import Records
from lib.utils.geometry import PIXELS_PER_SCALE, with_aspect
from lib.utils.image import decode_image
from lib.utils.image_size import size_of_head
from lib.utils.mpii_files import NUM_JOINTS, MpiiPeople

# The annotated centre is moved down by this many pixels per unit of scale, so that feet are not cut off.
CENTER_DOWN = 15
NO_CENTER = -1
# How much of a file is read until its size is known; previews and profiles may stand before it.
HEADS = (1 << 12, 1 << 16)
# The flag of a labelled joint: MPII does not tell occluded from visible. RSN, for which that matters, trains with 2.
LABELLED = 2


def file_names(people: MpiiPeople) -> np.ndarray:
    """The images' names as image stores take them, (M,) bytes."""
    return np.array([name.encode() for name in people.image_names], np.bytes_)


def read_images(people: MpiiPeople, store: ImageStore) -> Images:
    """Number the images from 1 and read their sizes, which the annotation file does not have.

    Args:
        people: of the images.
        store: their files; all are there.

    Raises:
        PoseError: an image cannot be read.
    """
    count = len(people.image_names)
    with ThreadPoolExecutor() as pool:  # waiting for a disk is most of it
        sizes = list(pool.map(lambda index: image_size(store, index), range(count)))
    return Images(np.arange(1, count + 1), file_names(people), np.array(sizes, np.int64).reshape(count, 2))


def image_size(store: ImageStore, index: int) -> tuple[int, int]:
    """Width and height of the stored pixels, from as little of the file as possible.

    Raises:
        PoseError: the image cannot be read.
    """
    for count in HEADS:
        size = size_of_head(store.head(index, count))
        if size is not None:
            return size
    height, width = decode_image(store.read(index), store.name(index)).shape[:2]
    return width, height


def mpii_records(people: MpiiPeople, images: Images, padding: Sequence[float], aspect: float) -> Records:
    """Every person of the file, in its order, with coordinates that count from 0.

    Args:
        people: of the file.
        images: of the people.
        padding: factors on the width and height of the square that is `scale` high (DATASET.BOX_PADDING).
        aspect: width / height of the input, to which the square is extended.

    A person without a centre (x = -1) is neither moved nor enlarged, as published.

    Source: HRNet lib/dataset/mpii.py, _get_db, for square inputs.
    """
    has_center = people.center[:, 0] != NO_CENTER
    side = people.scale * PIXELS_PER_SCALE
    down = np.where(has_center, CENTER_DOWN * people.scale, 0)
    center = people.center + np.stack([np.zeros_like(down), down], axis=1) - 1
    factors = np.where(has_center[:, None], np.asarray(padding, np.float64), 1.0)
    scale = with_aspect(people.scale[:, None] * factors, aspect)
    box = np.column_stack([center - side[:, None] / 2, side, side])
    return Records(
        center=center.astype(np.float32),
        scale=scale.astype(np.float32),
        box=box.astype(np.float32),
        image_id=images.id[people.image_index],
        image_index=people.image_index,
        annotation_id=np.arange(len(people)),
        score=np.ones(len(people)),
        area=side**2,
        keypoints=(people.joints - 1).astype(np.float32) if people.has_joints else _no_joints(people),
        visible=(people.visible * LABELLED).astype(np.float32),
    )


def _no_joints(people: MpiiPeople) -> np.ndarray:
    return np.zeros((len(people), NUM_JOINTS, 2), np.float32)
