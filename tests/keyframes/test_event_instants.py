"""Instants of equal motion: a trace by hand, evenness, time shifts, halves without events."""

import numpy as np
import pytest

from neurofer.events.events import Events
from neurofer.keyframes.event_instants import equal_motion_instants
from neurofer.keyframes.instants import key_instants


def at_times(*times_us):
    count = len(times_us)
    return Events(list(times_us), [0] * count, [0] * count, np.ones(count, bool), (1, 1))


def test_trace_by_hand():
    events = at_times(5, 10, 20, 30, 41, 50, 100, 160, 166, 200)
    instants = equal_motion_instants(events, 10, 60, 190)
    # Five, at 10 20 30 41 50, rise and three, at 100 160 166, fall: 8 * 5/8 = 5 inner instants before the apex.
    assert instants.rise == 5
    # After 5/6, 10/6, 15/6, 20/6 and 25/6 of five events, and 3/4, 6/4 and 9/4 of three, starting at the apex at 60:
    # 10 is reached by the first event itself, 10 + 2/3 * 10 = 16.7, 25, 30 + 1/3 * 11 = 33.7, 41 + 1/6 * 9 = 42.5;
    # 60 + 3/4 * 40 = 90, 100 + 1/2 * 60 = 130, 160 + 1/4 * 6 = 161.5; halves round up.
    assert instants.times.tolist() == [10, 10, 17, 25, 34, 43, 60, 90, 130, 162, 190]


def test_motion_is_equal_between_neighbours_of_a_half():
    random = np.random.default_rng(0)
    events = at_times(*np.sort(random.integers(0, 1_000_000, 30_000) ** 2 // 1_000_000))
    instants = equal_motion_instants(events, 100_000, 400_000, 900_000)
    counts = np.diff(np.searchsorted(events.t, instants.times))
    for half in (counts[: instants.apex_place], counts[instants.apex_place :]):
        assert np.ptp(half) <= 3  # whole events, times rounded to whole microseconds
    share = np.searchsorted(events.t, [100_000, 400_000, 900_000])
    assert instants.rise == np.floor(8 * (share[1] - share[0]) / (share[2] - share[0]) + 0.5)


def test_everything_later_gives_instants_later():
    times = np.sort(np.random.default_rng(1).integers(0, 1000, 50))
    here = equal_motion_instants(at_times(*times), 100, 300, 800)
    there = equal_motion_instants(at_times(*(times + 12_345)), 12_445, 12_645, 13_145)
    assert there.times.tolist() == (here.times + 12_345).tolist()
    assert there.rise == here.rise


def test_without_events_time_is_shared_out():
    instants, by_time = equal_motion_instants(at_times(), 0, 30_000, 80_000), key_instants(0, 30_000, 80_000)
    assert instants.rise == by_time.rise == 3
    assert np.array_equal(instants.times, np.floor(by_time.times + 0.5))


def test_half_without_events_is_divided_evenly():
    instants = equal_motion_instants(at_times(210, 220, 230), 0, 200, 300)
    assert instants.rise == 1
    assert instants.times[:3].tolist() == [0, 100, 200]
    assert instants.times[-1] == 300


def test_expression_without_duration():
    assert equal_motion_instants(at_times(7), 7, 7, 7).times.tolist() == [7] * 11


@pytest.mark.parametrize("moments", [(10, 5, 20), (10, 15, 12)])
def test_moments_out_of_order_are_refused(moments):
    with pytest.raises(ValueError, match="onset <= apex <= offset"):
        equal_motion_instants(at_times(1, 2), *moments)
