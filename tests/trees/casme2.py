"""A tree with CASME II's layout, names and quirks: both editions of the table with made-up rows, and tiny frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from neurofer.data.micro.casme2 import CLASSES
from neurofer.data.micro.rules import CASME2_LABELS3
from trees.micro_sheets import Row, write_table
from trees.small_films import write_film

SHEET_255, SHEET_256 = "CASME2-coding-20140508.xlsx", "CASME2_label_Ver_2.xls"
HEADER_255 = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion")
HEADER_256 = ("Subject", "Filename", "", "OnsetFrame", "ApexFrame", "OffsetFrame", " ", "Action Units",
              "Estimated Emotion")
"""Two columns are unnamed; the second name is a space, so that a row's cells there stay apart."""

APEX_IS_OFFSET = (("sub05", "EP16_04f"), ("sub12", "EP09_06"), ("sub20", "EP16_01"), ("sub25", "EP18_04f"))
APEX_IS_ONSET = ("sub05", "EP09_05f")
UNLISTED = (("sub04", "EP12_01f"), ("sub05", "EP09_05f"))
"""Both show disgust, and the composite list lacks them."""
NAMED = {("sub04", "EP12_01f"): "disgust", ("sub05", "EP09_05f"): "disgust", ("sub05", "EP12_03f"): "surprise",
         ("sub05", "EP16_04f"): "others", ("sub12", "EP09_06"): "others", ("sub20", "EP16_01"): "others",
         ("sub25", "EP18_04f"): "others"}
WITHOUT_LISTED = {"sub18": ("others",) * 3, "sub10": ("others",) * 12 + ("fear",) * 2}
SUB17_LISTED = 31

APEX_256 = {29: 279, 35: 68, 43: 77, 45: 81, 51: 166, 53: 100, 60: 78, 117: 187, 118: 89, 126: 80, 136: 88, 147: 134,
            155: 231, 168: 53, 170: 329, 177: 111, 202: 91, 203: 103, 234: 98, 237: 153, 238: 98}
"""What the rows with "/" should have."""
WRONG_OFFSET_256 = 19


def casme2_rows() -> list[Row]:
    """The 255 rows of the first edition: the published numbers of classes and subjects, the odd apexes."""
    left = dict(CLASSES)
    clips: dict[str, list[tuple[str, str]]] = {f"sub{number:02}": [] for number in range(1, 27)}

    def add(subject: str, emotion: str, clip: str = "") -> None:
        left[emotion] -= 1
        clips[subject].append((clip or f"EP{len(clips[subject]) // 9 + 2:02}_{len(clips[subject]) % 9 + 11}f", emotion))

    for (subject, clip), emotion in NAMED.items():
        add(subject, emotion, clip)
    for subject, emotions in WITHOUT_LISTED.items():
        for emotion in emotions:
            add(subject, emotion)
    listed = [emotion for emotion in CASME2_LABELS3 for _ in range(left[emotion])]
    for number in range(SUB17_LISTED):
        add("sub17", listed.pop(number * 5 % len(listed)))
    rest = [subject for subject in clips if subject not in {*WITHOUT_LISTED, "sub17"}]
    others = [emotion for emotion in left if emotion not in CASME2_LABELS3 for _ in range(left[emotion])]
    for number, emotion in enumerate([*listed, *others]):
        add(rest[number % len(rest)], emotion)
    random = np.random.default_rng(2)
    return [_row(subject, clip, emotion, random) for subject, of_subject in clips.items()
            for clip, emotion in sorted(of_subject)]


def casme2_rows_256() -> list[Row]:
    """The 256 rows of the second edition: subjects as numbers, "/" for 21 apexes, a wrong offset, one row more."""
    rows = [dict(row, Subject=int(str(row["Subject"])[3:])) for row in casme2_rows()]
    rows.insert(222, dict(rows[221], Filename="EP02_07"))
    for index, apex in APEX_256.items():
        rows[index] |= {"OnsetFrame": apex - 20, "ApexFrame": "/", "OffsetFrame": apex + 25, "": "unsure", " ": 1}
    rows[60]["OffsetFrame"] = WRONG_OFFSET_256
    return rows


def write_sheet_255(root: Path, rows: Iterable[Row]) -> Path:
    """The first edition's table."""
    return write_table(root / SHEET_255, HEADER_255, rows)


def write_sheet_256(root: Path, rows: Iterable[Row]) -> Path:
    """The second edition's table, in the old format."""
    return write_table(root / SHEET_256, HEADER_256, rows)


def write_frames(root: Path, rows: Iterable[Row], cropped: bool = False, around: int = 2) -> None:
    """The pictures of these rows, ``around`` frames more at either end; numbers are not padded."""
    place, pattern = ("Cropped", "reg_img{}.jpg") if cropped else ("CASME2-RAW", "img{}.jpg")
    for row in rows:
        subject = row["Subject"] if isinstance(row["Subject"], str) else f"sub{row['Subject']:02}"
        first, last = max(int(str(row["OnsetFrame"])) - around, 1), int(str(row["OffsetFrame"])) + around
        write_film(root / place / subject / str(row["Filename"]), range(first, last + 1), pattern)


def casme2_entries(rows: Iterable[Row]) -> list[tuple[str, str, str, int]]:
    """The rows that the composite list has, as it writes them."""
    labels = ("negative", "positive", "surprise")
    return [("casme2", str(row["Subject"]), str(row["Filename"]), labels.index(CASME2_LABELS3[emotion]))
            for row in rows if (emotion := str(row["Estimated Emotion"])) in CASME2_LABELS3
            and (row["Subject"], row["Filename"]) not in UNLISTED]


def _row(subject: str, clip: str, emotion: str, random: np.random.Generator) -> Row:
    onset, length = int(random.integers(1, 90)), int(random.integers(24, 142))
    apex = onset + int(random.integers(1, length - 1))
    offset = onset + length - 1
    if (subject, clip) in APEX_IS_OFFSET:
        apex = offset
    elif (subject, clip) == APEX_IS_ONSET:
        apex = onset
    return {"Subject": subject, "Filename": clip, "OnsetFrame": onset, "ApexFrame": apex, "OffsetFrame": offset,
            "Action Units": "4+L10", "Estimated Emotion": emotion}
