"""Frames of a film on a regular clock, because a spotter's reference frames are so many frames away and not so long."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, NeuroferError
from neurofer.simulate.video import FrameSource

SLACK_PERIODS = 0.25
"""How much further than to the middle of a gap a frame holds its tick, so that rounded times change nothing."""

LONGEST_GAP_S = 10.0
"""A film that stands still for longer is two films, or its times are broken."""

_MEASURED_FRAMES = 240
_FPS_TOLERANCE = 0.1

Grey = NDArray[np.uint8]


class Tick(NamedTuple):
    """What a film shows at a tick of the clock.

    Attributes:
        frame: ``(H, W)`` grey.
        number: Of the frame in the film, from 0.
        t_us: The frame's own time.
    """

    frame: Grey
    number: int
    t_us: int


@dataclass
class RegularClock:
    """Gives the nearest frame at each tick; for a film of steady rate, every frame once.

    A frame is repeated or left out only where it is more than three quarters of a period off.

    Attributes:
        fps: Ticks a second.
        name: Of the film, for errors.
        repeated: Ticks so far whose frame had been shown already.
        left_out: Frames so far that no tick showed.
        longest_us: The longest gap between frames so far; ``longest_after`` is the frame before it.
    """

    fps: float
    name: str = "film"
    repeated: int = field(default=0, init=False)
    left_out: int = field(default=0, init=False)
    longest_us: int = field(default=0, init=False)
    longest_after: int = field(default=0, init=False)

    def __call__(self, frames: Iterable[tuple[Grey, int]]) -> Iterator[Tick]:
        """The frames on the clock, which starts with the first one.

        Args:
            frames: ``(frame, t_us)``, times rising.

        Raises:
            BadFileError: two frames are more than 10 s apart.
        """
        period_us = 1e6 / self.fps
        slack_us = SLACK_PERIODS * period_us
        held: Tick | None = None
        start_us, ticks, shown = 0, 0, 0
        for number, (frame, t_us) in enumerate(frames):
            new = Tick(frame, number, t_us)
            if held is None:
                held, start_us = new, t_us
                continue
            self._note_gap(held, t_us)
            middle_us = (held.t_us + t_us) / 2
            while start_us + ticks * period_us < middle_us + (slack_us if shown == 0 else -slack_us):
                yield held
                ticks, shown = ticks + 1, shown + 1
            self._count(shown)
            held, shown = new, 0
        if held is not None:
            yield held

    @property
    def changed(self) -> bool:
        """Whether a frame was repeated or left out."""
        return self.repeated + self.left_out > 0

    def told(self) -> str:
        """One sentence about what was changed; empty where nothing was."""
        if not self.changed:
            return ""
        usual_ms, longest_ms = 1e3 / self.fps, self.longest_us / 1e3
        return (f"variable frame rate, put on a clock of {self.fps:.4g} frames a second by the nearest frame: "
                f"{self.repeated} repeated, {self.left_out} left out; the longest gap is {longest_ms:.0f} ms after "
                f"frame {self.longest_after}, where {usual_ms:.0f} ms are usual")

    def _note_gap(self, held: Tick, t_us: int) -> None:
        gap_us = t_us - held.t_us
        if gap_us > self.longest_us:
            self.longest_us, self.longest_after = gap_us, held.number
        if gap_us > LONGEST_GAP_S * 1e6:
            raise BadFileError(f"{self.name}: {gap_us / 1e6:.1f} s lie between frames {held.number} and "
                               f"{held.number + 1}, where {1 / self.fps:.3f} s are usual; cut the film there, or give "
                               "--fps if its times are wrong")

    def _count(self, shown: int) -> None:
        self.repeated += max(0, shown - 1)
        self.left_out += shown == 0


def film_fps(source: FrameSource) -> tuple[float, str]:
    """Frames a second of a film, and a sentence where its container says something else.

    The container is believed unless the first frames come at another rate by more than a tenth, which happens where it
    says the rate of its clock.

    Raises:
        NeuroferError: the film has one frame.
    """
    if not source.timed:
        return source.fps, ""
    times_us = np.array([t_us for _, t_us in itertools.islice(source, _MEASURED_FRAMES)], np.int64)
    if len(times_us) < 2:
        raise one_frame(str(source.path))
    measured = usual_fps(times_us)
    if abs(measured / source.fps - 1) <= _FPS_TOLERANCE:
        return source.fps, ""
    return measured, (f"says {source.fps:.4g} frames a second, but its frames come at {measured:.4g}, which is used; "
                      "--fps decides otherwise")


def usual_fps(times_us: NDArray[np.int64]) -> float:
    """Frames a second of ``(N,)`` times, N at least 2: the mean of the gaps within a fifth of their median."""
    gaps_us = np.diff(times_us)
    middle_us = float(np.median(gaps_us))
    return 1e6 / float(gaps_us[np.abs(gaps_us - middle_us) <= 0.2 * middle_us].mean())


def one_frame(name: str) -> NeuroferError:
    """The error for a film in which nothing can move."""
    return BadFileError(f"{name}: holds one frame, need at least 2 to see a motion")
