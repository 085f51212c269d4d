"""Where the face is: the user's box, a face found in frames or in events, or at least where the events are."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.errors import NeuroferError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import Recording

Source = Literal["user", "truth", "frames", "events", "density"]
View = Literal["frontal", "left", "right"]
VIEWS: tuple[View, ...] = ("frontal", "left", "right")

LOOKS = 20
"""Windows of a recording that are searched for a face."""

LOOK_US = (100_000, 200_000)
"""Lengths of such windows, in turn: events of less are too sparse to show a face, of more a moving face smears."""

FEWEST_LOOKS = 0.15
"""Share of the windows in which a face must be found at the same place."""

SEARCH_HEIGHT_PX = 480
"""Height at which event pictures are searched; none is enlarged more than twofold."""

SMALLEST_FACE = 1 / 6
"""Share of the picture's height below which a face is not looked for."""

FRAME_HEIGHT_PX = 480
"""Height at which frames are searched."""

LOWER = 0.15
"""Share of its side by which a frontal detector's box is moved down. It then reaches from above the brows to below the
chin, 1.22 times their distance, which is the box of the procedural faces that networks are trained on."""

DENSITY_MARGIN = 0.1
"""Share added on each side of a density box, whose range leaves out the outermost events."""


class FaceBox(NamedTuple):
    """A face box and where it came from."""

    box: Box
    source: Source


def locate_face(recording: Recording, box: Box | None = None, start_us: int | None = None,
                stop_us: int | None = None) -> FaceBox:
    """The face box of a recording: the user's, else found in its events, else where the events are.

    Looks at up to 20 windows of 100 and 200 ms spread over the interval, one at a time, so memory does not grow with
    it: first for frontal faces, then for faces in profile. A place counts as a face if several windows agree on it
    and it has more events than an average place of the sensor.

    Args:
        recording: Recording to look at.
        box: The user's box; always wins.
        start_us: Start of the interval, the first event by default.
        stop_us: End of the interval, behind the last event by default.

    Raises:
        UsageError: the user's box lies wholly outside the sensor, or is far larger than it.
        NeuroferError: there are no events to look at.
    """
    if box is not None:
        check_box(box, recording.sensor)
        return FaceBox(box, "user")
    first = recording.start_us if start_us is None else start_us
    last = recording.end_us + 1 if stop_us is None else stop_us
    pictures = [event_counts(recording.between(low, high)) for low, high in _looks(first, last)]
    return _from_counts(pictures, str(recording.path or "recording"))


def find_box(events: Events) -> Box:
    """The face box of events in memory, found as ``locate_face`` does.

    Raises:
        NeuroferError: there are no events.
    """
    pictures = [event_counts(events.between(low, high)) for low, high in _looks(events.start_us, events.end_us + 1)]
    return _from_counts(pictures, "events").box


def box_of_frames(frames: Iterable[NDArray[np.uint8]]) -> FaceBox | None:
    """The face box of a video: the median over the frames in which a face is found; None without a face.

    Args:
        frames: Frames ``(H, W)`` grey or ``(H, W, 3)``, all of one size.
    """
    found = []
    for frame in frames:
        grey = frame if frame.ndim == 2 else frame.mean(axis=2).astype(np.uint8)
        found += _largest(_detect(grey, "frontal", FRAME_HEIGHT_PX / len(grey), scale=1.1, neighbours=5))
    cluster = largest_cluster(found)
    return FaceBox(_face_of(_median(cluster), "frontal"), "frames") if cluster else None


def haar_box(picture: NDArray[np.uint8]) -> Box | None:
    """The largest frontal face of one grey picture as the detector gives it, a square; None without a face.

    ``box_of_frames`` looks for the same faces more carefully, in many frames, and moves the box down to the chin; this
    is the box of published work on e-CK+.

    Args:
        picture: ``(H, W)``.

    Source:
        evTransFER specification, section 6.1: OpenCV frontal cascade, scale 1.1, 5 neighbours.
    """
    faces = _cascade("frontalface_default").detectMultiScale(picture, scaleFactor=1.1, minNeighbors=5)
    found = _largest([Box(*(int(number) for number in face)) for face in faces])
    return found[0] if found else None


def check_box(box: Box, sensor: tuple[int, int]) -> None:
    """Refuse a box that shows nothing of the sensor, or is so much larger that cropping would cost time and memory.

    Raises:
        UsageError: the box has no area, lies wholly outside, or is more than twice as long as the sensor's longer side.
    """
    width, height = sensor
    outside = (box.left >= width or box.top >= height or box.left + box.width <= 0 or box.top + box.height <= 0)
    if box.width < 1 or box.height < 1 or outside:
        raise UsageError(f"box {box.left},{box.top},{box.width},{box.height} shows nothing of the {width}x{height} "
                         "sensor; give left,top,width,height in sensor pixels")
    if max(box.width, box.height) > 2 * max(sensor):
        raise UsageError(f"box {box.left},{box.top},{box.width},{box.height} is more than twice as long as the "
                         f"{width}x{height} sensor; give left,top,width,height in sensor pixels")


def event_counts(events: Events) -> NDArray[np.float32]:
    """Events at each pixel, both polarities, ``(H, W)`` float32."""
    width, height = events.sensor
    place = events.y.astype(np.int64) * width + events.x
    return np.bincount(place, minlength=width * height).reshape(height, width).astype(np.float32)


def event_picture(counts: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Event counts as the dark lines of a drawing, ``(H, W)`` uint8; a face detector for photographs reads it."""
    import cv2

    blurred = cv2.GaussianBlur(np.log1p(counts), (0, 0), 1.5)
    top = float(np.percentile(blurred, 99.5))
    scaled = np.clip(blurred * (255.0 / top), 0, 255) if top > 0 else np.zeros_like(blurred)
    return (255.0 - scaled).astype(np.uint8)


def density_box(counts: NDArray[np.float32]) -> Box:
    """Where most events are: the 8 to 92 % range of columns and rows, by event counts ``(H, W)``.

    Raises:
        ValueError: no events.
    """
    if not counts.any():
        raise ValueError("density_box: no events")
    left, right = _middle_range(counts.sum(axis=0))
    top, bottom = _middle_range(counts.sum(axis=1))
    return Box(left, top, right - left + 1, bottom - top + 1)


def percentile_box(counts: NDArray[np.float32]) -> Box:
    """A square around most active pixels of a recording, by event counts ``(H, W)``; for a sensor that sees one face.

    A pixel is active that has more events than an average one, so neither noise nor a hot pixel counts for much. From
    their mean place, the box reaches as far as 96 % of them lie across and 92 % down, times 1.02, and is made square.

    Raises:
        ValueError: no events.

    Source:
        The evTransFER authors' box for NEFER, without the shifts that they set by hand for one recording.
    """
    if not counts.any():
        raise ValueError("percentile_box: no events")
    rows, columns = np.nonzero(counts > counts.mean(dtype=np.float64))
    if not len(rows):
        rows, columns = np.nonzero(counts)
    halves = [1.02 * float(np.percentile(np.abs(places - places.mean()), share)) + 0.5
              for places, share in ((columns, 96), (rows, 92))]
    half = max(halves)
    left, top = (round(float(places.mean()) - half + 0.5) for places in (columns, rows))
    side = max(1, round(2 * half))
    return Box(left, top, side, side)


def largest_cluster(boxes: Sequence[Box], overlap: float = 0.5) -> list[Box]:
    """The most boxes that overlap one of them by more than ``overlap`` (intersection over union)."""
    clusters = [[other for other in boxes if intersection_over_union(box, other) > overlap] for box in boxes]
    return max(clusters, key=len, default=[])


def intersection_over_union(first: Box, second: Box) -> float:
    """Shared area of two boxes over the area that they cover together, 0..1."""
    across = min(first.left + first.width, second.left + second.width) - max(first.left, second.left)
    down = min(first.top + first.height, second.top + second.height) - max(first.top, second.top)
    shared = max(across, 0) * max(down, 0)
    return shared / (first.width * first.height + second.width * second.height - shared)


def pad_box(box: Box, padding: float) -> Box:
    """The box with a share of its sides added on each side."""
    across, down = round(box.width * padding), round(box.height * padding)
    return Box(box.left - across, box.top - down, box.width + 2 * across, box.height + 2 * down)


def _looks(start_us: int, stop_us: int) -> list[tuple[int, int]]:
    """Up to ``LOOKS`` windows spread evenly over an interval; a short interval has fewer."""
    room = max(stop_us - start_us - min(LOOK_US), 0)
    count = int(np.clip(room // (min(LOOK_US) // 5) + 1, 1, LOOKS))
    starts = [start_us + room * place // max(count - 1, 1) for place in range(count)]
    return [(low, low + LOOK_US[place % len(LOOK_US)]) for place, low in enumerate(starts)]


def _from_counts(counts: list[NDArray[np.float32]], who: str) -> FaceBox:
    total: NDArray[np.float32] = np.stack(counts).sum(axis=0)
    if not total.any():
        raise NeuroferError(f"{who}: no events to find a face in; give the face box by hand")
    every = [event_picture(part) for part in counts if part.any()]
    for view in VIEWS:
        zoom = SEARCH_HEIGHT_PX / len(total)
        # Profiles cost as much again on each side; half of the windows are enough to find them.
        pictures = every if view == "frontal" else every[1::2] or every
        found = [face for picture in pictures for face in _largest(_detect(picture, view, zoom, 1.05, 2))]
        cluster = largest_cluster(found)
        needed = max(min(2, len(pictures)), math.ceil(FEWEST_LOOKS * len(pictures)))
        if len(cluster) >= needed and _busier_than_average(total, box := _median(cluster)):
            return FaceBox(_face_of(box, view), "events")
    return FaceBox(pad_box(density_box(total), DENSITY_MARGIN), "density")


def _face_of(box: Box, view: View) -> Box:
    return box._replace(top=box.top + round(LOWER * box.height)) if view == "frontal" else box


def _busier_than_average(counts: NDArray[np.float32], box: Box) -> bool:
    inside = counts[max(box.top, 0) : box.top + box.height, max(box.left, 0) : box.left + box.width]
    return bool(inside.size) and float(inside.mean()) > float(counts.mean())


def _detect(picture: NDArray[np.uint8], view: View, zoom: float, scale: float, neighbours: int) -> list[Box]:
    """Faces in a grey picture that is searched ``zoom`` times as large; boxes in the picture's own pixels."""
    import cv2

    zoom = float(np.clip(zoom, 0.1, 2.0))
    method = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    sized = picture if zoom == 1 else cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=method)
    if view == "right":
        sized = np.ascontiguousarray(sized[:, ::-1])
    smallest = max(24, round(SMALLEST_FACE * len(sized)))
    cascade = _cascade("frontalface_alt2" if view == "frontal" else "profileface")
    faces = cascade.detectMultiScale(sized, scaleFactor=scale, minNeighbors=neighbours, minSize=(smallest, smallest))
    found = [Box(*(round(float(number) / zoom) for number in face)) for face in faces]
    if view == "right":
        found = [box._replace(left=picture.shape[1] - box.left - box.width) for box in found]
    return found


def _largest(boxes: list[Box]) -> list[Box]:
    return sorted(boxes, key=lambda box: box.width * box.height)[-1:]


def _median(boxes: Sequence[Box]) -> Box:
    return Box(*(round(float(number)) for number in np.median(np.array(boxes), axis=0)))


def _middle_range(counts: NDArray[np.float32]) -> tuple[int, int]:
    shares = np.cumsum(counts, dtype=np.float64) / counts.sum(dtype=np.float64)
    low, high = np.searchsorted(shares, (0.08, 0.92))
    return int(low), int(min(high, len(counts) - 1))


@functools.cache
def _cascade(name: str) -> Any:
    import cv2

    path = Path(getattr(getattr(cv2, "data", None), "haarcascades", "")) / f"haarcascade_{name}.xml"
    cascade = cv2.CascadeClassifier(str(path)) if path.is_file() and hasattr(cv2, "CascadeClassifier") else None
    if cascade is None or cascade.empty():
        raise NeuroferError(f"face boxes: this OpenCV has no {path.name}; "
                            "pip install 'opencv-python-headless>=4.10,<5', or give the box by hand")
    return cascade
