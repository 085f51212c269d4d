"""One or several stores of long videos as one set."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.long.store import LABELS, LongSet, open_long
from neurofer.data.micro.pool import require_other_people
from neurofer.data.store import read_store_index
from neurofer.errors import UsageError, name_some

NO_EVENTS = ("events_made", "no")
"""Fact of a video that was prepared without events; ``events`` itself is a column of every store."""


def open_long_pool(paths: Sequence[Path | str]) -> LongSet:
    """The videos of one store as they are, or of several together.

    Of several, subjects, videos and the videos of intervals are named ``DATASET/NAME``, for two data sets may write
    ``01`` for two people. The digest of several follows from their digests, whatever their order.

    Args:
        paths: Folders that ``neurofer prepare`` wrote.

    Raises:
        UsageError: no folder, two stores of one data set or with the same drawn people, or other frame rates.
        BadFileError: a folder is no whole store of long videos.
    """
    if not paths:
        raise UsageError("data: need the folder of a store of long videos; neurofer prepare makes one")
    sets = sorted((open_long(path) for path in paths), key=lambda one: one.clip_set.name)
    twice = [name for name, count in Counter(one.clip_set.name for one in sets).items() if count > 1]
    if twice:
        raise UsageError(f"data: {', '.join(map(str, paths))} hold {twice[0]} more than once; give one store of each "
                         "data set, or a name to each synthetic one")
    require_other_people([read_store_index(path) for path in paths])
    pooled = sets[0] if len(sets) == 1 else _together(sets)
    fps_of(pooled)
    return pooled


def fps_of(long_set: LongSet) -> float:
    """Frames per second of all the videos.

    Raises:
        UsageError: they differ; names two of them.
    """
    rates: dict[str, str] = {}
    for clip in long_set.videos:
        rates.setdefault(clip.facts["fps"], clip.name)
    if len(rates) > 1:
        (one, first), (other, second) = list(rates.items())[:2]
        raise UsageError(f"data: {first} has {one} frames a second and {second} {other}, but a spotter counts in "
                         "frames of one rate; take stores of one frame rate at a time")
    return float(next(iter(rates)))


def has_events(clip: Clip) -> bool:
    """Whether events were made of a video; where they were not, its recording is empty."""
    fact, value = NO_EVENTS
    return clip.facts.get(fact) != value


def require_events(long_set: LongSet) -> None:
    """Refuse videos that were prepared without events.

    Raises:
        UsageError: some were; says how many, and what to do.
    """
    without = [clip.name for clip in long_set.videos if not has_events(clip)]
    if without:
        raise UsageError(f"data: {len(without)} of {len(long_set.videos)} videos were prepared with --no-events "
                         f"({name_some(without, 3)}), but events are wanted; prepare them without that option")


def _together(sets: Sequence[LongSet]) -> LongSet:
    digest = hashlib.sha256("\n".join(one.clip_set.digest for one in sets).encode()).hexdigest()
    clips = [replace(clip, name=f"{one.clip_set.name}/{clip.name}", subject=f"{one.clip_set.name}/{clip.subject}")
             for one in sets for clip in one.videos]
    truth = {f"{one.clip_set.name}/{video}": tuple(replace(interval, video=f"{one.clip_set.name}/{video}")
                                                   for interval in intervals)
             for one in sets for video, intervals in one.truth.items()}
    return LongSet(ClipSet("+".join(one.clip_set.name for one in sets), LABELS,
                           tuple(sorted(clips, key=lambda clip: clip.name)), digest), truth)
