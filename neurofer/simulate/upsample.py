"""Frames in between, where things move too far from one frame to the next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32] | NDArray[np.uint8]
Interpolate = Callable[[Picture, Picture, list[float]], Iterable[NDArray[np.float32]]]
"""``(before, after, shares)`` gives one float32 frame in 0..255 for each share of the way, 0 < share < 1."""

MOST = 32
_FLOW_WIDTH = 160


def blend(before: Picture, after: Picture, shares: list[float]) -> Iterator[NDArray[np.float32]]:
    """Linear blending: nothing moves, one picture fades into the other."""
    first, change = before.astype(np.float32), after.astype(np.float32) - before.astype(np.float32)
    for share in shares:
        yield first + np.float32(share) * change


def motion_px(before: Picture, after: Picture) -> float:
    """How far the fastest hundredth of the picture moves, in pixels, by dense optical flow on a small copy."""
    import cv2

    height, width = before.shape
    small = min(1.0, _FLOW_WIDTH / width)
    size = max(16, round(width * small)), max(16, round(height * small))
    first, second = (cv2.resize(np.asarray(np.rint(one), np.uint8), size, interpolation=cv2.INTER_AREA)
                     for one in (before, after))
    if np.array_equal(first, second):
        return 0.0
    opencv: Any = cv2
    flow = opencv.DISOpticalFlow_create(opencv.DISOPTICAL_FLOW_PRESET_FAST).calc(first, second, None)
    return float(np.percentile(np.hypot(flow[..., 0], flow[..., 1]), 99)) / small


@dataclass
class Upsampler:
    """Puts frames between the given ones.

    Attributes:
        factor: Steps for each given step; 0 finds it from the motion, so that less than a pixel is moved in a step.
        exposure_us: No step is longer; 0 for no limit.
        interpolate: How the frames in between are made.
        steps: Steps made so far; ``given`` likewise for steps that came in, ``largest`` is the largest factor used.
    """

    factor: int = 0
    exposure_us: int = 0
    interpolate: Interpolate = blend
    steps: int = field(default=0, init=False)
    given: int = field(default=0, init=False)
    largest: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        if not 0 <= self.factor <= 1000 or self.exposure_us < 0:
            raise ValueError(f"Upsampler: need a factor of 0 to 1000, got {self.factor}")

    def __call__(self, frames: Iterable[tuple[Picture, int]]) -> Iterator[tuple[Picture, int]]:
        """The frames with more in between; the given frames and their times stay as they are."""
        before: tuple[Picture, int] | None = None
        for frame, t_us in frames:
            if before is not None:
                yield from self._between(before, (frame, t_us))
            yield frame, t_us
            before = frame, t_us

    def _between(self, before: tuple[Picture, int], after: tuple[Picture, int]) -> Iterator[tuple[Picture, int]]:
        (first, start_us), (second, stop_us) = before, after
        factor = self.factor or min(MOST, max(1, math.ceil(motion_px(first, second))))
        if self.exposure_us:
            factor = max(factor, math.ceil((stop_us - start_us) / self.exposure_us))
        factor = min(factor, stop_us - start_us)
        self.given, self.steps, self.largest = self.given + 1, self.steps + factor, max(self.largest, factor)
        if factor == 1:
            return
        shares = [number / factor for number in range(1, factor)]
        for share, frame in zip(shares, self.interpolate(first, second, shares), strict=True):
            yield frame, start_us + round(share * (stop_us - start_us))
