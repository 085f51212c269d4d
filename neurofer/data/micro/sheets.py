"""Tables of annotations as their authors ship them: .xlsx, .xls or .csv, with the header wherever it stands."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurofer.data.micro.workbook import MOST_COLUMNS, MOST_ROWS, Grid, read_bytes, read_workbook
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError

LARGEST_NUMBER = 10**9
"""No film has so many frames."""
_HEADER_WITHIN = 100


@dataclass(frozen=True)
class SheetRow:
    """A row of a table.

    Attributes:
        number: As a spreadsheet numbers rows, from 1.
        index: 0-based after the header, blank rows counted.
        cells: Text by the name that was asked for; "" where the cell is blank or the column absent.
    """

    number: int
    index: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class Sheet:
    """One table.

    Attributes:
        path: The file.
        name: Name of the sheet; "" in a .csv.
        columns: Those that were asked for and are there.
        rows: Rows in which at least one of them has text.
        length: Rows after the header up to the last that has any text, blank ones between included. Editions of a
            table differ in it.
    """

    path: Path
    name: str
    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    length: int

    def where(self, row: SheetRow, column: str = "") -> str:
        """``file.xlsx, sheet 'X', row 16, column 'ApexFrame'``."""
        sheet = f", sheet {self.name!r}" if self.name else ""
        return f"{self.path.name}{sheet}, row {row.number}" + (f", column {column!r}" if column else "")


def read_sheet(path: Path, columns: Sequence[str], optional: Sequence[str] = ()) -> Sheet:
    """The first sheet of a file that has these columns.

    Names of columns are compared without regard to case and spaces. Rows above the header, unnamed columns, other
    columns and blank rows are read past.

    Args:
        path: .xlsx, .xls, or .csv in UTF-8.
        columns: Names that must be there, in one row.
        optional: Names of columns that may be there.

    Raises:
        BadFileError: the file is missing, broken or too large, or no sheet of it has the columns.
        MissingExtraError: python-calamine is not installed.
    """
    path = Path(path)
    grids = read_grids(path)
    for grid in grids:
        for place, row in enumerate(grid.rows[:_HEADER_WITHIN]):
            names = [_plain(cell) for cell in row]
            if all(_plain(column) in names for column in columns):
                return _table(path, grid, place, names, columns, optional)
    raise BadFileError(f"{path}: {_closest(grids, columns)}")


def whole_number(sheet: Sheet, row: SheetRow, column: str, problems: list[Problem]) -> int | None:
    """The number in a cell; None, and a problem, where there is no whole number from 0 on."""
    text = row.cells[column]
    if re.fullmatch(r"[0-9]+(\.0*)?", text) and len(text) < 4000:
        number = int(text.split(".")[0])
        if number < LARGEST_NUMBER:
            return number
    problems.append(Problem(sheet.where(row, column), f"{_not_a_number(text)}; need the whole number of a frame"))
    return None


def _not_a_number(text: str) -> str:
    if not text:
        return "is blank"
    shown = repr(text if len(text) <= 40 else f"{text[:40]}...")
    try:
        number = float(text)
    except ValueError:
        return f"is {shown}, not a number"
    if number != number or abs(number) >= LARGEST_NUMBER:
        return f"is {shown}, which no film has"
    return f"is {shown}, below 0" if number < 0 else f"is {shown}, a fraction" if number % 1 else f"is {shown}"


def read_grids(path: Path) -> list[Grid]:
    """The cells of all sheets of a file.

    Raises:
        BadFileError: the file is missing, broken or too large.
        MissingExtraError: python-calamine is not installed.
    """
    if path.suffix.lower() == ".csv":
        return [_read_csv(path)]
    if path.suffix.lower() in (".xlsx", ".xlsm", ".xls"):
        return read_workbook(path)
    raise BadFileError(f"{path}: is neither .xlsx nor .xls nor .csv; give a table of annotations")


def _read_csv(path: Path) -> Grid:
    try:
        text = read_bytes(path).decode("utf-8-sig")
        rows = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]
    except UnicodeDecodeError as error:
        raise BadFileError(f"{path}: is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from error
    except csv.Error as error:
        raise BadFileError(f"{path}: is not a CSV ({error}); save it as UTF-8 with commas") from error
    if len(rows) > MOST_ROWS or any(len(row) > MOST_COLUMNS for row in rows):
        raise BadFileError(f"{path}: has more than {MOST_ROWS} rows or {MOST_COLUMNS} columns, so it is no table of "
                           "annotations")
    return Grid("", 1, rows)


def _table(path: Path, grid: Grid, place: int, names: list[str], columns: Sequence[str],
           optional: Sequence[str]) -> Sheet:
    wanted = [column for column in (*columns, *optional) if _plain(column) in names]
    twice = [column for column in wanted if names.count(_plain(column)) > 1]
    if twice:
        sheet = f", sheet {grid.name!r}" if grid.name else ""
        raise BadFileError(f"{path}{sheet}, row {grid.first_row + place}: names the column {twice[0]!r} twice; rename "
                           "the one that is not meant")
    at = {column: names.index(_plain(column)) for column in wanted}
    absent = dict.fromkeys((column for column in optional if column not in at), "")
    rows, length = [], 0
    for index, cells in enumerate(grid.rows[place + 1 :]):
        if any(cells):
            length = index + 1
        found = {column: cells[column_at] if column_at < len(cells) else "" for column, column_at in at.items()}
        if any(found.values()):
            rows.append(SheetRow(grid.first_row + place + 1 + index, index, {**found, **absent}))
    return Sheet(path, grid.name, tuple(wanted), tuple(rows), length)


def _closest(grids: Sequence[Grid], columns: Sequence[str]) -> str:
    """What the best row lacks of a header."""
    best, lacks = "", list(columns)
    for grid in grids:
        for place, row in enumerate(grid.rows[:_HEADER_WITHIN]):
            names = {_plain(cell) for cell in row}
            absent = [column for column in columns if _plain(column) not in names]
            if len(absent) < len(lacks):
                sheet = f"sheet {grid.name!r}, " if grid.name else ""
                best, lacks = f"; {sheet}row {grid.first_row + place} lacks {', '.join(absent)}", absent
    return f"has no row that names the columns {', '.join(columns)}{best}"


def _plain(name: str) -> str:
    """A column's name as it is compared."""
    return "".join(name.split()).casefold()
