"""Short moving procedural faces, as grey frames and as events of a larger sensor."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.simulate.performance import draw_performance, draw_subject, film
from neurofer.simulate.pixel import EventPixel, preset

FPS = 60


@functools.cache
def face_frames(subject: int, label: str, number: int, frames: int, size_px: int) -> NDArray[np.uint8]:
    """``(frames, size, size)`` of a face around the moment when its expression begins."""
    one = film(draw_performance(7, draw_subject(7, subject), label, number), (size_px, size_px), FPS)
    start = next((movement.onset_us * FPS // 1_000_000 for movement in one.movements), 0)
    shown = itertools.islice(one.frames(), max(0, min(start, len(one.track.times_us) - frames)), None)
    return np.stack([np.rint(frame).astype(np.uint8) for frame in itertools.islice(shown, frames)])


def face_events(frames: NDArray[np.uint8], sensor: tuple[int, int], left: int, top: int, start_us: int) -> Events:
    """The events of a small picture that lies at a place of a sensor."""
    height, width = frames.shape[1:]
    pixel = EventPixel(preset("clean"), (width, height), 3)
    parts = [pixel.step(frame, round(number * 1e6 / FPS)) for number, frame in enumerate(frames)]
    t, x, y, p = (np.concatenate([getattr(part, name) for part in parts]) for name in ("t", "x", "y", "p"))
    return Events(t + start_us, (x + left).astype(np.uint16), (y + top).astype(np.uint16), p, sensor)


def save_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """An image file; the suffix says its kind."""
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)
