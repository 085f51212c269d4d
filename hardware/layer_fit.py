"""What each layer of a network takes on a chip, counted and estimated; every number says how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from neurofer.hardware.layout import Layout, as_in_logs, destinations, fewest, input_axons, whole_tile
from neurofer.hardware.limits import LOIHI_2_NEURONS_SEEN, Chip, Grade, Limit
from neurofer.hardware.synapse_memory import UNIT_BITS, Tile, synapse_units
from neurofer.numbers import range_words
from neurofer.spiking.chip_size import WEIGHT_BITS
from neurofer.spiking.layer_size import LayerSize

STATES = 2
"""Registers of a neuron: u and v."""

SLOTS_OF_A_PIXEL = 2
"""Output axons that a pixel takes for each core of a conv layer behind it, Loihi 1: a population of 32 bits."""

COUNTED = "counted in the network"


class Number(NamedTuple):
    """A number with its grade and source; a range where sources differ."""

    low: int
    high: int
    grade: Grade = "A"
    source: str = COUNTED

    def __str__(self) -> str:
        return range_words(self.low, self.high)


def exact(value: int, grade: Grade = "A", source: str = COUNTED) -> Number:
    """A number that is no range."""
    return Number(value, value, grade, source)


def memory_words(bits: Number) -> str:
    """``"2.3 to 4.7 KiB"``, ``"48 B"``."""
    units = ((8 << 20, "MiB"), (8 << 10, "KiB"))
    unit, name = next(((size, name) for size, name in units if bits.high >= size), (8, "B"))

    def write(value: float) -> str:
        return f"{value / unit:,.0f}" if unit == 8 or value >= 10 * unit else f"{value / unit:.1f}"
    return f"{range_words(bits.low, bits.high, write)} {name}"


def total(numbers: Sequence[Number]) -> Number:
    """The sum, as sure as its least sure part."""
    worst = max(numbers, key=lambda one: one.grade, default=exact(0))
    return Number(sum(one.low for one in numbers), sum(one.high for one in numbers), worst.grade, worst.source)


@dataclass(frozen=True)
class LayerFit:
    """One layer on the chip.

    Attributes:
        size: Its shapes.
        cores: Fewest that hold it, and of Loihi 2 also what the logs' compiler would take.
        cores_by: Fewest by each limit alone; None where no number of cores meets it.
        stored_bits: Memory of its weights on all its cores, headers, indices and copies of kernels included.
        axons_in: Input axons of a core; None where nothing is known.
        axons_out: Output axons of a core; None where nothing is known.
        layout: The cut into fewest cores.
    """

    size: LayerSize
    cores: Number
    cores_by: Mapping[str, int | None]
    stored_bits: Number
    axons_in: Number | None
    axons_out: Number | None
    layout: Layout

    @property
    def name(self) -> str:
        """Of the layer."""
        return self.size.name

    @property
    def neurons(self) -> Number:
        """All of them."""
        return exact(self.size.neurons)

    @property
    def weights(self) -> Number:
        """Weights learned; a kernel counts once."""
        return exact(self.size.weights)

    @property
    def connections(self) -> Number:
        """Synapses, were every connection to have a weight of its own."""
        return exact(self.size.connections)

    @property
    def fan_in(self) -> Number:
        """Largest number of inputs of a neuron."""
        return exact(self.size.fan_in)

    @property
    def weight_bits(self) -> Number:
        """The weights alone, 8 bits each, kernels once."""
        return exact(self.size.weights * WEIGHT_BITS)

    @property
    def unrolled_bits(self) -> Number:
        """The weights alone, were every connection to have its own: what sharing kernels saves."""
        return exact(self.size.connections * WEIGHT_BITS)

    @property
    def fits(self) -> bool:
        """Whether some number of cores meets every limit."""
        return None not in self.cores_by.values()

    def state_bits(self, chip: Chip) -> Number:
        """u and v of all its neurons."""
        return exact(self.size.neurons * STATES * known(chip.state_bits), chip.state_bits.grade,
                     chip.state_bits.source)

    @property
    def binds(self) -> str:
        """The limit that needs most cores, or all that no number of cores meets; empty if one core holds the layer."""
        impossible = [limit for limit, cores in self.cores_by.items() if cores is None]
        if impossible:
            return " and ".join(impossible)
        worst = max(self.cores_by, key=lambda limit: self.cores_by[limit] or 0)
        return "" if self.cores_by[worst] == 1 else worst


def known(limit: Limit) -> int:
    """The value of a limit that is one number.

    Raises:
        ValueError: it is a range, or unknown.
    """
    if not isinstance(limit.value, int):
        raise ValueError(f"fit: a limit must be one number here, got {limit.value} ({limit.source})")
    return limit.value


def layer_fits(target: str, chip: Chip, sizes: Sequence[LayerSize]) -> list[LayerFit]:
    """Every layer on the chip, each on cores of its own; the input comes as spikes and takes none.

    Where one neuron alone is more than a core holds, each has a core of its own, and still does not fit.

    Args:
        target: ``loihi1`` or ``loihi2``, for how weights are stored.
        chip: Its limits.
        sizes: Layers from the input on that fit together.
    """
    found: list[LayerFit] = []
    for size in reversed(sizes):  # what leaves a core depends on the cores of the layer behind
        found.insert(0, _layer_fit(target, chip, size, found[0] if found else None))
    return found


def axons_out_of(after: LayerFit | None) -> Callable[[Tile], int]:
    """Output axons of a tile: one for each neuron and core of a dense layer behind it, two for each pixel and core of a
    conv layer, none where spikes leave the chip; a layer that fits nowhere counts as one core.

    Source:
        nengo_loihi 1.1 ``block.py``, with its populations of 32 bits.
    """
    if after is None:
        return lambda tile: 0
    reached = destinations(after.size, after.layout) if after.fits else 1
    if after.size.kind == "dense":
        return lambda tile: tile.neurons * reached
    return lambda tile: SLOTS_OF_A_PIXEL * tile.rows * tile.columns * reached


def one_neuron_fits(target: str, chip: Chip, size: LayerSize) -> bool:
    """Whether a core holds one neuron of a layer, whatever is behind it."""
    return all(fits(Tile(1)) for fits in _checks(target, chip, size, None).values())


def _layer_fit(target: str, chip: Chip, size: LayerSize, after: LayerFit | None) -> LayerFit:
    checks = _checks(target, chip, size, after)
    alone = {limit: fewest(size, fits) for limit, fits in checks.items()}
    layout = fewest(size, lambda tile: all(fits(tile) for fits in checks.values())) or Layout(whole_tile(size), Tile(1))
    cores, stored = [layout.cores], [_stored_bits(target, size, layout)]
    if target == "loihi2":
        seen = as_in_logs(size, partial(synapse_units, target, size), known(LOIHI_2_NEURONS_SEEN),
                          known(chip.synapse_bits_per_core) // UNIT_BITS)
        cores.append(max(seen.cores, layout.cores))
        stored.append(_stored_bits(target, size, seen))
    limits = [chip.neurons_per_core, chip.synapse_bits_per_core]
    grade, source = max(one.grade for one in limits), "; ".join(one.source for one in limits)
    arriving, leaving = chip.axons_in_per_core, chip.axons_out_per_core
    return LayerFit(
        size, Number(min(cores), max(cores), grade, source),
        {limit: one.cores if one else None for limit, one in alone.items()},
        Number(min(stored), max(stored), chip.synapse_bits_per_core.grade, chip.synapse_bits_per_core.source),
        None if arriving.value is None and size.kind == "conv" else exact(
            input_axons(size, layout.tile), arriving.grade, arriving.source),
        None if leaving.value is None else exact(axons_out_of(after)(layout.tile), leaving.grade, leaving.source),
        layout)


def _checks(target: str, chip: Chip, size: LayerSize, after: LayerFit | None) -> dict[str, Callable[[Tile], bool]]:
    """Whether a core holds a tile, by each limit that is known."""
    def at_most(limit: Limit, need: Callable[[Tile], int]) -> Callable[[Tile], bool]:
        most = known(limit)
        return lambda tile: need(tile) <= most

    needs: dict[str, tuple[Limit, Callable[[Tile], int]]] = {
        "neurons": (chip.neurons_per_core, lambda tile: tile.neurons),
        "synapse memory": (chip.synapse_bits_per_core, lambda tile: UNIT_BITS * synapse_units(target, size, tile)),
        "input axons": (chip.axons_in_per_core, lambda tile: input_axons(size, tile)),
        "output axons": (chip.axons_out_per_core, axons_out_of(after))}
    return {name: at_most(limit, need) for name, (limit, need) in needs.items() if limit.value is not None}


def _stored_bits(target: str, size: LayerSize, layout: Layout) -> int:
    return UNIT_BITS * sum(count * synapse_units(target, size, tile) for tile, count in layout.tiles)
