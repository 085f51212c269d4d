"""SAMM: spontaneous micro-expressions at 200 frames a second, 2040 x 1088 pixels, grey.

``006/006_1_2/006_05562.jpg``, in a folder ``SAMM`` or not. The table begins in row 14, below a text; it writes subjects
as text (``006``), which spreadsheet programs like to turn into numbers. Beside the estimated emotion it gives an
objective class, by action units alone.

[open]: the names of the image files.

Source:
    Davison et al., "SAMM: a spontaneous micro-facial movement dataset", IEEE Transactions on Affective Computing 9(1),
    2018; layout: public loaders.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from neurofer.data.expected import differing
from neurofer.data.micro import rules
from neurofer.data.micro.fixes import apply_fixes
from neurofer.data.micro.places import find_sheet
from neurofer.data.micro.record import Fix, MicroRecord
from neurofer.data.micro.rules import FrameColumns
from neurofer.data.micro.sheets import Sheet, SheetRow, read_sheet
from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import Problem

NAME = "samm"
FPS = 200.0
SHEET = "SAMM_Micro_FACS_Codes_v2.xlsx"
COLUMNS = ("Subject", "Filename", "Onset Frame", "Apex Frame", "Offset Frame", "Estimated Emotion")
OPTIONAL = ("Duration", "Action Units", "Objective Classes")
FRAMES = FrameColumns("Onset Frame", "Apex Frame", "Offset Frame")
CLASSES = {"anger": 57, "other": 26, "happiness": 26, "surprise": 15, "contempt": 12, "disgust": 9, "fear": 8,
           "sadness": 6}
OBJECTIVE = {"I": 24, "II": 13, "III": 20, "IV": 8, "V": 3, "VI": 7, "VII": 84}
SUBJECTS = 29
"""Those of 32 who show a micro-expression."""
DURATION = "duration is not offset - onset + 1"


def read_samm(root: Path, sheet: Path | None = None) -> MicroTable:
    """The micro-expressions of the table.

    Args:
        root: Folder that holds the subjects' folders, or a folder ``SAMM`` of them.
        sheet: The table; None to look for it below ``root``.

    Raises:
        BadFileError: there is no table, it cannot be read, or no row of it can be used.
        UsageError: there are several.
    """
    root = Path(root)
    table = read_sheet(find_sheet(root, SHEET, sheet), COLUMNS, OPTIONAL)
    rows, fixes = apply_fixes(NAME, table)
    problems, counted = list[Problem](), Counter[str]()
    place = "SAMM/" if (root / "SAMM").is_dir() else ""
    found = [(row, record) for row in rows
             if (record := _record(table, row, place, fixes.get(row.index, ()), problems, counted)) is not None]
    records = rules.without_repeats(table, found, problems)
    rules.check_usable(table.path, records, problems)
    counts = rules.class_counts(records, CLASSES, SUBJECTS)
    if "Objective Classes" in table.columns:
        counts += rules.class_counts(records, OBJECTIVE, field="objective")
    return MicroTable(NAME, records, tuple(problems), counted, differing(counts))


def objective_class(text: str) -> str:
    """An objective class as the authors write it, from a roman or an arabic number.

    Example:
        >>> objective_class("iv"), objective_class("7"), objective_class("")
        ('IV', 'VII', '')
    """
    arabic = dict(zip("1234567", OBJECTIVE, strict=True))
    return arabic.get(text, text.upper())


def _record(table: Sheet, row: SheetRow, place: str, fixes: tuple[Fix, ...], problems: list[Problem],
            counted: Counter[str]) -> MicroRecord | None:
    own = Counter[str]()
    subject = rules.read_subject(table, row, "Subject", "", 3, problems, own)
    clip = rules.read_name(table, row, "Filename", problems)
    emotion = rules.read_emotion(table, row, "Estimated Emotion", problems)
    frames = rules.read_frames(table, row, FRAMES, problems, own)
    if subject is None or clip is None or emotion is None or frames is None:
        return None
    emotion = "other" if emotion == "others" else emotion
    counted.update(own)
    counted.update({rules.FIXED: len(fixes)} if fixes else {})
    if row.cells["Duration"] not in ("", str(frames.offset - frames.onset + 1)):
        counted[DURATION] += 1
    return MicroRecord(
        NAME, subject, clip.rpartition("_")[0] or clip, clip, "micro", frames.onset, frames.apex, frames.offset, FPS,
        rules.read_aus(row.cells["Action Units"]), emotion, rules.SAMM_LABELS3.get(emotion), frames.apex_source,
        fixes, table.where(row), f"{place}{subject}/{clip}", objective_class(row.cells["Objective Classes"]))
