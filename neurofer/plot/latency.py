"""How long decisions take: waiting, computing, and what they look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from neurofer.plot._look import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, bare_axes, titled

PERCENTILES = (50, 95, 99)
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.6}
_WIDE = 12.0
"""Times this much apart are drawn on a logarithmic axis."""


def latency_figure(computing_ms: ArrayLike, waiting_ms: ArrayLike | None = None,
                   evidence_ms: ArrayLike | float | None = None, *, limit_ms: float | None = None,
                   title: str = "") -> Figure:
    """Histogram of the time from the end of a window to its decision, and what it is made of at three percentiles.

    Args:
        computing_ms: ``(N,)`` computing time of each decision, above 0; ``Decision.latency_ms``.
        waiting_ms: ``(N,)`` time that its window waited before; ``Decision.queue_ms``. None where nothing waited.
        evidence_ms: How long the events of a decision take to come in, ``(N,)`` or one number;
            ``Decision.evidence_ms``. Its median is told, with that of the whole way from a change in the scene.
        limit_ms: A line that decisions should stay below, such as the time until the next window ends.
        title: Above the picture.

    Raises:
        ValueError: no decision, unequal numbers, or times that are negative or no numbers.
    """
    computing = np.atleast_1d(np.asarray(computing_ms, np.float64))
    waiting = np.zeros_like(computing) if waiting_ms is None else np.atleast_1d(np.asarray(waiting_ms, np.float64))
    evidence = np.atleast_1d(np.asarray([] if evidence_ms is None else evidence_ms, np.float64))
    if computing.ndim != 1 or not len(computing) or waiting.shape != computing.shape or not (
            np.isfinite([computing, waiting]).all() and (computing > 0).all() and (waiting >= 0).all()):
        raise ValueError(f"latency_figure: need computing times above 0 and as many waiting times from 0 on, at least "
                         f"one, got {computing.shape} and {waiting.shape}; leave out decisions without a measured time")
    if (len(evidence) not in (0, 1, len(computing))) or (limit_ms is not None and not limit_ms > 0):
        raise ValueError(f"latency_figure: need evidence for each of {len(computing)} decisions or one for all, and a "
                         f"limit above 0, got {len(evidence)} and {limit_ms}")
    total = computing + waiting
    figure = Figure(figsize=(8.0, 3.5 + (0.25 if title else 0)), layout="constrained", dpi=130)
    left, right = figure.subplots(1, 2, width_ratios=(2.3, 1))
    _draw_histogram(left, total, computing, waiting.any(), limit_ms)
    _draw_parts(right, total, waiting, limit_ms)
    if len(evidence) and np.isfinite(evidence).any():
        seen = float(np.nanmedian(evidence))
        figure.supxlabel(f"a decision looks at events of {_short(seen)} ms before; with them the median is "
                         f"{_short(float(np.nanmedian(evidence + total)))} ms", fontsize=8.5, color=QUIET)
    return titled(figure, title)


def _draw_histogram(axes: Any, total: NDArray[np.float64], computing: NDArray[np.float64], waited: np.bool_,
                    limit_ms: float | None) -> None:
    every = np.concatenate([total, computing])
    low, high = float(every.min()), float(every.max())
    wide = high > _WIDE * low
    bins = min(60, max(12, int(np.sqrt(len(total)) * 2)))
    edges = np.geomspace(low / 1.08, high * 1.08, bins + 1) if wide else np.linspace(
        max(0.0, low - 0.05 * (high - low + low)), high + 0.05 * (high - low + low), bins + 1)
    axes.hist(computing, edges, color=BLUE, alpha=0.85 if not waited else 0.55, linewidth=0, label="computing")
    top = np.histogram(computing, edges)[0].max()
    if waited:
        counts, _, _ = axes.hist(total, edges, color=INK, histtype="step", linewidth=1.4,
                                 label="waiting and computing")
        top = max(top, counts.max())
    axes.set_ylim(0, 1.42 * top)
    if wide:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for number, share in enumerate(PERCENTILES):
        value = float(np.percentile(total, share))
        height = (1.36 - 0.11 * number) * top
        axes.plot([value, value], [0, height], color=GREEN, linewidth=1.0)
        axes.annotate(f"p{share}  {_short(value)} ms", (value, height), xytext=(-4, 0) if number == 0 else (4, 0),
                      textcoords="offset points", va="top", ha="right" if number == 0 else "left", fontsize=8.5,
                      color=GREEN, bbox=_PAPER)
    if limit_ms is not None:
        axes.axvline(limit_ms, color=ORANGE, linewidth=1.2, linestyle=(0, (4, 3)))
        late = float((total > limit_ms).mean())
        axes.annotate(f"limit {_short(limit_ms)} ms: {late:.1%} later", (limit_ms, 1.0),
                      xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points", ha="right",
                      fontsize=8.5, color=ORANGE)
    axes.set_xlabel("ms from the end of a window to its decision", fontsize=9, color=INK)
    axes.set_title(f"{len(total):,} decisions", loc="left", fontsize=10, color=INK, pad=6 if limit_ms is None else 16)
    if waited:
        # Beside the heading, where no line passes.
        axes.legend(fontsize=8.5, frameon=False, loc="lower right", labelcolor=INK, handlelength=1.0, ncols=2,
                    bbox_to_anchor=(1.0, 1.0 if limit_ms is None else 1.055), borderaxespad=0.1, columnspacing=1.2)
    _plain(axes, "y")


def _draw_parts(axes: Any, total: NDArray[np.float64], waiting: NDArray[np.float64], limit_ms: float | None) -> None:
    """Each percentile, parted as the hundredth of decisions around it is on the average."""
    order = np.argsort(total, kind="stable")
    around = max(1, len(order) // 100)
    for place, share in enumerate(PERCENTILES):
        middle = min(len(order) - 1, round(share / 100 * (len(order) - 1)))
        near = order[max(0, middle - around // 2) : middle + around // 2 + 1]
        whole = float(np.percentile(total, share))
        parts = whole * float(waiting[near].sum() / total[near].sum()), whole
        axes.barh(place, parts[0], height=0.55, color="#a9b4c0", linewidth=0)
        axes.barh(place, parts[1] - parts[0], left=parts[0], height=0.55, color=BLUE, linewidth=0)
        axes.annotate(_short(whole), (whole, place), xytext=(4, 0), textcoords="offset points", va="center",
                      fontsize=8.5, color=INK, bbox=_PAPER)
    if limit_ms is not None and limit_ms < 4 * float(np.percentile(total, PERCENTILES[-1])):
        axes.axvline(limit_ms, color=ORANGE, linewidth=1.2, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(PERCENTILES)), [f"p{share}" for share in PERCENTILES])
    axes.set_ylim(len(PERCENTILES) - 0.4, -0.6)
    axes.set_xlim(0, 1.25 * axes.get_xlim()[1])
    axes.set_xlabel("ms", fontsize=9, color=INK)
    if waiting.any():
        axes.text(0, 1.03, "waiting", transform=axes.transAxes, fontsize=9, color=QUIET)
    axes.text(0.36 if waiting.any() else 0, 1.03, "computing", transform=axes.transAxes, fontsize=9, color=BLUE)
    _plain(axes, "x")
    axes.tick_params(axis="y", length=0)


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _plain(axes: Any, grid: str) -> None:
    bare_axes(axes)
    axes.grid(axis=grid, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8)
