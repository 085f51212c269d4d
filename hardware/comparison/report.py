"""A comparison as a report in one HTML file, made from its mapping alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neurofer.hardware.comparison.costs import memory_section, operations_section
from neurofer.hardware.comparison.energy_report import energy_section
from neurofer.hardware.comparison.figures import early_figure, latency_figure
from neurofer.hardware.comparison.targets import TARGETS
from neurofer.hardware.comparison.words import (
    NAMES,
    alike,
    first_words,
    name_of,
    rows_of,
    share,
    share_with,
    target_name,
    where_of,
)
from neurofer.plot.report import Bar, Picture, Report, Section, Table, figure_png

Found = Mapping[str, Any]

BASELINES = ("majority", "event_count")


def comparison_report(found: Found, command: str = "") -> Report:
    """The whole report.

    Args:
        found: From ``neurofer.hardware.compare``.
        command: What made it.
    """
    sections = [who_section(found), accuracy_section(found), decisions_section(found), spikes_section(found),
                early_section(found), time_section(found), operations_section(found), energy_section(found),
                memory_section(found), facts_section(found, command)]
    return Report("ANN and SNN, side by side", lead(found), _facts(found), tuple(sections))


def lead(found: Found) -> str:
    """What matters, in two or three sentences."""
    data, accuracy = found["data"], found["accuracy"]
    said = (f"On {data['recordings']} recordings of {len(data['subjects'])} people that neither network had seen, the "
            f"ANN is right in {share(accuracy['ann']['accuracy'])} %, the SNN in "
            f"{share(accuracy['torch']['accuracy'])} %.")
    if not found["spikes"]:
        return said
    wrong = [name for name, target in found["spikes"].items() if target["different"]]
    checked = ", ".join(f"{name} ({target['recordings']} recordings)" for name, target in found["spikes"].items()
                        if name not in wrong)
    if checked:
        said += f" Every layer fires the same spikes at every step on {checked} as in training."
    return said + (f" Other spikes are fired on {', '.join(wrong)}." if wrong else "")


def who_section(found: Found) -> Section:
    """What every name in the tables stands for, and what it ran on; a line each."""
    ann, there = found["time"]["ann"], found["accuracy"]
    lines = [f"ann: an ordinary network, which decides after every window of {ann['decision_ms']:g} ms about the last "
             f"{ann['evidence_ms']:g} ms ({found['time']['latency']['ann']['where']}).",
             *(_target_line(found, name) for name in found["targets"])]
    known = {"float": "the spiking network's weights before they were rounded to what the chip holds",
             "majority": "says what was most frequent in training, whatever comes",
             "event_count": "knows how many events came and nothing else"}
    lines += [f"{NAMES.get(name, name)}: {what}." for name, what in known.items() if name in there]
    return Section("Who is compared", tuple(lines))


def _target_line(found: Found, name: str) -> str:
    elsewhere = "" if target_name(found, name) == name else "on a GPU where there is one; here: "
    return f"{name}: {TARGETS[name]} ({elsewhere}{where_of(found, name)})."


def accuracy_section(found: Found) -> Section:
    """Accuracy, UAR and macro F1 of all, beside baselines."""
    whole = found["data"]["recordings"]
    bars, rows = [], []
    for name, shown in rows_of(found, found["accuracy"]).items():
        scored = found["accuracy"][name]
        low, high = scored["interval"]["accuracy"] or (None, None)
        if scored["samples"] == whole:
            bars.append(Bar(shown, scored["accuracy"], low, high, weak=name in BASELINES))
        rows.append((shown, str(scored["samples"]), *(share_with(scored[metric], scored["interval"][metric])
                                                      for metric in ("accuracy", "uar", "macro_f1"))))
    few = [name for name in found["targets"] if found["accuracy"][name]["samples"] < whole]
    note = "UAR: mean of the classes' recalls. Macro F1: mean of the classes' F1. Baselines see no face."
    if few:
        note += f" {', '.join(few)} ran a few recordings only, whose accuracy says nothing of the others."
    return Section("How often they are right", (
        f"Per recording, on the same {whole} test recordings for all; intervals are 95 % over the "
        f"{len(found['data']['subjects'])} people.", *_rounding_words(found)),
        tuple(bars), (Table("In per cent, with 95 % intervals over the tested people",
                            ("", "recordings", "accuracy %", "UAR %", "macro F1 %"), tuple(rows), note),))


def _rounding_words(found: Found) -> tuple[str, ...]:
    if found["runs"]["snn"]["quantised"]:
        return ("The SNN was trained for the chip: what is called torch is the trained network in the chip's integers. "
                "Its weights before they were rounded stand beside it as float.",)
    return ("The SNN was trained in float numbers and rounded for this comparison. The chip network is another network "
            "than the trained one (torch): differences below are what rounding does. Train with snn.quantise to have "
            "none.",)


def decisions_section(found: Found) -> Section:
    """How often two networks decide the same."""
    same, together = alike(found), rows_of(found, ["torch"])["torch"]
    rows = []
    for pair in found["decisions"]:
        one, other = pair["one"], pair["other"]
        if other in same[2:] or (one != "torch" and (one, other) != ("ann", "torch")):
            continue
        shown = together if other in same[1:] else f"{name_of(found, one)} and {name_of(found, other)}"
        rows.append((shown, str(pair["recordings"]), str(pair["same"]),
                     share(pair["same"] / max(pair["recordings"], 1))))
    return Section("How often they decide the same", tables=(
        Table("Recordings that both decide alike, rightly or wrongly", ("", "recordings", "the same", "%"),
              tuple(rows)),))


def spikes_section(found: Found) -> Section:
    """Agreement spike for spike, by target and by layer."""
    rows = [(target_name(found, name), where_of(found, name), str(target["recordings"]), f"{target['steps']:,}",
             f"{target['spikes']:,}", f"{target['different']:,}", first_words(target["first"]))
            for name, target in found["spikes"].items()]
    text = ["Spikes of every layer, of every neuron at every step, beside those of the trained network (torch). "
            "Differing are those that one of both fired alone."]
    if "lava" in found["spikes"]:
        text.append(f"Lava takes long for a step and ran {found['spikes']['lava']['recordings']} of the "
                    f"{found['data']['recordings']} recordings (--lava-clips), every layer of them, its delay of one "
                    "step a layer taken out.")
    if not rows:
        return Section("Spike for spike", ("No other target than torch was asked for.",))
    by_layer = []
    for number, layer in enumerate(found["chip"]["layers"]):
        each = [target["layers"][number] for target in found["spikes"].values()]
        by_layer.append((layer["name"], " x ".join(map(str, layer["shape"])), f"{each[0]['spikes']:,}",
                         *(f"{one['different']:,}" for one in each)))
    first = next(iter(found["spikes"].values()))
    return Section("Spike for spike", tuple(text), tables=(
        Table("By target", ("", "runs on", "recordings", "steps", "spikes of torch", "differing", "first difference"),
              tuple(rows)),
        Table("By layer", ("", "neurons", "spikes of torch", *(f"differing, {name}" for name in found["spikes"])),
              tuple(by_layer), note=f"Spikes of torch are those in {first['recordings']} recordings.")))


def early_section(found: Found) -> Section:
    """Accuracy by evidence, since the start and since the onset."""
    early, evidence = found["early"], found["time"]["ann"]["evidence_ms"]
    header = ("", *(f"{ms} ms" for ms in early["at_ms"]), "whole recording")
    tables = [Table("Accuracy in per cent by the time since a recording began", header,
                    _early_rows(found, early["since_start"]),
                    note="A dash: nothing was said yet of any recording. A spiking network that is silent so far "
                         "decides for the first class. The picture shows 95 % intervals, report.json tells them.")]
    if early["since_onset"]:
        rows = early["since_onset"]
        tables.append(Table(f"Accuracy in per cent by the time since the expression began, {rows['recordings']} "
                            "recordings", header[:-1], _early_rows(found, rows["rows"]),
                            note="A recording of which nothing was said yet counts as wrong. That lowers what the ann "
                                 f"has before {evidence:g} ms, as many recordings have run for less than that by "
                                 "then."))
    return Section("Evidence time against accuracy", (
        "What each would say if the recording ended at that moment. The SNN says something after every step of "
        f"{found['chip']['dt_ms']:g} ms, the ANN after every window of {found['time']['ann']['decision_ms']:g} ms from "
        f"{evidence:g} ms on; neither was trained for it. On a chip the SNN's answer to a step comes "
        f"{found['chip']['delay_ms']:g} ms later ({found['chip']['delay_steps']} layers, a step each).",),
        tables=tuple(tables), pictures=(Picture(
            figure_png(early_figure(found)), "Accuracy of ANN and SNN by the evidence so far.",
            f"Bands: 95 % over people. Targets that say what the SNN says lie under its line.{_late_start(found)}"),))


def _early_rows(found: Found, rows: Mapping[str, Sequence[Any]]) -> tuple[tuple[str, ...], ...]:
    return tuple((shown, *("-" if one is None else share(one["accuracy"]) for one in rows[name]))
                 for name, shown in rows_of(found, rows).items())


def _late_start(found: Found) -> str:
    """Why the ANN has fewer marks than the SNN; empty if it has as many."""
    at_ms, ann = found["early"]["at_ms"], found["time"]["ann"]
    there = [ms for ms, one in zip(at_ms, found["early"]["since_start"]["ann"], strict=False) if one is not None]
    if len(there) == len(at_ms):
        return ""
    windows = round(ann["evidence_ms"] / ann["decision_ms"])
    first = f", so its first mark is that of {there[0]:g} ms" if there else ", later than all of these moments"
    return (f" Since a recording began the ann says nothing before {ann['evidence_ms']:g} ms, its first {windows} "
            f"windows{first}.")


def time_section(found: Found) -> Section:
    """Evidence, computing and the chip's delay; throughput."""
    time, host = found["time"], found["host"]
    rows = [(name_of(found, name), row["where"], f"{time['ann' if name == 'ann' else 'snn']['evidence_ms']:g}",
             *(f"{row[quantile]:.2f}" for quantile in ("p50_ms", "p95_ms", "p99_ms")))
            for name, row in time["latency"].items()]
    flows = [(name_of(found, name), row["where"], f"{row['recordings_per_s']:.1f}", f"{row['event_seconds_per_s']:.1f}",
              str(row["batch"])) for name, row in time["throughput"].items()]
    one, flow = (next(iter(time[what].values())) for what in ("latency", "throughput"))
    text = [f"Evidence is the time of events that a decision looks at. Computing is from ready input to the decision, "
            f"one recording at a time, the network's state kept, on {host['processor']} ({host['system']}). Making the "
            "input from events is not in it, and waiting in a queue is not measured: a live stream has both on top.",
            f"The delay of {time['chip_delay_ms']:g} ms is the chip's own, {found['chip']['delay_steps']} layers of "
            f"{found['chip']['dt_ms']:g} ms, on top of the evidence. No time here is that of a chip: a simulator's "
            "time is never a chip's."]
    if "lava" in found["targets"]:
        text.append("Lava has no row for that reason: how long its simulation takes says nothing of Loihi.")
    return Section("How long a decision takes", tuple(text), tables=(
        Table("Evidence and computing of a decision, in milliseconds", (
            "", "runs on", "evidence ms", "p50 ms", "p95 ms", "p99 ms"), tuple(rows),
            note=f"{one['decisions']} decisions of each, in turns, behind {one['warm_up']} of warm-up; batch "
                 f"{one['batch']}, threads: {one['threads']}."),
        Table("Throughput from ready input", ("", "runs on", "recordings / s", "seconds of events / s", "batch"),
              tuple(flows), note=f"{flow['recordings']} recordings, median of {flow['rounds']} rounds, in turns, "
                                 f"behind one of warm-up; threads: {flow['threads']}. The ANN takes all windows of a "
                                 "recording together.")),
        pictures=(Picture(figure_png(latency_figure(found)), "Time for a decision of each contestant.",
                          "Computing alone, this host."),))


def facts_section(found: Found, command: str) -> Section:
    """Digests, seeds, versions."""
    rows = [(f"{name} run", run["name"], run["digest"][:16], str(run["seed"]), run["protocol"])
            for name, run in found["runs"].items()]
    rows.append(("chip network", found["chip"]["target"], found["chip"]["digest"][:16], "",
                 f"trained {found['chip']['trained']}"))
    rows.append(("data", found["data"]["name"], found["data"]["digest"][:16], "",
                 f"test people {', '.join(found['data']['subjects'])}"))
    versions = ", ".join(f"{name} {value}" for name, value in found["host"].items())
    return Section("How this was made", (f"Versions and host: {versions}.",
                                         "Nothing was trained or chosen here. report.json holds every number."),
                   tables=(Table("Digests and seeds", ("", "name", "SHA-256", "seed", ""), tuple(rows)),),
                   commands=(command,) if command else ())


def _facts(found: Found) -> tuple[tuple[str, str], ...]:
    return (("neurofer", str(found["host"]["neurofer"])),
            ("runs", f"{found['runs']['ann']['name']}, {found['runs']['snn']['name']}"),
            ("data", f"{found['data']['name']} {found['data']['digest'][:12]}"),
            ("chip", f"{found['memory']['chip']}, network {found['chip']['digest'][:12]}"),
            ("targets", ", ".join(found["targets"])))
