"""Scores of footage of any length, each frame looked at once and in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurofer.spotting.decode import stretched
from neurofer.stream.spot.footage import Block


class Scorer(Protocol):
    """Scores frames as they come, such as those of ``models.spotter_dense``."""

    def start(self) -> Any:
        """The state before the first frame."""

    def push(self, state: Any, frames: NDArray[Any]) -> tuple[Any, NDArray[np.float64]]:
        """The next state, and ``(m, 2)`` scores of the frames that are decided by now."""

    def finish(self, state: Any) -> NDArray[np.float64]:
        """``(r, 2)`` scores of the others."""


class Scored(NamedTuple):
    """Scores of all frames of footage.

    Attributes:
        scores: ``(N, 2)`` micro and macro, 0..1.
        numbers: ``(N,)`` what the film counts the frames as.
        times_us: ``(N,)``.
    """

    scores: NDArray[np.float64]
    numbers: NDArray[np.int64]
    times_us: NDArray[np.int64]


def score_blocks(scorer: Scorer, blocks: Iterable[Block], stride: int = 1,
                 done: Callable[[int], None] = lambda frames: None) -> Scored:
    """Scores of all frames.

    Args:
        scorer: Gives those of the frames that are used.
        blocks: In order.
        stride: Every so many-th frame is used; a straight line goes between their scores.
        done: Is told how many frames each block had.
    """
    state, used = scorer.start(), UsedFrames(stride)
    scores, numbers, times = [np.zeros((0, 2))], [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for block in blocks:
        frames = used.take(block.frames)
        if len(frames):
            state, decided = scorer.push(state, frames)
            scores.append(decided)
        numbers.append(block.numbers)
        times.append(block.times_us)
        done(len(block.frames))
    scores.append(scorer.finish(state))
    numbers_of_all = np.concatenate(numbers)
    return Scored(stretched(np.concatenate(scores), stride, len(numbers_of_all)), numbers_of_all,
                  np.concatenate(times))


class UsedFrames:
    """Every ``stride``-th frame of blocks; of numbers of events, the sum since the used frame before."""

    def __init__(self, stride: int) -> None:
        self._stride, self._seen = stride, 0
        self._rest: NDArray[Any] | None = None  # events since the latest used frame

    def take(self, frames: NDArray[Any]) -> NDArray[Any]:
        """The used frames among further ones.

        Args:
            frames: ``(n, S, S)`` pictures or ``(n, 2, S, S)`` uint16 numbers of events.

        Returns:
            ``(m, ...)``.
        """
        if self._stride == 1:
            return frames
        used = np.arange(-self._seen % self._stride, len(frames), self._stride)
        self._seen += len(frames)
        if frames.ndim == 3:
            return frames[used]
        kept = []
        for place, counts in enumerate(frames):
            self._rest = counts.copy() if self._rest is None else self._rest + counts
            if place in used:
                kept.append(self._rest)
                self._rest = None
        return np.stack(kept) if kept else frames[:0]
