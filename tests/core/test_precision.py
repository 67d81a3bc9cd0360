"""Which arithmetic is chosen, and the reason that is printed."""

from pathlib import Path

import pytest
import torch

from lib.core.precision import choose_precision, training_notice

CPU = torch.device("cpu")
GPU = torch.device("cuda", 0)


@pytest.fixture
def cpu_flags(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file that stands for the system's description of the CPU."""
    path = tmp_path / "cpuinfo"
    path.write_text("model name\t: Some CPU\nflags\t\t: fpu avx2 avx512f\n")
    monkeypatch.setattr("lib.utils.device.CPU_FACTS", path)
    return path


def _have_gpu(monkeypatch: pytest.MonkeyPatch, name: str, capability: tuple[int, int]) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: name)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)


def test_auto_is_bf16_in_tests_on_cpus_with_amx(cpu_flags: Path) -> None:
    plain = choose_precision("auto", CPU, for_training=False)
    assert plain.name == "none"
    assert str(plain) == "float32 (AMP auto; this CPU has no AMX units for bf16)"
    cpu_flags.write_text("flags\t\t: fpu avx2 amx_bf16 amx_tile\n")
    fast = choose_precision("auto", CPU, for_training=False)
    assert fast.name == "bf16"
    assert "has AMX" in fast.reason
    cpu_flags.unlink()
    assert choose_precision("auto", CPU, for_training=False).name == "none"


@pytest.mark.parametrize(("capability", "name"), [((7, 5), "none"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_auto_is_bf16_in_tests_on_gpus_since_ampere(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], name: str
) -> None:
    _have_gpu(monkeypatch, "A GPU", capability)
    chosen = choose_precision("auto", GPU, for_training=False)
    assert chosen.name == name
    assert "A GPU" in chosen.reason


def test_trainings_stay_in_float32_and_say_what_is_faster(monkeypatch: pytest.MonkeyPatch, cpu_flags: Path) -> None:
    _have_gpu(monkeypatch, "H100", (9, 0))
    assert choose_precision("auto", GPU, for_training=True).name == "none"
    assert "--amp bf16" in str(training_notice("auto", GPU))
    assert training_notice("none", GPU) is None
    assert cpu_flags.is_file()
    assert training_notice("auto", CPU) is None


@pytest.mark.parametrize("name", ["none", "bf16", "fp16"])
@pytest.mark.parametrize("for_training", [False, True])
def test_what_is_given_is_taken(name: str, for_training: bool) -> None:
    assert choose_precision(name, CPU, for_training=for_training).name == name


def test_auto_leaves_onnxruntime_at_float32(cpu_flags: Path) -> None:
    cpu_flags.write_text("flags\t\t: amx_bf16\n")
    assert choose_precision("auto", CPU, for_training=False, runtime="onnxruntime").name == "none"
