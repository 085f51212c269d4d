"""A film on a regular clock: steady films stay as they are, gaps are filled by the nearest frame, and counted."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.errors import BadFileError
from neurofer.stream.spot.clock import RegularClock, usual_fps

FRAME = np.zeros((2, 2), np.uint8)


def ticks(clock: RegularClock, times_us: list[int]) -> list[int]:
    return [tick.number for tick in clock((FRAME, t_us) for t_us in times_us)]


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0, 200.0])
def test_a_steady_film_keeps_every_frame_however_its_times_are_rounded(fps: float) -> None:
    for unit_us in (1, 1000):
        times_us = [round(number * 1e6 / fps / unit_us) * unit_us for number in range(2000)]
        clock = RegularClock(fps)
        assert ticks(clock, times_us) == list(range(2000))
        assert not clock.changed
        assert clock.told() == ""


def test_jitter_of_less_than_half_a_period_changes_nothing() -> None:
    late = np.random.default_rng(0).uniform(-0.4, 0.4, 500)
    times_us = (np.arange(500) + late) * 40_000
    clock = RegularClock(25.0)
    assert ticks(clock, (times_us - times_us[0]).astype(int).tolist()) == list(range(500))


def test_dropped_frames_are_stood_in_for_by_their_neighbours_and_counted() -> None:
    times_us = [0, 40_000, 80_000, 240_000, 280_000, 320_000]  # three are missing
    clock = RegularClock(25.0)
    found = ticks(clock, times_us)
    assert len(found) == 9  # ticks 0 to 320 ms
    assert (found[:3], found[-1]) == ([0, 1, 2], 5)
    assert np.abs(np.array(times_us)[found] - 40_000 * np.arange(9)).max() <= 80_000
    assert (clock.repeated, clock.left_out) == (3, 0)
    assert "3 repeated, 0 left out; the longest gap is 160 ms after frame 2, where 40 ms are usual" in clock.told()


def test_a_burst_of_frames_is_thinned() -> None:
    times_us = sorted({*range(0, 400_000, 40_000), *range(120_000, 240_000, 10_000)})
    clock = RegularClock(25.0)
    found = ticks(clock, times_us)
    assert len(found) == 10
    assert clock.left_out == len(times_us) - 10
    assert np.abs(np.array(times_us)[found] - 40_000 * np.arange(10)).max() <= 30_000  # three quarters of a period


def test_a_film_that_stands_still_for_long_is_refused_by_both_frames() -> None:
    with pytest.raises(BadFileError, match=r"a.mp4: 12.0 s lie between frames 1 and 2, where 0.040 s are usual"):
        ticks(RegularClock(25.0, "a.mp4"), [0, 40_000, 12_040_000])


def test_the_usual_rate_is_that_of_the_usual_gaps() -> None:
    assert usual_fps(np.array([0, 33_000, 67_000, 100_000, 900_000, 933_000, 966_000, 1_000_000])) == pytest.approx(
        30.0, rel=0.01)  # times of whole milliseconds
