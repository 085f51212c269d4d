"""Spiking networks: pieces equal the whole, batches equal singles, nothing is hidden, misfits are refused together."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, conv, dense, exact_weights
from neurofer.spiking.network import PRESETS, SpikingNetwork, detached, preset_layers, step_mask


def random_spikes(steps: int = 24, batch: int = 3, side: int = 16, rate: float = 0.1, seed: int = 0) -> Tensor:
    return (torch.rand(steps, batch, 2, side, side, generator=torch.Generator().manual_seed(seed)) < rate).float()


@pytest.fixture
def network() -> SpikingNetwork:
    torch.manual_seed(0)
    built = SpikingNetwork.build(preset_layers("tiny", 5), (2, 16, 16))
    calibrate_rates(built, random_spikes(), 0.2)
    return built


@pytest.mark.parametrize("cuts", [(7, 8), (0, 1), (12, 12)])
def test_pieces_equal_the_whole(network: SpikingNetwork, cuts: tuple[int, int]) -> None:
    spikes = random_spikes()
    whole, end = network(spikes)
    parts, state = [], None
    for piece in (spikes[: cuts[0]], spikes[cuts[0] : cuts[1]], spikes[cuts[1] :]):
        out, state = network(piece, state)
        parts.append(out)
    assert whole.sum() > 20
    assert torch.equal(torch.cat(parts), whole)
    assert all(torch.equal(one.v, other.v) for one, other in zip(state, end, strict=True))


def test_a_batch_equals_its_members_one_by_one(network: SpikingNetwork) -> None:
    spikes = random_spikes()
    together, _ = network(spikes)
    for member in range(spikes.shape[1]):
        assert torch.equal(network(spikes[:, member : member + 1])[0], together[:, member : member + 1])


def test_padding_changes_nothing_before_the_end_and_says_nothing_behind_it(network: SpikingNetwork) -> None:
    spikes = random_spikes(batch=2)
    lengths = torch.tensor([24, 10])
    padded, _ = network(spikes, lengths=lengths)
    assert torch.equal(padded[:10, 1:], network(spikes[:10, 1:])[0])
    assert not padded[10:, 1].any()
    assert step_mask(torch.tensor([2, 0]), 3).tolist() == [[True, False], [True, False], [False, False]]


def test_two_calls_with_a_fresh_state_are_equal(network: SpikingNetwork) -> None:
    spikes = random_spikes()
    assert torch.equal(network(spikes)[0], network(spikes)[0])


def test_nothing_is_kept_between_calls(network: SpikingNetwork) -> None:
    spikes = random_spikes().requires_grad_()
    before = set(network.state_dict())
    out, state = network(spikes)
    kept = [weakref.ref(part) for part in (out, *(tensor for layer in state for tensor in layer))]
    (out.sum() + state[-1].v.sum()).backward()
    del out, state
    gc.collect()
    assert all(reference() is None for reference in kept)
    assert set(network.state_dict()) == before


def test_a_detached_state_ends_the_history(network: SpikingNetwork) -> None:
    _, state = network(random_spikes())
    assert state[0].v.requires_grad
    assert not any(part.requires_grad for layer in detached(state) for part in layer)


def test_gradients_reach_every_layer(network: SpikingNetwork) -> None:
    network(random_spikes())[0].sum().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().sum() > 0


def test_input_may_be_any_number_type(network: SpikingNetwork) -> None:
    spikes = random_spikes()
    for dtype in (torch.uint8, torch.bool, torch.float64):
        assert torch.equal(network(spikes.to(dtype))[0], network(spikes)[0])


def test_exact_weights_sum_to_the_same_in_any_order() -> None:
    weight = torch.randn(4, 3000, generator=torch.Generator().manual_seed(0), requires_grad=True)
    grid = exact_weights(weight)
    whole = grid.double().sum(1)
    for order in (torch.arange(3000), torch.arange(2999, -1, -1), torch.randperm(3000)):
        total = torch.zeros(4)
        for column in order:
            total = total + grid[:, column]
        assert torch.equal(total.double(), whole)
    # Half a step of 2^-11 for sums of about 2,400 below 2^12 = 2^(23 - 11).
    assert float((grid - weight).detach().abs().max()) <= 2.0**-12
    grid.sum().backward()
    assert torch.equal(weight.grad, torch.ones_like(weight))


def test_a_dropped_input_is_silent_at_every_step() -> None:
    torch.manual_seed(0)
    network = SpikingNetwork.build([dense(4), dense(3)], (2, 4, 4), dropout=0.5)
    assert not torch.equal(network(torch.ones(6, 1, 2, 4, 4))[1][0].u, network(torch.ones(6, 1, 2, 4, 4))[1][0].u)
    network.eval()
    assert torch.equal(network(torch.ones(6, 1, 2, 4, 4))[1][0].u, network(torch.ones(6, 1, 2, 4, 4))[1][0].u)


def test_the_published_network_has_the_published_size() -> None:
    network = SpikingNetwork.build(preset_layers("base", 7))
    assert network.dense_macs == 2_682_880
    assert network.parameter_count == 2 * 16 * 9 + 16 * 32 * 9 + 32 * 64 * 9 + 4096 * 7 + 8
    assert network.classes == 7


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_fires_in_every_layer_once_calibrated(preset: str) -> None:
    torch.manual_seed(1)
    network = SpikingNetwork.build(preset_layers(preset, 7), (2, 32, 32))
    spikes = random_spikes(12, 2, 32, rate=0.03)
    rates = calibrate_rates(network, spikes, 0.1)
    # A layer has a few hundred spikes to count, and the weights are rounded after scaling.
    assert rates == pytest.approx([0.1] * len(rates), abs=0.02)
    found, _ = network.activity(spikes)
    assert [float(part.detach().mean()) for part in found] == rates


def test_calibration_needs_spikes(network: SpikingNetwork) -> None:
    with pytest.raises(ValueError, match="no spike reaches layer conv1"):
        calibrate_rates(network, torch.zeros(4, 1, 2, 16, 16))
    with pytest.raises(ValueError, match="rate must lie between"):
        calibrate_rates(network, random_spikes(), 1.5)


def test_layers_survive_being_written_as_plain_values() -> None:
    for spec in (conv(8, kernel=5, stride=1, alpha=0.0), dense(7, beta=0.5)):
        assert LayerSpec.from_dict(spec.to_dict()) == spec
    assert LayerSpec.from_dict({"kind": "conv", "outputs": 4, "stride": 2}).stride == (2, 2)
    with pytest.raises(ValueError, match="unknown key 'bias'; outputs is missing"):
        LayerSpec.from_dict({"kind": "conv", "bias": True})


def test_a_lif_layer_stays_a_lif_layer() -> None:
    network = SpikingNetwork.build([dense(3, alpha=0.0)], (2, 4, 4))
    network(torch.ones(3, 1, 2, 4, 4))[1][0].v.sum().backward()
    layer = network.spiking_layers()[0]
    assert float(layer.alpha) == 0
    assert layer.alpha_logit.grad is None


def test_all_misfits_are_told_together() -> None:
    with pytest.raises(ValueError, match="do not fit together") as error:
        SpikingNetwork.build([conv(4), conv(0, kernel=9), dense(3)], (2, 4, 4), dropout=2.0)
    assert "dropout: must be" in str(error.value)
    assert "conv2: outputs must be at least 1" in str(error.value)
    with pytest.raises(ValueError, match="dense1: decays must be"):
        SpikingNetwork.build([dense(3, beta=1.0)], (2, 4, 4))
    with pytest.raises(ValueError, match="conv1: a conv layer cannot follow a dense one"):
        SpikingNetwork.build([dense(3), conv(3), dense(3)], (2, 4, 4))
    with pytest.raises(ValueError, match="the last layer must be dense"):
        SpikingNetwork.build([conv(3)], (2, 8, 8))


def test_a_batch_of_nobody_passes(network: SpikingNetwork) -> None:
    out, _ = network(torch.zeros(4, 0, 2, 16, 16))
    assert out.shape == (4, 0, network.classes)


def test_input_and_state_that_do_not_fit_are_refused(network: SpikingNetwork) -> None:
    with pytest.raises(ValueError, match=r"input must be \(T, B, 2, 16, 16\), got \(4, 1, 2, 8, 8\)"):
        network(torch.zeros(4, 1, 2, 8, 8))
    _, state = network(random_spikes(batch=2))
    with pytest.raises(ValueError, match="conv1: state u is"):
        network(random_spikes(batch=3), state)
    with pytest.raises(ValueError, match="the state has 1 layers, the network 3"):
        network(random_spikes(batch=2), state[:1])
    for lengths in (torch.tensor([3]), torch.tensor([3, 3, 3]), torch.tensor(3)):
        with pytest.raises(ValueError, match=r"lengths must be \(2,\), one for each sequence, got"):
            network(random_spikes(batch=2), None, lengths)
    with pytest.raises(ValueError, match="unknown preset 'huge'; choose one of tiny, small, base"):
        preset_layers("huge", 7)


@pytest.mark.parametrize("quantise", [False, True])
def test_a_settled_copy_says_the_same_and_no_longer_follows(quantise: bool) -> None:
    torch.manual_seed(4)
    neuron = NeuronSettings(quantise=quantise)
    network = SpikingNetwork.build(preset_layers("tiny", 3), (2, 16, 16), neuron=neuron).eval()
    spikes = torch.rand(12, 2, 2, 16, 16) < 0.3
    copy = network.settled()
    with torch.inference_mode():
        wanted, state = network(spikes)
        found, after = copy(spikes)
        assert wanted.sum() > 0
        assert torch.equal(found, wanted)
        assert all(torch.equal(one, other) for parts in zip(after, state, strict=True)
                   for one, other in zip(*parts, strict=True))
    with torch.no_grad():
        for parameter in copy.parameters():
            parameter.zero_()
        assert torch.equal(copy(spikes)[0], wanted)
    assert all(parameter.requires_grad for parameter in network.parameters())
