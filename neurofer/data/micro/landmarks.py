"""The user's landmarks and face boxes of micro-expression clips, as tables with a header.

``subject,clip,left_eye_x,left_eye_y,right_eye_x,right_eye_y`` or ``subject,clip,x,y,w,h``, in pixels of the data set's
own frames, on the onset frame. Instead of ``clip``, a column ``video`` names a whole film; where names repeat, as in
CAS(ME)3, a column ``onset_frame`` tells their expressions apart, blank for all of them.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from neurofer.data.clip import Box
from neurofer.data.csv_rows import Row, few, read_rows
from neurofer.data.micro.align import Landmarks, alignment_of
from neurofer.data.micro.record import MicroRecord
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError, UsageError

NAMES = ("clip", "video")
ONSET = "onset_frame"
EYES = ("left_eye_x", "left_eye_y", "right_eye_x", "right_eye_y")
BOX = ("x", "y", "w", "h")
_LARGEST_PX = 1e6


class ClipKey(NamedTuple):
    """What a row is about: a clip or video of a subject, and the onset frame where it is given."""

    subject: str
    name: str
    onset_frame: int | None = None


Value = TypeVar("Value")


def read_landmarks(path: Path | str) -> dict[ClipKey, Landmarks]:
    """The eyes of each clip of a table.

    Raises:
        BadFileError: it cannot be read, lacks a column, or has wrong rows; all of them together.
    """
    return _read_table(Path(path), EYES, _landmarks)


def read_face_boxes(path: Path | str) -> dict[ClipKey, Box]:
    """The face box of each clip of a table.

    Raises:
        BadFileError: it cannot be read, lacks a column, or has wrong rows; all of them together.
    """
    return _read_table(Path(path), BOX, _box)


def keys_of(record: MicroRecord) -> tuple[ClipKey, ...]:
    """What a row about a record may be called, the one that counts first: the closer one."""
    return tuple(ClipKey(record.subject, name, onset) for name in dict.fromkeys((record.clip, record.video))
                 for onset in (record.onset_frame, None))


def value_of(record: MicroRecord, table: Mapping[ClipKey, Value]) -> Value | None:
    """What a table says of a record; None if nothing."""
    return next((table[key] for key in keys_of(record) if key in table), None)


def _read_table(path: Path, numbers: tuple[str, ...], value: Callable[[list[float]], Value]) -> dict[ClipKey, Value]:
    header = _header(path, numbers)
    rows, problems = read_rows(path, header)
    first: dict[ClipKey, str] = {}
    found: dict[ClipKey, Value] = {}
    for row in rows:
        cells = dict(zip(header, row.cells, strict=True))
        try:
            key = _key(cells)
            if key in found:
                raise ValueError(f"repeats {' '.join(map(str, key[:2]))} of {first[key]}; an {ONSET} tells them apart")
            found[key], first[key] = value(_numbers(cells, numbers)), _line(row)
        except (ValueError, UsageError) as error:
            problems.append(Problem(row.where, str(error)))
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise BadFileError("\n".join([f"{path}: {count}", *(f"  {problem}" for problem in few(problems, path))]))
    return found


def _header(path: Path, numbers: tuple[str, ...]) -> tuple[str, ...]:
    """The columns that the first line names.

    Raises:
        BadFileError: there is no such table, or columns lack, repeat or are not known.
    """
    try:
        with open(path, "rb") as file:
            line = file.readline(1 << 16)
    except OSError as error:
        raise BadFileError(f"{path}: cannot be read ({error.strerror or error})") from error
    cells = next(csv.reader([line.decode("utf-8-sig", "replace").strip()]), [])
    names = tuple(name.strip() for name in cells)
    example = ",".join(("subject", "clip", *numbers))
    absent = [name for name in ("subject", *numbers) if name not in names]
    if not any(name in names for name in NAMES):
        absent.insert(1 if "subject" in absent else 0, "clip")
    other = sorted({name for name in names if name not in ("subject", *NAMES, ONSET, *numbers)
                    or names.count(name) > 1})
    if absent:
        raise BadFileError(f"{path}:1: lacks the columns {', '.join(absent)}; the first line must name {example}")
    if other:
        raise BadFileError(f"{path}:1: names {', '.join(map(repr, other))}, which is twice or no column; need "
                           f"{example}, and {ONSET} if names repeat")
    return names


def _key(cells: Mapping[str, str]) -> ClipKey:
    name = cells.get("clip") or cells.get("video", "")
    if not cells["subject"] or not name:
        raise ValueError("names no subject" if not cells["subject"] else "names no clip")
    onset = cells.get(ONSET, "")
    if onset and not re.fullmatch("[0-9]{1,9}", onset):
        raise ValueError(f"{ONSET} is {onset[:40]!r}, not a whole number")
    return ClipKey(cells["subject"], name, int(onset) if onset else None)


def _numbers(cells: Mapping[str, str], names: tuple[str, ...]) -> list[float]:
    numbers = []
    for name in names:
        try:
            number = float(cells[name])
        except ValueError:
            number = math.nan
        if not abs(number) < _LARGEST_PX:
            raise ValueError(f"{name} is {cells[name][:40]!r}, not a number of pixels")
        numbers.append(number)
    return numbers


def _landmarks(numbers: list[float]) -> Landmarks:
    eyes = Landmarks((numbers[0], numbers[1]), (numbers[2], numbers[3]))
    alignment_of(eyes)
    return eyes


def _box(numbers: list[float]) -> Box:
    box = Box(*(round(number) for number in numbers))
    if box.width < 1 or box.height < 1:
        raise ValueError(f"box has a width of {box.width} and a height of {box.height}; need 1 or more")
    return box


def _line(row: Row) -> str:
    return f"line {row.where.rpartition(':')[2]}"
