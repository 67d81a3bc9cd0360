"""The codec of bottom-up networks: what `Codec` is for single people, for all people of a picture."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lib.codecs.group.combine import Combiner, Outputs
from lib.codecs.group.options import GroupOptions
from lib.codecs.group.people import GroupedPeople, GroupTargets
from lib.codecs.group.read import read_people
from lib.codecs.group.targets import draw_people, tag_pixels
from lib.utils.errors import PoseError
from lib.utils.geometry import ArrayLike, Crop, PlainCrop, UdpCrop, as_tensor


class GroupCodec:
    """Keypoints of all people of a picture to heatmaps and tags and back (associative embedding).

    Every method works on whole batches, on the device of its argument, and leaves its arguments as they are. Maps may
    be bf16 or fp16; they are computed on as float32.

    Args:
        input_size_wh: of the pictures in training, pixels.
        output_sizes_wh: of the network's outputs for them, from coarse to fine.
        flip_permutation: which keypoint each one becomes when left and right change places, K indices.
        unbiased: UDP's pixels: W - 1 lengths between W pixel centres, Gaussians around unrounded points and DARK steps.
        variant: "original" (HigherHRNet) or "mmpose", whose details are followed where the two differ.
        sigma: width of the targets' Gaussians, pixels of each output.
        options: how people are read; its order of keypoints has K entries.
    """

    decoder = "group"

    def __init__(
        self,
        input_size_wh: Sequence[int],
        output_sizes_wh: Sequence[Sequence[int]],
        flip_permutation: Sequence[int],
        *,
        unbiased: bool,
        variant: str,
        sigma: float,
        options: GroupOptions,
    ) -> None:
        self.name = "ae_udp" if unbiased else "ae"
        kind = UdpCrop if unbiased else PlainCrop
        self.crops: tuple[Crop, ...] = tuple(kind(input_size_wh, size) for size in output_sizes_wh)
        self.input_size_wh = self.crops[0].input_size_wh
        self.output_sizes_wh = tuple(crop.heatmap_size_wh for crop in self.crops)
        self.flip_permutation = tuple(int(index) for index in flip_permutation)
        self.num_keypoints = len(self.flip_permutation)
        self.unbiased = unbiased
        self.variant = variant
        self.sigma = float(sigma)
        self.options = options
        self.combiner = Combiner(self.flip_permutation, align_corners=unbiased, mmpose=variant == "mmpose")
        if len(options.joint_order) != self.num_keypoints:
            raise PoseError(
                f"the order of keypoints names {len(options.joint_order)} of {self.num_keypoints}; give one that fits."
            )

    def encode(self, input_keypoints: ArrayLike, visible: ArrayLike, shifts: ArrayLike | None = None) -> GroupTargets:
        """Make what the network shall learn.

        Args:
            input_keypoints: input_ (x, y), (B, M, K, 2); places without a person have flags 0.
            visible: (B, M, K), the annotation's flag 0, 1 (hidden) or 2 (visible); above 0 means annotated.
            shifts: how far right of their place each picture's points are put on each of L outputs, (B, L), heatmap_
                px; None for 0.

        Returns:
            The targets. Points that are not finite or whose pixel is not on a map are left out there.
        """
        points = as_tensor(input_keypoints)
        flags = as_tensor(visible, points.device)
        if points.ndim != 4 or points.shape[2:] != (self.num_keypoints, 2) or flags.shape != points.shape[:3]:
            raise PoseError(
                f"encode needs keypoints (B, M, {self.num_keypoints}, 2) and visibility (B, M, {self.num_keypoints}), "
                f"got {tuple(points.shape)} and {tuple(flags.shape)}."
            )
        shown = (flags > 0) & torch.isfinite(points).all(dim=-1)
        on_outputs = [crop.to_heatmap(points) for crop in self.crops]
        if shifts is not None:
            on_outputs = _shifted(on_outputs, as_tensor(shifts, points.device))
        maps = tuple(
            draw_people(on_output, shown, self.sigma, size_wh, unbiased=self.unbiased)
            for on_output, size_wh in zip(on_outputs, self.output_sizes_wh, strict=True)
        )
        return GroupTargets(maps, *tag_pixels(on_outputs[0], shown, self.output_sizes_wh[0]))

    def combine(
        self, outputs: Outputs, mirrored: Outputs | None = None, size_hw: tuple[int, int] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Join a network's outputs, and those of the mirrored pictures, to what `decode` reads.

        Args:
            outputs: (B, 2K, h, w), or that and (B, K, 2h, 2w).
            mirrored: the network's outputs for the mirrored pictures; None for none.
            size_hw: of the result (that of the network's input with TEST.PROJECT2IMAGE); None for the last output's.

        Returns:
            heatmaps (B, K, H', W') and tags (B, K, H', W', T), float32; T is 1, or 2 with mirrored outputs.

        For several scales: `combiner.heatmaps` of each in one size, their `combiner.mean_of_scales`, and
        `combiner.tags` of scale 1 alone.
        """
        return self.combiner.heatmaps(outputs, mirrored, size_hw), self.combiner.tags(outputs, mirrored, size_hw)

    def decode(self, heatmaps: ArrayLike, tags: ArrayLike) -> list[GroupedPeople]:
        """Find the people of each picture.

        Args:
            heatmaps: (B, K, h, w), any size and floating dtype.
            tags: (B, K, h, w, T).

        Returns:
            B groups of people with keypoints in pixels of these maps. With the plain convention 0.5 is added to them,
            as published, which counts the middle of pixel 0 as 0.5. Pixels with a heatmap value or tag that is NaN or
            infinite are no candidates.
        """
        maps = as_tensor(heatmaps)
        embedding = as_tensor(tags, maps.device)
        if maps.ndim != 4 or maps.shape[1] != self.num_keypoints or embedding.shape[:-1] != maps.shape:
            raise PoseError(
                f"decode needs heatmaps (B, {self.num_keypoints}, h, w) and tags (B, {self.num_keypoints}, h, w, T), "
                f"got {tuple(maps.shape)} and {tuple(embedding.shape)}; resize both to one size."
            )
        return read_people(maps, embedding, self.options, unbiased=self.unbiased)

    def description(self) -> dict[str, Any]:
        """What a checkpoint stores about the codec that it was trained with; plain JSON values.

        Sizes are left out: a network that sees whole pictures may be tested at another size than it was trained at.
        """
        strides = [self.input_size_wh[0] / width for width, _ in self.output_sizes_wh]
        return {"name": self.name, "strides": strides, "num_keypoints": self.num_keypoints, "sigma": self.sigma}


def _shifted(on_outputs: list[Tensor], shifts: Tensor) -> list[Tensor]:
    """Each output's points (B, M, K, 2) moved along x by its column of (B, L)."""
    if shifts.shape != (len(on_outputs[0]), len(on_outputs)):
        raise PoseError(
            f"encode needs shifts ({len(on_outputs[0])}, {len(on_outputs)}), one per picture and output, got "
            f"{tuple(shifts.shape)}."
        )
    moves = torch.stack([shifts, torch.zeros_like(shifts)], dim=-1)
    return [points + moves[:, output, None, None] for output, points in enumerate(on_outputs)]
