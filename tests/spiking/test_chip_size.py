"""Sizes by hand and against torch, and what no number of cores can hold."""

from __future__ import annotations

import math
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

from neurofer.spiking.chip_size import SURE_CORES, axons_of_a_neuron, chip_problems, fewer_inputs, size_problems
from neurofer.spiking.layer_size import LayerSize, layer_sizes, with_double_stride, with_one_more
from neurofer.spiking.layers import LayerSpec, conv, dense


def of_specs(specs: list[LayerSpec], shape: tuple[int, ...] = (2, 64, 64)) -> list[LayerSize]:
    return layer_sizes([(f"layer{number}", spec) for number, spec in enumerate(specs)], shape)


def only(problems: list[str]) -> str:
    assert len(problems) == 1, problems
    return problems[0]


def test_a_convolution_by_hand() -> None:
    # 2x4x4, kernel 3, stride 2, padding 1: the first row of neurons looks at rows 0, 1, the second at rows 1, 2, 3
    size = LayerSize("conv1", "conv", (2, 4, 4), 3, (3, 3), (2, 2), (1, 1))
    assert size.shape == (3, 2, 2)
    assert (size.neurons, size.inputs, size.weights) == (12, 32, 3 * 2 * 9)
    assert size.tap_spans == (((1, 1), (0, 1), (0, 1)),) * 2
    assert (size.connections, size.fan_in) == (3 * 2 * 5 * 5, 2 * 3 * 3)


def test_a_dense_layer_by_hand() -> None:
    size = LayerSize("dense1", "dense", (3, 2, 2), 7)
    assert (size.shape, size.neurons, size.weights, size.connections, size.fan_in) == ((7,), 7, 84, 84, 12)


def test_connections_are_what_a_convolution_of_ones_counts() -> None:
    generator = np.random.default_rng(0)
    for _ in range(40):
        channels, outputs = (int(one) for one in generator.integers(1, 4, 2))
        kernel, stride, dilation = (tuple(int(one) for one in generator.integers(1, 4, 2)) for _ in range(3))
        padding = tuple(int(one) for one in generator.integers(0, 3, 2))
        spec = LayerSpec("conv", outputs, kernel, stride, padding, dilation)
        shape = (channels, *(int(one) for one in generator.integers(7, 14, 2)))
        size = only_size(spec, shape)
        ones = torch.ones(outputs, channels, *kernel)
        counted = functional.conv2d(torch.ones(1, *shape), ones, None, stride, padding, dilation)
        assert size.shape == spec.output_shape(shape) == tuple(counted.shape[1:])
        assert (size.connections, size.fan_in) == (int(counted.sum()), int(counted.max()))


def only_size(spec: LayerSpec, shape: tuple[int, ...]) -> LayerSize:
    (size,) = layer_sizes([("conv1", spec)], shape)
    return size


def test_a_neuron_needs_all_its_axons_on_one_core() -> None:
    assert chip_problems("loihi1", [dense(5)], (1, 64, 64)) == []  # 4096 inputs
    said = only(chip_problems("loihi1", [dense(5)], (1, 64, 65)))
    assert said == ("dense1: each neuron needs 4,160 input axons on its core, and a core of Loihi 1 has 4,096 "
                    "(a conv layer of stride 2 right before it leaves 1,056 inputs)")
    assert size_problems("loihi1", [LayerSize("dense1", "dense", (4096,), 5)]) == []
    assert "4,097" in only(size_problems("loihi1", [LayerSize("dense1", "dense", (4097,), 5)]))


def test_of_loihi_2_nothing_is_sure() -> None:
    assert "loihi2" not in SURE_CORES
    assert chip_problems("loihi2", [dense(5)], (2, 640, 480)) == []


def test_channels_of_a_pixel_share_an_axon() -> None:
    wide = LayerSize("conv1", "conv", (4000, 8, 8), 8, (3, 3))
    assert axons_of_a_neuron(wide) == 9
    assert size_problems("loihi1", [wide]) == []
    assert "bits" in only(size_problems("loihi1", [LayerSize("conv1", "conv", (4000, 8, 8), 8, (6, 6))]))


@pytest.mark.parametrize(
    ("specs", "remedy"),
    [
        ([conv(4, stride=1), conv(8, stride=1), dense(5)],
         "stride 2 in conv1 and stride 2 in conv2 leave 2,048 inputs"),
        ([conv(8, stride=1), dense(5)],
         "stride 2 in conv1 and a conv layer of stride 2 right before it leave 2,048 inputs"),
        ([conv(8, stride=2), conv(8, stride=1), dense(5)], "stride 2 in conv2 leaves 2,048 inputs"),
        ([conv(64), conv(32), dense(5)], "a conv layer of stride 2 right before it leaves 2,048 inputs"),
        ([conv(4), dense(5000), dense(5)], "at most 4,096 neurons in dense1"),
        ([conv(5000, kernel=64, stride=64), dense(5)], "at most 4,096 channels in conv1"),
    ],
)
def test_the_smallest_change_is_named(specs: list[LayerSpec], remedy: str) -> None:
    assert only(chip_problems("loihi1", specs, (2, 64, 64))).endswith(f"({remedy})")


def test_what_is_named_is_enough_and_less_is_not() -> None:
    generator = np.random.default_rng(1)
    named = 0
    for _ in range(60):
        specs = [conv(int(generator.integers(1, 200)), int(generator.integers(1, 6)), int(generator.integers(1, 3)))
                 for _ in range(generator.integers(1, 4))] + [dense(9)]
        sizes, last = of_specs(specs), len(specs) - 1
        most = int(generator.integers(50, 5000))
        words = fewer_inputs(sizes, last, lambda size, most=most: size.inputs <= most)  # type: ignore[misc]
        if sizes[-1].inputs <= most or not words:
            continue
        named += 1
        assert int(words.split("leave")[1].split()[-2].replace(",", "")) <= most
        alone = [with_double_stride(sizes, earlier) for earlier in range(last)]
        if " and " in words or "right before" in words:
            assert all(changed is None or changed[-1].inputs > most for changed in alone)
    assert named > 20


def test_a_stride_that_skips_inputs_is_not_proposed() -> None:
    sizes = of_specs([conv(8, kernel=3, stride=2), dense(5)])
    assert with_double_stride(sizes, 0) is None
    assert with_double_stride(sizes, 1) is None
    wider = with_double_stride(of_specs([conv(8, kernel=5, stride=2), dense(5)]), 0)
    assert wider is not None
    assert wider[1].shape_in == (8, 16, 16)


def test_one_more_layer_halves_the_sides() -> None:
    more = with_one_more(of_specs([conv(8), dense(5)]), 1)
    assert more is not None
    assert [size.shape for size in more] == [(8, 32, 32), (8, 16, 16), (5,)]
    assert with_one_more(of_specs([conv(8, kernel=64, stride=64), dense(5)]), 1) is not None
    assert with_one_more(of_specs([conv(8, kernel=64, stride=32), dense(4), dense(5)]), 2) is None


def test_it_is_asked_without_torch() -> None:
    code = ("import sys; from neurofer.spiking.chip_size import size_problems; "
            "assert not {'torch', 'matplotlib'} & set(sys.modules)")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_sure_numbers_are_those_of_nengo_loihi() -> None:
    assert SURE_CORES["loihi1"][1:] == (1024, 128 * 1024 * 8, 4096, 4096)
    assert math.log2(SURE_CORES["loihi1"].synapse_bits) == 20


def test_counts_equal_those_of_looking_at_every_place() -> None:
    generator = random.Random(0)
    for _ in range(200):
        side_in, kernel, stride, padding, dilation = (generator.randint(*ends) for ends in
                                                      ((1, 14), (1, 5), (1, 4), (0, 4), (1, 3)))
        size = LayerSize("a", "conv", (2, side_in, 20), 3, (kernel, 3), (stride, 1), (padding, 1), (dilation, 1))
        if size.shape[1] < 1:
            continue
        seen = [sum(0 <= out * stride - padding + tap * dilation < side_in for tap in range(kernel))
                for out in range(size.shape[1])]
        assert size.connections == 3 * 2 * sum(seen) * (20 * 3 - 2)
        assert size.fan_in == 2 * max(seen) * 3


def test_an_enormous_side_costs_nothing() -> None:
    size = LayerSize("a", "conv", (2, 1, 1 << 22), 1, (1, 3), (1, 1), (0, 1))
    assert size.connections == 2 * (3 * (1 << 22) - 2)
    assert size.fan_in == 6
