"""Networks moved between providers: the same spikes, or every reason why not."""

from __future__ import annotations

import pytest
import torch

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import conv, dense
from neurofer.spiking.moving import Agreement, agreement, move_network, move_to_native, neuron_of
from neurofer.spiking.network import SpikingNetwork

INPUT = (2, 16, 16)
SPECS = [conv(6, alpha=0.6, beta=0.85), conv(8, beta=0.93), dense(5, alpha=0.3)]


def network(form: str, specs: list = SPECS, **settings) -> SpikingNetwork:
    library = {"snntorch": "snntorch", "norse": "norse", "slayer": "lava.lib.dl"}.get(form.split(".")[0])
    if library is not None:
        pytest.importorskip(library)
    torch.manual_seed(0)
    made = SpikingNetwork.build(specs, INPUT, 0.2, NeuronSettings(form, **settings))
    spikes = (torch.rand(50, 2, *INPUT, generator=torch.Generator().manual_seed(1)) < 0.1).float()
    calibrate_rates(made, spikes, 0.15)
    return made.eval()


@pytest.mark.parametrize(("form", "native"), [
    ("snntorch.synaptic", "cuba"), ("norse.lif", "cuba"), ("snntorch.leaky", "lif"), ("norse.lifbox", "lif"),
    ("lif", "lif"),
])
def test_a_moved_network_fires_the_same_spikes(form: str, native: str) -> None:
    trained = network(form)
    moved = move_to_native(trained)
    assert neuron_of(moved).form == native
    assert moved.dropout == 0.2
    assert not moved.training
    found = agreement(trained, moved)
    assert found.spikes > 1000
    assert found.different == 0
    assert all(torch.equal(one, other) for one, other in
               zip(trained.state_dict().values(), moved.state_dict().values(), strict=True))


def test_there_and_back_keeps_decays_and_thresholds_of_each_channel() -> None:
    trained = network("snntorch.synaptic", per_channel=True, learn_theta=True)
    with torch.no_grad():
        for name, parameter in trained.named_parameters():
            if "weight" not in name:
                parameter += 0.2 * torch.randn(parameter.shape)
    moved = move_to_native(trained)
    assert neuron_of(moved) == NeuronSettings("cuba", per_channel=True, learn_theta=True)
    back = move_network(moved, neuron_of(trained))
    assert agreement(trained, moved).different == agreement(moved, back).different == 0


def test_weights_are_not_shared() -> None:
    trained = network("cuba")
    moved = move_to_native(trained)
    with torch.no_grad():
        next(moved.parameters()).zero_()
    assert bool(next(trained.parameters()).any())


def test_a_readout_that_never_fires_moves_with_any_neuron_that_does() -> None:
    pytest.importorskip("snntorch")
    trained = network("snntorch.synaptic", [*SPECS[:2], dense(5, fires=False)])
    moved = move_to_native(trained)
    spikes = (torch.rand(20, 2, *INPUT) < 0.1).float()
    assert torch.equal(trained(spikes)[0], moved(spikes)[0])


def test_every_reason_is_listed_by_layer() -> None:
    trained = network("snntorch.synaptic", options={"reset_mechanism": "subtract", "reset_delay": True})
    with pytest.raises(ValueError, match="a network of snntorch.synaptic neurons cannot become one of cuba exactly"
                       ) as refusal:
        move_to_native(trained)
    told = str(refusal.value)
    for name in ("conv1", "conv2", "dense1"):
        assert f"  - {name}: snntorch.synaptic: reset by subtraction (the native neuron resets to zero" in told
        assert f"  - {name}: snntorch.synaptic: reset_delay=true drops the whole step after a spike" in told
    assert told.count("  - ") == 6
    assert agreement(trained, network("cuba")).different > 0


def test_slayers_arithmetic_is_refused() -> None:
    with pytest.raises(ValueError, match="conv1: slayer.cuba: state in fixed point, decays in steps of 1/4096"):
        move_to_native(network("slayer.cuba"))
    with pytest.raises(ValueError, match="dense1: slayer.cuba: state in fixed point"):
        move_network(network("cuba"), NeuronSettings("slayer.cuba"))


def test_synaptic_memory_is_not_dropped() -> None:
    with pytest.raises(ValueError, match=r"conv1: alpha is 0.6, but lif has no synaptic memory") as refusal:
        move_network(network("cuba"), NeuronSettings("lif"))
    assert str(refusal.value).count("  - ") == 3
    moved = move_network(network("lif"), NeuronSettings("cuba"))
    assert [spec.alpha for spec in moved.specs] == [0.0, 0.0, 0.0]


def test_agreement_counts_spikes_and_differences() -> None:
    one, silent = network("cuba"), network("cuba")
    with torch.no_grad():
        for parameter in silent.parameters():
            parameter.zero_()
    found = agreement(one, silent)
    assert found == Agreement(found.spikes, found.spikes)
    assert found.spikes > 1000
