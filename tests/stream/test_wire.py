"""Packets: byte by byte, cut anywhere, and what is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.events.events import Events
from neurofer.stream.wire import (
    HEADER_BYTES,
    PACKET_EVENTS,
    Packet,
    PacketReader,
    WireError,
    pack,
    read_datagram,
    unpack,
)


def some_events(count: int, start_us: int = 0) -> Events:
    k = np.arange(count)
    return Events(start_us + 7 * k, k % 40, k % 30, k % 3 == 0, (40, 30))


def read_all(reader: PacketReader, pieces: list[bytes]) -> list[Packet]:
    return [packet for piece in pieces for packet in reader.feed(piece)]


def same(one: Events, columns: tuple[np.ndarray, ...]) -> bool:
    return all(np.array_equal(getattr(one, name), column) for name, column in zip("txyp", columns, strict=True))


def test_a_packet_byte_by_byte() -> None:
    packed = pack(Events([-2, 258], [1, 639], [0, 479], [True, False], (640, 480)), 3)
    assert packed.hex(" ") == (
        "4e 46 45 56 01 00 00 00 03 00 00 00 80 02 e0 01 02 00 00 00 00 00 00 00 "
        "fe ff ff ff ff ff ff ff 01 00 00 00 01 "
        "02 01 00 00 00 00 00 00 7f 02 df 01 00"
    )


def test_a_sender_without_this_package_is_read() -> None:
    header = struct.pack("<4sBBHIHHII", b"NFEV", 1, 0, 0, 9, 40, 30, 2, 0)
    records = struct.pack("<qHHB", 1_000, 39, 29, 1) + struct.pack("<qHHB", 1_001, 0, 0, 0)
    packet = read_datagram(header + records)
    assert (packet.sequence, packet.sensor) == (9, (40, 30))
    assert same(Events([1_000, 1_001], [39, 0], [29, 0], [True, False], (40, 30)), unpack([packet.records]))


def test_a_polarity_that_is_none_lies_outside_every_sensor() -> None:
    packed = bytearray(pack(some_events(2), 0))
    packed[-1] = 2
    assert unpack([read_datagram(bytes(packed)).records])[1].tolist() == [0, 65_535]


def test_every_cut_in_two_gives_the_same_packets() -> None:
    packets = [some_events(2), some_events(0), some_events(3, 50)]
    data = b"".join(pack(events, k) for k, events in enumerate(packets))
    for place in range(len(data) + 1):
        reader = PacketReader()
        found = read_all(reader, [data[:place], data[place:]])
        assert [packet.sequence for packet in found] == [0, 1, 2]
        assert all(same(events, unpack([packet.records])) for events, packet in zip(packets, found, strict=True))
        assert not reader.unfinished
        assert reader.fault is None


@given(cuts=st.lists(st.integers(0, 400), max_size=30), counts=st.lists(st.integers(0, 8), min_size=1, max_size=5),
       garbage=st.binary(max_size=40))
def test_any_cutting_gives_the_same_packets_and_the_same_fault(cuts: list[int], counts: list[int],
                                                               garbage: bytes) -> None:
    data = b"".join(pack(some_events(count), k) for k, count in enumerate(counts)) + garbage
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    whole, parts = PacketReader(), PacketReader()
    found = read_all(whole, [data])
    again = read_all(parts, [data[low:high] for low, high in zip(edges[:-1], edges[1:], strict=True)])
    assert [one._replace(records=bytes(one.records)) for one in again] == [
        one._replace(records=bytes(one.records)) for one in found]
    assert (parts.fault is None) == (whole.fault is None)
    assert parts.unfinished == whole.unfinished


def test_a_byte_at_a_time() -> None:
    reader = PacketReader()
    data = pack(some_events(20), 5) + pack(some_events(1), 6)
    assert [packet.sequence for packet in read_all(reader, [data[k : k + 1] for k in range(len(data))])] == [5, 6]


def test_garbage_is_named_with_its_place_and_what_came_before_is_kept() -> None:
    reader = PacketReader()
    found = reader.feed(pack(some_events(1), 0) + b"GET / HTTP/1.1\r\n")
    assert len(found) == 1
    assert str(reader.fault) == "byte 37: b'GET / HTTP/1.1\\r\\n' where a packet begins with b'NFEV'"
    assert reader.feed(pack(some_events(1), 1)) == []


@pytest.mark.parametrize(("field", "value", "words"), [
    (1, 2, "version 2; this neurofer reads version 1"),
    (2, 1, "flags or reserved fields"),
    (3, 1, "flags or reserved fields"),
    (8, 1, "flags or reserved fields"),
    (5, 0, "a sensor of 0x30"),
    (7, PACKET_EVENTS + 1, "announces 65537 events; at most 65536"),
    (7, (1 << 32) - 1, "announces 4294967295 events; at most 65536"),
])
def test_headers_that_are_refused(field: int, value: int, words: str) -> None:
    fields = [b"NFEV", 1, 0, 0, 0, 40, 30, 0, 0]
    fields[field] = value
    reader = PacketReader()
    assert reader.feed(struct.pack("<4sBBHIHHII", *fields)) == []
    assert words in str(reader.fault)


def test_a_sensor_whose_pictures_would_fill_memory_is_refused() -> None:
    header = struct.pack("<4sBBHIHHII", b"NFEV", 1, 0, 0, 7, 65_535, 65_535, 0, 0)
    with pytest.raises(WireError, match="65535x65535 pixels; at most 8388608 in all") as caught:
        read_datagram(header)
    assert caught.value.sequence == 7
    with pytest.raises(ValueError, match="8388608 in all"):
        pack(Events.empty((65_535, 65_535)), 0)
    assert read_datagram(pack(Events.empty((3_840, 2_160)), 0)).sensor == (3_840, 2_160)


def test_an_announced_packet_holds_no_memory_before_it_comes() -> None:
    reader = PacketReader()
    reader.feed(struct.pack("<4sBBHIHHII", b"NFEV", 1, 0, 0, 0, 40, 30, PACKET_EVENTS, 0))
    assert reader.fault is None
    assert len(reader._waiting) == HEADER_BYTES


def test_datagrams_that_are_cut_keep_their_number() -> None:
    with pytest.raises(WireError, match="announces 4 events, which need 76") as caught:
        read_datagram(pack(some_events(4), 77)[:-1])
    assert caught.value.sequence == 77
    with pytest.raises(WireError, match="shorter than the header"):
        read_datagram(b"NFEV")


def test_too_many_events_for_a_packet() -> None:
    with pytest.raises(ValueError, match="at most 65536 events"):
        pack(some_events(PACKET_EVENTS + 1), 0)
