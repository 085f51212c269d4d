"""Recordings of events read for a decision: the events of the face box, as if its crop had been the sensor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.crop import cell_edges, square_box
from neurofer.data.micro.align import EYES
from neurofer.data.micro.faces import usual_eyes
from neurofer.errors import NeuroferError
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.stream.faces import find_face, stretch
from neurofer.stream.micro.clips import FaceClip
from neurofer.stream.tables import Request

LONGEST_US = 100_000_000
_STEP_US = 1_000


@dataclass(frozen=True)
class RecordingReader:
    """How recordings become faces.

    Attributes:
        size_px: Side of the crop.
        request: How they are opened and looked at.
    """

    size_px: int
    request: Request

    def read(self, path: Path, onset_frame: int = 0) -> FaceClip:
        """The events of the face in a recording; the head is not followed.

        Args:
            path: Any recording.
            onset_frame: Not used; there are no frames.

        Raises:
            UsageError: an empty stretch, or a box outside of the sensor.
            NeuroferError: no events, or too long a stretch.
            BadFileError: it cannot be read.
        """
        asked = self.request
        with open_recording(path, sensor=asked.sensor, mode=asked.mode) as recording:
            first_us, stop_us = stretch(recording, asked.start_us, asked.stop_us)
            if stop_us - first_us > LONGEST_US:
                raise NeuroferError(f"{path}: {(stop_us - first_us) / 1e6:.0f} s are more than {LONGEST_US // 10**6}, "
                                    "need one expression; find the expressions in it first ('neurofer spot'), and "
                                    "choose one by --start-us and --stop-us")
            face = find_face(recording, asked.box, asked.start_us, asked.stop_us)
            box = eye_box(face.box) if face.source == "events" else face.box
            events = crop_events(recording.between(first_us, stop_us), box, self.size_px)
            origin_us = recording.start_us
        times_us = np.arange(first_us, stop_us + _STEP_US, _STEP_US, dtype=np.int64)
        return FaceClip(str(path), times_us, None, 0, origin_us, face.source, lambda: events)


def eye_box(face: Box) -> Box:
    """The square around a detected face that puts its eyes where those of aligned faces are."""
    (left_x, left_y), (right_x, _) = usual_eyes(face)
    (goal_left, goal_top), (goal_right, _) = EYES
    side = (right_x - left_x) / (goal_right - goal_left)
    return Box(round(left_x + 0.5 - goal_left * side), round(left_y + 0.5 - goal_top * side), round(side), round(side))


def crop_events(events: Events, box: Box, size_px: int) -> Events:
    """The events inside a face box, on a sensor of the crop's size; the box is made square first.

    Where the box is larger than the crop, pixels share a cell. Where it is smaller, an event is repeated in all cells
    nearest to its pixel, so that no cell is empty for want of pixels. A box of the crop's size changes nothing.

    Args:
        events: Of the whole sensor; not modified.
        box: In sensor pixels; may reach over the sensor's edge.
        size_px: Side of the crop.
    """
    square = square_box(box)
    across = cell_edges(square.left, square.width, size_px, events.sensor[0])[events.x]
    down = cell_edges(square.top, square.height, size_px, events.sensor[1])[events.y]
    wide, high = across[:, 1] - across[:, 0], down[:, 1] - down[:, 0]
    source = np.repeat(np.arange(len(events)), wide * high)
    nth = _counted(wide * high)
    x, y = across[source, 0] + nth % np.maximum(wide[source], 1), down[source, 0] + nth // np.maximum(wide[source], 1)
    return Events.trusted(events.t[source], x.astype(np.uint16), y.astype(np.uint16), events.p[source],
                          (size_px, size_px))


def _counted(lengths: NDArray[np.int32]) -> NDArray[np.int64]:
    """``0..n-1`` for each length n, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(int(ends[-1]) if len(ends) else 0) - np.repeat(ends - lengths, lengths)
