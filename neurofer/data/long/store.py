"""The store of long videos: one clip a video, its frames and events, and ``intervals.csv`` with the truth of all.

A clip's fact ``truth`` is a digest of its intervals, so the store's own digest follows them, and a table that was
changed by hand is refused.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.frames import Frames, clip_frames
from neurofer.data.store import open_store
from neurofer.errors import BadFileError, name_some
from neurofer.files import write_text
from neurofer.spotting.interval import KINDS, Interval, Kind

TRUTH = "intervals.csv"
COLUMNS = ("video", "type", "onset", "apex", "offset", "emotion", "onset_seen")
"""Frames are counted from 0, the first one that the store keeps of the video."""

_KINDS: Mapping[str, Kind] = {kind: kind for kind in KINDS}


@dataclass(frozen=True)
class LongSet:
    """Long videos of one or several stores.

    Attributes:
        clip_set: The videos; a label says which types are in it: ``both``, ``macro``, ``micro`` or ``none``.
        truth: All intervals of each video by its name, sorted by onset; none for a video without.
    """

    clip_set: ClipSet
    truth: Mapping[str, tuple[Interval, ...]]

    @property
    def videos(self) -> tuple[Clip, ...]:
        """The videos, sorted by name."""
        return self.clip_set.clips

    def of_subjects(self, subjects: Iterable[str]) -> tuple[Clip, ...]:
        """The videos of these people."""
        return self.clip_set.of_subjects(set(subjects))


LABELS = ("both", "macro", "micro", "none")
"""Labels of the store's clips."""


def label_of(intervals: Sequence[Interval]) -> str:
    """Which types of expressions a video shows, one of ``LABELS``."""
    kinds = {one.kind for one in intervals}
    return "both" if len(kinds) == 2 else kinds.pop() if kinds else "none"


def truth_digest(intervals: Sequence[Interval]) -> str:
    """A digest of a video's intervals, for its fact ``truth``."""
    return hashlib.sha256(_table(intervals).encode()).hexdigest()[:16]


def write_truth(folder: Path, intervals: Iterable[Interval]) -> None:
    """Write ``intervals.csv`` of a store; a file that says the same already is left as it is.

    Raises:
        BadFileError: the place cannot be written.
    """
    text = _table(sorted(intervals, key=lambda one: (one.video, one.onset, one.offset, one.kind)))
    path = folder / TRUTH
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)


def open_long(folder: Path | str) -> LongSet:
    """The videos of a store and their truth, checked against each other.

    Raises:
        BadFileError: no store of long videos, an unfinished one, or a truth that was changed since.
    """
    folder = Path(folder)
    clip_set = open_store(folder)
    path = folder / TRUTH
    if not path.is_file():
        what = ("is unfinished: run the same 'neurofer prepare' again" if "truth" in clip_set.clips[0].facts else
                "is no store of long videos; make one with 'neurofer prepare synthetic --long', samm-lv, casme2-long "
                "or casme3-long")
        raise BadFileError(f"{folder}: {TRUTH} is missing, so it {what}")
    found = _read(path)
    unknown = sorted(set(found) - {clip.name for clip in clip_set.clips})
    truth = {clip.name: tuple(found.get(clip.name, ())) for clip in clip_set.clips}
    changed = [clip.name for clip in clip_set.clips if clip.facts.get("truth") != truth_digest(truth[clip.name])]
    if unknown or changed:
        raise BadFileError(f"{path}: is not the truth that the store was made with (see "
                           f"{name_some(unknown + changed, 3)}); prepare the store again")
    return LongSet(clip_set, truth)


def video_frames(clip: Clip) -> Frames:
    """The aligned frames of a video of ``open_long`` or ``open_long_pool``.

    Raises:
        BadFileError: its store keeps none, or they are damaged.
    """
    return clip_frames(replace(clip, name=clip.path.name))


def _table(intervals: Sequence[Interval]) -> str:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in intervals:
        writer.writerow((one.video, one.kind, one.onset, "" if one.apex is None else one.apex, one.offset, one.label,
                         "yes" if one.onset_seen else "no"))
    return table.getvalue()


def _read(path: Path) -> dict[str, list[Interval]]:
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
        found: dict[str, list[Interval]] = {}
        for row in reader:
            found.setdefault(row["video"], []).append(Interval(
                row["video"], _KINDS[row["type"]], int(row["onset"]), int(row["offset"]),
                int(row["apex"]) if row["apex"] else None, None, row["emotion"], row["onset_seen"] == "yes"))
    except (OSError, csv.Error, ValueError, KeyError, TypeError) as error:
        raise BadFileError(f"{path}: is no table of {', '.join(COLUMNS)} ({type(error).__name__}: {error}); prepare "
                           "the store again") from error
    return found
