"""The energy part of a comparison: estimates by every table that was asked for, and where a spiking network pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neurofer.evaluate.anytime import AT_MS
from neurofer.hardware.comparison.energy_estimate import EnergyEstimate, Work, estimates, ratios
from neurofer.hardware.energy import EnergyTable

COSTS = ("mac_pj", "accumulate_pj", "synaptic_operation_pj", "neuron_update_pj", "spike_out_pj", "hop_pj")


def energy(ann: Work, snn: Work, operations: Mapping[str, Any], tables: Sequence[EnergyTable]) -> dict[str, Any]:
    """Everything that a report says of energy; see ``neurofer.hardware.compare``.

    Args:
        ann: Work of the ANN for a recording.
        snn: Work of the SNN.
        operations: Of the SNN, from ``snn_work``.
        tables: Costs.

    Returns:
        ``{"tables": published costs, "estimates", "ratios": see ``EnergyEstimate.told`` and ``EnergyRatio.told``,
        "break_even": [{"table", "source", "rate_x_steps"}], "sweep": [{"evidence_ms", "steps", "rate_x_steps",
        "operations_per_dense_mac"}]}``.
    """
    found = estimates((ann, snn), tables)
    return {
        "tables": [{"name": table.name, "source": table.source, "caveat": table.caveat,
                    **{name: list(cost) if isinstance(cost, tuple) else cost for name in COSTS
                       if (cost := getattr(table, name)) is not None}} for table in tables],
        "estimates": [one.told for one in found], "ratios": [one.told for one in ratios(found)],
        "break_even": [{"table": table.name, "source": table.source, "rate_x_steps": table.break_even}
                       for table in tables if table.break_even is not None],
        "sweep": sweep(operations),
    }


def estimates_in(found: Mapping[str, Any]) -> list[EnergyEstimate]:
    """The estimates of a comparison, from its mapping; what a report prints.

    Raises:
        ValueError: one lacks its table, source, rate or steps.
    """
    return [EnergyEstimate.of_told(told) for told in found["energy"]["estimates"]]


def sweep(operations: Mapping[str, Any]) -> list[dict[str, float]]:
    """Rate times T after some evidence, at the rate of whole recordings.

    ``operations_per_dense_mac`` is what rate times T stands for: synaptic operations for each multiply-accumulate of
    one pass through the same layers, were they dense. They differ, as neurons of unequal fan-out fire unequally.

    Args:
        operations: Of the SNN, from ``snn_work``.
    """
    whole = operations["steps_per_recording"]
    moments = [ms for ms in AT_MS if ms < 1000 * operations["evidence_s"]]
    found = []
    for evidence_ms in (*moments, 1000 * operations["evidence_s"]):
        steps = evidence_ms / operations["dt_ms"]
        found.append({"evidence_ms": evidence_ms, "steps": steps, "rate_x_steps": operations["rate"] * steps,
                      "operations_per_dense_mac": operations["synaptic_operations_per_dense_mac"] * steps / whole})
    return found
