"""Messages, the ring of decisions, commands: by hand, both ways, and what is refused."""

from __future__ import annotations

import json
import math
import struct

import pytest

from neurofer.errors import UsageError
from neurofer.stream.web.commands import read_command
from neurofer.stream.web.history import History
from neurofer.stream.web.messages import Part, decision_row, facts_row, pack, unpack
from trees.running_stream import CLASSES, RunningStream


def test_a_message_by_hand() -> None:
    text = b'{"kind":"shown","parts":[{"name":"event","bytes":2}]}'
    message = pack({"kind": "shown"}, [Part({"name": "event"}, b"ab")])
    assert message == struct.pack("<I", len(text)) + text + b"ab"


def test_what_is_packed_comes_out_again() -> None:
    parts = [Part({"name": "event"}, b"\x00\xff"), Part({"name": "raster", "layer": "conv1"}, b"123")]
    header, found = unpack(pack({"n": 3}, parts))
    assert (header["n"], found) == (3, {"event": b"\x00\xff", "raster/conv1": b"123"})


def test_a_decision_row_has_null_where_a_time_is_not_a_number() -> None:
    shown = RunningStream(first=40).window()
    decision = shown.decision._replace(latency_ms=math.nan, evidence_ms=100.0, queue_ms=0.25,
                                       label="fear", probabilities=(0.123456,) * len(CLASSES))
    row = decision_row(shown._replace(decision=decision, lag_ms=1.0), CLASSES)
    assert row == [shown.since_us, 2, [0.1235] * len(CLASSES), 100.0, 0.25, None, 1.0]
    assert decision_row(shown._replace(decision=None), CLASSES) is None


def test_facts_of_a_stream_without_end_are_json() -> None:
    facts = RunningStream(seekable=False).facts
    row = facts_row(type(facts)(**{**vars(facts), "speed": math.inf}))
    assert json.loads(json.dumps(row, allow_nan=False))["speed"] is None
    assert row["duration_us"] is None


def test_the_ring_keeps_the_newest_and_numbers_all() -> None:
    history = History(room=3)
    for number in range(5):
        history.add([number])
    assert history.since(0) == ([[2], [3], [4]], 5)
    assert history.since(4) == ([[4]], 5)
    assert history.since(5) == ([], 5)


@pytest.mark.parametrize(("text", "said"), [
    ("{}", "do:"), ("nonsense", "JSON"), ('{"do": "format"}', "pause"), ('{"do": "seek"}', "since_us"),
    ('{"do": "pause", "since_us": 3}', "since_us"), ('{"do": "seek", "since_us": -1}', "since_us"),
    ('{"do": "seek", "since_us": 1.5}', "since_us"), ('{"do": "pause", "more": 1}', "more"),
    (" " * 1_025, "1024 bytes"), (None, "text"), ("[" * 1_000, "JSON"),
])
def test_wrong_commands_are_told(text: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_command(text)


def test_commands_reach_the_stream() -> None:
    stream = RunningStream(windows=100)
    for text in ('{"do": "pause"}', '{"do": "seek", "since_us": 1000000}', '{"do": "resume"}'):
        read_command(text).carry_out(stream)
    assert stream.asked == ["pause", ("seek", 1_000_000), "resume"]
