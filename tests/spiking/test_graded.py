"""Counted events: by hand, the same in any order and company, gradients as without digits."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.graded import by_digits
from neurofer.spiking.layers import dense, exact_weights
from neurofer.spiking.moving import move_to_native
from neurofer.spiking.network import SpikingNetwork, preset_layers


def counts(steps: int = 20, batch: int = 3, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (steps, batch, 2, 16, 16)
    some = torch.rand(shape, generator=generator) < 0.1
    return (some * torch.randint(1, 256, shape, generator=generator)).float()


@pytest.fixture
def network() -> SpikingNetwork:
    torch.manual_seed(0)
    built = SpikingNetwork.build(preset_layers("tiny", 5), (2, 16, 16), graded=True)
    calibrate_rates(built, counts(), 0.2)
    return built


@pytest.mark.parametrize(("most", "digits"), [(0, 1), (2, 1), (3, 2), (8, 2), (9, 3), (255, 6)])
def test_as_many_digits_as_the_largest_count_needs(most: int, digits: int) -> None:
    seen = []

    def weighted(part: Tensor) -> Tensor:
        seen.append(part)
        return part @ torch.tensor([[1.0], [0.5]])

    given = torch.tensor([[most, most // 2], [0, min(most, 1)]]).float()
    assert torch.equal(by_digits(weighted, given), given @ torch.tensor([[1.0], [0.5]]))
    assert len(seen) == digits
    assert all(part.max() <= 2 and part.min() >= 0 and torch.equal(part, part.round()) for part in seen)


def test_sums_do_not_depend_on_their_order() -> None:
    generator = torch.Generator().manual_seed(1)
    grid = exact_weights(torch.randn(4, 3000, generator=generator))
    given = torch.randint(0, 256, (1, 3000), generator=generator).float()
    order = torch.randperm(3000, generator=generator)

    def one_by_one(part: Tensor) -> Tensor:
        total = torch.zeros(4)
        for column in order:
            total = total + part[0, column] * grid[:, column]
        return total

    found = by_digits(one_by_one, given)
    assert torch.equal(found, by_digits(lambda part: functional.linear(part, grid)[0], given))
    torch.testing.assert_close(found.double(), (given.double() @ grid.double().T)[0], rtol=1e-6, atol=0)


@pytest.mark.parametrize("cuts", [(7, 8), (0, 1)])
def test_pieces_equal_the_whole_and_batches_their_members(network: SpikingNetwork, cuts: tuple[int, int]) -> None:
    given = counts()
    given[:7] = given[:7].clamp(max=1)  # a piece that one digit tells
    whole, end = network(given)
    parts, state = [], None
    for piece in (given[: cuts[0]], given[cuts[0] : cuts[1]], given[cuts[1] :]):
        out, state = network(piece, state)
        parts.append(out)
    assert whole.sum() > 20
    assert torch.equal(torch.cat(parts), whole)
    assert all(torch.equal(one.u, other.u) for one, other in zip(state, end, strict=True))
    for member in range(3):
        assert torch.equal(network(given[:, member : member + 1])[0], whole[:, member : member + 1])
    assert torch.equal(network(given.to(torch.uint8))[0], whole)


def test_ones_are_what_a_binary_network_takes(network: SpikingNetwork) -> None:
    ordinary = SpikingNetwork.build(network.specs, (2, 16, 16))
    ordinary.load_state_dict(network.state_dict())
    spikes = counts().clamp(max=1)
    assert torch.equal(ordinary(spikes)[0], network(spikes)[0])
    assert not ordinary.graded
    assert move_to_native(network).graded


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_gradients_are_those_of_one_sum(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layer = SpikingNetwork.build([dense(3)], (2, 16, 16), graded=True).spiking_layers()[0]
    given, towards = counts(4, 2), torch.randn(4, 2, 3)
    (layer.current(given, binary=dtype == torch.uint8) * towards).sum().backward()
    torch.testing.assert_close(layer.weight.grad, towards.flatten(0, 1).T @ given.flatten(2).flatten(0, 1))
