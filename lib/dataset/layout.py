"""Where the files of a data set lie unless the configuration says otherwise."""

import re
from pathlib import Path
from typing import NamedTuple

from lib.dataset.images import ZIP_SUFFIX

COCO, MPII = "coco", "mpii"  # formats of annotation files
PACKED = "packed"  # the DATASET.DATA_FORMAT of packed data sets


class DataFiles(NamedTuple):
    """The files of one part of a data set.

    Attributes:
        set_name: of the part, for example val2017.
        annotation_file: JSON.
        images: a folder, or a zip file.
        detection_file: the boxes to test with, '' where none is given; None for annotated boxes.
        kind: COCO or MPII, the format of the annotation file.
    """

    set_name: str
    annotation_file: str
    images: str
    detection_file: str | None
    kind: str = COCO


def default_annotation_file(root: str, set_name: str, kind: str = COCO) -> str:
    """annotations/person_keypoints_NAME.json; for test sets without that file image_info_NAME.json, as published.

    MPII's are annot/NAME.json.
    """
    if kind == MPII:
        return str(Path(root) / "annot" / f"{set_name}.json")
    path = Path(root) / "annotations" / f"person_keypoints_{set_name}.json"
    if "test" in set_name and not path.is_file():
        path = path.with_name(f"image_info_{set_name}.json")
    return str(path)


def default_images(root: str, set_name: str, kind: str = COCO) -> str:
    """images/NAME; COCO's test-dev2017 is a part of the images of test2017, and all parts of MPII share images."""
    if kind == MPII:
        return str(Path(root) / "images")
    return str(Path(root) / "images" / re.sub(r"^test-dev(?=\d)", "test", set_name))


def default_packed(root: str, set_name: str) -> str:
    """packed/NAME."""
    return str(Path(root) / "packed" / set_name)


def zip_or_folder(images: str, data_format: str) -> str:
    """The images' place for a DATASET.DATA_FORMAT.

    With `zip`, FOLDER.zip takes the place of FOLDER. `packed` is about training alone: images are then read from the
    folder, or from the zip file where only that is there.
    """
    zipped = images.rstrip("/") + ZIP_SUFFIX
    if images.endswith(ZIP_SUFFIX) or data_format not in ("zip", PACKED):
        return images
    return images if data_format == PACKED and (Path(images).is_dir() or not Path(zipped).is_file()) else zipped
