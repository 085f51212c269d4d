"""``neurofer score-spotting``: the score of any method that spots expressions, from two tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurofer.cli.options import examples, paragraphs, text_table
from neurofer.errors import BadFileError, UsageError, name_some

if TYPE_CHECKING:
    from neurofer.evaluate.spotting import SpottingScore
    from neurofer.spotting.csv import IntervalTable

HELP = """Score spotted expressions as the MEGC challenges do: hits, false alarms, misses, F1.

Both tables are CSV in UTF-8 whose first row names video,type,onset,offset, in any order; more columns may be there.
type is micro or macro; frames are counted from 0, and onset and offset both belong to the expression. A video without
any expression may have a row with its name alone: s01,,,

A spotted interval hits a true one of the same video and type if their frames have an intersection over union of 0.5 or
more, each interval in one hit at most, as many hits as possible. Hits, false alarms and misses are summed over all
videos, and for overall over both types.

Intervals of a video that the truth does not name are false alarms; a warning names such videos, because names may be
written in two ways. A video without expressions that has no row in the truth is warned of in the same way.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("score-spotting", help=paragraphs(HELP), epilog=examples(
        "neurofer score-spotting truth.csv spotted.csv",
        "neurofer score-spotting truth.csv spotted.csv --json",
        "neurofer score-spotting truth.csv spotted.csv --log log.txt --dataset samm"))(score_spotting)


def score_spotting(
    truth: Path = typer.Argument(..., metavar="TRUTH.csv", help="What is true.", show_default=False),
    predicted: Path = typer.Argument(..., metavar="PREDICTED.csv", help="What was spotted.", show_default=False),
    as_json: bool = typer.Option(False, "--json", help="Print {micro|macro|overall: {tp, fp, fn, precision, recall, "
                                 "f1}} as JSON."),
    log: Path | None = typer.Option(None, "--log", help="Also write every hit, miss and false alarm to this file, as "
                                    "MEGC 2019 wants it."),
    dataset: str | None = typer.Option(None, "--dataset", help="What the log's first line says: samm or casme2."),
) -> None:
    if (log is None) != (dataset is None):
        raise UsageError("score-spotting: --log and --dataset belong together; give both or neither")
    if dataset not in (None, "samm", "casme2"):
        raise UsageError(f"--dataset: choose samm or casme2, got {dataset!r}")
    if log is not None and log.resolve() in (truth.resolve(), predicted.resolve()):
        raise UsageError(f"--log: {log} is one of the two tables; choose another file")
    from neurofer.evaluate.spotting import pairs_of, score_of_pairs
    from neurofer.evaluate.spotting_log import HEADERS, log_of_pairs
    from neurofer.files import write_text
    from neurofer.spotting.csv import read_interval_table

    true, spotted = read_interval_table(truth), read_interval_table(predicted)
    if not true.videos:
        raise BadFileError(f"{truth}: names no video, so there is nothing to score against")
    pairs = list(pairs_of(true.intervals, spotted.intervals))
    score = score_of_pairs(pairs)
    if log is not None:
        write_text(log, log_of_pairs(pairs, next(name for name in HEADERS if name == dataset)))
    _warn(truth, true, predicted, spotted)
    _tell(truth, true, predicted, spotted, to_stderr=as_json)
    if as_json:
        import json

        typer.echo(json.dumps(score.to_dict(), indent=1))
    else:
        typer.echo(_table(score))


def _warn(truth: Path, true: IntervalTable, predicted: Path, spotted: IntervalTable) -> None:
    """Tell of videos that the truth does not name."""
    unknown = set(spotted.videos) - set(true.videos)
    if not unknown:
        return
    lost = _number(sum(one.video in unknown for one in spotted.intervals), "interval")
    typer.echo(f"warning: {predicted}: {_number(len(unknown), 'video')} not in {truth} "
               f"({name_some(sorted(unknown), 5)}), where {lost} can only be false alarms", err=True)
    if len(unknown) == len(spotted.videos):
        typer.echo(f"warning: the tables name no video in common; {truth} has {name_some(sorted(true.videos), 3)}",
                   err=True)


def _tell(truth: Path, true: IntervalTable, predicted: Path, spotted: IntervalTable, to_stderr: bool) -> None:
    from neurofer.spotting.csv import overlapping_pairs
    from neurofer.spotting.interval import KINDS

    for path, table in ((truth, true), (predicted, spotted)):
        counts = [sum(one.kind == kind for one in table.intervals) for kind in KINDS]
        overlaps = overlapping_pairs(table.intervals)
        typer.echo(f"{path}: {_number(len(table.videos), 'video')}, {counts[0]} micro, {counts[1]} macro; pairs of one "
                   f"type that overlap: {overlaps['micro']} micro, {overlaps['macro']} macro", err=to_stderr)


def _table(score: SpottingScore) -> str:
    rows = [(name, one.tp, one.fp, one.fn, f"{one.precision:.4f}", f"{one.recall:.4f}", f"{one.f1:.4f}")
            for name, one in score.by_name().items()]
    return "\n" + text_table(("", "TP", "FP", "FN", "precision", "recall", "F1"), rows)


def _number(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
