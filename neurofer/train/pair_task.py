"""What a pre-training reads: the pairs of an epoch in batches, and those on which the generator is scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.data.pairs import Pairs
from neurofer.train.pretrain_config import PretrainOptimise
from neurofer.train.processes import ALL, Share


class Batch(NamedTuple):
    """Pairs of one step.

    Attributes:
        pictures: ``(B, ...)`` what the generator is fed, as stored: pictures ``(B, C, S, S)`` in bytes or floating
            point, spikes ``(B, T, C, S, S)`` in bytes.
        faces: ``(B, 1, S, S)`` bytes.
        weight: This process's share of the whole batch.
    """

    pictures: Tensor
    faces: Tensor
    weight: float


class PairTask:
    """Which pairs an epoch shows, and those on which the generator is scored.

    Attributes:
        pairs: Of all clips.
        train: Numbers of the clips to learn from.
        held_out: Rows of the pairs to score on, in the clips' order.
    """

    def __init__(self, settings: PretrainOptimise, pairs: Pairs, train: Sequence[int],
                 held_out: Sequence[int]) -> None:
        """Choose the held-out pairs: at most ``held_out_pairs``, from all clips and all their moments alike.

        Args:
            settings: Pairs of an epoch, batch and flips.
            pairs: Of all clips.
            train: Numbers of the clips to learn from.
            held_out: Numbers of the clips to score on; may be empty.
        """
        self._settings = settings
        self.pairs = pairs
        self.train = np.asarray(train, np.int64)
        self._rows = pairs.rows_of(self.train)
        wanted = pairs.rows_of(held_out)
        self.held_out = wanted[spread(len(wanted), settings.held_out_pairs)]

    @property
    def steps(self) -> int:
        """Batches of one epoch."""
        return -(-self._epoch_pairs // self._settings.batch)

    def batches(self, generator: np.random.Generator, share: Share = ALL) -> Iterator[Batch]:
        """This process's share of the batches of one epoch; drawn for whole batches."""
        rows = generator.permutation(self._draw(generator))
        for whole in np.array_split(rows, self.steps):
            mirrored = generator.random(len(whole)) < self._settings.augment_flip
            mine = share.mine(len(whole))
            pictures, faces = self.read(whole[mine])
            for number in np.flatnonzero(mirrored[mine]):
                pictures[number], faces[number] = pictures[number].flip(-1), faces[number].flip(-1)
            yield Batch(pictures, faces, len(mine) / len(whole))

    def read(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """What the generator is fed of rows, and their faces, as stored."""
        return (torch.from_numpy(self.pairs.seen(rows)),
                torch.from_numpy(np.array(self.pairs.faces.rows[rows])))

    def busiest(self, most: int) -> NDArray[np.int64]:
        """Rows for the eye: of at most so many held-out clips, evenly spread, each where most happens."""
        clips = sorted({self.pairs.clip_of(int(row)) for row in self.held_out})
        return np.array([self.pairs.first[clip] + self.pairs.events_of(clip).argmax()
                         for clip in (clips[place] for place in spread(len(clips), most))], np.int64)

    @property
    def _epoch_pairs(self) -> int:
        lengths, most = self.pairs.lengths()[self.train], self._settings.pairs_per_clip
        return int(np.minimum(lengths, most).sum() if most else lengths.sum())

    def _draw(self, generator: np.random.Generator) -> NDArray[np.int64]:
        most = self._settings.pairs_per_clip
        if not most:
            return self._rows
        found = []
        for clip in self.train:
            events = self.pairs.events_of(int(clip))
            odds = (events + 1.0) ** self._settings.event_power
            take = min(most, len(odds))
            found.append(self.pairs.first[clip]
                         + generator.choice(len(odds), take, replace=False, p=odds / odds.sum()))
        return np.concatenate(found)


def spread(count: int, most: int) -> NDArray[np.int64]:
    """At most so many of ``0 .. count - 1``: the middles of equal parts; all where there are no more."""
    take = min(count, most)
    return ((2 * np.arange(take, dtype=np.int64) + 1) * count) // (2 * max(take, 1))
