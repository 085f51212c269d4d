"""Pairs of what was seen: a window's events, as a picture or as spikes, and the grey face at that moment."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data import boxes, crop, frames, windows
from neurofer.data.cache import ClipRows, RowsOfClip, cached_rows
from neurofer.data.clip import Clip, ClipSet
from neurofer.data.frames import FrameAt
from neurofer.data.partition import Partition
from neurofer.errors import BadFileError, NeuroferError
from neurofer.events.open import open_recording
from neurofer.represent.base import Representation


@dataclass(frozen=True)
class Pairs:
    """A picture and a face for every window of every clip, memory-mapped.

    Attributes:
        pictures: Rows ``(R, C, S, S)``, the same as a classifier reads, one a window.
        faces: Rows ``(R, 1, S, S)`` uint8, grey.
        framed: ``(clips,)`` whether the clip has frames; where not, its faces are black and must not be used.
    """

    pictures: ClipRows
    faces: ClipRows
    framed: NDArray[np.bool_]

    def rows_of(self, clips: Sequence[int] | NDArray[np.int64]) -> NDArray[np.int64]:
        """Rows of these clips, by number, one behind the other."""
        first = self.first
        return np.concatenate([np.empty(0, np.int64), *(np.arange(first[clip], first[clip + 1]) for clip in clips)])

    def clip_of(self, row: int) -> int:
        """Number of the clip that a row belongs to."""
        return int(np.searchsorted(self.first, row, side="right")) - 1

    @property
    def first(self) -> NDArray[np.int64]:
        """``(clips + 1,)``; clip i has the pairs ``first[i]:first[i + 1]``."""
        return self.faces.first

    def lengths(self) -> NDArray[np.int64]:
        """``(clips,)`` pairs of each clip."""
        return self.faces.lengths()

    def seen(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """What the generator is fed of these pairs, as stored, one behind the other."""
        return np.array(self.pictures.rows[rows])

    def events_of(self, clip: int) -> NDArray[np.int64]:
        """``(n,)`` events of each window of clip number ``clip``."""
        return self.pictures.counts_of(clip).sum(axis=1)


def face_pairs(clip_set: ClipSet, representation: Representation, window_us: float, size_px: int, frame_at: FrameAt,
               cache: Path) -> Pairs:
    """A picture of events and a grey face for every whole window, both through the clip's box and the same crop.

    Args:
        clip_set: The clips.
        representation: What is made of a window's events.
        window_us: Length of a window.
        size_px: Side of the square pictures.
        frame_at: The frame nearest to a window's start, middle or end.
        cache: Folder of caches; the pictures there are those that a classifier uses.

    Raises:
        NeuroferError: no clip has frames, or a clip is shorter than a window.
        BadFileError: a recording or frames are damaged, or the cache cannot be written.
    """
    require_frames(clip_set)
    pictures = windows.clip_windows(clip_set, representation, window_us, size_px, cache)
    return Pairs(pictures, *clip_faces(clip_set, window_us, size_px, frame_at, cache, pictures.lengths().tolist()))


def require_frames(clip_set: ClipSet) -> None:
    """Refuse a data set that has nothing to draw.

    Raises:
        NeuroferError: no clip has frames.
    """
    if not any(frames.has_frames(clip) for clip in clip_set.clips):
        raise NeuroferError(f"data set {clip_set.name}: keeps no grey frames, and a reconstruction needs them; prepare "
                            "it with its frames (prepare synthetic: --frames)")


def clip_faces(clip_set: ClipSet, window_us: float, size_px: int, frame_at: FrameAt, cache: Path,
               lengths: Sequence[int]) -> tuple[ClipRows, NDArray[np.bool_]]:
    """The grey face of every window: rows ``(R, 1, S, S)`` uint8, and ``(clips,)`` whether a clip has frames.

    Args:
        clip_set: The clips.
        window_us: Length of a window.
        size_px: Side S of the faces.
        frame_at: The frame nearest to a window's start, middle or end.
        cache: Folder of caches.
        lengths: Windows of each clip.

    Raises:
        BadFileError: a recording or frames are damaged, or the cache cannot be written.
    """

    def build(clip: Clip) -> RowsOfClip:
        edges = windows.window_edges(clip.start_us, clip.stop_us, window_us)
        rows = np.zeros((len(edges) - 1, 1, size_px, size_px), np.uint8)
        if frames.has_frames(clip):
            kept, box = frames.clip_frames(clip), clip.box
            if clip.sensor is not None and kept.pictures.shape[1:] != clip.sensor[::-1]:
                height, width = kept.pictures.shape[1:]
                raise BadFileError(f"clip {clip.name}: its frames have {width}x{height} pixels and its sensor "
                                   f"{clip.sensor[0]}x{clip.sensor[1]}; prepare the store again")
            if box is None:
                with open_recording(clip.path) as recording:
                    box = boxes.find_box(recording.between(clip.start_us, clip.stop_us))
            for number, time_us in enumerate(_moments(edges, frame_at)):
                rows[number] = crop.crop_resize(kept.nearest(int(time_us))[None], box, size_px)
        return RowsOfClip(rows, np.zeros((len(rows), 2), np.int64))

    recipe: dict[str, Any] = {"window_us": window_us, "size_px": size_px, "frame_at": frame_at,
                              "frames": [_frames_size(clip) for clip in clip_set.clips]}
    modules = (boxes, crop, frames, sys.modules[__name__])
    faces = cached_rows("faces", clip_set, recipe, modules, lengths, (1, size_px, size_px), np.dtype(np.uint8), build,
                        cache)
    return faces, np.array([frames.has_frames(clip) for clip in clip_set.clips])


def require_unseen(clip_set: ClipSet, partition: Partition, numbers: Sequence[int] | NDArray[np.int64]) -> None:
    """Refuse clips that a test will read, or, where the protocol keeps people apart, whose subject it will see.

    Args:
        clip_set: The data set.
        partition: Its parts; ``shared`` names the subjects that its protocol has on two sides.
        numbers: Clips that pre-training is about to read.

    Raises:
        NeuroferError: naming the subjects and how many of their clips.
    """
    tested, people = set(partition.test), set(partition.subjects(clip_set, "test")) - set(partition.shared)
    met = [clip for clip in (clip_set.clips[number] for number in numbers)
           if clip.subject in people or clip.name in tested]
    if met:
        subjects = sorted({clip.subject for clip in met})
        raise NeuroferError(f"data set {clip_set.name}: pre-training would see {len(met)} clip(s) of the test "
                            f"subject(s) {', '.join(subjects)}; train on the other subjects of the split alone")


def mean_face(pairs: Pairs, clips: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
    """``(1, S, S)`` mean of the faces of these clips, in 0..255; reads one clip at a time."""
    total, count = np.zeros(pairs.faces.rows.shape[1:]), 0
    for clip in clips:
        faces = pairs.faces.of(int(clip))
        total += faces.sum(axis=0, dtype=np.float64)
        count += len(faces)
    return total / max(count, 1)


def _moments(edges: NDArray[np.int64], frame_at: FrameAt) -> NDArray[np.int64]:
    if frame_at == "middle":
        return (edges[:-1] + edges[1:]) // 2
    return edges[:-1] if frame_at == "start" else edges[1:]


def _frames_size(clip: Clip) -> int:
    """Bytes of the clip's frames, 0 without any: frames that come later give other pairs."""
    path = frames.frame_paths(clip.path.parent.parent, clip.name)[0]
    return path.stat().st_size if frames.has_frames(clip) else 0
