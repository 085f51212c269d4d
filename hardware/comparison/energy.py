"""The energy part of a comparison: estimates by every table that was asked for, and where a spiking network pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neurofer.evaluate.anytime import AT_MS
from neurofer.hardware.comparison.energy_estimate import EnergyEstimate, Work, estimates, ratios
from neurofer.hardware.comparison.pays import break_even
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
        "break_even": see ``comparison.pays.break_even``, "sweep": [{"evidence_ms", "steps", "rate_x_steps",
        "operations_per_dense_mac"}]}``.
    """
    found = estimates((ann, snn), tables)
    over_ann = {ratio.one.table: ratio for ratio in ratios(found)}
    return {
        "tables": [{"name": table.name, "source": table.source, "caveat": table.caveat,
                    **{name: list(cost) if isinstance(cost, tuple) else cost for name in COSTS
                       if (cost := getattr(table, name)) is not None}} for table in tables],
        "estimates": [one.told for one in found], "ratios": [ratio.told for ratio in over_ann.values()],
        "break_even": [break_even(table, snn, operations["dense_macs_per_step"], over_ann[table.name])
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
    """Synaptic operations per multiply-accumulate of one dense pass by evidence, at the rate of whole recordings.

    ``rate_x_steps`` is the rule of thumb for it; they differ, as neurons of unequal fan-out fire unequally.

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
