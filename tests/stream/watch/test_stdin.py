"""Live events from a pipe: packets, lines of text, and what is neither."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.errors import NeuroferError, UsageError
from neurofer.stream.watch.stdin import PipeSource
from neurofer.stream.watch.text_lines import LineReader
from neurofer.stream.wire import pack
from trees.live_sockets import Reading, some_events, wait_for

TEXT = b"# made by hand\nt,x,y,p\n10,1,2,1\n\n11,3,4,0\r\n# pause\n12,5,6,-1\n13,39,29,1"


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    out, into = os.pipe()
    with os.fdopen(out, "rb", buffering=0) as reader, os.fdopen(into, "wb", buffering=0) as writer:
        yield reader, writer


Pipe = tuple[BinaryIO, BinaryIO]


def test_packets_a_few_bytes_at_a_time(pipe: Pipe) -> None:
    with Reading(PipeSource(pipe[0], None)) as reading:
        data = pack(some_events(6), 0) + pack(some_events(6, 100), 1)
        for k in range(0, len(data), 3):
            pipe[1].write(data[k : k + 3])
        pipe[1].close()
        reading.join()
    assert reading.times() == [*range(6), *range(100, 106)]
    assert reading.error is None


def test_lines_a_few_bytes_at_a_time_and_the_last_without_an_end(pipe: Pipe) -> None:
    with Reading(PipeSource(pipe[0], (40, 30))) as reading:
        for k in range(0, len(TEXT), 3):
            pipe[1].write(TEXT[k : k + 3])
        pipe[1].close()
        reading.join()
    assert reading.error is None
    assert reading.times() == [10, 11, 12, 13]
    assert [time for piece in reading.pieces for time in piece.events.p.tolist()] == [True, False, False, True]


def test_it_ends_when_told_though_the_pipe_is_open(pipe: Pipe) -> None:
    with Reading(PipeSource(pipe[0], None)) as reading:
        pipe[1].write(pack(some_events(6), 0)[:40])
        reading.end()
    assert reading.error is None


def test_beats_come_in_silence(pipe: Pipe) -> None:
    with Reading(PipeSource(pipe[0], None)) as reading:
        pipe[1].write(pack(some_events(6), 0))
        wait_for(lambda: len(reading.pieces) >= 3)
        assert [len(piece.events) for piece in reading.pieces[:3]] == [6, 0, 0]


def test_an_end_inside_a_packet_is_a_lost_packet(pipe: Pipe) -> None:
    with Reading(PipeSource(pipe[0], None)) as reading:
        pipe[1].write(pack(some_events(6), 0) + pack(some_events(6, 100), 1)[:-1])
        pipe[1].close()
        reading.join()
    assert (reading.kept, reading.lost) == (6, 1)


@pytest.mark.parametrize(("data", "sensor", "words"), [
    (pack(some_events(1), 0) + b"XYZ", None, "byte 37: b'XYZ' where a packet begins with b'NFEV'"),
    (b"", None, "ended before anything came"),
    (b"\x00\x01\x02\x03", None, "is neither text nor a packet"),
    (b"1,2,3,1\n", None, "lines of text do not say the sensor; add --sensor"),
    (b"NFE", None, "lines of text do not say the sensor"),
    (b"1,2,3,1\n2,2,3,1\n3,2,3\n", (40, 30), "line 3 does not have 4 columns; need one event a line, t,x,y,p"),
    (b"# a\n\n1,2,3,1\n2,2,3,7\n", (40, 30), "line 4 has a polarity"),
    (b"hello world\n", (40, 30), "line 1 is 'hello world'"),
    (b"1,2,3,1\nx\n", (40, 30), "line 2 holds something that is no number"),
])
def test_refused(pipe: Pipe, data: bytes, sensor: tuple[int, int] | None, words: str) -> None:
    with Reading(PipeSource(pipe[0], sensor)) as reading:
        pipe[1].write(data)
        pipe[1].close()
        reading.join()
    assert isinstance(reading.error, NeuroferError)
    assert words in str(reading.error)


def test_a_terminal_is_no_pipe() -> None:
    ours, theirs = os.openpty()
    with os.fdopen(theirs, "rb", buffering=0) as terminal, pytest.raises(UsageError, match="is a terminal"):
        PipeSource(terminal, None)
    os.close(ours)


@given(st.lists(st.integers(0, len(TEXT)), max_size=8))
def test_any_cutting_of_lines_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TEXT)]
    reader, times = LineReader(), []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        times += reader.feed(TEXT[low:high])[0].tolist()
    times += reader.feed(b"", final=True)[0].tolist()
    assert reader.fault is None
    assert times == [10, 11, 12, 13]


@pytest.mark.parametrize(("text", "times"), [
    (b"0.000010 1 2 1\n0.000012 1 2 1\n", [10, 12]),
    (b"x y p t[ms]\n1 2 1 3\n", [3_000]),
    (b"\xef\xbb\xbf5;1;2;0\n", [5]),
    (b"5 1 2 0\n6 1 2 0\n", [5, 6]),
])
def test_units_and_orders(text: bytes, times: list[int]) -> None:
    reader = LineReader()
    t, x, y, _ = reader.feed(text)
    assert reader.fault is None
    assert t.tolist() == times
    assert (x[0], y[0]) == (1, 2)


def test_a_line_without_an_end() -> None:
    reader = LineReader()
    reader.feed(b"1,2,3,1\n" + b"1" * 5_000)
    assert reader.fault == "line 2 is longer than 4096 bytes"
