"""Time surfaces: hand trace, formula, invariance, tonic, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.events.events import Events
from neurofer.represent import TimeSurface

SENSOR = (6, 5)


def stream(seed: int, count: int, stop_us: int) -> Events:
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(0, stop_us, count))
    x, y = generator.integers(0, 6, count), generator.integers(0, 5, count)
    return Events(t, x, y, generator.random(count) < 0.5, SENSOR)


def latest(events: Events) -> np.ndarray:
    last = np.full((2, 5, 6), -1, np.int64)
    for t, x, y, p in zip(events.t, events.x, events.y, events.p, strict=True):
        last[int(p), y, x] = t
    return last


def test_by_hand():
    events = Events([0, 60, 90], [1, 1, 2], [0, 0, 0], [True, True, False], (3, 1))
    exponential = TimeSurface(tau_us=20.0)(events, (0, 100))
    np.testing.assert_allclose(exponential, [[[0, 0, np.exp(-0.5)]], [[0, np.exp(-2), 0]]], rtol=1e-6)
    linear = TimeSurface("linear", tau_us=20.0)(events, (0, 100))
    np.testing.assert_allclose(linear, [[[0, 0, 0.5]], [[0, 0, 0]]], atol=1e-6)
    newest = TimeSurface("latest")(events, (0, 100))
    np.testing.assert_allclose(newest, [[[0, 0, 0.91]], [[0, 0.61, 0]]], rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 400), tau_us=st.floats(0.5, 1e7),
       length_us=st.sampled_from([7, 1000, 33_333, 10_000_000]))
def test_equals_the_formulas(seed, count, tau_us, length_us):
    events = stream(seed, count, length_us)
    last = latest(events)
    age = (length_us - last).astype(np.float64)
    for decay, formula in (("exponential", np.exp(-age / tau_us)), ("linear", np.maximum(0, 1 - age / tau_us)),
                           ("latest", (last + 1) / length_us)):
        surface = TimeSurface(decay, tau_us)(events, (0, length_us))
        assert surface.dtype == np.float32
        smallest = 1e-7 if decay == "linear" else 1e-37  # 1 - age / tau cancels; float32 ends at 1e-38
        np.testing.assert_allclose(surface, np.where(last >= 0, formula, 0), rtol=3e-7, atol=smallest)


def test_order_of_simultaneous_events_and_a_shift_of_time_do_not_matter():
    generator = np.random.default_rng(1)
    t = np.sort(generator.integers(0, 10, 2000)) * 100
    x, y, p = generator.integers(0, 6, 2000), generator.integers(0, 5, 2000), generator.random(2000) < 0.5
    order = np.lexsort((generator.random(2000), t))
    for decay in ("exponential", "linear", "latest"):
        plain = TimeSurface(decay)(Events(t, x, y, p, SENSOR), (0, 1000))
        shuffled = TimeSurface(decay)(Events(t, x[order], y[order], p[order], SENSOR), (0, 1000))
        moved = TimeSurface(decay)(Events(t + 10**15, x, y, p, SENSOR), (10**15, 10**15 + 1000))
        np.testing.assert_array_equal(plain, shuffled)
        np.testing.assert_array_equal(plain, moved)


def test_later_is_brighter():
    events = Events(np.arange(30) * 1000, np.arange(30) % 6, np.arange(30) // 6, [True] * 30, SENSOR)
    for decay in ("exponential", "linear", "latest"):
        assert (np.diff(TimeSurface(decay, 1e5)(events, (0, 30_000))[1].ravel()) > 0).all()


def test_agrees_with_tonic():
    functional = pytest.importorskip("tonic.functional")
    events = stream(2, 800, 50_000)
    span_us = events.end_us - events.start_us
    theirs = functional.to_timesurface_numpy(events.to_array(), (*SENSOR, 2), dt=span_us, tau=20_000)
    ours = TimeSurface(tau_us=20_000)(events, (events.start_us, events.end_us))
    np.testing.assert_allclose(ours, theirs[0], rtol=1e-6)


def test_refusals():
    with pytest.raises(ValueError, match="unknown decay 'cubic'; choose exponential, linear, latest"):
        TimeSurface("cubic")
    for tau_us in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="tau_us must be a positive number"):
            TimeSurface(tau_us=tau_us)
