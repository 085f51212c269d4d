"""Figures of events: clouds, rates, and one window in every representation."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.events.recording import MemoryRecording
from neurofer.plot.cloud import event_cloud_figure, thinned_evenly
from neurofer.plot.rate import event_rate, rate_figure
from neurofer.plot.relatives import representations_sheet
from neurofer.represent.registry import KINDS
from neurofer.represent.voxel import VoxelGrid


def test_a_thinned_cloud_says_so_and_keeps_events_of_all_times(face_events: Events) -> None:
    figure = event_cloud_figure(face_events, most=500, box=Box(30, 10, 60, 70))
    x, depth, y = figure.axes[0].collections[0]._offsets3d
    assert len(x) == 500
    np.testing.assert_array_equal(x, face_events.x[::40])  # 20 000 events, one of 40
    np.testing.assert_array_equal(y, face_events.y[::40])
    assert depth.max() > 290  # milliseconds
    assert "500 of 20,000 events" in figure.texts[0].get_text()
    assert figure.axes[0].get_zlim() == (96, 0)  # y downwards, as on the sensor


def test_few_events_are_all_there_in_their_colours() -> None:
    events = Events([0, 10, 20], [0, 1, 2], [0, 1, 2], [1, 0, 1], (4, 4))
    figure = event_cloud_figure(events, window_us=(5, 30))
    assert figure.texts[0].get_text() == "2 events"
    np.testing.assert_array_equal(thinned_evenly(3, 3), [0, 1, 2])
    np.testing.assert_array_equal(thinned_evenly(10, 3), [0, 3, 6])


def test_rate_by_hand_and_the_sum_is_the_number_of_events(face_events: Events) -> None:
    events = Events([100, 101, 150, 199], [0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0], (2, 2))
    edges, rate = event_rate(events, 2)
    np.testing.assert_array_equal(edges, [100, 150, 200])
    np.testing.assert_allclose(rate, np.array([[1, 2], [1, 0]]) / 50e-6)  # quotients in another order
    edges, rate = event_rate(face_events)
    assert (rate * np.diff(edges) / 1e6).sum() == pytest.approx(len(face_events))


def test_a_recording_has_the_rate_of_its_events(face_events: Events) -> None:
    for one, other in zip(event_rate(MemoryRecording(face_events), 50), event_rate(face_events, 50), strict=True):
        np.testing.assert_array_equal(one, other)
    figure = rate_figure(face_events, moments_us={"apex": face_events.start_us + 100_000},
                         windows_us=[(0, 10_000)], title="rate")
    assert [text.get_text() for text in figure.axes[0].texts] == ["apex"]
    assert figure.axes[0].get_lines()[0].get_xdata()[0] == pytest.approx(100.0)  # ms after the first event


def test_every_representation_has_a_panel(face_events: Events) -> None:
    figure = representations_sheet(face_events, (100_000, 133_000), box=Box(30, 10, 60, 70))
    names = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert names == ["event frame", *KINDS]


def test_tiles_are_the_channels(face_events: Events) -> None:
    figure = representations_sheet(face_events, (100_000, 133_000), [VoxelGrid(bins=5), "tie"])
    tiles, colours = (axes.images[0].get_array() for axes in figure.axes[1:3])
    assert tiles.shape[:2] == (2 * 96 + 2, 2 * 128 + 2)
    assert (tiles[96:98] == 1).all()  # the gap
    assert colours.shape == (96, 128, 3)


def test_nothing_to_draw_is_refused(face_events: Events) -> None:
    empty = Events.empty((8, 8))
    with pytest.raises(ValueError, match="at least one event in the window"):
        event_cloud_figure(face_events, window_us=(10**7, 10**7 + 1))
    with pytest.raises(ValueError, match="at least one event and one bin"):
        rate_figure(empty)
    with pytest.raises(ValueError, match="one kind"):
        representations_sheet(face_events, (0, 1_000_000), [])
