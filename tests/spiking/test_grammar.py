"""What no chip can run is refused by layer and with a remedy, all of it at once; the usual networks are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from neurofer.errors import UsageError
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.grammar import description_problems, grammar_problems, refuse_outside
from neurofer.spiking.layers import LayerSpec, conv, dense
from neurofer.spiking.network import PRESETS, SpikingNetwork, preset_layers

LAYERS = (conv(4), conv(8), dense(5), dense(3))


def network(*specs: LayerSpec, neuron: NeuronSettings | None = None) -> SpikingNetwork:
    torch.manual_seed(0)
    return SpikingNetwork(specs or LAYERS, (2, 16, 16), 0.5, neuron)


def only(found: list[str]) -> str:
    assert len(found) == 1, found
    layer, what, remedy = found[0].partition(": ")[0], found[0].partition(": ")[2], found[0].rpartition("(")[2]
    assert layer
    assert what
    assert remedy.endswith(")")
    return found[0]


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_inside_as_data_and_built(preset: str) -> None:
    specs = preset_layers(preset, 6)
    assert grammar_problems(specs) == []
    assert grammar_problems(SpikingNetwork(specs, (2, 32, 32), 0.2, NeuronSettings(learn_theta=True))) == []


def test_lif_neurons_and_forms_with_an_exact_map_are_inside() -> None:
    assert grammar_problems([replace(spec, alpha=0.0) for spec in LAYERS]) == []
    for form in ("lif", "snntorch.synaptic", "snntorch.leaky", "norse.lif", "norse.lifbox"):
        assert grammar_problems(LAYERS, NeuronSettings(form)) == []


@pytest.mark.parametrize("form", ["slayer.cuba", "someone.else"])
def test_neurons_that_cannot_be_moved(form: str) -> None:
    found = only(grammar_problems(LAYERS, NeuronSettings(form)))
    assert found.startswith("conv1, conv2, dense1, dense2: ")
    assert form in found


def test_reset_by_subtraction_and_a_late_reset_are_two_findings() -> None:
    options = {"reset_mechanism": "subtract", "reset_delay": True}
    found = grammar_problems(LAYERS, NeuronSettings("snntorch.synaptic", options=options))
    assert len(found) == 2
    assert "subtraction" in found[0]
    assert "reset_delay" in found[1]


def test_decays_of_each_channel() -> None:
    assert "snn.per_channel=false" in only(grammar_problems(LAYERS, NeuronSettings(per_channel=True)))
    assert "snn.per_channel=false" in only(grammar_problems(network(neuron=NeuronSettings(per_channel=True))))


@pytest.mark.parametrize(("changed", "register"), [
    ({"alpha": 0.9999}, "iDecay"), ({"alpha": -0.1}, "iDecay"), ({"alpha": float("nan")}, "iDecay"),
    ({"beta": 0.0001}, "vDecay"), ({"beta": 1.1}, "vDecay"), ({"theta": 0.0}, "theta"), ({"theta": -1.0}, "theta")])
def test_numbers_outside_the_registers(changed: dict[str, float], register: str) -> None:
    specs = (conv(4), replace(conv(8), **changed), dense(3))
    found = only(grammar_problems(specs))
    assert found.startswith("conv2: ")
    assert register in found


@pytest.mark.parametrize(("changed", "inside"), [
    ({"alpha": 1 - 0.6 / 4096}, True), ({"alpha": 1 - 0.4 / 4096}, False),
    ({"beta": 0.6 / 4096}, True), ({"beta": 0.4 / 4096}, False), ({"beta": 1.0}, True)])
def test_the_registers_ends_are_half_a_step_wide(changed: dict[str, float], inside: bool) -> None:
    # iDecay = round(4096 (1 - alpha)) must be 1 at least, vDecay = round(4096 (1 - beta)) 4095 at most.
    assert (grammar_problems([replace(dense(3), **changed)]) == []) is inside


def test_learned_numbers_count_not_those_of_the_start() -> None:
    model = network(neuron=NeuronSettings(learn_theta=True))
    layers = model.spiking_layers()
    with torch.no_grad():
        layers[0].alpha_logit.fill_(12.0)  # alpha 0.999994
        layers[1].beta_logit.fill_(-12.0)
        layers[2].theta_log.fill_(12.0)  # theta 163,000 beside weights of about 1
        layers[3].weight.zero_()
    found = grammar_problems(model)
    assert [line.partition(":")[0] for line in found] == ["conv1", "conv2", "dense1", "dense2"]
    assert "iDecay" in found[0]
    assert "vDecay" in found[1]
    assert "threshold register" in found[2]
    assert "all weights are 0" in found[3]


def test_a_threshold_at_the_registers_end() -> None:
    model = network(dense(3))
    layer = model.spiking_layers()[0]
    with torch.no_grad():
        layer.weight.mul_(1.001 * 254 / 131_071 / layer.weight.abs().max())  # vThMant = round(theta * 254 / max|w|)
        assert grammar_problems(model) == []
        layer.weight.mul_(0.99)
    assert "threshold register" in only(grammar_problems(model))


def test_weights_that_are_not_finite_or_not_plain() -> None:
    model = network()
    with torch.no_grad():
        model.spiking_layers()[1].weight[0, 0, 0, 0] = float("nan")
    assert only(grammar_problems(model)).startswith("conv2: weights that are not finite")
    model = network()
    parametrizations.weight_norm(model.spiking_layers()[0])
    assert only(grammar_problems(model)).startswith("conv1: parametrised weights")


def test_a_read_out_that_never_fires() -> None:
    specs = (*LAYERS[:-1], dense(3, fires=False))
    for given in (specs, network(*specs)):
        found = only(grammar_problems(given))
        assert found.startswith("dense2: ")
        assert "snn.readout=spikes" in found


@pytest.mark.parametrize("spikes_in", ["graded", "slices"])
def test_input_that_is_no_stream_of_bits(spikes_in: str) -> None:
    assert "snn.input=binary" in only(grammar_problems(LAYERS, spikes_in=spikes_in))


@pytest.mark.parametrize(("module", "what"), [
    (nn.Conv2d(2, 4, 3), "bias"), (nn.Linear(4, 2), "bias"), (nn.BatchNorm2d(4), "normalisation"),
    (nn.LayerNorm(4), "normalisation"), (nn.MaxPool2d(2), "pooling"), (nn.AvgPool2d(2), "pooling"),
    (nn.AdaptiveAvgPool2d(1), "pooling"), (nn.ConvTranspose2d(2, 4, 3, bias=False), "upsampling"),
    (nn.Upsample(scale_factor=2), "upsampling"), (nn.LSTM(4, 4), "recurrence"),
    (nn.Conv2d(4, 4, 3, groups=2, bias=False), "groups 2"), (nn.Conv1d(2, 4, 3, bias=False), "one or three"),
    (nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular", bias=False), "padding"), (nn.ReLU(), "none of")])
def test_a_module_that_is_no_spiking_layer_is_named(module: nn.Module, what: str) -> None:
    found = grammar_problems(nn.ModuleDict({"a": nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), module)}))
    assert len(found) == 2, found
    assert found[0].startswith("a.1: ")
    assert what in found[0]
    assert found[1].startswith("network: ModuleDict is no chain")


def test_dropout_and_flatten_are_nothing_but_what_a_forward_hides_is_told() -> None:
    class Skip(nn.Sequential):
        beyond_grammar = ("skip connection (leave it out)",)

    found = grammar_problems(nn.Sequential(nn.Dropout(), nn.Flatten(), Skip(nn.Identity())))
    assert [line.partition(" (")[0] for line in found] == ["2: skip connection",
                                                          "network: Sequential is no chain of spiking layers"]


def test_five_faults_are_five_lines_of_one_error() -> None:
    specs = (replace(conv(4), alpha=1.0), LayerSpec("maxpool", 4), replace(conv(8), beta=0.0),  # type: ignore[arg-type]
             dense(3, fires=False))
    found = grammar_problems(specs, spikes_in="graded")
    assert [line.partition(":")[0] for line in found] == ["input", "conv1", "maxpool1", "conv2", "dense1"]
    with pytest.raises(UsageError) as told:
        refuse_outside("loihi1", found)
    lines = str(told.value).splitlines()
    assert lines[0] == "snn.target=loihi1: it cannot run this network exactly:"
    assert lines[1:] == [f"  - {line}" for line in found]


def test_words_that_a_layer_does_not_know() -> None:
    layers = [{"kind": "conv", "bias": True}, {"kind": "conv", "groups": 2, "reset": "subtract", "delay": 3},
              {"kind": "dense", "bias": False, "groups": 1, "reset": "zero"}]
    found = description_problems(["conv1", "conv2", "dense1"], layers)
    assert [line.partition(" (")[0] for line in found] == ["conv1: bias", "conv2: groups 2",
                                                          "conv2: reset 'subtract'", "conv2: delay"]


def test_nothing_to_refuse_raises_nothing() -> None:
    refuse_outside("loihi2", [])
