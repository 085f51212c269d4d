"""Decisions about many recordings as tables: what was decided, where the faces were, what failed."""

from __future__ import annotations

import csv
import functools
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TextIO

from neurofer.data.boxes import FaceBox
from neurofer.data.clip import Box
from neurofer.errors import NeuroferError
from neurofer.events.open import open_recording
from neurofer.files import write_text
from neurofer.progress import progress
from neurofer.stream.decisions import Decider, Decision
from neurofer.stream.faces import find_face
from neurofer.workers import in_order

FAILURES = (NeuroferError, OSError, ValueError, MemoryError)
"""What ends the decisions about one recording, and not the whole command."""


@dataclass(frozen=True)
class Request:
    """How every recording is opened and looked at.

    Attributes:
        box: The user's face box, or None to look for the face.
        sensor: ``(width, height)`` for files that do not say it.
        start_us: Start, counted from a recording's first event.
        stop_us: End, counted likewise.
        mode: ``repair``, ``strict`` or ``trust``.
    """

    box: Box | None = None
    sensor: tuple[int, int] | None = None
    start_us: int = 0
    stop_us: int | None = None
    mode: Any = "repair"


@dataclass
class Summary:
    """What became of the recordings, in order."""

    decisions: dict[Path, int] = field(default_factory=dict)
    """Decisions about each, of the failed ones too."""
    faces: dict[Path, FaceBox] = field(default_factory=dict)
    failures: dict[Path, Exception] = field(default_factory=dict)


class Opener(Protocol):
    """Makes what decides, in any process; equal ones make the same."""

    def __hash__(self) -> int: ...

    def __call__(self) -> Decider: ...


Finished = tuple[str, Summary]
"""Rows of one recording, and what became of it."""


def write_header(out: TextIO, classes: Sequence[str], time_column: str = "latency_ms") -> None:
    """Write the names of the columns."""
    names = ["file", "start_us", "end_us", "label", *(f"p_{name}" for name in classes), "events", time_column]
    csv.writer(out, lineterminator="\n").writerow(names)


def write_decision(out: TextIO, path: Path, decision: Decision) -> None:
    """Write one row."""
    spent = "" if math.isnan(decision.latency_ms) else f"{decision.latency_ms:.3f}"
    csv.writer(out, lineterminator="\n").writerow([
        path, decision.start_us, decision.stop_us, decision.label,
        *(f"{value:.6f}" for value in decision.probabilities), decision.events, spent])


def write_decisions(
    decider: Decider, recordings: Iterable[Path], request: Request, out: TextIO, tell: Callable[[str], None]
) -> Summary:
    """Write one row a decision as they are made, and go on after a recording that fails.

    Args:
        decider: Decides.
        recordings: Files and folders of columns.
        request: How to open and look at them.
        out: Receives the rows.
        tell: Receives one line a recording.
    """
    summary = Summary()
    for path in recordings:
        rows = 0
        for decision in _decisions(decider, path, request, summary):
            write_decision(out, path, decision)
            rows += 1
        summary.decisions[path] = rows
        tell(told(path, rows, summary))
    return summary


def write_finished(finished: Iterable[tuple[Path, Finished]], recordings: Sequence[Path], out: TextIO,
                   tell: Callable[[str], None], verb: str) -> Summary:
    """Write the rows of recordings that come in any order, in theirs.

    Args:
        finished: Each recording once, when its decisions are made; the rows of early ones wait in memory.
        recordings: All, in the order of the rows.
        out: Receives the rows.
        tell: Receives one line a recording.
        verb: What is being done, for the progress bar.
    """
    summary = Summary()
    for path, (rows, found) in progress(in_order(finished, recordings), total=len(recordings), unit="file", desc=verb):
        out.write(rows)
        summary.decisions |= found.decisions
        summary.faces |= found.faces
        summary.failures |= found.failures
        tell(told(path, found.decisions[path], summary))
    return summary


def write_notes(boxes: Path, failures: Path, summary: Summary) -> None:
    """Write where each face box came from, and what could not be read, and why."""
    rows = [(path, *face.box, face.source) for path, face in summary.faces.items()]
    write_text(boxes, _csv(("file", "left", "top", "width", "height", "source"), rows))
    write_failures(failures, summary)


def write_failures(file: Path, summary: Summary) -> None:
    """Write rows ``file,error``; only the header where nothing failed."""
    failures = [(path, reason(path, error)) for path, error in summary.failures.items()]
    write_text(file, _csv(("file", "error"), failures))


def reason(path: Path, error: Exception) -> str:
    """What went wrong in one line, without the file's name in front."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.removeprefix(f"{path}: ")


def told(path: Path, rows: int, summary: Summary) -> str:
    """One line about a recording: how many decisions, and where the face was, or why it failed."""
    decisions = f"{rows} decision{'s' if rows != 1 else ''}"
    if path in summary.failures:
        return f"{path}: failed{f' after {decisions}' if rows else ''}: {reason(path, summary.failures[path])}"
    box, source = summary.faces[path]
    return f"{path}: {decisions}, face box {','.join(map(str, box))} ({source})"


def decide_apart(opener: Opener, request: Request, path: Path) -> Finished:
    """Rows of one recording, and what became of it, in a form that another process understands."""
    rows = io.StringIO()
    summary = write_decisions(_own_decider(opener), [path], request, rows, lambda line: None)
    summary.failures = {path: NeuroferError(reason(path, error)) for path, error in summary.failures.items()}
    return rows.getvalue(), summary


@functools.lru_cache(maxsize=1)
def _own_decider(opener: Opener) -> Decider:
    return opener()


def _decisions(decider: Decider, path: Path, request: Request, summary: Summary) -> Iterator[Decision]:
    """The decisions about one recording; what ends them early goes into the summary."""
    try:
        with open_recording(path, sensor=request.sensor, mode=request.mode) as recording:
            face = find_face(recording, request.box, request.start_us, request.stop_us)
            summary.faces[path] = face
            yield from decider.decide(recording, face.box, request.start_us, request.stop_us)
    except FAILURES as error:
        summary.failures[path] = error


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
