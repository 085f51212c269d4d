"""Events from standard input: packets back to back, or lines of text; the first bytes say which."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from threading import Event
from typing import BinaryIO

from neurofer.errors import NeuroferError, UsageError
from neurofer.stream.watch.incoming import Incoming
from neurofer.stream.watch.source import BEAT_S, Piece
from neurofer.stream.watch.text_lines import LineReader
from neurofer.stream.wire import MAGIC, PacketReader

READ_BYTES = 1 << 18


class PipeSource:
    """A pipe or a file that is read as it fills; ends where it ends.

    Args:
        pipe: Such as ``sys.stdin.buffer``; nothing may have been read from it.
        sensor: Needed for text, which does not say it.

    Raises:
        UsageError: the pipe is a terminal.
    """

    name = "standard input"

    def __init__(self, pipe: BinaryIO, sensor: tuple[int, int] | None) -> None:
        if pipe.isatty():
            raise UsageError("-: standard input is a terminal; pipe events into it: neurofer send face.raw - | ...")
        self._number = pipe.fileno()
        self._sensor = sensor
        self._incoming = Incoming("standard input", sensor)
        self._packets: PacketReader | None = None
        self._lines: LineReader | None = None
        self._first = b""

    def pieces(self, stop: Event) -> Iterator[Piece]:
        """See ``EventSource``; ``stop`` is looked at between reads, which wait only where the system cannot tell."""
        ended = False
        while not (ended or stop.is_set()):
            data = self._read()
            if data is not None:
                ended = not data
                yield from self._take(data, ended)
            yield from self._incoming.beat()
        yield from self._incoming.end()

    def close(self) -> None:
        """Standard input stays open; others may read on."""

    def _read(self) -> bytes | None:
        """What has come; None if nothing came in time, nothing at the end."""
        try:
            if not select.select([self._number], [], [], BEAT_S)[0]:
                return None
        except OSError:
            pass  # not something the system can wait for: the read may block
        return os.read(self._number, READ_BYTES)

    def _take(self, data: bytes, ended: bool) -> Iterator[Piece]:
        if self._packets is None and self._lines is None:
            self._first += data
            data = self._first
            if len(data) < len(MAGIC) and MAGIC.startswith(data) and not ended:
                return
            if not data:
                raise NeuroferError("standard input ended before anything came; check the command that sends")
            if data.startswith(MAGIC):
                self._packets = PacketReader()
            else:
                self._check_text(data)
                self._lines = LineReader()
        if self._packets is not None:
            yield from self._take_packets(self._packets, data, ended)
        elif self._lines is not None:
            columns = self._lines.feed(data, final=ended)
            if len(columns[0]):
                yield from self._incoming.columns(columns)
            if self._lines.fault is not None:
                raise NeuroferError(f"standard input: {self._lines.fault}; need one event a line, t,x,y,p")

    def _take_packets(self, reader: PacketReader, data: bytes, ended: bool) -> Iterator[Piece]:
        yield from self._incoming.packets(reader.feed(data))
        if reader.fault is not None:
            raise NeuroferError(f"standard input: {reader.fault}; packets must follow one another without a gap")
        if ended and reader.unfinished:
            self._incoming.lose()

    def _check_text(self, data: bytes) -> None:
        if any(byte < 32 and byte not in b"\t\r\n" for byte in data[:64]):
            raise NeuroferError(f"standard input: byte 0: {data[:16]!r} is neither text nor a packet, which begins "
                                f"with {MAGIC!r}; send a recording with neurofer send")
        if self._sensor is None:
            raise UsageError("standard input: lines of text do not say the sensor; add --sensor WIDTHxHEIGHT")
