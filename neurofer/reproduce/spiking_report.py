"""The report of spiking against ordinary recognisers: accuracy, what it costs, how early it is there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurofer.plot.report import Report, Section, Table
from neurofer.reproduce.cells import Outcome
from neurofer.reproduce.report import Made, again, facts, people, pretraining_section, require_unseen_subjects
from neurofer.reproduce.spiking_config import ARMS, REFERENCE
from neurofer.reproduce.spiking_figures import spiking_figures
from neurofer.reproduce.spiking_tables import (
    BREAK_EVEN,
    SHARE,
    SINCE,
    WITHIN,
    Aim,
    aims,
    arm_rows,
    arms_there,
    column,
    spiking_differences,
    spiking_rows,
    times_of,
)
from neurofer.reproduce.tables import SCORES, Row
from neurofer.reproduce.words import amount_text, between_text, mean_text

_WHAT = {
    "ann_scratch": "encoder and LSTM on pictures of events, fresh weights",
    "ann_transferred": "the same, its encoder from a generator of faces, trained on",
    "snn_scratch": "spikes at every step, fresh weights",
    "snn_distilled": "the same, with the decisions of an ANN as second target",
    "snn_transferred": "the same, its encoder from a spiking generator of faces, trained on",
    "snn_transferred_distilled": "both",
}


def spiking_report(outcome: Outcome, made: Made) -> Report:
    """The whole table.

    Args:
        outcome: The cells; those that are missing are counted.
        made: Where they come from.

    Raises:
        NeuroferError: a pre-training or a teacher has seen a subject that was tested on.
    """
    require_unseen_subjects(outcome.records)
    title, rows = f"Spiking recognisers on {made.clip_set.name}", spiking_rows(outcome.records)
    shown = arm_rows(rows)
    if not shown:
        return Report(title, "No training is finished yet.", facts(outcome, made), (again(made),))
    sections = (aim_section(rows), accuracy_section(shown), *spiking_figures(rows, title), cost_section(shown),
                *rates_section(shown), *anytime_section(shown), differences_section(shown), *sweep_section(rows),
                *pretraining_section(outcome.records), again(made))
    return Report(title, f"The same people, folds and labels for recognisers that multiply at every window and for "
                         f"recognisers that spike: {len(rows)} trainings. {people(rows)}", facts(outcome, made),
                  sections)


def aim_section(rows: Sequence[Row]) -> Section:
    """Whether a spiking arm is near enough with few enough operations, in words, arm by arm."""
    found = aims(rows)
    wanted = (f"The aim: within {100 * WITHIN:g} point of {REFERENCE} with {SHARE:g} of its operations or less. "
              "Operations of a recording: multiply-accumulates of the ANN, synaptic operations and neuron updates of "
              "the SNN, counted and not weighed against each other; a share of them is no share of energy.")
    if not found:
        return Section("The aim", (wanted, f"Not to be told yet: it needs {REFERENCE} and a spiking arm."))
    met = [one.arm for one in found if one.met]
    lead = f"Met in the mean by {_and(met)}." if met else "Not met."
    return Section("The aim", (wanted, lead, *map(aim_text, found)))


def aim_text(aim: Aim) -> str:
    """One arm against the aim, from its numbers."""
    interval = aim.points.interval
    times = f"{1 / aim.share_with_updates:.3g} times fewer" if 0 < aim.share_with_updates <= 1 else "no fewer"
    words = [f"{aim.arm}: {mean_text(aim.points, signed=True)} points against {REFERENCE}, with {aim.share:.3g} of its "
             f"operations, {aim.share_with_updates:.3g} with neuron updates ({times})."]
    lacks = [*([] if aim.near else ["accuracy"]), *([] if aim.few else ["operations"])]
    words.append("Met in the mean." if aim.met else f"Not met: {' and '.join(lacks)}.")
    if interval is None:
        words.append("One seed does not say how much another would change that.")
    elif not aim.settled:
        words.append("The interval over seeds lies on both sides of the point, so these seeds do not settle it.")
    return " ".join(words)


def accuracy_section(rows: Sequence[Row]) -> Section:
    """Scores per recording of every arm, and what needs no face."""
    found = {name: column(rows, of) for name, of in {**SCORES, "per window": "accuracy_window"}.items()}
    lines = [(arm, *(mean_text(found[name][arm]) for name in found), str(len(found["accuracy"][arm].values)))
             for arm in arms_there(rows)]
    lines.append(("majority", f"{100 * np.mean([row['majority_accuracy'] for row in rows]):.1f}", "-", "-", "-", "-"))
    for backend, seen in (("ann", "windows"), ("snn", "steps")):
        mine = [row["event_count_accuracy"] for row in rows if ARMS[row["arm"]].backend == backend]
        if mine:
            lines.append((f"event count alone, of the {seen} of an {backend.upper()}", f"{100 * np.mean(mine):.1f}",
                          "-", "-", "-", "-"))
    text = "; ".join(f"{arm}: {_WHAT[arm]}" for arm in arms_there(rows))
    return Section("Accuracy", (f"{text}.",), tables=(
        Table("Test people, per recording, in per cent, mean over seeds with 95 % t interval",
              ("arm", *found, "seeds"), tuple(lines),
              note="A window of an ANN and the decision of an SNN in a stream look at different lengths of events."),))


def cost_section(rows: Sequence[Row]) -> Section:
    """Parameters and operations by decision, second and recording."""
    lines = []
    for arm in arms_there(rows):
        mine = [row for row in rows if row["arm"] == arm]
        lines.append((arm, between_text((row["parameters"] for row in mine), ","), str(mine[0]["operations"]),
                      *(amount_text(row[f"operations_per_{unit}"] for row in mine)
                        for unit in ("decision", "second", "clip")),
                      amount_text(row["updates_per_clip"] for row in mine) if "updates_per_clip" in mine[0] else "-",
                      f"{mine[0]['evidence_ms']:g} ms"))
    return Section("Operations", (
        "Counted on the tested recordings: what an ANN multiplies does not depend on the input; a synaptic operation "
        "is one spike at one synapse, input spikes included, of 32 recordings at most. Per recording, both have seen "
        "the same events, but for an ANN's last window where it is not whole. A decision in a stream keeps its state, "
        "so it pays for the events since the decision before alone.",), tables=(
        Table("Range over seeds", ("arm", "parameters", "operation", "per decision", "per second of input",
                                   "per recording", "neuron updates per recording", "evidence of a decision"),
              tuple(lines)),))


def rates_section(rows: Sequence[Row]) -> tuple[Section, ...]:
    """How sparse the spikes are, layer by layer, and how far from break-even; nothing without spikes."""
    mine = [row for row in rows if row.get("rate") is not None]
    if not mine:
        return ()
    layers = list(dict.fromkeys(name for row in mine for name in row if name.startswith("rate_of_")))
    of_layers, totals = [], []
    for arm in arms_there(mine):
        these = [row for row in mine if row["arm"] == arm]
        of_layers.append((arm, *(f"{np.mean([row[name] for row in these]):.3f}" for name in ("rate", *layers))))
        totals.append((arm, *(between_text((row[name] for row in these), form) for name, form in (
            ("steps_of_evidence", ".0f"), ("rate_x_steps", ".2f"), ("passes_of_evidence", ".2f"),
            ("steps_per_clip", ".0f"), ("rate_x_steps_clip", ".1f"), ("passes_per_clip", ".1f")))))
    below = [_and([arm for arm in arms_there(mine) if max(row[name] for row in mine if row["arm"] == arm) < BREAK_EVEN])
             for name in ("passes_of_evidence", "passes_per_clip")]
    text = (f"By a table of energies (FP32, 45 nm: 4.6 pJ a multiply-accumulate, 0.9 an accumulate) spikes cost less "
            f"than one dense pass of the same layers as long as rate x steps is below {BREAK_EVEN:.1f}; memory traffic "
            "is not in it, and it is an estimate, no measurement. Under every seed that is so for the evidence of one "
            f"decision for {below[0]}, for a whole recording for {below[1]}. Dense passes are synaptic operations by "
            "the multiply-accumulates of one pass: rate x steps with each spike weighed by its synapses.")
    return (Section("Rates", (text,), tables=(
        Table("Spikes per neuron and step, mean over seeds",
              ("arm", "all", *(name.removeprefix("rate_of_") for name in layers)), tuple(of_layers)),
        Table("Rate times steps, range over seeds",
              ("arm", "steps of a decision's evidence", "rate x steps", "dense passes", "steps of a recording",
               "rate x steps", "dense passes"), tuple(totals)))),)


def anytime_section(rows: Sequence[Row]) -> tuple[Section, ...]:
    """Accuracy by time; nothing if no run says."""
    whole, tables = column(rows, "accuracy_clip"), []
    for since, words in SINCE.items():
        known = {time: column(rows, name) for time, name in times_of(rows, since).items()}
        if known:
            lines = [(arm, *(mean_text(values[arm]) if arm in values else "-" for values in known.values()),
                      mean_text(whole[arm])) for arm in arms_there(rows)]
            tables.append(Table(f"Accuracy in per cent {words}, mean over seeds with 95 % t interval",
                                ("arm", *(f"{time} ms" for time in known), "whole recording"), tuple(lines)))
    if not tables:
        return ()
    return (Section("How early", (
        "The decision after so many milliseconds of each tested recording. An SNN has one at every step; an ANN has "
        "its first when its first windows are complete. A recording about which nothing was said yet counts as wrong; "
        "a dash where that is so for all.",), tables=tuple(tables)),)


def differences_section(rows: Sequence[Row]) -> Section:
    """Paired differences over seeds."""
    found = spiking_differences(rows)
    if not found:
        return Section("Differences", ("There is nothing to compare yet.",))
    lines = tuple((one.what, mean_text(one.values, signed=True), str(len(one.values.values)),
                   "yes" if one.clear else "no" if one.values.interval else "-") for one in found)
    return Section("Differences", ("Paired over seeds. The interval is that of the mean over seeds; it says nothing "
                                   "about other people.",), tables=(
        Table("Accuracy per recording in points, mean over seeds with 95 % t interval",
              ("difference", "points", "seeds", "interval leaves out 0"), lines),))


def sweep_section(rows: Sequence[Row]) -> tuple[Section, ...]:
    """Accuracy with other activity; nothing where no lever was moved."""
    swept = [row for row in rows if row["lever"]]
    if not swept:
        return ()
    arm = swept[0]["arm"]
    seeds = {row["seed"] for row in swept}
    mine = [row for row in rows if row["arm"] == arm and row["seed"] in seeds]
    lines = []
    for lever in dict.fromkeys(row["lever"] for row in mine):
        these = [row for row in mine if row["lever"] == lever]
        lines.append((lever or "as in the table", *(mean_text(column(these, name)[arm]) for name in SCORES.values()),
                      amount_text(row["operations_per_second"] for row in these),
                      between_text(row["rate"] for row in these), str(len(these))))
    return (Section("Accuracy against operations", (
        f"{arm} with one key of snn changed, under the same seeds as the first line.",), tables=(
        Table("Per cent, mean over seeds with 95 % t interval", ("lever", *SCORES, "synaptic operations per second",
                                                               "rate", "seeds"), tuple(lines)),)),)


def _and(names: Sequence[str]) -> str:
    """The names in a row; ``no arm`` for none."""
    if not names:
        return "no arm"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
