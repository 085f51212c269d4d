"""The stream of events that everything else reads: checked once when made, read-only afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

EVENT_DTYPE = np.dtype([("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.bool_)])
"""Fields of the structured form, with the names that tonic uses."""


class Events:
    """Events ``(t, x, y, p)`` of one sensor, in time order.

    Attributes:
        t: ``(N,)`` int64, microseconds, non-decreasing.
        x: ``(N,)`` uint16, column, 0 at the left.
        y: ``(N,)`` uint16, row, 0 at the top.
        p: ``(N,)`` bool, True where the pixel became brighter (ON).
        sensor: ``(width, height)`` in pixels.
    """

    __slots__ = ("p", "sensor", "t", "x", "y")

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.bool_]
    sensor: tuple[int, int]

    def __init__(self, t: ArrayLike, x: ArrayLike, y: ArrayLike, p: ArrayLike, sensor: tuple[int, int]) -> None:
        """Check the columns and keep them.

        Args:
            t: Times in microseconds, whole numbers, non-decreasing.
            x: Columns, ``0 <= x < width``.
            y: Rows, ``0 <= y < height``.
            p: Polarities: bool, 0/1, or -1/+1.
            sensor: ``(width, height)``.

        Raises:
            ValueError: unequal lengths, a dtype that loses information, time that runs backwards, or an event outside
                the sensor; the message names the first bad event.
        """
        width, height = _checked_sensor(sensor)
        columns = {"t": np.asarray(t), "x": np.asarray(x), "y": np.asarray(y), "p": np.asarray(p)}
        lengths = {name: column.shape for name, column in columns.items()}
        if any(column.ndim != 1 for column in columns.values()) or len(set(lengths.values())) != 1:
            raise ValueError(f"Events: need four one-dimensional columns of one length, got shapes {lengths}")
        times = _whole_numbers(columns["t"], "t")
        polarity = _polarity(columns["p"])
        _check_order(times)
        _check_range(columns["x"], "x", width)
        _check_range(columns["y"], "y", height)
        columns = {name: column.astype(np.uint16, copy=False) for name, column in columns.items()}
        self._keep(times, columns["x"], columns["y"], polarity, (width, height))

    @classmethod
    def trusted(cls, t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_],
                sensor: tuple[int, int]) -> Events:
        """Events from columns known to be right (a slice of events, a checked file); nothing is checked."""
        events = cls.__new__(cls)
        events._keep(t, x, y, p, sensor)
        return events

    @classmethod
    def empty(cls, sensor: tuple[int, int]) -> Events:
        """A stream without events."""
        return cls([], [], [], np.zeros(0, bool), sensor)

    @classmethod
    def from_array(cls, array: NDArray[np.void], sensor: tuple[int, int]) -> Events:
        """Events from a structured array with fields ``t x y p``, such as tonic's.

        Raises:
            ValueError: a field is missing, or a column is not acceptable (see the constructor).
        """
        absent = [name for name in ("t", "x", "y", "p") if name not in (array.dtype.names or ())]
        if absent:
            raise ValueError(f"Events: the array lacks {', '.join(absent)}; need t, x, y, p, got {array.dtype.names}")
        return cls(array["t"].copy(), array["x"].copy(), array["y"].copy(), array["p"].copy(), sensor)

    @classmethod
    def concatenate(cls, parts: Iterable[Events]) -> Events:
        """One stream from consecutive pieces of the same sensor.

        Raises:
            ValueError: no piece, pieces of different sensors, or a piece that starts before the one before it ends.
        """
        pieces = list(parts)
        if not pieces:
            raise ValueError("Events.concatenate: need at least one piece")
        sensors = {piece.sensor for piece in pieces}
        if len(sensors) != 1:
            raise ValueError(f"Events.concatenate: pieces have different sensors {sorted(sensors)}")
        t, x, y, p = (np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("t", "x", "y", "p"))
        return cls(t, x, y, p, pieces[0].sensor)

    def to_array(self) -> NDArray[np.void]:
        """A structured array with fields ``t x y p``; a copy, so it may be written to (tonic does)."""
        array = np.empty(len(self), EVENT_DTYPE)
        for name in ("t", "x", "y", "p"):
            array[name] = getattr(self, name)
        return array

    def between(self, start_us: int, stop_us: int) -> Events:
        """The events with ``start_us <= t < stop_us``; a view."""
        low, high = np.searchsorted(self.t, (start_us, stop_us), side="left")
        return self[int(low) : int(high)]

    def crop(self, left: int, top: int, width: int, height: int) -> Events:
        """The events inside a box, in the box's own coordinates.

        Raises:
            ValueError: the box has no area.
        """
        x, y = self.x.astype(np.int32) - left, self.y.astype(np.int32) - top
        keep = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        sensor = _checked_sensor((width, height))
        return Events.trusted(self.t[keep], x[keep].astype(np.uint16), y[keep].astype(np.uint16), self.p[keep], sensor)

    @property
    def start_us(self) -> int:
        """Time of the first event; 0 without events."""
        return int(self.t[0]) if len(self) else 0

    @property
    def end_us(self) -> int:
        """Time of the last event; 0 without events."""
        return int(self.t[-1]) if len(self) else 0

    def __getitem__(self, part: slice) -> Events:
        if not isinstance(part, slice) or part.step not in (None, 1):
            raise TypeError("Events: only slices with step 1 keep a stream in order; use .t .x .y .p for anything else")
        return Events.trusted(self.t[part], self.x[part], self.y[part], self.p[part], self.sensor)

    def __len__(self) -> int:
        return len(self.t)

    def __repr__(self) -> str:
        width, height = self.sensor
        span = f", {self.start_us}..{self.end_us} us" if len(self) else ""
        return f"Events({len(self)} events, {width}x{height}{span})"

    def _repr_html_(self) -> str:
        from neurofer.events.card import events_card

        return events_card(self)

    def __reduce__(self) -> tuple[object, ...]:
        return Events.trusted, (self.t, self.x, self.y, self.p, self.sensor)

    def _keep(self, t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_],
              sensor: tuple[int, int]) -> None:
        for name, column in (("t", t), ("x", x), ("y", y), ("p", p)):
            view = column.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        object.__setattr__(self, "sensor", sensor)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Events are read-only: {name} cannot be set; make new Events instead")


def _checked_sensor(sensor: tuple[int, int]) -> tuple[int, int]:
    width, height = (int(size) for size in sensor)
    if not (0 < width <= 65_536 and 0 < height <= 65_536):
        raise ValueError(f"Events: sensor must be (width, height) of 1..65536 pixels, got {tuple(sensor)}")
    return width, height


def _whole_numbers(column: NDArray[Any], name: str) -> NDArray[np.int64]:
    if column.dtype.kind not in "iu" and len(column):
        raise ValueError(f"Events: {name} must be whole microseconds, got {column.dtype}; "
                         "multiply seconds by 1e6 and round first")
    if column.dtype == np.uint64 and len(column) and int(column.max()) > np.iinfo(np.int64).max:
        first = int(np.argmax(column > np.uint64(np.iinfo(np.int64).max)))
        raise ValueError(f"Events: {name} of event {first} is {column[first]}, beyond 63 bits")
    return column.astype(np.int64, copy=False)


def _polarity(column: NDArray[Any]) -> NDArray[np.bool_]:
    if column.dtype == np.bool_:
        return column
    bad = ~np.isin(column, (-1, 0, 1))
    if bad.any():
        first = int(np.argmax(bad))
        raise ValueError(f"Events: polarity of event {first} is {column[first]}; need bool, 0/1 or -1/+1")
    return column > 0


def _check_order(t: NDArray[np.int64]) -> None:
    backwards = t[1:] < t[:-1]
    if backwards.any():
        first = int(np.argmax(backwards)) + 1
        raise ValueError(f"Events: time runs backwards at event {first} ({t[first - 1]} us -> {t[first]} us); "
                         "sort the events by time first, or open the file with mode='repair'")


def _check_range(column: NDArray[Any], name: str, size: int) -> None:
    if column.dtype.kind not in "iu" and len(column):
        raise ValueError(f"Events: {name} must be whole pixels, got {column.dtype}")
    outside = (column >= size) | (column < 0)
    if outside.any():
        first = int(np.argmax(outside))
        raise ValueError(f"Events: {name} of event {first} is {column[first]}, outside 0..{size - 1}; "
                         "check sensor=(width, height)")
