"""Binary frames of slices of every clip, packed to one bit each and cached; those of changed events made on the fly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data import boxes, crop
from neurofer.data.cache import ClipRows, RowsOfClip, cached_rows
from neurofer.data.clip import Clip, ClipSet
from neurofer.data.crop import square_box
from neurofer.events.augment import EventAugment, EventOdds, draw_event_augment
from neurofer.events.open import open_recording
from neurofer.spiking import slices
from neurofer.spiking.slices import slice_frames
from neurofer.train.live import OpenClips
from neurofer.train.slices_config import SlicesConfig


def clip_slices(clip_set: ClipSet, settings: SlicesConfig, size_px: int, cache: Path) -> ClipRows:
    """Frames of every clip: ``frames`` rows of one bit a pixel and polarity, see ``unpack``.

    Counts hold the ON and OFF events of so many equal parts of the clip's time over the whole sensor, in slices or not:
    what needs no face may look at all of them.

    Args:
        clip_set: The clips.
        settings: Number of frames, and of events in each.
        size_px: Side of the frames.
        cache: Folder of caches.

    Raises:
        BadFileError: a recording is missing or broken, or the cache cannot be written.
    """
    def build(clip: Clip) -> RowsOfClip:
        with open_recording(clip.path) as recording:
            events = recording.between(clip.start_us, clip.stop_us)
            box = clip.box or boxes.find_box(events)
        frames = slice_frames(events, box, size_px, settings.frames, settings.events)
        part = (events.t - clip.start_us) * settings.frames // (clip.stop_us - clip.start_us)
        counts = np.stack([np.bincount(part[events.p == on], minlength=settings.frames) for on in (True, False)], 1)
        return RowsOfClip(pack(frames), counts.astype(np.int64))

    recipe = {"frames": settings.frames, "events": settings.events, "size_px": size_px}
    return cached_rows("slices", clip_set, recipe, (slices, boxes, crop), [settings.frames] * len(clip_set.clips),
                       (-(-2 * size_px * size_px // 8),), np.dtype(np.uint8), build, cache)


class LiveSlices:
    """Frames of changed training clips; unchanged events give the rows of ``clip_slices``.

    Args:
        clip_set: The clips.
        settings: Number of frames, and of events in each.
        size_px: Side S of the frames.
        odds: How likely each change is.
    """

    def __init__(self, clip_set: ClipSet, settings: SlicesConfig, size_px: int, odds: EventOdds) -> None:
        self._clips, self._settings, self._size_px, self._odds = clip_set.clips, settings, size_px, odds
        self._open = OpenClips()

    def draw(self, generator: np.random.Generator, count: int, mine: NDArray[np.int64]) -> list[EventAugment]:
        """What happens to some clips of a batch; draws are made for all ``count``."""
        changes = [draw_event_augment(generator, self._odds) for _ in range(count)]
        return [changes[place] for place in mine]

    def frames(self, clip: int, change: EventAugment) -> NDArray[np.uint8]:
        """``(T, 2, S, S)`` zeros and ones.

        Raises:
            BadFileError: the recording is missing or broken.
        """
        of = self._clips[clip]
        box = self._open.box(of, of.stop_us)
        events = self._open.recording(of).between(of.start_us, of.stop_us)
        events = change.apply(events, square_box(box), of.start_us, of.stop_us)
        return slice_frames(events, box, self._size_px, self._settings.frames, self._settings.events)


def pack(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``(T, 2, S, S)`` zeros and ones to ``(T, 2 * S * S / 8)`` bytes, rounded up."""
    return np.packbits(frames.reshape(len(frames), -1), axis=1)


def unpack(rows: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """The inverse of ``pack``."""
    return np.unpackbits(rows, axis=1, count=2 * size_px * size_px).reshape(len(rows), 2, size_px, size_px)
