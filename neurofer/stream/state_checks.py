"""Whether the saved state of a stream can be one: numbers that contradict each other would let it run on for years."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from neurofer.data.boxes import check_box
from neurofer.data.clip import Box
from neurofer.events.recording import Window
from neurofer.stream.cutting import CutState, Cutter

LATEST_US = 1 << 62


def whole_number(value: Any, low: int, high: int, name: str) -> int:
    """A whole number in ``[low, high]``.

    Raises:
        ValueError: it is none, or lies outside.
    """
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}, need a whole number of {low} to {high}")
    return value


def sensor_box(values: Sequence[Any] | None, sensor: tuple[int, int] | None) -> Box | None:
    """A box that shows something of the sensor, where one is known; None stays None.

    Raises:
        ValueError: it is no such box.
        UsageError: it shows nothing of the sensor.
    """
    if values is None:
        return None
    left, top, width, height = (whole_number(value, -(1 << 20), 1 << 20, "a side of the box") for value in values)
    box = Box(left, top, width, height)
    if sensor is not None:
        check_box(box, sensor)
    return box


def check_place(sensor: tuple[int, int] | None, window_us: float, cut: CutState, before: Sequence[Window],
                scene_us: int | None) -> None:
    """Refuse a place in a stream at which no stream can be.

    Args:
        sensor: ``(width, height)``; None before the first events.
        window_us: Length of a window.
        cut: The place.
        before: Whole windows before the one that is being filled.
        scene_us: Where the scene begins; None before there is one.

    Raises:
        ValueError: what contradicts what.
    """
    if cut.origin_us is None or sensor is None:
        if cut != CutState() or before or scene_us is not None:
            raise ValueError("windows before the first event")
        return
    cutter = Cutter(sensor, window_us, cut)
    low, high = cutter.edge_us(cut.window), cutter.stop_us
    if not low - 1 <= cut.newest_us < high or not cut.origin_us <= cut.heard_us <= cut.newest_us:
        raise ValueError(f"window {cut.window} is [{low}, {high}) us, the newest event is at {cut.heard_us} us and "
                         f"the time {cut.newest_us} us")
    if scene_us not in (None, cut.origin_us):
        raise ValueError(f"the scene begins at {scene_us} us, the stream at {cut.origin_us} us")
    _check_events([(part.start_us, part.end_us) for part in cut.parts if len(part)], low, cut.heard_us + 1)
    first = cut.window - len(before)
    for place, window in enumerate(before, first):
        if place < 0 or window[:2] != (cutter.edge_us(place), cutter.edge_us(place + 1)):
            raise ValueError(f"window {place} is said to be [{window.start_us}, {window.stop_us}) us")
        _check_events([(window.events.start_us, window.events.end_us)] if len(window.events) else [], *window[:2])


def _check_events(spans: Sequence[tuple[int, int]], low: int, high: int) -> None:
    for first, last in spans:
        if not low <= first <= last < high:
            raise ValueError(f"events at {first} to {last} us where those of [{low}, {high}) us belong")
        low = last
