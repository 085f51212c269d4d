"""Training sequences made from events when they are needed: what changes events cannot be cached."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.boxes import find_box
from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.data.crop import square_box
from neurofer.data.windows import picture_dtype, window_edges, window_pictures
from neurofer.events.augment import EventAugment, EventOdds, draw_event_augment
from neurofer.events.columns import is_columns_folder
from neurofer.events.open import open_recording
from neurofer.events.recording import Recording
from neurofer.represent import build_representation
from neurofer.represent.base import Representation
from neurofer.spiking.sparse import SparseSpikes, sparse_spikes
from neurofer.train.config import AugmentConfig, TrainConfig

OPEN_AT_ONCE = 32
"""Recordings that stay open; each is a few mapped files."""


def event_odds(config: AugmentConfig) -> EventOdds:
    """How events are changed; not ``active`` where the cached sequences are enough."""
    return EventOdds(**config.events.model_dump())


def live_pictures(config: TrainConfig, clip_set: ClipSet) -> LivePictures | None:
    """What makes the pictures of a run's training samples; None where its events do not change.

    Raises:
        ValueError: an unknown representation or setting.
    """
    odds = event_odds(config.augment)
    if not odds.active:
        return None
    representation = build_representation(config.represent.kind, **config.represent.settings)
    return LivePictures(clip_set, representation, config.represent.window_us, config.model.size_px, odds)


def live_spikes(config: TrainConfig, clip_set: ClipSet) -> LiveSpikes | None:
    """What makes the spikes of a run's training clips; None where its events do not change."""
    odds = event_odds(config.augment)
    graded = config.snn.input == "graded"
    return LiveSpikes(clip_set, config.snn.dt_us, config.snn.size_px, odds, graded) if odds.active else None


class LivePictures:
    """Window pictures of changed training sequences; unchanged events give the rows of ``data.windows.clip_windows``.

    Args:
        clip_set: The clips.
        representation: What is made of a window's events.
        window_us: Length of a window.
        size_px: Side S of the pictures.
        odds: How likely each change is.
    """

    def __init__(self, clip_set: ClipSet, representation: Representation, window_us: float, size_px: int,
                 odds: EventOdds) -> None:
        self._clips, self._representation, self._window_us, self._size_px = (
            clip_set.clips, representation, window_us, size_px)
        self._odds = odds
        self._open = OpenClips()

    def drawn(self, clips: NDArray[np.int64], windows: NDArray[np.int64], mine: NDArray[np.int64],
              generator: np.random.Generator) -> NDArray[Any]:
        """Some of a batch of changed samples, ``(len(mine), T, C, S, S)`` in the type of the cached rows.

        Args:
            clips: ``(B,)`` numbers of the samples' clips.
            windows: ``(B, T)`` which windows of their clip.
            mine: Places of the samples to make; draws are made for all.
            generator: Source of the draws.

        Raises:
            BadFileError: a recording is missing or broken.
        """
        changes = [draw_event_augment(generator, self._odds) for _ in clips]
        shape = (self._representation.channels, self._size_px, self._size_px)
        rows = np.empty((len(mine), windows.shape[1], *shape), picture_dtype(self._representation))
        for row, place in zip(rows, mine, strict=True):
            row[:] = self.sample(int(clips[place]), windows[place], changes[place])
        return rows

    def sample(self, clip: int, windows: NDArray[np.int64], change: EventAugment) -> NDArray[Any]:
        """Pictures ``(T, C, S, S)`` of some windows of a clip, all changed as one stretch from the first to the last.

        Raises:
            BadFileError: the recording is missing or broken.
        """
        of = self._clips[clip]
        first, last = int(windows.min()), int(windows.max())
        edges = window_edges(of.start_us, of.stop_us, self._window_us)[first : last + 2]
        start_us, stop_us = int(edges[0]), int(edges[-1])
        recording = self._open.recording(of)
        box = self._open.box(of, of.stop_us)
        events = change.apply(recording.between(start_us, stop_us), square_box(box), start_us, stop_us)
        made = window_pictures(events, edges, self._representation, box, self._size_px, recording.start_us)
        return np.asarray(made.rows[windows - first])


class LiveSpikes:
    """Spikes of changed training clips; unchanged events give the rows of ``train.spikes.clip_spikes``.

    Args:
        clip_set: The clips.
        dt_us: Length of a step.
        size_px: Side S of the crop.
        odds: How likely each change is.
        graded: Count the events of a cell and step.
    """

    def __init__(self, clip_set: ClipSet, dt_us: int, size_px: int, odds: EventOdds, graded: bool = False) -> None:
        self._clips, self._dt_us, self._size_px, self._odds = clip_set.clips, dt_us, size_px, odds
        self._graded = graded
        self._open = OpenClips()

    def draw(self, generator: np.random.Generator, count: int, mine: NDArray[np.int64]) -> list[EventAugment]:
        """What happens to some clips of a batch; draws are made for all ``count``."""
        changes = [draw_event_augment(generator, self._odds) for _ in range(count)]
        return [changes[place] for place in mine]

    def spikes(self, clip: int, change: EventAugment) -> SparseSpikes:
        """Spikes of the clip's whole steps; a change needs all of its events at once.

        Raises:
            BadFileError: the recording is missing or broken.
        """
        of = self._clips[clip]
        stop_us = of.start_us + (of.stop_us - of.start_us) // self._dt_us * self._dt_us
        box = self._open.box(of, stop_us)
        events = self._open.recording(of).between(of.start_us, stop_us)
        events = change.apply(events, square_box(box), of.start_us, stop_us)
        return sparse_spikes(events, of.start_us, stop_us, self._dt_us, box, self._size_px, self._graded)


class OpenClips:
    """Recordings that were used last, and face boxes; a recording is checked when it is opened for the first time."""

    def __init__(self) -> None:
        self._recordings: OrderedDict[str, Recording] = OrderedDict()
        self._checked: set[str] = set()
        self._boxes: dict[str, Box] = {}

    def recording(self, clip: Clip) -> Recording:
        """The clip's recording, open."""
        key = str(clip.path)
        if key not in self._recordings:
            known = key in self._checked and is_columns_folder(clip.path)
            self._recordings[key] = open_recording(clip.path, mode="trust" if known else "strict")
            self._checked.add(key)
            if len(self._recordings) > OPEN_AT_ONCE:
                self._recordings.popitem(last=False)[1].close()
        self._recordings.move_to_end(key)
        return self._recordings[key]

    def box(self, clip: Clip, stop_us: int) -> Box:
        """The clip's face box, else the one found in its events."""
        if clip.box is not None:
            return clip.box
        if clip.name not in self._boxes:
            self._boxes[clip.name] = find_box(self.recording(clip).between(clip.start_us, stop_us))
        return self._boxes[clip.name]
