"""The published counts of e-CK+ beside those of the user's copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from neurofer.data.ckplus_tree import CLASSES
from neurofer.data.clip import Clip, ClipSet
from neurofer.data.expected import Count
from neurofer.data.folds import published_side

LISTED = (45, 18, 59, 25, 69, 28, 83)
"""Labelled sequences of CK+, by class; 118 people."""

SEQUENCES = {"train": (35, 14, 45, 20, 55, 21, 66), "test": (7, 4, 12, 5, 14, 6, 15)}
"""Sequences with a face box on the two sides of the published split, by class."""

WINDOWS = {"train": (343, 76, 314, 151, 486, 205, 593), "test": (92, 21, 65, 99, 102, 77, 102)}
"""Windows that the public list keeps of them."""

PEOPLE = {"train": 107, "test": 30, "both": 19}


def count_release(labels: Mapping[str, str], clips: Sequence[Clip], windows: bool) -> list[Count]:
    """Sequences, people and, where the public list chose them, windows: what there is and what was published.

    Args:
        labels: Label of every labelled sequence.
        clips: Those that were prepared.
        windows: Count windows, too.
    """
    counts = [Count(f"{label}: labelled sequences", have, wanted)
              for label, have, wanted in zip(CLASSES, _by_class(labels.values()), LISTED, strict=True)]
    counts.append(Count("people", len({name.split("_")[0] for name in labels}), 118))
    sides = published_side(ClipSet("ckplus", CLASSES, tuple(clips), "")) if clips else {}
    people = {side: {clip.subject for clip in clips if sides[clip.name] == side} for side in SEQUENCES}
    for side, wanted in SEQUENCES.items():
        of_side = [clip for clip in clips if sides[clip.name] == side]
        counts += _rows(f"{side} sequences", [clip.label for clip in of_side], wanted)
        if windows:
            counts += _rows(f"{side} windows", [clip.label for clip in of_side for _ in range(_windows(clip))],
                            WINDOWS[side])
        counts.append(Count(f"{side} people", len(people[side]), PEOPLE[side]))
    counts.append(Count("people on both sides", len(people["train"] & people["test"]), PEOPLE["both"]))
    return counts


def _rows(what: str, labels: Sequence[str], wanted: Sequence[int]) -> Iterator[Count]:
    for label, have, number in zip(CLASSES, _by_class(labels), wanted, strict=True):
        yield Count(f"{label}: {what}", have, number)


def _by_class(labels: Iterable[str]) -> list[int]:
    count = Counter(labels)
    return [count[label] for label in CLASSES]


def _windows(clip: Clip) -> int:
    return round((clip.stop_us - clip.start_us) * 30 / 1e6)
