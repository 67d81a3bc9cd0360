import pytest

from lib.bench.packed import packed_rows
from lib.bench.settings import BenchSettings


def test_rows_of_packed_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lib.bench.pictures.IMAGES", 3)
    rows = packed_rows(BenchSettings(repeats=1))
    loader = [row for row in rows if row.name == "training loader, packed"]
    assert [row.way for row in loader] == ["plain", "loader", "with normalisation and targets"]
    assert all(row.median > 0 for row in loader)
    sizes, losses = (
        [row.median for row in rows if row.name == f"packed people, {what}"] for what in ("size", "difference")
    )
    assert sizes == sorted(sizes, reverse=True)
    assert losses == sorted(losses)
    assert losses[0] < 1e-3
