"""What became of one recording among many: how it is known again, what is remembered, what is told of failures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from neurofer.data.boxes import FaceBox
from neurofer.data.clip import Box
from neurofer.errors import NeuroferError, name_some
from neurofer.stream.tables import Summary, reason

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds; of a folder, the sum and the latest of its files."""

MOST_NAMES = 3

_SILENT = "does not say its sensor size"
_ADVICE = (
    (_SILENT, "say it by --sensor, such as --sensor 640x480"),
    ("is a video", "make events of it with neurofer simulate VIDEO -o EVENTS"),
    ("does not exist", "check the name, and whether its disk is there"),
    ("is empty", "copy it again"),
    ("out of memory", "take fewer --workers"),
)
"""Beginnings of common reasons, and what to do about them."""


class Outcome(NamedTuple):
    """What became of one recording."""

    decisions: int
    """Rows, of a failed recording too."""
    face: FaceBox | None
    failure: Exception | None
    told: str
    """One line for the user."""


class Entry(NamedTuple):
    """A finished recording, and the bytes of a file that hold its rows."""

    path: Path
    stamp: Stamp | None
    outcome: Outcome
    spans: tuple[tuple[int, int], ...]
    """``(start, length)`` of each piece."""


def outcome_of(path: Path, summary: Summary, told: str) -> Outcome:
    """What a summary says about one recording."""
    return Outcome(summary.decisions[path], summary.faces.get(path), summary.failures.get(path), told)


def place_of(path: Path) -> str:
    """By what a recording is known again, from any folder; links stay what they are."""
    return os.path.abspath(path)


def stamp_of(path: Path) -> Stamp | None:
    """What changes when a file, or a file in a folder, is written again; None where there is nothing to be read."""
    try:
        found = [entry.stat() for entry in os.scandir(path) if entry.is_file()] if path.is_dir() else [path.stat()]
    except OSError:
        return None
    return sum(one.st_size for one in found), max((one.st_mtime_ns for one in found), default=0)


def described(path: Path, stamp: Stamp | None, outcome: Outcome) -> dict[str, Any]:
    """A finished recording for JSON; ``entry_of`` reads it."""
    face = outcome.face
    return {"file": str(path), "stamp": stamp, "decisions": outcome.decisions,
            "face": None if face is None else [*face.box, face.source], "error": reason_of(path, outcome)}


def entry_of(line: Mapping[str, Any], spans: tuple[tuple[int, int], ...]) -> Entry:
    """What ``described`` said.

    Raises:
        KeyError, TypeError, ValueError: it did not.
    """
    face, error, stamp = line["face"], line["error"], line["stamp"]
    outcome = Outcome(int(line["decisions"]), None if face is None else FaceBox(Box(*face[:4]), face[4]),
                      None if error is None else NeuroferError(error), "")
    return Entry(Path(line["file"]), None if stamp is None else (stamp[0], stamp[1]), outcome, spans)


def failure_lines(failures: Iterable[tuple[Path, str]]) -> Iterator[str]:
    """Failed recordings by kind of reason, the most frequent first: how many, why, what to do, and some names.

    Args:
        failures: Recordings and their reasons, as ``reason`` gives them.
    """
    kinds: dict[str, list[tuple[Path, str]]] = {}
    for path, why in failures:
        kinds.setdefault(_kind(why), []).append((path, why))
    for kind, found in sorted(kinds.items(), key=lambda item: -len(item[1])):
        yield f"  {len(found)}{_with_advice(kind, [why for _, why in found])}"
        yield f"     {name_some([path.name for path, _ in found], MOST_NAMES)}"


def is_silent(why: str) -> bool:
    """Whether a recording failed because neither its file nor the user says its sensor."""
    return _SILENT in why


def reason_of(path: Path, outcome: Outcome) -> str | None:
    """Why a recording failed, in one line; None if it did not."""
    return None if outcome.failure is None else reason(path, outcome.failure)


def _kind(why: str) -> str:
    """A reason without what differs from file to file: numbers, quoted words, remarks, and what to do."""
    return re.sub(r"'[^']*'|\d+", "#", re.split(r"; | \(", why)[0])


def _with_advice(kind: str, reasons: list[str]) -> str:
    for beginning, advice in _ADVICE:
        if kind.startswith(beginning):
            return f": {beginning}; {advice}"
    return f": {reasons[0]}" if len(set(reasons)) == 1 else f", such as: {reasons[0]}"
