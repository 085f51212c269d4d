"""Live events over UDP, on real sockets of this machine."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from neurofer.stream.watch import udp
from neurofer.stream.watch.source import EventSource
from neurofer.stream.wire import DATAGRAM_BYTES, DATAGRAM_EVENTS, pack
from trees.live_sockets import Reading, some_events, wait_for, waiting


class Sender:
    """A socket that sends to one port."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._place = ("127.0.0.1", port)

    def send(self, *datagrams: bytes) -> None:
        for data in datagrams:
            self.socket.sendto(data, self._place)


@pytest.fixture
def place() -> tuple[EventSource, int]:
    """A source, and its port."""
    return waiting("udp")


@pytest.fixture
def reading(place: tuple[EventSource, int]) -> Iterator[Reading]:
    with Reading(place[0]) as found:
        yield found
    found.check_order()
    assert found.error is None


@pytest.fixture
def sender(place: tuple[EventSource, int]) -> Iterator[Sender]:
    found = Sender(place[1])
    with found.socket:
        yield found


def packet(number: int) -> bytes:
    return pack(some_events(10, 100 * number), number)


def test_the_largest_packet_of_our_sender_fits_a_datagram(reading: Reading, sender: Sender) -> None:
    data = pack(some_events(DATAGRAM_EVENTS), 0)
    assert len(data) <= DATAGRAM_BYTES
    sender.send(data)
    wait_for(lambda: reading.kept == DATAGRAM_EVENTS)


def test_missing_reordered_and_doubled_datagrams(place: tuple[EventSource, int], sender: Sender) -> None:
    sender.send(packet(0), packet(1), packet(3), packet(3), packet(6), packet(5), packet(7))
    with Reading(place[0]) as reading:
        wait_for(lambda: reading.kept + reading.bad == 60 and reading.lost)
        reading.end()
    assert reading.lost == 2  # 2 and 4
    assert reading.bad == 10  # 5 came behind 6, whose events are newer
    assert reading.kept == 50
    assert reading.restarts == []


def test_garbage_is_counted_and_told_once(reading: Reading, sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    sender.send(packet(0), b"hello", b"", b"NFEV" + b"\xff" * 40, packet(1))
    wait_for(lambda: reading.kept == 20)
    reading.end()
    assert reading.lost == 3
    assert caplog.text.count("left out, as others like it will be") == 1


def test_a_cut_datagram_is_lost_once_though_all_are_read_together(place: tuple[EventSource, int],
                                                                  sender: Sender) -> None:
    sender.send(packet(0), packet(1)[:-1], packet(2))
    with Reading(place[0]) as reading:
        wait_for(lambda: reading.kept == 20)
        reading.end()
    assert (reading.lost, reading.bad, reading.restarts) == (1, 0, [])


def test_numbers_wrap(reading: Reading, sender: Sender) -> None:
    top = (1 << 32) - 1
    sender.send(pack(some_events(10), top - 1), pack(some_events(10, 100), top), pack(some_events(10, 200), 1))
    wait_for(lambda: reading.kept == 30)
    reading.end()
    assert reading.lost == 1


def test_a_second_sender_is_not_heard_until_the_first_is_silent(
    reading: Reading, sender: Sender, place: tuple[EventSource, int], caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "SILENCE_S", 60.0)
    sender.send(packet(5))
    wait_for(lambda: reading.kept == 10)
    other = Sender(place[1])
    with other.socket:
        other.send(packet(0))
        wait_for(lambda: reading.lost == 1)
        assert "a second sender" in caplog.text
        monkeypatch.setattr(udp, "SILENCE_S", 0.0)
        other.send(packet(1))
        wait_for(lambda: reading.kept == 20)
    assert [restart.split(":")[0] for restart in reading.restarts] == ["another sender, 127.0.0.1"]
    assert reading.lost == 1


def test_a_sender_that_counts_anew(reading: Reading, sender: Sender) -> None:
    sender.send(pack(some_events(10, 900), 1_000_000), packet(0))
    wait_for(lambda: reading.kept == 20)
    assert reading.restarts == ["the sender counts its packets anew"]


def test_another_sensor(reading: Reading, sender: Sender) -> None:
    sender.send(packet(0), pack(some_events(10, 0, (64, 48)), 1))
    wait_for(lambda: reading.kept == 20)
    assert reading.restarts == ["the sensor is 64x48 now"]


def test_a_burst_adds_up(reading: Reading, sender: Sender) -> None:
    count, packets = 1_000, 400
    sender.send(*(pack(some_events(count, count * k), k) for k in range(packets)))
    for _ in range(10):  # so that losses at the end are seen, although this one may be lost, too
        sender.send(pack(some_events(0), packets))
        time.sleep(0.1)
    wait_for(lambda: reading.kept + reading.bad + count * reading.lost >= count * packets - 1)
    reading.end()
    assert reading.kept + reading.bad + count * reading.lost == count * packets


def test_nobody_sends(reading: Reading) -> None:
    reading.end()
    assert reading.pieces == []
