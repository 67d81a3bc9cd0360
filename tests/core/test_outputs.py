"""One tensor or a list of them: what the loops make of a network's outputs."""

import torch
from helpers.small_models import ThreeLayers, TwoOutputs

from lib.core.outputs import FinalOutput, all_heatmaps, final_heatmaps


def test_a_tensor_is_its_own_final_output() -> None:
    maps = torch.rand(2, 3, 4, 5)
    assert final_heatmaps(maps) is maps
    assert [id(one) for one in all_heatmaps(maps)] == [id(maps)]


def test_the_last_of_a_list_is_final() -> None:
    maps = [torch.rand(2, 3, 4, 5), torch.rand(2, 3, 4, 5)]
    assert final_heatmaps(maps) is maps[1]
    assert final_heatmaps(tuple(maps)) is maps[1]
    assert all(own is given for own, given in zip(all_heatmaps(maps), maps, strict=True))


def test_half_precision_becomes_float32() -> None:
    maps = [torch.rand(1, 1, 2, 2).bfloat16(), torch.rand(1, 1, 2, 2).half()]
    assert [one.dtype for one in all_heatmaps(maps)] == [torch.float32] * 2
    assert torch.equal(final_heatmaps(maps), maps[1].float())


def test_a_wrapped_network_gives_the_final_output_alone() -> None:
    images = torch.rand(2, 3, 16, 16)
    for network in (ThreeLayers(3).eval(), TwoOutputs(3).eval()):
        assert torch.equal(FinalOutput(network)(images), final_heatmaps(network(images)))
