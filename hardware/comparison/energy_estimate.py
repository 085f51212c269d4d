"""Counts times a published cost: energy as a range that cannot be told apart from where it comes from.

``EnergyEstimate`` refuses to exist without a table, its source, a rate and a number of steps, and all its texts say
``estimated``. A ratio of two of them carries the same of both. There is no table, and so no number, for Loihi 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from neurofer.errors import UsageError
from neurofer.hardware.energy import TABLES, EnergyTable
from neurofer.numbers import range_words

LEAKS = 2
"""Multiply-accumulates of a neuron update in conventional hardware: the decays of its current and of its membrane."""

Range = tuple[float, float]


class Work(NamedTuple):
    """What a network does for one recording, on average over those that were counted.

    Attributes:
        of: ``ann`` or ``snn``.
        macs: Multiply-accumulates of dense layers; 0 for a spiking network.
        accumulates: Synaptic operations; 0 for an ordinary network.
        updates: Values of units (ann), or neurons times steps (snn).
        spikes: Sent by neurons.
        rate: Spikes per neuron and step; 1 for an ordinary network, whose every unit speaks in every pass.
        steps: T of rate x T: steps, or passes of an ordinary network.
    """

    of: str
    macs: float
    accumulates: float
    updates: float
    spikes: float
    rate: float | None
    steps: float | None


@dataclass(frozen=True)
class EnergyEstimate:
    """Energy that a network would take for one recording by a published table, from the least to the most.

    Attributes:
        of: Whose.
        least_uj: Microjoules.
        most_uj: Microjoules.
        table: Name of the table.
        source: Where the table comes from.
        caveat: What has to be said with it.
        rate: Spikes per neuron and step.
        steps: T.

    Raises:
        ValueError: without table, source, rate or steps, or if it is no number.
    """

    of: str
    least_uj: float
    most_uj: float
    table: str
    source: str
    caveat: str
    rate: float | None
    steps: float | None

    def __post_init__(self) -> None:
        absent = [name for name in ("table", "source") if not getattr(self, name)]
        absent += [name for name in ("rate", "steps") if not _is_number(getattr(self, name))]
        absent += ["steps"] if self.steps == 0 else []
        numbers = _is_number(self.least_uj) and _is_number(self.most_uj) and self.least_uj <= self.most_uj
        if absent or not numbers:
            raise ValueError(f"energy: no estimate of {self.of} without {', '.join(absent) or 'a range of numbers'}; "
                             "an energy is told with its table, source, rate and steps, or not at all")

    def __str__(self) -> str:
        return f"{self.amount} ({self.table}, {self.circumstances})"

    @property
    def amount(self) -> str:
        """``"estimated 3.1 to 5.98 µJ"``, for where table, rate and steps stand beside it."""
        return f"estimated {range_words(self.least_uj, self.most_uj, '{:.3g}'.format)} µJ"

    @property
    def circumstances(self) -> str:
        """``"rate 0.163, T 60.4"``."""
        return f"rate {self.rate:.3g}, T {self.steps:.3g}"

    @property
    def told(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"kind": "estimated", "of": self.of, "per": "recording", "estimated_uj": [self.least_uj, self.most_uj],
                "table": self.table, "source": self.source, "caveat": self.caveat, "rate": self.rate,
                "steps": self.steps}

    @classmethod
    def of_told(cls, told: Mapping[str, Any]) -> EnergyEstimate:
        """What ``told`` gave.

        Raises:
            ValueError: something that an estimate must carry is absent.
        """
        if told.get("kind") != "estimated":
            raise ValueError(f"energy: a number of kind {told.get('kind')!r} came, need 'estimated'")
        least, most = told.get("estimated_uj") or (math.nan, math.nan)
        return cls(told.get("of") or "", least, most, told.get("table") or "", told.get("source") or "",
                   told.get("caveat") or "", told.get("rate"), told.get("steps"))


@dataclass(frozen=True)
class EnergyRatio:
    """How many times as much energy one network would take as another by the same table, from the least to the most.

    Raises:
        ValueError: the estimates are of different tables.
    """

    one: EnergyEstimate
    other: EnergyEstimate

    def __post_init__(self) -> None:
        if self.one.table != self.other.table:
            raise ValueError(f"energy: no ratio of {self.one.table} to {self.other.table}; take one table for both")

    @property
    def range(self) -> Range:
        """``(least, most)``."""
        return self.one.least_uj / self.other.most_uj, self.one.most_uj / self.other.least_uj

    def __str__(self) -> str:
        return (f"{self.amount} ({self.one.table}; {self.one.of}: {self.one.circumstances}; {self.other.of}: "
                f"{self.other.circumstances})")

    @property
    def amount(self) -> str:
        """``"estimated 1/99 to 1/51"``, for where table, rates and steps stand beside it."""
        return f"estimated {range_words(*self.range, _times)}"

    @property
    def told(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"kind": "estimated", "of": f"{self.one.of} / {self.other.of}", "estimated_ratio": list(self.range),
                "table": self.one.table, "source": self.one.source, "rate": self.one.rate, "steps": self.one.steps,
                "rate_of_other": self.other.rate, "steps_of_other": self.other.steps}


def chosen_tables(words: str) -> list[EnergyTable]:
    """The tables in ``"fp32,loihi1-davies"``; ``all`` for every one, ``none`` for none.

    Raises:
        UsageError: an unknown table, or one of Loihi 2.
    """
    names = [word.strip() for word in words.split(",") if word.strip()]
    if names == ["all"]:
        return list(TABLES.values())
    if names == ["none"]:
        return []
    if any("loihi2" in name for name in names):
        raise UsageError("--energy: no cost of an operation on Loihi 2 is public, so no energy can be told for it; "
                         f"choose among {', '.join(TABLES)}")
    unknown = [name for name in names if name not in TABLES]
    if unknown or not names:
        raise UsageError(f"--energy: {', '.join(unknown) or 'nothing'} is no table; name some of {', '.join(TABLES)}, "
                         "all, or none")
    return [TABLES[name] for name in dict.fromkeys(names)]


def estimate(work: Work, table: EnergyTable) -> EnergyEstimate | None:
    """Energy of a network by a table; None if the table has no cost for its kind of operation.

    In conventional hardware the least is the synapses alone: a multiply-accumulate each in an ordinary network, an
    accumulate for each spike at a synapse in a spiking one. The most counts the units too: an accumulate (bias) for
    each value, two multiply-accumulates (the leaks) for each neuron update. On Loihi it is synaptic operations and, as
    far as the table tells them, neuron updates and spikes; the range is the table's own. Memory traffic, input,
    routing between cores and idle power are in none.

    Args:
        work: What it does for one recording.
        table: Costs.

    Raises:
        ValueError: without rate or steps.
    """
    found = _conventional(work, table) if table.mac_pj is not None else _neuromorphic(work, table)
    if found is None:
        return None
    least, most = (energy_pj / 1e6 for energy_pj in found)
    return EnergyEstimate(work.of, least, most, table.name, table.source, table.caveat, work.rate, work.steps)


def _conventional(work: Work, table: EnergyTable) -> Range | None:
    if table.mac_pj is None or table.accumulate_pj is None:
        return None
    synapses = work.macs * table.mac_pj + work.accumulates * table.accumulate_pj
    unit_pj = table.accumulate_pj if work.macs else LEAKS * table.mac_pj
    return synapses, synapses + work.updates * unit_pj


def _neuromorphic(work: Work, table: EnergyTable) -> Range | None:
    if work.macs or table.synaptic_operation_pj is None:
        return None
    low, high = ((work.accumulates * operation + work.updates * (table.neuron_update_pj or 0) + work.spikes * sent)
                 for operation, sent in zip(table.synaptic_operation_pj, table.spike_out_pj or (0, 0), strict=True))
    return low, high


def estimates(works: Sequence[Work], tables: Sequence[EnergyTable]) -> list[EnergyEstimate]:
    """Of every network by every table that has a cost for it."""
    return [found for table in tables for work in works if (found := estimate(work, table)) is not None]


def ratios(found: Sequence[EnergyEstimate], one: str = "snn", other: str = "ann") -> list[EnergyRatio]:
    """One network's estimates over the other's, for every table that has both."""
    by_name = {(each.of, each.table): each for each in found}
    return [EnergyRatio(each, by_name[other, table]) for (of, table), each in by_name.items()
            if of == one and (other, table) in by_name]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value) and value >= 0


def _times(value: float) -> str:
    """How many times as much: ``"1.8"``, and ``"1/99"`` of what is less than half."""
    if not 0 < value < 0.5:
        return f"{value:.2g}"
    return f"1/{1 / value:.0f}" if value < 0.1 else f"1/{1 / value:.2g}"
