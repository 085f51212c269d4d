"""When the key frames of each clip are: by annotation, by the clock, or found in its events."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import neurofer.events.noise
import neurofer.keyframes
from neurofer.data.cache import ClipRows, RowsOfClip, cached_rows
from neurofer.data.clip import Clip, ClipSet
from neurofer.data.frames import Frames
from neurofer.data.micro.pool import frame_index, frames_of
from neurofer.data.store import TRUTH_TIMES
from neurofer.errors import NeuroferError
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.keyframes.apex import flow_maximum_apex, midpoint_apex
from neurofer.keyframes.detect import Detection, DetectSettings, Refusal, calibrated_lag, detect_expression
from neurofer.keyframes.event_instants import equal_motion_instants
from neurofer.keyframes.instants import (
    KEY_FRAMES,
    KeyInstants,
    frame_numbers,
    jittered,
    key_instants,
    repeats,
    shifted_apex,
    uniform_instants,
)
from neurofer.keyframes.regions import face_regions
from neurofer.train.micro.config import EventKeyConfig, KeyConfig

_CODE = (neurofer.keyframes, neurofer.events.noise, sys.modules[__name__])


class Moments(NamedTuple):
    """Onset, apex and offset, as numbers of a clip's frames."""

    onset: float
    apex: float
    offset: float


@dataclass(frozen=True)
class ClipInstants:
    """Key instants of every clip of a set, as numbers of its frames.

    Attributes:
        times: ``(N, V, 11)`` float64; of the first view nothing is moved.
        moments: ``(N, 3)`` onset, apex and offset that they were made from.
        repeated: ``(N,)`` key frames of the first view that show the frame before once more.
        refused: ``(N,)`` True where no expression was found in the events, so that the clip's annotated bounds were
            parted evenly.
        lag_us: Taken off onsets that were found.
    """

    times: NDArray[np.float64]
    moments: NDArray[np.float64]
    repeated: NDArray[np.int64]
    refused: NDArray[np.bool_]
    lag_us: int


def annotated_moments(clip: Clip, frames: Frames) -> Moments:
    """Numbers of the frames at a clip's annotated onset, apex and offset; each is the time of one frame.

    Raises:
        NeuroferError: one is missing or between frames.
    """
    absent = [name for name in TRUTH_TIMES if name not in clip.truth]
    if absent:
        raise NeuroferError(f"clip {clip.name}: its store says no {', '.join(absent)}; prepare the store again")
    return Moments(*(float(frame_index(frames, clip.truth[name])) for name in TRUTH_TIMES))


def instants_of(key: KeyConfig, moments: Moments, frames: NDArray[np.uint8], name: str) -> tuple[KeyInstants, Moments]:
    """Key instants of one clip by a kind that looks at no events.

    Args:
        key: Which.
        moments: Annotated.
        frames: ``(N, H, W)``; looked at only for ``apex=flow``.
        name: Of the clip; the side of the apex noise follows from it.

    Returns:
        The instants, and the moments that they were made from.
    """
    onset, apex, offset = moments
    if key.apex == "midpoint":
        apex = float(midpoint_apex(int(onset), int(offset)))
    elif key.apex == "flow":
        apex = float(flow_maximum_apex(frames, int(onset), int(offset)))
    if key.apex_noise_frames:
        side = 1 if _digest_of(name)[0] % 2 else -1
        apex = shifted_apex(onset, apex, offset, side * key.apex_noise_frames)
    used = Moments(onset, apex, offset)
    return (uniform_instants(onset, offset) if key.kind == "uniform" else key_instants(*used)), used


def event_instants_of(found_us: NDArray[np.float64], events: Events, times_us: NDArray[np.int64],
                      lag_us: int) -> tuple[KeyInstants, Moments]:
    """Key instants of equal motion, as numbers of frames, of an expression found in events.

    Args:
        found_us: ``(3,)`` onset, apex and offset, found without a lag.
        events: In which they were found.
        times_us: ``(N,)`` times of the frames.
        lag_us: Taken off the onset.
    """
    late_us, apex_us, offset_us = (int(value) for value in found_us)
    onset_us = max(late_us - lag_us, int(times_us[0]))
    of_events = equal_motion_instants(events, onset_us, apex_us, offset_us)
    places = np.arange(len(times_us), dtype=np.float64)
    times = np.interp(of_events.times, times_us, places)
    three = np.interp((onset_us, apex_us, offset_us), times_us, places)
    return KeyInstants(times, of_events.rise), Moments(*three.tolist())


def views_of(key: KeyConfig, instants: KeyInstants, name: str) -> NDArray[np.float64]:
    """``(V, 11)`` instants: as they are, and with inner ones moved by up to ``jitter_frames``, by the clip's name."""
    generator = np.random.default_rng(list(_digest_of(name)[:8]))
    moved = [jittered(instants, generator.integers(-key.jitter_frames, key.jitter_frames + 1, KEY_FRAMES - 3)).times
             for _ in range(key.views - 1)]
    return np.stack([instants.times, *moved])


def detect_settings(event: EventKeyConfig) -> DetectSettings:
    """What the detector takes of a run's settings; onsets stay as late as they are found."""
    return DetectSettings(bin_us=event.bin_us, start_z=event.start_z, start_bins=event.start_bins, end_z=event.end_z,
                          end_bins=event.end_bins, offset_share=event.offset_share, lag_us=0)


def clip_events(clip: Clip) -> Events:
    """All events of a clip's aligned face."""
    with open_recording(clip.path) as recording:
        return recording.between(clip.start_us, clip.stop_us)


def found_in(events: Events, event: EventKeyConfig, start_us: int, stop_us: int) -> Detection | Refusal:
    """The expression in the events of an aligned face, as a run's settings have it looked for."""
    regions = face_regions(events.sensor[0], event.parts)
    return detect_expression(events, regions, detect_settings(event), start_us, stop_us)


def detections(clip_set: ClipSet, event: EventKeyConfig, cache: Path) -> NDArray[np.float64]:
    """``(N, 3)`` onset, apex and offset found in the events of each clip in microseconds; no number where refused."""
    def build(clip: Clip) -> RowsOfClip:
        found = found_in(clip_events(clip), event, clip.start_us, clip.stop_us)
        row = [found.onset_us, found.apex_us, found.offset_us] if isinstance(found, Detection) else [np.nan] * 3
        return RowsOfClip(np.array([row], np.float64), _no_counts(1))

    recipe = {"settings": repr(detect_settings(event)), "parts": event.parts}
    rows = cached_rows("micro-found", clip_set, recipe, _CODE, [1] * len(clip_set.clips), (3,), np.dtype(np.float64),
                       build, cache)
    return np.array(rows.rows)


def lag_of(clip_set: ClipSet, found_us: NDArray[np.float64], train: Sequence[int], bin_us: int) -> int:
    """How late onsets are found on the training clips, in whole bins; 0 where none is found.

    Args:
        clip_set: The clips.
        found_us: ``(N, 3)`` by ``detections``.
        train: Numbers of the training clips.
        bin_us: Length of a bin.
    """
    used = [number for number in train if np.isfinite(found_us[number, 0])]
    if not used:
        return 0
    true = [clip_set.clips[number].truth["onset_us"] for number in used]
    lag_us = calibrated_lag(found_us[used, 0].astype(np.int64), np.array(true, np.int64))
    return max(0, round(lag_us / bin_us) * bin_us)


def clip_instants(clip_set: ClipSet, key: KeyConfig, event: EventKeyConfig, cache: Path,
                  lag_us: int = 0) -> ClipInstants:
    """Key instants of all clips, cached by content.

    Args:
        clip_set: The clips.
        key: Which instants.
        event: How ``key.kind=event`` finds them.
        cache: Folder of caches.
        lag_us: Taken off onsets that were found.

    Raises:
        NeuroferError: a clip without annotated onset, apex or offset.
        BadFileError: a recording or frames are missing or broken.
    """
    by_event = key.kind == "event"
    found_us = detections(clip_set, event, cache) if by_event else np.full((len(clip_set.clips), 3), np.nan)
    number_of = {clip.name: number for number, clip in enumerate(clip_set.clips)}

    def build(clip: Clip) -> RowsOfClip:
        frames = frames_of(clip)
        moments = annotated_moments(clip, frames)
        found = found_us[number_of[clip.name]]
        if by_event and np.isfinite(found).all():
            instants, used = event_instants_of(found, clip_events(clip), frames.times_us, lag_us)
        elif by_event:
            instants, used = uniform_instants(moments.onset, moments.offset), moments
        else:
            instants, used = instants_of(key, moments, frames.pictures, clip.name)
        rows = np.concatenate([views_of(key, instants, clip.name), [[*used, *[0.0] * (KEY_FRAMES - 3)]]])
        return RowsOfClip(rows, _no_counts(len(rows)))

    recipe = {"key": key.model_dump(mode="json"),
              **({"event": event.model_dump(mode="json"), "lag_us": lag_us} if by_event else {})}
    lengths = [key.views + 1] * len(clip_set.clips)
    rows = cached_rows("micro-instants", clip_set, recipe, _CODE, lengths, (KEY_FRAMES,), np.dtype(np.float64), build,
                       cache)
    refused: NDArray[np.bool_] = np.isnan(found_us[:, 0]) & by_event  # all three, or none
    return _of_rows(rows, key.views, refused, lag_us)


def _of_rows(rows: ClipRows, views: int, refused: NDArray[np.bool_], lag_us: int) -> ClipInstants:
    table = np.array(rows.rows).reshape(-1, views + 1, KEY_FRAMES)
    times = table[:, :views]
    repeated = np.array([repeats(frame_numbers(first)) for first in times[:, 0]], np.int64)
    return ClipInstants(times, table[:, views, :3], repeated, refused, lag_us)


def _digest_of(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _no_counts(rows: int) -> NDArray[np.int64]:
    return np.zeros((rows, 2), np.int64)
