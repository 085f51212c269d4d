"""What the layers of a network make of an input: some maps of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.plot._look import BLUE, FAINT, INK, ORANGE, QUIET, titled

MOST_MAPS = 8
_SHADES = LinearSegmentedColormap.from_list("maps", ["#f7f9fb", "#a9c8e6", "#2563a8", "#10304f"])
_SIGNED = LinearSegmentedColormap.from_list("signed maps", ["#10304f", "#5b93cc", "#f7f9fb", "#eda15c", "#8a3d05"])
_CELL_IN, _GAP_IN, _NAME_IN, _STRIP_IN = 1.0, 0.05, 1.25, 0.3


def feature_maps_figure(maps: Mapping[str, NDArray[Any]], *, most: int = MOST_MAPS, unit: str = "",
                        title: str = "") -> Figure:
    """A row for each layer with the maps of its busiest channels; layers of one place become a strip of all channels.

    Busiest are the channels that vary most over their places; they keep their order, and a number says which they are.
    A row has one scale, up to the 99th percentile: light is nothing, dark blue is much; where values have either sign,
    blue is below 0 and orange above.

    Args:
        maps: By name of the layer, ``(C, H, W)``; see ``neurofer.models.maps`` and ``neurofer.spiking.maps``.
        most: Most maps of a row, at least 1.
        unit: What the values are, such as ``spikes``; the row's full colour is told in it.
        title: Above the picture.

    Raises:
        ValueError: no layer, a layer of another shape, values that are not finite, or ``most`` < 1.
    """
    wrong = [f"{name} {values.shape}" for name, values in maps.items()
             if values.ndim != 3 or not values.size or not np.isfinite(values).all()]
    if not maps or wrong or most < 1:
        raise ValueError(f"feature_maps_figure: need finite maps (C, H, W) and most >= 1, got "
                         f"{', '.join(wrong) or len(maps)} and most={most}")
    columns = min(most, max((len(one) for one in maps.values() if one.shape[1:] != (1, 1)), default=most))
    rows = [_STRIP_IN if one.shape[1:] == (1, 1) else _CELL_IN * min(2.0, one.shape[1] / one.shape[2])
            for one in maps.values()]
    wide_in = max(columns, 4) * (_CELL_IN + _GAP_IN)
    width_in, head_in = _NAME_IN + wide_in + 0.1, 0.4 if title else 0.1
    between_in = 0.24
    height_in = head_in + sum(rows) + between_in * len(rows)
    figure = Figure(figsize=(width_in, height_in), dpi=130)
    top_in = head_in
    for (name, values), tall_in in zip(maps.items(), rows, strict=True):
        low, high, colours = _scale(values)
        chosen = _busiest(values, columns)
        figure.text(0.1 / width_in, 1 - (top_in + 0.02) / height_in, _told(name, values, len(chosen), high, unit),
                    ha="left", va="top", fontsize=8, color=QUIET, linespacing=1.35)
        figure.text(0.1 / width_in, 1 - top_in / height_in, name, ha="left", va="top", fontsize=10, color=INK)
        if values.shape[1:] == (1, 1):
            _draw_strip(figure.add_axes((_NAME_IN / width_in, 1 - (top_in + tall_in) / height_in, wide_in / width_in,
                                         tall_in / height_in)), values[:, 0, 0], low, high)
        else:
            for place, channel in enumerate(chosen):
                axes = figure.add_axes(((_NAME_IN + place * (_CELL_IN + _GAP_IN)) / width_in,
                                        1 - (top_in + tall_in) / height_in, _CELL_IN / width_in, tall_in / height_in))
                axes.imshow(values[channel], cmap=colours, vmin=low, vmax=high, interpolation="nearest", aspect="auto")
                _frame(axes)
                axes.set_xlabel(f"{channel}", fontsize=7, color=QUIET, labelpad=1.5)
        top_in += tall_in + between_in
    return titled(figure, title)


def _busiest(values: NDArray[Any], most: int) -> list[int]:
    spread = values.reshape(len(values), -1).std(axis=1)
    return sorted(np.argsort(-spread, kind="stable")[:most].tolist())


def _scale(values: NDArray[Any]) -> tuple[float, float, Any]:
    """Limits and colours; the percentile is that of what is not zero, so that silence does not darken the rest."""
    filled = np.abs(values[values != 0]).astype(np.float64)
    reach = float(np.percentile(filled, 99)) if len(filled) else 1.0
    return (-reach, reach, _SIGNED) if (values < 0).any() else (0.0, reach, _SHADES)


def _told(name: str, values: NDArray[Any], shown: int, high: float, unit: str) -> str:
    channels, height, width = values.shape
    of = f"{shown} of {channels}" if shown < channels else f"{channels}"
    lines = [f"{channels} numbers"] if (height, width) == (1, 1) else [f"{of} maps", f"{width} x {height}"]
    return "\n".join(["", *lines, f"full: {high:.3g} {unit}".rstrip()][: 2 if (height, width) == (1, 1) else 4])


def _draw_strip(axes: Any, values: NDArray[Any], low: float, high: float) -> None:
    places = np.arange(len(values))
    axes.bar(places, values, width=1.0 if len(values) > 60 else 0.8, linewidth=0,
             color=np.where(values < 0, BLUE, ORANGE if low < 0 else BLUE))
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.set_ylim(min(low, float(values.min())), max(high, float(values.max())) or 1.0)
    axes.set_yticks([])
    ends = sorted({0, len(values) - 1}) if len(values) > 20 else places
    axes.set_xticks(ends, [str(end) for end in ends], fontsize=7, color=QUIET)
    axes.tick_params(axis="x", length=0, pad=1.5)
    for name, side in axes.spines.items():
        side.set_visible(name == "bottom")
        side.set_color(FAINT)


def _frame(axes: Any) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color(FAINT)
        side.set_linewidth(0.7)
