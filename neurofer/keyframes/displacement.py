"""How far a movement has gone, from events alone: their pattern so far, against the pattern of its first burst."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events


class Return(NamedTuple):
    """Numbers of two events: where displacement is largest, and where it has fallen back after that."""

    apex: int
    offset: int


def displacement(events: Events, burst: Events) -> NDArray[np.float64]:
    """``S``, after each event: ``<P, Q> / |Q|^2``, the part of the burst's movement that is there.

    ``P`` is ON minus OFF of each pixel so far, ``Q`` the same of the whole burst. S is about 1 at the end of the burst,
    grows while the movement goes on, and falls to 0 where it is taken back, whatever the rate of events is meanwhile.

    Args:
        events: From the start of the burst on, all of them: what takes a movement back is often alone.
        burst: The events of the burst without its background activity, which nothing ever takes back.

    Returns:
        ``(N,)`` float64, zeros where the burst's ON and OFF cancel in each pixel.
    """
    width, height = events.sensor
    pattern = np.bincount(_pixels(burst), _signs(burst), minlength=width * height)
    size = float(pattern @ pattern)
    return np.cumsum(_signs(events) * pattern[_pixels(events)]) / size if size else np.zeros(len(events))


def find_return(course: NDArray[np.float64], first: int, share: float) -> Return | None:
    """Where a course has fallen below a share of its largest value so far, and where that value is.

    Example:
        >>> find_return(np.array([1.0, 3.0, 5.0, 5.0, 2.0, 0.9, 7.0]), 1, 0.2)
        Return(apex=2, offset=5)

    Args:
        course: ``(N,)`` displacement.
        first: Where to begin to look for the fall, such as the end of the burst.
        share: 0 to 1.

    Returns:
        None where it never falls so far.
    """
    fallen = np.flatnonzero(course[first:] < share * np.maximum.accumulate(course)[first:])
    if not fallen.size:
        return None
    offset = first + int(fallen[0])
    return Return(int(np.argmax(course[:offset])), offset) if offset else None


def _pixels(events: Events) -> NDArray[np.int64]:
    return events.y.astype(np.int64) * events.sensor[0] + events.x


def _signs(events: Events) -> NDArray[np.int64]:
    return np.where(events.p, 1, -1)
