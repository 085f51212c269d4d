"""Pictures of what accuracy costs: over operations, and over the time since a clip began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from neurofer.plot._look import BLUE, GREEN, INK, ORANGE, QUIET, bare_axes
from neurofer.plot.ablation import Estimate

PURPLE = "#7a4fa3"
_COLOURS = (QUIET, INK, BLUE, ORANGE, GREEN, PURPLE)
_SHAPES = ("s", "D", "o", "^", "v", "P")
WHOLE = "whole clip"


class Cost(NamedTuple):
    """What a recogniser needs and gives.

    Attributes:
        operations: Per second of input, more than 0.
        accuracy: With its interval, if it has one.
        label: Stands beside the point; empty for none.
    """

    operations: float
    accuracy: Estimate
    label: str = ""


def operations_figure(points: Mapping[str, Cost], curves: Mapping[str, Sequence[Cost]] | None = None, title: str = "",
                      floor: float | None = None, aim: Cost | None = None) -> Figure:
    """Accuracy over operations per second of input, on a logarithmic scale: a mark for each arm, a line for each lever.

    Args:
        points: By name of the arm.
        curves: Recognisers along one lever, by its name.
        title: Above the picture.
        floor: Accuracy that needs no face, as a dashed line.
        aim: A field up to these operations and from this accuracy on is shaded.

    Raises:
        ValueError: nothing to draw, or operations that are not above 0.
    """
    curves = curves or {}
    every = [*points.values(), *(one for line in curves.values() for one in line)]
    if not every or min(one.operations for one in every) <= 0:
        raise ValueError("operations_figure: need at least one point, and operations above 0")
    figure = Figure(figsize=(7.6, 4.0), layout="constrained")
    axes = figure.subplots()
    for number, (name, line) in enumerate(curves.items()):
        ordered = sorted(line)
        colour = (PURPLE, GREEN, ORANGE, BLUE)[number % 4]
        axes.plot([one.operations for one in ordered], [one.accuracy.mean for one in ordered], color=colour,
                  linewidth=1.2, marker="o", markersize=4.5, markerfacecolor="white", label=name, zorder=2)
        for one in ordered:
            axes.annotate(one.label, (one.operations, one.accuracy.mean), xytext=(0, -11), textcoords="offset points",
                          ha="center", fontsize=7, color=colour)
    for number, (name, one) in enumerate(points.items()):
        mean, low, high = one.accuracy
        axes.errorbar([one.operations], [mean], yerr=_bars(mean, low, high), color=_COLOURS[number % len(_COLOURS)],
                      marker=_SHAPES[number % len(_SHAPES)], markersize=7, capsize=3, elinewidth=1.3, linewidth=0,
                      label=name, zorder=3)
    axes.set_xscale("log")
    low, high = min(one.operations for one in every), max(one.operations for one in every)
    axes.set_xlim(low / 2, high * 2)
    _finish(axes, floor)
    if aim is not None:
        top = axes.get_ylim()[1]
        axes.add_patch(Rectangle((low / 2, aim.accuracy.mean), aim.operations - low / 2, top - aim.accuracy.mean,
                                 color=GREEN, alpha=0.08, linewidth=0, zorder=0, label=aim.label or None))
    axes.set_xlabel("operations per second of input (MACs of an ANN, synaptic operations of an SNN)")
    figure.legend(frameon=False, fontsize=8.5, loc="outside right upper")
    return _titled(figure, title)


def anytime_figure(series: Mapping[str, Mapping[float, Estimate]], whole: Mapping[str, Estimate], title: str = "",
                   floor: float | None = None) -> Figure:
    """Accuracy over the time since a clip began, on a logarithmic scale: a line and a band for each arm.

    Args:
        series: By name of the arm, estimates by time in milliseconds; an arm begins where it can decide.
        whole: With all of the clip, by name of the arm; stands at the right.
        title: Above the picture.
        floor: Accuracy that needs no face, as a dashed line.

    Raises:
        ValueError: nothing to draw, or a time that is not above 0.
    """
    times = sorted({time for values in series.values() for time in values})
    if not times or times[0] <= 0:
        raise ValueError("anytime_figure: need at least one time, and times above 0")
    end = times[-1] * 2
    figure = Figure(figsize=(7.6, 4.0), layout="constrained")
    axes = figure.subplots()
    for number, (name, values) in enumerate(series.items()):
        colour, shape = _COLOURS[number % len(_COLOURS)], _SHAPES[number % len(_SHAPES)]
        there = sorted(values)
        if there:
            axes.plot(there, [values[time].mean for time in there], color=colour, linewidth=1.6, marker=shape,
                      markersize=4.5, label=name)
            edges = [(values[time].mean if low is None else low, values[time].mean if high is None else high)
                     for time in there for _, low, high in (values[time],)]
            axes.fill_between(there, [low for low, _ in edges], [high for _, high in edges], color=colour, alpha=0.10,
                              linewidth=0)
        if name in whole:
            mean, low, high = whole[name]
            place = end * 1.07 ** (number - (len(series) - 1) / 2)
            axes.errorbar([place], [mean], yerr=_bars(mean, low, high), color=colour, marker=shape, markersize=6,
                          capsize=2, elinewidth=1.2, linewidth=0, label=None if there else name)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator([*times, end]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([*(f"{time:g}" for time in times), WHOLE])
    axes.set_xlim(times[0] / 1.2, end * 1.5)
    _finish(axes, floor)
    axes.set_xlabel("milliseconds since the clip began")
    figure.legend(frameon=False, fontsize=8.5, loc="outside right upper")
    return _titled(figure, title)


def _bars(mean: float, low: float | None, high: float | None) -> Any:
    """Lengths below and above, as errorbar wants them; None without an interval."""
    return None if low is None or high is None else [[mean - low], [high - mean]]


def _finish(axes: Any, floor: float | None) -> None:
    bare_axes(axes)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_ylim(0, min(max(axes.get_ylim()[1], 0.05), 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("accuracy per recording")
    if floor is not None:
        axes.axhline(floor, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate("majority", (0, floor), xycoords=("axes fraction", "data"), xytext=(3, 3),
                      textcoords="offset points", color=QUIET, fontsize=8)


def _titled(figure: Figure, title: str) -> Figure:
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return figure
