"""Which clips are compared in stage 1: as many pairs of one class as of two, and most of one class across people."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import NeuroferError


class Pairs(NamedTuple):
    """P pairs of clips.

    Attributes:
        first: ``(P,)`` numbers of clips.
        second: ``(P,)`` numbers of clips, never the same one.
        same: ``(P,)`` True for pairs of one class.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    same: NDArray[np.bool_]


def draw_pairs(labels: NDArray[np.int64], subjects: NDArray[np.int64], among: NDArray[np.int64], count: int,
               generator: np.random.Generator) -> Pairs:
    """Pairs among some clips: half of one class, and at least half of those of two people.

    Without them, a network that knows people again would do as well. The classes of pairs of one class are drawn
    evenly, among those that have a pair.

    Args:
        labels: ``(N,)`` class numbers of all clips.
        subjects: ``(N,)`` numbers of their subjects.
        among: Numbers of the clips to draw from.
        count: Number of pairs.
        generator: Source of the draws.

    Raises:
        NeuroferError: no two clips of one class and two people, or none of two classes.

    Source:
        Micro-expression specification, section 2.5.
    """
    positives = count // 2
    across = (positives + 1) // 2
    mine, who = labels[among], subjects[among]
    alike = mine[:, None] == mine[None, :]
    other = who[:, None] != who[None, :]
    crossing = _drawn(alike & other, mine, across, generator, even=True)
    any_same = _drawn(alike & ~np.eye(len(among), dtype=bool), mine, positives - across, generator, even=True)
    apart = _drawn(~alike, mine, count - positives, generator, even=False)
    if crossing is None or any_same is None or apart is None:
        lacks = "two classes" if apart is None else "one class and two people"
        raise NeuroferError(f"pairs: among {len(among)} training clips there are no two of {lacks}; "
                            "train on more subjects, or leave stage 1 out (prior.loss=none)")
    first, second = (among[np.concatenate([one[side] for one in (crossing, any_same, apart)])] for side in (0, 1))
    order = generator.permutation(count)
    same = np.arange(count) < positives
    return Pairs(first[order], second[order], same[order])


def draw_clips(labels: NDArray[np.int64], subjects: NDArray[np.int64], train: NDArray[np.int64], count: int,
               generator: np.random.Generator) -> NDArray[np.int64]:
    """At most ``count`` different training clips with as many of each class as there are, of many people.

    Pairs among few clips cost one look at each clip, where pairs of two fresh clips each cost two.

    Args:
        labels: ``(N,)`` class numbers of all clips.
        subjects: ``(N,)`` numbers of their subjects.
        train: Numbers of the training clips.
        count: Wanted clips, at least 2 a class.
        generator: Source of the draws.
    """
    classes = np.unique(labels[train])
    share = max(2, count // max(len(classes), 1))
    chosen = []
    for label in classes:
        clips = generator.permutation(train[labels[train] == label])
        # One clip of each person first, then their second ones.
        turn = np.array([np.sum(subjects[clips[:place]] == subjects[clip]) for place, clip in enumerate(clips)])
        chosen.append(clips[np.argsort(turn, kind="stable")][:share])
    return np.sort(np.concatenate(chosen))


def _drawn(allowed: NDArray[np.bool_], labels: NDArray[np.int64], count: int, generator: np.random.Generator,
           even: bool) -> NDArray[np.int64] | None:
    """``(2, count)`` places drawn from an ``(M, M)`` table of allowed pairs, evenly by the first one's class if asked;
    None where nothing is allowed."""
    places = np.argwhere(allowed)
    if not len(places):
        return None if count else np.zeros((2, 0), np.int64)
    if even:
        kinds = labels[places[:, 0]]
        odds = 1 / np.bincount(kinds)[kinds]
        taken = generator.choice(len(places), count, p=odds / odds.sum())
    else:
        taken = generator.integers(len(places), size=count)
    return places[taken].T
