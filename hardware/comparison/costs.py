"""The sections of a comparison's report that tell what a recording costs: operations, energy, memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurofer.hardware.comparison.energy import estimates_in
from neurofer.hardware.comparison.energy_estimate import ratios
from neurofer.hardware.comparison.figures import energy_figure, pays_figure
from neurofer.hardware.comparison.words import number_words
from neurofer.numbers import short_number
from neurofer.plot.report import Picture, Section, Table, figure_png
from neurofer.spiking.registers import STATE_LIMIT

Found = Mapping[str, Any]
Row = tuple[str, ...]

_PUBLISHED = (("mac_pj", "MAC"), ("accumulate_pj", "accumulate"), ("synaptic_operation_pj", "synaptic operation"),
              ("neuron_update_pj", "neuron update"), ("spike_out_pj", "spike sent"), ("hop_pj", "hop"))


def operations_section(found: Found) -> Section:
    """Parameters, operations, updates, rates and events of both networks, for the same recordings."""
    ann, snn, crop = found["operations"]["ann"], found["operations"]["snn"], found["data"]["crop_px"]
    both: tuple[Row, ...] = (
        ("parameters", f"{ann['parameters']:,}", f"{snn['parameters']:,}"),
        ("input", f"{crop['ann']} px, windows of {ann['window_ms']:g} ms",
         f"{crop['snn']} px, steps of {snn['dt_ms']:g} ms"),
        ("evidence of a recording", f"{ann['evidence_s']:.3f} s", f"{snn['evidence_s']:.3f} s"),
        ("events in the face box of a recording", *(short_number(one["input_events_per_recording"])
                                                    for one in (ann, snn))),
        ("counted", "MACs", "synaptic operations"),
        ("operations a recording", short_number(ann["per_recording"]), short_number(snn["per_recording"])),
        ("operations a decision", short_number(ann["per_decision"]), short_number(snn["per_decision"])),
        ("operations a second of events", short_number(ann["per_second"]), short_number(snn["per_second"])),
        ("unit values, neuron updates a recording", *(short_number(one["updates_per_recording"])
                                                      for one in (ann, snn))),
        ("passes, steps a recording", f"{ann['passes_per_recording']:.1f}", f"{snn['steps_per_recording']:.1f}"),
        ("spikes in, spikes sent a recording", "-", f"{short_number(snn['input_spikes_per_recording'])}, "
                                                    f"{short_number(snn['spikes_per_recording'])}"),
        ("rate: spikes per neuron and step", "-", f"{snn['rate']:.4f}"),
        ("rate x T of a recording", "-", f"{snn['rate_x_steps']:.2f}"),
        ("operations per MAC of one dense pass", "-", f"{snn['synaptic_operations_per_dense_mac']:.2f}"))
    layers = tuple((layer["name"], f"{layer['neurons']:,}", f"{layer['rate']:.4f}",
                    short_number(layer["spikes_per_recording"]),
                    short_number(layer["synaptic_operations_per_recording"]),
                    short_number(layer["updates_per_recording"])) for layer in snn["layers"])
    return Section("What a recording takes", (
        "Means over the same test recordings and face boxes, input layers counted on both sides. A MAC is done whether "
        "anything moved or not. A synaptic operation is one spike at one synapse, counted from the spikes of every "
        "test recording. They are not the same work, so one is not divided by the other; the last row divides by the "
        "MACs of the SNN's own layers, were they dense. The ANN leaves out a last window that the end cuts.",),
        tables=(Table("Both networks", ("", "ann", "snn"), both),
                Table("The SNN by layer, for a recording", ("", "neurons", "rate", "spikes sent",
                                                            "synaptic operations", "neuron updates"), layers)))


def energy_section(found: Found) -> Section:
    """Estimates by table; nothing without its table, source, rate and steps."""
    energy = found["energy"]
    if not energy["tables"]:
        return Section("Energy, estimated", ("No table was asked for (--energy).",))
    costs = tuple((table["name"], *(_cost(table.get(name)) for name, _ in _PUBLISHED)) for table in energy["tables"])
    found_here = estimates_in(found)
    rows = [(one.of, str(one), _short(one.source)) for one in found_here]
    rows += [("snn / ann", str(ratio), _short(ratio.one.source)) for ratio in ratios(found_here)]
    sources = "; ".join(dict.fromkeys(table["source"] for table in energy["tables"]))
    caveats = "; ".join(dict.fromkeys(table["caveat"] for table in energy["tables"]))
    tables = [Table("For a recording, from the least to the most", ("", "energy, estimated", "source of the table"),
                    tuple(rows), note="T of the ANN: windows that are encoded, every unit speaking in each. Caveats: "
                                      f"{caveats}."),
              Table("Published costs of an operation, in pJ", ("", *(shown for _, shown in _PUBLISHED)), costs,
                    note=f"{sources}. Hops between cores are not counted.")]
    pictures = [Picture(figure_png(energy_figure(found)), "Estimated energy of a recording by table.",
                        "Estimated: operations counted here times a published cost. Ranges are those of the table, or "
                        "from synapses alone to synapses and units.")] if found_here else []
    if energy["break_even"]:
        pictures.append(Picture(figure_png(pays_figure(found)), "Operations per dense MAC by evidence.",
                                "At the rate of whole recordings. Dashed: rate x T at which accumulates take as much "
                                "as one dense pass of the same layers, by table."))
    return Section("Energy, estimated", tuple(_energy_text(found)), tables=tuple(tables), pictures=tuple(pictures))


def _energy_text(found: Found) -> list[str]:
    snn, lines = found["operations"]["snn"], found["energy"]["break_even"]
    text = ["Nothing was measured: every number is a count times a published cost, and says of which table, at which "
            "rate (spikes per neuron and step) and over how many steps T. In conventional hardware the least counts "
            "synapses alone, the most also biases (ann) and leaks (snn). On Loihi 1 neuron updates and spikes count as "
            "far as a table tells them. Memory traffic, input, routing and idle power are in none. No cost of Loihi 2 "
            "is public, so there is no number for it. A ratio is that of these two networks, which differ in size, "
            "input and accuracy."]
    if lines:
        ends = ", ".join(f"{line['rate_x_steps']:.1f} ({line['table']})" for line in lines)
        text.append(f"Spikes take less than one dense pass of the same layers while rate x T stays below {ends}; here "
                    f"a whole recording has rate x T = {snn['rate_x_steps']:.2f}, or, weighted by fan-out, "
                    f"{snn['synaptic_operations_per_dense_mac']:.2f} operations per MAC of that pass.")
    return text


def _short(source: str) -> str:
    return source.partition(", doi")[0]


def _cost(value: Any) -> str:
    if value is None:
        return "-"
    ends = value if isinstance(value, (list, tuple)) else [value]
    return " to ".join(dict.fromkeys(f"{end:g}" for end in ends))


def memory_section(found: Found) -> Section:
    """Cores and memory on the chip, estimated from shapes."""
    memory = found["memory"]
    rows = [(layer["name"], *(number_words(layer[name]) for name in ("neurons", "cores", "fan_in", "weights")),
             _kibibytes(layer["stored_bits"])) for layer in memory["layers"]]
    rows.append(("all", number_words(memory["neurons"]), number_words(memory["cores"]), "",
                 number_words(memory["weights"]), _kibibytes(memory["stored_bits"])))
    peaks = found["chip"]["peaks"]
    wraps = ("A proof says that no current can leave the chip's 24 bits." if peaks is None else
             "No proof says that currents stay within 24 bits; on training recordings none wrapped, the largest was "
             f"{max(peak['peak_current'] for peak in peaks):,} of {STATE_LIMIT:,}.")
    return Section("On the chip", (
        f"How the network lies on {memory['chip']}, from its shapes alone. Cores: {number_words(memory['cores'])}. "
        f"Chips: {number_words(memory['chips'])}. Membranes and currents: {_kibibytes(memory['state_bits'])}. Weights "
        f"alone: {_kibibytes(memory['weight_bits'])}. The letter is how sure a number is: A counted, or fixed "
        "in public code; B one public log; C second-hand or inferred. 'neurofer export --report' says more.",
        wraps, *memory["refusals"], *memory["warnings"]),
        tables=(Table("By layer", ("", "neurons", "cores", "fan-in", "weights", "synapse memory"), tuple(rows)),))


def _kibibytes(bits: Mapping[str, Any]) -> str:
    ends = dict.fromkeys(f"{bits[end] / 8192:.1f}" for end in ("low", "high"))
    return f"{' to '.join(ends)} KiB ({bits['grade']})"
