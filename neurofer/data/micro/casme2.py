"""CASME II: spontaneous micro-expressions at 200 frames a second, 640 x 480 pixels.

``CASME2-RAW/sub01/EP02_01f/img46.jpg`` and, cut to the face, ``Cropped/sub01/EP02_01f/reg_img46.jpg``; numbers are not
padded. The table comes in two editions: 255 rows, and 256 rows with two unnamed columns and some apexes given as "/".

Source:
    Yan et al., "CASME II: an improved spontaneous micro-expression database and the baseline evaluation", PLoS ONE
    9(1), 2014; layout and editions: public loaders.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from neurofer.data.expected import Count, differing
from neurofer.data.micro import rules
from neurofer.data.micro.fixes import apply_fixes
from neurofer.data.micro.record import Fix, MicroRecord
from neurofer.data.micro.rules import FrameColumns
from neurofer.data.micro.sheets import Sheet, SheetRow, read_sheet
from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError, UsageError

NAME = "casme2"
FPS = 200.0
SHEETS = ("CASME2-coding-20140508", "CASME2_label_Ver_2")
"""Names of the two editions, without suffix."""
FOLDERS = ("CASME2-RAW", "Cropped")
"""Where frames lie, the whole picture first: faces are aligned here, so that all data sets are treated alike."""

COLUMNS = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Estimated Emotion")
OPTIONAL = ("Action Units",)
FRAMES = FrameColumns("OnsetFrame", "ApexFrame", "OffsetFrame")
CLASSES = {"others": 99, "disgust": 63, "happiness": 32, "repression": 27, "surprise": 25, "sadness": 7, "fear": 2}
"""Expressions of each class in the edition of 255 rows."""
SUBJECTS, ROWS = 26, (255, 256)


def read_casme2(root: Path, sheet: Path | None = None) -> MicroTable:
    """The expressions of either edition of the table.

    Args:
        root: Folder that holds ``CASME2-RAW`` or ``Cropped``, and the table.
        sheet: The table; None to look for it in ``root``.

    Raises:
        BadFileError: there is no table, it cannot be read, or no row of it can be used.
        UsageError: ``root`` holds both editions.
    """
    root = Path(root)
    table = read_sheet(find_sheet(root, sheet), COLUMNS, OPTIONAL)
    rows, fixes = apply_fixes(NAME, table)
    problems, counted = list[Problem](), Counter[str]()
    folder = next((name for name in FOLDERS if (root / name).is_dir()), "")
    if not folder:
        problems.append(Problem(str(root), f"holds neither {' nor '.join(FOLDERS)}, so no clip has frames"))
    found = [(row, record) for row in rows
             if (record := _record(table, row, folder, fixes.get(row.index, ()), problems, counted)) is not None]
    records = rules.without_repeats(table, found, problems)
    rules.check_usable(table.path, records, problems)
    counts = [Count("rows", table.length, min(ROWS, key=lambda known: abs(known - table.length)))]
    if table.length != ROWS[1]:
        counts += rules.class_counts(records, CLASSES, SUBJECTS)
    return MicroTable(NAME, records, tuple(problems), counted, differing(counts))


def find_sheet(root: Path, sheet: Path | None) -> Path:
    """The table that was given, or the only one in ``root``."""
    if sheet is not None:
        return Path(sheet)
    if not root.is_dir():
        raise BadFileError(f"{root}: no such folder; give the root of CASME II, which holds {' or '.join(FOLDERS)}")
    stems = {stem.lower() for stem in SHEETS}
    found = sorted(path for path in root.iterdir()
                   if path.stem.lower() in stems and path.suffix.lower() in (".xlsx", ".xls", ".csv"))
    if not found:
        raise BadFileError(f"{root}: holds neither {SHEETS[0]}.xlsx nor {SHEETS[1]}.xls; copy the table there, or give "
                           "it by --sheet")
    if len(found) > 1:
        raise UsageError(f"{root}: holds {' and '.join(path.name for path in found)}, whose rows differ; choose one by "
                         "--sheet")
    return found[0]


def _record(table: Sheet, row: SheetRow, folder: str, fixes: tuple[Fix, ...], problems: list[Problem],
            counted: Counter[str]) -> MicroRecord | None:
    own = Counter[str]()
    subject = rules.read_subject(table, row, "Subject", "sub", 2, problems, own)
    clip = rules.read_name(table, row, "Filename", problems)
    emotion = rules.read_emotion(table, row, "Estimated Emotion", problems)
    frames = rules.read_frames(table, row, FRAMES, problems, own)
    if subject is None or clip is None or emotion is None or frames is None:
        return None
    counted.update(own)
    counted.update({rules.FIXED: len(fixes)} if fixes else {})
    return MicroRecord(
        NAME, subject, clip.split("_")[0], clip, "micro", frames.onset, frames.apex, frames.offset, FPS,
        rules.read_aus(row.cells["Action Units"]), emotion, rules.CASME2_LABELS3.get(emotion), frames.apex_source,
        fixes, table.where(row), f"{folder}/{subject}/{clip}" if folder else "")
