"""MMEW: micro- and macro-expressions of the same people, 90 frames a second.

Two layouts of the frames: ``S03/happiness/S03-01-002/1.jpg``, and ``Micro_Expression/happiness/S03-01-002/1.jpg``. The
folder of one class is ``others`` in one and ``repression`` in the other. The table is ``MMEW_Micro_Exp.xlsx``.

Source:
    Ben et al., "Video-based facial micro-expression analysis: a survey of datasets, features and algorithms", TPAMI
    2021; layout: public loaders.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from neurofer.data.expected import differing
from neurofer.data.micro.fixes import apply_fixes
from neurofer.data.micro.places import find_sheet, with_folders
from neurofer.data.micro.record import Fix, MicroRecord
from neurofer.data.micro.rules import (
    FIXED,
    FrameColumns,
    check_usable,
    class_counts,
    read_aus,
    read_emotion,
    read_frames,
    read_name,
    read_subject,
    without_repeats,
)
from neurofer.data.micro.sheets import Sheet, SheetRow, read_sheet
from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import Problem

NAME = "mmew"
FPS = 90.0
SHEET = "MMEW_Micro_Exp.xlsx"
COLUMNS = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion")
FRAMES = FrameColumns("OnsetFrame", "ApexFrame", "OffsetFrame")
LABELS3 = {**dict.fromkeys(("disgust", "fear", "anger", "sadness"), "negative"), "happiness": "positive",
           "surprise": "surprise"}
RELEASE = {"surprise": 89, "disgust": 72, "others": 66, "happiness": 36, "fear": 16, "sadness": 13, "anger": 8}
SUBJECTS = 36

TWINS = ("others", "repression")
"""Two names of one class."""
REPRESSION = "emotion repression is the class others"


def read_mmew(root: Path, sheet: Path | None = None) -> MicroTable:
    """The micro-expressions of MMEW, in either layout.

    Args:
        root: Folder that holds the subjects, or ``Micro_Expression``, or the classes.
        sheet: The table; None to look for it below the root.

    Raises:
        BadFileError: the table is missing or is none, or no row can be used.
        UsageError: several tables lie below the root.
    """
    root = Path(root)
    path = find_sheet(root, SHEET, None if sheet is None else Path(sheet))
    table, problems, rules = read_sheet(path, COLUMNS), list[Problem](), Counter[str]()
    rows, fixes = apply_fixes(NAME, table)
    pairs = [(row, record) for row in rows
             if (record := _record(table, row, fixes.get(row.index, ()), problems, rules)) is not None]
    listed = without_repeats(table, pairs, problems)
    check_usable(path, listed, problems)
    records = with_folders(listed, root, _places, problems)
    return MicroTable(NAME, records, tuple(problems), +rules, differing(class_counts(listed, RELEASE, SUBJECTS)))


def _record(sheet: Sheet, row: SheetRow, fixes: tuple[Fix, ...], problems: list[Problem],
            rules: Counter[str]) -> MicroRecord | None:
    """The record of a row; None, and its problems, where it says nothing usable."""
    own = Counter[str]()
    subject = read_subject(sheet, row, "Subject", "S", 2, problems, own)
    clip = read_name(sheet, row, "Filename", problems)
    emotion = read_emotion(sheet, row, "Estimated Emotion", problems)
    frames = read_frames(sheet, row, FRAMES, problems, own)
    if subject is None or clip is None or emotion is None or frames is None:
        return None
    named = re.match(r"S0*([0-9]+)-", clip, re.IGNORECASE)
    if named and int(named[1]) != int(subject[1:]):
        problems.append(Problem(sheet.where(row, "Subject"), f"is {subject}, but the clip {clip} says "
                                                                 f"S{named[1]:0>2}"))
        return None
    rules.update(own + Counter({FIXED: len(fixes), REPRESSION: emotion == "repression"}))
    emotion = "others" if emotion in TWINS else emotion
    return MicroRecord(NAME, subject, clip, clip, "micro", frames.onset, frames.apex, frames.offset, FPS,
                       read_aus(row.cells["Action Units"]), emotion, LABELS3.get(emotion), frames.apex_source, fixes,
                       sheet.where(row))


def _places(record: MicroRecord) -> list[str]:
    """Where the frames may lie."""
    folders = TWINS if record.emotion in TWINS else (record.emotion,)
    bases = (f"{record.subject}/", "Micro_Expression/", "", f"Micro_Expression/{record.subject}/")
    return [f"{base}{folder}/{record.clip}" for folder in folders for base in bases]
