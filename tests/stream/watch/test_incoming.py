"""What comes in, as pieces: begun anew where the stream does, and never without a count."""

from __future__ import annotations

import pytest

from neurofer.stream.watch.incoming import Incoming
from neurofer.stream.watch.source import Piece
from neurofer.stream.wire import Packet, pack, read_datagram, unpack
from trees.live_sockets import SENSOR, some_events


def packet(number: int, start_us: int, count: int = 4, sensor: tuple[int, int] = SENSOR) -> Packet:
    return read_datagram(pack(some_events(count, start_us, sensor), number))


def told(pieces: list[Piece]) -> list[tuple[list[int], int, int, str | None]]:
    return [(piece.events.t.tolist(), piece.bad_events, piece.lost_packets, piece.restart) for piece in pieces]


def test_packets_read_together_are_one_piece() -> None:
    pieces = Incoming("here", None).packets([packet(0, 0), packet(1, 10), packet(3, 20)])
    assert told(pieces) == [([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23], 0, 0, None)]


def test_the_sensor_of_an_empty_packet_is_known_and_losses_are_told_with_the_next_piece() -> None:
    incoming = Incoming("here", None)
    (piece,) = incoming.packets([packet(0, 0, 0)])
    assert (len(piece.events), piece.events.sensor) == (0, SENSOR)
    incoming.packets([packet(4, 0)])
    (piece,) = incoming.end()
    assert piece.lost_packets == 3


def test_a_restart_waits_for_events_and_keeps_the_sensor_until_then() -> None:
    incoming = Incoming("here", None)
    incoming.packets([packet(0, 5_000)])
    (empty,) = incoming.packets([packet(1, 0, 0, (64, 48))])
    assert (empty.restart, empty.events.sensor) == (None, SENSOR)
    (piece,) = incoming.packets([packet(2, 0, 4, (64, 48))])
    assert (piece.restart, piece.events.sensor) == ("the sensor is 64x48 now", (64, 48))


def test_the_first_events_begin_nothing_anew() -> None:
    incoming = Incoming("here", None)
    assert incoming.begin_anew("another sender", counted_on=False) == []
    assert incoming.packets([packet(7, 0)])[0].restart is None


def test_an_event_that_is_held_is_given_when_the_stream_ends_or_begins_anew() -> None:
    incoming = Incoming("here", None)
    assert told(incoming.packets([packet(0, 9, 1)])) == [([], 0, 0, None)]
    assert told(incoming.begin_anew("another sender", counted_on=False)) == [([9], 0, 0, None)]
    assert told(incoming.packets([packet(0, 3, 1)])) == [([], 0, 0, None)]
    assert told(incoming.end()) == [([3], 0, 0, "another sender")]


def test_a_clock_that_went_back_is_told() -> None:
    incoming = Incoming("here", None)
    pieces = incoming.packets([packet(0, 60_000_000, 2), packet(1, 0, 1_500)])
    assert [(len(piece.events), piece.bad_events, piece.restart) for piece in pieces] == [
        (2, 1_000, None), (500, 0, "the sender's clock went back by 60.0 s")]


def test_before_a_sensor_is_known_there_is_nothing_to_give() -> None:
    incoming = Incoming("here", None)
    incoming.lose()
    assert incoming.end() == []
    (piece,) = incoming.packets([packet(0, 0)])
    assert piece.lost_packets == 1


def test_columns_before_anybody_said_the_sensor_are_refused() -> None:
    with pytest.raises(ValueError, match="do not say their sensor"):
        Incoming("here", None).columns(unpack([packet(0, 0).records]))
