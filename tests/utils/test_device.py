from pathlib import Path

import pytest
import torch

from lib.utils.device import check_compiler, choose_device, has_amx
from lib.utils.errors import PoseError


def test_auto_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == torch.device("cpu")
    with pytest.raises(PoseError, match="--device cpu"):
        choose_device("cuda")


@pytest.mark.parametrize("name", ["abacus", "meta", "cuda:x"])
def test_unknown_devices_are_refused(name: str) -> None:
    with pytest.raises(PoseError, match="auto, cpu, cuda"):
        choose_device(name)


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for variable, value in {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(PoseError, match="--nproc-per-node"):
        choose_device("cuda")


def test_one_gpu_for_several_processes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for variable, value in {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(PoseError, match="gives 2 processes the same GPU"):
        choose_device("cuda:0")


def test_amx_is_found_among_the_flags_of_the_cpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "cpuinfo"
    monkeypatch.setattr("lib.utils.device.CPU_FACTS", path)
    assert not has_amx()
    path.write_text("flags : avx2 avx512_bf16\n")
    assert not has_amx()
    path.write_text("flags : avx2 amx_bf16 avx512_bf16\n")
    assert has_amx()


def test_a_compiler_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(PoseError, match=r"TRAIN\.COMPILE needs a C\+\+ compiler"):
        check_compiler("TRAIN.COMPILE")
    compiler = tmp_path / "my-own-compiler"
    compiler.touch(mode=0o755)
    monkeypatch.setenv("CXX", str(compiler))
    check_compiler("TRAIN.COMPILE")
