"""A recording sent live: what the packets hold, when they go, and where."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from neurofer.cli.send import parse_speed, register
from neurofer.errors import NeuroferError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.events.writing import write_recording
from neurofer.stream import send as sending
from neurofer.stream.send import cut_packets, send
from neurofer.stream.watch.open_source import open_source
from neurofer.stream.wire import DATAGRAM_EVENTS, HEADER_BYTES, Packet, PacketReader, read_datagram, unpack
from trees.live_sockets import Reading, free_port, some_events, wait_for, waiting

COMMAND = "import typer; from neurofer.cli.send import register; app = typer.Typer(); register(app); app()"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Events]:
    generator = np.random.default_rng(3)
    t = np.sort(generator.integers(1_000, 61_000, 20_000))
    events = Events(t, generator.integers(0, 40, 20_000), generator.integers(0, 30, 20_000),
                    generator.random(20_000) < 0.5, (40, 30))
    path = tmp_path_factory.mktemp("send") / "face.store"
    write_recording(path, MemoryRecording(events))
    return path, events


def command(*words: object) -> tuple[int, str]:
    app = typer.Typer()
    register(app)
    result = CliRunner().invoke(app, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stderr


def packets_of(data: bytes) -> list[Packet]:
    reader = PacketReader()
    packets = reader.feed(data)
    assert reader.fault is None
    assert not reader.unfinished
    return packets


def same(events: Events, packets: list[Packet]) -> bool:
    columns = unpack([packet.records for packet in packets])
    return all(np.array_equal(getattr(events, name), found) for name, found in zip("txyp", columns, strict=True))


def test_packets_end_at_milliseconds_and_at_5000_events() -> None:
    t = [0] * (DATAGRAM_EVENTS + 1) + [999, 1_000, 3_500]
    events = Events(t, [1] * len(t), [1] * len(t), [1] * len(t), (40, 30))
    parts = list(cut_packets([events, Events.empty((40, 30))]))
    assert [(part.start_us, len(part)) for part in parts] == [(0, DATAGRAM_EVENTS), (0, 2), (1_000, 1), (3_500, 1)]
    assert [len(part) for part in cut_packets([events], np.inf)] == [DATAGRAM_EVENTS, 4]


def test_packets_are_paced_by_the_recordings_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now, out = [100.0], []
    monkeypatch.setattr(sending.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(sending.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    events = Events([7_000, 7_500, 8_000, 707_000], [1] * 4, [1] * 4, [1] * 4, (40, 30))
    sent = send(MemoryRecording(events), lambda data: out.append((now[0], read_datagram(data))), speed=2.0)
    told = [(round((moment - 100) * 1e3, 3), len(packet.records) // 13) for moment, packet in out]
    assert told == [(0, 0), (0.25, 2), (0.5, 1), (250.5, 0), (350, 1)]
    assert [packet.sequence for _, packet in out] == [0, 1, 2, 3, 4]
    assert (sent.events, sent.packets) == (4, 5)
    assert sent.seconds == pytest.approx(0.35, abs=1e-9)  # sums of floating-point seconds


def test_a_loop_is_one_long_stream() -> None:
    out: list[Packet] = []

    def deliver(data: bytes) -> None:
        out.append(read_datagram(data))
        if len(out) == 4:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        send(MemoryRecording(some_events(3, 500)), deliver, speed=np.inf, loop=True)
    assert [unpack([packet.records])[0].tolist() for packet in out] == [
        [], [500, 501, 502], [1_502, 1_503, 1_504], [2_504, 2_505, 2_506]]


def test_nothing_to_send() -> None:
    with pytest.raises(NeuroferError, match="holds no events"):
        send(MemoryRecording(Events.empty((4, 4))), lambda data: None, loop=True)


@pytest.mark.parametrize(("text", "speed"), [("1.0", 1.0), ("0.25", 0.25), ("max", np.inf)])
def test_speeds(text: str, speed: float) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan", "inf"])
def test_no_speeds(text: str) -> None:
    with pytest.raises(UsageError, match="--speed: need a number above 0 or max"):
        parse_speed(text)


def test_to_standard_output(stored: tuple[Path, Events]) -> None:
    path, events = stored
    done = subprocess.run([sys.executable, "-c", COMMAND, path, "-", "--speed", "max"], capture_output=True, check=True)
    packets = packets_of(done.stdout)
    assert same(events, packets)
    assert [packet.sequence for packet in packets] == list(range(5))
    assert done.stderr.decode().startswith("-: 20,000 events in ")


def test_a_reader_that_goes_away_ends_it_quietly(stored: tuple[Path, Events]) -> None:
    words = [sys.executable, "-c", COMMAND, stored[0], "-", "--loop", "--speed", "max"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert len(running.stdout.read(HEADER_BYTES)) == HEADER_BYTES
        running.stdout.close()
        told = running.stderr.read().decode()
        assert running.wait(20) == 0
    assert told.splitlines()[0] == "-: the receiver went away"
    assert "Traceback" not in told


def test_to_a_waiting_receiver(stored: tuple[Path, Events]) -> None:
    path, events = stored
    source, port = waiting("tcp-listen")
    with Reading(source) as reading:
        code, told = command(path, f"tcp://127.0.0.1:{port}")
        wait_for(lambda: reading.kept == len(events))
    assert code == 0
    assert told.startswith(f"tcp://127.0.0.1:{port}: 20,000 events in ")
    assert reading.times() == events.t.tolist()
    reading.check_order()


def test_to_a_receiver_that_connects(stored: tuple[Path, Events]) -> None:
    path, events = stored
    port = free_port()
    with Reading(open_source(f"tcp://127.0.0.1:{port}")) as reading:
        code, told = command(path, f"tcp-listen://:{port}", "--speed", "max")
        wait_for(lambda: reading.kept == len(events))
    assert code == 0
    assert any(line.endswith("waiting for a receiver") for line in told.splitlines())  # the source may warn, too


def test_over_udp(stored: tuple[Path, Events]) -> None:
    path, events = stored
    source, port = waiting("udp")
    with Reading(source) as reading:
        # Slowly, so that a busy machine has room for what waits.
        assert command(path, f"udp://127.0.0.1:{port}", "--speed", "0.2")[0] == 0
        wait_for(lambda: reading.kept == len(events) or reading.lost)
        reading.end()
    assert reading.kept == len(events) or reading.lost > 0
    assert reading.restarts == []


def test_a_connection_that_is_closed_ends_it_quietly(stored: tuple[Path, Events]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        hanging_up = threading.Thread(target=lambda: door.accept()[0].close())
        hanging_up.start()
        code, told = command(stored[0], f"tcp://127.0.0.1:{door.getsockname()[1]}", "--loop")
        hanging_up.join()
    assert code == 0
    assert "the receiver went away" in told


def test_nobody_takes_it(stored: tuple[Path, Events]) -> None:
    with pytest.raises(NeuroferError, match="nobody takes events there .* start a receiver before"):
        command(stored[0], f"tcp://127.0.0.1:{free_port()}")


def test_a_server_for_other_machines_needs_leave(stored: tuple[Path, Events]) -> None:
    with pytest.raises(UsageError, match="--allow-remote"):
        command(stored[0], "tcp-listen://0.0.0.0:7777")


def test_numbers_go_on_over_packets_of_silence() -> None:
    out: list[Packet] = []
    events = Events.concatenate([some_events(2, 0), some_events(2, 600_000)])
    send(MemoryRecording(events), lambda data: out.append(read_datagram(data)), speed=1.0)
    assert [packet.sequence for packet in out] == list(range(len(out)))
    assert [len(packet.records) // 13 for packet in out] == [0, 2, *itertools.repeat(0, len(out) - 3), 2]
