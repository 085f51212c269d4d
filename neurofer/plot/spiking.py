"""Pictures of one recogniser over time: how early it is right, what its layers do, how a recording is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from numpy.typing import NDArray

from neurofer.numbers import short_number
from neurofer.plot._look import BLUE, FAINT, GREEN, INK, QUIET, bare_axes, titled
from neurofer.plot._strip import draw_strip


class Example(NamedTuple):
    """One clip as the network answered it."""

    name: str
    """Of the clip."""
    truth: int
    """Its class number."""
    dt_ms: float
    """Length of a step."""
    output: NDArray[np.float32]
    """``(T, K)`` spikes, or membranes of an integrator, of the output neurons."""
    running: NDArray[np.int64]
    """``(T,)`` class decided after each step."""
    spikes: bool = True
    """Whether ``output`` are spikes."""


def time_figure(anytime: Mapping[str, Any], floor: float, layers: Sequence[Mapping[str, Any]] = (),
                example: Example | None = None, classes: Sequence[str] = (), title: str = "") -> Figure:
    """Accuracy over time, and, of a spiking network, the rates of its layers and one recording's output.

    Args:
        anytime: As ``neurofer.evaluate.anytime`` gives it.
        floor: Accuracy that needs no face.
        layers: As ``neurofer.evaluate.cost`` gives them; none for a network that does not spike.
        example: A clip to show; none to leave that out.
        classes: Class names, for the example.
        title: Above the picture.
    """
    rows = 1 + (example is not None)
    figure = Figure(figsize=(9.0, 3.5 if rows == 1 else 3.4 + 1.5 + 0.22 * len(classes)), layout="constrained")
    grid = figure.add_gridspec(rows, 2 if layers else 1, width_ratios=(1.55, 1) if layers else (1,),
                               height_ratios=(3.4, 1.3 + 0.22 * len(classes))[:rows])
    draw_anytime(figure.add_subplot(grid[0, 0]), anytime, floor)
    if layers:
        draw_rates(figure.add_subplot(grid[0, 1]), layers)
    if example is not None:
        draw_example(figure.add_subplot(grid[1, :]), example, classes)
    return titled(figure, title)


def draw_anytime(axes: Any, anytime: Mapping[str, Any], floor: float) -> None:
    """Accuracy over the time since a clip began, on a logarithmic scale; the reported moments are marked.

    Args:
        axes: Where to draw.
        anytime: As ``neurofer.evaluate.anytime`` gives it.
        floor: Accuracy that needs no face.
    """
    curve = [(ms, value) for ms, value in zip(anytime["curve"]["ms"], anytime["curve"]["accuracy"], strict=True)
             if value is not None]
    last = curve[-1][0]
    said = [(ms, value) for ms, value in zip(anytime["at_ms"], anytime["accuracy"], strict=True)
            if value is not None and ms <= last]
    axes.axhline(floor, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    axes.axhline(anytime["whole"], color=GREEN, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
    lines = sorted(((floor, "majority", QUIET), (anytime["whole"], "whole clip", GREEN)))
    for (value, name, colour), side in zip(lines, ("top", "bottom"), strict=True):
        axes.annotate(f"{name}\n{value:.1%}", (1.0, value), xycoords=("axes fraction", "data"), xytext=(4, 0),
                      textcoords="offset points", ha="left", va=side, fontsize=8, color=colour, annotation_clip=False)
    axes.plot([ms for ms, _ in curve], [value for _, value in curve], color=BLUE, linewidth=1.8,
              drawstyle="steps-post")
    axes.plot([ms for ms, _ in said], [value for _, value in said], color=BLUE, linewidth=0, marker="o", markersize=5)
    for ms, value in said:
        axes.annotate(f"{100 * value:.0f}", (ms, value), xytext=(0, 6), textcoords="offset points", ha="center",
                      fontsize=8, color=INK)
    axes.set_xscale("log")
    ticks = [*(ms for ms in anytime["at_ms"] if ms < 0.75 * last), last]
    axes.set_xticks(ticks, [f"{ms:.0f}" for ms in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(min(min(anytime["at_ms"]), curve[0][0]) / 1.2, last * 1.15)
    axes.set_ylim(0, 1.04)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("ms since the clip began", fontsize=9)
    axes.set_title(f"accuracy if {anytime['clips']} clips ended now", loc="left", fontsize=10, color=INK)
    _plain(axes, "y")


def draw_rates(axes: Any, layers: Sequence[Mapping[str, Any]]) -> None:
    """Spikes per neuron and step of each layer, and what its incoming spikes cost beside the dense network's cost.

    Args:
        axes: Where to draw.
        layers: As ``neurofer.evaluate.cost`` gives them, from the input on.
    """
    places = np.arange(len(layers))
    rates = [layer["rate"] for layer in layers]
    axes.barh(places, rates, height=0.55, color=[BLUE] * (len(layers) - 1) + [GREEN])
    top = max(max(rates), 1e-6)
    for place, layer in zip(places, layers, strict=True):
        done = layer["synaptic_operations_per_decision"]
        share = done / max(layer["dense_macs_per_decision"], 1e-12)
        axes.annotate(f"{layer['rate']:.3f}   {short_number(done)} op, {share:.0%}", (layer["rate"], place),
                      xytext=(4, 0), textcoords="offset points", va="center", fontsize=8, color=INK)
    axes.set_yticks(places, [f"{layer['name']}\n{layer['neurons']}" for layer in layers])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.9 * top)
    axes.set_xlabel("spikes per neuron and step", fontsize=9)
    axes.set_title("rate, and operations a decision", loc="left", fontsize=10, color=INK)
    _plain(axes, "x")
    axes.tick_params(axis="y", length=0)


def draw_example(axes: Any, example: Example, classes: Sequence[str]) -> None:
    """Output of one clip, a row a class; the strip below is blue while the decision is right, orange while it is not.

    It is pale until the first output, when a decision is but the tie of all classes.

    Args:
        axes: Where to draw.
        example: The clip.
        classes: Class names.
    """
    steps, count = example.output.shape
    for number in range(count):
        colour = BLUE if number == example.truth else QUIET
        if example.spikes:
            times = example.dt_ms * (np.flatnonzero(example.output[:, number]) + 0.5)
            axes.vlines(times, number - 0.38, number + 0.38, color=colour, linewidth=1.3)
        else:
            span = float(np.abs(example.output).max()) or 1.0
            axes.plot(example.dt_ms * (np.arange(steps) + 1), number - 0.8 * example.output[:, number] / span,
                      color=colour, linewidth=1.2)
    right, said = example.running == example.truth, np.logical_or.accumulate((example.output != 0).any(axis=1))
    edges = example.dt_ms * np.arange(steps + 1)
    draw_strip(axes, edges, right, said, (count - 0.3, 0.5))
    axes.set_yticks([*range(count), count - 0.05], [*classes, "decided"])
    for number, label in enumerate(axes.get_yticklabels()):
        label.set_color(BLUE if number == example.truth else INK)
    axes.set_ylim(count + 0.4, -0.7)
    axes.set_xlim(0, edges[-1])
    axes.set_xlabel(f"ms since clip {example.name} began; the strip is blue where the decision so far is right",
                    fontsize=9)
    axes.set_title("output spikes of one clip" if example.spikes else "output membranes of one clip", loc="left",
                   fontsize=10, color=INK)
    _plain(axes)
    axes.tick_params(axis="y", length=0)


def _plain(axes: Any, grid: str = "") -> None:
    bare_axes(axes)
    if grid:
        axes.grid(axis=grid, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
