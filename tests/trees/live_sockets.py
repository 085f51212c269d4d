"""What tests of live sources share: free ports, a source read in a thread, sums of what it gave."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import numpy as np

from neurofer.errors import NeuroferError
from neurofer.events.events import Events
from neurofer.stream.watch.open_source import open_source
from neurofer.stream.watch.source import EventSource, Piece

PATIENCE_S = 60.0
SENSOR = (40, 30)


def some_events(count: int, start_us: int = 0, sensor: tuple[int, int] = SENSOR) -> Events:
    k = np.arange(count)
    return Events(start_us + k, k % 30, k % 20, k % 3 == 0, sensor)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def waiting(way: str, sensor: tuple[int, int] | None = None) -> tuple[EventSource, int]:
    """A source that waits at a port that was free, and the port, although others take ports meanwhile."""
    for _ in range(20):
        port = free_port(socket.SOCK_DGRAM if way == "udp" else socket.SOCK_STREAM)
        with contextlib.suppress(NeuroferError):
            return open_source(f"{way}://:{port}", sensor=sensor), port
    raise AssertionError("no port is free")


def wait_for(true: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.005)


class Reading:
    """A source that a thread reads; what it gave so far."""

    def __init__(self, source: EventSource) -> None:
        self.source = source
        self.pieces: list[Piece] = []
        self.error: Exception | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def _read(self) -> None:
        try:
            for piece in self.source.pieces(self._stop):
                self.pieces.append(piece)
        except Exception as error:  # noqa: BLE001  the test looks at it
            self.error = error

    def __enter__(self) -> Reading:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self.source.close()

    def end(self) -> None:
        """Stop, and check that it does."""
        self._stop.set()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def join(self) -> None:
        """Wait until the source ends by itself."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    @property
    def kept(self) -> int:
        return sum(len(piece.events) for piece in list(self.pieces))

    @property
    def bad(self) -> int:
        return sum(piece.bad_events for piece in list(self.pieces))

    @property
    def lost(self) -> int:
        return sum(piece.lost_packets for piece in list(self.pieces))

    @property
    def restarts(self) -> list[str]:
        return [piece.restart for piece in list(self.pieces) if piece.restart is not None]

    def times(self) -> list[int]:
        return [time for piece in list(self.pieces) for time in piece.events.t.tolist()]

    def check_order(self) -> None:
        """Each piece goes on where the one before it ended, with its sensor, unless it begins anew."""
        newest, sensor = -(1 << 62), None
        for piece in self.pieces:
            if piece.restart is None and sensor is not None:
                assert piece.events.sensor == sensor
            if len(piece.events):
                assert piece.restart is not None or piece.events.start_us >= newest
                newest = piece.events.end_us
            sensor = piece.events.sensor
