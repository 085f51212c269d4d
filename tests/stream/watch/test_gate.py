"""The door of a live stream, by hand-made traces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.stream.watch.gate import FAR_US, LATE_EVENTS, GateState, Passed, pass_gate, release

SENSOR = (10, 10)


def columns(times: list[int], x: list[int] | None = None) -> tuple[np.ndarray, ...]:
    count = len(times)
    return (np.array(times, np.int64), np.array(x or [1] * count, np.uint16), np.zeros(count, np.uint16),
            np.ones(count, np.bool_))


def through(*pieces: list[int]) -> tuple[list[int], int, list[int], GateState]:
    """Times that passed (the one held at the end, too), bad events, how far clocks went back, the last state."""
    state, parts = GateState(), []
    for times in pieces:
        some, state = pass_gate(columns(times), SENSOR, state)
        parts += some
    return _times(parts) + release(SENSOR, state).t.tolist(), sum(part.bad_events for part in parts), \
        [part.back_us for part in parts if part.back_us], state


def _times(parts: list[Passed]) -> list[int]:
    return [time for part in parts for time in part.events.t.tolist()]


def test_late_and_outside_events_are_left_out_and_counted() -> None:
    x = [1, 1, 9, 10, 1, 65_535]
    parts, _ = pass_gate(columns([5, 6, 4, 7, 6, 8], x), SENSOR, GateState())
    assert _times(parts) == [5, 6, 6]
    assert parts[0].bad_events == 3


def test_times_beyond_62_bits_are_left_out() -> None:
    assert through([5, 1 << 62, -(1 << 63), (1 << 63) - 1, 6])[:2] == ([5, 6], 3)


def test_one_wrong_time_in_the_future_costs_one_event() -> None:
    assert through([10, 11, 10_000_000_000, 12, 13])[:2] == ([10, 11, 12, 13], 1)
    assert through([9_999_999_999, 10, 11, 12])[:2] == ([10, 11, 12], 1)


def test_a_pause_delays_one_event_by_one_event() -> None:
    parts, state = pass_gate(columns([10, 11, 11 + FAR_US]), SENSOR, GateState())
    assert _times(parts) == [10, 11]
    assert state.holding
    parts, _ = pass_gate(columns([12 + FAR_US]), SENSOR, state)
    assert _times(parts) == [11 + FAR_US, 12 + FAR_US]


def test_a_stream_of_an_event_every_two_seconds_passes() -> None:
    times = [2_000_000 * k for k in range(6)]
    assert through(*([time] for time in times))[:2] == (times, 0)


def test_a_clock_that_begins_anew_begins_the_stream_anew() -> None:
    old, new = [50_000_000 + k for k in range(3)], list(range(LATE_EVENTS + 5))
    passed, bad, back_us, _ = through(old + new)
    assert passed == old + new[LATE_EVENTS:]
    assert bad == LATE_EVENTS
    assert back_us == [50_000_002 - LATE_EVENTS]


def test_a_thousand_late_events_are_not_enough() -> None:
    old = [50_000_000, 50_000_001]
    passed, bad, back_us, _ = through(old + list(range(LATE_EVENTS)) + [50_000_002])
    assert passed == [*old, 50_000_002]
    assert (bad, back_us) == (LATE_EVENTS, [])


def test_events_less_than_a_second_late_never_restart() -> None:
    passed, bad, back_us, _ = through([FAR_US, FAR_US, *[0] * 3_000])
    assert passed == [FAR_US, FAR_US]
    assert (bad, back_us) == (3_000, [])


def test_two_wrong_times_silence_the_stream_for_a_thousand_events_only() -> None:
    times = list(range(2 * LATE_EVENTS))
    passed, bad, back_us, _ = through([0, 1, 1 << 40, (1 << 40) + 1, *times])
    assert passed == [0, 1, 1 << 40, (1 << 40) + 1, *times[LATE_EVENTS:]]
    assert bad == LATE_EVENTS
    assert len(back_us) == 1


@given(st.lists(st.integers(-3, 3) | st.sampled_from([-5 * FAR_US, 2 * FAR_US, FAR_US]), max_size=60),
       st.lists(st.integers(0, 60), max_size=6), st.booleans())
def test_pieces_change_nothing_and_no_event_is_lost_without_count(steps: list[int], cuts: list[int],
                                                                  many: bool) -> None:
    times = np.cumsum(np.array(steps, np.int64)).repeat(300 if many else 1).tolist()
    edges = [0, *sorted(cut * len(times) // 60 for cut in cuts), len(times)]
    whole = through(times)
    assert through(*(times[low:high] for low, high in zip(edges[:-1], edges[1:], strict=True))) == whole
    assert len(whole[0]) + whole[1] == len(times)


def test_nothing_is_nothing() -> None:
    parts, state = pass_gate(columns([]), SENSOR, GateState())
    assert (len(parts), len(parts[0].events), parts[0].bad_events) == (1, 0, 0)
    assert state == GateState()
    assert len(release(SENSOR, state)) == 0


@pytest.mark.parametrize("times", [[3], [3, 3], [7, 5]])
def test_short_streams_end_with_what_is_held(times: list[int]) -> None:
    passed, bad, _, _ = through(times)
    assert len(passed) + bad == len(times)
