"""Event counts: hand trace, law, invariance, overflow, tonic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.events.events import Events
from neurofer.represent import Counts

SENSOR = (5, 4)


def busy_pixel(on: int, off: int) -> Events:
    count = on + off
    return Events(np.arange(count), np.full(count, 3), np.full(count, 1), np.arange(count) < on, SENSOR)


def test_by_hand():
    events = Events([0, 1, 2, 3, 9], [0, 4, 4, 4, 0], [0, 3, 3, 3, 0], [True, False, False, True, True], SENSOR)
    counts = Counts()(events, (0, 9))
    assert counts.dtype == np.uint16
    assert counts[0, 3, 4] == 2
    assert counts[1, 3, 4] == 1
    assert counts[1, 0, 0] == 1  # the event at 9 us is outside
    assert counts.sum() == 4
    signed = Counts("signed")(events, (0, 9))
    assert signed.dtype == np.int16
    assert signed.shape == (1, 4, 5)
    assert signed[0, 3, 4] == -1
    binary = Counts("binary")(events, (0, 9))
    assert binary.dtype == np.uint8
    np.testing.assert_array_equal(binary, counts > 0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 1000))
def test_sum_is_the_number_of_events_and_order_does_not_matter(seed, count):
    generator = np.random.default_rng(seed)
    x, y, p = generator.integers(0, 5, count), generator.integers(0, 4, count), generator.random(count) < 0.5
    events = Events(np.zeros(count, int), x, y, p, SENSOR)
    counts = Counts()(events, (0, 1))
    assert counts.sum() == count
    assert counts[1].sum() == p.sum()
    assert Counts("signed")(events, (0, 1)).sum() == 2 * p.sum() - count
    order = generator.permutation(count)
    shuffled = Events(np.zeros(count, int), x[order], y[order], p[order], SENSOR)
    np.testing.assert_array_equal(Counts()(shuffled, (0, 1)), counts)


def test_counters_that_just_fit():
    counts = Counts()(busy_pixel(65_535, 65_535), (0, 200_000))
    assert counts[:, 1, 3].tolist() == [65_535, 65_535]
    assert counts.sum(dtype=np.int64) == 131_070


def test_a_counter_too_many_is_refused_or_saturated():
    events = busy_pixel(65_536, 70_000)
    with pytest.raises(ValueError, match=r"Counts: 2 counters pass 65535 in window \(0, 200000\) us; .*saturate"):
        Counts()(events, (0, 200_000))
    assert Counts(overflow="saturate")(events, (0, 200_000))[:, 1, 3].tolist() == [65_535, 65_535]


def test_signed_counts_too_large_are_refused_or_saturated():
    for on, off, kept in ((100, 40_000, -32_768), (40_000, 100, 32_767), (200_000, 199_990, 10)):
        events = busy_pixel(on, off)
        assert Counts("signed", "saturate")(events, (0, 400_000))[0, 1, 3] == kept
        if abs(kept) > 10:
            with pytest.raises(ValueError, match="1 counters pass 32767"):
                Counts("signed")(events, (0, 400_000))


def test_no_events_give_zeros():
    for mode in ("polarity", "signed", "binary"):
        assert not Counts(mode)(Events.empty(SENSOR), (0, 1)).any()


def test_agrees_with_tonic():
    functional = pytest.importorskip("tonic.functional")
    generator = np.random.default_rng(0)
    t = np.sort(generator.integers(0, 1000, 500))
    x, y = generator.integers(0, 5, 500), generator.integers(0, 4, 500)
    events = Events(t, x, y, generator.random(500) < 0.5, SENSOR)
    theirs = functional.to_frame_numpy(events.to_array(), (*SENSOR, 2), event_count=500)
    np.testing.assert_array_equal(Counts()(events, (0, 1000)), theirs[0])


def test_unknown_mode_is_refused_by_name():
    with pytest.raises(ValueError, match="unknown mode 'sum'; choose polarity, signed, binary"):
        Counts("sum")
    with pytest.raises(ValueError, match="unknown overflow 'wrap'; choose refuse, saturate"):
        Counts(overflow="wrap")
