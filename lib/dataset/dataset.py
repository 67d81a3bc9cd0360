"""From records to the network's inputs, a batch at a time."""

from collections.abc import Sized
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lib.codecs.base import Codec
from lib.dataset.augment import (
    AugmentParams,
    AugmentSettings,
    People,
    change_people,
    draw,
    no_augmentation,
    visible_in_crop,
)
from lib.dataset.coco import Images
from lib.dataset.crop import Cropper, mirror_maps
from lib.dataset.deferred import DeferredCrops, defer_crops
from lib.dataset.pixels import ImagePixels, PixelSource, record_pixels
from lib.dataset.records import Records
from lib.dataset.sampler import SampleKey
from lib.skeletons.skeleton import Skeleton
from lib.utils.errors import PoseError
from lib.utils.geometry import apply_affine


class Sample(NamedTuple):
    """One person, or with a leading B in every shape a batch of them.

    Attributes:
        image: the crop, (3, H, W) uint8, in the channel order that the config asks for and the memory order HWC; or a
            batch of crops that are still to be cut.
        input_keypoints: (x, y) in the crop, (K, 2) float32.
        visible: the annotation's flag 0, 1 or 2; above 0 where a keypoint is labelled, (K,) float32.
        center: image_ (x, y) of the crop, () to (2,) float32; in a mirrored image for mirrored samples.
        scale: size of the crop in units of 200 image pixels, (2,) float32.
        score: of the box, () float64.
        index: position in the records, () int64.
    """

    image: Tensor | DeferredCrops
    input_keypoints: Tensor
    visible: Tensor
    center: Tensor
    scale: Tensor
    score: Tensor
    index: Tensor  # type: ignore[assignment] # hides tuple.index, which nobody needs here


@dataclass(frozen=True)
class Provenance:
    """Where the records come from, for the report beside every result.

    Attributes:
        annotation_file: path of the annotation file.
        box_source: "annotated boxes", or "detections of FILE".
        num_dropped: entries left out of the records, by reason.
    """

    annotation_file: str
    box_source: str
    num_dropped: dict[str, int]


class FromRecords:
    """What all data sets of records have.

    Attributes:
        records: people or pictures.
        provenance: where the records come from.
    """

    records: Sized
    provenance: Provenance

    @property
    def annotation_file(self) -> str:
        """Path of the annotation file."""
        return self.provenance.annotation_file

    @property
    def box_source(self) -> str:
        """Where the boxes come from, in words."""
        return self.provenance.box_source

    @property
    def num_dropped(self) -> dict[str, int]:
        """Entries left out of the records, by reason."""
        return self.provenance.num_dropped

    def __len__(self) -> int:
        return len(self.records)


class PoseDataset(FromRecords, Dataset[Sample]):
    """People of a data set as crops with keypoints.

    Args:
        records: the people.
        images: the images that `records.image_index` refers to.
        source: the pixels of each record.
        codec: gives the crop convention and size.
        skeleton: the keypoint set.
        provenance: where the records come from.
        augment: random changes of training samples; None for none.
        seed: of the random changes.
        color_rgb: channels in the order RGB, else BGR.
        defer: leave decoding and cutting to the device that the batch is moved to.

    Raises:
        PoseError: `defer` with a source other than image files.
    """

    records: Records

    def __init__(
        self,
        records: Records,
        images: Images,
        source: PixelSource,
        codec: Codec,
        skeleton: Skeleton,
        provenance: Provenance,
        *,
        augment: AugmentSettings | None = None,
        seed: int = 0,
        color_rgb: bool = True,
        defer: bool = False,
    ) -> None:
        self.records = records
        self.images = images
        self.source = source
        self.codec = codec
        self.skeleton = skeleton
        self.provenance = provenance
        self.augment = augment
        self.seed = seed
        self.color_rgb = color_rgb
        self._deferred = source if defer and isinstance(source, ImagePixels) else None
        if defer and self._deferred is None:
            raise PoseError("DATASET.CROP_ON device cuts from image files; set it to cpu for packed data.")
        self._cropper = Cropper(codec.input_size_wh, color_rgb=color_rgb)
        self._drawn: tuple[int, AugmentParams] | None = None

    def __getitem__(self, key: SampleKey | int) -> Sample:
        """The sample of an epoch and record; a bare record number means epoch 0.

        Raises:
            PoseError: as for `batch`.
        """
        epoch, index = key if isinstance(key, tuple) else (0, int(key))
        return Sample(*(field.to("cpu")[0] for field in self.batch(epoch, np.array([index]))))

    def batch(self, epoch: int, indices: np.ndarray) -> Sample:
        """Several samples of an epoch.

        Args:
            epoch: of the random changes.
            indices: records, (B,), int.

        Returns:
            A sample whose fields have a leading B.

        Raises:
            PoseError: an image cannot be read or has another size than the annotation file says.
        """
        records = self.records
        # Indexing with an array copies, so that nothing can write into the records that all workers share.
        fields = records.center, records.scale, records.box, records.keypoints, records.visible
        people = People(*(field[indices] for field in fields))
        params, widths = no_augmentation(len(indices)), self.images.size_wh[records.image_index[indices], 0]
        if self.augment is not None:
            params = self.params(self.augment, epoch).take(indices)
            width, height = self.codec.input_size_wh
            people = change_people(people, params, self.augment, self.skeleton, width / height, widths)
        matrices = self.codec.warp_matrix(people.center, people.scale, params.rotation_degrees)
        maps = mirror_maps(matrices.numpy(), params.flip, widths)
        keypoints, visible = apply_affine(people.keypoints, matrices), people.visible
        if self.augment is not None:
            visible = visible_in_crop(keypoints, visible, self.augment, self.codec.input_size_wh)
        return Sample(
            image=self._crops(indices, maps),
            input_keypoints=keypoints.to(torch.float32),
            visible=torch.from_numpy(visible),
            center=torch.from_numpy(people.center),
            scale=torch.from_numpy(people.scale),
            score=torch.from_numpy(records.score[indices]),
            index=torch.from_numpy(indices.astype(np.int64)),
        )

    def params(self, settings: AugmentSettings, epoch: int) -> AugmentParams:
        """What is drawn for all records in an epoch; those of the last epoch are kept."""
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = epoch, draw(settings, self.seed, epoch, len(self.records))
        return self._drawn[1]

    def _crops(self, indices: np.ndarray, maps: np.ndarray) -> Tensor | DeferredCrops:
        if self._deferred is not None:
            return defer_crops(self._deferred, indices, maps, self.codec.input_size_wh, color_rgb=self.color_rgb)
        crops = self._cropper.crops(maps, lambda position: record_pixels(self.source, int(indices[position])))
        return torch.from_numpy(crops).permute(0, 3, 1, 2)
