"""Traces and maps of a spiking network: what is shown is what the network does, and it is left as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, conv, dense
from neurofer.spiking.maps import spike_maps, spike_trains
from neurofer.spiking.network import SpikingNetwork, preset_layers
from neurofer.spiking.traces import membrane_traces


def random_spikes(steps: int = 40, batch: int = 1, rate: float = 0.1) -> Tensor:
    return (torch.rand(steps, batch, 2, 16, 16, generator=torch.Generator().manual_seed(0)) < rate).to(torch.uint8)


def network(**neuron: object) -> SpikingNetwork:
    torch.manual_seed(0)
    built = SpikingNetwork.build(preset_layers("tiny", 5), (2, 16, 16), neuron=NeuronSettings(**neuron))  # type: ignore[arg-type]
    calibrate_rates(built, random_spikes(batch=3).float(), 0.2)
    return built.eval()


@pytest.mark.parametrize("neuron", [{}, {"form": "lif"}, {"per_channel": True, "learn_theta": True},
                                    {"quantise": True}], ids=str)
@pytest.mark.parametrize("layer", ["conv1", "conv2", "dense1"])
def test_step_by_step_is_what_the_network_says(neuron: dict[str, object], layer: str) -> None:
    built, spikes = network(**neuron), random_spikes()
    whole, end = built(spikes)
    every, _ = built.activity(spikes)
    place = [one.name for one in built.spiking_layers()].index(layer)
    size = every[place].flatten(2).shape[-1]
    found = membrane_traces(built, spikes, layer, range(size))
    assert found.output.sum() > 10
    np.testing.assert_array_equal(found.output, whole[:, 0].detach().numpy())
    np.testing.assert_array_equal(found.spikes, every[place][:, 0].flatten(1).detach().numpy() > 0)
    assert all(torch.equal(one.v, other.v) and torch.equal(one.u, other.u)
               for one, other in zip(found.state, end, strict=True))
    # A neuron fires where, and only where, its membrane is above the threshold.
    np.testing.assert_array_equal(found.membranes > 1, found.spikes)


def test_a_membrane_by_hand() -> None:
    built = SpikingNetwork.build((dense(1, alpha=0.5, beta=0.5, theta=2.0),), (1, 1, 1))
    with torch.no_grad():
        built.layers[0].weight.fill_(1.5)
    found = membrane_traces(built.eval(), torch.tensor([1, 0, 0, 1]).view(4, 1, 1, 1, 1), "dense1", [0])
    # u: 1.5, .75, .375, 1.6875; v: 1.5, 1.5, 1.125, 2.25 (fires); in thresholds, half of it.
    np.testing.assert_allclose(found.membranes[:, 0], [0.75, 0.75, 0.5625, 1.125], rtol=1e-6)  # decays via a sigmoid
    assert found.spikes[:, 0].tolist() == [False, False, False, True]


def test_pieces_equal_the_whole_and_the_busiest_come_first() -> None:
    built, spikes = network(), random_spikes()
    counts = spike_trains(built, spikes)["conv2"].sum(0)
    whole = membrane_traces(built, spikes, "conv2", 3)
    assert counts[whole.neurons].tolist() == sorted(counts.tolist(), reverse=True)[:3]
    first = membrane_traces(built, spikes[:13], "conv2", whole.neurons.tolist())
    second = membrane_traces(built, spikes[13:], "conv2", whole.neurons.tolist(), first.state)
    np.testing.assert_array_equal(np.concatenate([first.membranes, second.membranes]), whole.membranes)


def test_a_read_out_that_never_fires_has_its_output_as_membranes() -> None:
    torch.manual_seed(0)
    built = SpikingNetwork.build((conv(4), dense(3, fires=False)), (2, 16, 16)).eval()
    found = membrane_traces(built, random_spikes(), "dense1", [0, 1, 2])
    np.testing.assert_array_equal(found.membranes.astype(np.float32), found.output)
    assert not found.spikes.any()
    with pytest.raises(ValueError, match="never fires"):
        spike_trains(built, random_spikes())


def test_maps_are_sums_and_the_mode_is_kept() -> None:
    built, spikes = network().train(), random_spikes(130)
    built.layers[0].eval()
    modes = [module.training for module in built.modules()]
    maps, trains = spike_maps(built, spikes), spike_trains(built, spikes)
    assert [module.training for module in built.modules()] == modes
    assert {name: one.shape for name, one in maps.items()} == {
        "input": (2, 16, 16), "conv1": (4, 8, 8), "conv2": (8, 4, 4), "dense1": (5, 1, 1)}
    np.testing.assert_array_equal(maps["input"], spikes.sum(0)[0].numpy())
    for name, train in trains.items():
        np.testing.assert_array_equal(maps[name].ravel(), train.sum(0))


def test_what_cannot_be_shown_is_refused() -> None:
    built = network()
    with pytest.raises(ValueError, match="choose one of conv1, conv2, dense1"):
        membrane_traces(built, random_spikes(), "conv9")
    with pytest.raises(ValueError, match=r"neurons of dense1 are 0\.\.4"):
        membrane_traces(built, random_spikes(), "dense1", [5])
    with pytest.raises(ValueError, match="one sequence"):
        spike_maps(built, random_spikes(batch=2))
    dropped = SpikingNetwork.build((LayerSpec("dense", 2),), (2, 16, 16), dropout=0.5)
    with pytest.raises(ValueError, match=r"call network\.eval"):
        membrane_traces(dropped, random_spikes(), "dense1", 1)
