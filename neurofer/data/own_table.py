"""The table of one's own recordings: which file shows whom, expressing what, and when.

A CSV in UTF-8 whose first row names its columns, in any order: ``file``, ``label`` and ``subject``, and where wanted
``start_us``, ``stop_us`` and ``box``. Any other column is a fact of the clip, such as ``part`` of an official split.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from neurofer.data.clip import Box
from neurofer.data.csv_rows import LARGEST_BYTES, few
from neurofer.data.preparing import Problem
from neurofer.data.store import COLUMNS as STORE_COLUMNS
from neurofer.errors import BadFileError

NEEDED = ("file", "label", "subject")
OPTIONAL = ("start_us", "stop_us", "box")
TAKEN = {*STORE_COLUMNS, "box_from", "dropped", "source"} - {*NEEDED, *OPTIONAL}
"""Columns that the store writes itself."""

Cell = TypeVar("Cell")


class OwnRow(NamedTuple):
    """A row of the table.

    Attributes:
        where: ``table:line``.
        file: The recording, as the table names it.
        label: Class name.
        subject: Who is seen.
        start_us: First microsecond on the recording's own clock; None for its first event.
        stop_us: One past the last microsecond; None for just behind its last event.
        box: Face box in sensor pixels; None to look for it.
        facts: The other columns.
    """

    where: str
    file: str
    label: str
    subject: str
    start_us: int | None
    stop_us: int | None
    box: Box | None
    facts: Mapping[str, str]


class OwnTable(NamedTuple):
    """The usable rows of a table, what is wrong with the others, and how many there are in all."""

    rows: list[OwnRow]
    problems: list[Problem]
    wanted: int


def read_own_table(path: Path) -> OwnTable:
    """The usable rows of a table, and what is wrong with the others, by line.

    Raises:
        BadFileError: no table, or one whose first row does not name the columns.
    """
    reader = csv.reader(io.StringIO(_text(path)), strict=True)
    rows, problems, spelt, wanted = list[OwnRow](), list[Problem](), _Spelling(), 0
    try:
        columns = [cell.strip() for cell in next(reader, [])]
        _check_columns(path, columns)
        for cells in reader:
            where = f"{path}:{reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            wanted += 1
            if len(cells) != len(columns):
                problems.append(Problem(where, f"has {len(cells)} cells, not {len(columns)} ({', '.join(columns)}); "
                                               "put a cell that holds a comma in quotes"))
                continue
            row, wrong = _row(where, dict(zip(columns, (cell.strip() for cell in cells), strict=True)))
            wrong += [] if row is None else spelt.problems(row)
            if row is not None and not wrong:
                rows.append(row)
            problems += [Problem(where, one) for one in wrong]
    except csv.Error as error:
        problems.append(Problem(f"{path}:{reader.line_num}", f"is not a row of a CSV ({error}); nothing behind it was "
                                                             "read"))
    if not rows and not problems:
        problems.append(Problem(str(path), "holds no row below the names of its columns"))
    return OwnTable(rows, few(problems, path), wanted)


class _Spelling:
    """Labels and subjects as they were first written, so that one is not taken for two."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], tuple[str, str]] = {}

    def problems(self, row: OwnRow) -> list[str]:
        found = []
        for column, text in (("label", row.label), ("subject", row.subject)):
            first, where = self._first.setdefault((column, text.casefold()), (text, row.where))
            if first != text:
                found.append(f"{column} {text!r} differs only in capitals from {first!r} in line "
                             f"{where.rpartition(':')[2]}; write both alike")
        return found


def _row(where: str, cells: dict[str, str]) -> tuple[OwnRow | None, list[str]]:
    problems = [f"{name} is empty" for name in NEEDED if not cells[name]]

    def read(name: str, parse: Callable[[str], Cell]) -> Cell | None:
        if not cells.get(name):
            return None
        try:
            return parse(cells[name])
        except ValueError as error:
            problems.append(f"{name} is {cells[name]!r}; need {error}")
            return None

    start_us, stop_us, box = read("start_us", _whole), read("stop_us", _whole), read("box", _box)
    if start_us is not None and stop_us is not None and start_us >= stop_us:
        problems.append(f"ends ({stop_us} us) before it starts ({start_us} us)")
    if problems:
        return None, problems
    facts = {name: text for name, text in cells.items() if text and name not in (*NEEDED, *OPTIONAL)}
    return OwnRow(where, cells["file"], cells["label"], cells["subject"], start_us, stop_us, box, facts), []


def _whole(text: str) -> int:
    """A whole number; spreadsheets and data frames write some as ``1500.0``."""
    if not re.fullmatch(r"-?\d{1,18}(\.0*)?", text):
        raise ValueError("a whole number of microseconds")
    return int(text.partition(".")[0])


def _box(text: str) -> Box:
    numbers = re.split(r"[\s,;]+", text.strip("()[] "))
    if len(numbers) != 4 or not all(re.fullmatch(r"-?\d{1,6}", number) for number in numbers):
        raise ValueError("left top width height in sensor pixels, four whole numbers with spaces between them")
    left, top, width, height = map(int, numbers)
    return Box(left, top, width, height)


def _check_columns(path: Path, columns: list[str]) -> None:
    if len(columns) == 1 and any(sign in columns[0] for sign in ";\t"):
        raise BadFileError(f"{path}: its columns are not separated by commas; save it as CSV with commas")
    problems = [f"lacks the column {name}" for name in NEEDED if name not in columns]
    for name in dict.fromkeys(columns):
        meant = difflib.get_close_matches(name, (*NEEDED, *OPTIONAL), 1, 0.75)
        if columns.count(name) > 1:
            problems.append(f"has the column {name or 'without a name'} {columns.count(name)} times")
        elif not name:
            problems.append("has a column without a name")
        elif name in TAKEN:
            problems.append(f"has the column {name}, which the store writes itself; rename it")
        elif name not in (*NEEDED, *OPTIONAL) and meant and meant[0] not in columns:
            problems.append(f"has the column {name}; did you mean {meant[0]}?")
    if problems:
        raise BadFileError(f"{path}: {'; '.join(problems)}. The first row names the columns {', '.join(NEEDED)} and, "
                           f"where wanted, {', '.join(OPTIONAL)}; others are kept as facts")


def _text(path: Path) -> str:
    if not path.is_file():
        raise BadFileError(f"{path}: no such table; give a CSV with the columns {','.join(NEEDED)}")
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadFileError(f"{path}: has more than {LARGEST_BYTES >> 20} MB; give a table of clips, not of events")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path}: is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from error
    except OSError as error:
        raise BadFileError(f"{path}: cannot be read ({error.strerror})") from error
