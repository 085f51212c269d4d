"""Instants of equal motion: key frames where the events are, not where the clock is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.keyframes.instants import INNER, KeyInstants, key_instants


def equal_motion_instants(events: Events, onset_us: int, apex_us: int, offset_us: int) -> KeyInstants:
    """Onset, apex, offset and eight more, so that equally many events lie between neighbours within each half.

    The eight are shared by the halves as their events are, each half gets one at least. A half without events is
    divided evenly in time; without any events at all the halves' durations share them (``key_instants``).

    Args:
        events: Of the whole face; those outside ``onset_us <= t < offset_us`` do not count.
        onset_us: When the expression starts; ``apex_us`` and ``offset_us`` likewise, in this order.

    Returns:
        Eleven times in whole microseconds.

    Raises:
        ValueError: not ``onset <= apex <= offset``.
    """
    by_time = key_instants(onset_us, apex_us, offset_us)
    rising, falling = events.between(onset_us, apex_us).t, events.between(apex_us, offset_us).t
    total = len(rising) + len(falling)
    rise = int(np.clip((16 * len(rising) + total) // (2 * total), 1, INNER - 1)) if total else by_time.rise
    first = _shared_out(rising, onset_us, apex_us, rise)
    second = _shared_out(falling, apex_us, offset_us, INNER - rise)
    times = np.concatenate(([onset_us], first, [apex_us], second, [offset_us]))
    return KeyInstants(times, rise)


def _shared_out(t: NDArray[np.int64], start_us: int, stop_us: int, inner: int) -> NDArray[np.float64]:
    """``inner`` instants that part a half into steps of equally many events; of equal length where it has none."""
    reached = np.append(start_us, t if len(t) else stop_us).astype(np.float64)
    steps = (len(reached) - 1) * np.arange(1, inner + 1) / (inner + 1)
    return np.asarray(np.floor(np.interp(steps, np.arange(len(reached)), reached) + 0.5))
