"""Folders of long videos and the expressions in them, joined: what all data sets of long videos share.

Videos are those whose folders are there, with or without expressions: what is spotted in one without is wrong, and has
to be counted. Expressions whose video has no folder are told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from neurofer.data.expected import Count
from neurofer.data.long.record import LongExpression, LongVideo
from neurofer.data.micro.record import Kind
from neurofer.data.micro.sheets import Sheet, SheetRow
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError, name_some
from neurofer.spotting.interval import KINDS

NO_EXPRESSION = "video has no annotated expression, it is kept"
APEX_OUTSIDE = "apex is outside of its expression, it is taken as missing"


class VideoFolder(NamedTuple):
    """One folder of frames.

    Attributes:
        key: What ``MicroRecord.video`` says of the expressions in it.
        subject: As the data set writes it.
        name: Of the video, fit for a file name.
        folder: Relative to the data set's root.
    """

    key: str
    subject: str
    name: str
    folder: str


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones.

    Raises:
        BadFileError: it is not there or cannot be read.
    """
    try:
        return sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_dir())
    except OSError as error:
        raise BadFileError(f"{folder}: cannot be listed ({error.strerror}); give the root of the data set") from error


def file_name(text: str) -> str:
    """A name that any file system takes.

    Example:
        >>> file_name("s15_0101disgusting teeth")
        's15_0101disgusting-teeth'
    """
    return re.sub(r"[^\w.+-]+", "-", text).lstrip(".+-")


def read_kind(sheet: Sheet, row: SheetRow, column: str, problems: list[Problem]) -> Kind | None:
    """``micro`` or ``macro`` by how a cell begins, as in ``Micro - 1/2``; None, and a problem, for anything else."""
    text = row.cells[column]
    for kind in KINDS:
        if text.casefold().startswith(kind):
            return kind
    problems.append(Problem(sheet.where(row, column), f"is {text[:40]!r}; need a micro- or macro-expression"))
    return None


def apex_inside(onset: int, apex: int | None, offset: int, counted: Counter[str]) -> int | None:
    """The apex, or None where it lies outside of its expression."""
    if apex is None or onset <= apex <= offset:
        return apex
    counted[APEX_OUTSIDE] += 1
    return None


def without_repeats(expressions: Iterable[LongExpression], problems: list[Problem]) -> list[LongExpression]:
    """Expressions that differ in name, type or frames; a later row of the same is a problem.

    One name may belong to a macro- and to a micro-expression, and two may share their frames.
    """
    seen: dict[tuple[str, str, str, int, int], str] = {}
    good = []
    for one in expressions:
        record = one.record
        key = (record.video, record.clip, record.kind, record.onset_frame, record.offset_frame)
        if key in seen:
            problems.append(Problem(record.where, f"repeats {record.kind} {record.clip} from frame "
                                                  f"{record.onset_frame} to {record.offset_frame} of {seen[key]}"))
        else:
            seen[key] = record.where
            good.append(one)
    return good


def join_videos(dataset: str, root: Path, fps: float, folders: Sequence[VideoFolder],
                expressions: Iterable[LongExpression], problems: list[Problem], counted: Counter[str]
                ) -> tuple[LongVideo, ...]:
    """The videos, by name, each with its expressions by onset.

    Args:
        dataset: Its name.
        root: Its root.
        fps: Frames per second.
        folders: The folders that are there.
        expressions: ``record.video`` is the key of a folder, ``record.folder`` where it should be.
        problems: Told which videos with expressions have no folder.
        counted: Told how many videos have no expression.
    """
    of_video: dict[str, list[LongExpression]] = {}
    for one in expressions:
        of_video.setdefault(one.record.video, []).append(one)
    videos, names = list[LongVideo](), _unique([folder.name for folder in folders])
    for folder, name in zip(folders, names, strict=True):
        mine = [LongExpression(replace(one.record, video=name, folder=folder.folder), one.onset_seen)
                for one in of_video.pop(folder.key, ())]
        mine.sort(key=lambda one: (one.record.onset_frame, one.record.offset_frame, one.record.kind, one.record.clip))
        videos.append(LongVideo(dataset, folder.subject, name, folder.folder, fps, tuple(mine)))
        counted[NO_EXPRESSION] += not mine
    problems += [Problem(str(root / lost[0].record.folder), _missing(lost)) for lost in of_video.values()]
    return tuple(sorted(videos, key=lambda video: video.name))


def video_counts(videos: Sequence[LongVideo], published: int, annotated: int | None = None) -> list[Count]:
    """How many videos there are beside the published number, naming those without an expression."""
    empty = [video.name for video in videos if not video.expressions]
    more = f" ({name_some(empty, 5)} without an expression)" if empty else ""
    counts = [Count(f"videos{more}", len(videos), published)]
    if annotated is not None:
        counts.append(Count("videos with an expression", len(videos) - len(empty), annotated))
    return counts


def kind_counts(expressions: Sequence[LongExpression], micro: int, macro: int) -> list[Count]:
    """How many expressions of each type the tables list, beside the published numbers."""
    have = Counter(one.record.kind for one in expressions)
    return [Count("micro-expressions", have["micro"], micro), Count("macro-expressions", have["macro"], macro)]


def _missing(lost: Sequence[LongExpression]) -> str:
    expressions = f"{len(lost)} expression{'s' * (len(lost) > 1)}"
    return f"is missing, the frames of {expressions} from {lost[0].record.clip} on ({lost[0].record.where})"


def _unique(names: Sequence[str]) -> list[str]:
    """Names that do not differ in case alone."""
    seen, unique = Counter[str](), []
    for name in names:
        seen[name.casefold()] += 1
        often = seen[name.casefold()]
        unique.append(name if often == 1 else f"{name}+{often}")
    return unique
