"""Decisions about many clips as a table, one row each."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TextIO

from neurofer.keyframes.instants import frame_numbers
from neurofer.stream.micro.predictor import MicroDecision
from neurofer.stream.tables import FAILURES, Summary, reason

HEADER_START = "file,onset_frame,apex_frame,offset_frame,"
"""What a table of these decisions is known by."""


def write_header(out: TextIO, classes: Sequence[str]) -> None:
    """Write the names of the columns."""
    out.write(HEADER_START + ",".join(["onset_ms", "apex_ms", "offset_ms", "moments", "label",
                                       *(f"p_{name}" for name in classes), "latency_ms"]) + "\n")


def write_row(out: TextIO, path: Path, decision: MicroDecision) -> None:
    """Write what a clip shows; a recording of events has no frames to number."""
    clip, placed = decision.clip, decision.placed
    frames: list[object] = ([""] * 3 if clip.pictures is None else
                            [clip.first_frame + int(number) for number in frame_numbers(placed.moments)])
    times = [f"{clip.ms(moment):.3f}" for moment in placed.moments]
    csv.writer(out, lineterminator="\n").writerow([
        path, *frames, *times, placed.how, decision.label, *(f"{value:.6f}" for value in decision.probabilities),
        f"{decision.latency_ms:.3f}"])


def write_each(paths: Iterable[Path], decide: Callable[[Path], MicroDecision], out: TextIO,
               tell: Callable[[str], None], keep: Callable[[Path, MicroDecision], None] | None = None) -> Summary:
    """Write a row for each clip, and go on after one that fails.

    Args:
        paths: Films and recordings.
        decide: What one shows.
        out: Receives the rows.
        tell: Receives one line a clip.
        keep: Is given each decision after its row, to draw it.
    """
    summary = Summary()
    for path in paths:
        summary.decisions[path] = 0
        try:
            decision = decide(path)
            if keep is not None:
                keep(path, decision)
            write_row(out, path, decision)
            summary.decisions[path] = 1
            tell(told(path, decision))
        except FAILURES as error:
            summary.failures[path] = error
            tell(f"{path}: failed: {reason(path, error)}")
    return summary


def told(path: Path, decision: MicroDecision) -> str:
    """One line about a decision."""
    clip, placed = decision.clip, decision.placed
    onset, apex, offset = (f"{clip.ms(moment):.0f}" for moment in placed.moments)
    how = f" ({decision.why})" if decision.why else ""
    return (f"{path}: {decision.label} {100 * decision.probabilities.max():.0f} %, onset {onset}, apex {apex}, offset "
            f"{offset} ms, {placed.how}{how}; face by {clip.aligned_by}")
