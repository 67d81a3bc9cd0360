"""From pictures to the inputs of a bottom-up network in training, a batch at a time."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lib.dataset.coco import Images
from lib.dataset.crop import Cropper
from lib.dataset.dataset import FromRecords, Provenance
from lib.dataset.group.augment import ViewParams, ViewSettings, draw_views, output_shifts, view_maps
from lib.dataset.group.records import GroupRecords
from lib.dataset.group.regions import COUNTED, Regions
from lib.dataset.pixels import ImagePixels, record_pixels
from lib.dataset.sampler import SampleKey
from lib.skeletons.skeleton import Skeleton
from lib.utils.geometry import Crop, apply_affine


class GroupSample(NamedTuple):
    """One picture, or with a leading B in every shape a batch of them.

    Attributes:
        image: the view, (3, H, W) uint8, in the channel order that the config asks for and the memory order HWC.
        input_keypoints: (x, y) in the view, (M, K, 2) float32; zeros for people who are not there. M is the largest
            number of people of a picture in the batch, at least 1.
        visible: the annotation's flag 0, 1 or 2, (M, K) float32; all 0 for people who are not there.
        shifts: how far right of their place in the view keypoints are taught on each of the network's L outputs,
            heatmap_ px, (L,) float32.
        masks: where the heatmap loss counts, one (h, w) bool for each output of the network.
        index: position in the records, () int64.
    """

    image: Tensor
    input_keypoints: Tensor
    visible: Tensor
    shifts: Tensor
    masks: tuple[Tensor, ...]
    index: Tensor  # type: ignore[assignment] # hides tuple.index, which nobody needs here


class GroupDataset(FromRecords, Dataset[GroupSample]):
    """Pictures with all their people, changed at random.

    Args:
        records: the pictures.
        regions: what is ignored, of each of `images`.
        images: what `records.image_index` refers to.
        source: the pixels of each record.
        crops: the convention, with the size of the input and of each output of the network.
        skeleton: the keypoint set.
        provenance: where the records come from.
        augment: the random changes.
        seed: of the random changes.
        color_rgb: channels in the order RGB, else BGR.
    """

    records: GroupRecords

    def __init__(
        self,
        records: GroupRecords,
        regions: Regions,
        images: Images,
        source: ImagePixels,
        crops: Sequence[Crop],
        skeleton: Skeleton,
        provenance: Provenance,
        *,
        augment: ViewSettings,
        seed: int = 0,
        color_rgb: bool = True,
    ) -> None:
        self.records = records
        self.regions = regions
        self.images = images
        self.source = source
        self.crops = tuple(crops)
        self.skeleton = skeleton
        self.provenance = provenance
        self.augment = augment
        self.seed = seed
        self._order = list(skeleton.flip_permutation)
        self._cropper = Cropper(self.crops[0].input_size_wh, color_rgb=color_rgb)
        self._drawn: tuple[int, ViewParams] | None = None

    def __getitem__(self, key: SampleKey | int) -> GroupSample:
        """The sample of an epoch and record; a bare record number means epoch 0.

        Raises:
            PoseError: as for `batch`.
        """
        epoch, index = key if isinstance(key, tuple) else (0, int(key))
        sample = self.batch(epoch, np.array([index]))
        return sample._replace(
            image=sample.image[0],
            input_keypoints=sample.input_keypoints[0],
            visible=sample.visible[0],
            shifts=sample.shifts[0],
            masks=tuple(mask[0] for mask in sample.masks),
            index=sample.index[0],
        )

    def batch(self, epoch: int, indices: np.ndarray) -> GroupSample:
        """Several samples of an epoch.

        Args:
            epoch: of the random changes.
            indices: records, (B,), int.

        Returns:
            A sample whose fields have a leading B.

        Raises:
            PoseError: an image cannot be read or has another size than the annotation file says.
        """
        params = self._params(epoch).take(indices)
        maps = view_maps(params, self.augment, self.records.size_wh[indices], self.crops[0])
        shifts = output_shifts(params, self.augment, self.crops)
        keypoints, visible = self._people(indices, maps, params.flip)
        crops = self._cropper.crops(maps, lambda position: record_pixels(self.source, int(indices[position])))
        return GroupSample(
            image=torch.from_numpy(crops).permute(0, 3, 1, 2),
            input_keypoints=torch.from_numpy(keypoints),
            visible=torch.from_numpy(visible),
            shifts=torch.from_numpy(shifts.astype(np.float32)),
            masks=self._masks(indices, maps, shifts),
            index=torch.from_numpy(indices.astype(np.int64)),
        )

    def _params(self, epoch: int) -> ViewParams:
        """What is drawn for all records in an epoch; that of the last epoch is kept."""
        if self._drawn is None or self._drawn[0] != epoch:
            self._drawn = epoch, draw_views(self.augment, self.seed, epoch, len(self.records))
        return self._drawn[1]

    def _people(self, indices: np.ndarray, maps: np.ndarray, flip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keypoints (B, M, K, 2) in the views and their flags (B, M, K), float32."""
        records = self.records
        first, counts = records.first[indices], records.first[indices + 1] - records.first[indices]
        shape = len(indices), max(1, int(counts.max())), self.skeleton.num_keypoints
        picture = np.repeat(np.arange(len(indices)), counts)
        place = np.arange(len(picture)) - np.repeat(np.cumsum(counts) - counts, counts)
        people = first[picture] + place
        points, flags = apply_affine(records.keypoints[people], maps[picture]).numpy(), records.visible[people]
        mirrored = flip[picture]
        points[mirrored], flags[mirrored] = points[mirrored][:, self._order], flags[mirrored][:, self._order]
        keypoints, visible = np.zeros((*shape, 2), np.float32), np.zeros(shape, np.float32)
        keypoints[picture, place], visible[picture, place] = np.where(flags[..., None] > 0, points, 0), flags
        return keypoints, visible

    def _masks(self, indices: np.ndarray, maps: np.ndarray, shifts: np.ndarray) -> tuple[Tensor, ...]:
        """Where the loss counts in each output: outside of ignored regions and, as published, inside of the picture."""
        sizes_wh = [crop.heatmap_size_wh for crop in self.crops]
        masks = [np.empty((len(indices), height, width), bool) for width, height in sizes_wh]
        to_outputs = [_to_output(maps, crop, shift) for crop, shift in zip(self.crops, shifts.T, strict=True)]
        for position, picture in enumerate(self.records.image_index[indices].tolist()):
            counted = self.regions.mask(picture)
            for mask, size_wh, to_output in zip(masks, sizes_wh, to_outputs, strict=True):
                turned = cv2.warpAffine(counted, to_output[position], size_wh, borderValue=0)
                mask[position] = turned > COUNTED / 2
        return tuple(torch.from_numpy(mask) for mask in masks)


def _to_output(maps: np.ndarray, crop: Crop, shifts: np.ndarray) -> np.ndarray:
    """Maps from pictures to the input, (B, 2, 3), continued to an output's pixels and there shifted along x by (B,)."""
    corners = crop.to_heatmap(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])).numpy()
    linear, shift = (corners[1:] - corners[0]).T, corners[0]
    continued = np.concatenate([linear @ maps[..., :2], linear @ maps[..., 2:] + shift[:, None]], axis=-1)
    continued[:, 0, 2] += shifts
    return continued
