"""AEDAT4, AEDAT2 and ROS bags through eventcv: the only place that imports it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.errors import BadFileError
from neurofer.events.source import BLOCK_EVENTS, NOWHERE, RawBlock, Source, checked_geometry

Result = TypeVar("Result")

SALVAGE_EVENTS = 128
"""Fewest events that are given up together when a file is broken."""

ALL_PIXELS = (NOWHERE, NOWHERE)
"""Given as the sensor so that nothing is dropped in silence; our own check counts what lies outside."""


class EventcvSource(Source):
    """Rows of eventcv's reader in file order; a position is an event's number.

    AEDAT4 and AEDAT2 are read piece by piece. A ROS bag is decoded whole by eventcv, 32 bytes an event.
    """

    def __init__(self, path: Path, format: str, suffix: str, **settings: str) -> None:  # noqa: A002
        super().__init__(path)
        self.format = format
        self._link: tempfile.TemporaryDirectory[str] | None = None
        named = path
        if path.suffix.lower() != suffix:
            self._link = tempfile.TemporaryDirectory(prefix="neurofer-")
            named = Path(self._link.name) / f"events{suffix}"
            named.symlink_to(path.resolve())
        self.sensor = checked_geometry(path, *(int(side) for side in guarded(
            path, lambda: eventcv_reader(named, **settings).sensor_size)))
        self._reader = guarded(path, lambda: eventcv_reader(named, sensor_size=ALL_PIXELS, **settings))
        self.events = int(guarded(path, lambda: self._reader.n_events))
        self.blocks = -(-self.events // BLOCK_EVENTS)

    def read(self, position: int) -> RawBlock:
        stop = min(position + BLOCK_EVENTS, self.events)
        try:
            rows, lost = self._rows(position, stop), 0
        except BadFileError:
            if not self.lenient:
                raise
            parts = list(self._salvage(position, stop))
            rows = np.concatenate([np.zeros((0, 4), np.uint64), *parts])
            lost = stop - position - len(rows)
        count = len(rows)
        t, x, y = np.empty(count, np.int64), np.empty(count, np.uint16), np.empty(count, np.uint16)
        p = np.empty(count, np.bool_)
        split_rows(np.ascontiguousarray(rows, np.uint64), t, x, y, p)
        if self.format == "aedat2" and self.sensor is not None:
            # eventcv turns the rows of this format around in the height it was given
            y -= np.uint16(NOWHERE - self.sensor[1])
        note = f"{lost} of the events {position}..{stop - 1} cannot be decoded" if lost else ""
        return RawBlock(t, x, y, p, stop if stop < self.events else None, lost=lost, note=note)

    def _rows(self, start: int, stop: int) -> NDArray[np.uint64]:
        rows: NDArray[np.uint64] = guarded(self.path, lambda: self._reader.slice_count(start, stop).numpy())
        if len(rows) != stop - start:
            raise BadFileError(f"{self.path}: gives {len(rows)} events where {stop - start} are declared, from event "
                               f"{start} on; the file is cut or broken")
        return rows

    def _salvage(self, start: int, stop: int) -> Iterator[NDArray[np.uint64]]:
        """The rows that can be decoded: halves of what cannot, down to ``SALVAGE_EVENTS``."""
        middle = (start + stop) // 2
        for low, high in ((start, middle), (middle, stop)):
            try:
                yield self._rows(low, high)
            except BadFileError:
                if high - low > SALVAGE_EVENTS:
                    yield from self._salvage(low, high)

    def close(self) -> None:
        self._reader = None
        if self._link is not None:
            self._link.cleanup()


def eventcv_reader(path: Path, **settings: Any) -> Any:
    """eventcv's lazy reader of a file; the one door to eventcv."""
    import eventcv

    return eventcv.open(str(path), **settings)


def bag_topic(path: Path) -> str:
    """The topic of a ROS bag that carries events.

    Raises:
        BadFileError: there is none.
    """
    import eventcv

    topics = guarded(path, lambda: eventcv.bag_topics(str(path)))
    for topic, kind in topics:
        if kind.endswith("/EventArray"):
            return str(topic)
    named = ", ".join(topic for topic, _ in topics) or "none"
    raise BadFileError(f"{path}: has no topic of type EventArray, but {named}")


def guarded(path: Path, call: Callable[[], Result], what: str = "decoded",
            keep: tuple[type[BaseException], ...] = ()) -> Result:
    """The result of a call into compiled code, with its failures, panics too, as a sentence.

    Raises:
        BadFileError: the call failed; the message says that the file cannot be ``what``. Errors named in ``keep``
            come through as they are.
    """
    try:
        return call()
    except (KeyboardInterrupt, SystemExit, GeneratorExit, BadFileError):
        raise
    except BaseException as error:  # noqa: BLE001  a panic in Rust derives from BaseException alone
        if isinstance(error, keep):
            raise
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise BadFileError(f"{path}: cannot be {what} ({reason})") from error


@compiled
def split_rows(rows: NDArray[np.uint64], t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16],
               p: NDArray[np.bool_]) -> None:
    """The columns of ``(N, 4)`` rows ``x, y, t, p``."""
    for i in range(min(len(rows), len(t))):
        x[i] = min(rows[i, 0], np.uint64(65_535))
        y[i] = min(rows[i, 1], np.uint64(65_535))
        t[i] = min(rows[i, 2], np.uint64(1 << 62))
        p[i] = rows[i, 3] != 0
