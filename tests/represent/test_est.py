"""EST's fine time steps: counts, their unit and their end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.data.clip import Box
from neurofer.data.crop import crop_resize
from neurofer.events.events import Events
from neurofer.represent import Est

SENSOR = (5, 3)


def test_by_hand():
    # Four steps from 0 to 80 us: 0, 19 | 20 | 41 | 80.
    events = Events([0, 19, 20, 41, 80], [0, 0, 0, 4, 4], [0, 0, 0, 2, 2], [False, True, False, True, True], SENSOR)
    planes = Est(steps=4, per_event=10)(events, (0, 100))
    assert planes.shape == (8, 3, 5)
    assert planes[:, 0, 0].tolist() == [10, 10, 0, 0, 10, 0, 0, 0]
    assert planes[:, 2, 4].tolist() == [0, 0, 0, 0, 0, 0, 10, 10]
    assert Est(steps=4).channel_names[3:5] == ("OFF 3", "ON 0")


def test_counts_end_at_255():
    count = 1_000
    events = Events(np.zeros(count, int), np.full(count, 2), np.full(count, 1), np.arange(count) < 3, SENSOR)
    planes = Est(per_event=64)(events, (0, 10))
    assert planes[32, 1, 2] == 192
    assert planes[0, 1, 2] == 255
    assert planes.sum(dtype=int) == 192 + 255


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 200), steps=st.integers(2, 40))
def test_below_the_end_planes_sum_to_the_events(seed, count, steps):
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(0, 1_000, count))
    events = Events(t, generator.integers(0, 5, count), generator.integers(0, 3, count), generator.random(count) < 0.5,
                    SENSOR)
    planes = Est(steps=steps, per_event=1)(events, (0, 1_000))
    assert planes.sum(dtype=int) == count
    assert planes[steps:].sum(dtype=int) == events.p.sum()


def test_a_lone_event_survives_averaging_over_twice_its_unit():
    events = Events([0, 9], [3, 100], [2, 100], [True, True], (128, 128))
    planes = Est(steps=2)(events, (0, 10))
    small = crop_resize(planes, Box(0, 0, 88, 88), 8)  # 11 x 11 pixels to one
    assert small[2].sum() == 1
    assert not crop_resize(planes, Box(0, 0, 96, 96), 8).any()  # 12 x 12 are more than 2 * 64


def test_out_of_range_is_refused_all_at_once():
    with pytest.raises(ValueError, match=r"bins=1 \(2 to 64\), steps=500 \(2 to 128\), per_event=0 \(1 to 255\)"):
        Est(bins=1, steps=500, per_event=0)
