"""CAS(ME)2: long videos of micro- and macro-expressions at 30 frames a second, 640 x 480 pixels.

``rawpic/s15/15_0101disgustingteeth/img001.jpg`` and ``CAS(ME)^2code_final(Updated).xlsx``, three sheets without a
header: the expressions (``anger1_1`` is the first of the film ``anger1``), the participants' folders and the films'
codes. Folders are known by number and code, ``15_0101``; one lies with another subject, so its name tells whose it is.
Frames are counted from 1, and some are 0.

[open]: ``cropped`` is read as ``rawpic`` is.

Source:
    Qu et al., "CAS(ME)2: a database for spontaneous macro-expression and micro-expression spotting and recognition",
    IEEE Transactions on Affective Computing 9(4), 2018; layout: public loaders; numbers: spotting specification,
    section 7.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Literal

from neurofer.data.expected import Count, differing
from neurofer.data.long.casme2_naming import RULE1, RULE2, RULES, Naming, read_naming
from neurofer.data.long.headerless import read_headerless
from neurofer.data.long.record import LongExpression, LongTable, LongVideo
from neurofer.data.long.videos import (
    APEX_OUTSIDE,
    VideoFolder,
    apex_inside,
    file_name,
    join_videos,
    kind_counts,
    read_kind,
    subfolders,
    video_counts,
    without_repeats,
)
from neurofer.data.micro import rules
from neurofer.data.micro.places import DEPTH, find_sheet
from neurofer.data.micro.record import LABELS3, MicroRecord
from neurofer.data.micro.sheets import Sheet, SheetRow, whole_number
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError
from neurofer.keyframes.apex import midpoint_apex

NAME = "casme2_long"
FPS = 30.0
Crops = Literal["rawpic", "cropped"]
SHEETS = ("CAS(ME)^2code_final(Updated).xlsx", "CAS(ME)^2code_final.xlsx")
CODES = "CASFEcode_final"
COLUMNS = ("participant", "expression", "onset", "apex", "offset", "AUs", "class", "type")

VIDEOS, ANNOTATED, SUBJECTS, MICRO, MACRO = 98, 95, 22, 57, 300
WITH_MICRO, WITH_MACRO, SUBJECTS_WITH_MICRO = 33, 89, 14
CLASSES = {"micro": {"negative": 21, "others": 19, "surprise": 9, "positive": 8},
           "macro": {"negative": 105, "others": 63, "surprise": 16, "positive": 116}}
NO_OFFSET = "offset is 0, the apex stands for it"
NO_APEX = "apex is 0, the midpoint stands for it"
KNOWN = {NO_OFFSET: 44, NO_APEX: 1, APEX_OUTSIDE: 3}
"""Rules for odd rows, and how many rows of the release each concerns."""
WITH_OTHER = "folder lies with another subject, its name tells whose it is"


def read_casme2_long(root: Path, sheet: Path | None = None, crops: Crops = "rawpic") -> LongTable:
    """The long videos and what the table says of them.

    Args:
        root: Folder that holds ``rawpic`` or ``cropped``, or what is in it.
        sheet: The table; None to look for it below ``root``. A .csv is its first sheet alone.
        crops: Which pictures: whole, or cut to the face.

    Raises:
        BadFileError: the table is missing or broken, no row of it can be used, or there is no video.
        UsageError: there are several tables.
    """
    root = Path(root)
    problems, counted = list[Problem](), Counter[str]()
    place, folders = _folders(root, crops, problems, counted)
    sheets = read_headerless(_find_sheet(root, sheet, DEPTH if place else 1), {CODES: COLUMNS, **RULES}, tuple(RULES))
    naming = read_naming(sheets, problems, counted)
    table = sheets[CODES]
    rows = [one for row in table.rows
            if (one := _expression(table, row, naming, place, problems, counted)) is not None]
    found = without_repeats(rows, problems)
    rules.check_usable(table.path, (one.record for one in found), problems)
    videos = join_videos(NAME, root, FPS, folders, found, problems, counted)
    counts = [*video_counts(videos, VIDEOS, ANNOTATED), *kind_counts(found, MICRO, MACRO), *_counts(videos),
              *_class_counts(found), *(Count(what, counted[what], known) for what, known in KNOWN.items())]
    return LongTable(NAME, videos, tuple(problems), +counted, differing(counts))


def _find_sheet(root: Path, sheet: Path | None, depth: int) -> Path:
    """Either edition, the later one first."""
    try:
        return find_sheet(root, SHEETS[0], sheet, depth)
    except BadFileError:
        return find_sheet(root, SHEETS[1], sheet, depth)


def _folders(root: Path, crops: Crops, problems: list[Problem], counted: Counter[str]
             ) -> tuple[str, list[VideoFolder]]:
    """Where the subjects' folders lie, and the videos in them."""
    subfolders(root)
    for place in (crops, f"{crops}/{crops}", ""):
        subjects = [name for name in subfolders(root / place) if re.fullmatch("s[0-9]+", name, re.IGNORECASE)] if (
            root / place).is_dir() else []
        if subjects:
            break
    else:
        raise BadFileError(f"{root}: holds no folder of frames such as {crops}/s15/15_0101disgustingteeth; give the "
                           "root of CAS(ME)2")
    base = f"{place}/" if place else ""
    found, misplaced = dict[str, VideoFolder](), list[tuple[str, VideoFolder]]()
    for subject in subjects:
        for name in subfolders(root / place / subject):
            folder = f"{base}{subject}/{name}"
            match = re.fullmatch(r"([0-9]+)_([0-9]{3,4})(\D.*)?", name)
            if match is None:
                problems.append(Problem(str(root / folder), "is no folder of a video such as 15_0101disgustingteeth"))
                continue
            owner = f"s{int(match[1])}"
            key = f"{owner}_{match[2].zfill(4)}"
            video = VideoFolder(key, owner, file_name(f"{owner}_{name.partition('_')[2]}"), folder)
            if owner != subject.casefold():
                misplaced.append((subject, video))
            else:
                _add(root, video, found, problems)
    for _, video in misplaced:
        counted[WITH_OTHER] += 1
        _add(root, video, found, problems)
    return place, list(found.values())


def _add(root: Path, video: VideoFolder, found: dict[str, VideoFolder], problems: list[Problem]) -> None:
    first = found.setdefault(video.key, video)
    if first is not video:
        problems.append(Problem(str(root / video.folder), f"is the video {video.key}, as {first.folder} is; keep one "
                                                          "of them"))


def _expression(table: Sheet, row: SheetRow, naming: Naming, place: str, problems: list[Problem],
                counted: Counter[str]) -> LongExpression | None:
    own = Counter[str]()
    participant = whole_number(table, row, "participant", problems)
    subject = naming.subjects.get(-1 if participant is None else participant)
    if participant is not None and subject is None:
        problems.append(Problem(table.where(row, "participant"), f"is {participant}, who is not in {RULE1!r}"))
    code = _code(table, row, naming, problems)
    kind = read_kind(table, row, "type", problems)
    frames = _frames(table, row, problems, own)
    if subject is None or code is None or kind is None or frames is None:
        return None
    counted.update(own)
    emotion = " ".join(row.cells["class"].lower().split())
    onset, apex, offset = frames
    film = f"{subject}/{subject[1:]}_{code}*"
    return LongExpression(MicroRecord(
        NAME, subject, f"{subject}_{code}", row.cells["expression"], kind, onset, apex, offset, FPS,
        rules.read_aus(row.cells["AUs"]), emotion, emotion if emotion in LABELS3 else None,
        "midpoint" if own[NO_APEX] else "annotated", where=table.where(row),
        folder=f"{place}/{film}" if place else film))


def _code(table: Sheet, row: SheetRow, naming: Naming, problems: list[Problem]) -> str | None:
    """The code of the film that an expression is in."""
    text = row.cells["expression"]
    code = naming.films.get(re.sub(r"_\d+$", "", text).casefold())
    if code is None:
        problems.append(Problem(table.where(row, "expression"),
                                f"is {text[:40]!r}; need a film and a number, such as anger1_1, of {RULE2!r}: "
                                f"{', '.join(naming.films)}"))
    return code


def _frames(table: Sheet, row: SheetRow, problems: list[Problem], counted: Counter[str]
            ) -> tuple[int, int | None, int] | None:
    """Onset, apex and offset; an offset of 0 is the apex, an apex of 0 the midpoint."""
    onset, apex, offset = (whole_number(table, row, column, problems) for column in ("onset", "apex", "offset"))
    if onset is None or apex is None or offset is None:
        return None
    if offset == 0 and apex > 0:
        offset = apex
        counted[NO_OFFSET] += 1
    if onset > offset:
        problems.append(Problem(table.where(row, "onset"), f"is {onset}, after the offset {offset}"))
        return None
    if apex == 0 and onset > 0:
        counted[NO_APEX] += 1
        return onset, midpoint_apex(onset, offset), offset
    return onset, apex_inside(onset, apex, offset, counted), offset


def _counts(videos: tuple[LongVideo, ...]) -> list[Count]:
    having = {kind: [video for video in videos if any(one.record.kind == kind for one in video.expressions)]
              for kind in ("micro", "macro")}
    return [Count("subjects", len({video.subject for video in videos}), SUBJECTS),
            Count("videos with a micro-expression", len(having["micro"]), WITH_MICRO),
            Count("videos with a macro-expression", len(having["macro"]), WITH_MACRO),
            Count("subjects with a micro-expression", len({video.subject for video in having["micro"]}),
                  SUBJECTS_WITH_MICRO)]


def _class_counts(expressions: list[LongExpression]) -> list[Count]:
    have = Counter[tuple[str, str]]((one.record.kind, one.record.emotion) for one in expressions)
    wanted = {(kind, name): count for kind, classes in CLASSES.items() for name, count in classes.items()}
    pairs = [*wanted, *sorted(pair for pair in have if pair not in wanted)]
    return [Count(f"{kind}-expressions {name or 'without a class'}", have[kind, name], wanted.get((kind, name), 0))
            for kind, name in pairs]
