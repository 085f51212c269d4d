"""How many units of a core's synapse memory the weights of a layer fill, as the chips' own tools lay them out.

A tile is what one core computes: so many channels, rows and columns of a conv layer, or so many neurons of a dense one.

Loihi 1: as nengo_loihi writes weights. A dense layer stores a list of weights for each input; a conv layer stores a
list for each way in which a pixel meets the kernel, shared by all pixels that meet it so, the input channels together.

Loihi 2: read off the compile logs of lava-dl's tutorials. If a unit has 64 bits, one formula gives the rows of dense
layers to the unit, in all but one layer of oxford; conv rows show kernels shared by all places of a core, each place of
the kernel and input channel within a unit of what is counted here.

Source:
    nengo_loihi 1.1 ``block.py`` (``SynapseConfig.bits_per_axon``), ``conv.py``; lava-dl ``tutorials/.../netx``: mnist,
    oxford, pilotnet_snn and pilotnet_sdnn.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from neurofer.spiking.chip_size import WEIGHT_BITS
from neurofer.spiking.layer_size import LayerSize

UNIT_BITS = 64
HEADER_BITS = 10
"""Of every list of synapses."""

LISTED = 64
"""Synapses under one header, Loihi 1."""

BASES = 256
"""Neurons of a core that a shared list can be moved along, Loihi 1; beyond, the list is stored again."""

INDEX_BITS = (6, 7, 8, 9, 10, 11, 12)
"""Lengths of a neuron's number beside a shared weight, Loihi 1; a list cannot reach a neuron with a longer one."""

NO_CORE = 1 << 40
"""Units of what cannot be stored at all."""

LOIHI_2_INDEX_BITS = 12
"""Of a neuron's number beside each weight of a dense layer, Loihi 2."""


class Tile(NamedTuple):
    """What of a layer is on one core; a dense layer has neurons as channels and one row and column."""

    channels: int
    rows: int = 1
    columns: int = 1

    @property
    def neurons(self) -> int:
        """All of them."""
        return self.channels * self.rows * self.columns


def synapse_units(target: str, size: LayerSize, tile: Tile) -> int:
    """Units of 64 bits that a tile's weights fill on one core of ``loihi1`` or ``loihi2``."""
    if size.kind == "dense":
        of_an_input = loihi1_list if target == "loihi1" else loihi2_list
        return size.inputs * of_an_input(tile.channels)
    if target == "loihi1":
        return _loihi1_conv(size.shape_in[0], tile, size.kernel, size.stride, size.dilation)
    return size.shape_in[0] * math.prod(size.kernel) * loihi2_kernel_list(tile.channels)


def loihi1_list(weights: int, index_bits: int = 0) -> int:
    """Units of a list of weights on Loihi 1, a header for each 64 of them."""
    full, rest = divmod(weights, LISTED)
    bits = WEIGHT_BITS + index_bits
    return full * _units(LISTED * bits + HEADER_BITS) + (_units(rest * bits + HEADER_BITS) if rest else 0)


def loihi2_list(weights: int, weight_bits: int = WEIGHT_BITS) -> int:
    """Units of one input's weights to the neurons of a dense layer on a core of Loihi 2."""
    return _units(weights * (weight_bits + LOIHI_2_INDEX_BITS) + HEADER_BITS)


def loihi2_kernel_list(channels: int, weight_bits: int = WEIGHT_BITS) -> int:
    """Units of one place of the kernel and one input channel, for all channels of a core of Loihi 2."""
    return _units(channels * weight_bits) + 1


def _units(bits: int) -> int:
    return -(-bits // UNIT_BITS)


class _Way(NamedTuple):
    """How an input row (or column) meets the rows of a tile."""

    taps: tuple[int, ...]
    """Places of the kernel that reach a row of neurons."""
    first: int
    """The first row of neurons that it reaches."""


@lru_cache(maxsize=4096)
def ways(rows: int, kernel: int, stride: int, dilation: int) -> tuple[_Way, ...]:
    """For each input row that ``rows`` rows of neurons look at, how it meets them; columns likewise."""
    found: dict[int, list[tuple[int, int]]] = {}
    for out in range(rows):
        for tap in range(kernel):
            found.setdefault(out * stride + tap * dilation, []).append((out, tap))
    return tuple(_Way(tuple(tap for _, tap in meets), meets[0][0]) for _, meets in sorted(found.items()))


@lru_cache(maxsize=65536)
def _loihi1_conv(channels_in: int, tile: Tile, kernel: tuple[int, int], stride: tuple[int, int],
                 dilation: tuple[int, int]) -> int:
    """Each way of meeting the kernel once for every 256 neurons; neurons are numbered with the channels fastest."""
    if tile.neurons > (1 << INDEX_BITS[-1]) + BASES:  # their numbers are too long in any case
        return NO_CORE
    rows, columns = (ways(*sides) for sides in zip(tile[1:], kernel, stride, dilation, strict=True))
    lists: dict[tuple[tuple[int, ...], tuple[int, ...], int], int] = {}
    last = 0
    for row in rows:
        for column in columns:
            base = (row.first * tile.columns + column.first) * tile.channels
            shift = base - base % BASES
            lists[row.taps, column.taps, shift] = len(row.taps) * len(column.taps)
            far = ((len(row.taps) - 1) * tile.columns + len(column.taps) - 1) * tile.channels + tile.channels - 1
            last = max(last, shift + far)
    bits = last.bit_length()
    if bits > INDEX_BITS[-1]:
        return NO_CORE
    index_bits = next(there for there in INDEX_BITS if there >= bits) if bits else 0
    return sum(loihi1_list(channels_in * tile.channels * taps, index_bits) for taps in lists.values())
