"""Spotting by rate: planted movements of both types are hit, stillness gives none, the eyes are left alone."""

import functools

import numpy as np
import pytest

from neurofer.events.events import Events
from neurofer.keyframes.film_events import film_events
from neurofer.spotting.rate_baseline import RateSettings, nearest_frames, spot_by_rate
from trees.bump import bump_film

FRAME_US = 5000
SIZE = 96
MICRO = (35, 45, 2.0)
"""Frames up, frames down, pixels."""


@functools.cache
def movement(seed, rise, fall, peak_px):
    """Events of a bump in the nose of a face, and the frames of its onset and offset; 60 still frames around it."""
    frames, times_us, onset, _, offset = bump_film(seed, peak_px, 0.005, SIZE, rise=rise, fall=fall)
    return film_events(frames, times_us, 0.1), len(times_us), onset, offset


def recording(*movements):
    """``(events, times_us, truth)`` of movements one after the other."""
    parts, truth, first = [], [], 0
    for seed, one in enumerate(movements):
        events, frames, onset, offset = movement(seed, *one)
        parts.append(Events(events.t + first * FRAME_US, events.x, events.y, events.p, events.sensor))
        truth.append((first + onset, first + offset))
        first += frames
    return Events.concatenate(parts), np.arange(first, dtype=np.int64) * FRAME_US, truth


def moved(events, down_px, top, bottom):
    """The events of rows ``top <= y < bottom`` after a shift."""
    y = events.y.astype(int) + down_px
    keep = (y >= top) & (y < bottom)
    return Events(events.t[keep], events.x[keep], y[keep], events.p[keep], events.sensor)


def iou(one, truth):
    both = min(one.offset, truth[1]) - max(one.onset, truth[0]) + 1
    return max(both, 0) / (one.frames + truth[1] - truth[0] + 1 - both)


def test_planted_movements_of_both_types_are_hit():
    events, times_us, truth = recording(MICRO, (100, 140, 6.0), MICRO, (120, 120, 6.0))
    found = spot_by_rate(events, times_us, "v")
    assert [one.kind for one in found] == ["micro", "macro", "micro", "macro"]
    assert all(iou(one, true) >= 0.5 for one, true in zip(found, truth, strict=True))
    assert all(one.onset <= one.apex <= one.offset and one.score > 3 and one.video == "v" for one in found)


def test_the_border_between_the_types_is_set():
    events, times_us, _ = recording(MICRO)
    settings = RateSettings(longest_micro_us=100_000)
    assert [one.kind for one in spot_by_rate(events, times_us, "v", settings)] == ["macro"]


def test_the_eyes_are_left_out_unless_asked_for():
    events, times_us, _ = recording(MICRO)
    eyes = moved(events, -18, 22, 37)
    assert spot_by_rate(eyes, times_us, "v") == []
    assert len(spot_by_rate(eyes, times_us, "v", RateSettings(parts=("eyes",)))) == 1


def test_rest_gives_none():
    rng = np.random.default_rng(0)
    times_us = np.arange(2000, dtype=np.int64) * FRAME_US
    noise = Events(np.sort(rng.integers(0, times_us[-1], 20_000)), rng.integers(0, SIZE, 20_000),
                   rng.integers(0, SIZE, 20_000), rng.random(20_000) < 0.5, (SIZE, SIZE))
    assert spot_by_rate(noise, times_us, "v") == []
    assert spot_by_rate(Events.empty((SIZE, SIZE)), times_us, "v") == []


def test_nearest_frames_by_hand():
    times_us = np.array([0, 10, 20])
    assert nearest_frames(np.array([-5, 4, 5, 6, 10, 15, 16, 99]), times_us).tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_refusals():
    with pytest.raises(ValueError, match="square crop"):
        spot_by_rate(Events.empty((96, 64)), np.array([0, 1]), "v")
    with pytest.raises(ValueError, match="two frames or more"):
        spot_by_rate(Events.empty((96, 96)), np.array([0]), "v")
    with pytest.raises(ValueError, match="longest_micro_us is 0"):
        RateSettings(longest_micro_us=0)
