"""A picture of an ablation with many variants: a score and its interval, one below the other."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from neurofer.plot._look import BLUE, FAINT, INK, QUIET, bare_axes
from neurofer.plot.ablation import Estimate


def variants_figure(estimates: Mapping[str, Estimate], below: str, title: str = "",
                    floors: Mapping[str, float] | None = None) -> Figure:
    """Variants from top to bottom; the first is what the others are compared with, so its mean is a line through all.

    Args:
        estimates: By name.
        below: What the axis shows.
        title: Above the picture.
        floors: What needs no face, as dashed lines, by name.

    Raises:
        ValueError: nothing to draw.
    """
    if not estimates:
        raise ValueError("variants_figure: nothing to draw")
    figure = Figure(figsize=(7.2, 1.3 + 0.3 * len(estimates)), layout="constrained")
    axes = figure.subplots()
    bare_axes(axes)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.axvline(next(iter(estimates.values())).mean, color=BLUE, linewidth=0.9, alpha=0.5, zorder=0)
    for place, one in enumerate(estimates.values()):
        low = one.mean if one.low is None else one.low
        high = one.mean if one.high is None else one.high
        axes.errorbar([one.mean], [place], xerr=[[max(0.0, one.mean - low)], [max(0.0, high - one.mean)]], marker="o",
                      markersize=5, color=INK if place else BLUE, capsize=3, elinewidth=1.4, linewidth=0)
    ends = [edge for one in estimates.values() for edge in one if edge is not None]
    known = floors or {}
    left, right = max(0.0, min(*ends, *known.values(), 1) - 0.04), min(1.0, max(*ends, *known.values(), 0) + 0.04)
    for name, floor in known.items():
        axes.axvline(floor, color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axes.annotate(name, (floor, len(estimates) - 0.5), xytext=(3, 3), textcoords="offset points", color=QUIET,
                      fontsize=8, rotation=90, va="bottom")
    axes.set_xlim(left, right)
    axes.set_ylim(len(estimates) - 0.5, -0.5)
    axes.set_yticks(range(len(estimates)), list(estimates))
    axes.set_xlabel(below)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return figure
