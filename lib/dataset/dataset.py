"""One person after the other: from a record to the network's input."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lib.codecs.base import Codec
from lib.dataset.augment import NO_AUGMENTATION, AugmentSettings, Person, change_person, draw, sample_generator
from lib.dataset.coco import Images
from lib.dataset.crop import crop_image
from lib.dataset.images import ImageStore
from lib.dataset.records import Records
from lib.dataset.sampler import SampleKey
from lib.skeletons.skeleton import Skeleton
from lib.utils.errors import PoseError
from lib.utils.geometry import apply_affine
from lib.utils.image import decode_image


class Sample(NamedTuple):
    """One person, or with a leading B in every shape a batch of them.

    Attributes:
        image: the crop, (3, H, W) uint8, in the channel order that the config asks for.
        input_keypoints: (x, y) in the crop, (K, 2) float32.
        visible: 1 where a keypoint is labelled, else 0, (K,) float32.
        center: image_ (x, y) of the crop, () to (2,) float32; in a mirrored image for mirrored samples.
        scale: size of the crop in units of 200 image pixels, (2,) float32.
        score: of the box, () float64.
        index: position in the records, () int64.
    """

    image: Tensor
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


class PoseDataset(Dataset[Sample]):
    """People of a data set as crops with keypoints.

    Args:
        records: the people.
        images: the images that `records.image_index` refers to.
        store: where the image files are.
        codec: gives the crop convention and size.
        skeleton: the keypoint set.
        provenance: where the records come from.
        augment: random changes of training samples; None for none.
        seed: of the random changes.
        color_rgb: channels in the order RGB, else BGR.
    """

    def __init__(
        self,
        records: Records,
        images: Images,
        store: ImageStore,
        codec: Codec,
        skeleton: Skeleton,
        provenance: Provenance,
        *,
        augment: AugmentSettings | None = None,
        seed: int = 0,
        color_rgb: bool = True,
    ) -> None:
        self.records = records
        self.images = images
        self.store = store
        self.codec = codec
        self.skeleton = skeleton
        self.provenance = provenance
        self.augment = augment
        self.seed = seed
        self.color_rgb = color_rgb
        self._decoded: tuple[int, np.ndarray] | None = None

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

    def __getitem__(self, key: SampleKey | int) -> Sample:
        """The sample of an epoch and record; a bare record number means epoch 0.

        Raises:
            PoseError: the image cannot be read or has another size than the annotation file says.
        """
        epoch, index = key if isinstance(key, tuple) else (0, int(key))
        image = self._image(index)
        records = self.records
        # Copies, so that nothing can write into the records that all workers share.
        person = Person(
            *(field[index].copy() for field in (records.center, records.scale, records.keypoints, records.visible))
        )
        params = NO_AUGMENTATION
        if self.augment is not None:
            params = draw(self.augment, sample_generator(self.seed, epoch, index))
            width, height = self.codec.input_size_wh
            person = change_person(person, params, self.augment, self.skeleton, width / height, image.shape[1])
        matrix = self.codec.warp_matrix(person.center, person.scale, params.rotation_degrees)
        crop = crop_image(cv2.flip(image, 1) if params.flip else image, matrix.numpy(), self.codec.input_size_wh)
        if self.color_rgb:
            crop = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)
        return Sample(
            image=torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1))),
            input_keypoints=apply_affine(person.keypoints, matrix).to(torch.float32),
            visible=torch.from_numpy(person.visible),
            center=torch.from_numpy(person.center),
            scale=torch.from_numpy(person.scale),
            score=torch.tensor(records.score[index]),
            index=torch.tensor(index),
        )

    def _image(self, index: int) -> np.ndarray:
        """The image of a record, BGR, (H, W, 3) uint8, which must not be written to.

        The last one is kept, because a test goes through the people of an image one after the other.
        """
        image_index = int(self.records.image_index[index])
        if self._decoded is None or self._decoded[0] != image_index:
            try:
                image = decode_image(self.store.read(image_index), self.store.name(image_index))
                self._check_size(image, image_index)
            except PoseError as error:
                raise PoseError(f"record {index}: {error}") from error
            self._decoded = image_index, image
        return self._decoded[1]

    def _check_size(self, image: np.ndarray, image_index: int) -> None:
        height, width = image.shape[:2]
        expected = tuple(map(int, self.images.size_wh[image_index]))
        if (width, height) != expected:
            raise PoseError(
                f"image {self.store.name(image_index)} has {width}x{height} stored pixels, {self.annotation_file} says "
                f"{expected[0]}x{expected[1]}; annotate the stored pixels (EXIF orientation is ignored) or "
                "correct the size."
            )
