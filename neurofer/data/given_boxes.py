"""Face boxes that the user supplies in a table, one box a recording."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from neurofer.data.boxes import check_box
from neurofer.data.clip import Box
from neurofer.data.csv_rows import few, read_rows
from neurofer.data.preparing import Problem
from neurofer.errors import UsageError

COLUMNS = ("recording", "t_us", "x", "y", "w", "h")


def read_boxes(path: Path, sensor: tuple[int, int]) -> tuple[dict[str, Box], list[Problem]]:
    """The median box of each recording of a table, and what is wrong with its rows.

    Rows are ``recording,t_us,x,y,w,h``: left, top, width and height in pixels of the event sensor. A recording may be
    named with or without ``_cd`` or ``.raw``; its time says when the box was seen and is not needed for the median.

    Args:
        path: The table; a first row that names the columns may be there.
        sensor: ``(width, height)``.
    """
    rows, problems = read_rows(path, COLUMNS)
    seen: dict[str, list[list[float]]] = {}
    wrong = []
    for row in rows:
        try:
            numbers = [float(cell) for cell in row.cells[1:]]
        except ValueError:
            numbers = [math.nan]
        if not all(math.isfinite(number) and abs(number) < 1 << 62 for number in numbers):
            said = ",".join(row.cells[1:])
            wrong.append(Problem(row.where, f"has a box of {said!r}; need five numbers {','.join(COLUMNS[1:])}"))
            continue
        try:
            check_box(_whole(numbers[1:]), sensor)
        except UsageError as error:
            wrong.append(Problem(row.where, str(error)))
            continue
        seen.setdefault(recording_name(row.cells[0]), []).append(numbers[1:])
    boxes = {name: _whole(np.median(np.array(every), axis=0).tolist()) for name, every in seen.items()}
    return boxes, [*problems, *few(wrong, path)]


def recording_name(text: str) -> str:
    """A recording's name without folder, ``.raw`` and ``_cd``."""
    return text.replace("\\", "/").rpartition("/")[2].removesuffix(".raw").removesuffix("_cd")


def _whole(numbers: list[float]) -> Box:
    return Box(*(round(number) for number in numbers))
