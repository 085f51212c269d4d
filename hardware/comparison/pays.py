"""Whether spikes take less by a table: than one dense pass of the same layers, and than the ANN beside them.

One dense pass runs the layers of the spiking network once, as those of an ordinary network that sees a whole recording
as one picture: every synapse is one multiply-accumulate. What decides is synaptic operations, counted from spikes, for
each of these; rate x T is a rule of thumb for the same, exact where all neurons reach equally many synapses.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neurofer.hardware.comparison.energy_estimate import LEAKS, EnergyRatio, Work
from neurofer.hardware.energy import EnergyTable

VERDICTS = {"yes": "yes", "no": "no", "synapses alone": "synapses alone yes, with leaks no"}
"""What is told, and in words."""


def break_even(table: EnergyTable, snn: Work, dense_macs: float, over_ann: EnergyRatio) -> dict[str, Any]:
    """Where a table breaks even, and whether the SNN stays below that; ready for JSON.

    Args:
        table: With costs of a multiply-accumulate and of an accumulate.
        snn: Work of the SNN for a recording.
        dense_macs: Of one dense pass of its layers.
        over_ann: Its energy over that of the ANN, by the same table.

    Returns:
        ``{"kind", "table", "source", "rate", "steps", "operations_per_dense_mac": below which spikes take less than one
        dense pass, "less_than_dense_pass", "less_than_ann": keys of VERDICTS}``.

    Raises:
        ValueError: the table has not both costs.
    """
    if table.break_even is None:
        raise ValueError(f"break_even: {table.name} has no cost of a multiply-accumulate and of an accumulate")
    synapses = snn.accumulates / dense_macs
    leaks = snn.updates * LEAKS * table.break_even / dense_macs
    least, most = over_ann.range
    return {"kind": "estimated", "table": table.name, "source": table.source, "rate": snn.rate, "steps": snn.steps,
            "operations_per_dense_mac": table.break_even,
            "less_than_dense_pass": verdict(synapses, synapses + leaks, table.break_even),
            "less_than_ann": verdict(least, most, 1.0)}


def verdict(least: float, most: float, limit: float) -> str:
    """``yes`` where all of a range is below a limit, ``no`` where nothing is, ``synapses alone`` where its least is.

    Args:
        least: With the synapses alone.
        most: With the leaks of neurons.
        limit: Not to be reached.
    """
    if least >= limit:
        return "no"
    return "yes" if most < limit else "synapses alone"


def verdict_words(line: Mapping[str, Any], operations_per_dense_mac: float) -> str:
    """A verdict as one sentence.

    Args:
        line: From ``break_even``.
        operations_per_dense_mac: Of the SNN.
    """
    return (f"{line['table']}, estimated: less than one dense pass of the same layers: "
            f"{VERDICTS[line['less_than_dense_pass']]} ({operations_per_dense_mac:.2f} operations per MAC, break-even "
            f"at {line['operations_per_dense_mac']:.2f}); less than the ann: {VERDICTS[line['less_than_ann']]}")
