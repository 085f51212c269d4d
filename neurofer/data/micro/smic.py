"""SMIC: spontaneous micro-expressions before a fast camera (HS), a common one (VIS) and an infrared one (NIR).

``HS/s01/micro/negative/s01_ne_01/image000123.jpg``: a folder a clip, without a table. Its class is the folder above,
and said again by its name (``ne``, ``po``, ``sur``); onset and offset are its first and last picture. The release with
long films, ``s01/s01_ne_01``, has a table, ``SMIC-HS-E_annotation.xlsx``; ``FirstF`` is the first picture of a film. No
apex is annotated, so the midpoint stands for it.

Source:
    Li et al., "A spontaneous micro-expression database: inducement, collection and baseline", FG 2013; layout: public
    loaders.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from neurofer.data.expected import Count, differing
from neurofer.data.micro.frames_on_disk import frame_files, frame_number, missing_frames
from neurofer.data.micro.places import find_sheet, with_folders
from neurofer.data.micro.record import LABELS3, MicroRecord
from neurofer.data.micro.rules import Frames, check_usable, class_counts, frame_rules, read_subject, without_repeats
from neurofer.data.micro.sheets import Sheet, SheetRow, read_sheet, whole_number
from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError
from neurofer.keyframes.apex import midpoint_apex

NAME = "smic"
Part = Literal["HS", "VIS", "NIR"]
FPS = {"HS": 100.0, "VIS": 25.0, "NIR": 25.0}
WORDS = {"ne": "negative", "po": "positive", "sur": "surprise"}
"""Classes by the word in a clip's name."""

RELEASE, SUBJECTS = {"negative": 70, "positive": 51, "surprise": 43}, 16
SLOW_CLIPS, LONG_ROWS = 71, 157
COLUMNS = ("Subject", "Filename", "OnsetF", "OffsetF", "FirstF", "Emotion")
LONG_FOLDERS = ("", "{part}/", "SMIC-{part}-E/", "SMIC-{part}-E/{part}/", "{part}_long/SMIC-{part}-E/",
                "{part}_long/SMIC-{part}-E/{part}/")
"""Where the subjects of the long release may lie, [open]: copies differ."""


class Span(NamedTuple):
    """First and last frame, inclusive."""

    first: int
    last: int


class _Film(NamedTuple):
    """An expression of the long release, and the number of its film's first picture, both as the table counts."""

    first: int
    record: MicroRecord


def read_smic(root: Path, sheet: Path | None = None, *, part: Part = "HS") -> MicroTable:
    """The clips of a camera; with a sheet, the expressions in its long films.

    Frames have the numbers of their image files. In a long film, the picture ``OnsetF - FirstF`` after the first is the
    onset, so it does not matter where a copy begins to count.

    Args:
        root: Folder that holds ``HS``, ``VIS`` or ``NIR``, or that folder itself.
        sheet: Table of the long films, or its folder; None to read the short clips from their folders.
        part: The camera.

    Raises:
        BadFileError: no folder of the camera is there, the sheet is none, or nothing in it can be used.
    """
    root = Path(root)
    if sheet is not None:
        return _read_long(root, find_sheet(root, f"SMIC-{part}-E_annotation.xlsx", Path(sheet)), part)
    base, records, problems = _base(root, part), list[MicroRecord](), list[Problem]()
    for folder in sorted(path for path in base.glob("s*/micro/*/*") if path.is_dir() and path.name[0] != "."):
        result = _clip(root, folder, part)
        if isinstance(result, Problem):
            problems.append(result)
        else:
            records.append(result)
    check_usable(base, records, problems)
    counts = (class_counts(records, RELEASE, SUBJECTS) if part == "HS" else
              [Count("expressions", len(records), SLOW_CLIPS)])
    return MicroTable(NAME, tuple(records), tuple(problems), _rules(records), differing(counts))


def _base(root: Path, part: Part) -> Path:
    """The folder of the subjects."""
    base = next((place for place in (root / part, root) if any(place.glob("s*/micro"))), None)
    if base is None:
        what = f"holds no {part}/s01/micro" if root.is_dir() else "no such folder"
        raise BadFileError(f"{root}: {what}; give the folder of SMIC that holds {part}, or, for the long films, their "
                           "table by --sheet")
    return base


def _clip(root: Path, folder: Path, part: Part) -> MicroRecord | Problem:
    """The record of a clip's folder, or what is wrong with it."""
    subject, emotion = folder.parents[2].name, folder.parent.name.lower()
    wrong = _contradiction(folder.name, subject, emotion)
    if wrong:
        return Problem(str(folder), wrong)
    try:
        numbers = frame_files(folder)
    except BadFileError as error:
        return Problem.of(error, str(folder))
    if not numbers:
        return Problem(str(folder), "holds no picture; copy the clip's frames there, or take the folder away")
    place = folder.relative_to(root).as_posix()
    record = _record(subject, folder.name, Span(min(numbers), max(numbers)), emotion, part, place)
    return missing_frames(replace(record, folder=place), root) or replace(record, folder=place)


def _record(subject: str, clip: str, span: Span, emotion: str, part: Part, where: str) -> MicroRecord:
    return MicroRecord(NAME, subject, clip, clip, "micro", span.first, midpoint_apex(*span), span.last, FPS[part],
                       emotion=emotion, label3=emotion, apex_source="midpoint", where=where)


def _contradiction(clip: str, subject: str, emotion: str) -> str:
    """Where a clip's name, subject and class do not fit together; "" if they do."""
    name = re.fullmatch(r"s0*([0-9]{1,6})_(ne|po|sur)_[0-9]+\w*", clip)
    if name is None:
        return f"is named {clip[:40]!r}; need a name such as s01_ne_01, with ne, po or sur"
    if emotion not in LABELS3:
        return f"is of the class {emotion[:40]!r}; need one of {', '.join(LABELS3)}"
    if WORDS[name[2]] != emotion:
        return f"is of the class {emotion}, but the name {clip} says {WORDS[name[2]]}"
    if subject.lstrip("s0") != name[1]:
        return f"belongs to {subject}, but the name {clip} says s{name[1]:0>2}"
    return ""


def _rules(records: Sequence[MicroRecord]) -> Counter[str]:
    spans = [(record.onset_frame, record.offset_frame) for record in records]
    return Counter(rule for onset, offset in spans for rule in frame_rules(
        Frames(onset, midpoint_apex(onset, offset), offset, "midpoint")))


def _read_long(root: Path, path: Path, part: Part) -> MicroTable:
    sheet, problems, rules = read_sheet(path, COLUMNS), list[Problem](), Counter[str]()
    films = {row.number: film for row in sheet.rows if (film := _film(sheet, row, part, problems, rules)) is not None}
    pairs = [(row, films[row.number].record) for row in sheet.rows if row.number in films]
    unique = without_repeats(sheet, pairs, problems)
    check_usable(path, unique, problems)
    firsts = {film.record.where: film.first for film in films.values()}
    placed = with_folders(unique, root, partial(_places, part), problems)
    records = tuple(_counted_as_files(record, root / record.folder, firsts[record.where]) for record in placed)
    counts = [Count("rows", len(sheet.rows), LONG_ROWS)] if part == "HS" else []
    return MicroTable(NAME, records, tuple(problems), rules + _rules(records), differing(counts))


def _film(sheet: Sheet, row: SheetRow, part: Part, problems: list[Problem], rules: Counter[str]) -> _Film | None:
    """The expression of a row; None, and its problems, where it says nothing usable."""
    own = Counter[str]()
    subject = read_subject(sheet, row, "Subject", "s", 2, problems, own)
    first, onset, offset = (whole_number(sheet, row, column, problems) for column in ("FirstF", "OnsetF", "OffsetF"))
    clip, word = row.cells["Filename"], row.cells["Emotion"].lower()
    if subject is None or first is None or onset is None or offset is None:
        return None
    emotion = WORDS.get(word, word)
    wrong = _contradiction(clip, subject, emotion)
    if wrong:
        problems.append(Problem(sheet.where(row, "Filename"), wrong))
        return None
    if not first <= onset <= offset:
        problems.append(Problem(sheet.where(row, "OnsetF"), f"is {onset}; need FirstF <= OnsetF <= OffsetF, which are "
                                                            f"{first} and {offset}"))
        return None
    rules.update(own)
    return _Film(first, _record(subject, clip, Span(onset, offset), emotion, part, sheet.where(row)))


def _places(part: Part, record: MicroRecord) -> list[str]:
    """Where the frames of a long film may lie."""
    return [f"{base.format(part=part)}{record.subject}/{record.video}" for base in LONG_FOLDERS]


def _counted_as_files(record: MicroRecord, folder: Path, first: int) -> MicroRecord:
    """A record by the numbers of the image files; the table calls the first of them ``first``."""
    names = os.listdir(folder) if folder.is_dir() else []
    shift = min((number for name in names if (number := frame_number(name)) is not None), default=first) - first
    onset, offset = record.onset_frame + shift, record.offset_frame + shift
    return replace(record, onset_frame=onset, apex_frame=midpoint_apex(onset, offset), offset_frame=offset)
