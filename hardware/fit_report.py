"""The fit of a network as a report in one file, and as a table for a terminal. Everything in it is an estimate."""

from __future__ import annotations

from collections.abc import Sequence

from neurofer.errors import name_some
from neurofer.hardware.fit import Fit
from neurofer.hardware.fit_figure import fit_figure
from neurofer.hardware.layer_fit import LayerFit, Number, memory_words
from neurofer.hardware.limits import LOIHI_2_NEURONS_SEEN, Grade, Limit, largest_current
from neurofer.hardware.network import ChipLayer, ChipNetwork
from neurofer.hardware.simulate import LayerPeaks
from neurofer.numbers import shape_words
from neurofer.plot.report import Picture, Report, Section, Table, figure_png
from neurofer.spiking.registers import STATE_LIMIT

Row = tuple[str, ...]

WORDS = ("Fan-in: the synapses of a neuron. Limited by: what runs out first on a core. u and v: the current and the "
         "membrane of every neuron.")

GRADES: dict[Grade, str] = {
    "A": "fixed in public code that programs the chip", "B": "one public log or document",
    "C": "second-hand or inferred"}

NAMES = {"run_digest": "digest of the run"}
"""How the report calls what a network says of its source."""


def fit_table(fit: Fit) -> tuple[Row, list[Row]]:
    """Header and rows for a terminal: each layer, and the sums; what is estimated has its grade in the header."""
    rows: list[Row] = [(one.name, str(one.neurons), str(one.weights), str(one.connections), _cores(one), one.binds,
                        _stored(one), memory_words(one.state_bits(fit.chip))) for one in fit.layers]
    rows.append(("all", str(fit.neurons), str(fit.weights), str(fit.connections), str(fit.cores), "",
                 memory_words(fit.stored_bits), memory_words(fit.state_bits)))
    return ("layer", "neurons", "weights", "connections", f"cores ({fit.cores.grade})", "limited by",
            f"synapse memory ({fit.stored_bits.grade})", f"u and v ({fit.state_bits.grade})"), rows


def fit_note(fit: Fit) -> str:
    """What stands below ``fit_table``: how far to believe it."""
    shown = sorted({number.grade for number in (fit.cores, fit.stored_bits, fit.state_bits)})
    return ("estimated from shapes; nothing was measured on a chip "
            f"({', '.join(f'{grade}: {GRADES[grade]}' for grade in shown)})")


def fit_report(network: ChipNetwork, fit: Fit, peaks: Sequence[LayerPeaks] = (),
               facts: Sequence[tuple[str, str]] = ()) -> Report:
    """Where a network lies on a chip, what does not fit, and what to change.

    Args:
        network: What was exported.
        fit: The same network on a chip.
        peaks: How near its currents came to their limits on calibration data; none if nobody looked.
        facts: More to say under the title, names and values.
    """
    chips = f"{fit.chips} chip{'' if fit.chips.high == 1 else 's'}"
    left_out = [one.name for one in fit.layers if not one.fits]
    return Report(
        f"A network on {fit.chip.name}",
        f"{f'Without {name_some(left_out, 3)}, an' if left_out else 'An'} estimated {fit.cores} cores on {chips}, "
        f"{memory_words(fit.stored_bits)} of synapse memory and {memory_words(fit.state_bits)} for the currents and "
        "membranes of the neurons (u and v). Counted from the shapes of the layers and from what is public of the "
        "chip; nothing was measured on one.",
        (*_facts(network), *facts),
        (_verdict(fit), _picture(fit), _layers(fit), *_cheaper(fit), _currents(network, peaks), _limits(fit)))


def _facts(network: ChipNetwork) -> tuple[tuple[str, str], ...]:
    source = {name: value[:12] if name == "run_digest" else value for name, value in network.source.items() if value}
    return (("digest", network.digest[:12]), ("made for", network.target),
            ("input", f"{shape_words(network.input_shape)}, one bit each"), ("step", f"{network.dt_us:,} us"),
            ("steps of a decision", f"{network.steps:,}"), ("delay of the layers", f"{network.delay} steps"),
            ("classes", f"{len(network.classes):,}"),
            *((NAMES.get(name, name), value) for name, value in source.items()))


def _verdict(fit: Fit) -> Section:
    said = tuple(f"{one}." for one in (*fit.refusals, *fit.warnings))
    if fit.refusals:
        return Section(f"It does not fit on {fit.chip.name}", said)
    title = "It fits, by estimate" if all(one.fits for one in fit.layers) else f"It may not fit on {fit.chip.name}"
    return Section(title, (f"Nothing that is known for sure of {fit.chip.name} stands against it.", *said))


def _picture(fit: Fit) -> Section:
    alt = f"{fit.cores} cores of {fit.chip.name}: " + "; ".join(
        f"{one.name} {_cores(one)}, {_stored(one)}" for one in fit.layers)
    pale = ("Full colour: the fewest cores that hold a layer. Pale: what the compiler of public logs would take more."
            if any(_is_range(one.cores, one.stored_bits) for one in fit.layers) else
            "The fewest cores that hold each layer.")
    return Section("Where it would lie", (
        f"{pale} Each layer has cores of its own; the input comes as spikes and takes none. Where on the chip a core "
        "lies is for the compiler to say.",), pictures=(Picture(figure_png(fit_figure(fit)), alt),))


def _layers(fit: Fit) -> Section:
    sizes: list[Row] = [(one.name, shape_words(one.size.shape), str(one.neurons), str(one.weights),
                         str(one.connections), str(one.fan_in)) for one in fit.layers]
    sizes.append(("all", "", str(fit.neurons), str(fit.weights), str(fit.connections), ""))
    limits = tuple(fit.layers[0].cores_by)
    cores: list[Row] = [(one.name, _cores(one), one.binds or "-", *(
        "none" if one.cores_by[limit] is None else f"{one.cores_by[limit]:,}" for limit in limits), _tile(one),
        _number(one.axons_in), _number(one.axons_out)) for one in fit.layers]
    cores.append(("all", str(fit.cores), *("" for _ in range(len(limits) + 4))))
    memory: list[Row] = [(one.name, _stored(one), memory_words(one.weight_bits),
                          memory_words(one.unrolled_bits) if one.size.kind == "conv" else "-",
                          memory_words(one.state_bits(fit.chip))) for one in fit.layers]
    memory.append(("all", memory_words(fit.stored_bits), memory_words(fit.weight_bits), "",
                   memory_words(fit.state_bits)))
    first = fit.layers[0]
    return Section("Layer by layer", (WORDS,), tables=(
        Table("Counted in the network (A)", ("layer", "shape", "neurons", "weights", "connections", "largest fan-in"),
              tuple(sizes), "A kernel counts once as weights, and as often as it is used as connections."),
        Table("Cores, estimated", ("layer", f"cores ({first.cores.grade})", "limited by", *(
            f"for {limit} alone" for limit in limits), "a core computes", *_axon_heads(fit)), tuple(cores),
            _cores_note(fit)),
        Table("Memory on the chip, estimated", ("layer", f"synapse memory ({first.stored_bits.grade})",
                                                "weights alone (A)", "were kernels not shared",
                                                f"u and v ({first.state_bits(fit.chip).grade})"),
              tuple(memory), _memory_note(fit))))


def _axon_heads(fit: Fit) -> tuple[str, str]:
    arriving, leaving = fit.chip.axons_in_per_core, fit.chip.axons_out_per_core
    return f"input axons of a core ({arriving.grade})", f"output axons ({leaving.grade})"


def _cores_note(fit: Fit) -> str:
    if fit.target == "loihi1":
        return ("The fewest equal pieces that meet all limits of nengo_loihi, which cuts otherwise unless it is told a "
                "BlockShape. The channels of a pixel share an input axon of a conv layer.")
    pieces = f"fewest equal pieces with {fit.chip.neurons_per_core.value:,} neurons a core (C)"
    logs = (f"cut as in lava-dl's compile logs, with {LOIHI_2_NEURONS_SEEN.value:,} neurons a core (B), as its log of "
            "PilotNet has them")
    counted = (f"Lower number: the {pieces}. Higher: {logs}." if any(_is_range(one.cores) for one in fit.layers) else
               f"The {pieces}; as many {logs}.")
    return f"{counted} How many axons a core has is not documented."


def _memory_note(fit: Fit) -> str:
    if fit.target == "loihi1":
        return ("As nengo_loihi stores weights: 8 bits each, 10 for every list of up to 64, in units of 64 bits. A "
                "conv layer shares its kernels among the pixels of a core, once for every 256 of its neurons, and "
                "stores with each weight the number of a neuron; every core has its own copy (A).")
    return ("Read off lava-dl's compile logs: 20 bits for a weight of a dense layer; kernels shared by the pixels of a "
            "core, every core with its own copy (B). A unit of their counts is taken for 64 bits (C); if it has 128, "
            "synapse memory is twice as much, and the cores are the same.")


def _cheaper(fit: Fit) -> tuple[Section, ...]:
    if not fit.proposals:
        return ()
    return (Section("What would take fewer cores", (
        *(f"{str(one)[0].upper()}{str(one)[1:]}." for one in fit.proposals),
        "Each is another network, to be trained and tested again.")),)


def _currents(network: ChipNetwork, peaks: Sequence[LayerPeaks]) -> Section:
    seen = {one.name: one for one in peaks}
    rows = tuple(_current_row(layer, seen.get(layer.name)) for layer in network.layers)
    proved = all(layer.cannot_wrap for layer in network.layers)
    text = ("No current can leave its 24 bits, whatever the spikes are." if proved else
            "Where it is not proved that a current stays within its 24 bits, what was seen on calibration data is all "
            "that is known." if peaks else
            "Where it is not proved that a current stays within its 24 bits, nobody looked: give calibration data.")
    return Section("Where a current could wrap", (text,), tables=(
        Table("Synaptic current u of each layer, in per cent of the 24 bits",
              ("layer", "largest possible", "wraps", "largest seen", "wraps seen", "membranes held at 24 bits"), rows,
              "Largest possible: every positive, or every negative, weight of a neuron spikes at every step."),))


def _current_row(layer: ChipLayer, seen: LayerPeaks | None) -> Row:
    largest = largest_current(layer.largest_drive, layer.current_decay)
    observed = ("-",) * 3 if seen is None else (
        f"{100 * seen.peak_current / STATE_LIMIT:.1f}", f"{seen.wraps:,}", f"{seen.saturations:,}")
    return (layer.name, f"{100 * largest / STATE_LIMIT:,.1f}", "never, proved" if layer.cannot_wrap else "not excluded",
            *observed)


def _limits(fit: Fit) -> Section:
    limits = {name.replace("_", " "): one for name, one in vars(fit.chip).items() if isinstance(one, Limit)}
    if fit.target == "loihi2":
        limits["neurons per core, seen"] = LOIHI_2_NEURONS_SEEN
    sources = list(dict.fromkeys(one.source for one in limits.values()))
    rows = tuple((name, _value(one), one.grade, str(sources.index(one.source) + 1)) for name, one in limits.items())
    grades = "; ".join(f"{grade}, {words}" for grade, words in GRADES.items())
    return Section(f"What is known of {fit.chip.name}", (f"Grades: {grades}. Only A refuses a network.",), tables=(
        Table("Limits", ("limit", "value", "grade", "source"), rows,
              " ".join(f"[{number}] {source}." for number, source in enumerate(sources, 1))),))


def _value(limit: Limit) -> str:
    if limit.value is None:
        return "not stated"
    low, high = limit.value if isinstance(limit.value, tuple) else (limit.value, limit.value)
    return str(Number(low, high))


def _cores(one: LayerFit) -> str:
    return str(one.cores) if one.fits else "none"


def _stored(one: LayerFit) -> str:
    return memory_words(one.stored_bits) if one.fits else "none"


def _tile(one: LayerFit) -> str:
    tile = one.layout.tile
    if one.size.kind == "conv":
        return shape_words(tile)
    return f"{tile.channels:,} neuron{'' if tile.channels == 1 else 's'}"


def _number(number: Number | None) -> str:
    return "not known" if number is None else str(number)


def _is_range(*numbers: Number) -> bool:
    return any(number.low != number.high for number in numbers)
