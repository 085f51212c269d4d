"""A picture of an ablation with many variants: a score and its interval, one below the other."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from neurofer.plot._look import BLUE, FAINT, INK, QUIET, bare_axes, titled
from neurofer.plot.ablation import Estimate


def variants_figure(estimates: Mapping[str, Estimate], below: str, title: str = "",
                    floors: Mapping[str, float] | None = None) -> Figure:
    """Variants from top to bottom; the first is what the others are compared with, so its mean is a line through all.

    Args:
        estimates: By name.
        below: What the axis shows.
        title: Above the picture.
        floors: What needs no face, in quiet at the bottom, by name.

    Raises:
        ValueError: nothing to draw.
    """
    if not estimates:
        raise ValueError("variants_figure: nothing to draw")
    rows = [*estimates.items(), *((name, Estimate(floor)) for name, floor in (floors or {}).items())]
    figure = Figure(figsize=(7.2, 1.3 + 0.27 * len(rows)), layout="constrained")
    axes = figure.subplots()
    bare_axes(axes)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.axvline(rows[0][1].mean, color=BLUE, linewidth=0.9, alpha=0.5, zorder=0)
    for place, (_, one) in enumerate(rows):
        low = one.mean if one.low is None else one.low
        high = one.mean if one.high is None else one.high
        colour = BLUE if not place else INK if place < len(estimates) else QUIET
        axes.errorbar([one.mean], [place], xerr=[[max(0.0, one.mean - low)], [max(0.0, high - one.mean)]],
                      marker="o" if place < len(estimates) else "|", markersize=6, color=colour, capsize=3,
                      elinewidth=1.4, linewidth=0)
    ends = [edge for _, one in rows for edge in one if edge is not None]
    axes.set_xlim(max(0.0, min(ends) - 0.04), min(1.0, max(ends) + 0.04))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    for label in axes.get_yticklabels()[len(estimates):]:
        label.set_color(QUIET)
    axes.xaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))  # whole per cents
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel(below)
    return titled(figure, title)
