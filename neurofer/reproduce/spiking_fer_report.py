"""Spiking-FER and its twin in words and tables: accuracy, who was on both sides, operations, estimated energy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from neurofer.errors import NeuroferError
from neurofer.evaluate.slices_cost import COUNTED
from neurofer.numbers import short_number
from neurofer.plot.report import Bar, Report, Section, Table
from neurofer.reproduce.cells import Cell, Outcome
from neurofer.reproduce.report import Made, again, facts
from neurofer.reproduce.spiking_fer import NETWORKS, Line, fer_lines, gap, line_of, ordered_classes, shared_people
from neurofer.reproduce.tables import OverSeeds
from neurofer.reproduce.words import amount_text, between_text, mean_text, numbers_text

CLAIM = 65.39
"""Times less energy that the authors give the spiking network at most."""

_LEAD = ("SEW-ResNet-18 on binary frames of a fixed number of events beside the ResNet-18 that sees the same frames as "
         "channels.")
_NOT_IN_IT = ("Not counted on either side: batch norm (a part of the weights after training), pooling, additions of "
              "skip connections, activations; and memory traffic.")


class EnergyTable(Protocol):
    """Picojoules per operation, as ``neurofer.hardware.energy`` has them."""

    @property
    def name(self) -> str:
        """What stands beside every number that comes from it."""

    @property
    def source(self) -> str:
        """Where its numbers come from."""

    @property
    def caveat(self) -> str:
        """What has to be said with them."""

    @property
    def mac_pj(self) -> float | None:
        """One multiply and accumulate."""

    @property
    def accumulate_pj(self) -> float | None:
        """One accumulate."""


def fer_report(cells: Sequence[Cell], outcome: Outcome, made: Made, tables: Sequence[EnergyTable] = ()) -> Report:
    """The whole report; without any number as long as no seed has all of its trainings.

    Args:
        cells: From ``plan_spiking_fer``.
        outcome: What of them is finished.
        made: Where they come from.
        tables: Energy per operation; those without a price of both operations are left out.
    """
    title = f"Spiking-FER on {made.clip_set.name}"
    try:
        lines = fer_lines(cells, outcome.records)
    except NeuroferError as error:
        return Report(title, f"Not finished: {error}.", facts(outcome, made), (again(made),))
    seeds = sorted(lines[0].accuracy.values)
    trainings = sum(len(line.results) for line in lines)
    lead = (f"{_LEAD} {trainings} trainings, seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}, "
            f"{trainings // (4 * len(seeds))} split(s) of each protocol.")
    return Report(title, lead, facts(outcome, made), (
        accuracy_section(lines), people_section(lines, len(made.clip_set.clips)), operations_section(lines),
        *energy_section(lines, tables), classes_section(lines), again(made)))


def accuracy_section(lines: Sequence[Line]) -> Section:
    """All four lines, the gap between the protocols, the difference between the networks, what needs no face."""
    rows: list[tuple[str, ...]] = [
        (line.name, f"{100 * line.accuracy.mean:.1f}", _between(line.interval), mean_text(line.accuracy),
         mean_text(line.uar), mean_text(line.macro_f1), f"{line.recordings:,}", f"{line.tests:,}", f"{line.people:,}")
        for line in lines]
    for protocol in ("published", "clean"):
        line = line_of(lines, protocol, "snn")
        for kind, said in (("majority", "majority"), ("event_count", "event count alone")):
            mean = np.mean([result["baselines"][kind]["accuracy"] for result in line.results])
            rows.append((f"{protocol}, {said}", f"{100 * mean:.1f}", *["-"] * 7))
    text = [
        "published: random test sets drawn recording by recording, so people are on both sides, test sets overlap, and "
        "the best epoch is chosen on the test set. clean: subject-disjoint folds, epoch chosen on other people, test "
        "people read once. One is not told without the other.",
        *(f"{NETWORKS[network]}: published minus clean is {mean_text(gap(lines, network), signed=True)} points."
          for network in NETWORKS),
        *(f"{protocol}: spiking minus twin is {mean_text(_difference(lines, protocol), signed=True)} points."
          for protocol in ("published", "clean")),
        "The 95 % interval is about other recordings (published: Wilson over different recordings, which takes them "
        "for independent, and people are on both sides) or other people (clean: bootstrap over people); in brackets "
        "behind a mean is the t interval over seeds, where there are several."]
    bars = tuple(Bar(line.name, line.accuracy.mean, *(line.interval or (None, None))) for line in lines)
    return Section("Accuracy per recording", tuple(text), bars=bars, tables=(
        Table("Per cent, over the test recordings of all splits", (
            "protocol and network", "accuracy", "95 % interval", "mean over seeds", "UAR", "macro F1", "recordings",
            "tests a seed", "people"), tuple(rows)),))


def people_section(lines: Sequence[Line], recordings: int) -> Section:
    """How many test people are also trained on, in each split; recordings that no split tests."""
    rows = []
    for protocol in ("published", "clean"):
        line = line_of(lines, protocol, "snn")
        splits = len(line.results) // len(line.accuracy.values)
        for number, result in enumerate(line.results[:splits]):
            shared, people = shared_people(result)
            rows.append((f"{protocol} {number}", f"{result['clips']['train']:,}", f"{result['clip']['samples']:,}",
                         str(people), str(shared)))
        rows.append((f"{protocol}, all", "-", f"{line.recordings:,} different", str(line.people),
                     f"{recordings - line.recordings:,} recordings never tested"))
    return Section("Who is on both sides", tables=(
        Table("People and recordings of each split", ("split", "trained on", "tested", "test people",
                                                      "of them also trained on"), tuple(rows)),))


def operations_section(lines: Sequence[Line]) -> Section:
    """Spikes and synaptic operations of a decision beside the twin's multiply-accumulates."""
    snn, macs = _work(lines)

    def told(name: str, form: Callable[[list[float]], str] = amount_text) -> str:
        return form([one[name] for one in snn])

    steps = snn[0]["steps_per_clip"]
    rows = [
        ("parameters", _parameters(lines, "snn"), _parameters(lines, "ann")),
        ("steps T", f"{steps:g}", "1"),
        ("ones in the frames", told("input_spikes_per_clip"), "the same frames"),
        ("spikes", told("spikes_per_clip"), "-"),
        ("spikes per neuron and step (rate)", told("rate", between_text), "-"),
        ("rate x T", between_text([steps * one["rate"] for one in snn], ".2f"), "-"),
        ("synaptic operations", told("per_decision"), "-"),
        ("the same, a sum of spikes counted once", told("nonzero_operations_per_clip"), "-"),
        ("multiply-accumulates", told("macs_per_clip"), short_number(macs)),
        ("multiply-accumulates if every synapse were used at every step", told("dense_macs_per_clip"), "-"),
        ("neuron updates", told("updates_per_clip"), "-")]
    ratios = [macs / (one["per_decision"] + one["macs_per_clip"]) for one in snn]
    text = (
        f"Counted from the real spikes of test recordings: {COUNTED}. The linear layers behind the pooling get means "
        f"and potentials, not spikes, and multiply. {_NOT_IN_IT}",
        f"The twin's multiply-accumulates are {between_text(ratios, '.2f')} times the spiking network's operations; "
        f"the authors give it up to {CLAIM} times less energy.")
    return Section("Operations of a decision", text, tables=(
        Table("Per recording; a range is that of the trainings", ("", "SEW-ResNet-18", "ResNet-18"), tuple(rows)),))


def energy_section(lines: Sequence[Line], tables: Sequence[EnergyTable]) -> tuple[Section, ...]:
    """Estimates by published prices of an operation, with what belongs to each."""
    snn, macs = _work(lines)
    rate = between_text([one["rate"] for one in snn])
    steps = snn[0]["steps_per_clip"]
    rows = []
    for table in tables:
        if table.mac_pj is None or table.accumulate_pj is None:
            continue
        ann_uj = 1e-6 * macs * table.mac_pj
        snn_uj = [1e-6 * (one["per_decision"] * table.accumulate_pj + one["macs_per_clip"] * table.mac_pj)
                  for one in snn]
        rows.append((f"{table.name} (estimated)", between_text(snn_uj, ".3g"), f"{ann_uj:.3g}",
                     between_text([ann_uj / one for one in snn_uj], ".2f"), rate, f"{steps:g}",
                     f"{table.source}; {table.caveat}"))
    if not rows:
        return ()
    rows.append(("the authors (up to)", "-", "-", f"{CLAIM}", "-", f"{6:g}", "their operation count, their network"))
    return (Section("Energy of a decision, estimated", (
        "Nothing here is measured: it is a count of operations times a published price of each. A synaptic operation "
        "costs an accumulate, also where a sum of spikes is passed on; neuron updates and memory have no price in "
        "these tables. No chip's price is given, because no chip runs this network.",), tables=(
            Table("Microjoules, estimated", ("table", *NETWORKS.values(), "times less", "rate", "T", "source"),
                  tuple(rows)),)),)


def classes_section(lines: Sequence[Line]) -> Section:
    """Recall of every class under the clean protocol; the authors' six first, in their order."""
    recalls: dict[str, dict[str, float]] = {}
    for network in NETWORKS:
        line = line_of(lines, "clean", network)
        names = line.results[0]["classes"]
        matrix = np.sum([result["confusion"]["clip"] for result in line.results], axis=0)
        recalls[network] = {name: float(matrix[place, place] / max(matrix[place].sum(), 1))
                            for place, name in enumerate(names)}
    classes = ordered_classes(list(recalls["snn"]))
    rows = tuple((name, *(f"{100 * recalls[network][name]:.1f}" for network in NETWORKS)) for name in classes)
    return Section("Recall of each class, clean", tables=(
        Table("Per cent, over all splits and seeds", ("class", *NETWORKS.values()), rows),))


def told_lines(lines: Sequence[Line]) -> list[tuple[str, str, str, str]]:
    """A few words for each line: protocol, network, seeds, accuracy with its interval."""
    return [(line.protocol, line.network, str(len(line.accuracy.values)),
             f"{100 * line.accuracy.mean:.1f} ({_between(line.interval)})") for line in lines]


def _work(lines: Sequence[Line]) -> tuple[list[Mapping[str, Any]], float]:
    """Operations of the spiking trainings under the clean protocol, and the twin's multiply-accumulates."""
    return ([result["operations"] for result in line_of(lines, "clean", "snn").results],
            float(line_of(lines, "clean", "ann").results[0]["operations"]["per_decision"]))


def _parameters(lines: Sequence[Line], network: str) -> str:
    return numbers_text([result["parameters"] for result in line_of(lines, "clean", network).results])


def _difference(lines: Sequence[Line], protocol: str) -> OverSeeds:
    return line_of(lines, protocol, "snn").accuracy.minus(line_of(lines, protocol, "ann").accuracy)


def _between(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
