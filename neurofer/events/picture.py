"""Events as a small picture: the colours that all pictures of events share, and PNG bytes of a limited size."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events

GROUND, ON_COLOUR, OFF_COLOUR = (0.925, 0.933, 0.941), (0.85, 0.28, 0.06), (0.09, 0.36, 0.66)
LOOK_EVENTS = 1 << 18
"""Events that are looked at, at most, to choose and to draw a picture."""
FULL_FRAME = 0.10
"""Events per pixel that the automatic window length aims at."""
LIMIT_BYTES = 40_000
_CANDIDATES = 257


class Picture(NamedTuple):
    """A picture to show.

    Attributes:
        pixels: ``(height, width, 3)`` uint8, red, green, blue.
        says: What it shows.
    """

    pixels: NDArray[np.uint8]
    says: str


def frame_image(counts: NDArray[Any], full: float) -> NDArray[np.float32]:
    """Event counts as a picture: red where ON prevails, blue where OFF does, on a light neutral ground.

    Args:
        counts: ``(2, height, width)``, OFF then ON.
        full: Count of a pixel in full colour; a single event is already well visible.

    Returns:
        ``(height, width, 3)`` float32 in 0..1.
    """
    colour, strength = count_colours(counts, full)
    strength = strength[..., None]
    return np.asarray((1 - strength) * np.array(GROUND, np.float32) + strength * colour, np.float32)


def count_colours(counts: NDArray[Any], full: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Colour of each pixel, and how much of it covers the ground.

    Args:
        counts: ``(2, height, width)``, OFF then ON.
        full: Count of a pixel in full colour.

    Returns:
        ``(height, width, 3)`` float32 red, green, blue, and ``(height, width)`` float32, 0 without events; both 0..1.
    """
    off, on = counts[0].astype(np.float32), counts[1].astype(np.float32)
    total = on + off
    strength = np.where(total > 0, 0.35 + 0.65 * np.minimum(1.0, total / max(full, 1.0)), 0.0)
    share = (on / np.maximum(total, 1.0))[..., None]
    colour = share * np.array(ON_COLOUR, np.float32) + (1 - share) * np.array(OFF_COLOUR, np.float32)
    return colour, np.asarray(strength, np.float32)


def looked_at(events: Events) -> Events:
    """A part from the middle that is quickly looked through; everything where that is little."""
    low = max(0, (len(events) - LOOK_EVENTS) // 2)
    return events[low : low + LOOK_EVENTS]


def telling_window(events: Events) -> tuple[int, int]:
    """Start and end of a lively window: of about one event on every tenth pixel, busier than 95 of 100 others.

    The very busiest one is often a flash or a knock, and shows nothing but that.

    Args:
        events: At least one.
    """
    width, height = events.sensor
    span = events.end_us - events.start_us + 1
    wanted = span * min(LOOK_EVENTS, FULL_FRAME * width * height) / len(events)
    length = min(span, max(1_000, min(100_000, round(wanted))))
    starts = events.start_us + np.arange(_CANDIDATES, dtype=np.int64) * (span - length) // (_CANDIDATES - 1)
    counts = np.searchsorted(events.t, starts + length) - np.searchsorted(events.t, starts)
    start = int(starts[np.argsort(counts, kind="stable")[round(0.95 * (_CANDIDATES - 1))]])
    return start, start + length


def events_picture(events: Events, longest_px: int = 256, origin_us: int | None = None) -> Picture | None:
    """A telling window of events as a picture; None without events.

    Args:
        events: Of any number; a bounded part of them is looked at.
        longest_px: Longest side; several sensor pixels go to one on larger sensors.
        origin_us: What times are counted from; the first event by default.
    """
    if not len(events):
        return None
    part = looked_at(events)
    start, stop = telling_window(part)
    origin = events.start_us if origin_us is None else origin_us
    counts = count_events(part.between(start, stop), longest_px)
    filled = counts.sum(0)[counts.sum(0) > 0]
    image = frame_image(counts, max(2.0, float(np.percentile(filled, 98))) if len(filled) else 2.0)
    length = f"{(stop - start) / 1e3:.3g} ms"
    return Picture(np.rint(image * 255).astype(np.uint8), f"{length} of events, from {(start - origin) / 1e6:.2f} s on")


def count_events(events: Events, longest_px: int) -> NDArray[np.int64]:
    """``(2, height, width)`` counts, OFF then ON, with the longer side at most ``longest_px`` by whole halvings."""
    shift = halvings(events.sensor, longest_px)
    width, height = ((side + (1 << shift) - 1) >> shift for side in events.sensor)
    place = (events.p * height + (events.y >> shift).astype(np.int64)) * width + (events.x >> shift)
    return np.bincount(place, minlength=2 * width * height).reshape(2, height, width)


def halvings(sensor: tuple[int, int], longest_px: int) -> int:
    """How often a sensor's sides are halved until the longer one is at most ``longest_px``."""
    shift = 0
    while max(sensor) > longest_px << shift:
        shift += 1
    return shift


def data_url(pixels: NDArray[np.uint8], limit_bytes: int = LIMIT_BYTES) -> str:
    """A picture as the text of an address that holds it whole, a PNG; made smaller until it is below the limit.

    Args:
        pixels: ``(height, width, 3)`` uint8, red, green, blue.
        limit_bytes: Of the PNG.
    """
    import cv2

    while True:
        _, png = cv2.imencode(".png", pixels[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
        if len(png) < limit_bytes or min(pixels.shape[:2]) < 8:
            return "data:image/png;base64," + base64.b64encode(png.tobytes()).decode("ascii")
        size = (pixels.shape[1] * 4 // 5, pixels.shape[0] * 4 // 5)
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
