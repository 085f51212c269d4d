"""Trees with MMEW's two layouts, its sheet, names and quirks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from trees.small_films import Picture, stripes, write_film, write_xlsx

HEADER = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion",
          "remarks")
SHEET = "MMEW_Micro_Exp.xlsx"


class MmewRow(NamedTuple):
    """One row of the sheet."""

    subject: object
    name: str
    onset: object
    apex: object
    offset: object
    aus: object
    emotion: str
    remarks: object = None


ROWS = (MmewRow("S03", "S03-01-002", 1, 14, 30, "6+12", "happiness"),
        MmewRow(5, "S05-02-001", 1, 9, 20, "1+2+5", "surprise", "clear"),
        MmewRow("S05", "S05-03-011", 4, 10, 17, "4", "disgust"),
        MmewRow("11", "S11-04-001", 1, 12, 25, "4+5", "anger"),
        MmewRow("S11", "S11-07-002", 1, 1, 22, "14", "others"),
        MmewRow("S30", "S30-05-003", 2, 8, 8, "1+4", "fear"),
        MmewRow("S30", "S30-06-001", 1, 11, 24, "15", "sadness"))
"""Subjects as numbers and as text, an apex that is the onset, one that is the offset, five frames."""


def write_sheet(root: Path, rows: Iterable[MmewRow] = ROWS) -> Path:
    """The sheet; its path."""
    return write_xlsx(root / SHEET, HEADER, (dict(zip(HEADER, row, strict=True)) for row in rows))


def write_official(root: Path, rows: Iterable[MmewRow] = ROWS, picture: Picture = stripes) -> Path:
    """``S03/happiness/S03-01-002/1.jpg``, clips of ``others`` in the folder ``repression``, and the sheet; its path."""
    rows = tuple(rows)
    for row in rows:
        emotion = "repression" if row.emotion == "others" else row.emotion
        _write_clip(root / row.name[:3] / emotion, row, picture)
    return write_sheet(root, rows)


def write_by_emotion(root: Path, rows: Iterable[MmewRow] = ROWS, picture: Picture = stripes) -> Path:
    """``Micro_Expression/happiness/S03-01-002/1.jpg``, beside macro-expressions, and the sheet; its path."""
    rows = tuple(rows)
    for row in rows:
        _write_clip(root / "Micro_Expression" / row.emotion, row, picture)
    write_film(root / "Macro_Expression" / "S03" / "anger", range(2), "S03-07-00{}.jpg", picture)
    return write_sheet(root, rows)


def _write_clip(folder: Path, row: MmewRow, picture: Picture) -> None:
    write_film(folder / row.name, range(1, int(str(row.offset)) + 1), picture=picture)
