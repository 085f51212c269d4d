"""How many events come a second, over time: brighter ones and darker ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.events.recording import Recording
from neurofer.plot._look import GREEN, INK, OFF_COLOUR, ON_COLOUR, QUIET, after_first, titled

RATE_BINS = 240


def rate_figure(source: Recording | Events, *, bins: int = RATE_BINS, moments_us: Mapping[str, int] | None = None,
                windows_us: Sequence[tuple[int, int]] = (), title: str = "") -> Figure:
    """Events a second over time, ON and OFF one on top of the other; a single peak far above the rest is cut and told.

    Args:
        source: Events, or a recording, which is read once in constant memory; at least one event.
        bins: Number of equal parts of the time, at least 1.
        moments_us: Moments to mark by name, on the recording's own clock.
        windows_us: ``(start, stop)`` of stretches to shade, on the same clock.
        title: Above the picture.

    Raises:
        ValueError: no events, or less than one bin.
    """
    edges, rate = event_rate(source, bins)
    figure = Figure(figsize=(8.0, 2.5 + (0.25 if title else 0)), layout="constrained", dpi=130)
    axes = figure.subplots()
    draw_rate(axes, edges, rate, windows_us, int(edges[0]))
    _, size = after_first(int(edges[-1] - edges[0]))
    for number, (name, moment_us) in enumerate(sorted((moments_us or {}).items(), key=lambda one: one[1])):
        place = (moment_us - int(edges[0])) / size
        axes.axvline(place, color=GREEN, linewidth=1.0, linestyle=(0, (4, 3)))
        # Neighbours are named on two heights, so that names stay apart.
        axes.annotate(name, (place, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3 + 11 * (number % 2)),
                      textcoords="offset points", ha="center", fontsize=8.5, color=GREEN)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor="linecolor",
                handlelength=0.9, handletextpad=0.5)
    return titled(figure, title)


def event_rate(source: Recording | Events, bins: int = RATE_BINS) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """``(edges_us, rate)``: ``(B + 1,)`` int64 edges of equal bins, and ``(2, B)`` events per second, OFF then ON.

    Args:
        source: Events or a recording, with at least one event.
        bins: At least 1.

    Raises:
        ValueError: no events, or less than one bin.
    """
    count = len(source) if isinstance(source, Events) else source.report().events
    if not count or bins < 1:
        raise ValueError(f"event_rate: need at least one event and one bin, got {count} events and bins={bins}")
    edges = rate_edges(source.start_us, source.end_us - source.start_us + 1, bins)
    totals = np.zeros((2, bins))
    for piece in (source,) if isinstance(source, Events) else source.pieces():
        add_events(piece, edges, totals)
    return edges, totals / (np.diff(edges) / 1e6)


def rate_edges(start_us: int, span_us: int, bins: int = RATE_BINS) -> NDArray[np.int64]:
    """``(bins + 1,)`` edges of equal bins of at least a microsecond, that cover a stretch."""
    return start_us + np.arange(bins + 1, dtype=np.int64) * max(span_us, bins) // bins


def add_events(events: Events, edges_us: NDArray[np.int64], totals: NDArray[np.float64]) -> None:
    """Add the numbers of OFF and ON events of each bin to ``(2, B)`` totals."""
    for polarity in (0, 1):
        totals[polarity] += np.diff(np.searchsorted(events.t[events.p == bool(polarity)], edges_us))


def draw_rate(axes: Any, edges_us: NDArray[np.int64], rate: NDArray[np.float64],
              windows_us: Sequence[tuple[int, int]], start_us: int) -> None:
    """Draw ON below OFF, stretches shaded.

    Args:
        axes: Where to draw.
        edges_us: ``(B + 1,)``.
        rate: ``(2, B)`` events per second, OFF then ON.
        windows_us: ``(start, stop)`` of stretches to shade.
        start_us: What times are counted from.
    """
    unit, size = after_first(int(edges_us[-1] - edges_us[0]))
    edges = (edges_us - start_us) / size
    off, on = rate
    usual, most = float(np.percentile(on + off, 98)), float((on + off).max())
    scale, prefix = next(((size, name) for size, name in ((1e6, "M"), (1e3, "k")) if usual >= size), (1.0, ""))
    axes.stairs(on / scale, edges, fill=True, color=ON_COLOUR, alpha=0.85, label="ON")
    axes.stairs((on + off) / scale, edges, baseline=on / scale, fill=True, color=OFF_COLOUR, alpha=0.85, label="OFF")
    for low, high in windows_us:
        axes.axvspan((low - start_us) / size, (high - start_us) / size, color=INK, alpha=0.12, lw=0)
    axes.set_xlim(edges[0], edges[-1])
    usual, most = usual / scale, most / scale
    if most > 3 * usual > 0:
        axes.set_ylim(0, 1.6 * usual)
        place = float((edges[:-1] + edges[1:])[np.argmax(on + off)] / 2)
        axes.annotate(f"  {most:.3g} {prefix}events/s", (place, 1.5 * usual), fontsize=7, color=INK, va="center",
                      ha="left" if place < edges[-1] / 2 else "right")
    else:
        axes.set_ylim(0, 1.2 * most)
    axes.set_xlabel(f"time after the first event [{unit}]", fontsize=8, color=QUIET)
    axes.set_ylabel(f"{prefix}events/s", fontsize=8, color=QUIET)
    axes.tick_params(labelsize=7, colors=QUIET, length=2)
    axes.legend(fontsize=7, frameon=False, ncols=2, loc="upper right", labelcolor=INK, borderaxespad=0.1)
    for name, side in axes.spines.items():
        side.set_visible(name in ("left", "bottom"))
        side.set_color("#cbd2d9")
