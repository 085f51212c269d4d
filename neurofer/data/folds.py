"""The two partitions of e-CK+: subject-disjoint folds (P-clean), and the published one that shares subjects (P-paper).

Both work on any set of clips and depend on names and labels alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import ClipSet
from neurofer.data.partition import Partition
from neurofer.data.splits import Split, class_counts, require_classes
from neurofer.errors import NeuroferError

PLACE = "place_in_class"
"""Fact of a clip: its place among all names that the data set lists for its class, and their number: ``12 of 45``."""

INNER_EVERY = 5


def fold_partition(clip_set: ClipSet, folds: int, fold: int) -> Partition:
    """Subject-disjoint folds: one is tested, the next one chooses the epoch, the rest trains.

    Args:
        clip_set: The clips.
        folds: Number of folds, at least 3.
        fold: The tested one, from 0.

    Raises:
        NeuroferError: fewer subjects than folds, or a class without a training clip.
        ValueError: no such fold.

    Source:
        P-clean of the evTransFER specification, section 6.5.
    """
    if folds < 3 or not 0 <= fold < folds:
        raise ValueError(f"fold_partition: need at least 3 folds and a fold among them, got fold {fold} of {folds}")
    placed = fold_subjects(clip_set, folds)
    inner = (fold + 1) % folds
    train = tuple(sorted(name for number, names in enumerate(placed) if number not in (fold, inner) for name in names))
    split = Split(train, placed[inner], placed[fold])
    require_classes(clip_set, split.clips(clip_set, "train"))
    return Partition.of_split(clip_set, split, f"fold {fold} of {folds} subject-disjoint folds tested; best epoch by "
                                               f"validation on fold {inner}; test read once")


def fold_subjects(clip_set: ClipSet, folds: int) -> list[tuple[str, ...]]:
    """The subjects of each fold, sorted; everybody is in one, and none is empty.

    Subjects with most clips are placed first, equal ones by name; each goes to the fold whose class counts are then
    nearest to an even share, of equal ones to that with fewest clips, then to the first.

    Raises:
        NeuroferError: fewer subjects than folds.
    """
    counts = class_counts(clip_set)
    if len(counts) < folds:
        raise NeuroferError(f"data set {clip_set.name}: {len(counts)} subject(s) cannot make {folds} folds; "
                            "take fewer folds (split.folds), or prepare it with more subjects")
    wanted: NDArray[np.float64] = np.maximum(np.sum(list(counts.values()), axis=0) / folds, 1e-9)
    have = np.zeros((folds, len(clip_set.classes)))
    placed: list[list[str]] = [[] for _ in range(folds)]
    for name in sorted(counts, key=lambda name: (-counts[name].sum(), name)):
        before = np.square(have / wanted - 1).sum(axis=1)
        cost = np.square((have + counts[name]) / wanted - 1).sum(axis=1) - before
        best = min(range(folds), key=lambda number: (round(float(cost[number]), 9), have[number].sum(), number))
        have[best] += counts[name]
        placed[best].append(name)
    return [tuple(sorted(names)) for names in placed]


def paper_partition(clip_set: ClipSet, *, inner_validation: bool = False) -> Partition:
    """The published split of e-CK+, which shares subjects: of each class, the first 80 % by name train, the rest tests.

    The epoch is chosen on the test part, as published. Where the data set lists clips that could not be prepared, the
    80 % are of all listed ones, so that a lost clip moves no other (fact ``PLACE``).

    Args:
        clip_set: The clips.
        inner_validation: Choose on every fifth training clip of each class instead, which then does not train; of a
            class with two to four training clips on the last.

    Raises:
        NeuroferError: a class without a training clip, or no clip to test.

    Source:
        evTransFER specification, section 6.2; the rule gives the published counts of every class.
    """
    sides = published_side(clip_set)
    test = sorted(name for name, side in sides.items() if side == "test")
    train_of: dict[str, list[str]] = defaultdict(list)
    for clip in sorted(clip_set.clips, key=lambda clip: clip.name):
        if sides[clip.name] == "train":
            train_of[clip.label].append(clip.name)
    inner = [name for names in train_of.values() for name in every_fifth(names)] if inner_validation else []
    train = sorted({name for names in train_of.values() for name in names}.difference(inner))
    if not test or (inner_validation and not inner):
        raise NeuroferError(f"data set {clip_set.name}: {len(clip_set.clips)} clip(s) leave none to "
                            f"{'validate' if test else 'test'}; it needs more clips of each class")
    require_classes(clip_set, [clip for clip in clip_set.clips if clip.name in set(train)])
    chosen = "validation on every fifth training clip; test read once" if inner_validation else "its result on the test"
    return Partition.of_clips(clip_set, "published e-CK+ split, which shares subjects: the first 80 % of each class by "
                                        f"name train; best epoch by {chosen}", train, sorted(inner) or test, test)


def published_side(clip_set: ClipSet) -> dict[str, Literal["train", "test"]]:
    """On which side of the published split each clip is, by name; see ``paper_partition``.

    Raises:
        NeuroferError: a clip whose place in its class is garbled.
    """
    return {name: "train" if place <= count * 4 // 5 else "test"
            for name, (place, count) in _places(clip_set).items()}


def places_in_class(labels: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The fact ``PLACE`` of every clip that a data set lists, by name, for ``label`` by name."""
    classes: dict[str, list[str]] = defaultdict(list)
    for name in sorted(labels):
        classes[labels[name]].append(name)
    return {name: {PLACE: f"{place} of {len(names)}"} for names in classes.values()
            for place, name in enumerate(names, start=1)}


def _places(clip_set: ClipSet) -> dict[str, tuple[int, int]]:
    """Place in its class and size of it, of every clip."""
    facts = {clip.name: dict(clip.facts) for clip in clip_set.clips}
    if not all(PLACE in said for said in facts.values()):
        facts = places_in_class({clip.name: clip.label for clip in clip_set.clips})
    found = {name: re.fullmatch(r"(\d{1,9}) of (\d{1,9})", said[PLACE]) for name, said in facts.items()}
    wrong = [name for name, match in found.items() if match is None]
    if wrong:
        raise NeuroferError(f"data set {clip_set.name}: {PLACE} of clip {wrong[0]} is {facts[wrong[0]][PLACE]!r}, not "
                            "such as '12 of 45'; prepare it again")
    return {name: (int(match[1]), int(match[2])) for name, match in found.items() if match}


def every_fifth(names: list[str]) -> list[str]:
    """Every fifth of these names; of two to four the last."""
    return names[INNER_EVERY - 1 :: INNER_EVERY] or names[1:][-1:]
