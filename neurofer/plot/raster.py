"""Spikes of every layer over time: a raster, and how often each neuron fires."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.plot._look import BLUE, FAINT, INK, QUIET, bare_axes, titled
from neurofer.plot._strip import draw_strip
from neurofer.plot.cloud import thinned_evenly

MOST_NEURONS = 160
_NAMED = 24
"""Neurons up to which a layer's rows are tall and can have names."""


def raster_figure(layers: Mapping[str, NDArray[Any]], dt_ms: float, *, classes: Sequence[str] = (),
                  decided: NDArray[np.int64] | None = None, truth: int | None = None, most: int = MOST_NEURONS,
                  title: str = "") -> Figure:
    """A panel for each layer with a mark for every spike, and beside it how often each neuron fired.

    Args:
        layers: By name, from the input on, ``(T, N)`` spikes: anything but 0 is one. Of layers with more neurons than
            ``most`` evenly many are shown, which is said; the rate in the heading is that of all.
        dt_ms: Length of a step in milliseconds, above 0.
        classes: Names of the last layer's neurons.
        decided: ``(T,)`` class decided after each step, for a strip below that is blue while it is right (without
            ``truth``: while it is the last one), orange while not, and pale before the first spike of the last layer.
        truth: Class number; its row is blue.
        most: Most neurons drawn of a layer, at least 1.
        title: Above the picture.

    Raises:
        ValueError: no layer, layers of unequal or no steps, or numbers that do not fit them.
    """
    steps = {len(spikes) for spikes in layers.values() if spikes.ndim == 2}
    if len(steps) != 1 or 0 in steps or any(spikes.ndim != 2 or not spikes.shape[1] for spikes in layers.values()):
        raise ValueError(f"raster_figure: need layers (T, N) with the same T >= 1 and N >= 1, got "
                         f"{[spikes.shape for spikes in layers.values()]}")
    count, last = steps.pop(), list(layers.values())[-1]
    if not dt_ms > 0 or most < 1 or (classes and len(classes) != last.shape[1]) or (
            decided is not None and len(decided) != count):
        raise ValueError(f"raster_figure: need dt_ms > 0, most >= 1, a name for each of the last layer's "
                         f"{last.shape[1]} neurons and a decision for each of {count} steps, got {dt_ms}, {most}, "
                         f"{len(classes)} and {None if decided is None else len(decided)}")
    heights = [_height_in(min(spikes.shape[1], most)) for spikes in layers.values()]
    figure = Figure(figsize=(8.6, sum(heights) + 0.36 * len(layers) + 0.5 + (0.3 if title else 0)),
                    layout="constrained", dpi=130)
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.03, hspace=0.02)  # type: ignore[union-attr,call-arg]
    panels: Any = figure.subplots(len(layers), 2, squeeze=False, sharex="col", height_ratios=heights,
                                  width_ratios=(5.2, 1))
    for (left, right), (name, spikes) in zip(panels, layers.items(), strict=True):
        _draw_layer(left, right, name, spikes != 0, dt_ms, most, truth if spikes is last else None)
    left = panels[-1, 0]
    if classes:
        left.set_yticks(range(len(classes)), classes, fontsize=8)
        for number, label in enumerate(left.get_yticklabels()):
            label.set_color(BLUE if number == truth else INK)
    if decided is not None:
        rows = last.shape[1] if last.shape[1] <= most else most
        deep = 0.06 * rows if rows > _NAMED else 0.6
        aim = int(decided[-1]) if truth is None else truth
        draw_strip(left, dt_ms * np.arange(count + 1), decided == aim,
                   np.logical_or.accumulate((last != 0).any(axis=1)), (rows - 0.3, deep))
        left.set_ylim(rows - 0.2 + deep, -0.6)
    left.set_xlim(0, dt_ms * count)
    left.set_xlabel("milliseconds", fontsize=9, color=INK)
    panels[-1, 1].set_xlim(0, 1.06 * panels[-1, 1].get_xlim()[1])
    panels[-1, 1].set_xlabel("spikes a second", fontsize=9, color=INK)
    return titled(figure, title)


def _height_in(rows: int) -> float:
    return 0.25 + 0.14 * rows if rows <= _NAMED else 1.45


def _draw_layer(left: Any, right: Any, name: str, spikes: NDArray[np.bool_], dt_ms: float, most: int,
                truth: int | None) -> None:
    steps, neurons = spikes.shape
    places = thinned_evenly(neurons, most)
    rows = len(places)
    shown = spikes[:, places]
    time, row = np.nonzero(shown)
    colours = [BLUE if truth is not None and number == truth else INK for number in row]
    tall, width = (0.4, 1.1) if rows <= _NAMED else (0.5, 0.75)
    left.vlines(dt_ms * (time + 0.5), row - tall, row + tall, color=colours or INK, linewidth=width)
    rates = shown.sum(0) / (steps * dt_ms / 1e3)
    right.barh(np.arange(rows), rates, height=0.7 if rows <= _NAMED else 1.0, linewidth=0,
               color=[BLUE if number == truth else "#a9b4c0" for number in range(rows)])
    said = f"{neurons:,} neurons" + (f", {rows} shown" if rows < neurons else "")
    left.set_title(name, loc="left", fontsize=10, color=INK, pad=4)
    left.set_title(f"{said}; {spikes.mean() * 1e3 / dt_ms:.3g} spikes a second each", loc="right", fontsize=8,
                   color=QUIET, pad=4)
    for axes in (left, right):
        bare_axes(axes)
        axes.set_ylim(rows - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.tick_params(labelsize=8)
        axes.set_yticks([])
    right.grid(axis="x", color=FAINT, linewidth=0.8)
    right.set_axisbelow(True)
    left.tick_params(axis="x", length=2)
    right.locator_params(axis="x", nbins=3)
