"""What a run sees of a source: pictures or numbers of events, whatever the source is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from neurofer.data.clip import Clip
from neurofer.data.frames import Frames
from neurofer.data.long.pool import has_events
from neurofer.data.long.store import video_frames
from neurofer.errors import UsageError
from neurofer.stream.micro.films import FaceHint
from neurofer.stream.spot.events import film_counts_footage, recorded_face, recording_footage, stored_counts
from neurofer.stream.spot.films import FilmOptions, film_footage
from neurofer.stream.spot.footage import BLOCK, Block, Footage
from neurofer.stream.spot.sources import Source
from neurofer.stream.tables import Request


@dataclass(frozen=True)
class Looking:
    """How sources are looked at.

    Attributes:
        fps: Frames a second, for folders of images, and for videos that say it wrongly.
        hint: The user's face in films.
        realign_s: How often the face of a film is looked for again; 0 for never.
        request: How recordings are opened, and the user's face box in them.
    """

    fps: float | None = None
    hint: FaceHint = FaceHint()
    realign_s: float = 0.0
    request: Request = Request()


class Sight(Protocol):
    """What a run, or a method without one, looks at."""

    @property
    def path(self) -> Path:
        """Its folder or name, for messages."""

    @property
    def kind(self) -> str:
        """``video`` or ``events``."""

    @property
    def crop_px(self) -> int:
        """Side of the aligned faces."""

    @property
    def size_px(self) -> int:
        """Side of the pictures or counts that it is given."""

    @property
    def fps(self) -> float:
        """Frames a second that recordings are cut into."""

    @property
    def threshold(self) -> float:
        """Change of the logarithm of light that makes an event of a film."""


def open_footage(source: Source, run: Sight, looking: Looking) -> Footage:
    """The footage of a source as a run sees it.

    Raises:
        UsageError: a recording of events for a run of videos, or options that do not fit the source.
        NeuroferError: it cannot be read, or shows no face.
    """
    events, cells_px = run.kind == "events", run.size_px
    if source.kind == "film":
        film = film_footage(source.path, source.name, FilmOptions(run.crop_px, looking.fps, looking.hint,
                                                                  looking.realign_s))
        return film_counts_footage(film, run.crop_px, cells_px, run.threshold) if events else film
    if source.kind == "recording":
        if not events:
            raise UsageError(f"{source.path}: is a recording of events, but {run.path} looks at videos; give it a "
                             "video, or train a run with input.kind=events")
        face = recorded_face(source.path, looking.request, run.crop_px)
        return recording_footage(face, source.name, run.fps, cells_px)
    if source.clip is None:
        raise ValueError(f"open_footage: {source.path} is stored, but has no clip")
    return _stored(source.name, source.clip, cells_px if events else None)


def _stored(name: str, clip: Clip, cells_px: int | None) -> Footage:
    """A video of a store: its pictures, or the events of ``cells_px`` cells to the side.

    Raises:
        UsageError: the store has no events, or fewer pixels than cells.
        BadFileError: it keeps no frames, or they are damaged.
    """
    frames, fps = video_frames(clip), float(clip.facts["fps"])
    if cells_px is None:
        where = clip.path.parent.parent / "frames" / f"{clip.path.name}.npy"
        return Footage(name, str(where), fps, len(frames.pictures), lambda: _blocks(frames),
                       origin_us=int(frames.times_us[0]))
    if not has_events(clip):
        raise UsageError(f"{clip.path.parent.parent}: was prepared with --no-events, but the run looks at events; "
                         "prepare it again without that option")
    size_px = min(clip.sensor or frames.pictures.shape[1:])
    if size_px < cells_px:
        raise UsageError(f"{clip.path.parent.parent}: its faces are {size_px} pixels wide, but the run counts events "
                         f"in {cells_px} cells; prepare it with --size {cells_px} or more")
    return stored_counts(clip.path, name, np.asarray(frames.times_us), fps, size_px, cells_px)


def _blocks(frames: Frames) -> Iterator[Block]:
    for start in range(0, len(frames.pictures), BLOCK):
        part = slice(start, start + BLOCK)
        pictures = np.asarray(frames.pictures[part])
        yield Block(pictures, np.arange(start, start + len(pictures), dtype=np.int64), frames.times_us[part])
