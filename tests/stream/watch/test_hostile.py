"""A stream that means no good: it ends when told to, fills no memory, and every event is counted somewhere."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.errors import BadFileError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.stream.predictor import Predictor
from neurofer.stream.watch.incoming import Incoming
from neurofer.stream.watch.receiving import Receiver
from neurofer.stream.watch.session import Session
from neurofer.stream.watch.shown import Shown
from neurofer.stream.watch.source import Piece
from neurofer.stream.watch.transport import Transport
from neurofer.stream.watch.waiting import WaitingWindows
from trees.live_runs import ann_run, snn_run

BOX = Box(0, 0, 8, 8)
PATIENCE_S = 30
NEARLY_TEN_MINUTES_US = 594_000_000


def made_events(times: Sequence[int], sensor: tuple[int, int] = (16, 16)) -> Events:
    count = len(times)
    return Events(times, np.arange(count) % 16, np.arange(count) % 15, np.arange(count) % 2, sensor)


class Source:
    """A live source that gives these pieces, then ends or breaks."""

    name = "made up"

    def __init__(self, pieces: Sequence[Piece], fault: Exception | None = None) -> None:
        self._pieces, self._fault = pieces, fault

    def pieces(self, stop: threading.Event) -> Iterator[Piece]:
        yield from self._pieces
        if self._fault is not None:
            raise self._fault

    def close(self) -> None: ...


def watched(session: Session) -> list[Shown]:
    """All that is shown, to the end."""
    place, until = session.subscribe(100_000), time.monotonic() + PATIENCE_S
    found = []
    with session:
        while not session.ended and time.monotonic() < until:
            time.sleep(0.01)
        while (shown := place.get(0)) is not None:
            found.append(shown)
    return found


@pytest.mark.parametrize("speed", [1.0, math.inf])
def test_a_piece_of_a_hundred_hours_of_silence_does_not_keep_it_from_ending(speed: float) -> None:
    silent = made_events(np.arange(600) * NEARLY_TEN_MINUTES_US)  # two million windows at 200 ms
    run = snn_run(window_us=200_000)
    with Session(Predictor(run), Source([Piece(silent)]), speed=speed, box=BOX) as session:
        time.sleep(0.1)
        ending = threading.Thread(target=session.close, daemon=True)
        ending.start()
        ending.join(2.0)
        assert not ending.is_alive()


def test_a_clock_that_stands_still_does_not_fill_memory() -> None:
    still = [Piece(made_events([5] * 10)) for _ in range(20)]
    queue = WaitingWindows(100, 1, can_wait=False)
    receiver = Receiver(Source([*still, Piece(made_events([50, 99, 100, 250]))]), 95, most_events=40)
    receiver.receive(queue, Transport())
    queue.close()
    sizes = []
    while (ready := queue.get()) is not None:
        sizes.append(len(ready.window.events))  # type: ignore[union-attr]
    assert sizes == [40, 1, 1]  # [5, 100), [100, 195), [195, 290)
    assert receiver.lost == (162, 0, 0)


def test_what_came_before_a_source_broke_is_decided_about(face_events: Events) -> None:
    predictor, box = Predictor(ann_run()), Box(30, 4, 70, 80)
    wanted = [one.probabilities for one in predictor.decide(MemoryRecording(face_events), box)]
    for _ in range(3):
        session = Session(predictor, Source([Piece(face_events)], BadFileError("packet 7 is broken")),
                          speed=math.inf, box=box)
        found = [shown.decision.probabilities for shown in watched(session) if shown.decision is not None]
        assert found == wanted
        assert session.failure == "packet 7 is broken"
        assert isinstance(session.error, BadFileError)


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("fault", [None, BadFileError("broken")])
def test_every_event_is_counted_once(paused: bool, fault: Exception | None) -> None:
    generator = np.random.default_rng(0)
    for _ in range(5):
        pieces, count = [], 0
        for part in range(6):
            times = np.sort(generator.integers(0, 400_000, 300)) + 100_000 * part  # half of a piece may be late
            bad = int(generator.integers(0, 3))
            pieces.append(Piece(made_events(times), bad, restart="another" if generator.random() < 0.3 else None))
            count += len(times) + bad
        session = Session(Predictor(snn_run()), Source(pieces, fault), box=BOX, most_waiting=1)
        if paused:
            session.pause()
        found = watched(session)
        tally = session.tally
        assert tally.events + tally.bad_events + tally.rest_events == count
        assert sum(len(shown.events) for shown in found) + tally.dropped_events == tally.events
        assert len(found) + tally.dropped_windows == tally.windows
        assert not (paused and found)


def test_a_sensor_that_would_fill_memory_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--sensor says 60000x60000; a live sensor has at most 8388608 pixels"):
        Incoming("standard input", (60_000, 60_000))


def test_a_speed_of_almost_nothing_waits_and_ends() -> None:
    recording = MemoryRecording(made_events(np.arange(100) * 10_000))
    with Session(Predictor(snn_run()), recording, speed=1e-300, box=BOX) as session:
        time.sleep(0.1)
        assert session.failure is None
