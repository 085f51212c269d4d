"""Rows of a table that somebody else made: the good ones, and what is wrong with the others, by number."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from neurofer.data.preparing import Problem

LARGEST_BYTES = 1 << 26
MOST_PROBLEMS = 100
"""Problems of one table that are told one by one; the rest is counted."""


class Row(NamedTuple):
    """A row and where it stands, ``path:row`` with rows counted from 1."""

    where: str
    cells: list[str]


class Rows(NamedTuple):
    """The rows of a table that have the right number of columns, and what is wrong with the others."""

    good: list[Row]
    problems: list[Problem]


def read_rows(path: Path, columns: tuple[str, ...]) -> Rows:
    """The rows of a CSV in UTF-8; empty lines, and a first row that names the columns, are left out.

    Args:
        path: The table.
        columns: What a row holds, in order.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            return Rows([], [Problem(str(path), f"has {size >> 20} MB, a table of annotations has at most "
                                                f"{LARGEST_BYTES >> 20} MB")])
        content = path.read_bytes()
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        return Rows([], [Problem(str(path), "is missing" if missing else f"cannot be read ({error.strerror})")])
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Rows([], [Problem(str(path), "is UTF-16, not UTF-8; save it as UTF-8")])
    good, problems = list[Row](), list[Problem]()
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        cells = _cells(line)
        if isinstance(cells, str):
            problems.append(Problem(where, cells))
        elif tuple(cells) == columns and number == 1:
            continue
        elif len(cells) != len(columns):
            problems.append(Problem(where, f"has {_columns(len(cells))}, not {len(columns)} ({', '.join(columns)})"))
        else:
            good.append(Row(where, cells))
    if not good and not problems:
        problems.append(Problem(str(path), f"holds no row; need {', '.join(columns)}"))
    return Rows(good, few(problems, path))


def few(problems: list[Problem], path: Path) -> list[Problem]:
    """The first problems of a table one by one, the rest as a number."""
    if len(problems) <= MOST_PROBLEMS:
        return problems
    return [*problems[:MOST_PROBLEMS], Problem(str(path), f"has {len(problems) - MOST_PROBLEMS} more bad rows")]


def _cells(line: bytes) -> list[str] | str:
    """The cells of a line, or what is wrong with it."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x})"
    if '"' not in text:
        return [cell.strip() for cell in text.split(",")]
    try:
        rows = list(csv.reader([text.rstrip("\r")], strict=True))
    except csv.Error as error:
        return f"is not a row of a CSV ({error})"
    return [cell.strip() for row in rows for cell in row]


def _columns(number: int) -> str:
    return "1 column" if number == 1 else f"{number} columns"
