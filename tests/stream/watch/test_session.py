"""A stream being watched: decisions of the recording, drops that are counted and harmless, pause, seek, failures."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.errors import BadFileError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording, Window
from neurofer.stream.decisions import Decision
from neurofer.stream.predictor import Predictor
from neurofer.stream.watch.session import Session
from neurofer.stream.watch.shown import Shown
from neurofer.stream.watch.source import Piece
from trees.live_runs import ann_run, snn_run

BOX = Box(30, 4, 70, 80)
PATIENCE_S = 60


def bare(decisions: Sequence[Decision | None]) -> list[Decision]:
    return [decision._replace(latency_ms=0.0, queue_ms=0.0) for decision in decisions if decision is not None]


def cut(events: Events, size: int) -> list[Events]:
    return [events[place : place + size] for place in range(0, len(events), size)]


class Source:
    """A live source that gives these pieces, then ends."""

    name = "made up"

    def __init__(self, pieces: Sequence[Piece | Exception], pause_s: float = 0.0) -> None:
        self._pieces, self._pause_s = pieces, pause_s

    def pieces(self, stop: threading.Event) -> Iterator[Piece]:
        for piece in self._pieces:
            time.sleep(self._pause_s)
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None: ...


def watch(session: Session, until: Callable[[], bool] | None = None) -> list[Shown]:
    """All that one attentive viewer sees, to the end."""
    place = session.subscribe(100_000)
    found: list[Shown] = []
    with session:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and not (until() if until else False):
            ended = session.ended  # asked first: what comes before the end is not missed
            shown = place.get(0.05)
            if shown is None and ended:
                break
            if shown is not None:
                found.append(shown)
    return found


@pytest.fixture(scope="module", params=["ann", "snn"])
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return Predictor(ann_run() if request.param == "ann" else snn_run())


def test_a_recording_watched_is_the_recording_decided(predictor: Predictor, face_events: Events) -> None:
    recording = MemoryRecording(face_events)
    session = Session(predictor, recording, speed=math.inf, box=BOX, raster=True)
    found = watch(session)
    assert bare([shown.decision for shown in found]) == bare(list(predictor.decide(recording, BOX)))
    assert [shown.number for shown in found] == list(range(len(found)))
    assert [shown.since_us for shown in found] == [shown.stop_us - face_events.start_us for shown in found]
    assert session.tally.windows == len(found)
    assert session.tally.dropped_windows == 0
    assert session.tally.events == sum(len(shown.events) for shown in found)
    rasters = [shown.raster for shown in found]
    assert all((raster is not None) == (predictor.backend == "snn") for raster in rasters)


def test_a_raster_is_what_the_network_fires(face_events: Events) -> None:
    predictor = Predictor(snn_run())
    found = watch(Session(predictor, MemoryRecording(face_events), speed=math.inf, box=BOX, raster=True))
    last = found[-1].raster
    assert last is not None
    assert list(last) == ["conv1", "conv2", "dense1"]
    assert {len(spikes) for spikes in last.values()} == {10}
    counts = np.sum([shown.raster["dense1"].sum(0) for shown in found if shown.raster], axis=0)
    assert counts.shape == (3,)
    assert counts.sum() > 0


@pytest.mark.parametrize("size", [97, 5_000, 10**6])
def test_a_live_source_in_any_pieces_gives_the_same(predictor: Predictor, face_events: Events, size: int) -> None:
    source = Source([Piece(part) for part in cut(face_events, size)])
    found = watch(Session(predictor, source, speed=math.inf, box=BOX))
    assert bare([shown.decision for shown in found]) == bare(
        list(predictor.decide(MemoryRecording(face_events), BOX)))


def test_a_live_source_looks_for_the_face_while_windows_wait(face_events: Events) -> None:
    predictor = Predictor(snn_run())
    t = np.concatenate([face_events.t + lap * 300_000 for lap in range(6)])
    columns = [np.tile(column, 6) for column in (face_events.x, face_events.y, face_events.p)]
    events = Events(t, *columns, face_events.sensor)
    found = watch(Session(predictor, Source([Piece(part) for part in cut(events, 4_000)]), speed=math.inf))
    assert found[0].box is not None
    assert bare([shown.decision for shown in found]) == bare(
        list(predictor.decide(MemoryRecording(events), found[0].box)))


class Slow:
    """A step that takes its time."""

    def __init__(self, step: Any, seconds: float) -> None:
        self._step, self._seconds = step, seconds

    def __call__(self, window: Window, scene: Any, state: Any) -> Any:
        time.sleep(self._seconds)
        return self._step(window, scene, state)

    def finish(self, state: Any) -> Any:
        return self._step.finish(state)


def slowed(predictor: Predictor, seconds: float) -> Any:
    class Slowed:
        name, backend, context = predictor.name, predictor.backend, predictor.context

        @staticmethod
        def decides() -> Any:
            decides = predictor.decides()
            return replace(decides, step=Slow(decides.step, seconds))

    return Slowed()


def test_what_cannot_be_kept_up_with_is_dropped_whole_and_counted(predictor: Predictor, face_events: Events) -> None:
    laps = 8
    t = np.concatenate([face_events.t + lap * 300_000 for lap in range(laps)])
    columns = [np.tile(column, laps) for column in (face_events.x, face_events.y, face_events.p)]
    events = Events(t, *columns, face_events.sensor)
    whole = list(MemoryRecording(events).windows(predictor.window_us))
    source = Source([Piece(part) for part in cut(events, 3_000)], pause_s=0.005)
    session = Session(slowed(predictor, 0.02), source, box=BOX, most_waiting=6)
    found = watch(session)
    tally = session.tally
    assert tally.dropped_windows > 0
    assert tally.restarts > 0
    assert len(found) + tally.dropped_windows == tally.windows
    assert len(whole) - 1 <= tally.windows <= len(whole)
    assert sum(len(shown.events) for shown in found) + tally.dropped_events == tally.events
    # Behind each gap the decisions are those of a recording that begins there.
    runs: list[list[Shown]] = []
    for shown in found:
        if runs and runs[-1][-1].stop_us == shown.start_us:
            runs[-1].append(shown)
        else:
            runs.append([shown])
    assert len(runs) > 1
    for run in runs:
        start, stop = run[0].start_us - events.start_us, run[-1].stop_us - events.start_us
        wanted = list(predictor.decide(MemoryRecording(events), BOX, start, stop))
        said = bare([shown.decision for shown in run])
        # A run too short for a context says nothing; the batch path would decide as if silence had come before.
        assert said == bare(wanted) if len(run) >= predictor.context else said == []


def test_a_gap_in_events_is_no_reason_to_drop(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    t = face_events.t.copy()
    t[len(t) // 2 :] += 60_000_000
    events = Events(t, face_events.x, face_events.y, face_events.p, face_events.sensor)
    session = Session(predictor, Source([Piece(part) for part in cut(events, 2_000)]), speed=math.inf, box=BOX)
    found = watch(session)
    assert bare([shown.decision for shown in found]) == bare(list(predictor.decide(MemoryRecording(events), BOX)))


def test_another_connection_and_another_sensor_begin_anew(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    wide = Events(face_events.t - 5, face_events.x, face_events.y, face_events.p, (640, 480))
    source = Source([Piece(face_events), Piece(face_events, restart="connected again"), Piece(wide, restart="640x480")])
    session = Session(predictor, source, speed=math.inf, box=BOX)
    found = bare([shown.decision for shown in watch(session)])
    alone = bare(list(predictor.decide(MemoryRecording(face_events), BOX)))
    wanted = [*alone, *alone, *bare(list(predictor.decide(MemoryRecording(wide), BOX)))]
    assert found == wanted
    assert session.tally.restarts == 2


def test_a_viewer_that_never_reads_delays_nobody(face_events: Events) -> None:
    predictor = Predictor(snn_run())
    session = Session(predictor, MemoryRecording(face_events), speed=math.inf, box=BOX)
    asleep = session.subscribe(room=2)
    found = watch(session)
    assert len(found) == 6
    assert asleep.missed == 4
    kept = [asleep.get(0), asleep.get(0), asleep.get(0)]
    assert [shown.number for shown in kept if shown] == [4, 5]
    asleep.close()


def test_pause_and_seek_on_a_recording(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    recording = MemoryRecording(face_events)
    session = Session(predictor, recording, box=BOX)
    place = session.subscribe(1_000)
    session.pause()
    with session:
        assert session.paused
        session.seek(150_000)
        seen = [place.get(PATIENCE_S) for _ in range(3)]
        assert place.get(0.2) is None
        # The last of a whole context is the window that holds the moment.
        assert [shown.since_us for shown in seen if shown] == [99_999, 133_332, 166_665]
        wanted = next(predictor.decide(recording, BOX, 66_666))
        assert seen[-1] is not None
        assert bare([seen[-1].decision]) == bare([wanted])
        session.resume()
        after = place.get(PATIENCE_S)
        assert after is not None
        assert after.start_us == seen[-1].stop_us
        while not session.ended:
            place.get(0.05)
        session.seek(0)
        deadline = time.monotonic() + PATIENCE_S
        while (shown := place.get(0.2)) is None or shown.since_us > 40_000:
            assert time.monotonic() < deadline
        assert not session.ended


def test_a_live_source_cannot_go_back(face_events: Events) -> None:
    with Session(Predictor(ann_run()), Source([Piece(face_events)]), box=BOX) as session, \
            pytest.raises(UsageError, match="made up: is live and cannot go back"):
        session.seek(0)


def test_a_source_that_breaks_ends_the_stream_with_its_sentence(face_events: Events) -> None:
    source = Source([Piece(face_events[:5_000]), BadFileError("packet 7 is\n broken")])
    session = Session(Predictor(ann_run()), source, speed=math.inf, box=BOX)
    watch(session)
    assert session.failure == "packet 7 is broken"
    assert session.ended


def test_a_box_off_another_sensor_is_told(face_events: Events) -> None:
    small = Events(face_events.t, face_events.x * 0, face_events.y * 0, face_events.p, (20, 20))
    source = Source([Piece(face_events), Piece(small, restart="the sensor is 20x20 now")])
    session = Session(Predictor(ann_run()), source, speed=math.inf, box=BOX)
    watch(session)
    assert session.failure is not None
    assert "shows nothing of the 20x20 sensor" in session.failure


def test_it_ends_whenever_it_is_told_to(face_events: Events) -> None:
    for wait_s in (0, 0.01, 0.05):
        with Session(Predictor(snn_run()), MemoryRecording(face_events), box=BOX) as session:
            session.pause()
            time.sleep(wait_s)
        assert all(not thread.name.startswith("neurofer-") for thread in threading.enumerate() if thread.is_alive())


@pytest.mark.parametrize(("settings", "message"), [
    ({"speed": 0.0}, "speed must be above 0"), ({"speed": math.nan}, "speed must be above 0"),
    ({"most_waiting": 1}, "at least 3 windows"), ({"start_us": 10**9}, "nothing lies between")])
def test_settings_that_make_no_sense(face_events: Events, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Session(Predictor(ann_run()), MemoryRecording(face_events), box=BOX, **settings)


def test_what_waits_for_the_face_is_bounded(face_events: Events, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurofer.stream.watch.session.MOST_WAITING_EVENTS", 9_000)
    monkeypatch.setattr("neurofer.stream.watch.searching.FaceSearch.ask", lambda self, waiting: None)
    session = Session(Predictor(ann_run()), Source([Piece(face_events)]), speed=math.inf)
    found = watch(session)
    tally = session.tally
    assert tally.dropped_windows > 0
    assert tally.windows == 9
    assert len(found) == tally.windows - tally.dropped_windows
    assert sum(len(shown.events) for shown in found) + tally.dropped_events == tally.events
