"""What the figures share: colours and bare axes."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from neurofer.events.picture import GROUND, OFF_COLOUR, ON_COLOUR

__all__ = ["BLUE", "FAINT", "GREEN", "GROUND", "INK", "OFF_COLOUR", "ON_COLOUR", "ORANGE", "QUIET", "after_first",
           "bare_axes", "epoch_axis", "titled"]

INK, QUIET, BLUE, GREEN, ORANGE = "#1f2933", "#7b8794", "#2563a8", "#2e7d5b", "#d9730d"

FAINT = "#e4e7eb"
"""Of the lines behind a figure, and of what is there and says nothing."""


def bare_axes(axes: Any) -> None:
    """Leave only the left and the lower line of the frame, in a quiet colour."""
    for name in ("top", "right"):
        axes.spines[name].set_visible(False)
    for name in ("left", "bottom"):
        axes.spines[name].set_color(QUIET)
    axes.tick_params(colors=INK, labelsize=9)


def epoch_axis(axes: Any) -> None:
    """Name the axis below, number whole epochs, and leave out the one before the first; call it when all is drawn."""
    axes.set_xlabel("epoch", fontsize=9, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlim(left=max(0.5, axes.get_xlim()[0]))


def titled(figure: Figure, title: str) -> Figure:
    """The figure with a title at its upper left, if there is one."""
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return figure


def after_first(span_us: float) -> tuple[str, float]:
    """Unit for times in a stretch of this length, and its microseconds."""
    return ("s", 1e6) if span_us >= 2_000_000 else ("ms", 1e3)
