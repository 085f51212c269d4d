"""Noise filters."""

import numpy as np
import pytest

from neurofer.events import Events
from neurofer.events.noise import hot_pixels, pixel_counts, without_background, without_pixels


def make(rows, sensor=(8, 6)):
    t, x, y = (list(column) for column in zip(*rows, strict=True))
    return Events(t, x, y, [1] * len(t), sensor)


def test_background_by_hand():
    events = make([(0, 2, 2), (50, 3, 3), (200, 3, 3), (250, 5, 5), (260, 2, 2), (300, 0, 0)])
    kept, _ = without_background(events, support_us=100)
    assert kept.t.tolist() == [50, 260]


def test_background_in_pieces_is_the_whole(face_events):
    whole, _ = without_background(face_events, 3_000)
    first, state = without_background(face_events[:7_001], 3_000)
    second, _ = without_background(face_events[7_001:], 3_000, state)
    assert np.array_equal(Events.concatenate([first, second]).t, whole.t)
    assert 0 < len(whole) < len(face_events)


def test_a_longer_support_keeps_more(face_events):
    kept = [len(without_background(face_events, support)[0]) for support in (100, 1_000, 10_000, 100_000)]
    assert kept == sorted(kept)


def test_a_hot_pixel_is_found_and_an_edge_is_not():
    rows = [(k, 1, 1) for k in range(300)] + [(300 + k, 5, k % 6) for k in range(300)]
    events = make(rows)
    mask = hot_pixels(pixel_counts(events))
    assert np.argwhere(mask).tolist() == [[1, 1]]
    assert len(without_pixels(events, mask)) == 300


def test_refusals(face_events):
    with pytest.raises(ValueError, match="support_us must be at least 1"):
        without_background(face_events, 0)
    with pytest.raises(ValueError, match="the state is of a 8x6 sensor"):
        without_background(face_events, 10, without_background(make([(0, 1, 1)]))[1])
    with pytest.raises(ValueError, match="factor > 1"):
        hot_pixels(np.zeros((3, 3), int), 1.0)
    with pytest.raises(ValueError, match="the mask is"):
        without_pixels(face_events, np.zeros((2, 2), bool))
