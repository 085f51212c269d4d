"""Events as spikes: by hand, as a law, in pieces, in any order, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.spiking.bins import spike_tensor


def test_spikes_of_four_events_by_hand() -> None:
    events = Events([5, 9, 10, 19], [0, 1, 7, 3], [0, 0, 7, 4], [1, 1, 0, 1], (8, 8))
    spikes, inside, clipped = spike_tensor(events, 0, 20, 10, size_px=4)
    assert spikes.shape == (2, 2, 4, 4)
    assert sorted(zip(*(place.tolist() for place in np.nonzero(spikes)), strict=True)) == [
        (0, 1, 0, 0), (1, 0, 3, 3), (1, 1, 2, 1)]
    assert (inside, clipped) == (4, 1)


def test_every_event_in_the_box_is_a_spike_or_clipped(small_events: Events) -> None:
    box = Box(4, 2, 20, 20)
    spikes, inside, clipped = spike_tensor(small_events, 0, 50_000, 500, box, 20)
    assert inside == len(small_events.crop(*box))
    assert int(spikes.sum()) == inside - clipped
    assert clipped > 0


@pytest.mark.parametrize("cut", [1, 7, 49])
def test_pieces_equal_the_whole(small_events: Events, cut: int) -> None:
    whole = spike_tensor(small_events, 0, 50_000, 1000, Box(3, 0, 24, 24), 16)
    first = spike_tensor(small_events, 0, cut * 1000, 1000, Box(3, 0, 24, 24), 16)
    second = spike_tensor(small_events.between(cut * 1000, 50_000), cut * 1000, 50_000, 1000, Box(3, 0, 24, 24), 16)
    assert np.array_equal(np.concatenate([first.spikes, second.spikes]), whole.spikes)
    assert first.events + second.events == whole.events
    assert first.clipped + second.clipped == whole.clipped


def test_a_box_smaller_than_the_picture_leaves_no_cell_without_a_pixel() -> None:
    everywhere = np.stack(np.meshgrid(np.arange(12), np.arange(12)), -1).reshape(-1, 2)
    events = Events(np.zeros(144, np.int64), everywhere[:, 0], everywhere[:, 1], np.ones(144, bool), (12, 12))
    assert spike_tensor(events, 0, 10, 10, Box(2, 3, 5, 5), 16).spikes[0, 1].all()
    assert spike_tensor(events, 0, 10, 10, Box(0, 0, 12, 12), 7).spikes[0, 1].all()


def test_a_box_over_the_edge_shows_silence_there(small_events: Events) -> None:
    spikes = spike_tensor(small_events, 0, 50_000, 50_000, Box(-16, 0, 32, 32), 32).spikes
    assert not spikes[..., :16].any()
    assert spikes[..., :24, 16:].any()
    assert not spike_tensor(small_events, 0, 50_000, 50_000, Box(100, 100, 8, 8), 8).spikes.any()


def test_a_box_that_is_not_square_is_not_stretched() -> None:
    events = Events([0], [10], [10], [1], (40, 40))
    wide = spike_tensor(events, 0, 10, 10, Box(0, 5, 20, 10), 20).spikes
    assert np.argwhere(wide[0, 1]).tolist() == [[10, 10]]


def test_events_outside_the_sensor_or_the_stretch_are_harmless() -> None:
    broken = Events.trusted(np.array([-5, 3, 3, 900]), np.array([0, 60_000, 1, 1], np.uint16),
                            np.array([0, 0, 60_000, 1], np.uint16), np.ones(4, bool), (8, 8))
    assert spike_tensor(broken, 0, 10, 10).events == 0


def test_impossible_stretches_are_refused(small_events: Events) -> None:
    with pytest.raises(ValueError, match="dt_us=1000 does not divide the window of 33333 us; use a window of 33000 us"):
        spike_tensor(small_events, 0, 33_333, 1000)
    with pytest.raises(ValueError, match="need dt_us >= 1 and start < stop"):
        spike_tensor(small_events, 10, 10, 1)
    with pytest.raises(ValueError, match="need a box with an area"):
        spike_tensor(small_events, 0, 10, 10, Box(0, 0, 0, 5))
