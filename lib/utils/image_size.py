"""The size of a picture from the first bytes of its file."""

import struct

JPEG_START, PNG_START = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
# Frame headers of JPEG: SOF0 to SOF15 without DHT, JPG and DAC, which share their range.
FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def size_of_head(head: bytes) -> tuple[int, int] | None:
    """Width and height of the stored pixels of a JPEG or PNG; None where these bytes do not say."""
    if head.startswith(PNG_START) and len(head) >= 24:
        width, height = struct.unpack(">II", head[16:24])
        return int(width), int(height)
    if not head.startswith(JPEG_START):
        return None
    position = len(JPEG_START)
    while position + 9 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if marker in FRAME_MARKERS:
            height, width = struct.unpack(">HH", head[position + 5 : position + 9])
            return (int(width), int(height)) if width and height else None
        # A marker may be preceded by any number of fill bytes.
        position += 1 if marker == 0xFF else 2 + int.from_bytes(head[position + 2 : position + 4], "big")
    return None
