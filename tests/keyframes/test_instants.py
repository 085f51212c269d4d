import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.keyframes.instants import (
    KEY_FRAMES,
    frame_numbers,
    jittered,
    key_instants,
    repeats,
    shifted_apex,
    uniform_instants,
)

MOMENTS = st.lists(st.integers(0, 4000) | st.floats(0, 1e7), min_size=3, max_size=3).map(sorted)


@pytest.mark.parametrize(("moments", "rise", "numbers", "again"), [
    ((0, 25, 100), 2, [0, 8, 17, 25, 36, 46, 57, 68, 79, 89, 100], 0),
    ((0, 45, 80), 5, [0, 8, 15, 23, 30, 38, 45, 54, 63, 71, 80], 0),  # a tie, which goes to the first half
    ((0, 25, 80), 3, [0, 6, 13, 19, 25, 34, 43, 53, 62, 71, 80], 0),  # a tie that rounding to even would give away
    ((0, 0, 40), 1, [0, 0, 0, 5, 10, 15, 20, 25, 30, 35, 40], 2),
    ((0, 40, 40), 7, [0, 5, 10, 15, 20, 25, 30, 35, 40, 40, 40], 2),
    ((5, 5, 5), 1, [5] * 11, 10),
    ((0, 3, 6), 4, [0, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6], 4),
])
def test_instants_worked_out_by_hand(moments, rise, numbers, again):
    instants = key_instants(*moments)
    assert instants.rise == rise
    assert frame_numbers(instants.times).tolist() == numbers
    assert repeats(frame_numbers(instants.times)) == again


@given(MOMENTS)
def test_instants_never_fall_and_hold_the_three_moments(moments):
    onset, apex, offset = moments
    instants = key_instants(onset, apex, offset)
    times = instants.times
    assert times.shape == (KEY_FRAMES,)
    assert times.dtype == np.float64
    assert np.all(np.diff(times) >= 0)
    assert (times[0], times[instants.apex_place], times[-1]) == (onset, apex, offset)
    assert 1 <= instants.rise <= 7


@given(MOMENTS)
def test_the_eight_are_shared_as_the_durations_are(moments):
    onset, apex, offset = moments
    rise = key_instants(onset, apex, offset).rise
    if offset == onset:
        assert rise == 1
    else:
        share = 8 * (apex - onset) / (offset - onset)
        assert abs(rise - np.clip(share, 1, 7)) <= 0.5


@given(MOMENTS)
def test_each_half_is_divided_evenly(moments):
    instants = key_instants(*moments)
    for half in (instants.times[:instants.rise + 2], instants.times[instants.apex_place:]):
        # float64 at 1e7 is good to 2e-9, and a step is the difference of two
        np.testing.assert_allclose(np.diff(half), (half[-1] - half[0]) / (len(half) - 1), rtol=0, atol=1e-8)


def test_the_unit_does_not_matter():
    frames, us = key_instants(3, 17, 41), key_instants(15_000, 85_000, 205_000)
    assert frames.rise == us.rise
    np.testing.assert_allclose(us.times, 5000 * frames.times, rtol=1e-15)


@pytest.mark.parametrize("moments", [(10, 9, 20), (10, 21, 20), (10, 5, 5), (0, float("nan"), 9), (0, 5, float("inf"))])
def test_moments_out_of_order_are_refused(moments):
    with pytest.raises(ValueError, match="need finite onset <= apex <= offset"):
        key_instants(*moments)


def test_uniform_instants_ignore_the_apex():
    assert uniform_instants(10, 30).times.tolist() == [10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30]
    assert uniform_instants(10, 30).rise == 4
    np.testing.assert_array_equal(uniform_instants(10, 30).times, key_instants(10, 20, 30).times)
    assert uniform_instants(7, 7).times.tolist() == [7] * 11
    with pytest.raises(ValueError, match="uniform_instants: need finite onset"):
        uniform_instants(8, 7)


def test_frame_numbers_round_halves_up():
    numbers = frame_numbers([0, 0.49, 0.5, 1.5, 2.5])
    assert numbers.tolist() == [0, 0, 1, 2, 3]
    assert numbers.dtype == np.int64


@pytest.mark.parametrize(("by", "apex"), [(3, 23), (-3, 17), (100, 30), (-100, 10), (0, 20), (0.5, 20.5)])
def test_a_shifted_apex_stays_between_onset_and_offset(by, apex):
    assert shifted_apex(10, 20, 30, by) == apex


def test_an_apex_shifted_by_no_number_is_refused():
    with pytest.raises(ValueError, match="finite shift"):
        shifted_apex(10, 20, 30, float("nan"))
    with pytest.raises(ValueError, match="onset <= apex"):
        shifted_apex(10, 9, 30, 1)


def test_jitter_moves_the_inner_instants_alone():
    instants = key_instants(0, 25, 100)
    moved = jittered(instants, [1, -1, 2, -2, 0, 0, 1, -1])
    np.testing.assert_allclose(moved.times - instants.times, [0, 1, -1, 0, 2, -2, 0, 0, 1, -1, 0], atol=1e-12)
    assert moved.rise == instants.rise
    assert instants.times[1] == 25 / 3  # the ones that came in are left alone


@given(MOMENTS, st.lists(st.floats(-50, 50), min_size=8, max_size=8))
def test_jittered_instants_keep_order_and_moments(moments, offsets):
    instants = key_instants(*moments)
    moved = jittered(instants, offsets)
    assert np.all(np.diff(moved.times) >= 0)
    fixed = [0, instants.apex_place, 10]
    assert moved.times[fixed].tolist() == instants.times[fixed].tolist()


@pytest.mark.parametrize("offsets", [[1] * 7, [[1] * 8], [float("inf")] + [0] * 7])
def test_other_than_eight_finite_offsets_are_refused(offsets):
    with pytest.raises(ValueError, match="need 8 finite offsets"):
        jittered(key_instants(0, 5, 10), offsets)
