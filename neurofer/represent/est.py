"""EST: what a network needs to learn its own event volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.represent.base import Accumulator, Representation
from neurofer.represent.scatter import add_capped, columns
from neurofer.represent.time_bins import BinnedAccumulator

MOST_STEPS = 128
MOST_BINS = 64


@dataclass(frozen=True)
class Est(Representation):
    """Events counted in fine time steps, from which a network learns an event spike tensor (EST).

    EST's volume has ``bins`` bins a polarity; an event adds ``t0 * kernel(t0 - i / (bins - 1))`` to bin i, and the
    kernel is learned together with the network. The kernel changes with every step of training, so it is no part of
    these planes: the network's front (``LearnedGrid``) turns the counts into bins, with the centre of a fine step as
    ``t0`` of its events. That is EST with time rounded to 1/steps of the span from the first event to the last.

    A pixel's count is stored in units of ``1 / per_event`` event, so that cropping and shrinking to the network's size
    keeps fractions: a lone event survives averaging over up to ``2 * per_event`` pixels. Counts end at
    ``255 / per_event`` events of one pixel, polarity and fine step.

    Only the ANN's training reads it with a learned kernel; as a picture it is a finely sliced histogram. Keeps the
    window's events until its end, because the first and the last of them set the steps.

    Attributes:
        bins: Time bins of the learned volume, 2 to 64.
        steps: Fine time steps, 2 to 128.
        per_event: What one event adds, 1 to 255.

    The result is ``(2 * steps, height, width)`` uint8: OFF from early to late, then ON.

    Source:
        Gehrig et al., ICCV 2019, section 3 (arXiv:1904.08245).
    """

    kind: ClassVar[str] = "est"
    bins: int = 9
    steps: int = 32
    per_event: int = 64

    def __post_init__(self) -> None:
        wrong = [f"{name}={value} (2 to {most})" for name, value, least, most in (
            ("bins", self.bins, 2, MOST_BINS), ("steps", self.steps, 2, MOST_STEPS)) if not least <= value <= most]
        if not 1 <= self.per_event <= 255:
            wrong.append(f"per_event={self.per_event} (1 to 255)")
        if wrong:
            raise ValueError(f"Est: out of range: {', '.join(wrong)}")

    @property
    def channels(self) -> int:
        return 2 * self.steps

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.uint8)

    @property
    def is_picture(self) -> bool:
        return False

    @property
    def channel_names(self) -> tuple[str, ...]:
        return tuple(f"{polarity} {step}" for polarity in ("OFF", "ON") for step in range(self.steps))

    def _begin(self, sensor: tuple[int, int], window_us: tuple[int, int], origin_us: int) -> Accumulator:
        return _Steps(self, sensor, window_us)


class _Steps(BinnedAccumulator):
    """One plane a polarity and step."""

    def __init__(self, recipe: Est, sensor: tuple[int, int], window_us: tuple[int, int]) -> None:
        super().__init__(sensor, window_us)
        self.recipe = recipe

    def finish(self) -> NDArray[np.generic]:
        width, height = self.sensor
        planes = np.zeros((2 * self.recipe.steps, height, width), np.uint8)
        behind = self.recipe.steps * width * height
        for step, events in self.binned(self.recipe.steps):
            self._add(events, planes[step:].reshape(-1), behind)
        return planes

    def _add(self, events: Events, planes: NDArray[np.uint8], behind: int) -> None:
        _, x, y, p = columns(events)
        add_capped(x, y, p, self.sensor[0], behind, self.recipe.per_event, planes)
