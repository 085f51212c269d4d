"""How a layer is cut into cores: the fewest that hold it, and what the compiler of public logs took.

A core takes a tile of the layer. ``fewest`` finds the largest tiles that meet given limits; nobody says that a compiler
finds them too. ``as_in_logs`` cuts as the logs of Lava's compiler show it.

Source:
    lava-dl ``tutorials/lava/lib/dl/netx``, logs of pilotnet_snn, pilotnet_sdnn, oxford and mnist.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from neurofer.hardware.synapse_memory import Tile, ways
from neurofer.spiking.layer_size import LayerSize

Fits = Callable[[Tile], bool]

MOST_LOOKED_AT = 1 << 17
"""Inputs along one side, times taps of the kernel, that are looked at one by one."""


class Layout(NamedTuple):
    """A layer cut into equal tiles, the last ones of each side smaller."""

    whole: Tile
    """All of the layer."""
    tile: Tile
    """What a core computes at most."""

    @property
    def parts(self) -> Tile:
        """Into how many each side is cut."""
        return Tile(*(-(-all_of // one) for all_of, one in zip(self.whole, self.tile, strict=True)))

    @property
    def cores(self) -> int:
        """One for each tile."""
        return math.prod(self.parts)

    @property
    def tiles(self) -> Iterator[tuple[Tile, int]]:
        """Each form of tile that there is, and how often."""
        sides = [[(one, parts - 1), (all_of - one * (parts - 1), 1)]
                 for all_of, one, parts in zip(self.whole, self.tile, self.parts, strict=True)]
        for channels, planes in sides[0]:
            for rows, bands in sides[1]:
                for columns, stripes in sides[2]:
                    if count := planes * bands * stripes:
                        yield Tile(channels, rows, columns), count


def whole_tile(size: LayerSize) -> Tile:
    """All of a layer as one tile."""
    return Tile(*size.shape)


def fewest(size: LayerSize, fits: Fits) -> Layout | None:
    """The cut into fewest cores, of those the one with fewest input axons; None if one neuron alone is too much.

    Args:
        size: The layer.
        fits: Whether a tile is allowed; a smaller one of an allowed tile must be allowed.
    """
    whole = whole_tile(size)
    if fits(whole):
        return Layout(whole, whole)
    if not fits(Tile(1, 1, 1)):
        return None
    best = Layout(whole, Tile(1, 1, 1))
    for channels in reversed(cuts(whole.channels)):
        for rows in reversed(cuts(whole.rows)):
            columns = cuts(whole.columns)
            many = bisect_left(columns, True, key=lambda wide: not fits(Tile(channels, rows, wide)))  # noqa: B023
            if many:
                found = Layout(whole, Tile(channels, rows, columns[many - 1]))
                best = min(best, found, key=lambda one: (one.cores, input_axons(size, one.tile)))
    return best


@lru_cache(maxsize=1024)
def cuts(side: int) -> tuple[int, ...]:
    """Lengths of the pieces when a side is cut into equal ones, for every number of pieces, from small to large."""
    return tuple(sorted({-(-side // pieces) for pieces in range(1, side + 1)}))


def as_in_logs(size: LayerSize, need: Callable[[Tile], int], neurons: int, units: int) -> Layout:
    """The cut that the logs show: columns, then rows, halved to powers of two until a core's neurons fit; channels
    halved, and neurons of a dense layer shared out anew, until its synapses fit.

    It gives every row of both PilotNet logs and of mnist. Of a dense layer with 200 inputs and 256 neurons, the log of
    oxford has 3 cores, this 2.

    Args:
        size: The layer.
        need: Units of synapse memory that a tile fills.
        neurons: Most on a core.
        units: Synapse memory of a core; a layer of which one neuron is more stays cut to single neurons.
    """
    whole = whole_tile(size)
    if size.kind == "dense":
        parts = -(-whole.channels // neurons)
        while (each := -(-whole.channels // parts)) > 1 and (asked := need(Tile(each))) > units:
            parts = min(parts * -(-asked // units), whole.channels)
        return Layout(whole, Tile(each))
    channels, rows, columns = whole.channels, whole.rows, 1 << (whole.columns.bit_length() - 1)
    while channels > 1 and need(Tile(channels)) > units:
        channels = -(-channels // 2)
    while columns > 1 and channels * rows * columns > neurons:
        columns //= 2
    while rows > 1 and channels * rows * columns > neurons:
        rows = -(-rows // 2)
    while channels > 1 and channels * rows * columns > neurons:
        channels = -(-channels // 2)
    return Layout(whole, Tile(channels, rows, columns))


def input_axons(size: LayerSize, tile: Tile) -> int:
    """Input axons of a tile: every input of a dense layer; of a conv layer every pixel, its channels together."""
    if size.kind == "dense":
        return size.inputs
    return math.prod(min(_looked_at(*sides), side_in) for *sides, side_in in
                     zip(tile[1:], size.kernel, size.stride, size.dilation, size.shape_in[1:], strict=True))


def _looked_at(places: int, kernel: int, stride: int, dilation: int) -> int:
    """Inputs along one side that so many places look at; never too few where they are too many to count."""
    if places * kernel > MOST_LOOKED_AT:
        return min(places * kernel, (places - 1) * stride + (kernel - 1) * dilation + 1)
    return len(ways(places, kernel, stride, dilation))


def destinations(after: LayerSize, layout: Layout) -> int:
    """Cores of the next layer that one neuron, or pixel, reaches at most."""
    if after.kind == "dense":
        return layout.cores
    return layout.parts.channels * math.prod(
        _tiles_reached(*side, tile) for side, tile in zip(after.sides, layout.tile[1:], strict=True))


def _tiles_reached(size_in: int, size_out: int, kernel: int, stride: int, padding: int, dilation: int,
                   tile: int) -> int:
    """Tiles of ``tile`` places each that the best connected input reaches along one side.

    What inputs reach comes again after ``stride * tile`` of them, and less of it at the far border. Where even that is
    too much to look at, taps that may meet in one input are counted, which is never too few.
    """
    looked_at = min(size_in, padding + dilation * (kernel - 1) + 2 * stride * tile + 1)
    if looked_at * kernel > MOST_LOOKED_AT:
        return min(-(-kernel // (stride // math.gcd(stride, dilation))), -(-size_out // tile))
    reached = 0
    for place in range(looked_at):
        outs = [divmod(place + padding - tap * dilation, stride) for tap in range(kernel)]
        reached = max(reached, len({out // tile for out, rest in outs if not rest and 0 <= out < size_out}))
    return reached
