"""Decisions over time: the true class is drawn, rivals are named, nothing to draw is refused."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.plot.decisions import BLUE, DecisionTrack, decisions_figure

CLASSES = ("a", "b", "c", "d")


def track(name: str = "ann", count: int = 10) -> DecisionTrack:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4) * 0.7, count)
    return DecisionTrack(name, np.arange(count) * 33_333 + 1_100_000, probabilities)


def test_a_panel_for_each_track_and_one_for_the_events() -> None:
    figure = decisions_figure([track("ann"), track("snn", 3)], CLASSES, np.arange(1_000_000, 1_400_000, 100), truth="c",
                              moments_us={"onset": 1_050_000, "apex": 1_200_000}, title="t")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["ann", "snn", "thousand events a second"]
    first = figure.axes[0]
    lines = {line.get_label(): line for line in first.get_lines() if not line.get_label().startswith("_")}
    assert len(lines) == 3
    assert lines["c"].get_color() == BLUE
    np.testing.assert_allclose(lines["c"].get_xdata()[0], 0.1)  # seconds since the first event
    np.testing.assert_array_equal(lines["c"].get_ydata(), track().probabilities[:, 2])


def test_without_truth_and_without_events() -> None:
    figure = decisions_figure([track(count=1)], CLASSES, np.zeros(0, np.int64))
    strongest = CLASSES[int(track(count=1).probabilities.argmax())]
    colours = {line.get_label(): line.get_color() for line in figure.axes[0].get_lines()}
    assert colours[strongest] == BLUE


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one track"):
        decisions_figure([], CLASSES, np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="at least one decision"):
        decisions_figure([track(count=0)], CLASSES, np.zeros(0, np.int64))
