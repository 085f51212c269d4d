"""Sheets without a header: known by their names, or by how many columns they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from neurofer.data.micro.sheets import Sheet, SheetRow, read_grids
from neurofer.data.micro.workbook import MOST_COLUMNS, Grid
from neurofer.errors import BadFileError


def read_headerless(path: Path, wanted: Mapping[str, Sequence[str]], optional: Sequence[str] = ()) -> dict[str, Sheet]:
    """Sheets of a file whose first row is data already.

    A sheet is the one of that name, without regard to case and spaces; else the only one of no such name that has its
    columns and not those of a wider one. Further columns and blank rows are read past.

    Args:
        path: .xlsx or .xls; a .csv is one sheet, without a name.
        wanted: Names of columns from the left, by the name of the sheet.
        optional: Sheets that may be absent.

    Returns:
        The sheets that are there.

    Raises:
        BadFileError: the file is missing, broken or too large, or lacks a sheet or some of its columns.
        MissingExtraError: python-calamine is not installed.
    """
    path = Path(path)
    grids = [grid for grid in read_grids(path) if any(any(row) for row in grid.rows)]
    found, absent = dict[str, Sheet](), list[str]()
    for name, columns in wanted.items():
        grid = _grid_of(grids, name, columns, wanted)
        if grid is not None:
            found[name] = _sheet(path, grid, columns)
        elif name not in optional:
            absent.append(f"{name!r} of {len(columns)} columns")
    if absent:
        there = ", ".join(f"{grid.name!r} of {_width(grid)}" for grid in grids) or "none with any text"
        raise BadFileError(f"{path}: lacks the sheet {' and '.join(absent)} (there is {there}); give the table as "
                           "published")
    return found


def _grid_of(grids: Sequence[Grid], name: str, columns: Sequence[str], wanted: Mapping[str, Sequence[str]]
             ) -> Grid | None:
    named = [grid for grid in grids if _plain(grid.name) == _plain(name)]
    if named:
        return named[0]
    names = {_plain(other) for other in wanted}
    wider = min((len(other) for other in wanted.values() if len(other) > len(columns)), default=MOST_COLUMNS + 1)
    alike = [grid for grid in grids if len(columns) <= _width(grid) < wider and _plain(grid.name) not in names]
    return alike[0] if len(alike) == 1 else None


def _sheet(path: Path, grid: Grid, columns: Sequence[str]) -> Sheet:
    if _width(grid) < len(columns):
        raise BadFileError(f"{path}, sheet {grid.name!r}: has {_width(grid)} columns; need {len(columns)}, which are "
                           f"{', '.join(columns)}")
    rows, length = [], 0
    for index, cells in enumerate(grid.rows):
        if any(cells):
            length = index + 1
        named = {column: cells[at] if at < len(cells) else "" for at, column in enumerate(columns)}
        if any(named.values()):
            rows.append(SheetRow(grid.first_row + index, index, named))
    return Sheet(path, grid.name, tuple(columns), tuple(rows), length)


def _width(grid: Grid) -> int:
    """Columns up to the last that has text in the first row with any: remarks below do not make a sheet wider."""
    row = next((row for row in grid.rows if any(row)), [])
    return max((at + 1 for at, cell in enumerate(row) if cell), default=0)


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
