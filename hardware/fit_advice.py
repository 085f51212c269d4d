"""What a chip cannot hold, what may go wrong, and what would take fewer cores; one sentence each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from neurofer.hardware.layer_fit import LayerFit, Number, known, layer_fits, one_neuron_fits, total
from neurofer.hardware.limits import LOIHI_1, Chip, Limit
from neurofer.spiking.chip_size import fewer_inputs, size_problems
from neurofer.spiking.layer_size import LayerSize, chained, stride_words, with_double_stride, with_one_more

HUNG = (2, 58)
"""Channels and side of an input of a conv layer at which a run on Loihi 2 was reported never to end."""

PROPOSALS = 3
"""Changes that a report names at most."""


class Proposal(NamedTuple):
    """A change of the layers and what it does to the cores.

    Attributes:
        words: ``"stride 2 in conv2"``.
        layer: The layer that gains most.
        cores: Of that layer, before and after.
        all_cores: Of the network, before and after.
    """

    words: str
    layer: str
    cores: tuple[Number, Number]
    all_cores: tuple[Number, Number]

    def __str__(self) -> str:
        words = f"{self.words} takes {self.layer} from {_from_to(self.cores, ' cores')}"
        return words if self.cores == self.all_cores else f"{words}, and the network from {_from_to(self.all_cores)}"


def _from_to(pair: tuple[Number, Number], unit: str = "") -> str:
    """``"5-8 cores to 2"``."""
    before, after = (str(one).replace(" to ", "-") for one in pair)
    return f"{before}{unit} to {after}"


def refusals(target: str, chip: Chip, fits: Sequence[LayerFit]) -> list[str]:
    """What is known for sure to be impossible, however many cores there are; empty if all is possible."""
    found = size_problems(target, [one.size for one in fits])
    told = {problem.split(":")[0] for problem in found}
    for one in fits:
        found += [f"{one.name}: one neuron alone is more than a core of {chip.name} has of {limit} (fewer inputs)"
                  for limit, cores in one.cores_by.items()
                  if cores is None and one.name not in told and _limit(chip, limit).grade == "A"]
    return found


def warnings(target: str, chip: Chip, fits: Sequence[LayerFit], proposals: Sequence[Proposal]) -> list[str]:
    """What may go wrong, with its grade."""
    return [*_many_cores(chip, fits, proposals), *_sizes_in_doubt(target, chip, fits),
            *(_large_inputs(fits) if target == "loihi2" else ())]


def _many_cores(chip: Chip, fits: Sequence[LayerFit], proposals: Sequence[Proposal]) -> Iterator[str]:
    cores, there = total([one.cores for one in fits if one.fits]), known(chip.cores_per_chip)
    if cores.high > there:
        chips = -(-cores.high // there)
        cheaper = next((f", or fewer cores: {one}" for one in proposals), "")
        yield (f"network: {cores} cores ({cores.grade}), and a {chip.name} has {there} ({chip.cores_per_chip.grade}): "
               f"{'up to ' if cores.low <= there else ''}{chips} chips{cheaper}")


def _sizes_in_doubt(target: str, chip: Chip, fits: Sequence[LayerFit]) -> Iterator[str]:
    """Of a chip whose limits are not sure: what would be refused if they were."""
    sizes, sure = [one.size for one in fits], known(LOIHI_1.axons_in_per_core)
    for number, one in enumerate(fits):
        for limit, cores in one.cores_by.items():
            if cores is None and (grade := _limit(chip, limit).grade) != "A":
                yield (f"{one.name}: one neuron alone is more than a core of {chip.name} has of {limit} ({grade}): "
                       f"{_smaller(sizes, number, lambda size: one_neuron_fits(target, chip, size))}")
        if chip.axons_in_per_core.value is None and one.size.kind == "dense" and one.size.inputs > sure:
            yield (f"{one.name}: {one.axons_in} input axons on a core; how many a {chip.name} has is not documented "
                   f"({chip.axons_in_per_core.grade}), a Loihi 1 has {sure:,}: "
                   f"{_smaller(sizes, number, lambda size: size.inputs <= sure)}")


def _smaller(sizes: Sequence[LayerSize], number: int, enough: Callable[[LayerSize], bool]) -> str:
    words = fewer_inputs(sizes, number, enough) if sizes[number].kind == "dense" else ""
    return words or "fewer outputs of the layer before it"


def _large_inputs(fits: Sequence[LayerFit]) -> Iterator[str]:
    large = [one.size for one in fits if one.size.kind == "conv" and one.size.shape_in[0] >= HUNG[0]
             and min(one.size.shape_in[1:]) >= HUNG[1]]
    if large:
        shapes = " and ".join("x".join(map(str, size.shape_in)) for size in large)
        yield (f"{', '.join(size.name for size in large)}: {shapes} come in; a conv layer on 2x58x58 was reported to "
               "run without end on Loihi 2, on 2x57x57 not, though larger ones ran elsewhere (B, lava issue 826): "
               "set a limit on the time of a run, or crop smaller")


def _limit(chip: Chip, name: str) -> Limit:
    return {"neurons": chip.neurons_per_core, "synapse memory": chip.synapse_bits_per_core,
            "input axons": chip.axons_in_per_core, "output axons": chip.axons_out_per_core}[name]


def cheaper(target: str, chip: Chip, fits: Sequence[LayerFit]) -> list[Proposal]:
    """Changes that take fewer cores, the ones that save most first; none where a layer does not fit at all."""
    if not all(one.fits for one in fits):
        return []
    sizes, before = [one.size for one in fits], {one.name: one.cores for one in fits}
    now = total([one.cores for one in fits])
    found = []
    for words, changed in _changes(sizes):
        after = layer_fits(target, chip, changed)
        then = total([one.cores for one in after])
        gains = [(before[one.name], one.cores, one.name) for one in after if one.name in before]
        was, will_be, name = max(gains, key=lambda gain: _saved(gain[0], gain[1]))
        if _saved(now, then) > 0:
            found.append(Proposal(words, name, (was, will_be), (now, then)))
    return sorted(found, key=lambda one: -_saved(*one.all_cores))[:PROPOSALS]


def _saved(before: Number, after: Number) -> int:
    return before.low - after.low + before.high - after.high


def _changes(sizes: Sequence[LayerSize]) -> Iterator[tuple[str, list[LayerSize]]]:
    """What one may try: a larger stride, half the channels, a layer more before the first dense one."""
    for number, size in enumerate(sizes):
        if size.kind == "conv":
            if larger := with_double_stride(sizes, number):
                yield stride_words(larger[number]), larger
            if size.outputs > 1:
                half = replace(size, outputs=size.outputs // 2)
                fewer = chained([*sizes[:number], half, *sizes[number + 1:]])
                if fewer:
                    yield f"{half.outputs} channels instead of {size.outputs} in {size.name}", fewer
        elif more := with_one_more(sizes, number):
            yield f"a conv layer of stride 2 right before {size.name}", more
