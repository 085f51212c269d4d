"""Pictures of a pre-training: what the generator draws beside what is true, and how losses and scores went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.plot._look import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, bare_axes, epoch_axis, titled
from neurofer.plot.frames import frame_image

ROWS = ("events", "input", "drawn", "true")


class Shown(NamedTuple):
    """One column of a sheet.

    Attributes:
        label: Under the column.
        counts: ``(2, S, S)`` events, OFF then ON, in the crop.
        picture: ``(C, S, S)`` what the generator saw: bytes or floating point.
        drawn: ``(3, S, S)`` in 0..1.
        true: ``(1, S, S)`` bytes.
    """

    label: str
    counts: NDArray[np.float32]
    picture: NDArray[Any]
    drawn: NDArray[np.float32]
    true: NDArray[np.uint8]


def reconstruction_sheet(columns: Sequence[Shown], title: str = "", picture_name: str = "input") -> Figure:
    """Events, the generator's input, what it drew and the true face, one below the other; a column for each window.

    Args:
        columns: At least one.
        title: Above the picture.
        picture_name: What the input is, such as ``tie``.

    Raises:
        ValueError: no column.
    """
    if not columns:
        raise ValueError("reconstruction_sheet: need at least one column")
    figure = Figure(figsize=(0.5 + 1.3 * len(columns), 6.0), layout="constrained")
    panels = figure.subplots(len(ROWS), len(columns), squeeze=False)
    for place, column in enumerate(columns):
        hit = column.counts.sum(axis=0)
        full = max(1.0, float(np.percentile(hit[hit > 0], 98))) if (hit > 0).any() else 1.0
        # Counts are means over areas here, so their scale is brought to where single events are visible.
        pictures = (frame_image(column.counts * 4 / full, 4.0), _as_colours(column.picture),
                    np.moveaxis(column.drawn, 0, -1), np.repeat(column.true[0][..., None], 3, axis=-1))
        for row, picture in enumerate(pictures):
            axes = panels[row, place]
            axes.imshow(picture, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            for edge in axes.spines.values():
                edge.set_visible(False)
        panels[-1, place].set_xlabel(column.label, fontsize=7.5, color=QUIET)
    for row, name in enumerate(ROWS):
        panels[row, 0].set_ylabel(picture_name if name == "input" else name, fontsize=9, color=INK)
    return titled(figure, title)


def pretraining_curves(history: Sequence[Mapping[str, Any]], baseline: Mapping[str, float], title: str = "") -> Figure:
    """Losses, what the discriminator believes, and PSNR and SSIM of held-out faces by epoch.

    Args:
        history: Rows of ``metrics.jsonl``, at least one.
        baseline: Scores of the mean training face; empty for none.
        title: Above the picture.

    Raises:
        ValueError: no row.
    """
    if not history:
        raise ValueError("pretraining_curves: need at least one epoch")
    figure = Figure(figsize=(12.0, 3.4), layout="constrained")
    panels = figure.subplots(1, 4)
    epochs = [row["epoch"] for row in history]

    def lines(axes: Any, heading: str, named: Sequence[tuple[str, str, str]]) -> None:
        bare_axes(axes)
        axes.set_title(heading, loc="left", fontsize=10, color=INK)
        axes.grid(axis="y", color=FAINT, linewidth=0.8)
        axes.set_axisbelow(True)
        for key, name, colour in named:
            values = [row.get(key, np.nan) for row in history]
            axes.plot(epochs, values, color=colour, linewidth=1.6, marker="o" if len(epochs) < 15 else "", markersize=3)
            axes.annotate(name, (epochs[-1], values[-1]), xytext=(5, 0), textcoords="offset points", va="center",
                          color=colour, fontsize=8, annotation_clip=False)
        epoch_axis(axes)

    lines(panels[0], "losses", (("discriminator", "D", ORANGE), ("adversarial", "G fooling D", BLUE)))
    lines(panels[1], "L1", (("l1", "train", QUIET),))
    if "held_out_mae" in history[-1]:
        # Faces run over -1..1 in the loss and over 0..1 in the scores.
        doubled = [2 * row["held_out_mae"] for row in history]
        panels[1].plot(epochs, doubled, color=BLUE, linewidth=1.6)
        panels[1].annotate("held out", (epochs[-1], doubled[-1]), xytext=(5, 0), textcoords="offset points",
                           va="center", color=BLUE, fontsize=8, annotation_clip=False)
    for axes, name, heading in ((panels[2], "psnr_db", "PSNR (dB), held out"), (panels[3], "ssim", "SSIM, held out")):
        lines(axes, heading, ((f"held_out_{name}", "", GREEN),))
        if name in baseline:
            axes.axhline(baseline[name], color=ORANGE, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
            # At the bottom, which a curve that has risen leaves free.
            axes.text(1.0, 0.02, f"dashed: mean training face {baseline[name]:.3g}", transform=axes.transAxes,
                      ha="right", color=ORANGE, fontsize=8)
    for axes in panels[:2]:
        axes.set_ylim(bottom=0)
    return titled(figure, title)


def _as_colours(picture: NDArray[Any]) -> NDArray[Any]:
    """``(S, S, 3)`` for the eye: three channels of bytes as they are, anything else as grey of its mean channel."""
    if picture.dtype == np.uint8 and len(picture) == 3:
        return np.moveaxis(picture, 0, -1)
    grey = picture.astype(np.float32).mean(axis=0)
    low, high = float(grey.min()), float(grey.max())
    grey = (grey - low) / (high - low) if high > low else np.zeros_like(grey)
    return np.repeat(grey[..., None], 3, axis=-1)
