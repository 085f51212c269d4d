"""One or several micro stores as one set of clips, with any fact of theirs as the label."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.frames import Frames, clip_frames
from neurofer.data.micro.record import LABELS3
from neurofer.data.store import StoreIndex, open_store, read_store_index
from neurofer.errors import BadFileError, NeuroferError, UsageError

EMOTION, LABEL3 = "emotion", "label3"


def open_pool(paths: Sequence[Path | str]) -> ClipSet:
    """The clips of one store as they are, or of several together.

    Of several, subjects and clips are named ``DATASET/NAME``, for two data sets may write ``01`` for two people. The
    digest of several follows from their digests, whatever their order.

    Args:
        paths: Folders that ``neurofer prepare`` wrote.

    Raises:
        UsageError: no folder, two stores of one data set, or two synthetic ones with the same people.
        BadFileError: a folder is no whole store, or one without micro-expressions.
    """
    if not paths:
        raise UsageError("data: need the folder of a micro store; neurofer prepare makes one")
    sets = sorted((_micro_store(path) for path in paths), key=lambda one: one.name)
    if len(sets) == 1:
        return sets[0]
    twice = [name for name, count in Counter(one.name for one in sets).items() if count > 1]
    if twice:
        raise UsageError(f"data: {', '.join(map(str, paths))} hold {twice[0]} more than once; give one store of each "
                         "data set, or a name to each synthetic one")
    require_other_people([read_store_index(path) for path in paths])
    digest = hashlib.sha256("\n".join(one.digest for one in sets).encode()).hexdigest()
    clips = [replace(clip, name=f"{one.name}/{clip.name}", subject=f"{one.name}/{clip.subject}")
             for one in sets for clip in one.clips]
    return ClipSet("+".join(one.name for one in sets), tuple(sorted({name for one in sets for name in one.classes})),
                   tuple(sorted(clips, key=lambda clip: clip.name)), digest)


def _micro_store(path: Path | str) -> ClipSet:
    """The clips of a store, one of which at least says which kind of expression it is."""
    store = open_store(path)
    if not any(clip.facts.get("kind") for clip in store.clips):
        raise BadFileError(f"{path}: is a store of {store.name}, whose clips are no micro-expressions; make one with "
                           "'neurofer prepare synthetic --micro', or with casme2, samm, smic, casme3 or mmew")
    return store


def require_other_people(indexes: Sequence[StoreIndex]) -> None:
    """Refuse synthetic stores of one seed that share people: under two names, one would train and the other be tested.

    Raises:
        UsageError: two of them do; names both.
    """
    home: dict[tuple[str, int, int], str] = {}
    for index in indexes:
        said = index.parameters
        if "generator" not in said or "first_subject" not in said:
            continue
        for number in range(said["first_subject"], said["first_subject"] + said["subjects"]):
            other = home.setdefault((said["generator"], said["seed"], number), index.name)
            if other != index.name:
                raise UsageError(f"data: {other} and {index.name} show the same people, number {number} of seed "
                                 f"{said['seed']} among them; prepare one with another --first-subject or --seed")


def frames_of(clip: Clip) -> Frames:
    """The aligned frames of a clip of ``open_pool``, whatever it is called there.

    Raises:
        BadFileError: its store keeps none, or they are damaged.
    """
    return clip_frames(replace(clip, name=clip.path.name))


def labelled(clip_set: ClipSet, label: str) -> ClipSet:
    """The clips that have a fact, and that as their label.

    The classes of ``label3`` are always the three of the composite protocol; of another fact, its values.

    Args:
        clip_set: From ``open_pool``.
        label: ``label3``, ``emotion`` for the labels that the stores have, or the name of another fact.

    Raises:
        UsageError: no clip has the fact; with the names of those that are there.
    """
    if label == EMOTION:
        return clip_set
    clips = tuple(replace(clip, label=clip.facts[label]) for clip in clip_set.clips if clip.facts.get(label))
    if not clips:
        there = sorted({name for clip in clip_set.clips for name in clip.facts})
        raise UsageError(f"label={label}: no clip of {clip_set.name} has it; choose {', '.join([EMOTION, *there])}")
    values = {clip.label for clip in clips}
    if label != LABEL3:
        return replace(clip_set, classes=tuple(sorted(values)), clips=clips)
    unknown = sorted(values - set(LABELS3))
    if unknown:
        raise UsageError(f"label={label}: {clip_set.name} has the value {unknown[0]!r}, which is none of "
                         f"{', '.join(LABELS3)}; prepare the store again")
    return replace(clip_set, classes=LABELS3, clips=clips)


def frame_index(frames: Frames, time_us: int) -> int:
    """The place of the frame at a moment of a clip's truth, such as ``clip.truth["onset_us"]``.

    Args:
        frames: Of the clip.
        time_us: Exactly the time of one of them.

    Raises:
        NeuroferError: no frame has that time.
    """
    place = int(np.searchsorted(frames.times_us, time_us))
    if place == len(frames.times_us) or frames.times_us[place] != time_us:
        raise NeuroferError(f"frames: none is at {time_us} us, where the clip's truth puts one; prepare the store "
                            "again")
    return place
