"""Blinks taken out of what any method has spotted: they are the commonest movement of a face that is no expression.

An interval is dropped where the events show a blink, most of them lie in the eye region, and no other part of the face
rises. All settings are our choice [open], made on synthetic people whose recordings serve for nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.events.noise import without_background
from neurofer.keyframes.detect import DetectSettings
from neurofer.keyframes.rate import find_bursts, rate_scores, region_counts
from neurofer.keyframes.regions import FACE_PARTS, face_regions
from neurofer.spotting.interval import Interval

_EYES = FACE_PARTS.index("eyes")


@dataclass(frozen=True)
class VetoSettings:
    """What a blink is, and what is nothing but one.

    Attributes:
        rate: How rates are scored, and what a burst of the eye region is.
        shortest_us: A blink's burst lasts at least so long,
        longest_us: and at most so long.
        dominance: It rises in the eye region at least so many times as high as in any other.
        least_eye_share: Share of an interval's events that lie in the eye region, at least; see ``eye_share``.
        quiet_z: No burst of any other region is as high as this; a blink alone shakes brows and nose a little.

    Raises:
        ValueError: times out of order, a dominance below 1, or a share outside of 0..1.
    """

    rate: DetectSettings = field(default=DetectSettings())
    shortest_us: int = 60_000
    longest_us: int = 450_000
    dominance: float = 2.0
    least_eye_share: float = 0.7
    quiet_z: float = 8.0

    def __post_init__(self) -> None:
        if not (0 <= self.shortest_us <= self.longest_us and self.dominance >= 1 and 0 <= self.least_eye_share <= 1):
            raise ValueError(f"VetoSettings: need 0 <= shortest_us <= longest_us, a dominance of 1 or more and a share "
                             f"of 0 to 1, got {self.shortest_us}, {self.longest_us}, {self.dominance:g} and "
                             f"{self.least_eye_share:g}")


class Vetoed(NamedTuple):
    """What the veto left, and what it dropped, both in the given order."""

    kept: list[Interval]
    dropped: list[Interval]


def veto_blinks(intervals: Sequence[Interval], events: Events, times_us: NDArray[np.int64], size_px: int,
                settings: VetoSettings = VetoSettings()) -> Vetoed:
    """Drop the intervals of one video in which the events show a blink and nothing else.

    Args:
        intervals: Spotted in the video by any method.
        events: Of the whole video, from the crop of an aligned face.
        times_us: ``(N,)`` of its frames, rising.
        size_px: Side of the crop.
        settings: What a blink is.

    Returns:
        Kept and dropped intervals.

    Raises:
        ValueError: an interval of frames that the video does not have, or events of another sensor.
    """
    behind = [one for one in intervals if one.offset >= len(times_us)]
    if behind:
        raise ValueError(f"veto_blinks: {behind[0].video} ends at frame {len(times_us) - 1}, an interval at "
                         f"{behind[0].offset}")
    if not intervals:
        return Vetoed([], [])
    scores = _scores(events, times_us, size_px, settings.rate)
    result = Vetoed([], [])
    for one in intervals:
        onset_us, offset_us = int(times_us[one.onset]), int(times_us[one.offset])
        first, last = ((moment_us - int(times_us[0])) // settings.rate.bin_us for moment_us in (onset_us, offset_us))
        blink = (_holds_blink(scores, first, last + 1, settings) and _others_rest(scores, first, last + 1, settings)
                 and eye_share(events, size_px, onset_us, offset_us) >= settings.least_eye_share)
        (result.dropped if blink else result.kept).append(one)
    return result


def eye_share(events: Events, size_px: int, onset_us: int, offset_us: int) -> float:
    """Share of a face's events, onset to offset, that lie in the eye region; 0 where there are none.

    Brows, eyes, nose and mouth are the face; what else is in the crop is left out.

    Raises:
        ValueError: events of another sensor.
    """
    counts = region_counts(events, face_regions(size_px), onset_us, offset_us + 1, offset_us + 1 - onset_us)[:, 0]
    return float(counts[_EYES] / max(counts.sum(), 1))


def _scores(events: Events, times_us: NDArray[np.int64], size_px: int, rate: DetectSettings) -> NDArray[np.float64]:
    """``(4, bins)`` scores of the parts of a face, from the first frame's time to the last one's."""
    start_us, stop_us = int(times_us[0]), int(times_us[-1]) + 1
    counted = without_background(events, rate.support_us)[0] if rate.support_us else events
    counts = region_counts(counted, face_regions(size_px), start_us, stop_us, rate.bin_us)
    return rate_scores(counts, rate.window_us // rate.bin_us)


def _others_rest(scores: NDArray[np.float64], first: int, stop: int, settings: VetoSettings) -> bool:
    """Whether no part of the face but the eyes moves in bins ``first <= bin < stop``."""
    rate, others = settings.rate, _without_eyes(scores[:, first:stop])
    return not any(find_bursts(others, settings.quiet_z, rate.start_bins, rate.end_z))


def _holds_blink(scores: NDArray[np.float64], first: int, stop: int, settings: VetoSettings) -> bool:
    """Whether a blink falls into bins ``first <= bin < stop``, all of it or a part."""
    rate, reach = settings.rate, -(-settings.longest_us // settings.rate.bin_us)
    near = scores[:, max(first - reach, 0) : stop + reach]
    first, stop = first - max(first - reach, 0), stop - max(first - reach, 0)
    eyes, others = near[_EYES], _without_eyes(near)
    for burst in find_bursts(eyes, rate.start_z, rate.start_bins, rate.end_z):
        part, lasts_us = slice(*burst), (burst.stop - burst.start) * rate.bin_us
        if (burst.start < stop and burst.stop > first and settings.shortest_us <= lasts_us <= settings.longest_us
                and eyes[part].max() >= settings.dominance * others[part].max()):
            return True
    return False


def _without_eyes(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.delete(scores, _EYES, axis=0).max(axis=0))
