"""The section of a comparison's report that estimates energy, and says by which table spikes take less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurofer.hardware.comparison.energy import estimates_in
from neurofer.hardware.comparison.energy_estimate import EnergyEstimate, ratios
from neurofer.hardware.comparison.figures import energy_figure, pays_figure
from neurofer.hardware.comparison.pays import VERDICTS
from neurofer.numbers import range_words
from neurofer.plot.report import Picture, Section, Table, figure_png

Found = Mapping[str, Any]

_PUBLISHED = (("mac_pj", "MAC"), ("accumulate_pj", "accumulate"), ("synaptic_operation_pj", "synaptic operation"),
              ("neuron_update_pj", "neuron update"), ("spike_out_pj", "spike sent"), ("hop_pj", "hop"))


def energy_section(found: Found) -> Section:
    """Estimates by table; nothing without its table, source, rate and steps."""
    energy = found["energy"]
    if not energy["tables"]:
        return Section("Energy, estimated", ("No table was asked for (--energy).",))
    estimated = estimates_in(found)
    tables = [*_estimates(estimated, found), _published(found)]
    pictures = [Picture(figure_png(energy_figure(found)), "Estimated energy of a recording by table.",
                        "Estimated: operations counted here times a published cost. Ranges are those of the table, or "
                        "from synapses alone to synapses and units.")] if estimated else []
    text = ["Nothing was measured: every number is a count times a published cost, and says of which table, at which "
            "rate (spikes per neuron and step) and over how many steps T. In conventional hardware the least counts "
            "synapses alone, the most also biases (ann) and leaks (snn). On Loihi 1 neuron updates and spikes count as "
            "far as a table tells them. Memory traffic, input, routing and idle power are in none. No cost of Loihi 2 "
            "is public, so there is no number for it."]
    if energy["break_even"]:
        text.append(_dense_pass(found))
        tables.append(_verdicts(found))
        pictures.append(Picture(figure_png(pays_figure(found)), "Operations per MAC of one dense pass by evidence.",
                                "At the rate of whole recordings. Dashed: where accumulates take as much as one dense "
                                "pass of the same layers, by table, synapses alone."))
    return Section("Energy, estimated", tuple(text), tables=tuple(tables), pictures=tuple(pictures))


def _estimates(estimated: list[EnergyEstimate], found: Found) -> list[Table]:
    """Energy of both, and of one over the other."""
    rows = [(one.table, one.of, one.amount, _three(one.rate), _three(one.steps), one.source.partition(", doi")[0])
            for one in estimated]
    caveats = "; ".join(dict.fromkeys(table["caveat"] for table in found["energy"]["tables"]))
    of_ann = next((f"Rate 1 of the ann: each of its units gives a value in every pass. Its T is its passes: the "
                   f"{one.steps:.2f} windows of a recording that it encodes, on average. "
                   for one in estimated if one.of == "ann"), "")
    header = ("", "network", "estimated µJ", "rate", "T", "source of the table")
    tables = [Table("Energy of a recording, from the least to the most", header, tuple(rows),
                    f"{of_ann}Caveats: {caveats}.")]
    over = [(ratio.one.table, ratio.amount, *map(_three, (ratio.one.rate, ratio.one.steps, ratio.other.rate,
                                                           ratio.other.steps))) for ratio in ratios(estimated)]
    if over:
        tables.append(Table("Energy of the snn over that of the ann, by the same table", (
            "", "snn / ann, estimated", "rate, snn", "T, snn", "rate, ann", "T, ann"), tuple(over),
            "Of these two networks, which differ in size, input and accuracy."))
    return tables


def _published(found: Found) -> Table:
    rows = [(table["name"], *(_cost(table.get(name)) for name, _ in _PUBLISHED)) for table in found["energy"]["tables"]]
    sources = "; ".join(dict.fromkeys(table["source"] for table in found["energy"]["tables"]))
    return Table("Published costs of an operation, in pJ", ("", *(shown for _, shown in _PUBLISHED)), tuple(rows),
                 f"{sources}. Hops between cores are not counted.")


def _dense_pass(found: Found) -> str:
    snn = found["operations"]["snn"]
    return ("Would the same layers take less as an ordinary network? One dense pass runs them once, on the whole "
            f"recording as one picture, every synapse a MAC: {snn['dense_macs_per_step']:,} of them. A recording takes "
            f"{snn['synaptic_operations_per_dense_mac']:.2f} synaptic operations for each of these, counted from its "
            "spikes; that decides. By a table they cost less while there are fewer of them than accumulates in the "
            f"price of a MAC, its break-even. The rule of thumb, rate x T = {snn['rate_x_steps']:.2f}, would have "
            "every neuron reach equally many synapses.")



def _verdicts(found: Found) -> Table:
    here, lines = found["operations"]["snn"]["synaptic_operations_per_dense_mac"], found["energy"]["break_even"]
    rows = [(line["table"], f"{here:.2f}", f"{line['operations_per_dense_mac']:.2f}",
             VERDICTS[line["less_than_dense_pass"]], VERDICTS[line["less_than_ann"]]) for line in lines]
    others = [table["name"] for table in found["energy"]["tables"]
              if table["name"] not in {line["table"] for line in lines}]
    note = f"{', '.join(others)}: no cost of a MAC, so nothing to compare with. " if others else ""
    return Table(f"Verdict: do spikes take less here? Estimated, rate {_three(lines[0]['rate'])}, "
                 f"T {_three(lines[0]['steps'])}", (
                     "", "operations per MAC of one dense pass", "break-even below",
                     "less than one dense pass of the same layers", "less than the ann"), tuple(rows),
                 f"{note}Yes or no is of arithmetic alone; memory traffic may turn it.")


def _three(number: float | None) -> str:
    return f"{number:.3g}"


def _cost(value: Any) -> str:
    if value is None:
        return "-"
    low, high = value if isinstance(value, (list, tuple)) else (value, value)
    return range_words(low, high, "{:g}".format)
