"""The check of one part of a data set for bottom-up networks, in lines of text."""

from collections.abc import Iterator

from lib.dataset.check import Progress, check_annotations, image_faults, summarise
from lib.dataset.coco import Annotations, Images
from lib.dataset.faults import Fault
from lib.dataset.group.pictures import too_thin
from lib.dataset.group.records import Roles, annotated_pictures, training_roles
from lib.dataset.group.regions import region_faults
from lib.dataset.group.resize import Resize
from lib.dataset.images import open_images
from lib.dataset.layout import MPII, DataFiles
from lib.dataset.report import PartReport, unusable
from lib.skeletons.skeleton import Skeleton
from lib.utils.errors import PoseError


def check_pictures(
    title: str,
    files: DataFiles,
    skeleton: Skeleton,
    max_people: int,
    progress: Progress,
    *,
    resize: Resize | None,
    mask_boxes: bool,
) -> PartReport:
    """Check annotations, ignored regions and images of one part of a data set.

    Args:
        title: how to call the part, for example "training part".
        files: where it lies.
        skeleton: the keypoint set it is used with.
        max_people: people taught of a picture.
        progress: wraps the iteration over the images.
        resize: the sizes of a test's inputs. None for a training: its ignored regions are looked at instead, and there
            must be people.
        mask_boxes: see `lib.dataset.group.part.read_training_part`.

    A file that cannot be used at all is a fault like the others, so that the rest is checked as well.
    """
    lines = [f"{title} {files.set_name}: {files.annotation_file}, images in {files.images}"]
    faults: list[Fault] = []
    if files.kind == MPII:
        faults.append(Fault("format", "MPII's format is about single people", "use a COCO-format file"))
        return _report(lines, faults)
    try:
        checked = check_annotations(files.annotation_file, skeleton)
        faults += checked.faults
        annotations = checked.annotations
    except PoseError as error:
        return _report(lines, [*faults, unusable(error)])
    if annotations is None:
        return _report(lines, faults)
    roles = training_roles(annotations, max_people)
    annotated = len(annotated_pictures(annotations))
    lines.append(f"  {len(annotations.images.id)} images, {annotated} of them with annotated people")
    if resize is None:
        lines.append(_people(annotations, roles, max_people, "" if mask_boxes else " where segmented"))
    if resize is None and not roles.people.any():
        faults.append(Fault("no people", "nobody has labelled keypoints", "label some"))
    # Entries with structural faults are left out, so that the others are not in their places.
    if resize is None and not any(fault.entry >= 0 for fault in checked.faults):
        faults += region_faults(files.annotation_file, annotations, roles, mask_boxes=mask_boxes)
    try:
        store = open_images(files.images, annotations.images.file_name)
        faults += image_faults(annotations.images, store, progress)
        if resize is not None:
            faults += _thin_pictures(annotations.images, resize)
    except PoseError as error:
        faults.append(unusable(error))
    return _report(lines, faults)


def _thin_pictures(images: Images, resize: Resize) -> Iterator[Fault]:
    """Pictures that the test refuses."""
    for index in too_thin(images.size_wh, resize):
        width, height = images.size_wh[index]
        detail = f"{images.file_name[index].decode()} is {width}x{height}"
        yield Fault("picture too long and thin for a test", detail, "cut it into parts or take it out")


def _people(annotations: Annotations, roles: Roles, max_people: int, where: str) -> str:
    crowds = int((roles.unlabelled & annotations.is_crowd).sum())
    return (
        f"  {int(roles.people.sum())} people used; regions ignored{where}: {crowds} crowds, "
        f"{int(roles.unlabelled.sum()) - crowds} people without keypoints, {int(roles.beyond.sum())} beyond "
        f"{max_people} of a picture"
    )


def _report(lines: list[str], faults: list[Fault]) -> PartReport:
    return PartReport(lines + [f"  {line}" for line in summarise(faults)], sum(fault.matters for fault in faults))
