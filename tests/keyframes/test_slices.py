"""Slices of events: a trace by hand, sums, time shifts, refusals."""

import numpy as np
import pytest

from neurofer.events.events import Events
from neurofer.keyframes.slices import event_slices, slice_sums

EDGES = np.arange(11) * 100


def some_events(count=5000, size=16, shift_us=0):
    random = np.random.default_rng(0)
    t = np.sort(random.integers(-100, 1100, count)) + shift_us
    return Events(t, random.integers(0, size, count), random.integers(0, size, count), random.random(count) < 0.5,
                  (size, size))


def test_trace_by_hand():
    t, x, y, p = [0, 50, 75, 199, 200, 950, 1000], [0, 1, 3, 0, 2, 3, 0], [0, 1, 2, 3, 0, 3, 0], [1, 1, 0, 0, 1, 1, 1]
    slices = event_slices(Events(t, x, y, p, (4, 4)), EDGES, 2)
    on, off, time = np.zeros((10, 2, 2)), np.zeros((10, 2, 2)), np.zeros((10, 2, 2))
    on[0, 0, 0], on[2, 0, 1], on[9, 1, 1] = np.log(3), np.log(2), np.log(2)
    off[0, 1, 1], off[1, 1, 0] = np.log(2), np.log(2)
    time[0, 0, 0], time[0, 1, 1], time[1, 1, 0], time[9, 1, 1] = 0.25, 0.75, 0.99, 0.5  # the one at 200 is at 0
    scale = np.log(2) + 0.96 * (np.log(3) - np.log(2))  # 99 % of the way through four log 2 and one log 3
    np.testing.assert_allclose(slices, np.stack((on / scale, off / scale, time)), rtol=1e-6)  # float32
    assert slices.dtype == np.float32


def test_every_event_between_the_edges_is_in_one_slice():
    events = some_events()
    inside = (events.t >= 0) & (events.t < 1000)
    for size in (16, 8, 5, 1):
        on, off, time = slice_sums(events, EDGES, size)
        assert on.sum() == (events.p & inside).sum()
        assert off.sum() == (~events.p & inside).sum()
        assert time.sum() == pytest.approx((events.t[inside] % 100 / 100).sum())
    assert np.array_equal((on + off)[:, 0, 0], np.histogram(events.t[inside], EDGES)[0])  # the last size is 1


def test_later_events_and_edges_give_the_same_slices():
    here, there = event_slices(some_events(), EDGES, 8), event_slices(some_events(shift_us=777), EDGES + 777, 8)
    assert np.array_equal(there, here)


def test_exchanged_polarity_exchanges_on_and_off():
    events = some_events()
    negative = Events(events.t, events.x, events.y, ~events.p, events.sensor)
    assert np.array_equal(event_slices(negative, EDGES, 8), event_slices(events, EDGES, 8)[[1, 0, 2]])


def test_slice_without_duration_is_empty():
    edges = np.array([0, 100, 100, 300, 400, 500, 600, 700, 800, 900, 1000])
    on, off, _ = slice_sums(some_events(), edges, 4)
    assert (on + off).sum(axis=(1, 2))[1] == 0
    assert (on + off).sum() == sum(slice_sums(some_events(), EDGES, 4)[:2]).sum()


def test_scale_makes_the_clip_independent_of_its_length():
    slices = event_slices(some_events(50_000), EDGES, 8)
    assert np.percentile(slices[:2][slices[:2] > 0], 99) == pytest.approx(1, rel=1e-6)


def test_no_events_give_zeros():
    assert not event_slices(Events.empty((8, 8)), EDGES, 4).any()
    assert not event_slices(some_events(), EDGES + 5000, 4).any()


@pytest.mark.parametrize(("edges", "size", "words"), [
    (EDGES[:10], 8, "need 11 finite edges, got"),
    (np.where(EDGES == 300, np.nan, EDGES), 8, "need 11 finite edges"),
    (np.where(EDGES == 300, 100, EDGES), 8, "edge 2 is 200 us and the next 100 us"),
    (EDGES, 17, "at most 16"),
    (EDGES, 0, "16x16 cannot fill 0x0"),
])
def test_what_makes_no_slices_is_refused(edges, size, words):
    with pytest.raises(ValueError, match=words):
        event_slices(some_events(), edges, size)
