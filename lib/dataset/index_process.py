"""Index an annotation file in a process of its own, with which a gigabyte of parsed objects ends."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from lib.dataset.index_cache import Arrays, load_arrays, save_arrays
from lib.utils.annotation_form import COCO_FORM, AnnotationForm
from lib.utils.errors import PoseError

INDEX_NAME, FAULT_NAME = "index.npz", "fault.txt"
MEMORY_PER_FILE_BYTE = 4  # a little more than was measured
# A new interpreter rather than a fork, which is not safe beside threads and a CUDA context. An empty package stands in
# for lib.dataset, whose own start imports PyTorch: 3 s and 500 MB that indexing has no use for.
PROGRAM = """
import sys, types
sys.path[:] = {search_path!r}
package = types.ModuleType("lib.dataset")
package.__path__ = [{package_folder!r}]
sys.modules["lib.dataset"] = package
from lib.dataset.index_process import write_index
write_index(*sys.argv[1:])
"""


def arrays_from_child(
    path: str | os.PathLike[str], num_keypoints: int, form: AnnotationForm = COCO_FORM
) -> Arrays | None:
    """Let a child process make the index of an annotation file.

    Args:
        path: the annotation file.
        num_keypoints: K of the skeleton it is read with.
        form: how its annotations are written.

    Returns:
        The index; None where this system gives no process or no room for temporary files.

    Raises:
        PoseError: the file has a fault, named as `parse_annotations` does; or the process ended before its work did.
    """
    program = PROGRAM.format(search_path=sys.path, package_folder=str(Path(__file__).parent))
    try:
        with tempfile.TemporaryDirectory(prefix="plumbpose-", ignore_cleanup_errors=True) as folder:
            words = [os.fspath(path), str(num_keypoints), form.to_text(), folder]
            command = [sys.executable, "-c", program, *words]
            ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            fault = Path(folder) / FAULT_NAME
            if fault.is_file():
                raise PoseError(fault.read_text("utf-8", "surrogatepass"))
            if ended.returncode:
                raise PoseError(_crash(path, ended))
            index = Path(folder) / INDEX_NAME
            return load_arrays(index) if index.is_file() else None
    except OSError:
        return None


def write_index(path: str, num_keypoints: str, form: str, folder: str) -> None:
    """The child's work: write the index or a sentence about a fault into `folder`; nothing where there is no room."""
    # Imported late because it imports this module for the parent's part.
    from lib.dataset.coco import as_arrays, parse_annotations

    try:
        arrays = as_arrays(parse_annotations(path, int(num_keypoints), AnnotationForm.from_text(form)))
    except PoseError as error:
        (Path(folder) / FAULT_NAME).write_text(str(error), "utf-8", "surrogatepass")
        return
    try:
        save_arrays(Path(folder) / INDEX_NAME, arrays)
    except OSError:
        (Path(folder) / INDEX_NAME).unlink(missing_ok=True)


def _crash(path: str | os.PathLike[str], ended: "subprocess.CompletedProcess[bytes]") -> str:
    """How a process ended that should have made an index."""
    size = Path(path).stat().st_size * MEMORY_PER_FILE_BYTE / 1e9
    return (
        f"annotation file {path} could not be indexed, because the process that does it {_ending(ended)}; it needs "
        f"about {size:.1f} GB of free memory."
    )


def _ending(ended: "subprocess.CompletedProcess[bytes]") -> str:
    if ended.returncode < 0:
        known = {int(member): member.name for member in signal.Signals}
        return f"was ended by {known.get(-ended.returncode, 'a signal')}"
    last = (ended.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
    return f"ended with code {ended.returncode} ({last})"
