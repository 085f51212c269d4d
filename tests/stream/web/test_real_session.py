"""The page of a real session: what a browser is told and shows is what the network decides about the recording."""

from __future__ import annotations

import contextlib
import gc
import math
import socket
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.stream.decisions import Decision
from neurofer.stream.predictor import Predictor
from neurofer.stream.watch.session import Session
from neurofer.stream.web.feed import Frame
from neurofer.stream.web.messages import unpack
from trees.live_runs import ann_run, snn_run

BOX = Box(30, 4, 70, 80)
WORDS = """(words) => document.getElementById("status").textContent.startsWith(words)"""


@pytest.fixture(scope="module")
def recording(face_events: Events) -> MemoryRecording:
    """A face that nods for 2.4 s, the faster the later."""
    laps = 8
    t = np.concatenate([face_events.t + lap * 300_000 for lap in range(laps)])
    columns = [np.tile(column, laps) for column in (face_events.x, face_events.y, face_events.p)]
    kept = np.random.default_rng(0).random(len(t)) < 0.3 + 0.7 * t / t[-1]
    return MemoryRecording(Events(t[kept], *(column[kept] for column in columns), face_events.sensor))


@pytest.fixture(scope="module", params=["ann", "snn"])
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return Predictor(ann_run() if request.param == "ann" else snn_run())


@contextlib.contextmanager
def watched(predictor: Predictor, recording: MemoryRecording, **settings: Any) -> Iterator[Session]:
    """A session that starts when it is told to, and ends."""
    session = Session(predictor, recording, box=BOX, raster=True, **settings)
    try:
        yield session
    finally:
        session.close()


@pytest.fixture
def heard(page: Any) -> list[Any]:
    """Decisions that the page was sent, in their order."""
    rows: list[Any] = []

    def hear(data: str | bytes) -> None:
        if isinstance(data, bytes):
            rows.extend(unpack(data)[0]["decisions"])

    page.on("websocket", lambda connection: connection.on("framereceived", hear))
    return rows


def rows_of(decisions: Iterator[Decision], first_us: int) -> list[Any]:
    """What a page is sent of decisions, without what the clock says."""
    return [[decision.stop_us - first_us, decision.label, [round(share, 4) for share in decision.probabilities]]
            for decision in decisions]


def named(rows: list[Any], classes: tuple[str, ...]) -> list[Any]:
    return [[since, classes[number], shares] for since, number, shares, *_ in rows]


def bars(page: Any) -> list[str]:
    return page.locator("#bars .value").all_inner_texts()  # type: ignore[no-any-return]


def percents(row: list[Any]) -> list[str]:
    return [">99 %" if 0.995 < share < 1 else f"{int(100 * share + 0.5)} %" for share in row[2]]


def hear(page: Any, heard: list[Any], count: int) -> None:
    """Wait for so many decisions; the page's events are taken while its clock runs."""
    for _ in range(200):
        if len(heard) >= count:
            return
        page.wait_for_timeout(50)


def test_the_page_is_sent_the_decisions_of_the_recording(
        page: Any, serving: Any, heard: list[Any], predictor: Predictor, recording: MemoryRecording) -> None:
    wanted = rows_of(predictor.decide(recording, BOX), recording.events.start_us)
    with watched(predictor, recording) as session, serving(session) as address:
        page.goto(address)
        page.wait_for_function(WORDS, arg="playing")
        session.start()
        page.wait_for_function(WORDS, arg="ended")
        page.wait_for_function("(count) => document.getElementById('timeline').dataset.decisions === String(count)",
                               arg=len(wanted))
        hear(page, heard, len(wanted))
        assert named(heard, session.facts.classes) == wanted
        assert page.inner_text("#label") == wanted[-1][1]
        assert bars(page) == percents(wanted[-1])
        assert session.tally.dropped_windows == session.tally.restarts == 0
        assert page.locator(".raster").is_visible() == (predictor.backend == "snn")


def test_pause_stands_still_and_keys_go_window_by_window(
        page: Any, serving: Any, predictor: Predictor, recording: MemoryRecording) -> None:
    first_us, window_us = recording.events.start_us, predictor.window_us
    with watched(predictor, recording) as session, serving(session) as address:
        page.goto(address)
        session.start()
        page.wait_for_function("() => document.getElementById('label').dataset.known === 'yes'")
        page.keyboard.press("Space")
        page.wait_for_function(WORDS, arg="paused")
        page.wait_for_timeout(300)
        stands, windows = page.inner_text("#when"), session.tally.windows
        page.wait_for_timeout(300)
        assert (page.inner_text("#when"), session.tally.windows) == (stands, windows)
        page.locator("#scrub").fill("20")
        keep = math.ceil(predictor.decides().evidence_us / window_us)
        page.locator("#scrub").focus()
        for number, key in ((20, None), (19, "ArrowLeft"), (18, "ArrowLeft"), (19, "ArrowRight")):
            if key is not None:
                page.keyboard.press(key)
            since_us = round(number * window_us)
            page.wait_for_function("(words) => document.getElementById('when').textContent === words",
                                   arg=f"at {since_us / 1e6:.2f} s")
            context = predictor.decide(recording, BOX, round((number - keep) * window_us), since_us)
            *_, wanted = rows_of(context, first_us)
            assert bars(page) == percents(wanted)
        assert page.input_value("#scrub") == "19"


def test_a_decision_on_the_timeline_is_the_one_that_a_key_goes_to(
        page: Any, serving: Any, predictor: Predictor, recording: MemoryRecording) -> None:
    with watched(predictor, recording) as session, serving(session) as address:
        page.goto(address)
        session.start()
        page.wait_for_function(WORDS, arg="ended")
        page.focus("#timeline")
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
        told = page.inner_text("#tip").splitlines()
        page.keyboard.press("Enter")
        page.wait_for_function(WORDS, arg="paused")
        page.wait_for_function("(words) => document.getElementById('when').textContent === words", arg=f"at {told[0]}")
        page.click("#pause")
        page.wait_for_function(WORDS, arg="ended")
        page.click("#pause")
        page.wait_for_function(WORDS, arg="playing")


def test_the_timeline_outlives_the_server(
        page: Any, serving: Any, heard: list[Any], predictor: Predictor, recording: MemoryRecording) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    count = "Number(document.getElementById('timeline').dataset.decisions)"
    with watched(predictor, recording) as session:
        with serving(session, port=port) as address:
            page.goto(address)
            session.start()
            page.wait_for_function(f"() => {count} > 5")
        page.wait_for_function(WORDS, arg="disconnected")
        oldest, before = page.get_attribute("#timeline", "data-from"), page.evaluate(f"() => {count}")
        with serving(session, port=port):
            page.wait_for_function(f"() => !({WORDS})('disconnected')")
            assert page.get_attribute("#timeline", "data-from") == oldest
    with watched(predictor, recording) as again, serving(again, port=port):  # as by a process that was started anew
        page.wait_for_function(WORDS, arg="playing", timeout=20_000)
        assert page.evaluate(f"() => {count}") >= before
        heard.clear()
        again.start()
        page.wait_for_function(WORDS, arg="ended")
        whole = rows_of(predictor.decide(recording, BOX), recording.events.start_us)
        hear(page, heard, len(whole))
        assert named(heard, again.facts.classes) == whole


def test_a_page_that_never_reads_changes_nothing(
        page: Any, serving: Any, heard: list[Any], predictor: Predictor, recording: MemoryRecording) -> None:
    def noise(shown: Any) -> Any:
        return np.random.default_rng(shown.number).integers(0, 256, (3, 300, 300), np.uint8)

    wanted = rows_of(predictor.decide(recording, BOX), recording.events.start_us)
    with watched(predictor, recording) as session, serving(session, picture=noise) as address:
        host, _, port = address.removeprefix("http://").rstrip("/").partition(":")
        with socket.socket() as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            silent.connect((host, int(port)))
            silent.sendall(f"GET /live HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
            page.goto(address)
            page.wait_for_function(WORDS, arg="playing")
            session.start()
            page.wait_for_function(WORDS, arg="ended")
            hear(page, heard, len(wanted))
            assert named(heard, session.facts.classes) == wanted
            assert session.tally.dropped_windows == 0
            assert sum(type(one) is Frame for one in gc.get_objects()) < 10
