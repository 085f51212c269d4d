"""Moments that the user knows: by the number of a frame, or in milliseconds from the start."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from neurofer.errors import UsageError
from neurofer.keyframes.apex import midpoint_apex
from neurofer.stream.micro.clips import FaceClip
from neurofer.train.micro.instants import Moments


class Moment(NamedTuple):
    """One moment: a frame, numbered from 0, or a time in milliseconds after the first frame or event."""

    value: float
    in_ms: bool = False

    def __str__(self) -> str:
        return f"{self.value:g}{'ms' if self.in_ms else ''}"


class Given(NamedTuple):
    """Onset, apex and offset that the user knows; without an apex, the frame halfway is taken."""

    onset: Moment
    apex: Moment | None
    offset: Moment


def read_given(onset: str | None, apex: str | None, offset: str | None) -> Given | None:
    """The moments in the options; None where they are to be found.

    Raises:
        UsageError: one is no moment, onset or offset is missing, or they are out of order.
    """
    moments = [_read(option, text) for option, text in (("--onset", onset), ("--apex", apex), ("--offset", offset))]
    first, middle, last = moments
    if first is None and middle is None and last is None:
        return None
    if first is None or last is None:
        raise UsageError("--onset, --offset: give both, or none of --onset, --apex and --offset to have them found")
    known = [one for one in moments if one is not None]
    said = ", ".join(map(str, known))
    if len({one.in_ms for one in known}) > 1:
        raise UsageError(f"--onset, --apex, --offset: give all as frames or all in ms, got {said}")
    if sorted(known) != known:
        raise UsageError(f"--onset, --apex, --offset: need onset <= apex <= offset, got {said}")
    return Given(first, middle, last)


def moments_in(clip: FaceClip, given: Given) -> Moments:
    """The moments as places among a clip's frames: whole ones of a film, any on the clock of a recording.

    Raises:
        UsageError: one lies outside of the clip, or is the number of a frame where there are none.
    """
    onset, offset = _place(clip, given.onset, "onset"), _place(clip, given.offset, "offset")
    if given.apex is not None:
        return Moments(onset, _place(clip, given.apex, "apex"), offset)
    return Moments(onset, float(midpoint_apex(int(onset), int(offset))), offset)


def _read(option: str, text: str | None) -> Moment | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,6})?)ms|(\d{1,9})", text.strip())
    if match is None:
        raise UsageError(f"{option}: need the number of a frame, from 0, such as 36, or a time such as 180ms, got "
                         f"{text!r}")
    return Moment(float(match[1]), True) if match[1] else Moment(float(match[2]))


def _place(clip: FaceClip, moment: Moment, name: str) -> float:
    """The frame of a moment, or the one nearest to it."""
    if moment.in_ms:
        late_ms = clip.ms(clip.last)
        place = float(np.interp(clip.origin_us + 1e3 * moment.value, clip.times_us, np.arange(len(clip.times_us))))
        place = place if clip.pictures is None else float(np.floor(place + 0.5))
        inside = moment.value <= late_ms + (late_ms - clip.ms(clip.last - 1))
    elif clip.pictures is None:
        raise UsageError(f"{clip.name}: is a recording of events, which has no frames to number; give --{name} in "
                         f"milliseconds such as --{name} 180ms")
    else:
        place = moment.value - clip.first_frame
        inside = 0 <= place <= clip.last
    if not inside:
        raise UsageError(behind_the_end(clip.name, name, moment, clip.first_frame + clip.last, clip.ms(clip.last)))
    return place


def behind_the_end(what: str, name: str, moment: Moment, last_frame: int, last_ms: float) -> str:
    """The sentence for a moment that a film or recording does not reach."""
    length = f"it ends at {last_ms:.0f} ms" if moment.in_ms else f"its frames are 0 to {last_frame}"
    return f"{what}: --{name} {moment} lies behind its end; {length}"
