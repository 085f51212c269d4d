"""Figures of an ablation: every estimate is drawn where it belongs, and nothing is cut."""

from __future__ import annotations

import pytest

from neurofer.plot.ablation import Estimate, lines_figure, points_figure

SERIES = {"scratch": {"10 %": Estimate(0.4, 0.3, 0.5), "100 %": Estimate(0.6)},
          "linear": {"100 %": Estimate(0.9, 0.8, 1.0)}}


def test_panels_share_a_scale_from_zero_to_above_the_highest_interval() -> None:
    figure = lines_figure({"frame": SERIES, "LSTM": {"scratch": SERIES["scratch"]}}, ["10 %", "100 %"], "labels",
                          floor=0.125)
    scales = [axes.get_ylim() for axes in figure.axes]
    assert scales[0] == scales[1]
    assert scales[0][0] == 0
    assert scales[0][1] > 1.0
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["frame", "LSTM"]


def test_a_point_for_every_estimate() -> None:
    figure = points_figure(SERIES, ["10 %", "100 %"], "labels", "title")
    heights = [list(bars.lines[0].get_ydata()) for bars in figure.axes[0].containers]
    assert heights == [[0.4, 0.6], [0.9]]


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        points_figure({}, ["a"], "x")
    with pytest.raises(ValueError, match="nothing to draw"):
        lines_figure({"a": {}}, [], "x")
