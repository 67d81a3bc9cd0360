import json
from pathlib import Path
from typing import Any

import pytest

from lib.dataset import content
from lib.dataset.check import check_detections
from lib.dataset.content import read_content, without_polygons
from lib.utils.errors import PoseError

RUN_LENGTHS = {"counts": [3, 4], "size": [2, 5]}


def _entry(segmentation: Any, **more: Any) -> dict[str, Any]:
    return {"id": 1, "segmentation": segmentation, **more}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (_entry([[1.5, -2e3, 3]], bbox=[1, 2]), _entry(0, bbox=[1, 2])),
        ([_entry([]), _entry([[1], [2]]), {"a": [1]}], [_entry(0), _entry(0), {"a": [1]}]),
        ({"annotations": [_entry([[1, 2]])], "categories": []}, {"annotations": [_entry(0)], "categories": []}),
        ({"annotations": [_entry([[1, 2]])]}, {"annotations": [_entry(0)]}),
        (_entry(RUN_LENGTHS), _entry(RUN_LENGTHS)),
        (_entry([RUN_LENGTHS]), _entry([RUN_LENGTHS])),
        (_entry(None), _entry(None)),
        (["segmentation", [1]], ["segmentation", [1]]),
        ({"a": "segmentation", "b": [1]}, {"a": "segmentation", "b": [1]}),
        ({"a": 'the "segmentation": [1]'}, {"a": 'the "segmentation": [1]'}),
        ({"a": 'the "segmentation"', "b": [[1]]}, {"a": 'the "segmentation"', "b": [[1]]}),
    ],
)
def test_only_polygons_are_left_out(value: Any, expected: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent).encode()
    assert json.loads(without_polygons(text)) == expected


def test_text_without_polygons_stays_as_it_is() -> None:
    assert without_polygons(b'{"a": [1, 2]}') == b'{"a": [1, 2]}'


@pytest.mark.parametrize(
    "mixed", [[[1, 2], RUN_LENGTHS], [{"counts": "b]c", "size": [1, 2]}, [1]], [[[1], []], ["a]"]], ["]"]]
)
def test_lists_of_other_things_than_numbers_are_read_whole(tmp_path: Path, mixed: Any) -> None:
    path = tmp_path / "anno.json"
    path.write_text(json.dumps([_entry(mixed, b=[1])]))
    assert read_content(path, "annotation file")[0]["b"] == [1]


@pytest.mark.parametrize("cut", [1, 9, 20, 40])
def test_a_file_cut_short_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "anno.json"
    path.write_text(json.dumps({"annotations": [_entry([[1, 2, 3, 4]])]})[:-cut])
    with pytest.raises(PoseError, match=r"annotation file .*anno\.json is not valid JSON"):
        read_content(path, "annotation file")


def test_nan_is_read_for_its_record_to_be_named(tmp_path: Path) -> None:
    path = tmp_path / "anno.json"
    path.write_text('{"a": NaN, "segmentation": [[1]]}')
    value = read_content(path, "annotation file")
    assert value["a"] != value["a"]


def test_the_parsers_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("orjson")
    path = tmp_path / "anno.json"
    path.write_text(json.dumps({"a": [1, 2.5, "x", None, True], "segmentation": [[1]]}))
    fast = read_content(path, "annotation file")
    monkeypatch.setattr(content, "_loads", json.loads)
    assert read_content(path, "annotation file") == fast


def test_an_absent_file_names_the_options_that_lead_to_it(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"none\.json does not exist; correct the option of DATASET .*ROOT"):
        read_content(tmp_path / "none.json", "annotation file")


def test_an_absent_detection_file_names_its_own_option(tmp_path: Path) -> None:
    nobody: Any = None  # the file is read before the annotations are looked at
    with pytest.raises(PoseError, match=r"none\.json does not exist; give it as TEST\.COCO_BBOX_FILE"):
        check_detections(str(tmp_path / "none.json"), nobody)
