"""Learning curves of the two stages of a micro-expression recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from neurofer.plot._look import BLUE, FAINT, GREEN, INK, bare_axes, epoch_axis, titled

_STAGES = {1: ("stage 1, pairs", GREEN), 2: ("stage 2, classes", BLUE)}


def stages_figure(history: Sequence[dict[str, Any]], title: str = "") -> Figure:
    """Loss and accuracy by epoch, a row of two panels for each stage; the last value is written beside its curve.

    Args:
        history: Rows ``{"stage": 1 or 2, "epoch": from 1, "loss", "accuracy"}``, at least one; a stage may be absent.
        title: Above the picture.

    Raises:
        ValueError: no row.
    """
    stages = [stage for stage in _STAGES if any(row["stage"] == stage for row in history)]
    if not stages:
        raise ValueError("stages_figure: need at least one epoch of stage 1 or 2")
    figure = Figure(figsize=(9.0, 0.5 + 2.6 * len(stages)), layout="constrained")
    panels: Any = figure.subplots(len(stages), 2, squeeze=False)
    for stage, (left, right) in zip(stages, panels, strict=True):
        name, colour = _STAGES[stage]
        rows = [row for row in history if row["stage"] == stage]
        _draw(left, [row["epoch"] for row in rows], [row["loss"] for row in rows], colour, f"{name}: loss", "{:.3g}")
        _draw(right, [row["epoch"] for row in rows], [row["accuracy"] for row in rows], colour, f"{name}: accuracy",
              "{:.0%}")
        left.set_ylim(bottom=0)
        right.set_ylim(-0.02, 1.06)
        right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for axes in panels.flat:
        epoch_axis(axes)
    return titled(figure, title)


def _draw(axes: Any, epochs: Sequence[int], values: Sequence[float], colour: str, name: str, last: str) -> None:
    marker = "o" if len(epochs) < 15 else ""
    axes.plot(epochs, values, color=colour, linewidth=1.8, marker=marker, markersize=3)
    axes.annotate(last.format(values[-1]), (epochs[-1], values[-1]), xytext=(6, 0), textcoords="offset points",
                  va="center", color=colour, fontsize=9, annotation_clip=False)
    axes.set_title(name, loc="left", fontsize=10, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.margins(x=0.04, y=0.14)
    bare_axes(axes)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
