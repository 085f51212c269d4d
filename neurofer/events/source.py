"""What a file format gives: raw blocks of events in file order, from any place it has named before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError

MAX_SIDE = 16_384
"""Widest and highest sensor believed; a file that declares more is broken."""

NOWHERE = 65_535
"""Coordinate that stands for one too large (or negative) for 16 bits; outside every sensor."""

BLOCK_EVENTS = 1 << 18
"""Events in a block of a format whose events can be counted from outside: 3.4 MB."""


class RawBlock(NamedTuple):
    """Events as the file says them, unchecked; the arrays are the reader's to change.

    Attributes:
        t: ``(N,)`` int64, microseconds.
        x: ``(N,)`` uint16, ``NOWHERE`` where the file's value does not fit.
        y: ``(N,)`` uint16, likewise.
        p: ``(N,)`` bool.
        following: Where the next block starts; None behind the last one.
        triggers: External-trigger words met.
        untimed: Events left out because the file had not said a time yet.
        unknown: Words of an unassigned type.
        lost: Events of a part that cannot be decoded; only with ``lenient``.
        note: Something the reader should tell, such as a broken end.
    """

    t: NDArray[np.int64]
    x: NDArray[np.uint16]
    y: NDArray[np.uint16]
    p: NDArray[np.bool_]
    following: Any
    triggers: int = 0
    untimed: int = 0
    unknown: int = 0
    lost: int = 0
    note: str = ""


class Source(ABC):
    """An open file of one format; it holds no decoding state, that travels in the position.

    Attributes:
        path: The file.
        format: Short name such as ``evt3``.
        sensor: ``(width, height)`` as the file declares it, or None.
        likely_sensor: ``(width, height)`` of the camera the file names without saying its geometry, or None.
        hint: What helps to choose the sensor size when the file is silent.
        start: Position of the first block.
        blocks: Number of blocks, for a progress bar; None when unknown.
        tail_bytes: Bytes behind the last whole word.
        triggers: External triggers known without reading the events.
        notes: Remarks for the report.
        lenient: Go on behind a part that cannot be decoded, where the format allows it, and count what is lost.
    """

    format: str
    sensor: tuple[int, int] | None = None
    likely_sensor: tuple[int, int] | None = None
    hint: str = ""
    start: Any = 0
    blocks: int | None = None
    tail_bytes: int = 0
    triggers: int = 0
    lenient: bool = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notes: list[str] = []

    @abstractmethod
    def read(self, position: Any) -> RawBlock:
        """The block at ``position``.

        Raises:
            BadFileError: it cannot be decoded.
        """

    def close(self) -> None:  # noqa: B027  not every format keeps something open
        """Give back the file."""


class TableSource(Source):
    """A source whose events are rows that can be read from any row on; positions are row numbers.

    Subclasses set ``rows`` and give ``columns(start, stop)``; times may be whole microseconds or fractional seconds,
    coordinates and polarities any number type.
    """

    rows: int
    power: int | None = None
    """Power of ten that turns a time into microseconds; None until the first block shows it."""

    @abstractmethod
    def columns(self, start: int, stop: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Columns ``t, x, y, p`` of these rows as the file has them."""

    def read(self, position: int) -> RawBlock:
        stop = min(position + BLOCK_EVENTS, self.rows)
        t, x, y, p = self.columns(position, stop)
        lengths = {len(column) for column in (t, x, y, p)}
        if lengths != {stop - position}:
            raise BadFileError(f"{self.path}: ends inside the events {position}..{stop - 1}; the file is truncated")
        if self.power is None:
            self.power = 6 if has_fractions(t) else 0
        return RawBlock(
            times_us(t, self.power, self.path, position),
            coordinates(x, self.path, position),
            coordinates(y, self.path, position),
            polarities(p, self.path, position),
            stop if stop < self.rows else None,
        )

    def count_blocks(self) -> int:
        """Number of blocks for this number of rows."""
        return -(-self.rows // BLOCK_EVENTS)


def has_fractions(t: NDArray[Any]) -> bool:
    """Whether a time of a column is not whole, so that the column counts seconds."""
    return t.dtype.kind == "f" and bool((t != np.floor(t)).any())


def times_us(t: NDArray[Any], power: int, path: Path, first: int) -> NDArray[np.int64]:
    """Times as whole microseconds: ``t * 10**power``, rounded.

    Raises:
        BadFileError: a time is no number, beyond 62 bits, or a fraction of a microsecond that should be a second.
    """
    if t.dtype.kind not in "iuf":
        raise BadFileError(f"{path}: times are {t.dtype}; need whole microseconds or fractional seconds")
    limit = 2.0**62 / 10.0 ** max(power, 0)
    bad = ~(np.abs(t) < limit) if t.dtype.kind == "f" else (t >= limit) | (t <= -limit)
    if bad.any():
        k = int(np.argmax(bad))
        raise BadFileError(f"{path}: the time of event {first + k} is {t[k]}; need microseconds or seconds "
                           "below 2^62 us")
    if t.dtype.kind == "f":
        if power == 0 and has_fractions(t):
            k = int(np.argmax(t != np.floor(t)))
            raise BadFileError(f"{path}: the time of event {first + k} is {t[k]}, but all times before were whole "
                               "microseconds; write all times in one unit")
        return np.rint(t.astype(np.float64) * 10.0**power).astype(np.int64)
    whole = t.astype(np.int64)
    if power > 0:
        whole *= 10**power
    elif power < 0:
        whole = (whole + 10**-power // 2) // 10**-power
    return whole


def coordinates(column: NDArray[Any], path: Path, first: int) -> NDArray[np.uint16]:
    """Coordinates as 16 bits, ``NOWHERE`` for those that do not fit.

    Raises:
        BadFileError: a coordinate is no whole number.
    """
    if column.dtype == np.uint16 or column.dtype == np.uint8:
        return column.astype(np.uint16)
    if column.dtype.kind == "f":
        bad = ~(column == np.floor(column))
        if bad.any():
            k = int(np.argmax(bad))
            raise BadFileError(f"{path}: a coordinate of event {first + k} is {column[k]}; need whole pixels")
    elif column.dtype.kind not in "iu":
        raise BadFileError(f"{path}: coordinates are {column.dtype}; need whole pixels")
    fits = (column >= 0) & (column < NOWHERE)
    return np.where(fits, column, NOWHERE).astype(np.uint16)


def polarities(column: NDArray[Any], path: Path, first: int) -> NDArray[np.bool_]:
    """Polarities as bool: 0 and -1 are OFF, 1 is ON.

    Raises:
        BadFileError: another value.
    """
    if column.dtype == np.bool_:
        return column.astype(np.bool_)
    if column.dtype.kind not in "iuf":
        raise BadFileError(f"{path}: polarities are {column.dtype}; need 0 and 1, or -1 and 1")
    on = column == 1
    bad = ~(on | (column == 0) | (column == -1))
    if bad.any():
        k = int(np.argmax(bad))
        raise BadFileError(f"{path}: the polarity of event {first + k} is {column[k]}; need 0 or 1, or -1 or 1")
    return np.asarray(on)


def checked_geometry(path: Path, width: int, height: int) -> tuple[int, int]:
    """A declared sensor size.

    Raises:
        BadFileError: not a size that a sensor can have.
    """
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise BadFileError(f"{path}: the header declares a sensor of {width}x{height} pixels, which no camera has "
                           f"(1..{MAX_SIDE} a side); the file is broken")
    return width, height
