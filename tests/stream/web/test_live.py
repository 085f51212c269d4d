"""A page's conversation with the server: what comes, in which order, and that wrong words do no harm."""

from __future__ import annotations

import contextlib
import itertools
import json
import time

import pytest

from neurofer.stream.web.feed import REST
from neurofer.stream.web.messages import unpack
from neurofer.stream.web.pictures import Painter
from trees.running_stream import CLASSES, RunningStream, until


@pytest.fixture
def connected():
    """``with connected(stream) as open_page``, and ``with open_page() as socket``."""
    testing = pytest.importorskip("fastapi.testclient", reason="the web extra is not installed")
    from neurofer.stream.web.app import build_app

    Painter().warm_up()

    @contextlib.contextmanager
    def run(stream):
        client = testing.TestClient(build_app(stream), base_url="http://127.0.0.1")
        with stream, client as browser:
            yield lambda: browser.websocket_connect("/live", headers={"host": "127.0.0.1"})

    return run


def next_shown(socket):
    """The next window, whatever else comes before it."""
    while True:
        message = socket.receive()
        if message.get("bytes"):
            return unpack(message["bytes"])


def test_first_hello_then_windows_with_pictures(connected) -> None:
    with connected(RunningStream(windows=500)) as page, page() as socket:
        hello = socket.receive_json()
        assert hello["kind"] == "hello"
        assert hello["facts"]["classes"] == list(CLASSES)
        assert hello["face"] == "drawn as TIE"
        assert (hello["paused"], hello["ended"], hello["failure"]) == (False, False, None)
        header, parts = next_shown(socket)
        assert (header["sensor"], header["box"]) == ([160, 120], [44, 14, 72, 88])
        while not parts:
            header, parts = next_shown(socket)
        assert parts["event"].startswith(b"\x89PNG")
        assert parts["face"].startswith(b"\x89PNG")


def test_every_decision_arrives_once_although_pictures_are_rarer(connected, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurofer.stream.web.feed.PERIOD_S", 0.25)
    with connected(RunningStream(pace_s=0.003)) as page, page() as socket:
        rows, pictures = socket.receive_json()["decisions"], 0
        while len(rows) < 300:
            header, _ = next_shown(socket)
            rows += header["decisions"]
            pictures += 1
        moments = [row[0] for row in rows]
        assert moments == sorted(set(moments))
        assert pictures < 200
        skipped = header["skipped"]
        assert moments[-1] - moments[0] <= (len(moments) - 1 + skipped) * 33_333.0 + 1


def test_a_page_that_comes_again_gets_the_same_timeline(connected) -> None:
    with connected(stream := RunningStream(windows=60, pace_s=0.01)) as page:
        with page() as socket:
            rows = socket.receive_json()["decisions"]
            while not stream.ended:
                header, _ = next_shown(socket)
                rows += header["decisions"]
        with page() as socket:
            again = socket.receive_json()["decisions"]
    assert again[: len(rows)] == rows
    assert 58 - header["skipped"] <= len(again) <= 58


def test_pause_seek_and_go_on(connected) -> None:
    with connected(stream := RunningStream(windows=500)) as page, page() as socket:
        next_shown(socket)
        socket.send_json({"do": "pause"})
        assert until(lambda: stream.paused)
        socket.send_json({"do": "seek", "since_us": 10_000_000})
        while (header := next_shown(socket)[0])["since_us"] < 10_000_000:
            pass
        assert header["since_us"] == round(301 * 33_333.0)
        assert header["paused"]
        assert header["tally"]["restarts"] == 1
        socket.send_json({"do": "resume"})
        while next_shown(socket)[0]["paused"]:
            pass


def test_wrong_words_are_answered_and_the_page_goes_on(connected) -> None:
    def error(socket):
        while True:
            message = socket.receive()
            if "error" in (message.get("text") or ""):
                return message["text"]

    with connected(RunningStream(seekable=False)) as page, page() as socket:
        socket.send_text('{"do": "format"}')
        assert "pause" in error(socket)
        socket.send_bytes(b"\x00\x01")
        assert "text" in error(socket)
        socket.send_text("x" * 5_000)
        assert "1024 bytes" in error(socket)
        socket.send_json({"do": "seek", "since_us": 0})
        assert "cannot go back" in error(socket)
        assert next_shown(socket)[0]["kind"] == "shown"


def test_a_page_that_comes_while_it_stands_still_sees_the_window(connected) -> None:
    with connected(stream := RunningStream(windows=500)) as page:
        assert until(lambda: stream.number > 5)
        stream.pause()
        with page() as socket:
            assert until(lambda: stream.paused)
            assert next_shown(socket)[0]["number"] >= 4


def test_counters_go_on_while_no_window_comes(connected) -> None:
    """As in a pause of a live source, whose windows are dropped meanwhile."""
    with connected(stream := RunningStream(seekable=False)) as page, page() as socket:
        next_shown(socket)
        stream.pause()
        stream.tally = stream.tally._replace(dropped_windows=12)
        while True:
            message = socket.receive()
            if message.get("text") and json.loads(message["text"])["tally"]["dropped_windows"] == 12:
                break


def test_a_failure_is_told(connected) -> None:
    with connected(stream := RunningStream()) as page, page() as socket:
        next_shown(socket)
        stream.failure = "tcp://127.0.0.1:7777: the connection broke"
        while True:
            message = socket.receive()
            header = unpack(message["bytes"])[0] if message.get("bytes") else {}
            if "connection broke" in (message.get("text") or "") or header.get("failure"):
                break


def test_pictures_that_cannot_be_made_do_not_stop_the_decisions() -> None:
    testing = pytest.importorskip("fastapi.testclient", reason="the web extra is not installed")
    from neurofer.stream.web.app import build_app

    def broken(shown):
        raise ValueError("no picture")

    app = build_app(stream := RunningStream(windows=500), picture=broken)
    with (stream, testing.TestClient(app, base_url="http://127.0.0.1") as browser,
          browser.websocket_connect("/live", headers={"host": "127.0.0.1"}) as socket):
        rows = socket.receive_json()["decisions"]
        while len(rows) < 5:
            header, parts = next_shown(socket)
            rows += header["decisions"]
        assert parts == {}


def test_slow_pictures_are_rare_and_delay_no_decision() -> None:
    testing = pytest.importorskip("fastapi.testclient", reason="the web extra is not installed")
    from neurofer.stream.web.app import build_app

    took_s = 0.06
    begun: list[float] = []

    def slow(shown):
        begun.append(time.monotonic())
        time.sleep(took_s)

    app = build_app(stream := RunningStream(windows=500, pace_s=0.01), picture=slow)
    with (stream, testing.TestClient(app, base_url="http://127.0.0.1") as browser,
          browser.websocket_connect("/live", headers={"host": "127.0.0.1"}) as socket):
        rows, bare = socket.receive_json()["decisions"], 0
        while len(rows) < 120:
            header, parts = next_shown(socket)
            rows += header["decisions"]
            bare += not parts
    assert len(begun) > 1
    assert all(after - before >= (1 + REST) * took_s for before, after in itertools.pairwise(begun))
    assert bare > 0  # what was decided meanwhile was told without pictures


def test_no_more_pages_than_there_is_room_for(connected, monkeypatch: pytest.MonkeyPatch) -> None:
    from starlette.websockets import WebSocketDisconnect

    monkeypatch.setattr("neurofer.stream.web.app.MOST_PAGES", 1)
    with connected(RunningStream()) as page, page() as socket:
        socket.receive_json()
        with page() as second, pytest.raises(WebSocketDisconnect) as refused:
            second.receive_json()
        assert refused.value.code == 1013
        assert "1 pages are open already" in refused.value.reason
