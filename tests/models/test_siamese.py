"""The trunk has the sizes of the specification's table, pairs share it, and stage 2 keeps its weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from neurofer.models.siamese import ConvTrunk, MicroClassifier, Siamese, Similarity, embed_each_once
from neurofer.models.spiking_trunk import SpikingTrunk


def count(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def test_parameters_are_those_of_the_table() -> None:
    trunk = ConvTrunk()
    assert [count(block[0]) for block in trunk.blocks] == [2_624, 55_360, 221_312, 442_496]
    assert count(trunk.dense) == 524_544
    assert sum(count(block[1]) for block in trunk.blocks) == 704
    assert count(Siamese(trunk)) == 1_279_936
    assert count(MicroClassifier(trunk)) == 1_247_811


def test_shapes_are_those_of_the_table() -> None:
    trunk, passing = ConvTrunk().eval(), torch.zeros(2, 3, 10, 64, 64)
    shapes = []
    for block in trunk.blocks:
        passing = block(passing)
        shapes.append(tuple(passing.shape[1:]))
    assert shapes == [(32, 10, 32, 32), (64, 5, 16, 16), (128, 2, 8, 8), (128, 1, 4, 4)]
    assert trunk(torch.zeros(2, 3, 10, 64, 64)).shape == (2, 256)
    embedded = Siamese(trunk).eval()(torch.randn(2, 3, 10, 64, 64))
    assert embedded.shape == (2, 128)
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(2))


def test_both_stages_hold_the_same_trunk() -> None:
    trunk = ConvTrunk(size_px=32, width=0.25)
    siamese = Siamese(trunk)
    before = {name: value.clone() for name, value in siamese.trunk.state_dict().items()}
    classifier = MicroClassifier(siamese.trunk)
    for name, value in classifier.trunk.state_dict().items():
        assert value.data_ptr() == siamese.trunk.state_dict()[name].data_ptr()
        assert torch.equal(value, before[name])  # bit for bit


def test_a_map_in_several_pairs_is_computed_once_and_gives_the_same() -> None:
    torch.manual_seed(0)
    siamese, maps = Siamese(ConvTrunk(size_px=32, width=0.25)).eval(), torch.randn(3, 3, 10, 32, 32)
    first, second = embed_each_once(siamese, maps, torch.tensor([0, 0, 2]), torch.tensor([1, 2, 0]))
    whole = siamese(maps)
    assert torch.equal(first, whole[[0, 0, 2]])
    assert torch.equal(second, whole[[1, 2, 0]])


def test_similarity_does_not_depend_on_the_order_of_a_pair() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(2, 4, 128)
    similarity = Similarity()
    assert torch.equal(similarity(first, second), similarity(second, first))
    assert similarity(first, first).unique().numel() == 1  # the bias alone


def test_too_small_maps_are_refused() -> None:
    with pytest.raises(ValueError, match="8 steps"):
        ConvTrunk(size_px=8)
    with pytest.raises(ValueError, match="pool 4"):
        ConvTrunk(steps=4)


def test_a_spiking_trunk_takes_slices_as_steps() -> None:
    torch.manual_seed(0)
    trunk = SpikingTrunk(size_px=16, convolutions=(4, 8), features=12).eval()
    slices = torch.rand(5, 3, 10, 16, 16)
    rates = trunk.start(slices, 0.1)
    assert rates == pytest.approx([0.1, 0.1], abs=0.03)  # a search with 16 halvings on 5 clips
    assert trunk.rates(slices) == pytest.approx(rates)
    features = trunk(slices)
    assert features.shape == (5, 12)
    # A clip alone, and the order of time: what comes first is forgotten first.
    torch.testing.assert_close(trunk(slices[2:3]), features[2:3])
    assert not torch.allclose(trunk(slices.flip(2)), features)
