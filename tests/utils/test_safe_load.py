"""Files of all formats are read, and nothing in them is ever run."""

import os
import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.weight_files import OldParameter, RunsCode, write_legacy_tar

from lib.utils.errors import PoseError
from lib.utils.safe_load import read_checkpoint

Writer = Callable[[Path, Any], None]


def write_zip(path: Path, content: Any) -> None:
    torch.save(content, path)


def write_plain(path: Path, content: Any) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


WRITERS = {"zip": write_zip, "plain": write_plain, "tar": write_legacy_tar}


@pytest.fixture(params=list(WRITERS))
def write(request: pytest.FixtureRequest) -> Writer:
    return WRITERS[request.param]


def test_tensors_come_back_in_every_format(tmp_path: Path, write: Writer) -> None:
    path = tmp_path / "weights.pth"
    base = torch.arange(24.0)
    content = OrderedDict(a=base.reshape(4, 6), b=base[3:9].reshape(2, 3).T, c=torch.tensor(5))
    write(
        path, {"state_dict": content, "epoch": 210, "perf": 0.744, "model": "pose_hrnet", "flags": [True, None, (1,)]}
    )
    found = read_checkpoint(path)
    assert (found["epoch"], found["perf"], found["model"]) == (210, 0.744, "pose_hrnet")
    assert found["flags"] == [True, None, (1,)]
    for name, tensor in content.items():
        assert torch.equal(found["state_dict"][name], tensor)
        assert found["state_dict"][name].dtype == tensor.dtype


@pytest.mark.parametrize("write", [write_zip, write_plain])
def test_parameters_and_optimisers_are_read(tmp_path: Path, write: Writer) -> None:
    path = tmp_path / "checkpoint.pth"
    layer = torch.nn.Linear(2, 3)
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    write(path, {"state_dict": dict(layer.named_parameters()), "optimizer": optimizer.state_dict()})
    found = read_checkpoint(path)
    assert torch.equal(found["state_dict"]["weight"], layer.weight)
    assert found["optimizer"]["param_groups"][0]["lr"] == 1e-3


def test_the_tar_files_of_the_tests_are_real_ones(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    tensor = torch.randn(3, 4)
    write_legacy_tar(path, {"a": tensor.T, "b": OldParameter(tensor[1])})
    torches = torch.load(path, weights_only=False)
    ours = read_checkpoint(path)
    for name in ("a", "b"):
        assert torch.equal(torches[name], ours[name])
    assert torch.equal(ours["b"], tensor[1])


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_numpy_numbers_become_python_numbers(tmp_path: Path, module: str) -> None:
    path = tmp_path / "checkpoint.pth"
    values = [np.float64(0.744), np.float32(0.5), np.int64(-3), np.bool_(True), np.dtype(">i4").type(7)]
    write_plain(path, {"values": values, "array": np.arange(3.0), "text": np.str_("a")})
    data = path.read_bytes()
    for name in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
        data = data.replace(name + b"\n", module.encode() + b"\n")
    path.write_bytes(data)
    found = read_checkpoint(path)
    assert found["values"] == [0.744, 0.5, -3, True, 7]
    assert [type(value) for value in found["values"]] == [float, float, int, bool, int]
    assert not isinstance(found["array"], np.ndarray)


def test_training_history_of_mmengine_is_read_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("mmengine.logging.history_buffer")
    for name in ("mmengine", "mmengine.logging"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)

    class HistoryBuffer:
        def __init__(self) -> None:
            self._log_history = np.arange(3.0)
            self.methods = {"min": HistoryBuffer.smallest}

        def smallest(self) -> float:
            return 0.0

    for part in (HistoryBuffer, HistoryBuffer.smallest):
        part.__module__ = module.__name__
    HistoryBuffer.__qualname__, HistoryBuffer.smallest.__qualname__ = "HistoryBuffer", "HistoryBuffer.smallest"
    module.HistoryBuffer = HistoryBuffer  # type: ignore[attr-defined]

    path = tmp_path / "epoch_210.pth"
    torch.save({"state_dict": {"a": torch.ones(2)}, "message_hub": {"loss": HistoryBuffer()}}, path)
    assert torch.equal(read_checkpoint(path)["state_dict"]["a"], torch.ones(2))


@pytest.mark.parametrize("function", [os.system, eval, exec, os.unlink, print])
def test_code_is_refused_and_not_run(
    tmp_path: Path, write: Writer, function: Callable[[str], Any], capfd: pytest.CaptureFixture[str]
) -> None:
    witness = tmp_path / "witness"
    witness.touch()
    arguments = {os.unlink: str(witness), os.system: f"rm '{witness}'"}
    argument = arguments.get(function, f"__import__('os').unlink({str(witness)!r})")
    path = tmp_path / "weights.pth"
    write(path, {"a": torch.ones(2), "extra": RunsCode(function, argument)})
    with pytest.raises(PoseError, match=rf"weights\.pth refers to \S*{function.__name__}\b.*not loaded"):
        read_checkpoint(path)
    assert witness.exists()
    assert capfd.readouterr().out == ""


def test_stand_in_for_getattr_looks_nothing_up(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"extra": RunsCode(getattr, "upper")}, path)
    assert not callable(read_checkpoint(path)["extra"])


def test_whole_models_are_refused(tmp_path: Path, write: Writer) -> None:
    path = tmp_path / "model.pth"
    write(path, {"model": torch.nn.Sequential()})
    with pytest.raises(PoseError, match="Sequential"):
        read_checkpoint(path)


# The last fifth of a small tar file is padding.
@pytest.mark.parametrize("part", [0.1, 0.5, 0.75])
def test_truncated_files_are_refused(tmp_path: Path, write: Writer, part: float) -> None:
    path = tmp_path / "weights.pth"
    write(path, {"a": torch.randn(100, 100), "b": torch.randn(5)})
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(PoseError, match=r"weights\.pth is damaged or no PyTorch weight file"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        (b"\n <html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "git lfs pull"),
        (b"hello world, this is no checkpoint", "damaged or no PyTorch weight file"),
        (bytes(range(256)) * 20, "damaged or no PyTorch weight file"),
        (b"PK\x03\x04" + b"\0" * 200, "damaged or no PyTorch weight file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    with pytest.raises(PoseError, match=message) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_absent_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PoseError, match=r"none\.pth does not exist"):
        read_checkpoint(tmp_path / "none.pth")
    with pytest.raises(PoseError, match="cannot be read"):
        read_checkpoint(tmp_path)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_flipped_bits_never_raise_anything_else(tmp_path: Path, rng: np.random.Generator, write: Writer) -> None:
    path = tmp_path / "weights.pth"
    write(path, {"a": torch.arange(4.0), "b": [1, "x", {"c": 2.5}]})
    good = path.read_bytes()
    for _ in range(60):
        data = bytearray(good)
        for position in rng.integers(0, len(data), 3):
            data[position] = rng.integers(0, 256)
        path.write_bytes(data)
        with suppress(PoseError):
            read_checkpoint(path)
