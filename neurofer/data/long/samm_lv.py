"""SAMM long videos: micro- and macro-expressions at 200 frames a second, 2040 x 1088 pixels, grey.

``SAMM_longvideos/006_1/006_1_0001.jpg`` and ``SAMM_LongVideos_V3_Release.xlsx`` (or V1, V2), whose table begins below
a text. An expression is named by its video and its number, and 037_4_1 is one of each type. Some frames are fractions,
some apexes -1; an expression that starts in frame 0 or 1 began before the video did. Emotions are in SAMM's own
table alone, whose frames are others: it is joined by name and type.

Source:
    Yap et al., "SAMM long videos: a spontaneous facial micro- and macro-expressions dataset", FG 2020
    (arXiv:1911.01519); layout: public loaders; numbers: spotting specification, section 7.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from math import ceil, floor
from pathlib import Path

from neurofer.data.expected import Count, differing
from neurofer.data.long.record import LongExpression, LongTable, LongVideo
from neurofer.data.long.videos import (
    VideoFolder,
    apex_inside,
    join_videos,
    kind_counts,
    read_kind,
    subfolders,
    video_counts,
    without_repeats,
)
from neurofer.data.micro import rules
from neurofer.data.micro.places import find_sheet
from neurofer.data.micro.record import MicroRecord
from neurofer.data.micro.samm import DURATION, read_samm
from neurofer.data.micro.sheets import Sheet, SheetRow, read_sheet, whole_number
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError

NAME = "samm_lv"
FPS = 200.0
SHEET = "SAMM_LongVideos_V3_Release.xlsx"
FOLDER = "SAMM_longvideos"
COLUMNS = ("Subject", "Filename", "Onset", "Apex", "Offset", "Type")
OPTIONAL = ("Duration", "Action Units")
MISSING_APEX = ("", "/", "-1", "-1.0")
UNSEEN_WITHIN = 1
"""An onset up to this frame was not observed."""

VIDEOS, MICRO, MACRO, SUBJECTS = 147, 159, 343, 30
WITH_MICRO, WITH_MACRO, SUBJECTS_OF_TYPE = 79, 130, 29
FRACTION = "row has fractional frames, they are widened to whole ones"
NO_APEX = "apex is -1 or blank, it is missing"
UNSEEN = "onset is 0 or 1, the start was not observed"
KNOWN = {FRACTION: 178, NO_APEX: 6, UNSEEN: 12}
"""Rules for odd rows, and how many rows of the release each concerns."""
VIDEO = "[0-9]{3}_[0-9]+"
OTHER_SUBJECT = "subject is not that of the file name, which is taken"
NO_EMOTION = "micro-expression is not in SAMM's table, it has no emotion"


def read_samm_lv(root: Path, sheet: Path | None = None, samm_sheet: Path | None = None) -> LongTable:
    """The long videos and what the table says of them.

    Args:
        root: Folder that holds ``SAMM_longvideos``, or that one.
        sheet: The table; None to look for it in ``root`` and just below.
        samm_sheet: SAMM's table, for the emotions of the micro-expressions.

    Raises:
        BadFileError: a table is missing or broken, no row of it can be used, or there is no video.
        UsageError: there are several tables.
    """
    root = Path(root)
    folders, strange = _folders(root)
    near = 0 if any("/" not in one.folder for one in folders) else 1
    table = read_sheet(find_sheet(root, SHEET, sheet, near), COLUMNS, OPTIONAL)
    place = next((one.folder.rpartition("/")[0] for one in folders), "")
    problems, counted = list[Problem](strange), Counter[str]()
    rows = [one for row in table.rows
            if (one := _expression(table, row, place, problems, counted)) is not None]
    found = without_repeats(rows, problems)
    rules.check_usable(table.path, (one.record for one in found), problems)
    if samm_sheet is not None:
        found = _with_emotions(found, Path(samm_sheet), counted)
    videos = join_videos(NAME, root, FPS, folders, found, problems, counted)
    counts = [*video_counts(videos, VIDEOS), *kind_counts(found, MICRO, MACRO), *_counts(videos),
              *(Count(what, counted[what], known) for what, known in KNOWN.items())]
    return LongTable(NAME, videos, tuple(problems), +counted, differing(counts))


def _folders(root: Path) -> tuple[list[VideoFolder], list[Problem]]:
    """The videos' folders, and those that are none."""
    names = subfolders(root)
    place = next((name for name in names if name.casefold() == FOLDER.casefold()), "")
    base = f"{place}/" if place else ""
    inside = subfolders(root / place) if place else names
    videos = [VideoFolder(name, name.partition("_")[0], name, f"{base}{name}") for name in inside
              if re.fullmatch(VIDEO, name)]
    if not videos:
        raise BadFileError(f"{root}: holds no folder of frames such as {FOLDER}/006_1; give the root of SAMM long "
                           "videos")
    strange = [name for name in inside if not re.fullmatch(VIDEO, name)] if place else []
    return videos, [Problem(str(root / place / name), "is no folder of a video such as 006_1") for name in strange]


def _expression(table: Sheet, row: SheetRow, place: str, problems: list[Problem], counted: Counter[str]
                ) -> LongExpression | None:
    own = Counter[str]()
    subject = rules.read_subject(table, row, "Subject", "", 3, problems, own)
    name = _name(table, row, problems)
    kind = read_kind(table, row, "Type", problems)
    onset, offset = (_number(table, row, column, problems) for column in ("Onset", "Offset"))
    missing = row.cells["Apex"] in MISSING_APEX
    apex = None if missing else _number(table, row, "Apex", problems)
    if subject is None or name is None or kind is None or onset is None or offset is None:
        return None
    if apex is None and not missing:
        return None
    if onset > offset:
        problems.append(Problem(table.where(row, "Onset"), f"is {float(onset):g}, after the offset {float(offset):g}"))
        return None
    first, last = floor(onset), ceil(offset)
    peak = None if apex is None else int(apex.quantize(Decimal(1), ROUND_HALF_UP))
    peak = apex_inside(first, peak, last, own)
    seen = onset > UNSEEN_WITHIN
    duration = _decimal(row.cells["Duration"])
    odd = {FRACTION: any(number is not None and number % 1 != 0 for number in (onset, apex, offset)),
           NO_APEX: missing, UNSEEN: not seen, OTHER_SUBJECT: subject != name.partition("_")[0],
           DURATION: duration is not None and duration != offset - onset + 1}
    counted.update(own)
    counted.update(what for what, applies in odd.items() if applies)
    video = name.rpartition("_")[0]
    record = MicroRecord(NAME, name.partition("_")[0], video, name, kind, first, peak, last, FPS,
                         rules.read_aus(row.cells["Action Units"]), where=table.where(row),
                         folder=f"{place}/{video}" if place else video)
    return LongExpression(record, seen)


def _name(table: Sheet, row: SheetRow, problems: list[Problem]) -> str | None:
    text = row.cells["Filename"]
    if re.fullmatch(r"[0-9]{3}_[0-9]{1,3}_[0-9]{1,4}", text):
        return text
    problems.append(Problem(table.where(row, "Filename"), f"is {text[:40]!r}; need an expression such as 006_1_2"))
    return None


def _number(table: Sheet, row: SheetRow, column: str, problems: list[Problem]) -> Decimal | None:
    number = _decimal(row.cells[column])
    whole = whole_number(table, row, column, problems) if number is None else None
    return number if whole is None else Decimal(whole)


def _decimal(text: str) -> Decimal | None:
    """A number from 0 on, of whose fraction three digits count: 143.20000000000002 is 143.2."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{0,40})?", text):
        return None
    return Decimal(text).quantize(Decimal("0.001"))


def _with_emotions(expressions: list[LongExpression], path: Path, counted: Counter[str]) -> list[LongExpression]:
    """Micro-expressions with what SAMM's table says of those of the same name."""
    records = read_samm(path.parent, path).records
    often = Counter(record.clip for record in records)
    known = {record.clip: record for record in records if often[record.clip] == 1}
    joined = []
    for one in expressions:
        there = known.get(one.record.clip) if one.record.kind == "micro" else None
        counted[NO_EMOTION] += one.record.kind == "micro" and there is None
        joined.append(one if there is None else replace(one, record=replace(
            one.record, emotion=there.emotion, label3=there.label3, objective=there.objective)))
    return joined


def _counts(videos: tuple[LongVideo, ...]) -> list[Count]:
    counts = [Count("subjects", len({video.subject for video in videos}), SUBJECTS)]
    for kind, of_release in (("micro", WITH_MICRO), ("macro", WITH_MACRO)):
        having = [video for video in videos if any(one.record.kind == kind for one in video.expressions)]
        counts += [Count(f"videos with a {kind}-expression", len(having), of_release),
                   Count(f"subjects with a {kind}-expression", len({video.subject for video in having}),
                         SUBJECTS_OF_TYPE)]
    return counts
