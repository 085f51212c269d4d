"""Pictures at the key instants: the nearest frames, blends of two, or ones synthesised from three frames alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurofer.keyframes.instants import KeyInstants, frame_numbers

Pictures = NDArray[np.uint8]
Midpoint = Callable[[Pictures, Pictures], Pictures]
"""Pictures halfway between first ones ``(B, H, W)`` and second ones ``(B, H, W)``: ``(B, H, W)`` uint8."""

DEPTH = 3
PARTS = 2**DEPTH
"""Steps from one annotated frame to the next on the synthesised grid."""


def nearest_frames(frames: Pictures, times: ArrayLike) -> Pictures:
    """The frame nearest to each time, the later of two equally near.

    Args:
        frames: ``(N, H, W)`` uint8, may be memory-mapped.
        times: ``(K,)`` in frames, from 0 to N - 1.

    Returns:
        ``(K, H, W)`` uint8, a copy.

    Raises:
        ValueError: frames of another shape or type, or a time outside of them.
    """
    return _pick(frames, frame_numbers(_checked("nearest_frames", frames, times)))


def linear_frames(frames: Pictures, times: ArrayLike) -> Pictures:
    """The two neighbours of each time, blended in proportion to their nearness and rounded, halves up.

    Nothing moves in a blend: one picture fades into the other. That is enough at 100 to 200 frames a second.

    Args:
        frames: ``(N, H, W)`` uint8, may be memory-mapped.
        times: ``(K,)`` in frames, from 0 to N - 1.

    Returns:
        ``(K, H, W)`` uint8.

    Raises:
        ValueError: frames of another shape or type, or a time outside of them.
    """
    places = _checked("linear_frames", frames, times)
    before = np.floor(places).astype(np.int64)
    after = np.minimum(before + 1, len(frames) - 1)
    share = (places - before)[:, None, None]
    light = (1 - share) * _pick(frames, before) + share * _pick(frames, after)
    return np.floor(light + 0.5).astype(np.uint8)


def interpolated_frames(frames: Pictures, onset: float, apex: float, offset: float, instants: KeyInstants,
                        midpoint: Midpoint) -> Pictures:
    """Pictures synthesised from the onset, apex and offset frames alone, no other frame of the clip is looked at.

    Each half is halved three times, which gives seven pictures at equal steps; each instant takes the nearest of the
    grid. Onset, apex and offset are the clip's own frames. A half between a frame and itself is that frame throughout.

    Args:
        frames: ``(N, H, W)`` uint8.
        onset: In frames, as are the next two.
        apex: Not before the onset.
        offset: Not before the apex.
        instants: In frames, between onset and offset.
        midpoint: Gives the pictures halfway; called at most three times, with all pairs of a level at once.

    Returns:
        ``(11, H, W)`` uint8.

    Raises:
        ValueError: frames of another shape or type, times outside of them or out of order, or a midpoint that gives
            another shape or type than it was given.

    Source:
        The depth of the tree is ours; midpoints as by Niklaus et al., ICCV 2017 (arXiv:1708.01692).
    """
    marks = _checked("interpolated_frames", frames, (onset, apex, offset))
    times = _checked("interpolated_frames", frames, instants.times)
    if not (onset <= apex <= offset and onset <= times.min() and times.max() <= offset):
        raise ValueError(f"interpolated_frames: need onset <= apex <= offset and all instants between, got {onset}, "
                         f"{apex}, {offset} and instants from {times.min()} to {times.max()}")
    numbers = frame_numbers(marks)
    grid = _halved(_pick(frames, numbers), np.diff(numbers) == 0, midpoint)
    return grid[_grid_places(times, onset, apex, offset)]


def remembering(midpoint: Midpoint) -> Midpoint:
    """The same midpoints, each computed once: sequences of one clip that differ in their instants share them."""
    known: dict[tuple[bytes, bytes], Pictures] = {}

    def ask(first: Pictures, second: Pictures) -> Pictures:
        key = first.tobytes(), second.tobytes()
        if key not in known:
            known[key] = midpoint(first, second)
        return known[key]

    return ask


def _halved(marks: Pictures, still: NDArray[np.bool_], midpoint: Midpoint) -> Pictures:
    """``(3, H, W)`` to ``(17, H, W)``: every gap halved three times, those of a half that is ``still`` by a copy."""
    grid = marks
    for level in range(DEPTH):
        moving = np.repeat(~still, 2**level)
        between = grid[:-1].copy()
        if moving.any():
            between[moving] = _midpoints(grid[:-1][moving], grid[1:][moving], midpoint)
        finer = np.empty((2 * len(grid) - 1, *grid.shape[1:]), np.uint8)
        finer[::2], finer[1::2] = grid, between
        grid = finer
    return grid


def _midpoints(first: Pictures, second: Pictures, midpoint: Midpoint) -> Pictures:
    made = midpoint(first, second)
    if made.shape != first.shape or made.dtype != np.uint8:
        raise ValueError(f"interpolated_frames: midpoint gave {made.shape} {made.dtype}, wanted {first.shape} uint8")
    return made


def _grid_places(times: NDArray[np.float64], onset: float, apex: float, offset: float) -> NDArray[np.int64]:
    """Place on the grid of 17 nearest to each time; the apex is 8, also where a half has no duration."""
    risen = (np.minimum(times, apex) - onset) / (apex - onset) if onset < apex else np.ones(len(times))
    fallen = (np.maximum(times, apex) - apex) / (offset - apex) if apex < offset else np.zeros(len(times))
    return frame_numbers(PARTS * risen) + frame_numbers(PARTS * fallen)


def _pick(frames: Pictures, numbers: NDArray[np.int64]) -> Pictures:
    return np.asarray(frames[numbers])


def _checked(who: str, frames: Pictures, times: ArrayLike) -> NDArray[np.float64]:
    """The times as an array, if there is a frame for each."""
    if frames.ndim != 3 or frames.dtype != np.uint8 or not len(frames):
        raise ValueError(f"{who}: need frames (N, H, W) uint8, got {frames.shape} {frames.dtype}")
    places = np.asarray(times, np.float64)
    outside = ~((places >= 0) & (places <= len(frames) - 1))
    if places.ndim != 1 or outside.any():
        raise ValueError(f"{who}: need a row of times from 0 to {len(frames) - 1}, the last frame, got "
                         f"{places[outside][0] if places.ndim == 1 else places.shape}")
    return places
