import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from helpers.tiny_dataset import rewrite_annotations, write_dataset
from helpers.tiny_pack import pack

from lib.dataset.packed import writer
from lib.dataset.packed.format import PackIndex, damaged_files, file_sha256
from lib.utils.errors import PoseError


@pytest.fixture
def root(tmp_path: Path, rng: np.random.Generator) -> Path:
    write_dataset(tmp_path, rng)
    return tmp_path


def _folder(root: Path) -> Path:
    return root / "packed" / "tiny"


def _shard_files(root: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change of each shard, which tell whether it was written again."""
    return {
        path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in sorted(_folder(root).glob("shard-*.bin"))
    }


def _break_last_image(root: Path) -> bytes:
    path = root / "images" / "tiny" / "000000000105.png"
    content = path.read_bytes()
    path.write_bytes(b"broken")
    return content


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_every_file_matches_its_checksum(root: Path) -> None:
    index = pack(root)
    folder = _folder(root)
    assert len(index.shards) > 2
    assert PackIndex.read(folder) == index
    assert not list(damaged_files(folder, index))
    assert {path.name for path in folder.iterdir()} == {"index.json", "arrays", *(shard.name for shard in index.shards)}
    for shard in index.shards:
        assert (folder / shard.name).stat().st_size == shard.num_bytes
        assert file_sha256(folder / shard.name) == shard.sha256
    assert (index.num_people, index.num_images, index.num_dropped) == (17, 6, {"no keypoints": 1})


def test_several_processes_write_the_same(root: Path) -> None:
    alone = pack(root)
    together = pack(root, workers=2, output=str(root / "other"))
    assert together == alone
    assert not list(damaged_files(root / "other", together))


@pytest.mark.parametrize("workers", [1, 2])
def test_finished_shards_survive_an_unreadable_image(root: Path, workers: int) -> None:
    content = _break_last_image(root)
    with pytest.raises(
        PoseError, match=r"image .*105\.png is cut short or not a picture .*\d of \d shards are finished"
    ):
        pack(root, workers=workers)
    there = _shard_files(root)
    index = PackIndex.read(_folder(root))
    assert there.keys() == {shard.name for shard in index.shards} - {shard.name for shard in index.unfinished}
    assert len(there) > 1
    assert index.unfinished
    (root / "images" / "tiny" / "000000000105.png").write_bytes(content)
    left_over = _folder(root) / ".shard-00001.bin.abc.bin"
    left_over.write_bytes(b"of a killed process")
    finished = pack(root, workers=workers)
    assert not finished.unfinished
    assert not list(damaged_files(_folder(root), finished))
    assert {name: _shard_files(root)[name] for name in there} == there
    assert not left_over.exists()


def test_damaged_shards_are_written_again(root: Path) -> None:
    index = pack(root)
    before = _shard_files(root)
    path = _folder(root) / "shard-00001.bin"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    (_folder(root) / "shard-00000.bin").unlink()
    (_folder(root) / "arrays" / "record_center.npy").write_bytes(b"")
    reasons = [f"{path.name} {reason}" for path, reason in damaged_files(_folder(root), index)]
    assert reasons == [
        "record_center.npy does not match its checksum",
        "shard-00000.bin is absent",
        "shard-00001.bin does not match its checksum",
    ]
    assert pack(root) == index
    assert not list(damaged_files(_folder(root), index))
    assert _shard_files(root)["shard-00002.bin"] == before["shard-00002.bin"]


def test_a_run_that_ended_at_its_very_start_continues(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _folder(root).mkdir(parents=True)
    (_folder(root) / ".index.json.abc.json").write_bytes(b"of a killed process")
    with monkeypatch.context() as patch:
        patch.setattr(writer.np, "save", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            pack(root)
    assert not list(damaged_files(_folder(root), pack(root)))


def test_arrays_can_be_verified_after_an_interrupted_second_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = pack(root)
    with monkeypatch.context() as patch:
        patch.setattr(writer.np, "save", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            pack(root)
    assert PackIndex.read(_folder(root)) == index


KILLED_IN_ITS_MIDDLE = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from helpers import tiny_pack

def killed(items, total):
    for number, item in enumerate(items):
        yield item
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)

tiny_pack.pack(Path({root!r}), workers=2, progress=killed)
"""


@pytest.mark.slow
def test_a_killed_run_leaves_no_process_and_continues(root: Path) -> None:
    program = KILLED_IN_ITS_MIDDLE.format(tests=str(Path(__file__).parents[1]), root=str(root))
    # Returns when the last process has closed its end of the pipe.
    ended = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    there = _shard_files(root)
    assert there
    index = pack(root)
    assert len(there) < len(index.shards)
    assert not list(damaged_files(_folder(root), index))
    assert not list(_folder(root).glob(".*"))
    finished = there.keys() - {f"shard-{len(there) - 1:05d}.bin"}  # the last one may not have been entered yet
    assert {name: _shard_files(root)[name] for name in finished} == {name: there[name] for name in finished}


@pytest.mark.parametrize(
    ("overrides", "options", "difference"),
    [
        (("DATASET.ROT_FACTOR", "60"), {}, r"DATASET\.ROT_FACTOR 45 there, 60 here"),
        (("MODEL.CODEC", "dark"), {}, r"the crop convention of the codec udp there, dark here"),
        (("DATASET.PROB_HALF_BODY", "0"), {}, r"DATASET\.NUM_JOINTS_HALF_BODY 8 there, unused here"),
        ((), {"density": 0.5}, r"--density image there, 0\.5 here"),
        ((), {"shard_bytes": 10**9}, r"\d shards of up to \d+ bytes there, 1 of \d+ here \(--shard-size\)"),
    ],
)
def test_other_settings_are_not_mixed(
    root: Path, overrides: tuple[str, ...], options: dict[str, int], difference: str
) -> None:
    pack(root)
    before = _shard_files(root)
    with pytest.raises(PoseError, match=rf"packed otherwise .*{difference}.*; choose another --output"):
        pack(root, *overrides, **options)
    assert _shard_files(root) == before


def test_another_annotation_file_is_not_mixed(root: Path) -> None:
    pack(root)
    path = root / "annotations" / "person_keypoints_tiny.json"
    content = json.loads(path.read_text())
    content["annotations"][3]["keypoints"][0] += 1e-3
    rewrite_annotations(root, content)
    with pytest.raises(PoseError, match=r"packed otherwise .*its sha256 [0-9a-f]{64} there, [0-9a-f]{64} here"):
        pack(root)


def test_a_folder_of_other_files_is_left_alone(root: Path) -> None:
    with pytest.raises(PoseError, match="holds files that are not a packed data set"):
        pack(root, output=str(root / "images"))


def test_a_full_disk_is_one_sentence_and_leaves_what_is_finished(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truncate, calls = os.truncate, []

    def full(path: Path, size: int) -> None:
        calls.append(path)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        truncate(path, size)

    monkeypatch.setattr(writer.os, "truncate", full)
    with pytest.raises(PoseError, match=r"shard-00001\.bin cannot be written \(No space.*1 of \d shards are finished"):
        pack(root)
    assert list(_shard_files(root)) == ["shard-00000.bin"]
    monkeypatch.undo()
    assert not pack(root).unfinished


def test_too_little_space_is_said_at_the_start(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(writer.shutil, "disk_usage", lambda place: usage)  # noqa: ARG005
    with pytest.raises(PoseError, match=r"needs 0\.0 GB and 0\.0 GB are free; make room"):
        pack(root)
    assert not list(_folder(root).iterdir())


def test_two_commands_do_not_write_one_folder(root: Path) -> None:
    pytest.importorskip("fcntl")

    def meanwhile(items: Iterable[Any], total: int) -> Iterator[Any]:
        with pytest.raises(PoseError, match=r"another command packs into .*tiny just now; wait for it"):
            pack(root)
        assert total == 6
        yield from items

    index = pack(root, progress=meanwhile)
    assert not list(damaged_files(_folder(root), index))


def test_a_file_in_place_of_the_folder(root: Path) -> None:
    (root / "packed").write_text("in the way")
    with pytest.raises(PoseError, match=r"tiny cannot be made \(Not a directory\); choose another --output"):
        pack(root)


def test_what_a_killed_run_left_is_room(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack(root)
    (_folder(root) / "shard-00001.bin").unlink()
    left_over = _folder(root) / ".shard-00001.bin.abc.bin"
    left_over.write_bytes(b"of a killed process")
    monkeypatch.setattr(
        writer.shutil,
        "disk_usage",
        lambda place: SimpleNamespace(free=0 if left_over.exists() else 10**9),  # noqa: ARG005
    )
    assert not pack(root).unfinished


def test_missing_images_are_found_at_the_start(root: Path) -> None:
    (root / "images" / "tiny" / "000000000103.png").unlink()
    with pytest.raises(PoseError, match=r"103\.png, which .* asks for, does not exist"):
        pack(root)


def test_nobody_to_pack(root: Path) -> None:
    path = root / "annotations" / "person_keypoints_tiny.json"
    rewrite_annotations(root, json.loads(path.read_text()) | {"annotations": []})
    with pytest.raises(PoseError, match="leaves no person to work on"):
        pack(root)
