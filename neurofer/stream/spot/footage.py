"""Aligned footage of one face for a spotter, in blocks: of a store, of a film, or of the events of either.

Blocks hold at most ``BLOCK`` frames, so memory does not grow with the length of what is watched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events

BLOCK = 64


class Block(NamedTuple):
    """Consecutive frames of footage.

    Attributes:
        frames: ``(n, S, S)`` uint8 pictures, or ``(n, 2, S, S)`` uint16 numbers of OFF and ON events since the frame
            before.
        numbers: ``(n,)`` what the film counts them as, from 0; they rise, and repeat where a frame was shown twice.
        times_us: ``(n,)`` likewise.
    """

    frames: NDArray[Any]
    numbers: NDArray[np.int64]
    times_us: NDArray[np.int64]


class EventSource(NamedTuple):
    """The events behind footage, on an aligned face.

    Attributes:
        between: Those with ``low_us <= t < high_us``; of a film, only after its blocks have been given.
        times_us: Gives ``(N,)`` times of N frames, on the clock of the events.
        size_px: Side of their sensor.
    """

    between: Callable[[int, int], Events]
    times_us: Callable[[int], NDArray[np.int64]]
    size_px: int


@dataclass(frozen=True)
class Footage:
    """What a spotter looks at.

    Attributes:
        name: Of the video in tables.
        where: Its file or folder, for errors.
        fps: Frames a second of the blocks.
        count: How many frames there are, an estimate for some films, 0 where unknown.
        blocks: Gives them, from the start each time.
        notes: What is to be said about it when all blocks have been given.
        origin_us: When it starts, which times in milliseconds count from.
        events: What the numbers in blocks are counted from; None of pictures.
    """

    name: str
    where: str
    fps: float
    count: int
    blocks: Callable[[], Iterator[Block]]
    notes: Callable[[], list[str]] = list
    origin_us: int = 0
    events: EventSource | None = None


def in_blocks(frames: Iterable[tuple[NDArray[Any], int, int]], size: int = BLOCK) -> Iterator[Block]:
    """Frames with their numbers and times, ``size`` at a time."""
    waiting: list[tuple[NDArray[Any], int, int]] = []
    for one in frames:
        waiting.append(one)
        if len(waiting) == size:
            yield _block(waiting)
            waiting = []
    if waiting:
        yield _block(waiting)


def _block(frames: list[tuple[NDArray[Any], int, int]]) -> Block:
    pictures, numbers, times_us = zip(*frames, strict=True)
    return Block(np.stack(pictures), np.array(numbers, np.int64), np.array(times_us, np.int64))
