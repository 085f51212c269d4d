"""The grid by hand, its laws, and layers that compute on it: fake in training, integer in eval mode, none if asked."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import conv, dense
from neurofer.spiking.network import SpikingNetwork
from neurofer.spiking.quantise import layer_integers, straight_through, weight_scale
from neurofer.spiking.registers import nearest_registers


def random_spikes(steps: int = 40, batch: int = 3, side: int = 12, rate: float = 0.1) -> Tensor:
    return (torch.rand(steps, batch, 2, side, side, generator=torch.Generator().manual_seed(1)) < rate).float()


def chip_network(**settings: Any) -> SpikingNetwork:
    torch.manual_seed(0)
    network = SpikingNetwork.build((conv(4), conv(6, kernel=2), dense(5)), (2, 12, 12),
                                   neuron=NeuronSettings(quantise=True, slope=5.0, **settings))
    calibrate_rates(network, random_spikes(), 0.2)
    return network


def test_registers_by_hand() -> None:
    # S = 254 / 0.5 = 508; 4096 * 0.25 = 1024; 4096 * 0.1 = 409.6 -> 410; 1 * 508
    found = layer_integers(torch.tensor([[0.5, -0.25]]), alpha=0.75, beta=0.9, theta=1.0)
    assert (found.scale, found.registers) == (508.0, (1024, 410, 508))
    assert found.registers.alpha == 0.75
    assert found.registers.beta == 1 - 410 / 4096


def test_weights_by_hand() -> None:
    # S = 254 is given: half steps to the even half, 0.5 * 254 / 2 = 63.5 -> 64 -> 128; beyond the range cut off
    found = layer_integers(torch.tensor([[1.0, -1.0, 0.5], [0.0, -1.2, 1.2]]), 0.5, 0.5, 1.0, scale=254.0)
    assert found.weight.tolist() == [[254, -254, 128], [0, -256, 254]]


@pytest.mark.parametrize(("alpha", "beta", "theta", "wanted"), [
    (0.0, 0.5, 1.0, (4096, 2048, 100)), (1.0, 0.0, 1.0, (1, 4095, 100)), (0.5, 1.0, 1e9, (2048, 0, 131_071)),
    (0.5, 0.5, 1e-9, (2048, 2048, 1))])
def test_registers_stay_in_their_range(alpha: float, beta: float, theta: float, wanted: tuple[int, ...]) -> None:
    assert nearest_registers(alpha, beta, theta, 100.0) == wanted


def test_the_largest_weight_is_254_and_all_are_even_and_near() -> None:
    for size in (1e-6, 1.0, 1e6):
        weight = size * torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(0))
        found = layer_integers(weight, 0.5, 0.5, size)
        assert found.weight.abs().max() == 254
        assert not (found.weight % 2).any()
        assert (found.weight / found.scale - weight).abs().max() <= 1.0001 / found.scale  # at most half a step of 2


def test_weights_and_threshold_together_may_have_any_size() -> None:
    weight = torch.randn(5, 7, generator=torch.Generator().manual_seed(0))
    one, other = layer_integers(weight, 0.5, 0.9, 1.0), layer_integers(8 * weight, 0.5, 0.9, 8.0)
    assert torch.equal(one.weight, other.weight)
    assert one.registers == other.registers


def test_a_layer_of_zeros_has_scale_one() -> None:
    assert weight_scale(torch.zeros(3, 3)) == 1.0


def test_rounding_lets_the_gradient_through_times_a_factor() -> None:
    value = torch.tensor([0.3, 0.7], requires_grad=True)
    rounded = straight_through(value, torch.tensor([0.0, 1.0]), 3.0)
    (rounded * torch.tensor([1.0, 2.0])).sum().backward()
    assert rounded.tolist() == [0.0, 1.0]
    assert value.grad is not None
    assert value.grad.tolist() == [3.0, 6.0]


def test_eval_computes_in_integers_and_training_nearly_so() -> None:
    network, spikes = chip_network(), random_spikes()
    fake, _ = network.train().activity(spikes)
    network.compute_in("integer")
    integer, _ = network.activity(spikes)
    judged, state = network.eval().activity(spikes)
    assert all(torch.equal(one, other) for one, other in zip(integer, judged, strict=True))
    for part in (part for layer in state for part in layer):
        assert torch.equal(part, part.round())
    fired = sum(int(one.sum()) for one in judged)
    different = sum(int((one != other).sum()) for one, other in zip(fake, judged, strict=True))
    assert fired > 1000
    assert different / fired < 0.05
    assert abs(sum(int(one.sum()) for one in fake) - fired) / fired < 0.02


def test_none_computes_what_a_network_without_the_grid_does() -> None:
    network, spikes = chip_network(), random_spikes()
    plain = SpikingNetwork.build(network.specs, network.input_shape, neuron=NeuronSettings(slope=5.0))
    plain.load_state_dict({name: value for name, value in network.state_dict().items() if "kept_scale" not in name})
    network.compute_in("none")
    assert torch.equal(network.eval()(spikes)[0], plain.eval()(spikes)[0])


def test_pieces_in_integers_equal_the_whole() -> None:
    network, spikes = chip_network().eval(), random_spikes()
    whole, end = network(spikes)
    first, state = network(spikes[:17])
    second, state = network(spikes[17:], state)
    assert torch.equal(torch.cat([first, second]), whole)
    for one, other in zip(state, end, strict=True):
        assert torch.equal(one.u, other.u)
        assert torch.equal(one.v, other.v)


def test_a_batch_in_integers_equals_its_members() -> None:
    network, spikes = chip_network().eval(), random_spikes()
    together, _ = network(spikes)
    for member in range(3):
        assert torch.equal(network(spikes[:, member : member + 1])[0][:, 0], together[:, member])


def test_double_precision_and_single_fire_alike() -> None:
    network, spikes = chip_network().eval(), random_spikes()
    scales = [layer.integers() for layer in network.spiking_layers()]
    single, _ = network(spikes)
    double, _ = network.double()(spikes.double())
    for one, layer in zip(scales, network.spiking_layers(), strict=True):
        assert torch.equal(one.weight, layer.integers().weight.float())
        assert one.registers == layer.integers().registers
    assert torch.equal(single, double.float())


def test_all_arithmetics_agree_on_where_to_go() -> None:
    network, spikes = chip_network(learn_theta=True).train(), random_spikes()
    grads = {}
    for arithmetic in ("none", "fake", "integer"):
        network.compute_in(arithmetic)
        network.zero_grad()
        out, _ = network(spikes)
        (out.mean() + out[..., 1].mean()).backward()
        grads[arithmetic] = {name: value.grad.flatten().clone() for name, value in network.named_parameters()
                             if value.grad is not None}
    # The networks fire a little differently, so their gradients are alike, not equal; on one grid they are nearly so.
    for one, other, alike in (("none", "fake", 0.85), ("fake", "integer", 0.98)):
        for name, wanted in grads[one].items():
            found = grads[other][name]
            assert torch.isfinite(found).all()
            if found.numel() > 1:
                assert torch.nn.functional.cosine_similarity(found, wanted, dim=0) > alike, (name, one, other)


def test_kept_scales_stay_when_the_weights_move_and_are_saved() -> None:
    network = chip_network()
    network.keep_scales()
    before = [layer.integers().scale for layer in network.spiking_layers()]
    with torch.no_grad():
        for layer in network.spiking_layers():
            layer.weight.mul_(2)
    assert [layer.integers().scale for layer in network.spiking_layers()] == before
    other = chip_network()
    other.load_state_dict(network.state_dict())
    assert [layer.integers().scale for layer in other.spiking_layers()] == before
    network.keep_scales()
    assert [layer.integers().scale for layer in network.spiking_layers()] == before


def test_chunks_computed_again_give_the_same_gradient() -> None:
    spikes, found = random_spikes(), []
    for recompute_steps in (0, 16):
        network = chip_network(recompute_steps=recompute_steps).train()
        network.compute_in("integer")
        out, _ = network(spikes)
        out.sum().backward()
        found.append([value.grad.clone() for value in network.parameters() if value.grad is not None])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)  # sums over chunks in another order
