"""Where the key frames of a new clip are: at moments that are given, found in its events, or spread over all of it."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.keyframes.apex import midpoint_apex
from neurofer.keyframes.detect import Detection
from neurofer.keyframes.instants import KeyInstants, frame_numbers, uniform_instants
from neurofer.stream.micro.clips import FaceClip
from neurofer.train.micro.config import EventKeyConfig, KeyConfig
from neurofer.train.micro.instants import Moments, event_instants_of, instants_of
from neurofer.train.micro.instants import found_in as found_in_events

How = Literal["given", "found", "whole"]


class Placed(NamedTuple):
    """Key instants of a clip.

    Attributes:
        moments: Onset, apex and offset, as places among its frames.
        instants: Theirs, likewise.
        how: Where the moments came from.
    """

    moments: Moments
    instants: KeyInstants
    how: How


def found_in(clip: FaceClip, event: EventKeyConfig) -> NDArray[np.float64] | str:
    """Onset, apex and offset of the expression in a clip's events in microseconds, ``(3,)``; or why there is none.

    Args:
        clip: Its events are made if they are not yet.
        event: The run's way of finding.
    """
    if not len(clip.events):
        return "there are no events"
    found = found_in_events(clip.events, event, *clip.span_us)
    if isinstance(found, Detection):
        return np.array([found.onset_us, found.apex_us, found.offset_us], np.float64)
    return str(found.reason)


def place_given(clip: FaceClip, key: KeyConfig, moments: Moments) -> Placed:
    """Key instants at the user's moments; a run that parts time by motion does so between them."""
    if key.kind == "event":
        at_us = np.rint(np.interp(moments, np.arange(len(clip.times_us)), clip.times_us))
        instants, used = event_instants_of(at_us, clip.events, clip.times_us, 0)
        return Placed(used, instants, "given")
    instants, used = _by_clock(clip, key, moments)
    return Placed(used, instants, "given")


def place_found(clip: FaceClip, key: KeyConfig, found_us: NDArray[np.float64], lag_us: int) -> Placed:
    """Key instants at moments that were found in events.

    Args:
        clip: The clip.
        key: The run's key frames.
        found_us: By ``found_in``.
        lag_us: Taken off the onset, which is found late.
    """
    if key.kind == "event":
        instants, used = event_instants_of(found_us, clip.events, clip.times_us, lag_us)
        return Placed(used, instants, "found")
    at_us = found_us - np.array([lag_us, 0, 0])
    numbers = frame_numbers(np.interp(at_us, clip.times_us, np.arange(len(clip.times_us))))
    instants, used = _by_clock(clip, key, Moments(*numbers.astype(np.float64).tolist()))
    return Placed(used, instants, "found")


def place_whole(clip: FaceClip) -> Placed:
    """Evenly spaced key instants over all of a clip."""
    moments = Moments(0.0, float(midpoint_apex(0, clip.last)), float(clip.last))
    return Placed(moments, uniform_instants(0, clip.last), "whole")


def _by_clock(clip: FaceClip, key: KeyConfig, moments: Moments) -> tuple[KeyInstants, Moments]:
    """As a training does it, but for the noise by which it may have moved the apex, which is an experiment."""
    none = np.zeros((0, 1, 1), np.uint8)
    return instants_of(key.model_copy(update={"apex_noise_frames": 0}), moments,
                       none if clip.pictures is None else clip.pictures, clip.name)
