"""What Linux says about the memory of a process."""

import re
from pathlib import Path

from lib.utils.errors import PoseError

KILOBYTE, MEGABYTE = 1024, 1e6


def resident_mb(pid: int | str = "self") -> float:
    """Resident memory in MB, libraries included."""
    return _sum_mb(Path(f"/proc/{pid}/status"), "VmRSS")


def written_mb(pid: int | str = "self") -> float:
    """The part of it that the process has written, in MB; the rest are files, above all PyTorch's libraries."""
    return _sum_mb(Path(f"/proc/{pid}/status"), "RssAnon")


def own_mb(pid: int | str) -> float:
    """Memory in MB that a process shares with no other; pages that it copied by writing to them are among it."""
    return _sum_mb(Path(f"/proc/{pid}/smaps_rollup"), "Private_Clean", "Private_Dirty")


def _sum_mb(path: Path, *names: str) -> float:
    try:
        text = path.read_text()
    except OSError as error:
        raise PoseError(f"{path} cannot be read ({error.strerror}); measure memory on Linux.") from error
    values = [re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE) for name in names]
    return sum(int(value[1]) for value in values if value) * KILOBYTE / MEGABYTE
