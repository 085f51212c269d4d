"""Trees with CAS(ME)3's layouts, names and quirks: parts A and C."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from trees.small_films import Picture, stripes, write_film, write_xlsx

HEADER_A = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion")
HEADER_C = ("sub", "count", "onset", "offset", "au", "PHY")
SHEET_A, SHEET_C = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", "CAS(ME)3_part_C_ME.xlsx"


class RowA(NamedTuple):
    """One row of part A's sheet."""

    subject: str
    film: str
    onset: object
    apex: object
    offset: object
    aus: object
    objective: object
    emotion: str

    @property
    def frames(self) -> range:
        return range(int(str(self.onset)), int(str(self.offset)) + 1)


class RowC(NamedTuple):
    """One row of part C's sheet."""

    subject: object
    count: object
    onset: object
    offset: object
    aus: object


ROWS_A = (RowA("spNO.1", "a", 355, 359, 364, "4", 1, "disgust"),
          RowA("spNO.1", "b", 166, 175, 178, "R12", 1, "happy"),
          RowA("spNO.1", "b", 640, 645, 652, "1+2", 2, "surprise"),
          RowA("spNO.1", "J", 28, 33, 40, "4+7", 4, "fear"),
          RowA("spNO.2", "c", 5, 8, 24, "L14", 7, "Others"),
          RowA("spNO.2", "c", 30, 34, 41, "14", 7, "others"),
          RowA("spNO.10", "m", 1, 60, 110, "4", 4, "anger"),
          RowA("spNO.10", "d", 12, 12, 26, "15", 6, "sad"))
"""Films that repeat, a capital J, ``Others`` beside ``others``, 110 frames, and an apex that is the onset."""

ROWS_C = (RowC(1, 1, 373, 390, "4,7"), RowC(1, 2, 40, 51, "12"), RowC(11, 1, 9, 21, "1\uff0c2"))
"""Subjects without their zero, and a full-width comma."""


def write_sheet_a(root: Path, rows: Iterable[RowA] = ROWS_A) -> Path:
    """The sheet of part A; its path."""
    return write_xlsx(root / "annotation" / SHEET_A, HEADER_A, (dict(zip(HEADER_A, row, strict=True)) for row in rows))


def write_part_a(root: Path, rows: Iterable[RowA] = ROWS_A, picture: Picture = stripes) -> Path:
    """``spNO.1/b/color/175.jpg`` with two frames more at each end, and the sheet; its path. Film J lies in ``j``."""
    rows = tuple(rows)
    for row in rows:
        first, last = row.frames.start, row.frames.stop
        write_film(root / row.subject / row.film.lower() / "color", range(max(first - 2, 1), last + 2), picture=picture)
    return write_sheet_a(root, rows)


def write_clips_a(root: Path, rows: Iterable[RowA] = ROWS_A, picture: Picture = stripes) -> Path:
    """``Part_A_ME_clip/frame/spNO.1_b_166/175.jpg`` as the clips alone are given out, and the sheet; its path."""
    rows = tuple(rows)
    for row in rows:
        folder = root / "Part_A_ME_clip" / "frame" / f"{row.subject}_{row.film.lower()}_{row.onset}"
        write_film(folder, row.frames, picture=picture)
    return write_sheet_a(root, rows)


def write_part_c(root: Path, rows: Iterable[RowC] = ROWS_C, picture: Picture = stripes) -> Path:
    """``01/a/color/373.jpg`` and the sheet; its path."""
    rows = tuple(rows)
    for row in rows:
        write_film(root / f"{int(str(row.subject or 0)):02d}" / "a" / "color",
                   range(int(str(row.onset)), int(str(row.offset)) + 1), picture=picture)
    cells = ({**dict(zip(HEADER_C, row, strict=False)), "PHY": f"phy{number}"} for number, row in enumerate(rows))
    return write_xlsx(root / SHEET_C, HEADER_C, cells)
