"""The plain forward pass gives what ours gives, and every way has a row."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.codecs import make_codec, neighbour_pairs
from helpers.small_models import ThreeLayers, randomized

from lib.bench import forward
from lib.bench.forward import Case, measure_forward, ours
from lib.bench.plain_forward import plain_forward
from lib.bench.settings import BenchSettings
from lib.core.precision import Precision
from lib.utils.errors import PoseError

SETTINGS = BenchSettings(repeats=2)


def _case(encoding: str = "msra", *, shift: bool = True) -> Case:
    codec = make_codec(encoding, input_size_wh=(32, 32), heatmap_size_wh=(8, 8), shift_flipped=shift)
    pairs = [(left, right) for left, right in enumerate(neighbour_pairs(17)) if left < right]
    return Case(randomized(ThreeLayers(17)), codec, torch.randn(3, 3, 32, 32), pairs)


@pytest.mark.parametrize("shift", [True, False])
def test_the_plain_way_does_the_same_work(shift: bool) -> None:
    case = _case(shift=shift)
    plain = plain_forward(case.model, case.images, case.pairs, shift=shift)
    found: Any = ours(case, "eager", Precision(torch.device("cpu")))()
    np.testing.assert_allclose(found.numpy(), plain.numpy(), atol=1e-5)


def test_what_cannot_run_has_a_row_that_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(name: str, model: Any, *_: object) -> Any:
        if name != "eager":
            raise PoseError(f"{name} is not here.")
        return model

    monkeypatch.setattr(forward, "make_runtime", refuse)
    monkeypatch.setattr("lib.utils.device.CPU_FACTS", tmp_path / "nothing")
    rows = measure_forward("work", _case(), SETTINGS)
    assert [row.way for row in rows] == [
        "plain",
        "eager, float32",
        "compile, float32: compile is not here.",
        "openvino, float32: openvino is not here.",
        "onnxruntime, float32: onnxruntime is not here.",
    ]
    assert np.isnan([row.median for row in rows]).tolist() == [False, False, True, True, True]
    assert [row.target for row in rows][2:] == ["8x, AMX only", "11x, AMX only", ""]


def test_bf16_and_targets_where_the_cpu_has_amx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = tmp_path / "cpuinfo"
    facts.write_text("flags : amx_bf16\n")
    monkeypatch.setattr("lib.utils.device.CPU_FACTS", facts)
    monkeypatch.setattr(forward, "make_runtime", lambda name, model, *_: model)  # noqa: ARG005 - called by position
    targets = {row.way: row.target for row in measure_forward("work", _case(), SETTINGS)}
    assert targets["compile, bf16"] == "8x"
    assert targets["openvino, bf16"] == "11x"
    assert {way for way, target in targets.items() if target} == {"compile, bf16", "openvino, bf16"}
    assert "onnxruntime, bf16" not in targets
