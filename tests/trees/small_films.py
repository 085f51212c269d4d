"""Tiny films as numbered image files, and spreadsheets: what the trees of micro-expression data sets are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trees.faces import save_picture

SIZE = (40, 32)
"""Width and height of the pictures."""

Picture = Callable[[str, int], NDArray[np.uint8]]
"""The picture of a film, by its name and the number of the frame."""


def stripes(film: str, number: int) -> NDArray[np.uint8]:
    """``(32, 40)`` uint8: upright stripes that move a pixel a frame; each film has its own width of them."""
    columns = np.arange(SIZE[0]) + number
    row = 128 + 90 * np.sin(2 * np.pi * columns / (6 + sum(film.encode()) % 7))
    return np.tile(row.astype(np.uint8), (SIZE[1], 1))


def write_film(folder: Path, numbers: Iterable[int], pattern: str = "{}.jpg", picture: Picture = stripes) -> Path:
    """One file a number, and what lies beside pictures in real copies; the folder."""
    for number in numbers:
        save_picture(folder / pattern.format(number), picture(folder.as_posix()[-12:], number))
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    return folder


def write_xlsx(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Path:
    """A workbook of one sheet with its header in row 1; a cell that a row does not have is empty."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(header))
    for row in rows:
        sheet.append([row.get(column) for column in header])
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path
