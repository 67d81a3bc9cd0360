"""Crops that are cut on the network's device: JPEG files travel there as they are.

Off by default: it pays where a GPU has time to spare and the CPU has not. Its pixels differ from OpenCV's by a grey
level here and there (docs/SPEED.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lib.dataset.pixels import ImagePixels, check_size, naming_record
from lib.utils.errors import PoseError
from lib.utils.geometry import precise
from lib.utils.image import JPEG_START, decode_image, is_cut_short_jpeg


@dataclass(frozen=True)
class DeferredCrops:
    """A batch of crops before it is cut; `to` cuts it.

    Attributes:
        content: the bytes of M image files one after the other, uint8.
        sizes: bytes of each file, (M,) int64.
        names: of the files, for messages.
        records: one that asked for each file, for messages.
        size_wh: of each image as the annotation file says, (M, 2) int64.
        annotation_file: for messages.
        image: which of the M images each crop is cut from, (B,) int64.
        to_input: affine maps from image_ to input_ points, (B, 2, 3) float64.
        input_size_wh: of the crops.
        color_rgb: channels of the crops in the order RGB, else BGR.
    """

    content: Tensor
    sizes: Tensor
    names: Sequence[str]
    records: Sequence[int]
    size_wh: Tensor
    annotation_file: str
    image: Tensor
    to_input: Tensor
    input_size_wh: tuple[int, int]
    color_rgb: bool

    def __len__(self) -> int:
        return len(self.image)

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Tensor:
        """Decode and cut on a device.

        Returns:
            (B, 3, height, width) uint8.

        Raises:
            PoseError: an image cannot be decoded, or has another size than the annotation file says.
        """
        device = torch.device(device)
        # Inverted here: a GPU would start a library for it, and Apple's have no float64.
        to_image = precise(_inverse(self.to_input), device)
        crops = torch.empty(len(self), 3, *reversed(self.input_size_wh), dtype=torch.uint8, device=device)
        for number, picture in enumerate(self._pictures(device)):
            members = torch.nonzero(self.image == number)[:, 0].to(device, non_blocking=non_blocking)
            crops[members] = cut(picture, to_image[members], self.input_size_wh)
        return crops if self.color_rgb else crops.flip(1)

    def _pictures(self, device: torch.device) -> list[Tensor]:
        """The decoded images, (3, H, W) uint8 RGB each."""
        files = list(self.content.split(self.sizes.tolist()))
        pictures = [
            self._decode_any(number, file) if picture is None else picture
            for number, (file, picture) in enumerate(zip(files, decode_jpegs(files, device), strict=True))
        ]
        for number, (picture, expected) in enumerate(zip(pictures, self.size_wh.tolist(), strict=True)):
            with naming_record(self.records[number]):
                found_wh = picture.shape[2], picture.shape[1]
                check_size(self.names[number], found_wh, expected, self.annotation_file)
        return [picture.to(device) for picture in pictures]

    def _decode_any(self, number: int, file: Tensor) -> Tensor:
        """OpenCV's decoder, for what is no JPEG and to name what is broken."""
        with naming_record(self.records[number]):
            image = decode_image(file.numpy().tobytes(), self.names[number])
        return torch.from_numpy(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).permute(2, 0, 1)


def defer_crops(
    source: ImagePixels, indices: np.ndarray, to_input: np.ndarray, input_size_wh: tuple[int, int], *, color_rgb: bool
) -> DeferredCrops:
    """Read the files of a batch, each once.

    Args:
        source: the images.
        indices: records, (B,).
        to_input: affine maps from image_ to input_ points, (B, 2, 3) float64.
        input_size_wh: of the crops.
        color_rgb: channel order of the crops.

    Raises:
        PoseError: a file cannot be read; it is named with its record.
    """
    numbers, first, image = np.unique(source.image_index[indices], return_index=True, return_inverse=True)
    files, records = [], indices[first].tolist()
    for number, record in zip(numbers.tolist(), records, strict=True):
        with naming_record(record):
            files.append(np.frombuffer(source.store.read(number), np.uint8))
    return DeferredCrops(
        content=torch.from_numpy(np.concatenate([np.empty(0, np.uint8), *files])),
        sizes=torch.tensor([len(file) for file in files], dtype=torch.int64),
        names=[source.store.name(number) for number in numbers.tolist()],
        records=records,
        size_wh=torch.from_numpy(source.images.size_wh[numbers]),
        annotation_file=source.annotation_file,
        image=torch.from_numpy(image.reshape(-1)),
        to_input=torch.from_numpy(to_input),
        input_size_wh=input_size_wh,
        color_rgb=color_rgb,
    )


def decode_jpegs(files: Sequence[Tensor], device: torch.device) -> list[Tensor | None]:
    """Decode the JPEG files among others, (3, H, W) uint8 RGB each; None for what torchvision's decoder does not take.

    Raises:
        PoseError: this torchvision has no JPEG decoder.
    """
    try:
        from torchvision.io import ImageReadMode, decode_jpeg
    except ImportError as error:
        raise PoseError(
            "this torchvision has no JPEG decoder, which DATASET.CROP_ON device needs; set it to cpu."
        ) from error

    def decoded(jpegs: list[Tensor]) -> Sequence[Tensor | None]:
        try:
            return decode_jpeg(jpegs, mode=ImageReadMode.RGB, device=device) if jpegs else []
        except RuntimeError:  # one of them is damaged, or CMYK
            return [None] if len(jpegs) == 1 else [decoded([jpeg])[0] for jpeg in jpegs]

    are_jpegs = [_is_whole_jpeg(file.numpy().tobytes()) for file in files]
    pictures = iter(decoded([file for file, is_jpeg in zip(files, are_jpegs, strict=True) if is_jpeg]))
    return [next(pictures) if is_jpeg else None for is_jpeg in are_jpegs]


def _is_whole_jpeg(content: bytes) -> bool:
    """Decoders may fill what is cut off with grey and not report it."""
    return content.startswith(JPEG_START) and not is_cut_short_jpeg(content)


def cut(picture: Tensor, to_image: Tensor, input_size_wh: tuple[int, int]) -> Tensor:
    """Cut crops bilinearly out of one image; what lies outside of it becomes 0.

    Args:
        picture: (3, H, W) uint8.
        to_image: affine maps from input_ to image_ points, (N, 2, 3), on the picture's device.
        input_size_wh: of the crops.

    Returns:
        (N, 3, height, width) uint8.
    """
    width, height = input_size_wh
    columns, rows = (torch.arange(length).to(to_image) for length in (width, height))
    along, across, shift = (to_image[:, None, None, :, axis] for axis in range(3))
    points = along * columns[:, None] + across * rows[:, None, None] + shift
    size = points.new_tensor([picture.shape[2], picture.shape[1]])
    grid = ((2 * points + 1) / size - 1).to(torch.float32)  # grid_sample counts from edge to edge, -1 to 1
    stack = picture.to(torch.float32).expand(len(grid), -1, -1, -1)
    sampled = F.grid_sample(stack, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled.round_().clamp_(0, 255).to(torch.uint8)


def _inverse(maps: Tensor) -> Tensor:
    """The inverse affine maps, (N, 2, 3)."""
    linear = torch.linalg.inv(maps[..., :2])
    return torch.cat([linear, -linear @ maps[..., 2:]], dim=-1)
