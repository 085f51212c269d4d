"""TBR as a number and as planes, and the time bins that EST shares with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.events.events import Events
from neurofer.represent import Tbr, TbrTensor, TqrTensor
from neurofer.represent.time_bins import BinnedAccumulator

SENSOR = (3, 2)


def test_events_in_bins_0_and_7_give_129():
    events = Events([0, 800], [1, 1], [1, 1], [True, False], SENSOR)
    code = Tbr()(events, (0, 1_000))
    assert code[0, 1, 1] == 129
    assert code.sum() == 129


def test_every_bin_by_hand():
    # From 0 to 800 us, each 100 us are a bin; the last event belongs to bin 7.
    t = [0, 99, 100, 350, 699, 700, 800]
    events = Events(t, [0, 0, 0, 1, 1, 2, 2], [0] * 7, [True, False, True, True, False, False, True], SENSOR)
    assert Tbr()(events, (0, 801))[0, 0].tolist() == [128 + 64, 16 + 2, 1]
    planes = TbrTensor()(events, (0, 801))
    assert planes.shape == (8, 2, 3)
    assert [np.flatnonzero(planes[:, 0, x]).tolist() for x in range(3)] == [[0, 1], [3, 6], [7]]
    assert set(np.unique(planes)) == {0, 255}
    both = TqrTensor()(events, (0, 801))
    assert both.shape == (16, 2, 3)
    by_polarity = both.reshape(8, 2, 2, 3)
    assert np.flatnonzero(by_polarity[:, 0, 0, 0]).tolist() == [0]  # OFF at 99 us
    assert np.flatnonzero(by_polarity[:, 1, 0, 0]).tolist() == [0, 1]  # ON at 0 and 100 us
    assert by_polarity[7, :, 0, 2].tolist() == [255, 255]
    assert TqrTensor().channel_names[:3] == ("bin 0 OFF", "bin 0 ON", "bin 1 OFF")


def test_one_time_only_is_bin_0():
    events = Events([5, 5], [0, 2], [0, 1], [True, False], SENSOR)
    assert Tbr()(events, (0, 10))[0, 0, 0] == 128
    assert TbrTensor(3)(events, (0, 10))[:, 1, 2].tolist() == [255, 0, 0]


def test_times_of_any_size_are_placed_exactly():
    # In 64-bit floats the second event would fall into bin 4, and in 64-bit integers 8 times its time runs over.
    length_us = 2**61
    t = [0, length_us // 2 - 1, length_us // 2, length_us]
    events = Events(t, [0, 1, 2, 0], [0] * 4, [True] * 4, SENSOR)
    code = Tbr()(events, (0, length_us + 1))[0, 0]
    assert code.tolist() == [129, 1 << 4, 1 << 3]


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 80))
def test_the_number_is_its_planes(seed, count):
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(0, 1_000, count))
    events = Events(t, generator.integers(0, 3, count), generator.integers(0, 2, count), generator.random(count) < 0.5,
                    SENSOR)
    planes = TbrTensor()(events, (0, 1_000))
    np.testing.assert_array_equal(Tbr()(events, (0, 1_000))[0], np.packbits(planes > 0, axis=0)[0])
    np.testing.assert_array_equal(TqrTensor()(events, (0, 1_000)).reshape(8, 2, 2, 3).max(axis=1), planes)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 80), bins=st.integers(1, 40))
def test_every_event_is_in_the_bin_of_its_time(seed, count, bins):
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(-50, 150, count))
    events = Events(t, np.zeros(count, int), np.zeros(count, int), np.ones(count, bool), SENSOR)

    class Listed(BinnedAccumulator):
        def finish(self):
            return {number: piece.t.tolist() for number, piece in self.binned(bins)}

    state = Listed(SENSOR, (0, 100))
    state.add(events)
    inside = t[(t >= 0) & (t < 100)].tolist()
    expected: dict[int, list[int]] = {}
    for time in inside:
        length = inside[-1] - inside[0]
        number = min((time - inside[0]) * bins // length, bins - 1) if length else 0
        expected.setdefault(number, []).append(time)
    assert state.finish() == expected


@pytest.mark.parametrize("recipe", [TbrTensor, TqrTensor])
@pytest.mark.parametrize("bins", [0, -1, 65])
def test_bins_out_of_range_are_refused(recipe, bins):
    with pytest.raises(ValueError, match=f"{recipe.__name__}: need 1 to 64 bins, got {bins}"):
        recipe(bins)
