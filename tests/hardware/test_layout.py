"""Synapse memory and cores beside public logs, by hand, and the laws of a cut."""

from __future__ import annotations

import random

import numpy as np
import pytest

from neurofer.hardware import layout
from neurofer.hardware.layout import Layout, as_in_logs, cuts, destinations, fewest, input_axons, whole_tile
from neurofer.hardware.synapse_memory import (
    Tile,
    loihi1_list,
    loihi2_kernel_list,
    loihi2_list,
    synapse_units,
    ways,
)
from neurofer.spiking.layer_size import LayerSize

UNITS = 12_000
SEEN = 3072


@pytest.mark.parametrize(
    ("neurons", "weight_bits", "units"),
    [
        (100, 3, 24), (17, 3, 5), (9, 3, 3), (50, 4, 13), (10, 5, 3), (1, 6, 1),  # pilotnet_snn
        (100, 4, 26), (17, 4, 5), (9, 4, 3), (50, 6, 15), (1, 4, 1),  # pilotnet_sdnn
        (64, 8, 21), (50, 8, 16), (10, 8, 4),  # mnist, of 16,000
        (256, 8, 81),  # oxford
    ],
)
def test_dense_rows_of_the_logs(neurons: int, weight_bits: int, units: int) -> None:
    assert loihi2_list(neurons, weight_bits) == units


@pytest.mark.parametrize(
    ("channels", "weight_bits", "units"),
    [(24, 5, 3), (36, 4, 4), (48, 4, 5), (64, 4, 5), (24, 6, 3), (36, 5, 4), (64, 5, 6)],
)
def test_conv_rows_of_the_logs_within_a_unit(channels: int, weight_bits: int, units: int) -> None:
    assert abs(loihi2_kernel_list(channels, weight_bits) - units) <= 1


def pilotnet_conv(shape: tuple[int, int, int], outputs: int, stride: tuple[int, int],
                  padding: tuple[int, int] = (0, 0)) -> LayerSize:
    return LayerSize("conv", "conv", shape, outputs, (3, 3), stride, padding)


@pytest.mark.parametrize(
    ("size", "tile", "cores"),
    [
        (pilotnet_conv((3, 66, 200), 24, (2, 2)), (24, 32, 4), 25),
        (pilotnet_conv((24, 32, 99), 36, (2, 2)), (36, 15, 4), 13),
        (pilotnet_conv((36, 15, 49), 48, (2, 2)), (48, 7, 8), 3),
        (pilotnet_conv((48, 7, 24), 64, (2, 1), (1, 0)), (64, 4, 8), 3),
        (pilotnet_conv((64, 4, 22), 64, (1, 1)), (64, 2, 16), 2),
    ],
)
def test_convolutions_are_cut_as_in_the_log(size: LayerSize, tile: tuple[int, int, int], cores: int) -> None:
    layout = as_in_logs(size, lambda one: synapse_units("loihi2", size, one), SEEN, UNITS)
    assert (tuple(layout.tile), layout.cores) == (tile, cores)
    assert fewest(size, lambda one: one.neurons <= SEEN).cores <= cores  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("inputs", "outputs", "weight_bits", "units", "cores"),
    [(2560, 100, 3, UNITS, 12), (2560, 100, 4, UNITS, 12), (256, 200, 8, UNITS, 2), (784, 128, 8, 16_000, 3),
     (100, 50, 4, UNITS, 1)],
)
def test_dense_layers_are_cut_as_in_the_logs(inputs: int, outputs: int, weight_bits: int, units: int,
                                             cores: int) -> None:
    size = LayerSize("dense", "dense", (inputs,), outputs)
    assert as_in_logs(size, lambda one: inputs * loihi2_list(one.channels, weight_bits), SEEN, units).cores == cores


def test_the_cores_of_the_log_are_filled_as_it_says() -> None:
    # 11 cores of 9 neurons and one of 1: 2560 (11 * 3 + 1) / 12 = 7253 units on average, as printed
    size = LayerSize("dense", "dense", (2560,), 100)
    layout = as_in_logs(size, lambda one: 2560 * loihi2_list(one.channels, 3), SEEN, UNITS)
    assert list(layout.tiles) == [(Tile(9), 11), (Tile(1), 1)]
    assert sum(2560 * loihi2_list(tile.channels, 3) * count for tile, count in layout.tiles) // 12 == 7253


def test_lists_of_loihi_1_by_hand() -> None:
    # 64 weights: 64 * 8 + 10 = 522 bits, 9 units; 36 more: 298 bits, 5 units
    assert [loihi1_list(number) for number in (1, 6, 7, 64, 65, 100, 128)] == [1, 1, 2, 9, 10, 14, 18]
    assert synapse_units("loihi1", LayerSize("dense1", "dense", (5,), 100), Tile(100)) == 5 * 14


def test_shared_lists_of_loihi_1_by_hand() -> None:
    # kernel 1x2 over a row of two neurons: pixels meet taps (0), (1, 0) and (1); 14 bits a weight, a unit each
    row = LayerSize("conv1", "conv", (1, 1, 3), 1, (1, 2))
    assert [way.taps for way in ways(2, 2, 1, 1)] == [(0,), (1, 0), (1,)]
    assert synapse_units("loihi1", row, Tile(1, 1, 2)) == 3
    # kernel 1x1: one list for all pixels, 2 * 3 weights of 8 + 6 bits and 10: 94 bits
    point = LayerSize("conv1", "conv", (2, 2, 2), 3, (1, 1))
    assert synapse_units("loihi1", point, Tile(3, 2, 2)) == 2
    # 512 neurons: the list is there twice, once for each 256; indices up to 257 take 9 bits
    wide = LayerSize("conv1", "conv", (1, 16, 16), 2, (1, 1))
    assert synapse_units("loihi1", wide, Tile(2, 16, 16)) == 2


def test_stride_and_dilation_make_ways() -> None:
    assert [way.taps for way in ways(3, 3, 2, 1)] == [(0,), (1,), (2, 0), (1,), (2, 0), (1,), (2,)]
    assert [way.taps for way in ways(1, 2, 1, 3)] == [(0,), (1,)]


def test_a_kernel_is_stored_once_whatever_the_tile_on_loihi_2() -> None:
    size = LayerSize("conv1", "conv", (4, 32, 32), 16, (3, 3))
    assert synapse_units("loihi2", size, Tile(16, 30, 30)) == synapse_units("loihi2", size, Tile(16)) == 4 * 9 * 3


def test_input_axons_by_hand() -> None:
    size = LayerSize("conv1", "conv", (2, 8, 8), 4, (3, 3), (2, 2), (1, 1))
    assert input_axons(size, Tile(4, 1, 1)) == 9
    assert input_axons(size, Tile(4, 2, 1)) == 5 * 3
    assert input_axons(size, whole_tile(size)) == 64  # no more than there are pixels
    assert input_axons(LayerSize("dense1", "dense", (2, 3, 3), 4), Tile(1)) == 18


def test_destinations_by_hand() -> None:
    size = LayerSize("conv1", "conv", (2, 8, 8), 4, (3, 3), (1, 1), (1, 1))
    whole = whole_tile(size)
    # a pixel reaches 3x3 places: on tiles of 2x8 it meets two of them, with the channels on two cores four
    assert destinations(size, Layout(whole, Tile(4, 2, 8))) == 2
    assert destinations(size, Layout(whole, Tile(2, 2, 8))) == 4
    assert destinations(size, Layout(whole, Tile(4, 1, 8))) == 3
    assert destinations(size, Layout(whole, whole)) == 1
    five = LayerSize("dense1", "dense", (9,), 10)
    assert destinations(five, Layout(Tile(10), Tile(2))) == 5


def random_size(generator: np.random.Generator) -> LayerSize:
    if generator.random() < 0.3:
        return LayerSize("dense1", "dense", (int(generator.integers(1, 6000)),), int(generator.integers(1, 400)))
    kernel, stride = int(generator.integers(1, 6)), int(generator.integers(1, 3))
    sides = [int(one) for one in generator.integers(kernel, 40, 2)]
    return LayerSize("conv1", "conv", (int(generator.integers(1, 80)), *sides), int(generator.integers(1, 90)),
                     (kernel, kernel), (stride, stride))


@pytest.mark.parametrize("target", ["loihi1", "loihi2"])
def test_tiles_cover_a_layer_and_meet_what_was_asked(target: str) -> None:
    generator, cut = np.random.default_rng(2), 0
    for _ in range(60):
        size = random_size(generator)
        neurons, units = int(generator.integers(1, 2000)), int(generator.integers(1, 20_000))

        def fits(tile: Tile, size: LayerSize = size, neurons: int = neurons, units: int = units) -> bool:
            return tile.neurons <= neurons and synapse_units(target, size, tile) <= units
        layout = fewest(size, fits)
        if layout is None:
            assert not fits(Tile(1))
            continue
        cut += layout.cores > 1
        assert sum(count for _, count in layout.tiles) == layout.cores
        assert sum(tile.neurons * count for tile, count in layout.tiles) == size.neurons
        assert all(fits(tile) for tile, _ in layout.tiles)
    assert cut > 20


def test_fewest_is_fewest() -> None:
    generator = np.random.default_rng(3)
    for _ in range(30):
        whole = Tile(*(int(one) for one in generator.integers(1, 7, 3)))
        size = LayerSize("conv1", "conv", (1, whole.rows, whole.columns), whole.channels)
        most = int(generator.integers(1, 40))
        every = [Layout(whole, Tile(*tile)).cores for tile in np.ndindex(*(side + 1 for side in whole))
                 if 0 < np.prod(tile) <= most]
        assert fewest(size, lambda tile, most=most: tile.neurons <= most).cores == min(every)  # type: ignore


def test_pieces_of_a_side() -> None:
    assert cuts(7) == (1, 2, 3, 4, 7)
    assert cuts(1) == (1,)


def test_tiles_reached_equal_those_of_looking_at_every_place() -> None:
    generator = random.Random(0)
    for _ in range(200):
        side_in, kernel, stride, padding, dilation, tile = (generator.randint(*ends) for ends in (
            (1, 60), (1, 5), (1, 4), (0, 4), (1, 3), (1, 9)))
        side_out = (side_in + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        if side_out < 1:
            continue
        reached: dict[int, set[int]] = {}
        for out in range(side_out):
            for tap in range(kernel):
                reached.setdefault(out * stride - padding + tap * dilation, set()).add(out // tile)
        wanted = max((len(tiles) for place, tiles in reached.items() if 0 <= place < side_in), default=0)
        assert layout._tiles_reached(side_in, side_out, kernel, stride, padding, dilation, tile) == wanted
