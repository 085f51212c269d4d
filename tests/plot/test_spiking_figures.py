"""Pictures of a recogniser over time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from neurofer.plot.report import figure_png
from neurofer.plot.spiking import Example, time_figure

ANYTIME = {"at_ms": [20, 50, 100, 200], "accuracy": [None, 0.25, 0.5, 0.75], "whole": 0.75, "clips": 8,
           "curve": {"ms": [40.0, 80.0, 120.0, 160.0, 300.0], "accuracy": [0.25, 0.4, 0.5, 0.6, 0.75]}}
LAYERS = [{"name": "conv1", "neurons": 256, "rate": 0.12, "synaptic_operations_per_decision": 2_570.0,
           "dense_macs_per_decision": 46_000.0},
          {"name": "dense1", "neurons": 3, "rate": 0.0, "synaptic_operations_per_decision": 0.0,
           "dense_macs_per_decision": 3_840.0}]


def example(**more: Any) -> Example:
    output = np.zeros((10, 3), np.float32)
    output[[2, 5, 7], [0, 1, 1]] = 1
    running = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    return Example("s1_2", 1, 10.0, output, running)._replace(**more)


def test_an_ann_has_its_curve_alone() -> None:
    figure = time_figure(ANYTIME, 0.125, title="ann")
    (axes,) = figure.axes
    curve, marks = (np.asarray(line.get_xydata()) for line in axes.lines[-2:])
    assert curve.tolist() == [[40.0, 0.25], [80.0, 0.4], [120.0, 0.5], [160.0, 0.6], [300.0, 0.75]]
    assert marks.tolist() == [[50.0, 0.25], [100.0, 0.5], [200.0, 0.75]]  # at 20 ms nothing was said
    assert figure_png(figure)[:4] == b"\x89PNG"


@pytest.mark.parametrize("spikes", [True, False])
def test_an_snn_shows_its_layers_and_a_clip(spikes: bool) -> None:
    figure = time_figure(ANYTIME, 0.125, LAYERS, example(spikes=spikes), ("down", "left", "right"))
    _, rates, raster = figure.axes
    assert [bar.get_width() for bar in rates.patches if isinstance(bar, Rectangle)] == [0.12, 0.0]
    assert [text.get_text() for text in raster.get_yticklabels()] == ["down", "left", "right", "decided"]
    ticks = [one for one in raster.collections if isinstance(one, LineCollection)]
    if spikes:  # in the middle of their step
        assert [segment[0, 0] for one in ticks for segment in one.get_segments()] == [25.0, 55.0, 75.0]
    else:
        assert len(raster.lines) == 3
    strips = [path.get_extents() for one in raster.collections if not isinstance(one, LineCollection)
              for path in one.get_paths()]
    assert sorted((strip.x0, strip.x1) for strip in strips) == [(0.0, 20.0), (20.0, 70.0), (70.0, 100.0)]
    assert figure_png(figure)[:4] == b"\x89PNG"


def test_a_network_that_is_silent_or_never_sure_is_drawn() -> None:
    silent = [layer | {"rate": 0.0} for layer in LAYERS]
    nothing = example(output=np.zeros((10, 3), np.float32), running=np.zeros(10, np.int64))
    flat = ANYTIME | {"whole": 0.125, "curve": {"ms": [40.0], "accuracy": [0.125]}}
    assert len(figure_png(time_figure(flat, 0.125, silent, nothing, ("a", "b", "c")))) > 1_000
