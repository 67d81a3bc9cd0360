"""Files of the zoo in a folder."""

import hashlib
from pathlib import Path

import pytest
import torch
from helpers.file_server import Behaviour, file_server

from lib.utils.errors import PoseError
from lib.zoo.files import download, fault_of, present
from lib.zoo.hashes import hash_fault
from lib.zoo.manifest import Entry


def _entry(folder: Path, *, url: str = "", sha256: str = "") -> Entry:
    return Entry(
        "tiny", "tiny.pth", "somebody/somewhere", "MIT", url, "the folder of somebody", sha256, place=str(folder)
    )


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_hash_is_compared_as_far_as_it_is_known(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc" * 1_000_000)  # more than a block
    whole = _hash(path)
    for sha256 in ("", whole[:8], whole):
        assert hash_fault(path, sha256) == ""
    wrong = ("0" if whole[7] != "0" else "1").join((whole[:7], ""))
    assert hash_fault(path, wrong) == f"has a SHA-256 that begins with {whole[:8]}, not {wrong}"


def test_what_is_there_is_not_fetched(tmp_path: Path) -> None:
    path = tmp_path / "tiny.pth"
    path.write_bytes(b"weights")
    behaviour = Behaviour(b"other weights")
    with file_server(behaviour) as address:
        assert download(_entry(tmp_path, url=f"{address}tiny.pth", sha256=_hash(path)[:8])) == path
    assert path.read_bytes() == b"weights"
    assert not behaviour.requests


def test_something_else_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "tiny.pth").write_bytes(b"other weights")
    with pytest.raises(PoseError, match=r"not the published file.*01234567; move it away"):
        download(_entry(tmp_path, sha256="01234567"))
    assert (tmp_path / "tiny.pth").read_bytes() == b"other weights"


def test_fetched_into_another_folder(tmp_path: Path) -> None:
    with file_server(Behaviour(b"weights")) as address:
        entry = _entry(tmp_path / "own", url=f"{address}tiny.pth")
        assert download(entry, tmp_path / "other").read_bytes() == b"weights"
    assert not (tmp_path / "own").exists()


def test_without_an_address_the_way_by_hand_is_named(tmp_path: Path) -> None:
    entry, path = _entry(tmp_path), tmp_path / "tiny.pth"
    for ask in (download, present):
        with pytest.raises(PoseError, match=rf"by hand \(the folder of somebody\) and put it there as {path}\.$"):
            ask(entry)


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    entry = _entry(tmp_path, url="https://example.org/tiny.pth")
    with pytest.raises(PoseError, match=r"do not exist; fetch them with python tools/zoo.py download tiny, or get"):
        present(entry)
    with pytest.raises(PoseError, match=rf"download tiny --to {tmp_path}, or"):
        present(entry, tmp_path)


def test_verification_loads_the_file_safely(tmp_path: Path) -> None:
    path = tmp_path / "tiny.pth"
    torch.save({"state_dict": {"weight": torch.zeros(2)}}, path)
    assert fault_of(_entry(tmp_path, sha256=_hash(path)[:8]), path) == ""
    assert "SHA-256" in fault_of(_entry(tmp_path, sha256="01234567"), path)
    path.write_bytes(path.read_bytes()[:200])
    assert "damaged" in fault_of(_entry(tmp_path), path)
    torch.save({"state_dict": {"weight": Path("code")}}, path)
    assert "could run code" in fault_of(_entry(tmp_path), path)
