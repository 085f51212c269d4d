"""Representations as pictures: TIE as the image that it is, anything else as a labelled figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.plot._look import INK, QUIET


def rgb_image(array: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A ``(3, height, width)`` uint8 representation as ``(height, width, 3)``, pixel for pixel.

    Raises:
        ValueError: another shape or element type.
    """
    if array.ndim != 3 or array.shape[0] != 3 or array.dtype != np.uint8:
        raise ValueError(f"rgb_image: need (3, height, width) uint8, got {array.shape} {array.dtype}")
    return np.ascontiguousarray(np.moveaxis(array, 0, -1))


def representation_figure(
    array: NDArray[np.generic],
    names: Sequence[str] | None = None,
    *,
    title: str = "",
    note: str = "",
    grey: bool = False,
) -> Figure:
    """Every channel of a ``(C, height, width)`` array as a panel, all on one colour scale with its bar.

    Values of either sign are drawn from blue through white to red, with zero in the middle; values of one sign from
    dark to bright. The scale reaches to the 97th percentile of the non-zero values, so that a few noisy pixels do not
    darken the rest; the bar has a point where values lie beyond. Pictures in grey go from 0 to 255.

    Args:
        array: The representation.
        names: One title a panel.
        title: Above the figure.
        note: Below the title, quieter.
        grey: The channels are grey pictures.

    Raises:
        ValueError: not three dimensions, or a number of names that is not C.
    """
    if array.ndim != 3 or array.shape[0] < 1:
        raise ValueError(f"representation_figure: need (C, height, width), got {array.shape}")
    names = [f"channel {channel}" for channel in range(len(array))] if names is None else list(names)
    if len(names) != len(array):
        raise ValueError(f"representation_figure: {len(array)} channels but {len(names)} names")
    values = np.asarray(array, dtype=np.float64)
    limits, colours, extend = ((0.0, 255.0), "gray", "neither") if grey else colour_scale(values)
    columns = min(len(values), 3 if len(values) <= 9 else 4 if len(values) <= 20 else 8)
    rows = math.ceil(len(values) / columns)
    height, width = values.shape[1:]
    panel_width = {1: 6.0, 2: 5.0, 8: 2.0}.get(columns, 4.0)
    panel_height = min(max(panel_width * height / width, min(1.2, 0.3 * panel_width)), 2.5 * panel_width)
    figure = Figure(figsize=(columns * panel_width + 1.0, rows * (panel_height + 0.35) + 0.9), layout="constrained",
                    dpi=150)
    panels: Any = figure.subplots(rows, columns, squeeze=False)
    shown: Any = None
    for number, panel in enumerate(panels.ravel()):
        if number >= len(values):
            panel.set_axis_off()
            continue
        shown = panel.imshow(values[number], cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="antialiased")
        panel.set_title(names[number], fontsize=9, color=INK)
        panel.tick_params(labelsize=7, colors=QUIET, length=2)
        panel.label_outer()
        for side in panel.spines.values():
            side.set_color(QUIET)
            side.set_linewidth(0.5)
    bar = figure.colorbar(shown, ax=panels, shrink=0.85, pad=0.01, aspect=30, extend=extend)
    bar.ax.tick_params(labelsize=7, colors=QUIET)
    bar.outline.set_linewidth(0.5)
    heading = "\n".join(part for part in (title, note) if part)
    if heading:
        figure.suptitle(heading, fontsize=10, color=INK)
    return figure


def colour_scale(values: NDArray[np.float64], full: float = 97) -> tuple[tuple[float, float], str, str]:
    """Lower and upper limit, colour map, and on which side of the bar values lie beyond.

    Args:
        values: To be shown.
        full: Percentile of the values that are not zero which has full colour.
    """
    filled = values[values != 0]
    if not len(filled):
        return (0.0, 1.0), "magma", "neither"
    reach = float(np.percentile(np.abs(filled), full))
    beyond = bool(np.abs(filled).max() > reach)
    if (filled < 0).any():
        return (-reach, reach), "RdBu_r", "both" if beyond else "neither"
    return (0.0, reach), "magma", "max" if beyond else "neither"
