"""Events of a film on the disk while they are needed: a film of minutes makes more of them than memory holds."""

from __future__ import annotations

import tempfile

import numpy as np

from neurofer.events.events import Events

_ROW = np.dtype([("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "?")])


class EventTape:
    """Takes consecutive pieces of a stream and gives any stretch of it back.

    The file has no name and goes away with the tape.

    Args:
        sensor: ``(width, height)``.
    """

    def __init__(self, sensor: tuple[int, int]) -> None:
        self._sensor = sensor
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed when the tape goes
        self._ends_us: list[int] = []  # last time of each piece that has events
        self._stops = [0]  # number of events up to the end of each of them

    def add(self, piece: Events) -> None:
        """Append events that come after all before."""
        if not len(piece):
            return
        rows = np.empty(len(piece), _ROW)
        rows["t"], rows["x"], rows["y"], rows["p"] = piece.t, piece.x, piece.y, piece.p
        self._file.write(rows.data)
        self._ends_us.append(piece.end_us)
        self._stops.append(self._stops[-1] + len(piece))

    def between(self, low_us: int, high_us: int) -> Events:
        """The events with ``low_us <= t < high_us``."""
        first, last = np.searchsorted(self._ends_us, [low_us, high_us])
        start = self._stops[int(first)]
        stop = self._stops[min(int(last) + 1, len(self._stops) - 1)]
        if start >= stop:
            return Events.empty(self._sensor)
        self._file.flush()
        self._file.seek(start * _ROW.itemsize)
        rows = np.frombuffer(self._file.read((stop - start) * _ROW.itemsize), _ROW)
        self._file.seek(0, 2)
        kept = rows[(rows["t"] >= low_us) & (rows["t"] < high_us)]
        t, x, y, p = (np.ascontiguousarray(kept[name]) for name in ("t", "x", "y", "p"))
        return Events.trusted(t, x, y, p, self._sensor)
