"""Parsed JSON of large COCO files, without what nobody reads."""

import json
import os
import re
from pathlib import Path
from typing import Any

from lib.utils.files import read_json
from lib.utils.optional import optional_module

IF_ABSENT = "correct the option of DATASET that leads to it (ROOT, TRAIN_SET, TEST_SET, TRAIN_ANNO or TEST_ANNO)"
POLYGONS_KEY = b'"segmentation"'
_LIST_FOLLOWS = re.compile(rb"\s*:\s*\[")


def read_content(path: str | os.PathLike[str], what: str, if_absent: str = IF_ABSENT) -> Any:
    """Parse a COCO annotation or detection file; polygons, most of such a file, are replaced by 0 unread.

    Args:
        path: the file.
        what: how to call it in an error, for example "annotation file".
        if_absent: what to do where there is no such file, as an imperative phrase.

    Raises:
        PoseError: the file is absent, unreadable or not JSON. What stands inside of the polygons is not looked at.
    """
    try:
        return _loads(without_polygons(Path(path).read_bytes()))
    except (OSError, ValueError):
        # Names what is wrong in terms of the file as it is, and takes NaN, which is named by its record later.
        return read_json(path, what, if_absent)


def without_polygons(text: bytes) -> bytes:
    """Valid JSON with the value 0 in place of each list under a key "segmentation"; other values of it stay.

    A quotation mark inside of a JSON string has a backslash before it, so that the word with its two marks and a colon
    stands only where a key ends. Numbers and brackets have no quotation marks, so the list ends at the last bracket
    before the next mark or the end of the object; where that is wrong, the result is no valid JSON.
    """
    pieces: list[bytes] = []
    kept_to = 0
    found = text.find(POLYGONS_KEY)
    while found >= 0:
        value = found + len(POLYGONS_KEY)
        mark = text.find(b'"', value)
        found = text.find(POLYGONS_KEY, value) if mark >= 0 else -1
        if not _LIST_FOLLOWS.match(text, value):
            continue
        limit = mark if mark >= 0 else len(text)
        object_end = text.find(b"}", value, limit)
        last = text.rfind(b"]", value, object_end if object_end >= 0 else limit)
        if last >= 0:
            pieces += [text[kept_to:value], b":0"]
            kept_to = last + 1
    return b"".join([*pieces, text[kept_to:]])


def _loads(text: bytes) -> Any:
    return (optional_module("orjson") or json).loads(text)
