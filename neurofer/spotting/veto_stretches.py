"""Blinks taken out of what was spotted, by the events around each interval alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.keyframes.detect import DetectSettings
from neurofer.spotting.interval import Interval
from neurofer.spotting.veto import Vetoed, VetoSettings, veto_blinks

_RENEWED_BINS = 20  # background rates are taken anew every so many bins; a stretch starts with them

USUAL = VetoSettings()


def without_blinks(intervals: Sequence[Interval], between: Callable[[int, int], Events], times_us: NDArray[np.int64],
                   size_px: int, settings: VetoSettings = USUAL) -> Vetoed:
    """What ``veto_blinks`` keeps and drops when it is given all events, of which this reads some seconds at a time.

    Args:
        intervals: Spotted in one video.
        between: Gives its events with ``low_us <= t < high_us``.
        times_us: ``(N,)`` of its frames, rising.
        size_px: Side of the crop.
        settings: What a blink is.
    """
    result = Vetoed([], [])
    for one in intervals:
        onset_us, offset_us = int(times_us[one.onset]), int(times_us[one.offset])
        low_us, stop_us = stretch_around(onset_us, offset_us, int(times_us[0]), int(times_us[-1]) + 1, settings)
        before_us = settings.rate.support_us
        events = between(max(low_us - before_us, int(times_us[0])), stop_us)
        edges_us = np.array([low_us, onset_us, offset_us, stop_us - 1], np.int64)
        alone = Interval(one.video, one.kind, 1, 2)
        dropped = veto_blinks([alone], events, edges_us, size_px, settings).dropped
        (result.dropped if dropped else result.kept).append(one)
    return result


def stretch_around(onset_us: int, offset_us: int, first_us: int, stop_us: int,
                   settings: VetoSettings) -> tuple[int, int]:
    """Start and end of the events that decide about an interval: those that its background rate comes from, too.

    Both lie in step with the bins of the whole, so that rates and their background are the same.
    """
    rate: DetectSettings = settings.rate
    reach_us = settings.longest_us + rate.window_us + 2 * _RENEWED_BINS * rate.bin_us
    step_us = _RENEWED_BINS * rate.bin_us
    low_us = first_us + max(0, (onset_us - reach_us - first_us) // step_us * step_us)
    high_us = first_us + -((first_us - offset_us - reach_us) // step_us * step_us)
    return low_us, min(high_us, stop_us)
