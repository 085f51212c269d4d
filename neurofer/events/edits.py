"""Changes of a stretch of events: mirrored, zoomed, reversed, thinned, made noisier. Each gives new, ordered events.

A box is ``(left, top, width, height)`` in sensor pixels and may reach over the sensor's edge; events outside it stay as
they are. A ``Region`` is a part of a box, in parts of its sides.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events

Box = tuple[int, int, int, int]
Half = Literal["left", "right"]


class Region(NamedTuple):
    """A part of a box; 0 is its left or upper edge, 1 its right or lower one."""

    left: float
    top: float
    width: float
    height: float


def flip(events: Events, box: Box) -> Events:
    """Left and right exchanged about the box's centre; what would leave the sensor is left out.

    Raises:
        ValueError: the box has no area.
    """
    left, _, width, _ = _checked_box("flip", box)
    x = 2 * left + width - 1 - events.x.astype(np.int64)
    keep = (x >= 0) & (x < events.sensor[0])
    return Events.trusted(events.t[keep], x[keep].astype(np.uint16), events.y[keep], events.p[keep], events.sensor)


def mirror_half(events: Events, box: Box, half: Half) -> Events:
    """One half of the box copied, mirrored, onto the other, whose own events are removed; the copy follows its event.

    A face becomes symmetric. The middle column of an odd box stays.

    Args:
        events: Stream; not modified.
        box: Where the face is.
        half: Which half stays, as seen in the picture.

    Raises:
        ValueError: the box has no area, or there is no such half.
    """
    left, _, width, _ = _checked_box("mirror_half", box)
    if half not in ("left", "right"):
        raise ValueError(f"mirror_half: half must be left or right, got {half!r}")
    column = events.x.astype(np.int64) - left
    on_left, on_right = column < width // 2, column >= width - width // 2
    kept, other = (on_left, on_right) if half == "left" else (on_right, on_left)
    mirrored = left + width - 1 - column
    copies = np.ones(len(events), np.int64)
    inside = _inside(events, box)
    copies[inside & other] = 0
    copies[inside & kept & (mirrored >= 0) & (mirrored < events.sensor[0])] = 2
    source = np.repeat(np.arange(len(events)), copies)
    x = events.x[source]
    copy = np.flatnonzero(source[1:] == source[:-1]) + 1
    x[copy] = mirrored[source[copy]]
    return Events.trusted(events.t[source], x, events.y[source], events.p[source], events.sensor)


def zoom(events: Events, box: Box, region: Region) -> Events:
    """A region of the box drawn over the whole box, nearest neighbour: an event fires on every pixel that shows it.

    The counts of each pixel inside are those of the pixel of the region under its centre, as if the picture of counts
    had been resized; a small region therefore has many more events afterwards.

    Raises:
        ValueError: the box has no area, or the region has none or reaches beyond the box.
    """
    left, top, width, height = _checked_box("zoom", box)
    _check_region("zoom", region)
    columns = _shown_at(left, width, region.left, region.width, events.sensor[0])
    rows = _shown_at(top, height, region.top, region.height, events.sensor[1])
    inside = _inside(events, box)
    first_x, across = (np.where(inside, columns[events.x, part], plain) for part, plain in ((0, events.x), (1, 1)))
    first_y, down = (np.where(inside, rows[events.y, part], plain) for part, plain in ((0, events.y), (1, 1)))
    copies = across * down
    source = np.repeat(np.arange(len(events)), copies)
    number = np.arange(len(source)) - np.repeat(np.cumsum(copies) - copies, copies)
    x = first_x[source] + number % across[source]
    y = first_y[source] + number // across[source]
    return Events.trusted(events.t[source], x.astype(np.uint16), y.astype(np.uint16), events.p[source], events.sensor)


def reverse_time(events: Events, start_us: int, stop_us: int) -> Events:
    """Time running backwards: ``t`` becomes ``start + stop - 1 - t``, and what became brighter becomes darker.

    Events of one microsecond keep their order.

    Raises:
        ValueError: ``stop <= start``, or an event outside ``start <= t < stop``.
    """
    if stop_us <= start_us or (len(events) and not start_us <= events.start_us <= events.end_us < stop_us):
        raise ValueError(f"reverse_time: need events of {start_us}..{stop_us} us and start < stop, "
                         f"got {events.start_us}..{events.end_us} us; cut them with between() first")
    t = start_us + stop_us - 1 - events.t
    order = np.argsort(t, kind="stable")
    return Events.trusted(t[order], events.x[order], events.y[order], ~events.p[order], events.sensor)


def add_noise(events: Events, share: float, start_us: int, stop_us: int, generator: np.random.Generator) -> Events:
    """``round(share * N)`` events more, uniform over the sensor, the time and both polarities.

    At the same microsecond, noise comes behind the events there.

    Raises:
        ValueError: a negative share, or ``stop <= start``.
    """
    if share < 0 or stop_us <= start_us:
        raise ValueError(f"add_noise: need share >= 0 and start < stop, got {share}, {start_us}..{stop_us} us")
    count = round(share * len(events))
    t = np.sort(generator.integers(start_us, stop_us, count))
    width, height = events.sensor
    x, y = (generator.integers(0, side, count).astype(np.uint16) for side in (width, height))
    p = generator.random(count) < 0.5
    places = np.searchsorted(events.t, t, side="right")
    return Events.trusted(np.insert(events.t, places, t), np.insert(events.x, places, x),
                          np.insert(events.y, places, y), np.insert(events.p, places, p), events.sensor)


def flip_polarity(events: Events, share: float, generator: np.random.Generator) -> Events:
    """Each event's polarity inverted with probability ``share``.

    Raises:
        ValueError: a share outside 0..1.
    """
    _check_share("flip_polarity", share)
    p = events.p ^ (generator.random(len(events)) < share)
    return Events.trusted(events.t, events.x, events.y, p, events.sensor)


def drop_time(events: Events, low_us: int, high_us: int) -> Events:
    """The events without those at ``low_us <= t < high_us``.

    Raises:
        ValueError: ``high < low``.
    """
    if high_us < low_us:
        raise ValueError(f"drop_time: need low <= high, got {low_us}..{high_us} us")
    return _kept(events, (events.t < low_us) | (events.t >= high_us))


def drop_area(events: Events, box: Box, region: Region) -> Events:
    """The events without those in a region of the box, its edges rounded to pixels.

    Raises:
        ValueError: the box has no area, or the region has none or reaches beyond the box.
    """
    left, top, width, height = _checked_box("drop_area", box)
    _check_region("drop_area", region)
    low_x, high_x = (left + round(width * part) for part in (region.left, region.left + region.width))
    low_y, high_y = (top + round(height * part) for part in (region.top, region.top + region.height))
    return _kept(events, ~_inside(events, (low_x, low_y, high_x - low_x, high_y - low_y)))


def drop_random(events: Events, share: float, generator: np.random.Generator) -> Events:
    """The events without ``floor(share * N)`` of them, any as likely as any other.

    Raises:
        ValueError: a share outside 0..1.
    """
    _check_share("drop_random", share)
    keep = np.ones(len(events), np.bool_)
    keep[generator.permutation(len(events))[: int(share * len(events))]] = False
    return _kept(events, keep)


def _kept(events: Events, keep: NDArray[np.bool_]) -> Events:
    return Events.trusted(events.t[keep], events.x[keep], events.y[keep], events.p[keep], events.sensor)


def _inside(events: Events, box: Box) -> NDArray[np.bool_]:
    left, top, width, height = box
    across = (events.x >= left) & (events.x < left + width)
    return np.asarray(across & (events.y >= top) & (events.y < top + height))


def _shown_at(offset: int, length: int, start: float, part: float, sensor_length: int) -> NDArray[np.int64]:
    """Where each pixel along an axis is shown when a part of the box fills the box: ``(sensor_length, 2)``.

    First pixel, and number of pixels; 0 where it is not shown.
    """
    shown = np.arange(max(0, -offset), min(length, sensor_length - offset))  # of the box, on the sensor
    source = np.floor(start * length + (shown + 0.5) * part).astype(np.int64)
    source = offset + np.minimum(source, length - 1)  # rounding may reach the edge
    pixels = np.arange(sensor_length)
    first, last = (np.searchsorted(source, pixels, side=side) for side in ("left", "right"))
    begin = offset + (int(shown[0]) if len(shown) else 0)
    return np.stack([begin + first, last - first], axis=1).astype(np.int64)


def _checked_box(owner: str, box: Box) -> Box:
    left, top, width, height = (int(side) for side in box)
    if width < 1 or height < 1:
        raise ValueError(f"{owner}: need a box (left, top, width, height) with an area, got {tuple(box)}")
    return left, top, width, height


def _check_region(owner: str, region: Region) -> None:
    edge = 1 + 1e-9
    inside = region.left >= 0 and region.top >= 0 and region.left + region.width <= edge
    if not (inside and region.top + region.height <= edge and region.width > 0 and region.height > 0):
        raise ValueError(f"{owner}: need a region with an area inside 0..1 of the box, got {tuple(region)}")


def _check_share(owner: str, share: float) -> None:
    if not 0 <= share <= 1:
        raise ValueError(f"{owner}: need a share of 0..1, got {share}")
