"""The 18 planes behind TIE, in the slow and plain way: a reference for tests and for looking inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.represent.tie_kernel import BIN_STEP, BINS, CHANNEL_BINS, KERNELS


def tie_planes(
    events: Events,
    window_us: tuple[int, int],
    *,
    variant: str = "t0_t0",
    kernel: str = "triangle14",
    origin_us: int = 0,
) -> NDArray[np.float64]:
    """``V[p, i, y, x] = sum of A * kernel(B - i/8)``, the nine-bin grid that ``Tie`` folds without building it.

    Returns:
        ``(2, 9, height, width)`` float64, OFF then ON.
    """
    events = events.between(*window_us)
    width, height = events.sensor
    planes = np.zeros((2, BINS, height * width))
    if len(events):
        seconds = (events.t - origin_us) * 1e-6
        span_us = events.end_us - events.start_us
        relative = (events.t - events.start_us) / span_us if span_us else np.zeros(len(events))
        values = {"t": seconds, "t0": relative}
        multiplier, place = (values[name] for name in variant.split("_"))
        pixel = events.y.astype(np.int64) * width + events.x
        for polarity in (0, 1):
            chosen = events.p == bool(polarity)
            for i in range(BINS):
                weights = multiplier[chosen] * KERNELS[kernel](place[chosen] - i * BIN_STEP)
                planes[polarity, i] = np.bincount(pixel[chosen], weights, height * width)
    return planes.reshape(2, BINS, height, width)


def fold_planes(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The three unscaled channels of TIE, ``(3, height, width)``, from its 18 planes."""
    channels = np.zeros((3, *planes.shape[2:]))
    for channel, polarity, bins in CHANNEL_BINS:
        channels[channel] += planes[polarity, bins.start : bins.stop].sum(axis=0)
    return channels
