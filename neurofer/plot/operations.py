"""Pictures of what accuracy costs: over operations, and over the time since a clip began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator, PercentFormatter

from neurofer.plot._look import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, bare_axes, titled
from neurofer.plot.ablation import Estimate

PURPLE = "#7a4fa3"
_COLOURS = (QUIET, INK, BLUE, ORANGE, GREEN, PURPLE)
_SHAPES = ("s", "D", "o", "^", "v", "P")
WHOLE = "whole\nrecording"


Series = Mapping[str, Mapping[float, Estimate]]
"""Estimates by name of the arm and by time in milliseconds."""


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
                      floor: float | None = None, aim: Cost | None = None, among: Sequence[str] = ()) -> Figure:
    """Accuracy over operations per second of input, on a logarithmic scale: a mark for each arm, a line for each lever.

    Args:
        points: By name of the arm.
        curves: Recognisers along one lever, by its name.
        title: Above the picture.
        floor: Accuracy that needs no face, as a dashed line.
        aim: A field up to these operations and from this accuracy on is shaded.
        among: All names that pictures of this kind show; each keeps its colour and mark.

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
    for name, one in points.items():
        mean, low, high = one.accuracy
        colour, shape = _mark(name, among or list(points))
        axes.errorbar([one.operations], [mean], yerr=_bars(mean, low, high), color=colour, marker=shape, markersize=7,
                      capsize=3, elinewidth=1.3, linewidth=0, label=name, zorder=3)
    axes.set_xscale("log")
    low, high = min(one.operations for one in every), max(one.operations for one in every)
    axes.set_xlim(low / 2, high * 2)
    _finish(axes, floor)
    if aim is not None:
        top = axes.get_ylim()[1]
        axes.add_patch(Rectangle((low / 2, aim.accuracy.mean), aim.operations - low / 2, top - aim.accuracy.mean,
                                 color=GREEN, alpha=0.08, linewidth=0, zorder=0, label=aim.label or None))
    axes.set_xlabel("MACs or synaptic operations per second of input")
    handles, names = axes.get_legend_handles_labels()
    order = sorted(range(len(names)), key=lambda place: names[place] not in points)
    figure.legend([handles[place] for place in order], [names[place] for place in order], frameon=False, fontsize=8.5,
                  loc="outside right upper")
    return titled(figure, title)


def anytime_figure(panels: Mapping[str, Series], whole: Mapping[str, Estimate], title: str = "",
                   floor: float | None = None, among: Sequence[str] = ()) -> Figure:
    """Accuracy over time on a logarithmic scale, a panel for each moment that time counts from.

    Args:
        panels: By what stands below, estimates by name of the arm and time in milliseconds; a line and a band for each
            arm, which begins where it can decide.
        whole: With all of the clip, by name of the arm; stands at the right of each panel.
        title: Above the picture.
        floor: Accuracy that needs no face, as a dashed line.
        among: All names that pictures of this kind show; each keeps its colour and mark.

    Raises:
        ValueError: nothing to draw, or a time that is not above 0.
    """
    times = [sorted({time for values in series.values() for time in values}) for series in panels.values()]
    if not times or not all(times) or min(each[0] for each in times) <= 0:
        raise ValueError("anytime_figure: need at least one time in each panel, and times above 0")
    figure = Figure(figsize=(2.4 + 4.6 * len(panels), 4.0), layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (below, series), known in zip(grid, panels.items(), times, strict=True):
        end = known[-1] * 2
        for number, (name, values) in enumerate(series.items()):
            colour, shape = _mark(name, among or list(whole))
            _band(axes, values, colour, shape)
            if name in whole:
                mean, low, high = whole[name]
                axes.errorbar([end * 1.07 ** (number - (len(series) - 1) / 2)], [mean], yerr=_bars(mean, low, high),
                              color=colour, marker=shape, markersize=6, capsize=2, elinewidth=1.2, linewidth=0,
                              label=name)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator([*known, end]))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticklabels([*(f"{time:g}" for time in known), WHOLE])
        axes.set_xlim(known[0] / 1.2, end * 1.5)
        axes.set_xlabel(below)
    for axes in grid:
        _finish(axes, floor)
    for axes in grid[1:]:
        axes.set_ylabel("")
    handles, names = grid[0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, fontsize=8.5, loc="outside right upper")
    return titled(figure, title)


def _band(axes: Any, values: Mapping[float, Estimate], colour: str, shape: str) -> None:
    """A line with its intervals as a band; nothing where there is no time."""
    there = sorted(values)
    if not there:
        return
    found = [values[time] for time in there]
    axes.plot(there, [one.mean for one in found], color=colour, linewidth=1.6, marker=shape, markersize=4.5)
    axes.fill_between(there, [one.mean if one.low is None else one.low for one in found],
                      [one.mean if one.high is None else one.high for one in found], color=colour, alpha=0.10,
                      linewidth=0)


def _mark(name: str, among: Sequence[str]) -> tuple[str, str]:
    """Colour and mark of a name."""
    number = list(among).index(name)
    return _COLOURS[number % len(_COLOURS)], _SHAPES[number % len(_SHAPES)]


def _bars(mean: float, low: float | None, high: float | None) -> Any:
    """Lengths below and above, as errorbar wants them; None without an interval."""
    return None if low is None or high is None else [[mean - low], [high - mean]]


def _finish(axes: Any, floor: float | None) -> None:
    bare_axes(axes)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_ylim(0, min(max(axes.get_ylim()[1] + 0.03, 0.05), 1.02))
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))  # whole per cents
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_ylabel("accuracy per recording")
    if floor is not None:
        axes.axhline(floor, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate("majority", (0, floor), xycoords=("axes fraction", "data"), xytext=(3, -10),
                      textcoords="offset points", color=QUIET, fontsize=8)
