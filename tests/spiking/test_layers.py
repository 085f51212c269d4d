"""One layer's parameters: what is learned, in which shape, and the read-out that never fires."""

from __future__ import annotations

import pytest
import torch

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, SpikingLayer, conv, dense
from neurofer.spiking.network import SpikingNetwork
from neurofer.spiking.neuron import membrane_loop

SPIKES = (torch.rand(12, 2, 2, 8, 8, generator=torch.Generator().manual_seed(0)) < 0.3).float()


def test_by_default_a_layer_learns_weights_and_two_decays() -> None:
    layer = SpikingLayer(conv(3), (2, 8, 8), "conv1")
    assert {name: tuple(value.shape) for name, value in layer.state_dict().items()} == {
        "weight": (3, 2, 3, 3), "alpha_logit": (), "beta_logit": ()}
    assert layer.theta == 1.0
    assert layer.alpha.item() == pytest.approx(0.75)


@pytest.mark.parametrize("spec", [conv(3, theta=0.5), dense(5, theta=0.5)])
def test_each_channel_may_have_its_own_and_thresholds_may_be_learned(spec: LayerSpec) -> None:
    torch.manual_seed(0)
    layer = SpikingLayer(spec, (2, 8, 8), "one", NeuronSettings(per_channel=True, learn_theta=True, slope=5.0))
    assert layer.theta_log.shape == layer.alpha_logit.shape == layer.beta_logit.shape == (spec.outputs,)
    assert torch.allclose(layer.theta, torch.full((spec.outputs,), 0.5))
    layer(SPIKES)[0].sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad is not None
        assert bool((parameter.grad != 0).all(dim=None) if parameter.ndim == 1 else parameter.grad.any())


def test_parameters_per_channel_that_are_equal_change_nothing() -> None:
    outputs = []
    for per_channel in (False, True):
        torch.manual_seed(0)
        network = SpikingNetwork.build([conv(3), dense(4)], (2, 8, 8), neuron=NeuronSettings(per_channel=per_channel))
        outputs.append(network(SPIKES)[0])
    assert outputs[0].any()
    assert torch.equal(*outputs)


def test_the_surrogate_changes_gradients_and_nothing_else() -> None:
    found = {}
    for surrogate in ("fast_sigmoid", "atan", "triangle"):
        torch.manual_seed(0)
        layer = SpikingLayer(conv(3), (2, 8, 8), "one", NeuronSettings(surrogate=surrogate, slope=2.0))
        spikes, _ = layer(SPIKES)
        spikes.sum().backward()
        found[surrogate] = spikes.detach(), layer.weight.grad
    assert torch.equal(found["atan"][0], found["fast_sigmoid"][0])
    assert not torch.equal(found["atan"][1], found["fast_sigmoid"][1])
    assert not torch.equal(found["atan"][1], found["triangle"][1])


def test_a_lif_layer_stays_one_per_channel() -> None:
    layer = SpikingLayer(dense(3, alpha=0.0), (2, 8, 8), "one", NeuronSettings(per_channel=True))
    layer(SPIKES)[1].v.sum().backward()
    assert layer.alpha.tolist() == [0, 0, 0]
    assert layer.alpha_logit.grad is None


def test_a_read_out_that_never_fires_gives_its_membranes() -> None:
    torch.manual_seed(0)
    specs = [conv(3), dense(4, alpha=0.5, beta=0.75, fires=False)]
    network = SpikingNetwork.build(specs, (2, 8, 8), neuron=NeuronSettings(learn_theta=True))
    rates = calibrate_rates(network, SPIKES, 0.2)
    out, state = network(SPIKES)
    hidden, readout = network.spiking_layers()
    wanted, last = membrane_loop(readout.current(hidden(SPIKES)[0]), None, readout.alpha, readout.beta)
    assert torch.equal(out, wanted)
    assert torch.equal(state[-1].v, last.v)
    assert len(rates) == 1
    # Scaled as if it fired, so a fifth of its steps would be above the threshold of 1, reset or not.
    assert 0.1 < float((out > 1).double().mean()) < 0.9
    assert not hasattr(readout, "theta_log")
    out.mean().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_only_the_last_layer_may_be_silent() -> None:
    with pytest.raises(ValueError, match="conv1: only the last layer may be one that does not fire"):
        SpikingNetwork.build([LayerSpec("conv", 3, fires=False), dense(4, fires=False)], (2, 8, 8))


def test_whether_a_layer_fires_is_written_down() -> None:
    spec = dense(4, fires=False)
    assert spec.to_dict()["fires"] is False
    assert LayerSpec.from_dict(spec.to_dict()) == spec
    assert LayerSpec.from_dict({"kind": "dense", "outputs": 4}).fires
