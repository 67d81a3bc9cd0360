"""How the annotations of a keypoint set are written, where that differs from COCO's own files."""

import json
from dataclasses import dataclass
from typing import Any

KEYPOINTS = "keypoints"


@dataclass(frozen=True)
class AnnotationForm:
    """What a reader of annotations has to know besides the number of keypoints.

    Attributes:
        fields: names and numbers of keypoints of the entries that hold a person's keypoints, in the order of the
            keypoint set; empty where all lie in `keypoints`. An annotation with all in `keypoints` is read as well.
        box_area: the area that OKS divides by is this part of the box; 0 where annotations state their area.
    """

    fields: tuple[tuple[str, int], ...] = ()
    box_area: float = 0.0

    @classmethod
    def from_text(cls, text: str) -> "AnnotationForm":
        """The inverse of `to_text`."""
        fields, box_area = json.loads(text)
        return cls(tuple((name, count) for name, count in fields), box_area)

    def to_text(self) -> str:
        """The form as a line of text, equal for equal forms."""
        return json.dumps([self.fields, self.box_area])

    def is_split(self, keypoints: Any, num_keypoints: int) -> bool:
        """Whether an annotation with these `keypoints` has the rest of its K keypoints in other fields."""
        return bool(self.fields) and not (isinstance(keypoints, list) and len(keypoints) == 3 * num_keypoints)

    def missing_field(self, annotation: dict[str, Any], num_keypoints: int) -> str:
        """The first fault of an annotation's fields as a phrase; '' where there is none or nothing is split."""
        if not self.is_split(annotation.get(KEYPOINTS), num_keypoints):
            return ""
        for name, count in self.fields:
            values = annotation.get(name)
            if not isinstance(values, list) or len(values) != 3 * count:
                found = f"{len(values)} numbers" if isinstance(values, list) else "no list"
                return f"has {found} in {name} where {count} keypoints need {3 * count} numbers"
        return ""

    def keypoints(self, annotation: dict[str, Any], num_keypoints: int) -> Any:
        """The 3·K numbers of an annotation without `missing_field`; as they stand where nothing is split."""
        if not self.is_split(annotation.get(KEYPOINTS), num_keypoints):
            return annotation.get(KEYPOINTS)
        return [value for name, _ in self.fields for value in annotation[name]]

    def area(self, annotation: dict[str, Any]) -> Any:
        """The area that OKS divides by, pixels²; as it stands where it is stated."""
        if not self.box_area:
            return annotation.get("area")
        width, height = annotation["bbox"][2:]
        return width * height * self.box_area


COCO_FORM = AnnotationForm()
