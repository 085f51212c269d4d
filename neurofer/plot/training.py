"""Pictures of a training run: learning curves and confusion matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from neurofer.plot._look import BLUE, FAINT, INK, ORANGE, QUIET, bare_axes, epoch_axis, titled

_SHADES = LinearSegmentedColormap.from_list("neurofer", ["#f7f9fb", "#a9c8e6", "#2563a8", "#10304f"])


def curves_figure(history: Sequence[dict[str, Any]], title: str = "") -> Figure:
    """Loss and accuracy of training and validation by epoch; the chosen epoch is marked.

    Args:
        history: Rows of ``metrics.jsonl``, at least one.
        title: Above the picture.

    Raises:
        ValueError: no row.
    """
    if not history:
        raise ValueError("curves_figure: need at least one epoch")
    figure = Figure(figsize=(9.0, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    best = history[-1]["best_epoch"]
    panels = figure.subplots(1, 2)
    for axes, name in zip(panels, ("loss", "accuracy"), strict=True):
        for part, colour in (("train", QUIET), ("validation", BLUE)):
            values = [row[f"{part}_{name}"] for row in history]
            axes.plot(epochs, values, color=colour, linewidth=1.8, marker="o" if len(epochs) < 15 else "", markersize=3)
            # Named at the line's end, so that no legend covers the curves.
            axes.annotate(part, (epochs[-1], values[-1]), xytext=(6, 0), textcoords="offset points", va="center",
                          color=colour, fontsize=9, annotation_clip=False)
        there = next(row for row in history if row["epoch"] == best)[f"validation_{name}"]
        axes.axvline(best, color=ORANGE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        axes.plot([best], [there], marker="o", color=ORANGE, markersize=6, zorder=3)
        said = f"{there:.1%}" if name == "accuracy" else f"{there:.2f}"
        axes.set_title(f"epoch {best}: {said}", loc="right", fontsize=9, color=ORANGE)
        _plain(axes)
        axes.set_title(name, loc="left", fontsize=10, color=INK)
        axes.margins(x=0.04, y=0.14)
        epoch_axis(axes)
    panels[1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    panels[0].set_ylim(bottom=0)
    return titled(figure, title)


def loss_figure(losses: Sequence[float], title: str = "") -> Figure:
    """The loss by epoch; the last value is written beside it.

    Args:
        losses: One an epoch, at least one.
        title: Above the picture.

    Raises:
        ValueError: no epoch.
    """
    if not losses:
        raise ValueError("loss_figure: need at least one epoch")
    figure = Figure(figsize=(5.2, 3.0), layout="constrained")
    axes: Any = figure.subplots()
    epochs = range(1, len(losses) + 1)
    axes.plot(epochs, losses, color=BLUE, linewidth=1.8, marker="o" if len(losses) < 15 else "", markersize=3)
    axes.annotate(f"{losses[-1]:.3g}", (len(losses), losses[-1]), xytext=(6, 0), textcoords="offset points",
                  va="center", color=BLUE, fontsize=9, annotation_clip=False)
    axes.set_title("training loss", loc="left", fontsize=10, color=INK)
    axes.margins(x=0.06, y=0.14)
    epoch_axis(axes)
    axes.set_ylim(bottom=0)
    _plain(axes)
    return titled(figure, title)


def confusion_figure(confusion: Sequence[Sequence[int]], classes: Sequence[str], title: str = "") -> Figure:
    """Confusion matrix: shade and percentage are shares of the true class, small numbers are counts.

    Args:
        confusion: ``(K, K)`` counts, rows for the truth.
        classes: Class names.
        title: Above the picture.

    Raises:
        ValueError: not a square of the classes' number.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"confusion_figure: need {len(classes)}x{len(classes)} counts, got {counts.shape}")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.4 + 0.62 * len(classes)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap=_SHADES, vmin=0, vmax=1, aspect="equal")
    for row, column in np.ndindex(*counts.shape):
        if not counts[row, column]:
            continue
        colour = "white" if shares[row, column] > 0.45 else INK
        middle: dict[str, Any] = {"ha": "center", "va": "center", "color": colour}
        axes.text(column, row - 0.1, f"{100 * shares[row, column]:.0f}", fontsize=10,
                  fontweight="bold" if row == column else "normal", **middle)
        axes.text(column, row + 0.27, f"{counts[row, column]:.0f}", fontsize=6.5, alpha=0.8, **middle)
    samples = counts.sum(axis=1).astype(int)
    axes.set_xticks(range(len(classes)), classes, rotation=35, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(classes)), [f"{name} ({count})" for name, count in zip(classes, samples, strict=True)])
    axes.set_xlabel("said")
    axes.set_ylabel("true (clips)")
    axes.set_xticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(classes) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0, colors=INK, labelsize=9)
    for edge in axes.spines.values():
        edge.set_visible(False)
    figure.supxlabel("shade and large number: per cent of the true class; small number: clips", fontsize=7.5,
                     color=QUIET)
    return titled(figure, title)


def _plain(axes: Any) -> None:
    bare_axes(axes)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
