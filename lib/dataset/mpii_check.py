"""The check of a part in MPII's format."""

import numpy as np

from lib.codecs.base import Codec
from lib.dataset.check import Progress, image_faults, value_faults
from lib.dataset.coco import Annotations, Images
from lib.dataset.faults import Fault
from lib.dataset.images import ImageStore, open_images
from lib.dataset.layout import DataFiles
from lib.dataset.mpii import file_names, image_size, mpii_records
from lib.dataset.parts import check_mpii_keypoints
from lib.utils.errors import PoseError
from lib.utils.files import read_json
from lib.utils.mpii_files import MpiiPeople, mpii_faults, people_of


def check_mpii(files: DataFiles, codec: Codec, progress: Progress) -> tuple[list[str], list[Fault]]:
    """Check annotations and images.

    Args:
        files: where they are.
        codec: gives the number of keypoints and the input size.
        progress: wraps the iteration over the images.

    Returns:
        A line on the people, and the faults; of a file with faulty records the others are checked further.

    Raises:
        PoseError: the file or the images' folder cannot be used at all.
    """
    check_mpii_keypoints(codec.num_keypoints, files.annotation_file)
    content = read_json(files.annotation_file, "annotation file")
    faults = [Fault(found.kind, found.detail, found.remedy, True, found.entry) for found in mpii_faults(content)]
    spoilt = {fault.entry for fault in faults}
    sound = [] if -1 in spoilt else [person for entry, person in enumerate(content) if entry not in spoilt]
    if not sound:
        return [], [*faults, Fault("no people", "no person is left", "see the other faults")]
    people = people_of(sound, files.annotation_file)
    store = open_images(files.images, file_names(people))
    images = _images(people, store)
    faults += [*_people_faults(people, images, codec), *image_faults(images, store, progress)]
    heads = int(np.isfinite(people.head_sizes).sum())
    line = (
        f"  {len(images.id)} images, {len(people)} people used (annotated centres and scales), "
        f"{int(people.visible.any(axis=1).sum())} with joints, {heads} with head boxes in this file"
    )
    return [line], faults


def _images(people: MpiiPeople, store: ImageStore) -> Images:
    """The images with their sizes; (0, 0) for those that cannot be read, which `image_faults` names."""
    count = len(people.image_names)
    missing = set(store.missing(np.arange(count)).tolist())
    sizes = [(0, 0) if index in missing else _size(store, index) for index in range(count)]
    return Images(np.arange(1, count + 1), file_names(people), np.array(sizes, np.int64))


def _size(store: ImageStore, index: int) -> tuple[int, int]:
    try:
        return image_size(store, index)
    except PoseError:
        return 0, 0


def _people_faults(people: MpiiPeople, images: Images, codec: Codec) -> list[Fault]:
    """Faults in values, of the people whose images can be read; an annotation's number is its record's, from 0."""
    width, height = codec.input_size_wh
    records = mpii_records(people, images, codec.crop.box_padding, width / height)
    known = np.flatnonzero(images.size_wh[people.image_index, 0] > 0)
    some = records.take(known)
    count = len(some)
    annotations = Annotations(
        images=images,
        person_category=1,
        id=some.annotation_id,
        image_index=some.image_index,
        category=np.ones(count, np.int64),
        is_crowd=np.zeros(count, bool),
        area=some.area,
        box_xywh=some.box.astype(np.float64),
        keypoints=np.concatenate([some.keypoints, some.visible[..., None]], axis=2),
        num_keypoints=np.full(count, -1, np.int64),
    )
    return list(value_faults(annotations))
