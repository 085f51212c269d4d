"""Files that libraries give packet by packet, such as Event Stream through faery."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, missing_extra
from neurofer.events.formats.eventcv_files import guarded
from neurofer.events.source import RawBlock, Source, checked_geometry

Packets = Iterator[NDArray[Any]]


class PacketSource(Source):
    """Packets of events, structured with fields ``t x y on``; a position is a packet's number.

    Reading forwards holds one packet; going back starts again at the first one. With ``lenient`` a packet that cannot
    be decoded ends the file, and a note says so.
    """

    def __init__(self, path: Path, format: str, sensor: tuple[int, int], packets: Callable[[], Packets]) -> None:  # noqa: A002
        super().__init__(path)
        self.format = format
        self.sensor = sensor
        self._packets = packets
        self._running = packets()
        self._next = 0
        self._ahead: NDArray[Any] | None = None

    def read(self, position: int) -> RawBlock:
        if position != self._next:
            self._running, self._next, self._ahead = self._packets(), 0, None
            while self._next < position:
                self._step()
        packet = self._step()
        note = ""
        try:
            self._ahead = guarded(self.path, lambda: next(self._running, None))
        except BadFileError as error:
            if not self.lenient:
                raise
            self._ahead, note = None, f"the file is broken behind packet {self._next - 1}: {error}"
        following = self._next if self._ahead is not None else None
        if packet is None:
            return RawBlock(np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, np.uint16),
                            np.empty(0, np.bool_), None, note=note)
        return RawBlock(np.minimum(packet["t"], np.uint64(1 << 62)).astype(np.int64), packet["x"].astype(np.uint16),
                        packet["y"].astype(np.uint16), packet["on"].astype(np.bool_), following, note=note)

    def _step(self) -> NDArray[Any] | None:
        packet = self._ahead
        if packet is None:
            packet = guarded(self.path, lambda: next(self._running, None))
        self._ahead = None
        self._next += 1
        return packet


def open_event_stream(path: Path) -> Source:
    """An Event Stream file (``.es``) of DVS events.

    Raises:
        MissingExtraError: faery is not installed.
        BadFileError: broken, or of another kind of events.
    """
    try:
        import faery
    except ImportError as error:
        raise missing_extra("Event Stream files (.es)", "io", error) from error
    decoder = guarded(path, lambda: faery.es.Decoder(str(path), 0))
    if decoder.event_type != "dvs":
        raise BadFileError(f"{path}: holds {decoder.event_type} events; need dvs events")
    width, height = checked_geometry(path, *decoder.dimensions)

    def packets() -> Packets:
        for packet in faery.es.Decoder(str(path), 0):
            packet["y"] = height - 1 - packet["y"]  # rows count upwards in this format
            yield packet

    return PacketSource(path, "es", (width, height), packets)
