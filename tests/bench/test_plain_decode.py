import numpy as np
import pytest

from lib.bench.decode import decode_rows, made_heatmaps, make_codec
from lib.bench.plain_decode import decode_dark, decode_udp
from lib.bench.settings import BenchSettings


@pytest.mark.parametrize(("name", "plain"), [("udp", decode_udp), ("dark", decode_dark)])
def test_both_ways_give_the_same_points(name: str, plain) -> None:  # noqa: ANN001
    codec = make_codec(name)
    heatmaps, center, scale = made_heatmaps(codec, people=4)
    expected, expected_scores = plain(heatmaps.numpy(), center.numpy(), scale.numpy())
    points, scores = codec.decode(heatmaps)
    np.testing.assert_allclose(codec.to_image(points, center, scale), expected, atol=2e-3)
    np.testing.assert_array_equal(scores, expected_scores[..., 0])


def test_rows_of_both_decoders() -> None:
    rows = decode_rows(BenchSettings(repeats=1))
    assert [row.way for row in rows] == ["plain", "batched"] * 2
    assert [row.target for row in rows] == ["", "8x", "", "12x"]
