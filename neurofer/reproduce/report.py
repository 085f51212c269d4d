"""The report of a reproduction: every table with what it was computed from, as one document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neurofer.data.clip import ClipSet
from neurofer.errors import NeuroferError
from neurofer.plot.report import Report, Section, Table
from neurofer.reproduce.cells import Outcome
from neurofer.reproduce.config import MODES
from neurofer.reproduce.figures import evtransfer_figures
from neurofer.reproduce.tables import (
    AXES,
    SCORES,
    Difference,
    Row,
    differences,
    over_seeds,
    training_rows,
)
from neurofer.reproduce.words import axis_text, mean_text, network_text, numbers_text, place_text, share_text


@dataclass(frozen=True)
class Made:
    """What a report is about, beside its results.

    Attributes:
        command: That gives it again.
        configuration: The resolved settings as text.
        clip_set: The data.
    """

    command: str
    configuration: str
    clip_set: ClipSet

    @property
    def configuration_digest(self) -> str:
        """SHA-256 of the resolved settings."""
        return hashlib.sha256(self.configuration.encode()).hexdigest()


def evtransfer_report(outcome: Outcome, made: Made, more: Sequence[Section] = ()) -> Report:
    """The whole ablation: accuracies, differences, every score, baselines, pre-training, how it was made.

    Args:
        outcome: The cells; those that are missing are counted.
        made: Where they come from.
        more: Sections to add before the last one.

    Raises:
        NeuroferError: a pre-training has seen a subject that it was tested on without the protocol allowing that.
    """
    require_unseen_subjects(outcome.records)
    rows = training_rows(outcome.records)
    if not rows:
        lead = "The ladder alone." if more else "No training is finished yet."
        return Report(f"evTransFER on {made.clip_set.name}", lead, facts(outcome, made), (*more, again(made)))
    figures = evtransfer_figures(rows, made.clip_set.name)
    sections = (accuracy_section(rows), *([figures] if figures else []), differences_section(rows),
                scores_section(rows), baselines_section(rows), *pretraining_section(outcome.records), *more,
                again(made))
    return Report(f"evTransFER on {made.clip_set.name}",
                  f"An encoder that learned to draw the face from events, taken over by a recogniser or not: "
                  f"{len(rows)} trainings. {people(rows)}", facts(outcome, made), sections)


def people(rows: Sequence[Row]) -> str:
    """Who and what was tested."""
    seeds = sorted({row["seed"] for row in rows})
    return (f"Tested on {numbers_text([row['test_clips'] for row in rows])} recordings "
            f"({numbers_text([row['test_windows'] for row in rows])} decision windows) of "
            f"{numbers_text([row['test_subjects'] for row in rows])} people; {len(seeds)} "
            f"seed{'s' if len(seeds) > 1 else ''} ({', '.join(map(str, seeds))}).")


def facts(outcome: Outcome, made: Made) -> tuple[tuple[str, str], ...]:
    """Versions, machine, digests, protocol, and whether anything is missing."""
    records = outcome.records.values()
    results = [record["result"] for record in records]
    machines = sorted({f"{host['system']}, {host['processor']}, torch {host['torch']}, Python {host['python']}"
                       for host in (one["host"] for one in results if "host" in one)})
    versions = sorted({one["host"]["neurofer"] for one in results if "host" in one})
    protocols = sorted({record["result"]["protocol"] for record in records
                        if record["parameters"].get("stage") == "train"})
    codes = {record["code"] for record in outcome.records.values()}
    seconds = sum(record["seconds"] for record in outcome.records.values())
    found = [
        ("neurofer", ", ".join(versions) or "-"),
        ("data", f"{made.clip_set.name}, {len(made.clip_set.clips)} recordings of {len(made.clip_set.subjects)} "
                 f"people, digest {made.clip_set.digest[:12]}"),
        ("configuration", f"digest {made.configuration_digest[:12]}"),
        *(("protocol", protocol) for protocol in protocols),
        *(("machine", machine) for machine in machines),
        ("computing", f"{seconds / 60:.0f} minutes in {len(outcome.records)} cells, each in one process"),
    ]
    if outcome.missing:
        found.append(("not complete", f"{len(outcome.missing)} of {len(outcome.missing) + len(outcome.records)} cells "
                                      "are missing"))
    if len(codes) > 1:
        found.append(("code", f"the cells were made by {len(codes)} versions of the code"))
    return tuple(found)


def require_unseen_subjects(records: Mapping[str, Mapping[str, Any]]) -> None:
    """Check by the records that no pre-training and no teacher saw whom its recogniser was tested on.

    Published protocols (``split.kind=paper`` and ``random``) share subjects; there no tested clip may have been seen,
    and a teacher has seen every clip that it was not tested on.

    Raises:
        NeuroferError: somebody was seen; names the cells and the subjects or clips.
    """
    for name, record in records.items():
        if record["parameters"].get("stage") not in ("train", "ladder"):
            continue
        for need in record.get("needs", {}):
            before = records.get(need)
            if before is None:
                continue
            teacher = before["parameters"].get("stage") == "train"
            shared = record["parameters"]["config"]["split"]["kind"] in ("paper", "random")
            seen, tested = before["result"]["subjects"], record["result"]["subjects"]["test"]
            if shared:
                tested = record["result"]["predictions"]["clip"]
                seen = set(tested) - set(before["result"]["predictions"]["clip"]) if teacher \
                    else before["result"]["clips"]
            elif teacher:
                seen = [*seen["train"], *seen["validation"]]  # whom it learned from, and who chose its epoch
            both = sorted(set(seen) & set(tested))
            if both:
                what = "teacher" if teacher else "pre-training"
                raise NeuroferError(f"{name}: its {what} {need} has seen {', '.join(both[:10])}, on whom it was "
                                    "tested; no table is made of that, run both again with one split")


def accuracy_section(rows: Sequence[Row]) -> Section:
    """Accuracy per recording: networks and label shares down, modes across."""
    modes = [mode for mode in MODES if any(row["mode"] == mode for row in rows)]
    found = over_seeds(rows, "accuracy_clip")
    tables = []
    for variant in dict.fromkeys(row["variant"] for row in rows):
        lines = []
        for lstm in sorted({row["lstm"] for row in rows}):
            for share in sorted({row["labels"] for row in rows}, reverse=True):
                cells = [found.get((variant, lstm, share, mode)) for mode in modes]
                if any(cells):
                    clips = [row["train_clips"] for row in rows if row["labels"] == share]
                    lines.append((f"{network_text(lstm)}, {share_text(share)}", numbers_text(clips),
                                  *(mean_text(cell) if cell else "-" for cell in cells)))
        tables.append(Table(f"{variant}: accuracy per recording in per cent, mean over seeds with 95 % t interval",
                            ("network, labels", "recordings to learn from", *modes), tuple(lines)))
    return Section("Accuracy", (
        "scratch begins with fresh weights; random leaves them as they are, and only LSTM and head learn. linear does "
        "so with the encoder of the generator. finetune takes it and goes on, the encoder with a smaller rate. The "
        "pre-training sees all training people, but no labels.",), tables=tuple(tables))


def differences_section(rows: Sequence[Row]) -> Section:
    """What each change does, all else equal, in points, paired over seeds."""
    score = "accuracy_clip"
    shown = [axis for axis in AXES if len({row[axis] for row in rows}) > 1]
    found: list[Difference] = []
    for first, second in (("scratch", "linear"), ("scratch", "finetune"), ("linear", "finetune"), ("random", "linear")):
        found += differences(rows, score, "mode", first, second)
    found += differences(rows, score, "lstm", False, True, network_text)
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    for other in variants[1:]:
        found += differences(rows, score, "variant", variants[0], other)
    lines = [(f"{one.what}; {place_text(one.where, shown)}", mean_text(one.values, signed=True),
              str(len(one.values.values)), "yes" if one.clear else "no" if one.values.interval else "-")
             for one in found]
    text = ("Second minus first under the same seed, so with the same labels and people. The interval is that of the "
            "mean over seeds; it says nothing about other people. Of so many rows, about one in twenty leaves out zero "
            "by chance.",)
    if not lines:
        return Section("Differences", ("There is nothing to compare yet.",))
    return Section("Differences", text, tables=(
        Table("Accuracy per recording in points, mean over seeds with 95 % t interval",
              ("change", "points", "seeds", "interval leaves out 0"), tuple(lines)),))


def scores_section(rows: Sequence[Row], variant: str = "TIE variant") -> Section:
    """Every score of every combination; ``variant`` is what the first axis is called."""
    shown = [axis for axis in AXES if len({row[axis] for row in rows}) > 1] or ["variant"]
    titles = {"variant": variant, "lstm": "network", "labels": "labels", "mode": "mode"}
    lines = []
    per_window = over_seeds(rows, "accuracy_window")
    columns = {name: over_seeds(rows, column) for name, column in SCORES.items()}
    for where, accuracy in columns["accuracy"].items():
        named = dict(zip(AXES, where, strict=True))
        deviation = "-" if accuracy.deviation is None else f"{100 * accuracy.deviation:.1f}"
        lines.append((", ".join(axis_text(axis, named[axis]) for axis in shown), str(len(accuracy.values)),
                      mean_text(accuracy), deviation, f"{100 * accuracy.largest:.1f}",
                      mean_text(columns["UAR"][where]), mean_text(columns["macro F1"][where]),
                      mean_text(per_window[where])))
    table = Table("Per cent, mean over seeds with 95 % t interval; sd and max are of the accuracy per recording",
                  (", ".join(titles[axis] for axis in shown), "seeds", "accuracy", "sd", "max", "UAR", "macro F1",
                   "accuracy per window"), tuple(lines),
                  note="max is the best seed, as in the published tables; it is no estimate of anything.")
    return Section("Every score", tables=(table,))


def baselines_section(rows: Sequence[Row]) -> Section:
    """What needs no face, on the same people."""
    lines = []
    for share in sorted({row["labels"] for row in rows}, reverse=True):
        mine = [row for row in rows if row["labels"] == share]
        lines.append((share_text(share), *(mean_text(next(iter(over_seeds(mine, f"{kind}_accuracy", ()).values())))
                                           for kind in ("majority", "event_count"))))
    return Section("What needs no face", ("The most frequent training class, and a logistic regression on the number "
                                          "of ON and OFF events of a recording.",), tables=(
        Table("Accuracy per recording in per cent, mean over seeds", ("labels", "majority", "event count alone"),
              tuple(lines)),))


def pretraining_section(records: Mapping[str, Mapping[str, Any]]) -> tuple[Section, ...]:
    """How near the drawn faces of held-out people come."""
    done = [record for record in records.values() if record["parameters"].get("stage") == "pretrain"]
    names = {"psnr_db": "PSNR dB", "ssim": "SSIM", "mae": "MAE", "ncc": "NCC"}
    names = {key: name for key, name in names.items() if all(key in record["result"]["held_out"] for record in done)}
    if not done or not names:
        return ()
    lines = []
    for variant in dict.fromkeys(record["parameters"]["variant"] for record in done):
        mine = [record["result"] for record in done if record["parameters"]["variant"] == variant]
        for title, key in ((f"{variant} ({len(mine)} seed{'s' if len(mine) > 1 else ''})", "held_out"),
                           ("with the embedding of another clip", "other_embedding"),
                           ("mean training face", "mean_face")):
            if all(name in one.get(key, {}) for one in mine for name in names):
                lines.append((title, *(f"{sum(one[key][name] for one in mine) / len(mine):.3f}" for name in names)))
    return (Section("Pre-training", ("Faces drawn of people that the generator has not seen, mean over seeds, beside "
                                     "the mean face of the training people.",), tables=(
        Table("Pictures of held-out people", ("", *names.values()), tuple(lines)),)),)


def again(made: Made) -> Section:
    """The command and the settings."""
    return Section("The same again", (f"Settings: config.yaml beside this file (SHA-256 {made.configuration_digest}).",
                                      f"Data: SHA-256 {made.clip_set.digest}."), commands=(made.command,))
