"""Events between frames: counts by hand, running sums that run over, windows at the ends, streams cut anywhere."""

import logging

import numpy as np
import pytest

from neurofer.events.events import Events
from neurofer.spotting.windows import (
    FRAMES_AT_ONCE,
    FrameCounter,
    counted_frames,
    event_sums,
    frame_counts,
    running_sums,
    window_sums,
)

SENSOR = (20, 20)


def drawn(seed=0, count=5000, stop_us=1_000_000, sensor=SENSOR):
    rng = np.random.default_rng(seed)
    return Events(np.sort(rng.integers(0, stop_us, count)), rng.integers(0, sensor[0], count),
                  rng.integers(0, sensor[1], count), rng.random(count) < 0.5, sensor)


def frame_times(frames, step_us=5000):
    return np.arange(frames, dtype=np.int64) * step_us


def pieces_of(events, cuts):
    edges = [0, *sorted(cuts), len(events)]
    return [events[low:high] for low, high in zip(edges, edges[1:], strict=False)]


def test_an_event_belongs_to_the_first_frame_that_is_not_before_it():
    times = np.array([100, 200, 300])
    events = Events([0, 1, 100, 101, 200, 201, 300, 301], [0] * 8, [0] * 8, [0, 0, 1, 1, 1, 0, 0, 0], (1, 1))
    assert frame_counts(events, times, 1).reshape(3, 2).tolist() == [[1, 1], [0, 2], [2, 0]]


@pytest.mark.parametrize("size", [20, 7, 5, 1])
def test_cells_share_the_pixels_out_and_lose_no_event(size):
    events = drawn()
    counts = frame_counts(events, frame_times(201), size)
    expected = np.zeros((201, 2, size, size), np.uint16)
    cell_x, cell_y = events.x.astype(int) * size // 20, events.y.astype(int) * size // 20
    np.add.at(expected, (-(-events.t // 5000), events.p.astype(int), cell_y, cell_x), 1)
    np.testing.assert_array_equal(counts, expected)
    assert counts.sum() == len(events)


def test_a_full_counter_stays_full_and_says_so(caplog):
    many = 70_000
    events = Events(np.ones(many, np.int64), np.zeros(many, int), np.zeros(many, int), np.ones(many, bool), (1, 1))
    with caplog.at_level(logging.WARNING):
        counts = frame_counts(events, np.array([0, 10]), 1)
    assert counts.ravel().tolist() == [0, 0, 0, 65_535]
    assert "4465 events" in caplog.text


def test_windows_are_the_counts_of_their_frames_also_where_the_sums_run_over():
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 6000, (60, 2, 3, 3)).astype(np.uint16)
    sums = running_sums(counts)
    assert counts.sum(axis=0, dtype=np.int64).min() > 65_535
    windows = window_sums(sums, np.arange(60), 8)
    for frame in range(60):
        before, after = counts[max(frame - 8, 0) + 1 : frame + 1], counts[frame + 1 : frame + 9]
        np.testing.assert_array_equal(windows[frame, :2], before.sum(axis=0, dtype=np.int64))
        np.testing.assert_array_equal(windows[frame, 2:], after.sum(axis=0, dtype=np.int64))


def test_windows_longer_than_the_video_hold_all_of_it():
    counts = np.ones((5, 2, 1, 1), np.uint16)
    assert window_sums(running_sums(counts), np.arange(5), 100)[:, ::2].reshape(5, 2).tolist() == [
        [0, 4], [1, 3], [2, 2], [3, 1], [4, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_any_cut_equals_the_whole(seed):
    events, rng = drawn(seed), np.random.default_rng(seed)
    times = np.sort(rng.choice(np.arange(10_000, 1_100_000), 3 * FRAMES_AT_ONCE + 17, replace=False))
    whole = frame_counts(events, times, 7)
    counter, state, parts = FrameCounter(times, 7, SENSOR), None, []
    pieces = pieces_of(events, rng.integers(0, len(events), 30))
    for piece in pieces:
        counts, state = counter.take(piece, state)
        parts.append(counts)
    np.testing.assert_array_equal(np.concatenate([*parts, counter.finish(state)]), whole)
    np.testing.assert_array_equal(event_sums(pieces, times, 7, SENSOR), running_sums(whole))


def test_one_event_a_piece_equals_the_whole():
    events, times = drawn(count=300, stop_us=20_000), frame_times(4)
    blocks = list(counted_frames(pieces_of(events, range(1, 300)), FrameCounter(times, 20, SENSOR)))
    np.testing.assert_array_equal(np.concatenate(blocks), frame_counts(events, times, 20))


def test_long_rests_are_given_in_blocks():
    times = frame_times(10 * FRAMES_AT_ONCE + 3)
    events = Events([0, times[-1]], [1, 2], [3, 4], [True, False], SENSOR)
    for pieces in ([events], [events[:1], events[1:]], [events[:1]], []):
        blocks = list(counted_frames(pieces, FrameCounter(times, 20, SENSOR)))
        assert max(len(block) for block in blocks) <= FRAMES_AT_ONCE
        assert sum(len(block) for block in blocks) == len(times)
        assert sum(int(block.sum()) for block in blocks) == sum(len(piece) for piece in pieces)


def test_a_frame_ends_when_its_time_is_known_to_have_passed():
    counter = FrameCounter(np.array([10, 20]), 1, (1, 1))
    piece = Events([10], [0], [0], [True], (1, 1))
    counts, state = counter.take(piece)
    assert len(counts) == 0
    counts, state = counter.take(piece, state, until_us=11)
    assert counts.reshape(-1, 2).tolist() == [[0, 2]]
    assert counter.finish(state).reshape(-1, 2).tolist() == [[0, 0]]


def test_given_places_are_filled_and_checked(tmp_path):
    events, times = drawn(), frame_times(50)
    out = np.lib.format.open_memmap(tmp_path / "sums.npy", "w+", np.uint16, (51, 2, 20, 20))
    assert event_sums([events], times, 20, SENSOR, out) is out
    np.testing.assert_array_equal(out, running_sums(frame_counts(events, times, 20)))
    with pytest.raises(ValueError, match=r"running_sums: out is \(51, 2, 20, 20\) uint16; need \(11, 2, 20, 20\)"):
        running_sums(np.zeros((10, 2, 20, 20), np.uint16), out)


def test_refusals():
    with pytest.raises(ValueError, match="rising times"):
        frame_counts(drawn(), np.array([0, 10, 10]), 20)
    with pytest.raises(ValueError, match=r"1\.\.20 cells"):
        frame_counts(drawn(), frame_times(3), 21)
    with pytest.raises(ValueError, match=r"frames of 0\.\.4"):
        window_sums(np.zeros((6, 2, 1, 1), np.uint16), np.array([5]), 1)
    counter = FrameCounter(frame_times(3), 20, SENSOR)
    _, state = counter.take(drawn())
    with pytest.raises(ValueError, match="consecutive pieces"):
        counter.take(drawn(), state)
