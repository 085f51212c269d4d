"""One aligned face over time, filmed or recorded as events: what a micro-expression run decides about."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from neurofer.data.micro.films import LONGEST_SLOW_FRAMES, SLOW_FPS
from neurofer.data.micro.preparing import SLOW_FACTOR
from neurofer.errors import NeuroferError
from neurofer.events.events import Events
from neurofer.keyframes.film_events import THRESHOLD, film_events, upsampled

MOST_FRAMES = 20_000
"""Of a film; 100 seconds at 200 frames a second. Longer ones hold many expressions and are for spotting."""


@dataclass(frozen=True)
class FaceClip:
    """An aligned face.

    Attributes:
        name: What errors and pictures call it.
        times_us: ``(N,)`` times of the frames; of a recording of events, a clock of 1000 steps a second.
        pictures: ``(N, S, S)`` uint8 aligned frames; None of a recording of events.
        first_frame: Number in the film of the first one here.
        origin_us: When the film or the recording starts, which times in milliseconds count from.
        aligned_by: How the face was found.
        make_events: Gives the events of the aligned face, once and only where they are needed.
    """

    name: str
    times_us: NDArray[np.int64]
    pictures: NDArray[np.uint8] | None
    first_frame: int
    origin_us: int
    aligned_by: str
    make_events: Callable[[], Events] = field(repr=False)

    @functools.cached_property
    def events(self) -> Events:
        """The events of the aligned face."""
        return self.make_events()

    def ms(self, place: float) -> float:
        """Milliseconds from the start to a place among the frames, which may lie between two."""
        places = np.arange(len(self.times_us), dtype=np.float64)
        return float(np.interp(place, places, self.times_us) - self.origin_us) / 1e3

    @property
    def last(self) -> int:
        """Place of the last frame."""
        return len(self.times_us) - 1

    @property
    def span_us(self) -> tuple[int, int]:
        """First and one-past-last microsecond."""
        return int(self.times_us[0]), int(self.times_us[-1]) + 1


def events_of_film(name: str, pictures: NDArray[np.uint8], times_us: NDArray[np.int64],
                   threshold: float = THRESHOLD) -> Events:
    """The events of an aligned film as a store has them: a slow film is blended to more frames first.

    Args:
        name: Of the film, for the error.
        pictures: ``(N, S, S)``, N at least 2.
        times_us: ``(N,)``.
        threshold: Change of the logarithm of light that makes an event.

    Raises:
        NeuroferError: the film is slow and too long to be blended.
    """
    slow = float(np.median(np.diff(times_us))) > 1e6 / SLOW_FPS
    if not slow:
        return film_events(pictures, times_us, threshold)
    if len(pictures) > LONGEST_SLOW_FRAMES:
        raise NeuroferError(f"{name}: {len(pictures)} frames at less than {SLOW_FPS:g} a second are too many to look "
                            f"for one expression in (at most {LONGEST_SLOW_FRAMES}); give --onset and --offset, or "
                            "cut the film")
    return film_events(*upsampled(pictures, times_us, SLOW_FACTOR), threshold)


def made_up_clip(size_px: int) -> FaceClip:
    """A few frames of a grating that moves, to try a predictor on."""
    steps = np.arange(4)[:, None, None]
    across = np.arange(size_px, dtype=np.float64)[None, None, :]
    light = np.broadcast_to(128 + 100 * np.sin(0.5 * (across - steps)), (len(steps), size_px, size_px))
    pictures, times_us = light.astype(np.uint8), np.arange(len(steps), dtype=np.int64) * 20_000
    return FaceClip("made up", times_us, pictures, 0, 0, "whole picture", lambda: film_events(pictures, times_us))
