"""Slices of a fixed number of events and their binary frames."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.spiking.slices import central_slices, slice_frames


def row(count: int) -> Events:
    """Event n at n us, on pixel (n mod 20, n mod 12), ON where n is even."""
    n = np.arange(count)
    return Events(n, n % 20, n % 12, n % 2 == 0, (20, 12))


@pytest.mark.parametrize(("count", "starts", "size"), [
    (15_000, range(0, 15_000, 2_500), 2_500),
    (14_999, range(0, 6 * 2_499, 2_499), 2_499),  # six equal slices, five events left
    (20_000, range(2_500, 17_500, 2_500), 2_500),  # eight slices, the second to the seventh
    (22_499, range(2_500, 17_500, 2_500), 2_500),
    (17_500, range(0, 15_000, 2_500), 2_500),  # seven slices, the earlier six
    (13, range(0, 12, 2), 2),
    (5, [0] * 6, 0),
])
def test_slices_by_hand(count: int, starts: range, size: int) -> None:
    parts = central_slices(row(count))
    assert [len(part) for part in parts] == [size] * 6
    if size:
        assert [part.start_us for part in parts] == list(starts)


def test_frames_by_hand() -> None:
    frames = slice_frames(row(12), size_px=20, frames=3, per_frame=4)
    assert frames.shape == (3, 2, 20, 20)
    for number in range(12):  # the square around a 20 x 12 sensor starts four rows above it
        assert frames[number // 4, 1 - number % 2, number % 12 + 4, number % 20] == 1
    assert frames.sum() == 12


def test_frames_are_the_nearest_pixels_and_polarities_change_places() -> None:
    box, events = Box(2, 1, 10, 10), row(3_000)
    full = slice_frames(events, box, 10, per_frame=100)
    np.testing.assert_array_equal(slice_frames(events, box, 5, per_frame=100), full[..., ::2, ::2])
    np.testing.assert_array_equal(slice_frames(events, box, 20, per_frame=100), full.repeat(2, 2).repeat(2, 3))
    inverted = Events(events.t, events.x, events.y, ~events.p, events.sensor)
    np.testing.assert_array_equal(slice_frames(inverted, box, 10, per_frame=100), full[:, ::-1])


def test_without_events_frames_are_silent() -> None:
    assert not slice_frames(Events.empty((8, 8)), size_px=4).any()


def test_impossible_slices_are_refused() -> None:
    for words in ({"frames": 0}, {"per_frame": 0}):
        with pytest.raises(ValueError, match="need frames >= 1 and per_frame >= 1"):
            central_slices(row(3), **words)
    with pytest.raises(ValueError, match="need size_px >= 1"):
        slice_frames(row(3), size_px=0)
