"""Reading and writing MATLAB files."""

import struct
from pathlib import Path

import numpy as np
import pytest
from helpers.tiny_mpii import made_people, made_truth, write_truth_mat

from lib.utils.errors import PoseError
from lib.utils.mat_file import read_mat, write_mat


def test_a_file_of_scipy(golden: Path) -> None:
    content = read_mat(golden / "mpii" / "gt_made.mat")
    assert [name for (name,) in content["dataset_joints"]][:3] == ["rank", "rkne", "rhip"]
    assert content["pos_gt_src"].shape == (16, 2, 9)
    assert content["text"] == ["abc"]
    assert content["small"].tolist() == [[3.0]]
    assert content["logical"].tolist() == [[1.0, 0.0]]
    assert content["empty"].shape == (0, 3)
    assert not {"extra", "cplx"} & content.keys(), "structures and complex numbers are left out"


@pytest.mark.parametrize("compressed", [True, False])
def test_numbers_and_cells(tmp_path: Path, rng: np.random.Generator, compressed: bool) -> None:
    truth = made_truth(rng, made_people(rng))
    content = read_mat(write_truth_mat(tmp_path / "gt.mat", truth, compressed=compressed))
    for name in ("jnt_missing", "pos_gt_src", "headboxes_src"):
        assert np.array_equal(content[name], truth[name])
    assert [text for (text,) in content["dataset_joints"]] == truth["dataset_joints"]


def test_written_numbers_read_back(tmp_path: Path, rng: np.random.Generator) -> None:
    arrays = {"preds": rng.normal(size=(3, 16, 2)), "row": np.arange(5), "none": np.zeros((0, 16, 2))}
    write_mat(tmp_path / "a" / "pred.mat", arrays)
    content = read_mat(tmp_path / "a" / "pred.mat")
    assert np.array_equal(content["preds"], arrays["preds"])
    assert content["row"].shape == (1, 5)
    assert content["none"].shape == (0, 16, 2)


def test_scipy_reads_what_is_written(tmp_path: Path, rng: np.random.Generator) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    points = rng.normal(size=(3, 16, 2))
    write_mat(tmp_path / "pred.mat", {"preds": points})
    assert np.array_equal(scipy_io.loadmat(tmp_path / "pred.mat")["preds"], points)


def test_bytes_in_the_other_order(tmp_path: Path) -> None:
    def part(kind: int, data: bytes) -> bytes:
        return struct.pack(">II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    body = part(6, struct.pack(">II", 6, 0)) + part(5, struct.pack(">ii", 1, 2)) + part(1, b"x")
    matrix = part(14, body + part(9, struct.pack(">dd", 1.5, -2.0)))
    path = tmp_path / "big.mat"
    path.write_bytes(b"MATLAB 5.0".ljust(124) + struct.pack(">H", 0x0100) + b"MI" + matrix)
    assert read_mat(path)["x"].tolist() == [[1.5, -2.0]]


def test_what_is_no_such_file_is_named(tmp_path: Path, golden: Path) -> None:
    with pytest.raises(PoseError, match=r"absent\.mat cannot be read"):
        read_mat(tmp_path / "absent.mat")
    other = tmp_path / "new.mat"
    other.write_bytes(b"MATLAB 7.3 MAT-file, HDF5".ljust(124) + struct.pack("<H", 0x0200) + b"IM" + bytes(500))
    with pytest.raises(PoseError, match=r"new\.mat is no MATLAB file of version 5 to 7.*-v7"):
        read_mat(other)
    content = (golden / "mpii" / "pred_made.mat").read_bytes()
    cut = tmp_path / "cut.mat"
    for length in range(136, len(content) - 1, 97):
        cut.write_bytes(content[:length])
        with pytest.raises(PoseError, match=r"cut\.mat is damaged"):
            read_mat(cut)
