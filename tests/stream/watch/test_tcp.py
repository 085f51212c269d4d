"""Live events over TCP, on real sockets of this machine."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest

from neurofer.errors import NeuroferError
from neurofer.events.events import Events
from neurofer.stream.watch.open_source import open_source
from neurofer.stream.wire import pack
from trees.live_sockets import SENSOR, Reading, free_port, some_events, wait_for, waiting


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def listening(sensor: tuple[int, int] | None = None) -> tuple[Reading, int]:
    source, port = waiting("tcp-listen", sensor)
    return Reading(source), port


def serve() -> tuple[socket.socket, str]:
    door = socket.create_server(("127.0.0.1", 0))
    door.settimeout(10)
    return door, f"tcp://127.0.0.1:{door.getsockname()[1]}"


def test_events_arrive_as_they_were_sent() -> None:
    reading, port = listening()
    with reading, connect(port) as sender:
        for k in range(5):
            sender.sendall(pack(some_events(100, 1_000 * k), k))
        wait_for(lambda: reading.kept == 500)
        assert reading.times() == [1_000 * k + i for k in range(5) for i in range(100)]
        assert (reading.bad, reading.lost, reading.restarts) == (0, 0, [])
        assert all(piece.events.sensor == SENSOR for piece in reading.pieces)


def test_a_byte_at_a_time() -> None:
    reading, port = listening()
    data = pack(some_events(6), 0) + pack(some_events(5, 50), 1)
    with reading, connect(port) as sender:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for k in range(len(data)):
            sender.sendall(data[k : k + 1])
        wait_for(lambda: reading.kept == 11)
    reading.check_order()


def test_a_sender_that_says_nothing_does_not_hold_up_the_end() -> None:
    reading, port = listening()
    with reading, connect(port):
        reading.end()
    assert reading.pieces == []


def test_half_a_packet_does_not_hold_up_beats_nor_the_end() -> None:
    reading, port = listening()
    with reading, connect(port) as sender:
        sender.sendall(pack(some_events(10), 0) + pack(some_events(10, 100), 1)[:50])
        wait_for(lambda: len(reading.pieces) > 3)
        reading.end()
        assert reading.kept == 10


def test_nobody_there() -> None:
    reading, _ = listening()
    with reading:
        reading.end()
    assert reading.pieces == []
    assert reading.error is None


def test_cut_in_the_middle_of_a_packet_and_the_next_sender() -> None:
    reading, port = listening()
    with reading:
        with connect(port) as first:
            first.sendall(pack(some_events(10, 5_000), 0) + pack(some_events(10, 5_100), 1)[:50])
            wait_for(lambda: reading.kept == 10)
        wait_for(lambda: reading.lost == 1)
        with connect(port) as second:
            second.sendall(pack(some_events(7, 20), 0))
            wait_for(lambda: reading.kept == 17)
        (restart,) = reading.restarts
        assert restart.startswith("another sender, 127.0.0.1:")
        assert reading.times()[-7:] == list(range(20, 27))
    reading.check_order()


def test_a_second_sender_is_sent_away(caplog: pytest.LogCaptureFixture) -> None:
    reading, port = listening()
    with reading, connect(port) as first:
        first.sendall(pack(some_events(5), 0))
        wait_for(lambda: reading.kept == 5)
        with connect(port) as second:
            assert second.recv(1) == b""
        first.sendall(pack(some_events(5, 100), 1))
        wait_for(lambda: reading.kept == 10)
        assert reading.restarts == []
    assert "was sent away; one is there already" in caplog.text


def test_garbage_sends_its_sender_away_and_the_next_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    reading, port = listening()
    with reading:
        with connect(port) as sender:
            sender.sendall(pack(some_events(5), 0) + b"GET / HTTP/1.1\r\n\r\n")
            wait_for(lambda: "sent away" in caplog.text)
        with connect(port) as sender:
            sender.sendall(pack(some_events(5), 0))
            wait_for(lambda: reading.kept == 10)
    assert "byte 89: b'GET / HTTP/1.1\\r\\n' where a packet begins with b'NFEV'" in caplog.text


def test_another_sensor_begins_the_stream_anew() -> None:
    reading, port = listening()
    with reading, connect(port) as sender:
        sender.sendall(pack(some_events(5, 100), 0) + pack(some_events(5, 0, (640, 480)), 1))
        wait_for(lambda: reading.kept == 10)
        assert reading.restarts == ["the sensor is 640x480 now"]
    reading.check_order()


def test_another_sensor_than_the_one_named_is_an_error() -> None:
    reading, port = listening((640, 480))
    with reading, connect(port) as sender:
        sender.sendall(pack(some_events(5), 0))
        reading.join()
    assert isinstance(reading.error, NeuroferError)
    assert "are of a 40x30 sensor, but --sensor says 640x480" in str(reading.error)


def test_a_server_that_goes_away_is_connected_to_again() -> None:
    door, text = serve()
    with door, Reading(open_source(text)) as reading:
        with door.accept()[0] as first:
            first.sendall(pack(some_events(5, 700), 3))
            wait_for(lambda: reading.kept == 5)
        with door.accept()[0] as second:
            second.sendall(pack(some_events(0), 0))
            second.sendall(pack(some_events(5), 1))
            wait_for(lambda: reading.kept == 10)
        assert reading.lost == 0
        assert len(reading.restarts) == 1
        assert reading.restarts[0].startswith("connected again after ")
    reading.check_order()


def test_a_server_that_is_not_there_yet_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with Reading(open_source(f"tcp://127.0.0.1:{port}")) as reading:
        wait_for(lambda: "trying again" in caplog.text)
        with socket.create_server(("127.0.0.1", port)) as door:
            with door.accept()[0] as connection:
                connection.sendall(pack(some_events(5), 0))
                wait_for(lambda: reading.kept == 5)
            reading.end()
        assert reading.restarts == []


def test_a_server_that_sends_garbage_ends_the_stream() -> None:
    door, text = serve()
    with door, Reading(open_source(text)) as reading, door.accept()[0] as connection:
        connection.sendall(pack(some_events(5), 0) + b"220 mail ready\r\n")
        reading.join()
        assert reading.kept == 5
        assert isinstance(reading.error, NeuroferError)
        assert f"{text}: byte 89: b'220 mail ready" in str(reading.error)


def test_a_burst_adds_up() -> None:
    reading, port = listening()
    generator = np.random.default_rng(5)
    count, packets = 5_000, 200
    sent = 0
    with reading, connect(port) as sender:

        def send() -> None:
            nonlocal sent
            for k in range(packets):
                t = 250 * k + np.sort(generator.integers(0, 250, count))
                wrong = generator.random(count) < 0.01
                x = generator.integers(0, 42, count).astype(np.uint16)
                events = Events.trusted(np.where(wrong, t - 1_000, t), x, np.zeros(count, np.uint16),
                                        np.ones(count, np.bool_), SENSOR)
                sender.sendall(pack(events, k))
                sent += count

        thread = threading.Thread(target=send)
        thread.start()
        wait_for(lambda: reading.kept + reading.bad + 1 >= count * packets)
        thread.join()
        reading.end()
    assert reading.kept + reading.bad == sent == count * packets
    assert reading.bad > 0.05 * sent
    assert reading.lost == 0
    reading.check_order()


def test_a_server_that_lets_in_and_says_nothing_is_asked_ever_more_rarely_and_told_of_once(
        caplog: pytest.LogCaptureFixture) -> None:
    door, address = serve()
    with door, Reading(open_source(address)) as reading:
        for _ in range(3):
            door.accept()[0].close()
        reading.end()
    assert [record.getMessage() for record in caplog.records] == [f"{address}: connection lost; trying again"]
