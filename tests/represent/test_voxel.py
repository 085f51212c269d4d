"""The voxel grid: hand trace, law, invariances, refusals, tonic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.events.events import Events
from neurofer.represent import VoxelGrid, voxel_kernel
from neurofer.represent import voxel as voxel_module

SENSOR = (9, 7)


def stream(seed: int, count: int, stop_us: int = 10_000) -> Events:
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(0, stop_us, count))
    x, y = generator.integers(0, 9, count), generator.integers(0, 7, count)
    return Events(t, x, y, generator.random(count) < 0.5, SENSOR)


def reference(events: Events, bins: int, first_us: int, last_us: int) -> np.ndarray:
    grid = np.zeros((bins, SENSOR[1], SENSOR[0]))
    place = (events.t - first_us) / (last_us - first_us) * (bins - 1)
    for b in range(bins):
        np.add.at(grid[b], (events.y, events.x), np.where(events.p, 1, -1) * np.maximum(0, 1 - np.abs(b - place)))
    return grid


def test_by_hand():
    events = Events([0, 25, 90], [1, 2, 1], [0, 0, 0], [True, False, True], (3, 1))
    grid = VoxelGrid(bins=5)(events, (0, 100))
    assert grid.dtype == np.float32
    expected = np.zeros((5, 1, 3))
    expected[0, 0, 1], expected[1, 0, 2] = 1, -1
    expected[3, 0, 1], expected[4, 0, 1] = 0.4, 0.6
    np.testing.assert_allclose(grid, expected, atol=2e-6)
    spanned = VoxelGrid(bins=2, span="events")(events, (0, 100))
    np.testing.assert_allclose(spanned[:, 0], [[0, 1, -1 + 25 / 90], [0, 1, -25 / 90]], atol=4e-6)


@pytest.mark.parametrize("bins", [2, 3, 5, 16])
@pytest.mark.parametrize("span", ["window", "events"])
def test_equals_the_formula(bins, span):
    events = stream(1, 4000)
    span_us = (0, 10_000) if span == "window" else (events.start_us, events.end_us)
    grid = VoxelGrid(bins, span)(events, (0, 10_000))
    np.testing.assert_allclose(grid, reference(events, bins, *span_us), atol=2e-4)  # 60 events a pixel, 2^-19 each


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 500), bins=st.integers(2, 9),
       span=st.sampled_from(["window", "events"]))
def test_sums_to_on_minus_off_at_every_pixel(seed, count, bins, span):
    events = stream(seed, count)
    net = np.zeros((7, 9))
    np.add.at(net, (events.y, events.x), np.where(events.p, 1, -1))
    np.testing.assert_allclose(VoxelGrid(bins, span)(events, (0, 10_000)).sum(axis=0), net, atol=1e-5)  # float32 sums


def test_order_of_simultaneous_events_does_not_matter():
    generator = np.random.default_rng(2)
    t = np.sort(generator.integers(0, 20, 3000)) * 500
    x, y, p = generator.integers(0, 9, 3000), generator.integers(0, 7, 3000), generator.random(3000) < 0.5
    order = np.lexsort((generator.random(3000), t))
    np.testing.assert_array_equal(VoxelGrid()(Events(t, x, y, p, SENSOR), (0, 10_000)),
                                  VoxelGrid()(Events(t, x[order], y[order], p[order], SENSOR), (0, 10_000)))


def test_inverted_polarity_inverts_the_grid():
    events = stream(3, 2000)
    inverted = Events(events.t, events.x, events.y, ~events.p, SENSOR)
    np.testing.assert_array_equal(VoxelGrid()(inverted, (0, 10_000)), -VoxelGrid()(events, (0, 10_000)))


def test_full_words_are_emptied_in_time(monkeypatch):
    events = stream(4, 5000)
    whole = VoxelGrid()(events, (0, 10_000))
    monkeypatch.setattr(voxel_module, "FULL", 64)
    np.testing.assert_array_equal(VoxelGrid()(events, (0, 10_000)), whole)


def test_words_hold_as_many_events_as_they_say():
    # All events in one pixel and the largest share: the fields of a word must not touch.
    count = voxel_kernel.FULL
    for polarity in (True, False):
        zeros = np.zeros(count, int)
        events = Events(zeros + 99, zeros, zeros, np.full(count, polarity), (1, 1))
        grid = VoxelGrid(2)(events, (0, 100))
        sign = 1 if polarity else -1
        np.testing.assert_allclose(grid.ravel(), [sign * 0.01 * count, sign * 0.99 * count], rtol=1e-3)


def test_one_time_value_goes_to_bin_zero():
    events = Events([70, 70], [1, 1], [1, 1], [True, True], SENSOR)
    grid = VoxelGrid(3, "events")(events, (0, 100))
    assert grid[0, 1, 1] == 2
    assert np.count_nonzero(grid) == 1


def test_no_events_give_zeros():
    for span in ("window", "events"):
        for normalise in (False, True):
            assert not VoxelGrid(4, span, normalise)(Events.empty(SENSOR), (0, 10)).any()


def test_normalised_cells_have_mean_zero_and_deviation_one():
    events = stream(5, 300)
    plain, grid = VoxelGrid()(events, (0, 10_000)), VoxelGrid(normalise=True)(events, (0, 10_000))
    filled = plain != 0
    assert grid[filled].mean() == pytest.approx(0, abs=1e-6)
    assert grid[filled].std() == pytest.approx(1, abs=1e-6)
    assert not grid[~filled].any()


def test_agrees_with_tonic():
    functional = pytest.importorskip("tonic.functional")
    events = stream(6, 3000)
    array = np.empty(len(events), [("t", np.int64), ("x", np.uint16), ("y", np.uint16), ("p", np.int8)])
    for name in "txyp":
        array[name] = getattr(events, name)
    theirs = functional.to_voxel_grid_numpy(array, (*SENSOR, 2), n_time_bins=4)[:, 0]
    # tonic divides the span into 4 and leaves out the end of the last bin, which is our fifth.
    ours = VoxelGrid(5, "events")(events, (0, 10_000))
    np.testing.assert_allclose(ours[:4], theirs, atol=2e-4)


def test_refusals():
    with pytest.raises(ValueError, match="at least 2 bins, got 1"):
        VoxelGrid(1)
    with pytest.raises(ValueError, match="unknown span 'all'; choose window, events"):
        VoxelGrid(span="all")
    with pytest.raises(ValueError, match="need start < stop"):
        VoxelGrid()(Events.empty(SENSOR), (10, 0))
    with pytest.raises(ValueError, match="too large"):
        VoxelGrid(5)(Events.empty((65_536, 65_536)), (0, 10))
