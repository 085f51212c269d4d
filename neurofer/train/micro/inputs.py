"""What the network is fed: flow between key frames, or event slices between key instants; cached by content."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import neurofer.keyframes
from neurofer.data.cache import RowsOfClip, cached_rows
from neurofer.data.clip import Clip, ClipSet
from neurofer.data.micro.pool import frames_of
from neurofer.events.events import Events
from neurofer.keyframes.flow import flow_maps
from neurofer.keyframes.frames import Midpoint, interpolated_frames, linear_frames, nearest_frames, remembering
from neurofer.keyframes.instants import KEY_FRAMES, KeyInstants
from neurofer.keyframes.slices import event_slices
from neurofer.train.micro.config import KeyKind, MicroInputConfig
from neurofer.train.micro.instants import ClipInstants, Moments, clip_events

MAPS = KEY_FRAMES - 1
_CODE = (neurofer.keyframes, sys.modules[__name__])
CHANNELS = {"flow": 2, "slices": 3}
"""As stored; the magnitude of flow is added when a batch is read."""


@dataclass(frozen=True)
class MicroInputs:
    """Maps of every clip.

    Attributes:
        kind: ``flow`` or ``slices``.
        maps: ``(N, V, C, 10, S, S)`` float16, memory-mapped where cached; V views, the first one plain.
    """

    kind: str
    maps: NDArray[np.float16]

    def take(self, clips: NDArray[np.int64], views: NDArray[np.int64] | None = None) -> Tensor:
        """``(B, C, 10, S, S)`` float32 maps of clips, of their first view or of the given ones."""
        chosen = np.zeros(len(clips), np.int64) if views is None else views
        return torch.from_numpy(np.stack([self.maps[clip, view] for clip, view in zip(clips, chosen, strict=True)])
                                ).float()


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each channel that the network sees, ``(3,)`` each, of the training clips."""

    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def micro_inputs(clip_set: ClipSet, chosen: MicroInputConfig, kind: KeyKind, instants: ClipInstants,
                 cache: Path | None, midpoint: Midpoint | None = None) -> MicroInputs:
    """Maps of all clips.

    Args:
        clip_set: The clips.
        chosen: Flow or slices, and how large.
        kind: Of the key frames.
        instants: Theirs.
        cache: Folder of caches; None keeps the maps in memory, for key frames of a network of one training.
        midpoint: That network, for ``interp_cnn``.

    Raises:
        BadFileError: frames or events are missing or broken, or the cache cannot be written.
    """
    number_of = {clip.name: number for number, clip in enumerate(clip_set.clips)}
    shape = (CHANNELS[chosen.kind], MAPS, chosen.size_px, chosen.size_px)
    views = instants.times.shape[1]

    def build(clip: Clip) -> RowsOfClip:
        number, frames = number_of[clip.name], frames_of(clip)
        seen_by = clip_events(clip) if chosen.kind == "slices" else None
        moments = Moments(*instants.moments[number].tolist())
        drawn = remembering(midpoint) if midpoint else None
        made = np.stack([clip_maps(chosen, kind, moments, one, frames.times_us, frames.pictures, seen_by, drawn)
                         for one in instants.times[number]])
        return RowsOfClip(made, np.zeros((views, 2), np.int64))

    if cache is None:
        maps = np.empty((len(clip_set.clips), views, *shape), np.float16)
        for number, clip in enumerate(clip_set.clips):
            maps[number] = build(clip).rows
        return MicroInputs(chosen.kind, maps)
    recipe: dict[str, Any] = {"input": chosen.model_dump(mode="json"), "kind": kind,
                              "instants": _digest(instants.times)}
    rows = cached_rows(f"micro-{chosen.kind}", clip_set, recipe, _CODE, [views] * len(clip_set.clips), shape,
                       np.dtype(np.float16), build, cache)
    return MicroInputs(chosen.kind, rows.rows.reshape(len(clip_set.clips), views, *shape))


def clip_maps(chosen: MicroInputConfig, kind: KeyKind, moments: Moments, times: NDArray[np.float64],
              times_us: NDArray[np.int64], pictures: NDArray[np.uint8] | None, events: Events | None,
              midpoint: Midpoint | None = None) -> NDArray[np.float16]:
    """Maps of one clip at its key instants, the same for training and for a new recording.

    Args:
        chosen: Flow or slices, and how large.
        kind: Of the key frames.
        moments: Onset, apex and offset.
        times: ``(11,)`` key instants, as numbers of frames.
        times_us: ``(N,)`` times of the frames.
        pictures: ``(N, H, W)`` aligned frames; needed for flow.
        events: Of the aligned face; needed for slices.
        midpoint: The network of ``interp_cnn``.

    Returns:
        ``(C, 10, S, S)``, rounded as maps are kept.

    Raises:
        ValueError: what the input needs is not there.
    """
    made: NDArray[np.float32]
    if chosen.kind == "slices" and events is not None:
        at_us = np.rint(np.interp(times, np.arange(len(times_us), dtype=np.float64), times_us)).astype(np.int64)
        made = event_slices(events, at_us, chosen.size_px)
    elif chosen.kind == "flow" and pictures is not None:
        made = flow_maps(key_frames(kind, pictures, moments, times, midpoint), chosen.size_px, chosen.stabilise)
    else:
        raise ValueError(f"clip_maps: input.kind={chosen.kind} needs {'events' if pictures is not None else 'frames'}")
    return made.astype(np.float16)


def key_frames(kind: KeyKind, frames: NDArray[np.uint8], moments: Moments, times: NDArray[np.float64],
               midpoint: Midpoint | None = None) -> NDArray[np.uint8]:
    """``(11, H, W)`` key frames of one film.

    Args:
        kind: How frames come about.
        frames: ``(N, H, W)``.
        moments: Onset, apex and offset.
        times: ``(11,)`` key instants, as numbers of frames.
        midpoint: The network of ``interp_cnn``.
    """
    if kind == "linear":
        return linear_frames(frames, times)
    if kind == "interp_cnn" and midpoint is not None:
        return interpolated_frames(frames, *moments, KeyInstants(times, 0), midpoint)
    return nearest_frames(frames, times)


def seen(kind: str, maps: Tensor, statistics: Statistics) -> Tensor:
    """Maps as the network sees them: three channels, normalised.

    Args:
        kind: ``flow`` gets its magnitude as a third channel, ``slices`` have three.
        maps: ``(B, C, 10, S, S)``.
        statistics: Of the training clips.
    """
    whole = three_channels(kind, maps)
    mean, deviation = (torch.tensor(values).to(whole).view(1, -1, 1, 1, 1)
                       for values in (statistics.mean, statistics.deviation))
    return (whole - mean) / deviation


def three_channels(kind: str, maps: Tensor) -> Tensor:
    """``(B, 3, 10, S, S)``: flow with its magnitude, or slices as they are."""
    if kind != "flow":
        return maps
    return torch.cat([maps, maps.square().sum(dim=1, keepdim=True).sqrt()], dim=1)


def statistics_of(inputs: MicroInputs, clips: NDArray[np.int64]) -> Statistics:
    """Mean and standard deviation of each channel over the plain views of some clips.

    A clip at a time, so that memory does not grow with their number.
    """
    count, total, squares = 0, np.zeros(3), np.zeros(3)
    for clip in clips:
        maps = three_channels(inputs.kind, inputs.take(np.array([clip]))).double()
        count += maps[0, 0].numel()
        total += maps.sum(dim=(0, 2, 3, 4)).numpy()
        squares += maps.square().sum(dim=(0, 2, 3, 4)).numpy()
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 1e-12))
    return Statistics(tuple(mean.tolist()), tuple(deviation.tolist()))


def _digest(times: NDArray[np.float64]) -> str:
    import hashlib

    return hashlib.sha256(np.ascontiguousarray(times).tobytes()).hexdigest()
