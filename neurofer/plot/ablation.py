"""Pictures of an ablation: accuracy by share of the labels, and by what was changed, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from neurofer.plot._look import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, bare_axes, titled

_COLOURS = (INK, BLUE, ORANGE, GREEN, QUIET)
_SHAPES = ("o", "s", "^", "D", "v")


class Estimate(NamedTuple):
    """A share of 0..1 with its interval, if it has one."""

    mean: float
    low: float | None = None
    high: float | None = None


Series = Mapping[str, Mapping[str, Estimate]]
"""Estimates by name of the series and by place on the axis below."""


def lines_figure(panels: Mapping[str, Series], places: Sequence[str], below: str, title: str = "",
                 floor: float | None = None) -> Figure:
    """A panel for each network, a line for each mode, over label shares.

    Args:
        panels: By title.
        places: What stands below, from left to right.
        below: What that is.
        title: Above the picture.
        floor: Accuracy that needs no face, as a dashed line.

    Raises:
        ValueError: nothing to draw.
    """
    if not panels or not places:
        raise ValueError("lines_figure: nothing to draw")
    figure = Figure(figsize=(1.2 + 4.2 * len(panels), 3.8), layout="constrained")
    grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    named = []
    for axes, (name, series) in zip(grid, panels.items(), strict=True):
        ends = []
        for number, (one, values) in enumerate(series.items()):
            there = [place for place in places if place in values]
            x = np.array([places.index(place) for place in there]) + 0.06 * (number - (len(series) - 1) / 2)
            _draw(axes, x, [values[place] for place in there], number, joined=True)
            if there:
                ends.append((values[there[-1]].mean, one, number))
        named.append((axes, ends))
        _finish(axes, places, below, name, floor)
    _from_zero(grid)
    for axes, ends in named:
        _name_ends(axes, len(places) - 1 + 0.12, ends)
    grid[0].set_ylabel("accuracy per recording")
    return titled(figure, title)


def points_figure(series: Series, places: Sequence[str], below: str, title: str = "",
                  floor: float | None = None) -> Figure:
    """Estimates side by side at every place: what each change does.

    Args:
        series: By name.
        places: What stands below, from left to right.
        below: What that is.
        title: Above the picture.
        floor: Accuracy that needs no face, as a dashed line.

    Raises:
        ValueError: nothing to draw.
    """
    if not series or not places:
        raise ValueError("points_figure: nothing to draw")
    figure = Figure(figsize=(max(5.0, 1.6 + 1.2 * len(places)), 3.8), layout="constrained")
    axes = figure.subplots()
    step = min(0.22, 0.7 / len(series))
    for number, (name, values) in enumerate(series.items()):
        there = [place for place in places if place in values]
        x = np.array([places.index(place) for place in there]) + step * (number - (len(series) - 1) / 2)
        _draw(axes, x, [values[place] for place in there], number, label=name)
    if len(series) > 1:
        figure.legend(frameon=False, fontsize=9, loc="outside right upper")
    _finish(axes, places, below, "", floor)
    _from_zero([axes])
    axes.set_ylabel("accuracy per recording")
    return titled(figure, title)


def _draw(axes: Any, x: Any, values: Sequence[Estimate], number: int, label: str = "", joined: bool = False) -> None:
    colour, shape = _COLOURS[number % len(_COLOURS)], _SHAPES[number % len(_SHAPES)]
    means = np.array([one.mean for one in values])
    low = np.array([one.mean if one.low is None else one.low for one in values])
    high = np.array([one.mean if one.high is None else one.high for one in values])
    axes.errorbar(x, means, yerr=(means - low, high - means), color=colour, marker=shape, markersize=6, capsize=3,
                  linewidth=1.6 if joined else 0, elinewidth=1.4, label=label or None)


def _name_ends(axes: Any, x: float, ends: list[tuple[float, str, int]]) -> None:
    """Names at the lines' ends, apart from each other where the lines meet."""
    if not ends:
        return
    low, high = axes.get_ylim()
    apart, last = 0.055 * (high - low), -np.inf
    for value, name, number in sorted(ends):
        last = max(value, last + apart)
        axes.annotate(name, (x, last), va="center", color=_COLOURS[number % len(_COLOURS)], fontsize=9,
                      annotation_clip=False)


def _finish(axes: Any, places: Sequence[str], below: str, name: str, floor: float | None) -> None:
    bare_axes(axes)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    if floor is not None:
        axes.axhline(floor, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate("majority", (-0.45, floor), xytext=(0, 3), textcoords="offset points", color=QUIET, fontsize=8)
    axes.set_xlim(-0.5, len(places) - 0.5 + (0.35 if name else 0))
    axes.set_xticks(range(len(places)), places)
    axes.set_xlabel(below)
    axes.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))  # whole per cents
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if name:
        axes.set_title(name, loc="left", fontsize=10, color=INK)


def _from_zero(grid: Sequence[Any]) -> None:
    """One scale for all, from zero to above the highest interval."""
    top = max(axes.get_ylim()[1] for axes in grid)
    for axes in grid:
        axes.set_ylim(0, max(top, 0.05))
