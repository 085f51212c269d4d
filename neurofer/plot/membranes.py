"""Membranes of single neurons over time, with their threshold and their spikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.plot._look import BLUE, INK, ORANGE, QUIET, bare_axes, titled

MOST_NEURONS = 16


def membrane_figure(membranes: NDArray[np.floating[Any]], spikes: NDArray[np.bool_], dt_ms: float, *,
                    threshold: float | None = 1.0, names: Sequence[str] = (), start_ms: float = 0.0,
                    title: str = "") -> Figure:
    """A row for each neuron: its membrane rises and leaks, is reset above the dashed threshold, and a tick is a spike.

    Args:
        membranes: ``(T, N)`` potential before the reset, N up to 16; ``MembraneTraces.membranes``.
        spikes: ``(T, N)``.
        dt_ms: Length of a step in milliseconds, above 0.
        threshold: In the membranes' unit; None for neurons that never fire.
        names: One a neuron.
        start_ms: Time of the first step.
        title: Above the picture.

    Raises:
        ValueError: shapes that do not fit, no or too many neurons, or no time.
    """
    if membranes.ndim != 2 or membranes.shape != spikes.shape or not dt_ms > 0 or not len(membranes) or not (
            1 <= membranes.shape[1] <= MOST_NEURONS) or len(names) not in (0, membranes.shape[1]):
        raise ValueError(f"membrane_figure: need membranes and spikes (T, N) with T >= 1 and N of 1..{MOST_NEURONS}, "
                         f"dt_ms > 0 and N names or none, got {membranes.shape}, {spikes.shape}, {dt_ms} and "
                         f"{len(names)} names")
    steps, count = membranes.shape
    figure = Figure(figsize=(8.6, 0.8 + 0.85 * count + (0.25 if title else 0)), layout="constrained", dpi=130)
    figure.get_layout_engine().set(h_pad=0.02, hspace=0.0)  # type: ignore[union-attr,call-arg]
    panels: Any = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
    times = start_ms + dt_ms * (np.arange(steps) + 1)
    for number, axes in enumerate(panels):
        _draw_neuron(axes, times, membranes[:, number], spikes[:, number] != 0, threshold)
        if names:
            axes.set_ylabel(names[number], rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=4)
        fired = int((spikes[:, number] != 0).sum())
        if threshold is not None:
            axes.annotate(f"{fired} spike{'s' * (fired != 1)}", (1.0, 0.89), xycoords="axes fraction", xytext=(6, 0),
                          textcoords="offset points", va="center", fontsize=8.5, color=ORANGE)
        axes.set_xlim(start_ms, times[-1])
        axes.tick_params(axis="x", length=2 if axes is panels[-1] else 0)
    if threshold is not None:
        panels[0].annotate("threshold", (0.0, threshold), xycoords=("axes fraction", "data"), xytext=(4, 1.5),
                           textcoords="offset points", va="bottom", fontsize=7.5, color=QUIET)
    panels[-1].set_xlabel("milliseconds", fontsize=9, color=INK)
    return titled(figure, title)


def _draw_neuron(axes: Any, times: NDArray[Any], membrane: NDArray[Any], fired: NDArray[np.bool_],
                 threshold: float | None) -> None:
    # After a spike the membrane is 0, so the line falls to it within the step.
    x, y = np.repeat(times, 2), np.repeat(np.asarray(membrane, np.float64), 2)
    y[1::2][fired] = 0.0
    axes.plot(x, y, color=BLUE, linewidth=1.2, zorder=3)
    low, high = float(min(membrane.min(), 0.0)), float(membrane.max())
    axes.axhline(0, color=QUIET, linewidth=0.5, zorder=0)
    if threshold is not None:
        axes.axhline(threshold, color=QUIET, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        high = max(high, threshold)
        tall = max(high - low, 1e-9)
        axes.vlines(times[fired], high + 0.06 * tall, high + 0.24 * tall, color=ORANGE, linewidth=1.3)
        axes.set_ylim(low - 0.05 * tall, high + 0.28 * tall)
    bare_axes(axes)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(labelsize=7.5, colors=QUIET)
    axes.locator_params(axis="y", nbins=3)
