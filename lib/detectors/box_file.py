"""Boxes of people from a COCO-format file: annotations, or the results of any detector."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from lib.detectors.box_records import read_columns
from lib.detectors.picture_index import NamedPictures, NumberedPictures, Pictures
from lib.utils.coco_files import Record, person_category, read_annotations
from lib.utils.errors import PoseError
from lib.utils.files import read_json
from lib.utils.logging import get_logger
from lib.utils.people import Boxes

PathLike = str | os.PathLike[str]

# COCO's category "person", which results without a list of categories have.
PERSON = 1
# What tools/infer.py writes beside its results.
IMAGES_NAME = "images.json"


class BoxFile:
    """The boxes of a file, by picture.

    A picture is found by its file name: as the file has it, without leading folders, or by the base name alone where
    the file has that once. A frame of a video is an image with the video's `file_name` and its `frame_index` (from 0).
    Results bring no names. Those of tools/infer.py have them in `images.json` beside the file; without any file of
    images the last number in a picture's name is its image_id, and the frames of a single video are counted from 0.

    Attributes:
        path: the file.
        left_out: what of it is not used.
    """

    def __init__(self, path: PathLike, images_file: PathLike | None = None, *, score_threshold: float = 0.0) -> None:
        """Read the file.

        Args:
            path: an annotation file (images, annotations, categories), whose crowds are left out and whose scores are
                1; or results, a list of image_id, category_id, bbox and score.
            images_file: an annotation file with the images (and categories) that results are about; by itself found
                beside results with poses.
            score_threshold: boxes with a lower score are left out.

        Raises:
            PoseError: a file that is absent or in another format, or a faulty record, by its number.
        """
        self.path = Path(path)
        records, listing, listed_in, annotated = _read(path, images_file)
        columns = read_columns(
            records,
            PERSON if listing is None else _person_category(listing, listed_in),
            annotated=annotated,
            score_threshold=score_threshold,
            source=path,
        )
        self.left_out = columns.left_out
        self._image_ids, self._boxes = columns.image_ids, columns.boxes
        self._pictures = _pictures(listing, listed_in)
        self._sizes = {} if listing is None else _sizes(listing)

    def __len__(self) -> int:
        """How many boxes there are."""
        return len(self._boxes)

    def __str__(self) -> str:
        """What is in the file, in a few words."""
        left_out = f", left out: {self.left_out}" if str(self.left_out) else ""
        pictures = len(np.unique(self._image_ids))
        return f"{self.path.name}, {len(self)} boxes of people on {pictures} pictures{left_out}"

    @property
    def largest_image_id(self) -> int:
        """The largest id of an image or a box, at least 0."""
        return max(self._pictures.largest_image_id, int(self._image_ids.max(initial=0)))

    def size_of(self, file_name: str, frame_index: int | None = None) -> tuple[int, int] | None:
        """Width and height that the file gives to a picture, pixels; None where it has none.

        Args:
            file_name, frame_index: as for `image_id_of`.
        """
        image_id = self.image_id_of(file_name, frame_index)
        return None if image_id is None else self._sizes.get(image_id)

    def image_id_of(self, file_name: str, frame_index: int | None = None) -> int | None:
        """The id that the file gives to a picture or a frame; None where it has none.

        Args:
            file_name: of the picture or video, as a path relative to the input folder.
            frame_index: counted from 0; None for a picture.
        """
        return self._pictures.image_id_of(file_name, frame_index)

    def boxes_of(self, file_name: str, frame_index: int | None = None) -> Boxes:
        """The boxes of a picture or a frame, the best first, as they are in the file: not clipped, not suppressed.

        Args:
            file_name, frame_index: as for `image_id_of`.

        Returns:
            image_ boxes; none for a picture that the file does not know.
        """
        image_id = self.image_id_of(file_name, frame_index)
        if image_id is None:
            return Boxes.none()
        start, end = (int(np.searchsorted(self._image_ids, image_id, side)) for side in ("left", "right"))
        return Boxes(self._boxes.xywh[start:end], self._boxes.scores[start:end])

    def without_boxes(self, pictures: Sequence[str], videos: Sequence[str] = ()) -> list[str]:
        """Compare the file with the whole input, before any picture is read.

        Args:
            pictures, videos: file names as for `image_id_of`.

        Returns:
            those for which there is no box.

        Raises:
            PoseError: two of them would get the same boxes, several videos have no names in the file, or the file is
                of other pictures altogether.
        """
        if not pictures and not videos:
            return []
        self._check_distinct(pictures, videos)
        lacking = [name for name in pictures if not len(self.boxes_of(name))]
        lacking += [name for name in videos if not self._has_video(name)]
        if len(self) and len(lacking) == len(pictures) + len(videos) and not self._names_any(lacking):
            raise PoseError(
                f"{self.path} has no boxes for the input ({lacking[0]} and all else); give the file of its pictures, "
                "and with results the file of images that names them."
            )
        return lacking

    def _check_distinct(self, pictures: Sequence[str], videos: Sequence[str]) -> None:
        if isinstance(self._pictures, NumberedPictures) and videos and len(pictures) + len(videos) > 1:
            raise PoseError(
                f"{self.path} has image_ids alone, which tell the frames of one video and not {videos[0]} from the "
                "rest of the input; give the file of images with file_name and frame_index too, or one video at a time."
            )
        names: dict[int, str] = {}
        for name in pictures if isinstance(self._pictures, NumberedPictures) else (*pictures, *videos):
            entry = self._pictures.entry_of(name)
            if entry is not None and entry in names:
                raise PoseError(
                    f"{names[entry]} and {name} would both get the boxes of one picture of {self.path}; give a file "
                    "with their paths as file_name."
                )
            if entry is not None:
                names[entry] = name

    def _has_video(self, name: str) -> bool:
        """Whether any frame has a box."""
        ids = self._pictures.image_ids_of_video(name)
        return bool(len(self) if ids is None else np.isin(ids, self._image_ids).any())

    def _names_any(self, file_names: Sequence[str]) -> bool:
        """Whether any of them is among the images that the file names."""
        named = isinstance(self._pictures, NamedPictures)
        return named and any(self._pictures.entry_of(name) is not None for name in file_names)


def _read(path: PathLike, images_file: PathLike | None) -> tuple[list[Record], Record | None, PathLike, bool]:
    """The records; the mapping that lists images and categories, if any, and its file; whether they are annotations."""
    if _is_list(path):
        results = read_json(path, "result file")
        own = Path(path).with_name(IMAGES_NAME)
        listing = _own_images(own, results) if images_file is None else read_annotations(images_file)
        return results, listing, images_file or own, False
    if images_file is not None:
        raise PoseError(f"{path} is no list of results and names its images itself; leave out {images_file}.")
    content = read_annotations(path)
    return content["annotations"], content, path, True


def _own_images(path: Path, results: list[Any]) -> Record | None:
    """The images of tools/infer.py that all of the results are about, if there are."""
    poses = [record for record in results if isinstance(record, dict) and {"keypoints", "bbox"} <= record.keys()]
    if not results or len(poses) < len(results) or not path.is_file():
        return None
    listing = read_annotations(path)
    known = {str(image["id"]) for image in listing["images"]}
    if not {str(record.get("image_id")) for record in poses} <= known:
        return None
    get_logger().info("the images of these boxes are those of %s", path)
    return listing


def _is_list(path: PathLike) -> bool:
    """Whether a JSON file begins as a list, so that large files are read once; absent files do not."""
    with suppress(OSError), Path(path).open("rb") as file:
        return file.read(1024).lstrip().startswith(b"[")
    return False


def _person_category(listing: Record, source: PathLike) -> int:
    """The id of the category named "person", else that of keypoints."""
    named = [category["id"] for category in listing["categories"] if category.get("name") == "person"]
    return named[0] if len(named) == 1 else person_category(listing, source)


def _pictures(listing: Record | None, source: PathLike) -> Pictures:
    """By name where images have names, else by number."""
    if listing is None or not any("file_name" in image for image in listing["images"]):
        return NumberedPictures()
    return NamedPictures(listing["images"], source)


def _sizes(listing: Record) -> dict[int, tuple[int, int]]:
    """Width and height of the images that have both, by id."""
    sizes = {}
    for image in listing["images"]:
        size_wh = image.get("width"), image.get("height")
        if all(isinstance(side, int) and side > 0 for side in size_wh):
            sizes[image["id"]] = size_wh
    return sizes
