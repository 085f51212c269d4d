"""The annotation tables of NEFER: its clips, their two labels, their official part, and the video that goes with each.

Layout, read off the public tables: ``annotations/expected_emotions/{train,validation}_{event,gopro}.csv`` and
``annotations/reported_emotions/{train,validation}_{event,gopro}_subjective.csv``, no header, a row for each of the 51
frames of a clip: user, recording, path of the frame, label. Paths begin in different places, so a frame is known by
user, recording and base name. Event recordings end in ``_cd``, which the raw files lack. Event and RGB recordings
share no name; within a user, both are numbered in the order in which they were made.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

from neurofer.data.csv_rows import Row, few, read_rows
from neurofer.data.expected import Count
from neurofer.data.preparing import Problem

CLASSES = ("disgust", "contempt", "happiness", "fear", "anger", "surprise", "sadness")
NOTHING = "none"
"""What a viewer reports who felt none of the seven."""

COLUMNS = ("user", "recording", "frame path", "label")
PARTS = {"train": "train", "validation": "test"}
"""Ours by the name in the tables: users that the authors validate on are tested on here."""

ROWS_PER_CLIP = 51

Emotion = Literal["expected", "reported"]
Camera = Literal["event", "gopro"]


@dataclass(frozen=True)
class Listed:
    """A recording as one table lists it.

    Attributes:
        user: Who is seen.
        name: Recording, without ``_cd``.
        label: Lower-case label.
        where: Its first row.
        frames: Base names of its frames, in the order of the rows.
    """

    user: str
    name: str
    label: str
    where: str
    frames: tuple[str, ...]


@dataclass(frozen=True)
class AnnotatedClip:
    """A clip of NEFER as its tables describe it.

    Attributes:
        name: Event recording, without ``_cd``.
        user: Who is seen.
        part: ``train`` or ``test``.
        label: What the watched video should cause.
        where: First row that names it.
        reported: What the viewer said, ``none`` among them; None where no table says it.
        video: The RGB recording that goes with it; None without one.
        frames: Base names of the frames of the RGB recording.
    """

    name: str
    user: str
    part: str
    label: str
    where: str
    reported: str | None = None
    video: str | None = None
    frames: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        path: The file.
        rows: Number of its good rows.
        listed: Its recordings by name; those that contradict themselves are left out.
        named: All recordings that it names, by user, sorted.
    """

    path: Path
    rows: int
    listed: Mapping[str, Listed]
    named: Mapping[str, tuple[str, ...]]


class Annotations(NamedTuple):
    """What all tables say together: clips, the number of recordings they name, problems, and counts to compare."""

    clips: list[AnnotatedClip]
    named: int
    problems: list[Problem]
    counts: list[Count]


@dataclass
class _Found:
    clips: list[AnnotatedClip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    named: set[str] = field(default_factory=set)


def table_path(root: Path, emotion: Emotion, camera: Camera, part: str) -> Path:
    """Where a table lies."""
    suffix = "_subjective" if emotion == "reported" else ""
    return root / "annotations" / f"{emotion}_emotions" / f"{part}_{camera}{suffix}.csv"


def read_annotations(root: Path) -> Annotations:
    """Everything that the tables below a folder say, with what is wrong in them."""
    found, counts = _Found(), list[Count]()
    for part in PARTS:
        events = _table(root, "expected", "event", part, found.problems)
        reported = _table(root, "reported", "event", part, found.problems)
        videos = _table(root, "expected", "gopro", part, found.problems)
        video_reports = _table(root, "reported", "gopro", part, found.problems)
        counts += _counts(part, events, reported)
        found.named.update(name for names in events.named.values() for name in names)
        pairs = dict(_pairs(events, videos, reported, video_reports, found.problems))
        found.clips += _clips(part, events, reported, videos, pairs, found.problems)
    return Annotations(*_told_once(found), counts)


def read_table(path: Path, labels: tuple[str, ...]) -> tuple[Table, list[Problem]]:
    """One table, and what is wrong with it by row.

    Args:
        path: The table.
        labels: Labels that may come, lower case.
    """
    rows, problems = read_rows(path, COLUMNS)
    by_name: dict[str, list[tuple[Row, Listed]]] = {}
    wrong: list[Problem] = []
    for row in rows:
        listed = _listed(row, labels)
        if isinstance(listed, str):
            wrong.append(Problem(row.where, listed))
        else:
            by_name.setdefault(listed.name, []).append((row, listed))
    problems += few(wrong, path)
    good: dict[str, Listed] = {}
    for name, several in by_name.items():
        first = several[0][1]
        other = next((one for _, one in several if (one.user, one.label) != (first.user, first.label)), None)
        if other is None:
            frames = tuple(dict.fromkeys(one.frames[0] for _, one in several))
            good[name] = replace(first, frames=frames)
        else:
            problems.append(Problem(other.where, f"says that {name} is {other.label} of {other.user}, but row "
                                                 f"{first.where.rpartition(':')[2]} says {first.label} of "
                                                 f"{first.user}; a clip has one label, it is left out"))
    named: dict[str, set[str]] = {}
    for name, several in by_name.items():
        named.setdefault(several[0][1].user, set()).add(name)
    return Table(path, len(rows), good, {user: tuple(sorted(names)) for user, names in named.items()}), problems


def _table(root: Path, emotion: Emotion, camera: Camera, part: str, problems: list[Problem]) -> Table:
    table, wrong = read_table(table_path(root, emotion, camera, part),
                              (*CLASSES, NOTHING) if emotion == "reported" else CLASSES)
    problems += wrong
    return table


def _listed(row: Row, labels: tuple[str, ...]) -> Listed | str:
    """The recording of a row, or what is wrong with the row."""
    user, recording, path, label = row.cells
    folder, _, frame = path.replace("\\", "/").rpartition("/")
    wrong = _wrong(user, recording, folder, label, labels)
    return wrong or Listed(user, recording.removesuffix("_cd"), label.lower(), row.where, (frame,))


@functools.lru_cache(maxsize=1024)
def _wrong(user: str, recording: str, folder: str, label: str, labels: tuple[str, ...]) -> str | None:
    """What is wrong with a row; the rows of a recording agree in all but the base name."""
    if not all(re.fullmatch(r"\w[\w.+-]*", name, re.ASCII) for name in (recording.removesuffix("_cd"), user)):
        return f"names the recording {recording!r} of {user!r}; need letters, digits, _ . + -"
    if folder.split("/")[-2:] != [user, recording]:
        return f"is of {user}/{recording}, but its frame lies in {folder!r}"
    if label.lower() not in labels:
        return f"has the label {label!r}; need one of {', '.join(one.capitalize() for one in labels)}"
    return None


def _clips(part: str, events: Table, reported: Table, videos: Table, pairs: Mapping[str, str],
           problems: list[Problem]) -> Iterator[AnnotatedClip]:
    for listed in events.listed.values():
        told = reported.listed.get(listed.name)
        if told is None and reported.rows:
            problems.append(Problem(str(reported.path), f"says nothing usable of {listed.name}; it is prepared without "
                                                        "a reported label"))
        video = pairs.get(listed.name)
        yield AnnotatedClip(listed.name, listed.user, PARTS[part], listed.label, listed.where,
                            told.label if told else None, video, videos.listed[video].frames if video else ())


def _pairs(events: Table, videos: Table, reported: Table, video_reports: Table,
           problems: list[Problem]) -> Iterator[tuple[str, str]]:
    """Event and RGB recordings that go together: the n-th of a user with the n-th, if all their labels agree."""
    for user, names in sorted(events.named.items()):
        others = videos.named.get(user, ())
        if len(names) != len(others):
            if videos.rows:
                problems.append(Problem(str(videos.path), f"has {len(others)} recordings of {user}, and {len(names)} "
                                        "were made with events; they cannot be paired by order, so none has RGB"))
            continue
        pairs = list(zip(names, others, strict=True))
        differ = [(event, video) for event, video in pairs
                  if _differ(events, videos, event, video) or _differ(reported, video_reports, event, video)]
        if differ:
            event, video = differ[0]
            problems.append(Problem(str(videos.path), f"pairs {video} with {event} by order, but their labels differ, "
                                    f"as for {len(differ)} of {len(pairs)} pairs of {user}; none of them has RGB"))
            continue
        yield from ((event, video) for event, video in pairs if video in videos.listed)


def _differ(events: Table, videos: Table, event: str, video: str) -> bool:
    first, second = events.listed.get(event), videos.listed.get(video)
    return first is not None and second is not None and first.label != second.label


def _told_once(found: _Found) -> tuple[list[AnnotatedClip], int, list[Problem]]:
    """Without the clips that are in both parts."""
    parts = Counter(clip.name for clip in found.clips)
    problems = found.problems + [
        Problem(clip.where, f"lists {clip.name} for {clip.part}, but it is listed for both parts; it is left out")
        for clip in found.clips if parts[clip.name] > 1]
    return [clip for clip in found.clips if parts[clip.name] == 1], len(found.named), problems


def _counts(part: str, events: Table, reported: Table) -> list[Count]:
    """The numbers of the public tables beside those of these."""
    train = part == "train"
    expected = dict.fromkeys(CLASSES, 60 if train else 18)
    if not train:
        expected["surprise"] = 17
    said = dict(zip(("surprise", "sadness", "happiness", "disgust", "contempt", "anger", "fear", NOTHING),
                    (87, 73, 66, 56, 45, 38, 28, 27) if train else (21, 15, 18, 17, 20, 14, 12, 8), strict=True))
    clips = 420 if train else 125
    agreeing = sum(listed.label == reported.listed[name].label for name, listed in events.listed.items()
                   if name in reported.listed)
    counts = [Count("users", len(events.named), 20 if train else 6), Count("clips", len(events.listed), clips),
              Count("rows", events.rows, clips * ROWS_PER_CLIP)]
    for emotion, table, wanted in (("expected", events, expected), ("reported", reported, said)):
        have = Counter(listed.label for listed in table.listed.values())
        counts += [Count(f"{emotion} {label}", have[label], number) for label, number in wanted.items()]
    counts.append(Count("expected = reported", agreeing, 261 if train else 94))
    return [count._replace(what=f"{part} {count.what}") for count in counts]
