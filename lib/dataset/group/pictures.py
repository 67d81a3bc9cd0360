"""From pictures to the inputs of a bottom-up network in a test."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lib.dataset.coco import Images
from lib.dataset.crop import Cropper
from lib.dataset.dataset import FromRecords, Provenance
from lib.dataset.group.records import GroupRecords
from lib.dataset.group.resize import Resize
from lib.dataset.pixels import ImagePixels, StoredPixels, record_pixels
from lib.skeletons.skeleton import Skeleton
from lib.utils.errors import PoseError


class PictureBatch(NamedTuple):
    """B pictures, each in the sizes of a test.

    Attributes:
        images: of each picture its inputs, (3, H, W) uint8, the largest scale first, in the channel order that the
            config asks for and the memory order HWC.
        base_wh: of each picture the input's size at scale 1, (B, 2) int64.
        to_image: affine maps from input_ points at scale 1 to image_ points, (B, 2, 3) float64.
        index: positions in the records, (B,) int64.
    """

    images: tuple[tuple[Tensor, ...], ...]
    base_wh: Tensor
    to_image: Tensor
    index: Tensor  # type: ignore[assignment] # hides tuple.index, which nobody needs here


class PictureDataset(FromRecords, Dataset[PictureBatch]):
    """Pictures as a test shows them to the network.

    Args:
        records: the pictures.
        images: what `records.image_index` refers to.
        source: the pixels of each record.
        resize: the convention and the sizes of the inputs.
        skeleton: the keypoint set.
        provenance: where the records come from.
        color_rgb: channels in the order RGB, else BGR.

    Raises:
        PoseError: a picture is too long and thin to be an input.
    """

    records: GroupRecords

    def __init__(
        self,
        records: GroupRecords,
        images: Images,
        source: ImagePixels,
        resize: Resize,
        skeleton: Skeleton,
        provenance: Provenance,
        *,
        color_rgb: bool = True,
    ) -> None:
        check_sizes(records, images, resize, provenance.annotation_file)
        self.records = records
        self.images = images
        self.source = source
        self.resize = resize
        self.skeleton = skeleton
        self.provenance = provenance
        self.color_rgb = color_rgb

    def __getitem__(self, index: int) -> PictureBatch:
        """A batch of one picture; raises PoseError as `batch` does."""
        return self.batch(0, np.array([index]))

    def batch(self, epoch: int, indices: np.ndarray) -> PictureBatch:  # noqa: ARG002 - nothing is random here
        """Several pictures.

        Args:
            epoch: nothing depends on it.
            indices: records, (B,), int.

        Raises:
            PoseError: an image cannot be read or has another size than the annotation file says.
        """
        sizes = [(int(width), int(height)) for width, height in self.records.size_wh[indices]]
        return PictureBatch(
            images=tuple(self._inputs(int(index), size) for index, size in zip(indices, sizes, strict=True)),
            base_wh=torch.tensor([self.resize.input_size(size) for size in sizes]),
            to_image=torch.from_numpy(np.stack([self.resize.to_image(size) for size in sizes])),
            index=torch.from_numpy(indices.astype(np.int64)),
        )

    def _inputs(self, index: int, size_wh: tuple[int, int]) -> tuple[Tensor, ...]:
        pixels = record_pixels(self.source, index)
        return tuple(resized(pixels, self.resize, size_wh, scale, self.color_rgb) for scale in self.resize.scales)


def check_sizes(records: GroupRecords, images: Images, resize: Resize, annotation_file: str) -> None:
    """Refuse pictures that are too long and thin to be inputs.

    Args:
        records: the pictures.
        images: what `records.image_index` refers to.
        resize: the sizes of the inputs.
        annotation_file: named in errors.

    Raises:
        PoseError: the first such picture is named.
    """
    for index in too_thin(records.size_wh, resize)[:1]:
        try:
            resize.check(tuple(records.size_wh[index].tolist()))
        except PoseError as error:
            name = images.file_name[records.image_index[index]].decode()
            raise PoseError(f"image {name} of annotation file {annotation_file}: {error}") from error


def too_thin(size_wh: np.ndarray, resize: Resize) -> np.ndarray:
    """Which of the pictures of these sizes, (N, 2), do not fit: their positions, (M,) int64, ascending."""
    sizes, kind = np.unique(size_wh, axis=0, return_inverse=True)
    refused = np.array([not resize.fits((width, height)) for width, height in sizes.tolist()], bool)
    return np.flatnonzero(refused[kind.reshape(-1)])


def resized(pixels: StoredPixels, resize: Resize, size_wh: tuple[int, int], scale: float, color_rgb: bool) -> Tensor:
    """A picture as the input of a scale.

    Args:
        pixels: the whole picture.
        resize: the convention.
        size_wh: of the picture.
        scale: one of the convention's.
        color_rgb: channels in the order RGB, else BGR.

    Returns:
        (3, H, W) uint8, in the memory order HWC.
    """
    cropper = Cropper(resize.input_size(size_wh, scale), color_rgb=color_rgb)
    picture = cropper.crops(resize.to_input(size_wh, scale)[None], lambda _: pixels)[0]
    return torch.from_numpy(picture).permute(2, 0, 1)
