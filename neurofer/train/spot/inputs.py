"""What the spotter reads of a long video: its frames at the network's size, or running sums of its events."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.data.cache import RowsOfClip, cached_rows
from neurofer.data.clip import Clip
from neurofer.data.long.pool import has_events
from neurofer.data.long.store import LongSet, video_frames
from neurofer.errors import NeuroferError
from neurofer.events.open import open_recording
from neurofer.spotting import windows
from neurofer.spotting.interval import Interval
from neurofer.train.spot.config import SpotInputConfig

PIECE_US = 1_000_000
"""Events are read so much at a time."""


class Skips(NamedTuple):
    """Distances k of the reference frames, in frames that are used."""

    micro: int
    macro: int


@dataclass(frozen=True)
class SpotInputs:
    """What is read of every video of a set.

    Attributes:
        chosen: Kind, size and stride.
        videos: For each video ``(N, S, S)`` uint8 frames, or ``(N + 1, 2, S, S)`` uint16 running sums; memory-mapped.
    """

    chosen: SpotInputConfig
    videos: tuple[NDArray[Any], ...]

    def frames(self, video: int) -> int:
        """Number of frames used of a video."""
        return len(self.videos[video]) - (self.chosen.kind == "events")

    def stacks(self, videos: NDArray[np.int64], numbers: NDArray[np.int64], skips: NDArray[np.int64]) -> Tensor:
        """Stacks of moments.

        Args:
            videos: ``(B,)`` number of each moment's video.
            numbers: ``(B,)`` its frame, of those used.
            skips: ``(B,)`` its distance k.

        Returns:
            ``(B, 1, 3, S, S)`` grey in 0..255, or ``(B, 4, 1, S, S)`` sums, float32.
        """
        if self.chosen.kind == "events":
            rows = [windows.window_sums(self.videos[video], np.array([number]), int(skip))[0]
                    for video, number, skip in zip(videos, numbers, skips, strict=True)]
            return torch.from_numpy(np.stack(rows))[:, :, None]
        rows = []
        for video, number, skip in zip(videos, numbers, skips, strict=True):
            last = len(self.videos[video]) - 1
            after = number if self.chosen.references == "before" else min(number + skip, last)
            rows.append(np.stack([self.videos[video][place] for place in (max(number - skip, 0), number, after)]))
        return torch.from_numpy(np.stack(rows)).float()[:, None]


def spot_inputs(long_set: LongSet, chosen: SpotInputConfig, cache: Path) -> SpotInputs:
    """What is read of all videos, in their order.

    Frames of the store's own size and rate are read from the store; all else is made once and cached.

    Args:
        long_set: The videos.
        chosen: What is read.
        cache: Folder of caches.

    Raises:
        NeuroferError: a store without events, or events that are too coarse for the size.
        BadFileError: frames or events are missing or broken, or the cache cannot be written.
    """
    clips = long_set.clip_set.clips
    times_us = {clip.name: video_frames(clip).times_us[:: chosen.frame_stride] for clip in clips}
    plain = all(clip.sensor == (chosen.size_px,) * 2 for clip in clips)
    if chosen.kind == "video" and plain and chosen.frame_stride == 1:
        return SpotInputs(chosen, tuple(video_frames(clip).pictures for clip in clips))
    recipe: dict[str, Any] = {"kind": chosen.kind, "size_px": chosen.size_px, "frame_stride": chosen.frame_stride}
    size = (chosen.size_px,) * 2
    if chosen.kind == "video":
        rows = cached_rows("spot-frames", long_set.clip_set, recipe, _CODE,
                           [len(times_us[clip.name]) for clip in clips], size, np.dtype(np.uint8),
                           lambda clip: _no_counts(_resized(clip, chosen)), cache)
    else:
        _require_events(clips, chosen.size_px)
        rows = cached_rows("spot-events", long_set.clip_set, recipe, (windows, *_CODE),
                           [len(times_us[clip.name]) + 1 for clip in clips], (2, *size), np.dtype(np.uint16),
                           lambda clip: _no_counts(_sums(clip, times_us[clip.name], chosen.size_px)), cache)
    return SpotInputs(chosen, tuple(rows.of(number) for number in range(len(clips))))


def strided(intervals: Sequence[Interval], frame_stride: int, frames: int) -> tuple[Interval, ...]:
    """Intervals on every ``frame_stride``-th frame, of which there are ``frames``; each keeps one frame at least."""
    if frame_stride == 1:
        return tuple(intervals)
    found = []
    for one in intervals:
        onset = min(-(-one.onset // frame_stride), frames - 1)
        offset = max(onset, min(one.offset // frame_stride, frames - 1))
        found.append(Interval(one.video, one.kind, onset, offset, None, None, one.label, one.onset_seen))
    return tuple(found)


def _resized(clip: Clip, chosen: SpotInputConfig) -> NDArray[np.uint8]:
    import cv2

    pictures = video_frames(clip).pictures[:: chosen.frame_stride]
    small = np.empty((len(pictures), chosen.size_px, chosen.size_px), np.uint8)
    for number, picture in enumerate(pictures):
        if picture.shape == small.shape[1:]:
            small[number] = picture
        else:
            small[number] = cv2.resize(np.asarray(picture), small.shape[1:], interpolation=cv2.INTER_AREA)
    return small


def _sums(clip: Clip, times_us: NDArray[np.int64], size_px: int) -> NDArray[np.uint16]:
    with open_recording(clip.path) as recording:
        pieces = (recording.between(start, start + PIECE_US)
                  for start in range(int(times_us[0]), int(times_us[-1]) + 1, PIECE_US))
        return windows.event_sums(pieces, times_us, size_px, clip.sensor or recording.sensor)


def _no_counts(rows: NDArray[Any]) -> RowsOfClip:
    return RowsOfClip(rows, np.zeros((len(rows), 2), np.int64))


def _require_events(clips: Sequence[Clip], size_px: int) -> None:
    """Refuse stores without events, or with a coarser sensor.

    Raises:
        NeuroferError: see there.
    """
    for clip in clips:
        if not has_events(clip):
            raise NeuroferError(f"{clip.path.parent.parent}: was prepared with --no-events, and input.kind=events "
                                "needs them; prepare it again without that option")
        if clip.sensor is not None and min(clip.sensor) < size_px:
            raise NeuroferError(f"{clip.path.parent.parent}: its faces are {clip.sensor[0]} pixels wide, fewer than "
                                f"input.size_px={size_px}; choose a smaller size_px")


_CODE = (sys.modules[__name__],)
