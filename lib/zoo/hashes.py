"""Whether a file is the one that was published."""

import hashlib
from pathlib import Path

BLOCK_BYTES = 1 << 20


def hash_fault(path: Path, sha256: str) -> str:
    """What contradicts the published hash, as the predicate of a sentence.

    Args:
        path: a file.
        sha256: how its SHA-256 begins; '' = not known.

    Returns:
        '' where it is right or not known.
    """
    if not sha256:
        return ""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    found = digest.hexdigest()
    return "" if found.startswith(sha256) else f"has a SHA-256 that begins with {found[: len(sha256)]}, not {sha256}"
