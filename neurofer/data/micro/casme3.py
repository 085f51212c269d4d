"""CAS(ME)3: micro-expressions at 30 frames a second, in colour and depth; part A before films, part C in a mock crime.

Part A: ``spNO.1/b/color/175.jpg`` and ``cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx``, whose frames are the numbers of
the image files; or the clips alone, ``Part_A_ME_clip/frame/spNO.1_b_166/175.jpg``. A film holds several expressions, so
one is known by subject, film (here its clip) and onset. Part C: ``CAS(ME)3_part_C_ME.xlsx``, without apexes and
emotions; its clip is the number of an expression.

[open]: where part C keeps its films; ``01/a/color/373.jpg`` and ``01/color/01_1/373.jpg`` are tried.

Source:
    Li et al., "CAS(ME)3: a third generation facial spontaneous micro-expression database with depth information and
    high ecological validity", TPAMI 2023; layout: public loaders.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Literal

from neurofer.data.expected import Count, differing
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
from neurofer.data.micro.sheets import Sheet, SheetRow, read_sheet, whole_number
from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import Problem

NAME = "casme3"
Part = Literal["A", "C"]
FPS = 30.0
SHEETS = {"A": "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", "C": "CAS(ME)3_part_C_ME.xlsx"}
COLUMNS_A = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "emotion")
OBJECTIVE = "Objective class"
COLUMNS_C = ("sub", "count", "onset", "offset", "au")
LABELS3 = {**dict.fromkeys(("disgust", "fear", "anger", "sad"), "negative"), "happy": "positive",
           "surprise": "surprise"}
RELEASE_A = {"disgust": 250, "surprise": 187, "others": 161, "fear": 86, "anger": 64, "sad": 57, "happy": 55}
SUBJECTS_A = 94
EXPRESSIONS_C, SUBJECTS_C = 166, 31

LONGEST_FRAMES = 100
LONG = f"expression has more than {LONGEST_FRAMES} frames"
NO_DURATION = "duration is not above 0, row left out"
CAPITAL_FILM = "film is written with a capital"
CAPITAL_EMOTION = "emotion is written with a capital"


def read_casme3(root: Path, sheet: Path | None = None, part: Part = "A") -> MicroTable:
    """The micro-expressions of a part.

    Args:
        root: Folder that holds the subjects, ``Part_A_ME_clip``, or what is in it.
        sheet: Its table; None to look for it below the root.
        part: ``A``, or ``C`` whose records have no emotion and the midpoint as apex.

    Raises:
        BadFileError: the table is missing or is none, no row can be used, or a cell that is known to be wrong holds
            something unknown.
        UsageError: several tables lie below the root.
    """
    root = Path(root)
    table = find_sheet(root, SHEETS[part], None if sheet is None else Path(sheet))
    return _read_part_a(root, table) if part == "A" else _read_part_c(root, table)


def _read_part_a(root: Path, path: Path) -> MicroTable:
    sheet, problems, rules = read_sheet(path, COLUMNS_A, (OBJECTIVE,)), list[Problem](), Counter[str]()
    rows, fixes = apply_fixes(NAME, sheet)
    pairs = [(row, record) for row in rows
             if (record := _record_a(sheet, row, fixes.get(row.index, ()), problems, rules)) is not None]
    listed = without_repeats(sheet, pairs, problems)
    rules[LONG] += sum(record.frames > LONGEST_FRAMES for record in listed)
    check_usable(path, listed, problems)
    records = with_folders(listed, root, _places_a, problems)
    return MicroTable(NAME, records, tuple(problems), +rules, differing(class_counts(listed, RELEASE_A, SUBJECTS_A)))


def _record_a(sheet: Sheet, row: SheetRow, fixes: tuple[Fix, ...], problems: list[Problem],
              rules: Counter[str]) -> MicroRecord | None:
    """The record of a row; None, and its problems, where it says nothing usable."""
    if not lasts(sheet, row, "Onset", "Offset", problems, rules):
        return None
    own = Counter[str]()
    subject = read_subject(sheet, row, "Subject", "spNO.", 1, problems, own)
    film = read_name(sheet, row, "Filename", problems)
    emotion = read_emotion(sheet, row, "emotion", problems)
    frames = read_frames(sheet, row, FrameColumns("Onset", "Apex", "Offset"), problems, own)
    if subject is None or film is None or emotion is None or frames is None:
        return None
    rules.update(own + Counter({FIXED: len(fixes), CAPITAL_FILM: film != film.lower(),
                                CAPITAL_EMOTION: row.cells["emotion"] != row.cells["emotion"].lower()}))
    film = film.lower()
    return MicroRecord(NAME, subject, film, film, "micro", frames.onset, frames.apex, frames.offset, FPS,
                       read_aus(row.cells["AU"]), emotion, LABELS3.get(emotion), frames.apex_source, fixes,
                       sheet.where(row), objective=row.cells[OBJECTIVE])


def _places_a(record: MicroRecord) -> list[str]:
    """Where the frames may lie: films, or clips, which are named by the onset as the table writes it."""
    onset = next((fix.old for fix in record.fixes if fix.field == "Onset"), str(record.onset_frame))
    subject, names = record.subject, dict.fromkeys((record.video, record.video.upper()))
    films = [f"{base}{subject}/{name}/color" for name in names for base in ("", "part_A/")]
    clips = [f"{base}{subject}_{name}_{onset}" for name in names
             for base in ("Part_A_ME_clip/frame/", "frame/", "Part_A_ME_clip/", "")]
    return films + clips


def _read_part_c(root: Path, path: Path) -> MicroTable:
    sheet, problems, rules = read_sheet(path, COLUMNS_C), list[Problem](), Counter[str]()
    pairs = [(row, record) for row in sheet.rows
             if (record := _record_c(sheet, row, problems, rules)) is not None]
    listed = without_repeats(sheet, pairs, problems)
    rules[LONG] += sum(record.frames > LONGEST_FRAMES for record in listed)
    check_usable(path, listed, problems)
    records = with_folders(listed, root, partial(_places_c, root), problems)
    counts = [Count("expressions", len(listed), EXPRESSIONS_C),
              Count("subjects", len({record.subject for record in listed}), SUBJECTS_C)]
    return MicroTable(NAME, records, tuple(problems), +rules, differing(counts))


def _record_c(sheet: Sheet, row: SheetRow, problems: list[Problem], rules: Counter[str]) -> MicroRecord | None:
    """The record of a row, with its number as the clip; None, and its problems, where it says nothing usable."""
    if not lasts(sheet, row, "onset", "offset", problems, rules):
        return None
    own = Counter[str]()
    subject = read_subject(sheet, row, "sub", "", 2, problems, own)
    number = whole_number(sheet, row, "count", problems)
    frames = read_frames(sheet, row, FrameColumns("onset", None, "offset"), problems, own)
    if subject is None or number is None or frames is None:
        return None
    rules.update(own)
    return MicroRecord(NAME, subject, str(number), str(number), "micro", frames.onset, frames.apex, frames.offset, FPS,
                       read_aus(row.cells["au"]), apex_source=frames.apex_source, where=sheet.where(row))


def _places_c(root: Path, record: MicroRecord) -> list[str]:
    """Where the frames may lie; a subject has one film, in a folder of any name."""
    subject, places = record.subject, list[str]()
    for base in ("", "part_C/"):
        films = sorted((root / base / subject).glob("*/color"))
        places += [f"{base}{subject}/color/{subject}_{record.clip}"]
        places += [film.relative_to(root).as_posix() for film in films if len(films) == 1]
    return places


def lasts(sheet: Sheet, row: SheetRow, onset: str, offset: str, problems: list[Problem],
          rules: Counter[str]) -> bool:
    """Whether an expression has a duration, as far as its cells are numbers."""
    first, last = (whole_number(sheet, row, column, []) for column in (onset, offset))
    if first is None or last is None or last > first:
        return True
    problems.append(Problem(sheet.where(row, offset), f"is {last}, not after the onset {first}; an expression has to "
                                                      "last"))
    rules[NO_DURATION] += 1
    return False
