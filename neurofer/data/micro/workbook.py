"""Cells of a workbook from somebody else's machine, read where it can do no harm.

A workbook of a few kilobytes can ask for any amount of memory: by what it unpacks to, by one cell in the last column of
the last row, by one long text that a million cells share. So what an .xlsx unpacks to is looked up before, and a
process of its own with little memory and little time reads it; whatever happens there, here it is one sentence.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from neurofer.errors import BadFileError, missing_extra

LARGEST_BYTES = 1 << 25
LARGEST_UNPACKED_BYTES = 1 << 27
MOST_ROWS = 20_000
MOST_COLUMNS = 512
MOST_CELLS = 1 << 20
MOST_CHARACTERS = 1 << 24
MEMORY_BYTES = 1 << 30
"""Address space of the process that reads."""
TIME_S = 60.0


class Grid(NamedTuple):
    """Cells of one sheet.

    Attributes:
        name: Name of the sheet.
        first_row: Number of its first row, as a spreadsheet numbers them, from 1.
        rows: Cells as text, row by row.
    """

    name: str
    first_row: int
    rows: list[list[str]]


def read_workbook(path: Path) -> list[Grid]:
    """All sheets of an .xlsx or .xls, in their order.

    A whole number is written without a fraction; a cell that holds an error or a formula without a value is empty.

    Raises:
        BadFileError: it is missing, broken, locked, or larger than any table of annotations.
        MissingExtraError: python-calamine is not installed.
    """
    try:
        import python_calamine  # noqa: F401
    except ImportError as error:
        raise missing_extra("spreadsheets", "sheets", error) from error
    content = read_bytes(path)
    if content.startswith(b"PK"):
        _check_unpacked(path, content)
    said = _ask_reader(path, content)
    if "wrong" in said:
        raise BadFileError(f"{path}: {said['wrong']}")
    return [Grid(sheet["name"], sheet["first_row"], [[_cell_text(cell) for cell in row] for row in sheet["rows"]])
            for sheet in said["sheets"]]


def read_bytes(path: Path) -> bytes:
    """The content of a file that is no larger than a table of annotations can be.

    Raises:
        BadFileError: it is missing, empty, too large or cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise BadFileError(f"{path}: has {size >> 20} MB, a table of annotations has at most "
                               f"{LARGEST_BYTES >> 20} MB")
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BadFileError(f"{path}: no such file; check the path") from error
    except OSError as error:
        raise BadFileError(f"{path}: cannot be read ({error.strerror})") from error
    if not content:
        raise BadFileError(f"{path}: is empty; get it from the data set's authors again")
    return content


def _check_unpacked(path: Path, content: bytes) -> None:
    """Refuse an archive that says it unpacks to more than a table needs; if it lies, the reader's memory ends first."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise BadFileError(f"{path}: is not a whole .xlsx ({error}); get it again") from error
    if unpacked > LARGEST_UNPACKED_BYTES:
        raise BadFileError(f"{path}: unpacks to {unpacked >> 20} MB, a table of annotations has at most "
                           f"{LARGEST_UNPACKED_BYTES >> 20} MB")


def _ask_reader(path: Path, content: bytes) -> dict[str, Any]:
    command = [sys.executable, "-c", "from neurofer.data.micro.workbook import answer; answer()"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(place or os.getcwd() for place in sys.path)}
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=TIME_S, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadFileError(f"{path}: is not read within {TIME_S:.0f} s, so it is no table of annotations") from error
    if done.returncode == 0:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer
    raise BadFileError(f"{path}: ended the process that read it (status {done.returncode}, {MEMORY_BYTES >> 20} MB of "
                       "memory); it is broken or no table of annotations, so get it again, or save it as .csv")


def answer() -> None:
    """Read a workbook from the standard input and print its cells as JSON: what the process of its own does."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # a system without such a limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    from python_calamine import CalamineError, load_workbook

    try:
        said: dict[str, Any] = _contents(load_workbook(io.BytesIO(sys.stdin.buffer.read())))
    except CalamineError as error:
        said = {"wrong": f"cannot be read as a spreadsheet ({error}); get it again, or save it as .csv"}
    sys.stdout.write(json.dumps(said, default=str))


def _contents(workbook: Any) -> dict[str, Any]:
    sheets, cells, characters = [], 0, 0
    for name in workbook.sheet_names:
        sheet = workbook.get_sheet_by_name(name)
        if sheet.height > MOST_ROWS or sheet.width > MOST_COLUMNS:
            return {"wrong": f"sheet {name!r} has {sheet.height} rows and {sheet.width} columns, a table of "
                             f"annotations has at most {MOST_ROWS} and {MOST_COLUMNS}"}
        cells += sheet.height * sheet.width
        if cells > MOST_CELLS:
            return {"wrong": f"has more than {MOST_CELLS} cells, so it is no table of annotations"}
        rows = sheet.to_python()
        characters += sum(len(cell) for row in rows for cell in row if isinstance(cell, str))
        if characters > MOST_CHARACTERS:
            return {"wrong": f"holds more than {MOST_CHARACTERS} characters, so it is no table of annotations"}
        sheets.append({"name": name, "first_row": sheet.start[0] + 1 if sheet.start else 1, "rows": rows})
    return {"sheets": sheets}


def _cell_text(cell: object) -> str:
    """A cell as a person reads it: 6.0 is ``6``, 6.5 is ``6.5``.

    Example:
        >>> [_cell_text(cell) for cell in (6.0, 6.5, 7, True, " a ", None)]
        ['6', '6.5', '7', 'TRUE', 'a', '']
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell).strip()
