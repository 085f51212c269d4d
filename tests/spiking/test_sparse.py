"""Sparse spikes: by hand, equal to the dense ones whatever the box, in pieces, graded, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.spiking.bins import spike_tensor
from neurofer.spiking.sparse import join_spikes, sparse_spikes, spike_pieces


def some_events(seed: int, count: int, sensor: tuple[int, int] = (24, 18), length_us: int = 4_000) -> Events:
    generator = np.random.default_rng(seed)
    t = np.sort(generator.integers(0, length_us, count))
    x, y = (np.minimum(generator.exponential(6, count), side - 1).astype(np.uint16) for side in sensor)
    return Events(t, x, y, generator.random(count) < 0.5, sensor)


def test_spikes_of_five_events_by_hand() -> None:
    events = Events([5, 9, 9, 10, 19], [0, 1, 0, 7, 3], [0, 0, 0, 7, 4], [1, 1, 1, 0, 1], (8, 8))
    spikes = sparse_spikes(events, 0, 30, 10, size_px=4)
    assert spikes.offsets.tolist() == [0, 1, 3, 3]
    assert spikes.cells.tolist() == [16, 15, 16 + 2 * 4 + 1]
    assert (spikes.values, spikes.events, spikes.clipped, spikes.steps) == (None, 5, 2, 3)
    graded = sparse_spikes(events, 0, 30, 10, size_px=4, graded=True)
    assert graded.values is not None
    assert (graded.values.tolist(), graded.clipped) == ([3, 1, 1], 0)


@settings(max_examples=60)
@given(seed=st.integers(0, 1000), count=st.integers(0, 400), size_px=st.integers(1, 40),
       dt_us=st.sampled_from([1, 50, 1000]), left=st.integers(-20, 20), top=st.integers(-20, 15),
       side=st.integers(1, 40), graded=st.booleans())
def test_equal_to_the_dense_ones(seed: int, count: int, size_px: int, dt_us: int, left: int, top: int, side: int,
                                 graded: bool) -> None:
    events, box = some_events(seed, count), Box(left, top, side, max(side // 2, 1))
    dense = spike_tensor(events, 1_000, 3_000, dt_us, box, size_px, graded)
    spikes = sparse_spikes(events, 1_000, 3_000, dt_us, box, size_px, graded)
    np.testing.assert_array_equal(spikes.dense(), dense.spikes)
    assert (spikes.events, spikes.clipped) == (dense.events, dense.clipped)
    assert len(spikes.cells) == np.count_nonzero(dense.spikes)
    middle = spikes.steps // 3
    np.testing.assert_array_equal(spikes.dense(middle, spikes.steps - 1), dense.spikes[middle:-1])
    for step in range(spikes.steps if dt_us > 1 else 0):
        assert (np.diff(spikes.cells[spikes.offsets[step] : spikes.offsets[step + 1]]) > 0).all()


@pytest.mark.parametrize("graded", [False, True])
def test_pieces_of_a_recording_are_the_whole(graded: bool) -> None:
    events = some_events(3, 5_000, length_us=3_700_000)
    whole = sparse_spikes(events, 100_000, 3_600_000, 7_000, Box(2, 0, 9, 9), 16, graded)
    parts = list(spike_pieces(MemoryRecording(events), 100_000, 3_600_000, 7_000, Box(2, 0, 9, 9), 16, graded))
    joined = join_spikes([part for _, part in parts])
    assert len(parts) == 4
    np.testing.assert_array_equal(joined.offsets, whole.offsets)
    np.testing.assert_array_equal(joined.cells, whole.cells)
    np.testing.assert_array_equal(joined.dense(), whole.dense())
    assert (joined.events, joined.clipped) == (whole.events, whole.clipped)
    assert sum(len(piece) for piece, _ in parts) == len(events.between(100_000, 3_600_000))


def test_graded_spikes_count_events_up_to_255() -> None:
    events = Events(np.zeros(300, np.int64), np.full(300, 2), np.full(300, 1), np.ones(300, bool), (4, 4))
    for size_px in (4, 8):  # of one cell, and of four
        spikes = sparse_spikes(events, 0, 10, 10, size_px=size_px, graded=True)
        assert spikes.dense().max() == 255
        assert (spikes.events, spikes.clipped) == (300, 45)
    assert spike_tensor(events, 0, 10, 10, size_px=4, graded=True).clipped == 45


def test_memory_goes_with_the_events() -> None:
    events = Events([0, 3_599_999_999], [1, 3], [1, 3], [1, 0], (4, 4))
    spikes = sparse_spikes(events, 0, 3_600_000_000, 1_000, size_px=256)  # an hour, 472 GB as bytes
    assert spikes.steps == 3_600_000
    assert len(spikes.cells) == 2 * 64 * 64
    assert spikes.dense(3_599_999).sum() == 64 * 64


def test_events_outside_the_sensor_the_stretch_or_their_order_are_harmless() -> None:
    broken = Events.trusted(np.array([-5, 3, 3, 900, 2]), np.array([0, 60_000, 1, 1, 1], np.uint16),
                            np.array([0, 0, 60_000, 1, 1], np.uint16), np.ones(5, bool), (8, 8))
    assert sparse_spikes(broken, 0, 10, 10).events == 0
    backwards = Events.trusted(np.array([25, 5, 15, 7]), np.array([1, 1, 1, 1], np.uint16),
                               np.array([1, 1, 1, 1], np.uint16), np.ones(4, bool), (8, 8))
    assert sparse_spikes(backwards, 0, 30, 10, size_px=4).dense().shape == (3, 2, 4, 4)


def test_impossible_stretches_and_steps_are_refused(small_events: Events) -> None:
    with pytest.raises(ValueError, match="dt_us=1000 does not divide the window of 33333 us"):
        sparse_spikes(small_events, 0, 33_333, 1_000)
    with pytest.raises(ValueError, match="dt_us=1000 does not divide the window of 33333 us"):
        list(spike_pieces(MemoryRecording(small_events), 0, 33_333, 1_000))
    with pytest.raises(ValueError, match="need a box with an area"):
        sparse_spikes(small_events, 0, 10, 10, Box(0, 0, 0, 5))
    spikes = sparse_spikes(small_events, 0, 10_000, 1_000)
    with pytest.raises(ValueError, match=r"steps 3\.\.11 are not within 0\.\.10"):
        spikes.dense(3, 11)
    with pytest.raises(ValueError, match="need pieces of one size and kind"):
        join_spikes([spikes, sparse_spikes(small_events, 0, 10_000, 1_000, graded=True)])
