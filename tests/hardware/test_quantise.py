"""What was trained is what the chip runs, spike for spike; what it cannot run is refused with every reason."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurofer.hardware.agreement import agreement
from neurofer.hardware.calibration import joined_peaks, wrap_problems
from neurofer.hardware.chip_file import read_chip, write_chip
from neurofer.hardware.gpu import BatchSimulator
from neurofer.hardware.quantise import CannotSay, Reading, chip_network, in_integers
from neurofer.hardware.simulate import observe, simulate
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import conv, dense
from neurofer.spiking.network import SpikingNetwork
from trees.networks import quantised_networks, random_input, train_steps


def reading(network: SpikingNetwork) -> Reading:
    return Reading(1000, 20, 5000, tuple(f"class {number}" for number in range(network.classes)))


def small_network(**settings: object) -> SpikingNetwork:
    torch.manual_seed(0)
    network = SpikingNetwork.build((conv(4), dense(6), dense(3)), (2, 8, 8),
                                   neuron=NeuronSettings(slope=5.0, **settings))  # type: ignore[arg-type]
    calibrate_rates(network, random_input((2, 8, 8), 20, 2), 0.2)
    return network.eval()


def test_torch_equals_simulate_equals_gpu_in_every_layer_and_step() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=200, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
    @given(network=quantised_networks(), batch=st.integers(1, 3))
    def check(network: SpikingNetwork, batch: int) -> None:
        spikes = random_input(network.input_shape, 120, batch, seed=batch, rate=0.6)
        bits = spikes.numpy().astype(np.uint8)
        chip = chip_network(network, reading(network))
        with torch.no_grad():
            trained = [one.numpy() for one in network.activity(spikes)[0]]
        reference, _ = simulate(chip, bits)
        batched, _ = BatchSimulator(chip, "cpu").run(spikes, every_layer=True)
        for layer, one, two, three in zip(chip.layers, trained, reference, batched, strict=True):
            assert np.array_equal(one, two), layer.name
            assert np.array_equal(two, three.numpy()), layer.name
        peaks = observe(chip, bits)
        seen.update(networks=1, firing=bool(reference[-1].any()), wrapping=any(one.wraps for one in peaks),
                    saturating=any(one.saturations for one in peaks))

    check()
    assert seen["networks"] >= 200
    assert seen["firing"] >= 190
    assert seen["wrapping"] >= 5
    assert seen["saturating"] >= 5


def test_a_network_that_wraps_and_saturates_is_still_the_same_everywhere() -> None:
    torch.manual_seed(0)
    network = SpikingNetwork.build((dense(4, alpha=0.999, theta=300.0),), (2, 8, 8),
                                   neuron=NeuronSettings(quantise=True)).eval()
    with torch.no_grad():
        network.spiking_layers()[0].weight.uniform_(0, 1)
    spikes = random_input((2, 8, 8), 100, 8, rate=0.4)
    chip = chip_network(network, reading(network))
    peaks = observe(chip, spikes.numpy().astype(np.uint8))
    assert peaks[0].wraps > 0
    assert peaks[0].saturations > 0
    trained = network(spikes)[0].detach().numpy()
    assert np.array_equal(trained, simulate(chip, spikes.numpy().astype(np.uint8))[0][0])
    assert np.array_equal(trained, BatchSimulator(chip, "cpu").run(spikes)[0][0].numpy())
    assert "wrapped" in wrap_problems(chip, peaks)[0]
    assert "no proof" in wrap_problems(chip, None)[0]


def test_small_weights_are_proved_not_to_wrap() -> None:
    network = small_network(quantise=True)
    chip = chip_network(network, reading(network))
    assert [layer.cannot_wrap for layer in chip.layers] == [True, True, True]
    assert wrap_problems(chip, None) == []


def test_the_file_holds_what_was_trained(tmp_path: Path) -> None:
    network = small_network(quantise=True)
    chip = chip_network(network, reading(network), source={"run": "here"})
    write_chip(tmp_path / "net.h5", chip)
    again = read_chip(tmp_path / "net.h5")
    assert again.digest == chip.digest
    assert dict(again.source) == {"run": "here", "trained": "in integers"}
    spikes = random_input((2, 8, 8), 30, 2)
    assert np.array_equal(network(spikes)[0].detach().numpy(), simulate(again, spikes.numpy().astype(np.uint8))[0][-1])


def test_a_float_network_is_refused_and_rounded_only_on_request() -> None:
    network = small_network()
    with pytest.raises(CannotSay, match=r"conv1, dense1, dense2: trained in float numbers.*--after-training"):
        chip_network(network, reading(network))
    chip = chip_network(network, reading(network), after_training=True)
    assert chip.source["trained"] == "in float numbers, rounded afterwards"


def test_on_the_grid_a_float_neuron_is_near_the_chip_and_off_it_far_away() -> None:
    """Spec, section 3.3: ``fake`` within 5 % of the spikes and 2 % of their number. Each further layer makes more of a
    difference of a few spikes, which is why training ends in integers."""
    spikes = random_input((2, 16, 16), 100, 4, rate=0.1)
    fired, different = {"fake": 0, "none": 0}, {"fake": 0, "none": 0}
    integers_fired = 0
    for seed in range(6):
        torch.manual_seed(seed)
        network = SpikingNetwork.build((conv(8), dense(7)), (2, 16, 16), neuron=NeuronSettings(quantise=True))
        calibrate_rates(network, spikes, 0.2)
        chip = chip_network(network, reading(network))
        integers = simulate(chip, spikes.numpy().astype(np.uint8))[0][-1]
        integers_fired += int(integers.sum())
        for arithmetic in ("fake", "none"):
            network.train().compute_in(arithmetic)  # type: ignore[arg-type]
            found = network(spikes)[0].detach().numpy()
            fired[arithmetic] += int(found.sum())
            different[arithmetic] += int((found != integers).sum())
    assert integers_fired > 2000
    assert different["fake"] / integers_fired < 0.05
    assert abs(fired["fake"] - integers_fired) / integers_fired < 0.02
    assert different["none"] > 2 * different["fake"]


def test_a_rounded_copy_fires_what_its_chip_network_fires() -> None:
    network, spikes = small_network(), random_input((2, 8, 8), 40, 2)
    chip = chip_network(network, reading(network), after_training=True)
    rounded = in_integers(network)
    assert rounded is not network
    assert in_integers(rounded) is rounded
    with torch.no_grad():
        found = rounded.activity(spikes)[0]
    for one, two in zip(found, simulate(chip, spikes.numpy().astype(np.uint8))[0], strict=True):
        assert np.array_equal(one.numpy(), two)


@pytest.mark.parametrize(("change", "said"), [
    ({"classes": ("a", "a", "b")}, "two classes have this name"), ({"classes": ("a", "", "b")}, "need at most 200"),
    ({"classes": ("a", "b\x1b[31m", "c")}, "class 1 is called"), ({"classes": ("a", "\ud800", "c")}, "class 1 is"),
    ({"source": {"run": "x" * 201}}, "source: 'run'")])
def test_words_that_cannot_be_shown_are_refused(change: dict[str, Any], said: str) -> None:
    chip = chip_network(small_network(quantise=True), reading(small_network(quantise=True)))
    with pytest.raises(ValueError, match=re.escape(said)):
        replace(chip, **change)


def test_five_faults_are_told_together() -> None:
    torch.manual_seed(0)
    network = SpikingNetwork.build((conv(4), dense(6), dense(3, fires=False)), (2, 8, 8),
                                   neuron=NeuronSettings(per_channel=True))
    first, second, _ = network.spiking_layers()
    with torch.no_grad():
        first.weight.zero_()
        second.weight.mul_(float("nan"))
    network.pool = torch.nn.AvgPool2d(2)
    with pytest.raises(CannotSay) as refusal:
        chip_network(network, reading(network))
    for fault in ("decays of each channel", "conv1: all weights are 0", "dense1: weights that are not finite",
                  "dense2: neurons that never fire", "pool: AvgPool2d", "trained in float numbers"):
        assert any(fault in problem for problem in refusal.value.problems), fault


def test_a_network_of_another_kind_is_refused_by_its_modules() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.MaxPool2d(2))
    with pytest.raises(CannotSay, match=r"(?s)loihi1 cannot run.*0: bias.*1: BatchNorm2d.*2: MaxPool2d"):
        chip_network(network, Reading(1000, 20, 5000, ("a",)), "loihi1")


def test_the_card_says_how_it_is_read() -> None:
    card = {"backend": "snn", "dt_us": 20_000, "window_us": 100_000, "readout_us": 300_000, "classes": ["a", "b"],
            "rate_gain": 8.0}
    assert Reading.of_card(card) == Reading(20_000, 15, 100_000, ("a", "b"), 8.0)


def test_agreement_names_the_first_difference() -> None:
    network = small_network(quantise=True)
    chip = chip_network(network, reading(network))
    spikes = random_input((2, 8, 8), 30, 2).numpy().astype(np.uint8)
    traces, _ = simulate(chip, spikes)
    changed = [trace.copy() for trace in traces]
    changed[1][7, 1, 4] ^= 1
    changed[1][9, 0, 0] ^= 1
    found = agreement([layer.name for layer in chip.layers], traces, changed)
    assert [one.different for one in found] == [0, 2, 0]
    assert found[1].first == (7, 1, 4)
    assert found[0].first is None
    assert found[0].spikes == int(traces[0].sum())


def test_one_other_weight_is_another_network() -> None:
    network = small_network(quantise=True)
    chip = chip_network(network, reading(network))
    weight = chip.layers[1].weight.copy()
    weight[0, 0] += 2 if weight[0, 0] < 254 else -2
    layers = (chip.layers[0], replace(chip.layers[1], weight=weight), chip.layers[2])
    assert replace(chip, layers=layers).digest != chip.digest


def test_observations_of_several_recordings_are_joined() -> None:
    network = small_network(quantise=True)
    chip = chip_network(network, reading(network))
    each = [observe(chip, random_input((2, 8, 8), 20, 1, seed).numpy().astype(np.uint8)) for seed in range(3)]
    assert joined_peaks(each)[0].peak_current == max(part[0].peak_current for part in each)


def test_training_in_integers_learns() -> None:
    network = small_network(quantise=True)
    spikes = random_input((2, 8, 8), 30, 4)
    before = network(spikes)[0].mean((0, 1))
    train_steps(network, spikes, "integer", steps=15)
    after = network(spikes)[0].mean((0, 1))
    assert after[0] - after[1:].mean() > before[0] - before[1:].mean()
