"""Figures of networks at work: rasters, membranes, maps, latencies, reliability."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.evaluate.calibration import calibration
from neurofer.plot._look import BLUE
from neurofer.plot.features import feature_maps_figure
from neurofer.plot.latency import latency_figure
from neurofer.plot.membranes import membrane_figure
from neurofer.plot.raster import raster_figure
from neurofer.plot.reliability import reliability_figure


def spikes(steps: int, neurons: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((steps, neurons)) < 0.1


def test_a_mark_for_every_spike_of_what_is_shown() -> None:
    hidden, last = spikes(50, 400), spikes(50, 3, 1)
    figure = raster_figure({"conv1": hidden, "dense1": last}, 2.0, classes=("a", "b", "c"), truth=1, most=100,
                           decided=np.zeros(50, np.int64))
    first, rate, second = figure.axes[0], figure.axes[1], figure.axes[2]
    assert len(first.collections[0].get_segments()) == hidden[:, ::4].sum()
    assert "400 neurons, 100 shown" in first.get_title(loc="right")
    assert rate.patches[0].get_width() == pytest.approx(hidden[:, 0].sum() / 0.1)  # 50 steps of 2 ms
    times = sorted({float(segment[0, 0]) for segment in second.collections[0].get_segments()})
    np.testing.assert_allclose(times, 2.0 * (np.flatnonzero(last.any(1)) + 0.5))
    assert [label.get_color() == BLUE for label in second.get_yticklabels()] == [False, True, False]


def test_a_raster_of_layers_that_do_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="the same T"):
        raster_figure({"a": spikes(5, 2), "b": spikes(6, 2)}, 1.0)
    with pytest.raises(ValueError, match="a name for each"):
        raster_figure({"a": spikes(5, 2)}, 1.0, classes=("x",))


def test_a_membrane_falls_to_zero_where_it_fires() -> None:
    membranes, fired = np.array([[0.5], [1.5], [0.25]]), np.array([[False], [True], [False]])
    figure = membrane_figure(membranes, fired, 2.0, names=["n"], start_ms=10.0)
    line = figure.axes[0].get_lines()[0]
    np.testing.assert_array_equal(line.get_xdata(), [12, 12, 14, 14, 16, 16])
    np.testing.assert_array_equal(line.get_ydata(), [0.5, 0.5, 1.5, 0.0, 0.25, 0.25])
    assert "1 spike" in [text.get_text() for text in figure.axes[0].texts]
    with pytest.raises(ValueError, match="N of 1..16"):
        membrane_figure(np.zeros((3, 17)), np.zeros((3, 17), bool), 1.0)


def test_the_busiest_maps_are_shown_in_their_order() -> None:
    maps = np.random.default_rng(0).random((6, 4, 4)) * np.array([1, 9, 1, 5, 1, 7])[:, None, None]
    figure = feature_maps_figure({"conv1": maps, "dense1": np.ones((12, 1, 1))}, most=3, unit="spikes")
    assert [axes.get_xlabel() for axes in figure.axes[:3]] == ["1", "3", "5"]
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), maps[3])
    assert len(figure.axes[3].patches) == 12
    with pytest.raises(ValueError, match="finite maps"):
        feature_maps_figure({"conv1": np.full((2, 3, 3), np.nan)})


def test_a_latency_is_waiting_and_computing() -> None:
    computing, waiting = np.full(100, 4.0), np.r_[np.zeros(90), np.full(10, 60.0)]
    figure = latency_figure(computing, waiting, 100.0, limit_ms=33.0)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert [word for word in words if word.startswith("p")] == ["p50  4 ms", "p95  64 ms", "p99  64 ms"]
    assert "limit 33 ms: 10.0% later" in words
    grey, blue = figure.axes[1].patches[4:6]  # of p99
    assert (grey.get_width(), blue.get_width()) == pytest.approx((60.0, 4.0))


def test_times_that_are_none_are_refused() -> None:
    for bad in ([], [np.nan], [-1.0]):
        with pytest.raises(ValueError, match="computing times above 0"):
            latency_figure(bad)
    with pytest.raises(ValueError, match="one for all"):
        latency_figure([1.0, 2.0, 3.0], None, [1.0, 2.0])


def test_bars_and_their_gaps_reach_accuracy_and_confidence() -> None:
    probabilities = np.array([[0.9, 0.1]] * 4 + [[0.3, 0.7]] * 4)
    found = calibration(probabilities, np.array([0, 0, 0, 1, 1, 1, 1, 1]))
    figure = reliability_figure(found, "t")
    tops = [bar.get_height() for bar in figure.axes[0].patches[:2]]
    assert tops == pytest.approx([0.7, 0.75])  # the smaller of both: 0.7 of (1, 0.7), 0.75 of (0.75, 0.9)
    assert "ECE 22.5%" in figure.axes[0].texts[0].get_text()
