"""Spotting in words and tables: F1 of both types, what each change does, who was read for what."""

from __future__ import annotations

from collections.abc import Sequence

from neurofer.data.long.store import LongSet
from neurofer.evaluate.spotting import NAMES, Name
from neurofer.plot.report import Picture, Report, Section, Table
from neurofer.reproduce.cells import Cell, Outcome
from neurofer.reproduce.figures import picture
from neurofer.reproduce.report import Made, again, facts
from neurofer.reproduce.spotting_data import counts_section, training_section
from neurofer.reproduce.spotting_published import published_section
from neurofer.reproduce.spotting_tables import (
    BASELINES,
    DECODINGS,
    Change,
    Line,
    VariantLine,
    baseline_lines,
    change,
    changes,
    decoded_lines,
    parts_of,
    require_untouched,
    spotting_lines,
)
from neurofer.reproduce.spotting_tally import Between
from neurofer.reproduce.spotting_variants import BASE, variant_text
from neurofer.reproduce.words import mean_text, numbers_text

PROTOCOL = ("leave one subject out of all data sets together; hits and misses of all folds summed over all videos and "
            "then scored (MEGC: the whole set is one long video; IoU of at least 0.5, matched one to one); fixed "
            "epochs, nothing is chosen on the tested subject")
_TOLD = "In brackets: 95 % t interval over seeds, where there are several. Other people: 95 % interval when the " \
        "subjects are drawn again, of all seeds together."


def spotting_report(cells: Sequence[Cell], outcome: Outcome, made: Made, long_set: LongSet) -> Report:
    """The whole report; only variants and seeds of which all folds are finished have numbers.

    Args:
        cells: From ``plan_spotting``.
        outcome: What of them is finished.
        made: Where they come from.
        long_set: The videos.

    Raises:
        NeuroferError: a tested subject was read for anything but the test.
    """
    title = f"Spotting on {long_set.clip_set.name}"
    lines = spotting_lines(cells, outcome.records)
    told = (("protocol", PROTOCOL), *facts(outcome, made))
    if not lines:
        return Report(title, "Not finished: no variant has all of its folds yet.", told,
                      (counts_section(long_set), again(made)))
    tested = {cell.parameters["subject"] for cell in cells}
    people = long_set.clip_set.subjects
    lead = (f"Micro- and macro-expressions found in long videos by a 3D network that compares each frame with two "
            f"others, with its ablations: {sum(len(line.results) for line in lines)} folds, each tested on one of "
            f"{len(tested)} subjects.")
    if len(tested) < len(people):
        lead += f" The other {len(people) - len(tested)} subjects only trained, so this is a part of the protocol."
    checked = require_untouched(cells, outcome.records)
    return Report(title, lead, told, (
        scores_section(lines, title), counted_section(lines), *changes_section(lines), *decodings_section(lines),
        *parts_section(lines), *published_section(lines, long_set, len(tested) == len(people)),
        counts_section(long_set), training_section(lines, checked), again(made)))


def scores_section(lines: Sequence[VariantLine], title: str) -> Section:
    """F1 of every variant and of what needs no network, of both types and overall, and a picture of each."""
    baselines = baseline_lines(lines)
    rows = [(line.name, *(text for kind in NAMES for text in (mean_text(line.score(kind)),
                                                               _between(line.interval(kind)))),
             str(len(line.tallies))) for line in lines]
    rows += [(line.name, *(text for kind in NAMES for text in (mean_text(line.score(kind)),
                                                                _between(line.interval(kind)))), "-")
             for line in baselines]
    text = [f"F1 is 2 TP / (2 TP + FP + FN), overall with those of both types summed. {_TOLD}"]
    if baselines:
        text.append("Without a network: " + "; ".join(f"{line.name}: {BASELINES[line.name]}" for line in baselines)
                    + ".")
    header = ("method", *(name for kind in NAMES for name in (kind, f"{kind}, other people")), "seeds")
    return Section("F1", tuple(text), tables=(Table("F1 in per cent", header, tuple(rows)),),
                   pictures=tuple(_picture(lines, baselines, kind, title) for kind in NAMES))


def _picture(lines: Sequence[VariantLine], baselines: Sequence[Line], kind: Name, title: str) -> Picture:
    """F1 with intervals over subjects: those over three seeds would be wider than the axis."""
    from neurofer.plot.ablation import Estimate
    from neurofer.plot.variants import variants_figure

    found: dict[str, Estimate] = {line.name: Estimate(line.score(kind).mean, *(line.interval(kind) or (None, None)))
                                  for line in lines}
    figure = variants_figure(found, f"{kind} F1 and 95 % interval when the subjects are drawn again", title,
                             {_floor_name(line, kind): line.score(kind).mean for line in baselines})
    return picture(figure, f"f1_{kind}.png", f"F1 of {kind} expressions of every variant with its interval"
                   if kind != "overall" else "F1 of both types together of every variant with its interval")


def _floor_name(line: Line, kind: Name) -> str:
    """A baseline's name in a picture, where a mark at zero hides behind the axis."""
    return line.name if line.score(kind).mean > 0 else f"{line.name}, 0 %"


def counted_section(lines: Sequence[VariantLine]) -> Section:
    """Precision, recall, and the counts behind them."""
    rows = []
    for line in [*lines, *baseline_lines(lines)]:
        totals = [[tally.total(kind) for tally in line.tallies.values()] for kind in NAMES]
        rows.append((line.name, *(text for kind, found in zip(NAMES, totals, strict=True) for text in (
            f"{100 * line.score(kind, score='precision').mean:.1f} / {100 * line.score(kind, score='recall').mean:.1f}",
            " / ".join(numbers_text([getattr(one, name) for one in found]) for name in ("tp", "fp", "fn"))))))
    header = ("method", *(name for kind in NAMES for name in (f"{kind} P / R", f"{kind} TP / FP / FN")))
    return Section("Precision and recall", ("Means over seeds in per cent; counts are a range where seeds differ.",),
                   tables=(Table("Over all tested videos", header, tuple(rows)),))


def changes_section(lines: Sequence[VariantLine]) -> tuple[Section, ...]:
    """What every variant does to F1, beside the base under the same seeds."""
    by_kind = {kind: changes(lines, kind) for kind in NAMES}
    if not by_kind[NAMES[0]]:
        return ()
    rows = [_change_row(found, variant_text(found[0].name)) for found in zip(*by_kind.values(), strict=True)]
    text = (f"Variant minus {BASE}, under the same seeds and on the same videos. {_TOLD} Of so many rows, about one in "
            "twenty leaves out zero by chance.",)
    return (Section("What each change does", text, tables=(
        Table("F1 in points", _change_header("variant"), tuple(rows)),)),)


def decodings_section(lines: Sequence[VariantLine]) -> tuple[Section, ...]:
    """The scores of the base turned into intervals in other ways; of the others, what the blink veto does."""
    rows = []
    for line in lines:
        for other in decoded_lines(line, tuple(DECODINGS) if line.name == BASE else ("no_veto",)):
            found = [one for kind in NAMES if (one := change(other, line, kind)) is not None]
            scores = " / ".join(f"{100 * other.score(kind).mean:.1f}" for kind in NAMES)
            rows.append((*_change_row(found, DECODINGS[other.name], f"{line.name}, {other.name}"), scores))
    if not rows:
        return ()
    text = (f"Intervals made in another way from the same scores of the same networks, minus the line's own way. "
            f"{_TOLD}",)
    header = (*_change_header("method, decoding"), "F1 micro / macro / overall, per cent")
    return (Section("Other ways to intervals", text, tables=(Table("F1 in points", header, tuple(rows)),)),)


def parts_section(lines: Sequence[VariantLine]) -> tuple[Section, ...]:
    """The same intervals, data set by data set; nothing where there is one."""
    parts = parts_of(lines)
    if not parts:
        return ()
    rows = tuple((line.name, *(mean_text(line.score(kind, part)) for part in parts for kind in NAMES))
                 for line in [*lines, *baseline_lines(lines)])
    header = ("method", *(f"{part} {kind}" for part in parts for kind in NAMES))
    return (Section("Parts", ("What the pooled training spots in the videos of one data set.",), tables=(
        Table("F1 in per cent, mean over seeds with 95 % t interval", header, rows),)),)


def told_lines(lines: Sequence[VariantLine]) -> list[tuple[str, str, str, str, str]]:
    """A few words for each variant: seeds, F1 of both types, overall."""
    return [(line.name, str(len(line.tallies)), *(mean_text(line.score(kind)) for kind in NAMES))  # type: ignore[misc]
            for line in lines]


def _change_header(first: str) -> tuple[str, ...]:
    return (first, "what is different", *(name for kind in NAMES for name in (kind, f"{kind}, other people")), "seeds")


def _change_row(found: Sequence[Change], text: str, name: str | None = None) -> tuple[str, ...]:
    return (name or found[0].name, text,
            *(cell for one in found for cell in (mean_text(one.values, signed=True), _between(one.interval, "+"))),
            str(len(found[0].values.values)))


def _between(interval: Between, sign: str = "") -> str:
    return "-" if interval is None else " to ".join(f"{100 * edge:{sign}.1f}" for edge in interval)
