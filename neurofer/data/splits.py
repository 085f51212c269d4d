"""Subject-disjoint train, validation and test parts."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from neurofer.data.clip import Clip, ClipSet
from neurofer.errors import NeuroferError

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Who is in which part; no subject is in two.

    Attributes:
        train: Subjects whose clips set the weights, sorted.
        validation: Subjects whose clips choose the epoch, sorted.
        test: Subjects whose clips are read once, at the end, sorted.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def __post_init__(self) -> None:
        seen: dict[str, str] = {}
        for part in PARTS:
            for subject in self.subjects(part):
                if subject in seen:
                    raise ValueError(f"Split: subject {subject} is in {seen[subject]} and in {part}; "
                                     "parts must share nobody")
                seen[subject] = part

    def subjects(self, part: Part) -> tuple[str, ...]:
        """The subjects of one part."""
        if part not in PARTS:
            raise ValueError(f"Split: no part {part!r}; the parts are {', '.join(PARTS)}")
        return {"train": self.train, "validation": self.validation, "test": self.test}[part]

    def clips(self, clip_set: ClipSet, part: Part) -> tuple[Clip, ...]:
        """The clips of one part, in the set's order."""
        return clip_set.of_subjects(self.subjects(part))


def split_subjects(clip_set: ClipSet, fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 0) -> Split:
    """A subject-disjoint split that keeps the classes of the three parts as even as it can.

    It depends on the subjects' names, their class counts and the seed alone, not on file order, machine or process.
    Subjects with most clips are placed first, equal ones in an order that the seed shuffles; each goes where the class
    counts are then nearest to the wanted shares.

    Args:
        clip_set: What to split.
        fractions: Shares of the subjects for train, validation and test, all above 0, together 1.
        seed: Another seed gives another split.

    Raises:
        NeuroferError: fewer than three subjects, or a class without a training clip.
        ValueError: fractions that are not three positive shares of 1.
    """
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise ValueError(f"split_subjects: fractions must be three positive shares that sum to 1, got {fractions}")
    counts = class_counts(clip_set)
    if len(counts) < 3:
        raise NeuroferError(f"data set {clip_set.name}: {len(counts)} subject(s) cannot be split into train, "
                            "validation and test; it needs at least 3, prepare it with more subjects")
    places = place_subjects(counts, _sizes(len(counts), fractions), fractions, seed)
    split = Split(*(tuple(sorted(name for name in counts if places[name] == part)) for part in range(3)))
    require_classes(clip_set, split.clips(clip_set, "train"))
    return split


def class_counts(clip_set: ClipSet) -> dict[str, np.ndarray]:
    """Clips of each class, by subject.

    Raises:
        NeuroferError: a label that is not among the classes.
    """
    counts = {subject: np.zeros(len(clip_set.classes)) for subject in clip_set.subjects}
    for clip in clip_set.clips:
        if clip.label not in clip_set.classes:
            raise NeuroferError(f"data set {clip_set.name}: clip {clip.name} has the label {clip.label!r}, which is "
                                f"not among its classes {', '.join(clip_set.classes)}")
        counts[clip.subject][clip_set.label_number(clip)] += 1
    return counts


def _sizes(subjects: int, fractions: tuple[float, float, float]) -> list[int]:
    """Subjects per part: largest remainders, at least one each."""
    exact = np.array(fractions) * subjects
    sizes = np.maximum(np.floor(exact + 1e-9).astype(int), 1)
    while sizes.sum() < subjects:
        sizes[int(np.argmax(exact - sizes))] += 1
    while sizes.sum() > subjects:
        sizes[int(np.argmax(sizes))] -= 1
    return [int(size) for size in sizes]


def place_subjects(counts: Mapping[str, np.ndarray], sizes: Sequence[int], fractions: Sequence[float],
                   seed: int) -> dict[str, int]:
    """The part of each subject, so that the classes of the parts are as even as they get; see ``split_subjects``.

    Args:
        counts: Clips of each class, by subject.
        sizes: Subjects of each part, together all.
        fractions: Share of the clips that each part should have.
        seed: Another seed gives other places.
    """
    def shuffled(name: str) -> bytes:
        return hashlib.sha256(f"{seed}/{name}".encode()).digest()

    total = np.sum(list(counts.values()), axis=0)
    wanted = np.outer(fractions, total)
    have = np.zeros_like(wanted)
    taken = [0] * len(sizes)
    places: dict[str, int] = {}
    for name in sorted(counts, key=lambda name: (-counts[name].sum(), shuffled(name))):
        def cost(part: int, name: str = name) -> tuple[float, float, int]:
            after = have[part] + counts[name]
            scale = np.maximum(wanted[part], 1e-9)
            before = np.square((have[part] - wanted[part]) / scale).sum()
            change = np.square((after - wanted[part]) / scale).sum() - before
            return float(round(change, 9)), taken[part] / sizes[part], part

        part = min((part for part in range(len(sizes)) if taken[part] < sizes[part]), key=cost)
        places[name] = part
        have[part] += counts[name]
        taken[part] += 1
    return places


def require_classes(clip_set: ClipSet, training: Iterable[Clip]) -> None:
    """Refuse a training part without a clip of some class.

    Raises:
        NeuroferError: with the names of those classes.
    """
    present = Counter(clip.label for clip in training)
    absent = [name for name in clip_set.classes if not present[name]]
    if absent:
        raise NeuroferError(f"data set {clip_set.name}: no training subject shows {', '.join(absent)}; "
                            "add clips of it, or take it out of the classes")
