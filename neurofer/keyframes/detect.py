"""Onset, apex and offset of an expression, from events alone.

The rate of events says when something starts. It is low at the apex, where nothing moves, and high again on the way
back, so apex and offset come from the displacement: the movement's own pattern of ON and OFF, in the region where it is
largest, and how much of it is there. A burst that nothing takes back was itself the way back of an expression that
started unseen, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neurofer.events.events import Events
from neurofer.events.noise import without_background, without_pixels
from neurofer.keyframes.displacement import displacement, find_return
from neurofer.keyframes.rate import Burst, find_bursts, rate_scores, region_counts, run_starts

ApexFrom = Literal["displacement", "rate minimum", "midpoint"]
OffsetFrom = Literal["displacement", "rate", "end"]


@dataclass(frozen=True)
class DetectSettings:
    """What counts as an expression.

    Attributes:
        bin_us: Length of the bins in which events are counted.
        start_z: Score that the bins of a burst exceed; ``start_bins`` is how many in a row make one.
        end_z: A burst has ended at the first bin that scores less; ``end_bins`` of them in a row are rest.
        offset_share: Share of the largest displacement below which the expression is over.
        lag_us: How late onsets are found, taken off them; measure it on training subjects (``calibrated_lag``).
        support_us: An event counts, for the rate and in a burst's pattern, only if a neighbour had one within this time
            before; 0 for all events. Long, because small expressions are slow: 1 pixel in 100 ms.
        window_us: Length of the window that a recording's background rate is taken from, if it is longer than that.
        longest_us: An expression that has not been taken back after this time is given up.
        must_return: Refuse a burst that nothing takes back. False guesses its apex and offset from the rate.

    Raises:
        ValueError: a setting out of its range.
    """

    bin_us: int = 5_000
    start_z: float = 3.0
    start_bins: int = 3
    end_z: float = 1.0
    end_bins: int = 5
    offset_share: float = 0.2
    lag_us: int = 0
    support_us: int = 50_000
    window_us: int = 3_000_000
    longest_us: int = 4_000_000
    must_return: bool = True

    def __post_init__(self) -> None:
        least = {"bin_us": 1, "start_bins": 1, "end_bins": 1, "longest_us": 1, "lag_us": 0, "support_us": 0,
                 "window_us": 3 * self.bin_us, "end_z": -np.inf, "start_z": self.end_z}
        for name, value in least.items():
            if not getattr(self, name) >= value:
                raise ValueError(f"DetectSettings: {name} is {getattr(self, name)}; need at least {value}")
        if not 0 < self.offset_share < 1:
            raise ValueError(f"DetectSettings: offset_share is {self.offset_share}; need more than 0 and less than 1")


@dataclass(frozen=True)
class Detection:
    """One expression.

    Attributes:
        onset_us: When it starts, the lag taken off; ``apex_us`` and ``offset_us`` likewise, in this order.
        apex_from: What the apex was found by.
        offset_from: What the offset was found by; ``end`` is the end of the recording, or of the time given to one.
        peak_z: Largest score of the rate between found onset and offset.
        course_us: ``(N,)`` int64, times of the events between found onset and offset.
        course: ``(N,)`` float64, the displacement after each of them; about 1 at the end of the first burst.
    """

    onset_us: int
    apex_us: int
    offset_us: int
    apex_from: ApexFrom
    offset_from: OffsetFrom
    peak_z: float
    course_us: NDArray[np.int64] = field(compare=False, repr=False)
    course: NDArray[np.float64] = field(compare=False, repr=False)


@dataclass(frozen=True)
class Refusal:
    """No expression, and why."""

    reason: str


class _Score(NamedTuple):
    """Scores of a recording from ``start_us`` to ``stop_us``, and what they were counted from.

    Attributes:
        z: ``(bins,)`` the largest of all regions.
        of_regions: ``(regions, bins)``.
        counted: Events without background activity.
        regions: ``(height, width)``.
    """

    z: NDArray[np.float64]
    of_regions: NDArray[np.float64]
    counted: Events
    regions: NDArray[np.integer]
    start_us: int
    stop_us: int


class _Place(NamedTuple):
    """Apex and offset, and what each was found by."""

    apex_us: int
    offset_us: int
    apex_from: ApexFrom
    offset_from: OffsetFrom


def detect_expression(events: Events, regions: NDArray[np.integer], settings: DetectSettings = DetectSettings(),
                      start_us: int | None = None, stop_us: int | None = None) -> Detection | Refusal:
    """The first expression of a clip.

    Args:
        events: Of a stabilised face.
        regions: ``(height, width)``, the number of each pixel's region, -1 for none: ``face_regions`` or
            ``grid_regions``.
        settings: What counts as an expression.
        start_us: When the clip starts; the first event if None, though the rest before it shows what the background is.
        stop_us: When it ends; just after the last event if None.

    Returns:
        The expression, or why there is none: no burst, or only bursts that nothing takes back.

    Raises:
        ValueError: regions of another shape, or no time between start and stop.
    """
    if not len(events) and (start_us is None or stop_us is None):
        return Refusal("no events")
    first: Refusal | None = None
    for found in _found(events, regions, settings, start_us, stop_us):
        if isinstance(found, Detection):
            return found
        first = first or found
    return first or Refusal(f"no {settings.start_bins} bins in a row with a score above {settings.start_z:g}")


def detect_all(events: Events, regions: NDArray[np.integer], settings: DetectSettings = DetectSettings(),
               start_us: int | None = None, stop_us: int | None = None) -> list[Detection]:
    """All expressions of a recording, one after the other; none starts before the one before it has ended.

    Args:
        events: See ``detect_expression``, for everything else, too.
        regions: See there.
        settings: See there.
        start_us: See there.
        stop_us: See there.

    Raises:
        ValueError: see ``detect_expression``.
    """
    if not len(events) and (start_us is None or stop_us is None):
        return []
    found = _found(events, regions, settings, start_us, stop_us)
    return [one for one in found if isinstance(one, Detection)]


def calibrated_lag(detected_us: ArrayLike, true_us: ArrayLike) -> int:
    """How late onsets are found: the median of found minus true, in whole microseconds.

    Args:
        detected_us: ``(N,)`` onsets found with ``lag_us=0``, N at least 1.
        true_us: ``(N,)`` annotated ones; of training subjects only.

    Raises:
        ValueError: no onsets, or unequally many.
    """
    detected, true = np.asarray(detected_us, np.int64), np.asarray(true_us, np.int64)
    if detected.ndim != 1 or not detected.size or detected.shape != true.shape:
        raise ValueError(f"calibrated_lag: need as many detected as true onsets, at least one, got {detected.shape} "
                         f"and {true.shape}")
    return int(np.floor(np.median(detected - true) + 0.5))


def _found(events: Events, regions: NDArray[np.integer], settings: DetectSettings, start_us: int | None,
           stop_us: int | None) -> Iterator[Detection | Refusal]:
    """What each burst is, in order; those within an expression are part of it."""
    start_us = events.start_us if start_us is None else start_us
    stop_us = events.end_us + 1 if stop_us is None else stop_us
    counted = without_background(events, settings.support_us)[0] if settings.support_us else events
    counts = region_counts(counted, regions, start_us, stop_us, settings.bin_us)
    of_regions = rate_scores(counts, settings.window_us // settings.bin_us)
    score = _Score(of_regions.max(axis=0), of_regions, counted, regions, start_us, stop_us)
    free_us = start_us
    for burst in find_bursts(score.z, settings.start_z, settings.start_bins, settings.end_z):
        onset_us = start_us + burst.start * settings.bin_us
        if onset_us < free_us:
            continue
        found = _expression(events, score, burst, settings, free_us)
        if isinstance(found, Detection):
            free_us = found.offset_us
        yield found


def _expression(events: Events, score: _Score, burst: Burst, settings: DetectSettings,
                earliest_us: int) -> Detection | Refusal:
    """What a burst starts, if it is an expression that starts."""
    found_us = score.start_us + burst.start * settings.bin_us
    horizon_us = min(found_us + settings.longest_us, score.stop_us)
    part = events.between(found_us, horizon_us)
    burst_stop_us = score.start_us + burst.stop * settings.bin_us
    course = displacement(part, _pattern(score, burst, found_us, burst_stop_us))
    back = find_return(course, int(np.searchsorted(part.t, burst_stop_us)), settings.offset_share)
    if back is not None:
        found = _Place(int(part.t[back.apex]), int(part.t[back.offset]), "displacement", "displacement")
    elif settings.must_return:
        return Refusal(f"nothing takes the burst at {found_us} us back, so it was the relaxation of an expression that "
                       "started before")
    else:
        found = _by_rate(score, burst, horizon_us, settings)
    bins = slice(burst.start, max(burst.stop, (found.offset_us - score.start_us) // settings.bin_us + 1))
    used = slice(0, int(np.searchsorted(part.t, found.offset_us, side="right")))
    return Detection(max(found_us - settings.lag_us, earliest_us), *found, float(score.z[bins].max()), part.t[used],
                     course[used].copy())


def _pattern(score: _Score, burst: Burst, start_us: int, stop_us: int) -> Events:
    """The events of a burst in the region where it is largest; what else moves, such as an eyelid, has its own time."""
    region = int(np.argmax(score.of_regions[:, burst.start : burst.stop].sum(axis=1)))
    return without_pixels(score.counted.between(start_us, stop_us), np.asarray(score.regions != region))


def _by_rate(score: _Score, burst: Burst, horizon_us: int, settings: DetectSettings) -> _Place:
    """Apex and offset without a displacement: the dip between the two largest bursts, else the middle."""
    z = score.z[burst.start : -((score.start_us - horizon_us) // settings.bin_us)]
    bursts = find_bursts(z, settings.start_z, settings.start_bins, settings.end_z)
    large = sorted(sorted(bursts, key=lambda one: -float(z[one.start : one.stop].sum()))[:2])
    rest = run_starts(z[large[-1].stop :] < settings.end_z, settings.end_bins)
    stop = large[-1].stop + int(rest[0]) if rest.size else len(z)
    onset_us = score.start_us + burst.start * settings.bin_us
    offset_us = min(onset_us + stop * settings.bin_us, horizon_us)
    offset_from: OffsetFrom = "rate" if rest.size else "end"
    if len(large) < 2:
        return _Place((onset_us + offset_us) // 2, offset_us, "midpoint", offset_from)
    dip = z[large[0].stop : large[1].start]
    lowest = np.flatnonzero(dip == dip.min())
    middle = large[0].stop + (int(lowest[0]) + int(lowest[-1]) + 1) / 2
    return _Place(onset_us + int(middle * settings.bin_us), offset_us, "rate minimum", offset_from)
