"""How networks lie on the chips: numbers by hand, public logs, laws and refusals."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from neurofer.hardware.fit import Fit, fit, network_sizes
from neurofer.hardware.layer_fit import LayerFit, Number, layer_fits, memory_words, total
from neurofer.hardware.limits import CHIPS, LOIHI_1, LOIHI_2, Limit
from neurofer.spiking.chip_size import size_problems
from neurofer.spiking.layer_size import LayerSize, layer_sizes, with_double_stride
from neurofer.spiking.layers import conv, dense
from neurofer.spiking.network import layer_names, preset_layers
from trees.chip_shapes import chip_net
from trees.chips import random_chip


def dense_fit(target: str, *widths: int) -> list[LayerFit]:
    """Dense layers only, the first number is the input."""
    sizes = [LayerSize(f"dense{number}", "dense", (inputs,), outputs)
             for number, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False), 1)]
    return layer_fits(target, CHIPS[target], sizes)


def test_a_small_network_by_hand() -> None:
    found = fit(chip_net([conv(4), dense(3)]), "loihi1")  # 2x8x8 -> 4x4x4 -> 3
    first, last = found.layers
    assert (found.cores, found.chips) == (Number(2, 2, "A", found.cores.source), Number(1, 1, "A", found.chips.source))
    assert [one.neurons.low for one in found.layers] == [64, 3]
    assert [one.weights.low for one in found.layers] == [4 * 2 * 9, 64 * 3]
    assert first.connections.low == 4 * 2 * 11 * 11  # of 4 rows of neurons one looks at 2 rows, three at 3
    assert (first.fan_in.low, last.fan_in.low) == (18, 64)
    assert (first.weight_bits.low, first.unrolled_bits.low) == (8 * 72, 8 * 968)
    assert last.stored_bits.low == 64 * 64  # an input has 3 weights of 8 bits and 10: a unit of 64
    assert found.state_bits.low == 67 * 2 * 24
    assert (first.axons_in, last.axons_in) == (Number(64, 64, "A", LOIHI_1.axons_in_per_core.source),) * 2
    assert first.axons_out is not None
    assert last.axons_out is not None
    assert (first.axons_out.low, last.axons_out.low) == (64, 0)  # nothing is behind the last
    assert (first.binds, first.cores_by) == ("", dict.fromkeys(first.cores_by, 1))
    assert (found.refusals, found.warnings, found.proposals) == ((), (), ())


def test_neurons_of_a_loihi_1_core() -> None:
    assert [dense_fit("loihi1", 64, outputs)[0].cores.low for outputs in (1024, 1025, 2049)] == [1, 2, 3]
    assert dense_fit("loihi1", 64, 1025)[0].binds == "neurons"


def test_synapse_memory_of_a_loihi_1_core() -> None:
    # 4096 inputs leave 4 of 16,384 units each: 30 weights of 8 bits and 10 are 250 bits, 31 are 258
    thirty, more = (dense_fit("loihi1", 4096, outputs)[0] for outputs in (30, 31))
    assert (thirty.cores.low, thirty.stored_bits.low) == (1, 4096 * 4 * 64)
    assert (more.cores.low, more.binds) == (2, "synapse memory")


def test_output_axons_of_a_loihi_1_core() -> None:
    # 1024 inputs leave 16 units: 64 weights take 9, 54 more 7, so 118 neurons a core and 5 cores for 590;
    # 1024 neurons that each reach 5 cores need 5120 axons, and a core has 4096
    first, second = dense_fit("loihi1", 16, 1024, 590)
    assert second.cores.low == 5
    assert first.cores_by == {"neurons": 1, "synapse memory": 1, "input axons": 1, "output axons": 2}
    assert (first.cores.low, first.binds) == (2, "output axons")
    assert first.axons_out is not None
    assert first.axons_out.low == 512 * 5


def test_the_dense_layer_of_pilotnet() -> None:
    # the log has 12 cores for weights of 3 bits; here weights have 8
    (layer,) = dense_fit("loihi2", 2560, 100)
    assert (layer.cores.low, layer.cores.high, layer.cores.grade) == (9, 13, "C")
    assert layer.binds == "synapse memory"


def test_loihi_2_is_a_range_of_two_counts_of_neurons() -> None:
    found = fit(chip_net(preset_layers("base", 8), (2, 64, 64)), "loihi2")
    first = found.layers[0]
    # 16x32x32: 8192 neurons a core at best; 3072 make columns of 4, 4 * 32 * 16 = 2048
    assert (str(first.cores), first.cores.grade) == ("2 to 8", "C")
    assert first.axons_in is None
    assert first.axons_out is None
    assert not found.refusals


@pytest.mark.parametrize("target", CHIPS)
def test_more_outputs_never_take_fewer_cores(target: str) -> None:
    generator = np.random.default_rng(0)
    for _ in range(25):
        shape = (int(generator.integers(1, 40)), *(int(one) for one in generator.integers(5, 40, 2)))
        kernel, stride = (int(generator.integers(1, 6)),) * 2, (int(generator.integers(1, 3)),) * 2
        few = int(generator.integers(1, 60))
        for kind, inputs in (("conv", shape), ("dense", (int(np.prod(shape)),))):
            less, more = (LayerSize("one", kind, inputs, outputs, kernel, stride)
                          for outputs in (few, few + int(generator.integers(1, 30))))
            cores = [layer_fits(target, CHIPS[target], [size])[0].cores.low for size in (less, more)]
            assert cores == sorted(cores)


@pytest.mark.parametrize("target", CHIPS)
@pytest.mark.parametrize("seed", range(10))
def test_laws_of_random_networks(target: str, seed: int) -> None:
    network = random_chip(seed)
    found = fit(network, target)
    assert found.neurons.low == network.neurons
    assert [one.size.shape for one in found.layers] == list(network.shapes[1:])
    assert not found.refusals
    for one, layer in zip(found.layers, network.layers, strict=True):
        assert one.weights.low == layer.weight.size
        assert max(cores or 0 for cores in one.cores_by.values()) <= one.cores.low <= one.cores.high
        assert one.stored_bits.low >= one.weight_bits.low
        assert one.connections.low >= one.fan_in.low
    assert found.cores.low == sum(one.cores.low for one in found.layers)


def test_4097_inputs_are_refused_on_loihi_1_alone() -> None:
    network = chip_net([dense(5)], (1, 17, 241))
    for target, refused in (("loihi1", True), ("loihi2", False)):
        found = fit(network, target)
        assert bool(found.refusals) is refused
        assert found.layers[0].fits is not refused
    (said,) = fit(network, "loihi1").refusals
    assert said.startswith("dense1: each neuron needs 4,097 input axons on its core, and a core of Loihi 1 has 4,096 (")
    (doubt,) = fit(network, "loihi2").warnings
    assert "4,097 input axons" in doubt
    assert "(C)" in doubt
    assert fit(chip_net([dense(5)], (1, 16, 256)), "loihi1").refusals == ()


def test_what_training_refuses_is_what_the_fit_refuses() -> None:
    generator, refused = np.random.default_rng(4), 0
    for _ in range(40):
        specs = [conv(int(generator.integers(1, 40)), 3, int(generator.integers(1, 3)))
                 for _ in range(generator.integers(0, 3))] + [dense(int(generator.integers(1, 5000))), dense(4)]
        side = int(generator.integers(4, 50))
        sizes = layer_sizes(zip(layer_names(specs), specs, strict=True), (2, side, side))
        problems = size_problems("loihi1", sizes)
        told = {problem.split(":")[0] for problem in problems}
        assert told == {one.name for one in layer_fits("loihi1", LOIHI_1, sizes) if not one.fits}
        refused += bool(told)
    assert refused > 10


def test_more_cores_than_a_chip_warn_and_say_what_to_change() -> None:
    small = replace(LOIHI_1, cores_per_chip=Limit(20, "A", "a test"))
    (said,) = fit(chip_net(preset_layers("base", 8), (2, 64, 64)), small).warnings
    assert said == ("network: 29 cores (A), and a Loihi 1 has 20 (A): 2 chips, or fewer cores: 8 channels instead of "
                    "16 in conv1 takes conv1 from 16 cores to 8, and the network from 29 to 21")


def test_a_change_saves_what_it_says() -> None:
    network = chip_net([conv(8, kernel=5, stride=1), conv(8), dense(40), dense(8)], (2, 32, 32))
    found = fit(network, "loihi2")
    best = found.proposals[0]
    # 2048 inputs leave 5 of 12,000 units each: 15 weights of 20 bits and 10; 512 leave 23, for all 40
    assert str(best) == "stride 2 in conv1 takes dense1 from 3 cores to 1, and the network from 6-9 to 4"
    changed = with_double_stride(network_sizes(network), 0)
    assert changed is not None
    after = layer_fits("loihi2", LOIHI_2, changed)
    assert total([one.cores for one in after])[:2] == best.all_cores[1][:2]
    assert total([one.cores for one in found.layers]) == best.all_cores[0] == found.cores


def test_a_large_input_of_a_convolution_warns_on_loihi_2_alone() -> None:
    def warned(side: int, target: str) -> bool:
        found = fit(chip_net([conv(2), dense(3)], (2, side, side)), target)
        return any("issue 826" in said for said in found.warnings)
    assert [warned(57, "loihi2"), warned(58, "loihi2"), warned(58, "loihi1")] == [False, True, False]


def test_a_neuron_too_large_for_loihi_2_is_doubted_not_refused() -> None:
    found = fit(chip_net([conv(64, stride=1), dense(5)], (2, 16, 16)), "loihi2")
    assert not found.refusals
    said = next(one for one in found.warnings if "synapse memory" in one)
    assert said == ("dense1: one neuron alone is more than a core of Loihi 2 has of synapse memory (C): stride 2 in "
                    "conv1 leaves 4,096 inputs")
    assert [one.fits for one in found.layers] == [True, False]
    assert found.cores == found.layers[0].cores
    assert found.proposals == ()


def test_the_chip_that_it_was_made_for_is_the_default() -> None:
    network = chip_net([dense(3)])
    assert fit(network).target == "loihi2"
    assert fit(replace(network, target="loihi1")).chip is LOIHI_1
    with pytest.raises(ValueError, match=r"fit: no chip 'loihi3'; choose one of loihi1, loihi2"):
        fit(network, "loihi3")


def test_every_number_has_a_grade_and_a_source() -> None:
    for target in CHIPS:
        found = fit(chip_net([conv(4), dense(3)]), target)
        for number in every_number(found):
            assert number.grade in "ABC"
            assert number.source
            assert number.low <= number.high


def every_number(found: Fit) -> list[Number]:
    numbers = [getattr(found, name) for name in ("cores", "chips", "neurons", "weights", "connections", "weight_bits",
                                                 "stored_bits", "state_bits")]
    for one in found.layers:
        numbers += [one.cores, one.stored_bits, one.neurons, one.weights, one.connections, one.fan_in, one.weight_bits,
                    one.unrolled_bits, one.state_bits(found.chip)]
        numbers += [axons for axons in (one.axons_in, one.axons_out) if axons is not None]
    return numbers


def test_memory_in_words() -> None:
    def words(low: int, high: int) -> str:
        return memory_words(Number(8 * low, 8 * high))
    assert words(48, 48) == "48 B"
    assert words(2355, 4813) == "2.3 to 4.7 KiB"
    assert words(500, 409_600) == "0.5 to 400 KiB"
    assert words(3 << 20, 3 << 20) == "3.0 MiB"


def test_a_sum_is_as_sure_as_its_least_sure_part() -> None:
    assert total([Number(1, 2, "A", "a"), Number(3, 5, "C", "c"), Number(0, 1, "B", "b")]) == Number(4, 8, "C", "c")
    assert total([])[:2] == (0, 0)


def test_a_fit_is_made_without_torch() -> None:
    code = ("import sys; import neurofer.hardware.fit; "
            "assert not {'torch', 'lava', 'matplotlib', 'jinja2'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True)
