"""Image files of a clip by their numbers, as the data sets name them, and which of them lack."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from neurofer.data.micro.record import MicroRecord
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError, name_some

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_MOST_DIGITS = 9


def frame_files(folder: Path) -> dict[int, Path]:
    """The image files of a folder by the last number in their names, in its order.

    ``img46.jpg``, ``reg_img46.jpg``, ``006_05562.jpg``, ``image000123.jpg`` and ``175.jpg`` are frames 46, 46, 5562,
    123 and 175. Hidden files, other files and names without a number are left out.

    Raises:
        BadFileError: the folder cannot be read, or two files have one number.
    """
    found: dict[int, Path] = {}
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_file())
    except OSError as error:
        raise BadFileError(f"{folder}: is no folder of frames that can be read ({error.strerror})") from error
    for name in names:
        number = frame_number(name)
        if number is None:
            continue
        if number in found:
            raise BadFileError(f"{folder}: {found[number].name} and {name} are both frame {number}; keep one of them")
        found[number] = folder / name
    return dict(sorted(found.items()))


def frame_number(name: str) -> int | None:
    """The number of a frame by the name of its file; None for other files.

    Example:
        >>> frame_number("reg_img46.jpg"), frame_number("006_05562.jpg"), frame_number("Thumbs.db")
        (46, 5562, None)
    """
    stem, suffix = os.path.splitext(name)
    if name.startswith(".") or suffix.lower() not in SUFFIXES:
        return None
    groups = re.findall("[0-9]+", stem)
    return int(groups[-1]) if groups and len(groups[-1].lstrip("0")) <= _MOST_DIGITS else None


def missing_frames(record: MicroRecord, root: Path) -> Problem | None:
    """Which frames of an expression, from onset to offset, lack on the disk; None if none does.

    Args:
        record: The expression.
        root: Root of the data set.
    """
    folder = root / record.folder
    if not record.folder or not folder.is_dir():
        return Problem(str(folder), f"{'has no folder for' if not record.folder else 'is missing, the frames of'} "
                                    f"{record.subject} {record.clip} ({record.where})")
    try:
        there = frame_files(folder)
    except BadFileError as error:
        return Problem.of(error, str(folder))
    return gaps_problem(folder, record.onset_frame, record.offset_frame, there, f"{record.clip} ({record.where})")


def gaps_problem(folder: Path, first: int, last: int, there: Mapping[int, Path], what: str) -> Problem | None:
    """Which of the frames ``first`` to ``last`` lack; None if none does.

    Args:
        folder: Where they should be.
        first: Number of the first frame that is needed.
        last: Of the last.
        there: From ``frame_files``.
        what: They are frames of this.
    """
    gaps = _gaps(first, last, there)
    if not gaps:
        return None
    absent = sum(high - low + 1 for low, high in gaps)
    shown = name_some([str(low) if low == high else f"{low}-{high}" for low, high in gaps], 5)
    return Problem(str(folder), f"lacks {absent} of the {last - first + 1} frames {first} to {last} of {what}: {shown}")


def _gaps(first: int, last: int, there: Mapping[int, Path]) -> list[tuple[int, int]]:
    """Runs of numbers from ``first`` to ``last`` that are not there; the work depends on the files alone."""
    gaps, start = [], first
    for number in [*(number for number in sorted(there) if first <= number <= last), last + 1]:
        if number > start:
            gaps.append((start, number - 1))
        start = number + 1
    return gaps
