"""Decisions about many recordings as tables: what was decided, where the faces were, what failed."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from neurofer.data.boxes import FaceBox
from neurofer.data.clip import Box
from neurofer.errors import NeuroferError
from neurofer.events.open import open_recording
from neurofer.files import write_text
from neurofer.progress import progress
from neurofer.stream.predictor import Decision, Predictor, find_face
from neurofer.workers import in_order, run_all


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


def write_header(out: TextIO, classes: Sequence[str]) -> None:
    """Write the names of the columns."""
    names = ["file", "start_us", "end_us", "label", *(f"p_{name}" for name in classes), "events", "latency_ms"]
    csv.writer(out, lineterminator="\n").writerow(names)


def write_decisions(
    predictor: Predictor, recordings: Iterable[Path], request: Request, out: TextIO, tell: Callable[[str], None]
) -> Summary:
    """Write one row a decision as they are made, and go on after a recording that fails.

    Args:
        predictor: Decides.
        recordings: Files and folders of columns.
        request: How to open and look at them.
        out: Receives the rows.
        tell: Receives one line a recording.
    """
    table = csv.writer(out, lineterminator="\n")
    summary = Summary()
    for path in recordings:
        rows = 0
        for decision in _decisions(predictor, path, request, summary):
            table.writerow([path, decision.start_us, decision.stop_us, decision.label,
                            *(f"{value:.6f}" for value in decision.probabilities), decision.events,
                            f"{decision.latency_ms:.3f}"])
            rows += 1
        summary.decisions[path] = rows
        tell(_told(path, rows, summary))
    return summary


def write_shared_decisions(
    run: Path, recordings: Sequence[Path], request: Request, workers: int, out: TextIO, tell: Callable[[str], None]
) -> Summary:
    """What ``write_decisions`` writes, by several processes that each decide about whole recordings.

    Each uses one thread. Rows come recording by recording in the given order, whoever is ready first.

    Args:
        run: Folder of the trained run.
        recordings: Files and folders of columns, each once.
        request: How to open and look at them.
        workers: Number of processes.
        out: Receives the rows.
        tell: Receives one line a recording.

    Raises:
        NeuroferError: a worker was ended from outside.
    """
    summary = Summary()
    results = in_order(run_all(functools.partial(_decide_apart, run, request), recordings, workers), recordings)
    for path, (rows, found) in progress(results, total=len(recordings), unit="file", desc="predict"):
        out.write(rows)
        summary.decisions |= found.decisions
        summary.faces |= found.faces
        summary.failures |= found.failures
        tell(_told(path, found.decisions[path], summary))
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


def _decide_apart(run: Path, request: Request, path: Path) -> tuple[str, Summary]:
    """Rows of one recording, and what became of it, in a form that another process understands."""
    rows = io.StringIO()
    summary = write_decisions(_own_predictor(run), [path], request, rows, lambda line: None)
    summary.failures = {path: NeuroferError(reason(path, error)) for path, error in summary.failures.items()}
    return rows.getvalue(), summary


@functools.lru_cache(maxsize=1)
def _own_predictor(run: Path) -> Predictor:
    import torch

    torch.set_num_threads(1)
    return Predictor.open(run)


def _decisions(predictor: Predictor, path: Path, request: Request, summary: Summary) -> Iterator[Decision]:
    """The decisions about one recording; what ends them early goes into the summary."""
    try:
        with open_recording(path, sensor=request.sensor, mode=request.mode) as recording:
            face = find_face(recording, request.box, request.start_us, request.stop_us)
            summary.faces[path] = face
            yield from predictor.decide(recording, face.box, request.start_us, request.stop_us)
    except (NeuroferError, OSError, ValueError, MemoryError) as error:
        summary.failures[path] = error


def _told(path: Path, rows: int, summary: Summary) -> str:
    decisions = f"{rows} decision{'s' if rows != 1 else ''}"
    if path in summary.failures:
        return f"{path}: failed{f' after {decisions}' if rows else ''}: {reason(path, summary.failures[path])}"
    box, source = summary.faces[path]
    return f"{path}: {decisions}, face box {','.join(map(str, box))} ({source})"


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
