"""CAS(ME)3, part A: long films of micro- and macro-expressions at 30 frames a second.

``spNO.1/b/color/175.jpg``, and two tables: the micro-expressions', see ``neurofer.data.micro.casme3``, and the
macro-expressions', ``cas(me)3_part_A_MaE_label_JpgIndex_v2_emotion.xlsx``, with columns named ``sub``, ``seq`` or as
in the other. Frames are the numbers of the image files.

[open]: the macro-expressions' table beyond the names of its columns; how many films there are.

Source:
    Li et al., "CAS(ME)3", TPAMI 2023; layout: public loaders.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from neurofer.data.expected import Count, differing
from neurofer.data.long.record import LongExpression, LongTable
from neurofer.data.long.videos import (
    VideoFolder,
    file_name,
    join_videos,
    kind_counts,
    subfolders,
    without_repeats,
)
from neurofer.data.micro.casme3 import COLUMNS_A, FPS, LABELS3, SUBJECTS_A, lasts, read_casme3
from neurofer.data.micro.places import find_sheet
from neurofer.data.micro.record import MicroRecord
from neurofer.data.micro.rules import (
    SHORT,
    FrameColumns,
    check_usable,
    read_aus,
    read_frames,
    read_name,
    read_subject,
    subject_name,
)
from neurofer.data.micro.sheets import Sheet, SheetRow, read_sheet
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError

NAME = "casme3_long"
MACRO_SHEET = "cas(me)3_part_A_MaE_label_JpgIndex_v2_emotion.xlsx"
SPELLINGS = (COLUMNS_A[:5], ("sub", "seq", "onset", "apex", "offset"))
"""How the macro-expressions' table names subject, film and frames."""
OPTIONAL = ("AU", "emotion")
PLACES = ("", "part_A")
MICRO, MACRO = 860, 3143
CAPITAL = "film of a macro-expression is written with a capital"


def read_casme3_long(root: Path, sheet: Path | None = None, macro_sheet: Path | None = None) -> LongTable:
    """The films of part A and what both tables say of them.

    Args:
        root: Folder that holds the subjects' folders, or ``part_A``.
        sheet: The micro-expressions' table; None to look for it below ``root``.
        macro_sheet: The macro-expressions' table; None to look for it, too. Without one, that is a problem, and the
            videos have micro-expressions alone.

    Raises:
        BadFileError: a table is broken, the first one is missing or has no usable row, a cell that is known to be wrong
            holds something unknown, or there is no film.
        UsageError: there are several tables.
    """
    root = Path(root)
    problems = list[Problem]()
    place, folders = _folders(root, problems)
    micro = read_casme3(root, sheet)
    counted = Counter({what: count for what, count in micro.rules.items() if what != SHORT})
    problems += micro.problems
    macro = _macro(root, macro_sheet, problems, counted)
    records = [_placed(record, place) for record in (*micro.records, *macro)]
    found = without_repeats([LongExpression(record) for record in records], problems)
    videos = join_videos(NAME, root, FPS, folders, found, problems, counted)
    subjects = {record.subject for record in micro.records}
    counts = [*kind_counts(found, MICRO, MACRO),
              Count("subjects with a micro-expression", len(subjects), SUBJECTS_A)]
    return LongTable(NAME, videos, tuple(problems), +counted, differing(counts))


def _folders(root: Path, problems: list[Problem]) -> tuple[str, list[VideoFolder]]:
    """Where the subjects' folders lie, and the films in them."""
    subfolders(root)
    for place in PLACES:
        there = subfolders(root / place) if (root / place).is_dir() else []
        subjects = [(name, subject) for name in there
                    if name.casefold().startswith("spno") and (subject := subject_name(name, "spNO.", 1)) is not None]
        if subjects:
            break
    else:
        raise BadFileError(f"{root}: holds no folder of frames such as spNO.1/a/color; give the root of CAS(ME)3, part "
                           "A, whose clips alone are no long videos")
    base = f"{place}/" if place else ""
    found = dict[str, VideoFolder]()
    for name, subject in subjects:
        for film in subfolders(root / place / name):
            folder, key = f"{base}{name}/{film}/color", f"{subject}_{film.lower()}"
            if not (root / folder).is_dir():
                problems.append(Problem(str(root / folder), "is missing, so this is no film"))
            elif key in found:
                problems.append(Problem(str(root / folder), f"is the film {key}, as {found[key].folder} is"))
            else:
                found[key] = VideoFolder(key, subject, file_name(key), folder)
    return place, list(found.values())


def _placed(record: MicroRecord, place: str) -> MicroRecord:
    """A record with the key of its film, and where that should lie."""
    film = f"{record.subject}/{record.video}/color"
    return replace(record, dataset=NAME, video=f"{record.subject}_{record.video}",
                   folder=f"{place}/{film}" if place else film)


def _macro(root: Path, given: Path | None, problems: list[Problem], counted: Counter[str]) -> list[MicroRecord]:
    try:
        path = find_sheet(root, MACRO_SHEET, given)
    except BadFileError as error:
        if given is not None:
            raise
        problems.append(Problem.of(error, str(root)))
        return []
    sheet, columns = _read_macro(path)
    records = [record for row in sheet.rows
               if (record := _record(sheet, row, columns, problems, counted)) is not None]
    check_usable(path, records, problems)
    return records


def _read_macro(path: Path) -> tuple[Sheet, tuple[str, ...]]:
    """The table, and the names of its columns."""
    try:
        return read_sheet(path, SPELLINGS[0], OPTIONAL), SPELLINGS[0]
    except BadFileError:
        return read_sheet(path, SPELLINGS[1], OPTIONAL), SPELLINGS[1]


def _record(sheet: Sheet, row: SheetRow, columns: tuple[str, ...], problems: list[Problem], counted: Counter[str]
            ) -> MicroRecord | None:
    of_subject, of_film, onset, apex, offset = columns
    if not lasts(sheet, row, onset, offset, problems, counted):
        return None
    own = Counter[str]()
    subject = read_subject(sheet, row, of_subject, "spNO.", 1, problems, own)
    film = read_name(sheet, row, of_film, problems)
    frames = read_frames(sheet, row, FrameColumns(onset, apex, offset), problems, own)
    if subject is None or film is None or frames is None:
        return None
    del own[SHORT]
    counted.update(own)
    counted[CAPITAL] += film != film.lower()
    film, emotion = film.lower(), " ".join(row.cells["emotion"].lower().split())
    return MicroRecord(NAME, subject, film, film, "macro", frames.onset, frames.apex, frames.offset, FPS,
                       read_aus(row.cells["AU"]), emotion, LABELS3.get(emotion), frames.apex_source,
                       where=sheet.where(row))
