"""How far a face has moved over time, and where its apex is: annotated, and found in several ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from neurofer.plot._look import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, bare_axes, titled

_COLOURS = (ORANGE, "#8a4fbf", QUIET, INK)


def apex_figure(times_ms: ArrayLike, curve: ArrayLike, truth_ms: tuple[float, float, float] | None,
                found_ms: Mapping[str, float], title: str = "", curve_name: str = "motion from the onset") -> Figure:
    """Motion over time, the annotated expression shaded, and beneath it a line for each apex that was found.

    Args:
        times_ms: ``(N,)`` rising.
        curve: ``(N,)``, in any unit.
        truth_ms: Annotated or given onset, apex and offset, or None where nobody knows.
        found_ms: Apex by each way of finding it, such as ``{"event": 225, "midpoint": 250}``; those that are not finite
            were not found and are said so.
        title: Above the picture.
        curve_name: What the curve is.

    Raises:
        ValueError: no point, or other numbers of times and values.
    """
    times, motion = np.asarray(times_ms, np.float64), np.asarray(curve, np.float64)
    if times.ndim != 1 or not len(times) or motion.shape != times.shape:
        raise ValueError(f"apex_figure: need as many values as times, at least one, got {motion.shape} and "
                         f"{times.shape}")
    lanes = list(found_ms)
    lane_in, curve_in = 0.26 * len(lanes), 2.5
    figure = Figure(figsize=(8.0, 0.9 + curve_in + lane_in), layout="constrained", dpi=130)
    upper: Any
    lower: Any = None
    if lanes:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(curve_in, lane_in))
    else:
        upper = figure.subplots()
    upper.plot(times, motion, color=BLUE, linewidth=1.8, zorder=3, marker="o" if len(times) < 25 else "", markersize=3)
    upper.set_ylabel(curve_name, fontsize=9, color=INK)
    _plain(upper)
    upper.set_ylim(min(0.0, float(motion.min())), None)
    upper.margins(x=0.02, y=0.12)
    if truth_ms is not None:
        _shade(upper, lower, truth_ms)
    for place, (name, colour) in enumerate(zip(lanes, _COLOURS * len(lanes), strict=False)):
        late_ms = float(times[0] + 0.75 * (times[-1] - times[0]))
        _draw_lane(lower, place, found_ms[name], None if truth_ms is None else truth_ms[1], colour, late_ms)
        if np.isfinite(found_ms[name]):
            height = float(np.interp(found_ms[name], times, motion))
            upper.plot([found_ms[name]], [height], marker="o", color=colour, markersize=6, zorder=4)
    if lower is not None:
        lower.set_ylim(len(lanes) - 0.4, -0.6)
        lower.set_yticks(range(len(lanes)), [f"apex: {name}" for name in lanes])
        _plain(lower)
        lower.tick_params(axis="y", length=0)
        lower.spines["left"].set_visible(False)
        upper.tick_params(axis="x", length=0)
    (lower or upper).set_xlabel("milliseconds", fontsize=9, color=INK)
    return titled(figure, title)


def _shade(upper: Any, lower: Any, truth_ms: tuple[float, float, float]) -> None:
    """The annotated expression behind everything, its apex dashed, and names above."""
    onset, apex, offset = truth_ms
    for axes in (upper, lower):
        if axes is not None:
            axes.axvspan(onset, offset, color=GREEN, alpha=0.09, linewidth=0, zorder=0)
            axes.axvline(apex, color=GREEN, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    # The apex is named a line higher, so that names stay apart however short a half is.
    for moment, name, side, up in ((onset, "onset", "right", 3), (apex, "apex", "center", 14),
                                   (offset, "offset", "left", 3)):
        upper.annotate(name, (moment, 1.0), xycoords=("data", "axes fraction"), xytext=(0, up),
                       textcoords="offset points", ha=side, fontsize=8.5, color=GREEN)


def _draw_lane(axes: Any, place: int, moment_ms: float, truth_ms: float | None, colour: str, late_ms: float) -> None:
    """A point at the moment, a line from the truth to it, and how far it is off; in words left of both if late."""
    if not np.isfinite(moment_ms):
        axes.annotate("not found", (0.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8.5,
                      color=QUIET)
        return
    said = f"{moment_ms:,.0f} ms"
    if truth_ms is not None:
        axes.plot([truth_ms, moment_ms], [place, place], color=colour, linewidth=1.6, solid_capstyle="round")
        said += f" ({moment_ms - truth_ms:+,.0f})"
    axes.plot([moment_ms], [place], marker="o", color=colour, markersize=6, zorder=3)
    ends = (moment_ms, moment_ms if truth_ms is None else truth_ms)
    late = max(ends) > late_ms
    axes.annotate(said, (min(ends) if late else max(ends), place), xytext=(-8 if late else 8, 0),
                  textcoords="offset points", ha="right" if late else "left", va="center", fontsize=8.5, color=colour)


def _plain(axes: Any) -> None:
    bare_axes(axes)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
