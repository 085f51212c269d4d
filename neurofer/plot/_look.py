"""What the figures share: colours and bare axes."""

from __future__ import annotations

from typing import Any

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
