"""Tables of micro-expressions as spreadsheets, and the composite list, with made-up rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

Row = dict[str, object]


def write_grid(path: Path, grid: Sequence[Sequence[object]], name: str = "Sheet1") -> Path:
    """Cells as they are, from A1 on; the suffix says the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(grid)
    elif path.suffix == ".xls":
        _write_xls(path, grid, name)
    else:
        _write_xlsx(path, grid, name)
    return path


def write_table(path: Path, header: Sequence[str], rows: Iterable[Row], above: Sequence[Sequence[object]] = (),
                name: str = "Sheet1") -> Path:
    """A header and its rows below other rows; a cell that a row does not have, and an unnamed column, is empty."""
    return write_grid(path, [*above, header, *([row.get(column) for column in header] for row in rows)], name)


def write_cde(path: Path, entries: Iterable[Sequence[object]], blank_between: bool = False) -> Path:
    """Rows of data set, subject, clip and label, without a header; blank rows between as the list's twin has them."""
    lines = [",".join(map(str, entry)) for entry in entries]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(("\n\n" if blank_between else "\n").join(lines) + "\n", encoding="utf-8")
    return path


def smic_entries() -> list[tuple[str, str, str, int]]:
    """164 clips of 16 subjects with the classes that SMIC has in the list."""
    subjects = [f"s{number:02}" for number in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)]
    entries = []
    for label, (word, count) in enumerate((("ne", 70), ("po", 51), ("sur", 43))):
        for place in range(count):
            subject = subjects[place % len(subjects)]
            entries.append(("smic", subject, f"{subject}_{word}_{place // len(subjects) + 1:02}", label))
    return entries


def _write_xlsx(path: Path, grid: Sequence[Sequence[object]], name: str) -> None:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = name
    for row in grid:
        sheet.append(list(row))
    book.save(path)


def _write_xls(path: Path, grid: Sequence[Sequence[object]], name: str) -> None:
    from xlwt import Workbook

    book = Workbook()
    sheet = book.add_sheet(name)
    for at, row in enumerate(grid):
        for column, cell in enumerate(row):
            if cell is not None and cell != "":
                sheet.write(at, column, cell)
    book.save(str(path))
