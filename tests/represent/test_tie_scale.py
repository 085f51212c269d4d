"""Ranks and 8-bit scaling, against sorting and Python's own integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.represent.tie_scale import limits, rank_of, scaled


def plain(channel: list[int], scale: str) -> list[int]:
    values = [c for c in channel if c] if scale == "active" else channel
    if len(set(channel)) < 2 or not values:
        return [0] * len(channel)
    ordered, last = sorted(values), len(values) - 1
    lo, hi = ordered[round(0.01 * last)], ordered[round(0.99 * last)]
    if scale == "active":
        lo, hi = min(0, lo), max(0, hi)
    if hi == lo:
        return [255 if c > lo else 0 for c in channel]
    return [min(255, max(0, 255 * (c - lo) // (hi - lo))) for c in channel]


def test_ranks_round_half_to_even():
    assert rank_of(0.01, 51) == 1  # 0.5 -> 0
    assert rank_of(0.01, 151) == 3  # 1.5 -> 2
    assert rank_of(0.99, 1) == 1
    assert rank_of(0.99, 346 * 260) == 1 + round(0.99 * (346 * 260 - 1))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 3000), filled=st.sampled_from([0.0, 0.005, 0.02, 0.5, 1.0]),
       lowest=st.sampled_from([0, 1, -1000, -(2**30)]), highest=st.sampled_from([2, 300, 2**31 - 1, 2**40]),
       scale=st.sampled_from(["sensor", "active"]))
def test_scaling_equals_plain_integers(seed, count, filled, lowest, highest, scale):
    generator = np.random.default_rng(seed)
    values = generator.integers(lowest, highest, count)
    values[generator.random(count) >= filled] = 0
    channel = values.astype(np.int64 if highest > 2**31 - 1 else np.int32)
    out = np.empty(count, np.uint8)
    scaled(channel, scale, out)
    assert out.tolist() == plain(values.tolist(), scale)


@pytest.mark.parametrize("scale", ["sensor", "active"])
@pytest.mark.parametrize("value", [-7, 0, 5])
def test_a_constant_channel_is_black(scale, value):
    out = np.full(6, 9, np.uint8)
    scaled(np.full(6, value, np.int32), scale, out)
    assert not out.any()


@pytest.mark.parametrize("filled", [0.001, 0.011, 0.3, 1.0])
@pytest.mark.parametrize("negative", [False, True])
def test_limits_are_the_exact_ranks_on_a_large_sensor(filled, negative):
    generator = np.random.default_rng(1)
    channel = generator.geometric(1e-4, 200_000).astype(np.int32)
    channel[generator.random(len(channel)) >= filled] = 0
    if negative:
        channel = -channel
    ordered = np.sort(channel)
    assert limits(channel) == (ordered[rank_of(0.01, len(channel)) - 1], ordered[rank_of(0.99, len(channel)) - 1])


def test_limits_hold_when_the_sample_misleads():
    channel = np.ones(1 << 16, np.int32)
    channel[:: (1 << 16) // 4096] = 1000  # exactly the sampled pixels
    assert limits(channel) == (1, 1000)
    channel[:] = 1000
    channel[:: (1 << 16) // 4096] = 1
    assert limits(channel) == (1, 1000)


def test_quotients_next_to_whole_numbers_are_not_rounded_up():
    spread = 2**31 - 2
    steps = np.arange(1, 256)
    at = (steps * spread + 254) // 255  # smallest d with floor(255 d / spread) = step
    channel = np.concatenate([[0], at - 1, at, [spread]]).astype(np.int32)
    out = np.empty(len(channel), np.uint8)
    from neurofer.represent.tie_scale import _scale

    _scale(channel, 0, spread, 1.0 / spread, out)
    assert out.tolist() == [0, *(steps - 1), *steps, 255]
