"""Packets of events on the wire: one byte layout for TCP, UDP and a pipe; without torch.

Little-endian: a header of 24 bytes, then ``count`` records of 13 bytes. The sensor stands in every packet, so one can
be read without those before it. A packet of 0 events only says that the sender is there, and its sensor.

    header  magic "NFEV", version u8 = 1, flags u8 = 0, reserved u16 = 0, sequence u32, width u16, height u16,
            count u32, reserved u32 = 0
    record  t i64 (microseconds), x u16, y u16, p u8 (1 where it became brighter, else 0)
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.clean import Columns
from neurofer.events.events import EVENT_DTYPE, Events

MAGIC = b"NFEV"
VERSION = 1
RECORD_BYTES = 13
PACKET_EVENTS = 65_536
"""Most events of a packet."""
DATAGRAM_BYTES = 65_507
"""Most bytes of a packet over UDP."""
DATAGRAM_EVENTS = 5_000
"""Most events of a packet that our own sender makes; such a packet fits a datagram."""

MOST_PIXELS = 1 << 23
"""Of a sensor: 8 million, 3840x2160 among them; pictures of larger ones would fill memory."""

_HEADER = struct.Struct("<4sBBHIHHII")
HEADER_BYTES = _HEADER.size


class WireError(ValueError):
    """Bytes that are no packet; the message says what was found and what was wanted.

    Attributes:
        sequence: The packet's number, where that much could be read.
    """

    def __init__(self, message: str, sequence: int | None = None) -> None:
        super().__init__(message)
        self.sequence = sequence


class Packet(NamedTuple):
    """One packet, its records not yet looked at.

    Attributes:
        sequence: Its number, of one sender, counted round from 0 to 2**32 - 1.
        sensor: ``(width, height)``.
        records: ``13 * count`` bytes.
    """

    sequence: int
    sensor: tuple[int, int]
    records: bytes | memoryview


class _Header(NamedTuple):
    sequence: int
    sensor: tuple[int, int]
    events: int


def pack(events: Events, sequence: int) -> bytes:
    """A packet of these events.

    Raises:
        ValueError: more than ``PACKET_EVENTS`` events, or a sensor of more than 65,535 pixels a side or
            ``MOST_PIXELS`` in all.
    """
    width, height = events.sensor
    if len(events) > PACKET_EVENTS or max(width, height) > 65_535 or width * height > MOST_PIXELS:
        raise ValueError(f"pack: need at most {PACKET_EVENTS} events of a sensor up to 65535 pixels a side and "
                         f"{MOST_PIXELS} in all, got {len(events)} of {width}x{height}")
    records = np.empty(len(events), EVENT_DTYPE)
    for name in ("t", "x", "y", "p"):
        records[name] = getattr(events, name)
    header = _HEADER.pack(MAGIC, VERSION, 0, 0, sequence % (1 << 32), width, height, len(events), 0)
    return header + records.tobytes()


def unpack(records: Sequence[bytes | memoryview]) -> Columns:
    """The columns ``t, x, y, p`` of the records of packets, one after the other.

    A polarity other than 0 and 1 is no event: its ``x`` becomes 65,535, which lies outside every sensor.
    """
    data = np.frombuffer(records[0] if len(records) == 1 else b"".join(records), np.uint8)
    count = len(data) // RECORD_BYTES
    columns = (np.empty(count, np.int64), np.empty(count, np.uint16), np.empty(count, np.uint16),
               np.empty(count, np.bool_))
    _unpack(data, *columns)
    return columns


def read_datagram(data: bytes) -> Packet:
    """The packet that fills a datagram.

    Raises:
        WireError: the bytes are no packet, or not exactly one.
    """
    if len(data) < HEADER_BYTES:
        raise WireError(f"a datagram of {len(data)} bytes, shorter than the header of {HEADER_BYTES}")
    header = _read_header(data)
    if len(data) != HEADER_BYTES + header.events * RECORD_BYTES:
        raise WireError(f"a datagram of {len(data)} bytes that announces {header.events} events, which need "
                        f"{HEADER_BYTES + header.events * RECORD_BYTES}", header.sequence)
    return Packet(header.sequence, header.sensor, memoryview(data)[HEADER_BYTES:])


class PacketReader:
    """Packets out of a stream of bytes, however it is cut; holds at most one unfinished packet.

    Attributes:
        fault: What is wrong with the stream, once something is; nothing behind it is read.
    """

    def __init__(self) -> None:
        self.fault: WireError | None = None
        self._waiting = bytearray()
        self._needed = 1
        self._offset = 0

    @property
    def unfinished(self) -> bool:
        """Whether the bytes so far end inside a packet."""
        return bool(self._waiting)

    def feed(self, data: bytes) -> list[Packet]:
        """The packets that these bytes complete; look at ``fault`` behind it."""
        if self.fault is not None:
            return []
        self._waiting += data
        if len(self._waiting) < self._needed:
            return []
        whole, place, packets = bytes(self._waiting), 0, []
        try:
            while (size := _packet_bytes(whole, place)) <= len(whole) - place:
                header = _read_header(whole, place)
                records = memoryview(whole)[place + HEADER_BYTES : place + size]
                packets.append(Packet(header.sequence, header.sensor, records))
                place += size
            self._needed = size
        except WireError as error:
            self.fault = WireError(f"byte {self._offset + place}: {error}", error.sequence)
        self._offset += place
        self._waiting = bytearray(whole[place:])
        return packets


def _packet_bytes(data: bytes, place: int) -> int:
    """Bytes from ``place`` on that must be there before more can be said: up to the packet's end once it is known."""
    rest = len(data) - place
    if rest < HEADER_BYTES:
        found = data[place : place + len(MAGIC)]
        if found != MAGIC[: len(found)]:
            raise WireError(_no_magic(data[place : place + 16]))
        return min(rest + 1, HEADER_BYTES)
    return HEADER_BYTES + _read_header(data, place).events * RECORD_BYTES


def _read_header(data: bytes, place: int = 0) -> _Header:
    magic, version, flags, zero, sequence, width, height, count, rest = _HEADER.unpack_from(data, place)
    if magic != MAGIC:
        raise WireError(_no_magic(data[place : place + 16]))
    if version != VERSION:
        raise WireError(f"a packet of version {version}; this neurofer reads version {VERSION}")
    if flags or zero or rest:
        raise WireError("a packet whose flags or reserved fields are not 0", sequence)
    if not (width and height):
        raise WireError(f"a packet of a sensor of {width}x{height} pixels", sequence)
    if width * height > MOST_PIXELS:
        raise WireError(f"a packet of a sensor of {width}x{height} pixels; at most {MOST_PIXELS} in all are allowed",
                        sequence)
    if count > PACKET_EVENTS:
        raise WireError(f"a packet that announces {count} events; at most {PACKET_EVENTS} are allowed", sequence)
    return _Header(sequence, (width, height), count)


def _no_magic(found: bytes) -> str:
    return f"{found[:16]!r} where a packet begins with {MAGIC!r}"


@compiled
def _unpack(data: NDArray[np.uint8], t: NDArray[np.int64], x: NDArray[np.uint16], y: NDArray[np.uint16],
            p: NDArray[np.bool_]) -> None:
    for i in range(len(t)):
        at = i * 13
        time = np.int64(0)
        for k in range(8):
            time |= np.int64(data[at + k]) << (8 * k)
        t[i] = time
        x[i] = data[at + 8] | (np.uint16(data[at + 9]) << 8) if data[at + 12] <= 1 else 65_535
        y[i] = data[at + 10] | (np.uint16(data[at + 11]) << 8)
        p[i] = data[at + 12] == 1
