"""A stream in pieces: the decisions of the recording, bit for bit, whatever the pieces; and what it refuses."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.data.clip import Box
from neurofer.errors import BadFileError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.stream.cutting import LONGEST_SILENCE_US, CutState, Cutter, Restart
from neurofer.stream.decisions import Decision
from neurofer.stream.live import LiveStream
from neurofer.stream.predictor import Predictor
from neurofer.stream.steps import digest_of
from trees.live_runs import ann_run, snn_run, spiking_run

BOX = Box(30, 4, 70, 80)
RUNS: dict[str, Callable[[], Any]] = {"ann": ann_run, "snn": snn_run, "long": lambda: snn_run(readout_us=100_000)}


def bare(decisions: Sequence[Decision]) -> list[Decision]:
    """Without times of this machine, everything else as it is."""
    return [decision._replace(latency_ms=0.0, queue_ms=0.0) for decision in decisions]


def pieces(events: Events, cuts: Sequence[int]) -> list[Events]:
    edges = [0, *sorted(cuts), len(events)]
    return [events[low:high] for low, high in zip(edges[:-1], edges[1:], strict=True)]


def streamed(stream: LiveStream, parts: Sequence[Events]) -> list[Decision]:
    found = [decision for part in parts for decision in stream.push(part)]
    return bare([*found, *stream.finish()])


@pytest.fixture(scope="module", params=RUNS)
def predictor(request: pytest.FixtureRequest) -> Predictor:
    return Predictor(RUNS[request.param]())


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_pieces_give_the_decisions_of_the_recording(predictor: Predictor, face_events: Events, data: Any) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(face_events)), max_size=12))
    wanted = bare(list(predictor.decide(MemoryRecording(face_events), BOX)))
    assert len(wanted) > 4
    assert streamed(predictor.live(BOX), pieces(face_events, cuts)) == wanted


def test_a_boundary_at_every_event_changes_nothing(predictor: Predictor, face_events: Events) -> None:
    some = face_events[:3_000]
    wanted = bare(list(predictor.decide(MemoryRecording(some), BOX)))
    assert streamed(predictor.live(BOX), pieces(some, range(1, len(some)))) == wanted


@pytest.mark.parametrize("make", [
    lambda: ann_run(window_us=1e6 / 30), lambda: ann_run(context_windows=1),
    lambda: ann_run(representation={"kind": "tie", "settings": {"variant": "t_t0"}}),
    lambda: snn_run(readout_us=10_000_000), lambda: spiking_run(graded=True), lambda: spiking_run(quantise=True),
], ids=["thirty a second", "one window", "recording time", "read-out longer than the stream", "graded", "quantised"])
def test_so_it_is_with_every_way_of_seeing(make: Callable[[], Any], face_events: Events) -> None:
    predictor = Predictor(make())
    later = Events(face_events.t + 7_654_321, face_events.x, face_events.y, face_events.p, face_events.sensor)
    wanted = bare(list(predictor.decide(MemoryRecording(later), BOX)))
    assert len(wanted) > 3
    for size in (211, 4_999):
        assert streamed(predictor.live(BOX), pieces(later, range(size, len(later), size))) == wanted


def test_a_boundary_at_every_position_gives_the_same_windows() -> None:
    rng = np.random.default_rng(3)
    t = np.sort(rng.integers(500, 2_500, 60))
    events = Events(t, np.zeros(60, int), np.zeros(60, int), np.zeros(60, int), (4, 4))
    whole = list(Cutter((4, 4), 333.3).push(events))
    for place in range(61):
        cutter = Cutter((4, 4), 333.3)
        found = [entry for part in pieces(events, [place]) for entry in cutter.push(part)]
        assert [tuple(entry[:2]) for entry in found] == [tuple(entry[:2]) for entry in whole]
        for one, other in zip(found, whole, strict=True):
            assert not isinstance(one, Restart)
            assert not isinstance(other, Restart)
            assert np.array_equal(one.events.to_array(), other.events.to_array())


def test_the_face_is_looked_for_in_the_first_second_and_no_window_is_lost(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    made = []
    for cuts in ([], range(0, len(face_events), 500)):
        stream = predictor.live(look_us=150_000)
        found = [decision for part in pieces(face_events, cuts) for decision in stream.push(part)]
        face = stream.face
        assert face is not None
        assert face.source in ("events", "density")
        made.append(bare([*found, *stream.finish()]))
        assert made[-1] == bare(list(predictor.decide(MemoryRecording(face_events), face.box)))
    assert made[0] == made[1]


def test_a_recording_shorter_than_the_look_is_decided_about_at_its_end(face_events: Events) -> None:
    predictor = Predictor(snn_run())
    stream = predictor.live()
    assert stream.push(face_events) == []
    assert len(stream.finish()) == 6


def test_a_stream_too_short_for_a_context_gives_one_decision(face_events: Events) -> None:
    predictor = Predictor(ann_run(context_windows=3))
    short = face_events.between(face_events.start_us, face_events.start_us + 40_000)
    wanted = bare(list(predictor.decide(MemoryRecording(short), BOX)))
    assert len(wanted) == 1
    assert streamed(predictor.live(BOX), pieces(short, [5, 100])) == wanted


@pytest.mark.parametrize("backend", ["ann", "snn"])
def test_a_gap_of_a_minute_is_decided_through(backend: str, face_events: Events) -> None:
    predictor = Predictor(RUNS[backend]())
    half = len(face_events) // 2
    t = face_events.t.copy()
    t[half:] += 60_000_000
    events = Events(t, face_events.x, face_events.y, face_events.p, face_events.sensor)
    wanted = bare(list(predictor.decide(MemoryRecording(events), BOX)))
    assert len(wanted) > 1_000
    assert streamed(predictor.live(BOX), pieces(events, [100, half, half + 1])) == wanted


def test_after_ten_silent_minutes_another_stream_begins(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    alone = streamed(predictor.live(BOX), [face_events])
    t = face_events.t + LONGEST_SILENCE_US + (face_events.end_us - face_events.start_us) + 1
    later = Events(t, face_events.x, face_events.y, face_events.p, face_events.sensor)
    stream = predictor.live(BOX)
    found = streamed(stream, [face_events, later])
    assert stream.restarts == 1
    assert [one.probabilities for one in found[-len(alone):]] == [one.probabilities for one in alone]


def test_a_leap_over_years_neither_hangs_nor_fills_memory(face_events: Events) -> None:
    sensor = face_events.sensor
    last = Events([2**61], [0], [0], [True], sensor)
    stream = Predictor(snn_run()).live(BOX)
    assert len(stream.push(face_events)) + len(stream.push(last)) < 20
    assert stream.restarts == 1


def test_time_that_passes_ends_windows(predictor: Predictor, face_events: Events) -> None:
    wanted = bare(list(predictor.decide(MemoryRecording(face_events), BOX)))
    stream = predictor.live(BOX)
    found = stream.push(face_events)
    found += stream.pass_time(face_events.start_us + 1_000_000)
    assert bare(found)[: len(wanted)] == wanted
    assert found[-1].stop_us <= face_events.start_us + 1_000_000 < found[-1].stop_us + predictor.window_us
    with pytest.raises(ValueError, match="time runs backwards"):
        stream.push(face_events[-1:])


def test_what_does_not_fit_is_refused_and_changes_nothing(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    stream = predictor.live(BOX)
    half = len(face_events) // 2
    found = stream.push(face_events[:half])
    with pytest.raises(ValueError, match=r"time runs backwards, an event at \d+ us comes after \d+ us"):
        stream.push(face_events[half - 400 :])
    with pytest.raises(ValueError, match="of a 640x480 sensor, the stream is of"):
        stream.push(Events([face_events.end_us], [0], [0], [1], (640, 480)))
    found += stream.push(face_events[half:])
    wanted = list(predictor.decide(MemoryRecording(face_events), BOX))
    assert bare([*found, *stream.finish()]) == bare(wanted)


def test_another_sensor_is_another_stream(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    stream = predictor.live(BOX)
    stream.push(face_events)
    stream.restart()
    wide = Events(face_events.t, face_events.x, face_events.y, face_events.p, (640, 480))
    assert streamed(stream, [wide]) == bare(list(predictor.decide(MemoryRecording(wide), BOX)))


def test_the_callers_arrays_may_be_used_again(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    stream, found = predictor.live(BOX), []
    t, x, y, p = (np.empty(700, column.dtype) for column in (face_events.t, face_events.x, face_events.y,
                                                            face_events.p))
    for part in pieces(face_events, range(0, len(face_events), 700)):
        count = len(part)
        t[:count], x[:count], y[:count], p[:count] = part.t, part.x, part.y, part.p
        found += stream.push(Events(t[:count], x[:count], y[:count], p[:count], face_events.sensor))
    assert bare([*found, *stream.finish()]) == bare(list(predictor.decide(MemoryRecording(face_events), BOX)))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.77, 1.0])
def test_a_saved_state_goes_on_elsewhere(predictor: Predictor, face_events: Events, share: float,
                                         tmp_path: Path) -> None:
    place = int(share * len(face_events))
    for box in (BOX, None):
        wanted = streamed(predictor.live(box, look_us=120_000), [face_events])
        before = predictor.live(box, look_us=120_000)
        found = before.push(face_events[:place])
        before.save(tmp_path / "state")
        after = predictor.live()
        after.restore(tmp_path / "state")
        assert (after.windows, after.decisions) == (before.windows, before.decisions)
        found += after.push(face_events[place:])
        assert bare([*found, *after.finish()]) == wanted


def test_a_state_fits_its_own_network_alone(face_events: Events, tmp_path: Path) -> None:
    predictor = Predictor(ann_run())
    stream = predictor.live(BOX)
    stream.push(face_events)
    stream.save(tmp_path / "state")
    with pytest.raises(BadFileError, match="under another network"):
        Predictor(snn_run()).live().restore(tmp_path / "state")
    with pytest.raises(BadFileError, match="no such file"):
        predictor.live().restore(tmp_path / "none")
    (tmp_path / "text").write_text("state")
    with pytest.raises(BadFileError, match="cannot be read as a state"):
        predictor.live().restore(tmp_path / "text")
    whole = (tmp_path / "state").read_bytes()
    for length in range(0, len(whole), 211):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(BadFileError):
            predictor.live().restore(tmp_path / "cut")


def test_the_digest_is_of_weights_and_of_the_way_of_seeing() -> None:
    plain = Predictor(ann_run()).decides().digest
    assert Predictor(ann_run()).decides().digest == plain
    other = ann_run()
    next(other.model.parameters()).data[0] += 1e-3
    assert Predictor(other).decides().digest != plain
    kernel = {"kind": "tie", "settings": {"kernel": "triangle8"}}
    assert digest_of(Predictor(ann_run(representation=kernel)).decides().step) != plain


def test_push_begins_a_stream_of_its_own(face_events: Events) -> None:
    predictor = Predictor(snn_run())
    predictor.live(BOX)
    found = [decision for part in pieces(face_events, [300, 4_000]) for decision in predictor.push(part)]
    assert bare([*found, *predictor.finish()]) == bare(list(predictor.decide(MemoryRecording(face_events), BOX)))
    assert Predictor(snn_run()).push(face_events) == []  # the face is still looked for
    assert Predictor(snn_run()).finish() == []


def test_evidence_is_how_far_back_a_decision_looks(face_events: Events) -> None:
    found = Predictor(ann_run()).live(BOX).push(face_events)
    assert {decision.evidence_ms for decision in found} == {99.999}
    long = Predictor(snn_run(readout_us=150_000)).live(BOX).push(face_events)
    assert [decision.evidence_ms for decision in long[:4]] == [50, 100, 150, 150]


def test_a_box_off_the_sensor_is_told(face_events: Events) -> None:
    with pytest.raises(UsageError, match="shows nothing of the"):
        Predictor(ann_run()).live(Box(5_000, 0, 10, 10)).push(face_events)


def test_a_cutter_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="need windows"):
        Cutter((4, 4), float("inf"))
    assert Cutter((4, 4), 100).state == CutState()


def test_memory_does_not_grow_with_time(face_events: Events) -> None:
    predictor = Predictor(ann_run())
    stream, length = predictor.live(BOX), face_events.end_us - face_events.start_us + 1
    tracemalloc.start()
    peaks = []
    for lap in range(40):
        stream.push(Events.trusted(face_events.t + lap * length, face_events.x, face_events.y, face_events.p,
                                   face_events.sensor))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()
    tracemalloc.stop()
    assert max(peaks[20:]) < 1.1 * max(peaks[5:20])
