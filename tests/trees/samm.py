"""A tree with SAMM's layout, names and quirks: the table with its header in row 14, made-up rows, and tiny frames."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from neurofer.data.micro.rules import SAMM_LABELS3
from neurofer.data.micro.samm import CLASSES, OBJECTIVE
from trees.micro_sheets import Row, write_table
from trees.small_films import write_film

SHEET = "SAMM_Micro_FACS_Codes_v2.xlsx"
HEADER = ("Subject", "Filename", "Inducement Code", "Onset Frame", "Apex Frame", "Offset Frame", "Duration", "Micro",
          "Action Units", "Estimated Emotion", "Objective Classes", "Notes")
ABOVE = [["Spontaneous Micro-Facial Movement Dataset"], *[[f"Note {number}", None, "text"] for number in range(11)], []]
"""13 rows of text."""

WRONG_OFFSET = {"013_1_9": 5379}
"""Where the offset lies before the onset; 5739 is meant."""
MISSING_APEX = {"028_4_1": 1105, "032_3_1": 4945, "032_3_2": 5130}
OR_AUS = {"007_6_1": "R12 or R15", "007_6_5": "R12 or R15", "011_4_2": "L14 or R14", "014_5_2": "R12 Or R14",
          "035_7_2": "R14A or R14B"}
AT = {15: "007_6_1", 18: "007_6_5", 41: "011_4_2", 56: "013_1_9", 64: "014_5_2", 125: "028_4_1", 132: "032_3_1",
      133: "032_3_2", 154: "035_7_2"}
"""Rows that the table of fixes knows, by number."""
ONLY_OTHER = "037"
"""The one subject of 29 whom the composite list lacks."""


def samm_rows() -> list[Row]:
    """159 rows with the published numbers of classes, objective classes and subjects, and the known slips."""
    named = sorted({clip[:3] for clip in AT.values()})
    more = [f"{number:03}" for number in range(6, 40) if f"{number:03}" not in (*named, ONLY_OTHER)]
    subjects = [*named, *more[: 28 - len(named)]]
    emotions = [emotion for emotion, count in CLASSES.items() if emotion != "other" for _ in range(count)]
    emotions += ["other"] * (CLASSES["other"] - 2)
    objective = [name for name, count in OBJECTIVE.items() for _ in range(count)]
    random = np.random.default_rng(3)
    rows = []
    for index in range(159):
        at_end = index >= 157
        subject = ONLY_OTHER if at_end else AT[index][:3] if index in AT else subjects[index % len(subjects)]
        clip = AT.get(index, f"{subject}_9_{index + 1}")
        emotion = "other" if at_end else emotions[index]
        rows.append(_row(subject, clip, "Other" if emotion == "other" else emotion.capitalize(), objective[index],
                         random))
    return rows


def write_sheet(root: Path, rows: Iterable[Row], numbers: bool = False) -> Path:
    """The table; ``numbers`` as a spreadsheet program leaves it that takes subjects for numbers."""
    rows = [dict(row, Subject=int(str(row["Subject"]))) if numbers else row for row in rows]
    return write_table(root / SHEET, HEADER, rows, ABOVE, "MICRO_ONLY")


def write_frames(root: Path, rows: Iterable[Row], inside: str = "", around: int = 2) -> None:
    """The pictures of these rows; ``inside`` names a folder between the root and the subjects."""
    for row in rows:
        first, last = int(str(row["Onset Frame"])) - around, int(str(row["Offset Frame"])) + around
        folder = root / inside / str(row["Subject"]) / str(row["Filename"])
        write_film(folder, range(max(first, 0), last + 1), f"{row['Subject']}_{{:05}}.jpg")


def samm_entries(rows: Iterable[Row]) -> list[tuple[str, str, str, int]]:
    """The rows that the composite list has, as it writes them: subjects unpadded."""
    labels = ("negative", "positive", "surprise")
    return [("samm", str(int(str(row["Subject"]))), str(row["Filename"]), labels.index(SAMM_LABELS3[emotion]))
            for row in rows if (emotion := str(row["Estimated Emotion"]).lower()) in SAMM_LABELS3]


def _row(subject: str, clip: str, emotion: str, objective: str, random: np.random.Generator) -> Row:
    onset, length = int(random.integers(100, 9000)), int(random.integers(30, 102))
    apex: int | None = onset + int(random.integers(1, length - 1))
    if clip in WRONG_OFFSET:
        onset, apex, length = 5690, 5710, 50
    elif clip in MISSING_APEX:
        onset, apex = MISSING_APEX[clip] - 20, None
    offset = onset + length - 1
    return {"Subject": subject, "Filename": clip, "Inducement Code": 1, "Onset Frame": onset, "Apex Frame": apex,
            "Offset Frame": WRONG_OFFSET.get(clip, offset), "Duration": length, "Micro": "1/2",
            "Action Units": OR_AUS.get(clip, "AU4+7"), "Estimated Emotion": emotion, "Objective Classes": objective,
            "Notes": None}
