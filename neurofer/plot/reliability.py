"""Whether a recogniser is right as often as it is sure, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from neurofer.evaluate.calibration import Calibration
from neurofer.plot._look import BLUE, FAINT, INK, ORANGE, QUIET, bare_axes, titled


def reliability_figure(found: Calibration, title: str = "") -> Figure:
    """A bar for the accuracy of each bin of confidence, the gap to its mean confidence, and the decisions below.

    The orange line of a bin is its mean confidence. Where that is above the accuracy, the gap is light orange: the
    recogniser is surer than it should be. Where it is below, the gap is light blue: it is too modest. The errors stand
    in the picture, the mean accuracy and confidence as lines over the counts.

    Args:
        found: From ``neurofer.evaluate.calibration``.
        title: Above the picture.

    Raises:
        ValueError: no decision.
    """
    total = int(found.counts.sum())
    if not total:
        raise ValueError("reliability_figure: need at least one decision")
    figure = Figure(figsize=(4.6, 5.2 + (0.25 if title else 0)), layout="constrained", dpi=130)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
    filled = found.counts > 0
    left, width = found.edges[:-1][filled], np.diff(found.edges)[filled]
    accuracy, confidence = found.accuracy[filled], found.confidence[filled]
    style: dict[str, Any] = {"align": "edge", "edgecolor": "white", "linewidth": 1.0}
    both, gap = np.minimum(accuracy, confidence), np.abs(accuracy - confidence)
    upper.bar(left, both, width, color=BLUE, **style)
    for sign, colour in ((1, ORANGE), (-1, BLUE)):
        upper.bar(left, np.where(sign * (confidence - accuracy) > 0, gap, 0), width, bottom=both, color=colour,
                  alpha=0.33, **style)
    for start, wide, mean in zip(left, width, confidence, strict=True):
        upper.plot([start + 0.04 * wide, start + 0.96 * wide], [mean, mean], color=ORANGE, linewidth=1.4)
    upper.plot([0, 1], [0, 1], color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)))
    upper.set(xlim=(0, 1), ylim=(0, 1))
    upper.set_ylabel("share that was right", fontsize=9, color=INK)
    upper.text(0.03, 0.97, f"ECE {found.expected_error:.1%}", transform=upper.transAxes, va="top", fontsize=14,
               color=INK)
    upper.text(0.03, 0.885, f"largest gap {found.maximum_error:.1%}\nBrier score {found.brier:.3f}\n"
                            f"{total:,} decisions", transform=upper.transAxes, va="top", fontsize=8.5, color=QUIET,
               linespacing=1.4)
    _draw_counts(lower, found)
    for axes in (upper, lower):
        bare_axes(axes)
        axes.grid(axis="y", color=FAINT, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(labelsize=8)
    upper.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    lower.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    lower.set_xlabel("probability of the decided class", fontsize=9, color=INK)
    return titled(figure, title)


def _draw_counts(axes: Any, found: Calibration) -> None:
    axes.bar(found.edges[:-1], found.counts, np.diff(found.edges), align="edge", color="#a9b4c0", edgecolor="white",
             linewidth=1.0)
    accuracy, confidence = found.overall
    high = 1.55 * float(found.counts.max())
    for value, other, name, colour in ((accuracy, confidence, "right", BLUE), (confidence, accuracy, "sure", ORANGE)):
        axes.axvline(value, color=colour, linewidth=1.2)
        outside = value < other or (value == other and name == "right")
        axes.annotate(f"{value:.0%} {name}", (value, 0.99 * high), xytext=(-4 if outside else 4, 0), va="top",
                      textcoords="offset points", ha="right" if outside else "left", fontsize=8, color=colour)
    axes.set_ylim(0, high)
    axes.set_ylabel("decisions", fontsize=9, color=INK)
    axes.locator_params(axis="y", nbins=3, integer=True)
