"""Decisions over time: how sure a recogniser is of each class while a recording runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.plot._look import BLUE, GREEN, INK, QUIET, bare_axes, titled

_RIVALS = ("#d9730d", "#8a4fbf")


@dataclass(frozen=True)
class DecisionTrack:
    """One recogniser's decisions on one recording.

    Attributes:
        name: Above its panel.
        times_us: ``(N,)`` end of each decision's window, on the recording's clock.
        probabilities: ``(N, K)``.
    """

    name: str
    times_us: NDArray[np.int64]
    probabilities: NDArray[np.float64]


def decisions_figure(
    tracks: Sequence[DecisionTrack],
    classes: Sequence[str],
    event_times_us: NDArray[np.int64],
    *,
    truth: str | None = None,
    moments_us: Mapping[str, int] | None = None,
    title: str = "",
) -> Figure:
    """A panel for each recogniser with the probability of every class, above the rate of events.

    The true class is drawn in blue, its two strongest rivals in colours of their own, all others in grey; below each
    panel a strip is blue where the strongest class is the true one.

    Args:
        tracks: At least one, with at least one decision each.
        classes: Class names, in the order of the probabilities.
        event_times_us: ``(N,)`` times of the recording's events.
        truth: True class, if known.
        moments_us: Moments to mark, such as ``{"onset": ..., "apex": ..., "offset": ...}``.
        title: Above the picture.

    Raises:
        ValueError: no track, or one without decisions.
    """
    if not tracks or any(not len(track.times_us) for track in tracks):
        raise ValueError("decisions_figure: need at least one track with at least one decision")
    start_us = int(event_times_us[0]) if len(event_times_us) else int(tracks[0].times_us[0])
    figure = Figure(figsize=(9.0, 1.5 + 1.9 * len(tracks)), layout="constrained")
    panels: Any = figure.subplots(len(tracks) + 1, 1, sharex=True, squeeze=False,
                                  gridspec_kw={"height_ratios": [2.2] * len(tracks) + [1]})[:, 0]
    shown = _shown_classes(tracks, classes, truth)
    for axes, track in zip(panels[:-1], tracks, strict=True):
        _draw_track(axes, track, classes, shown, truth, start_us)
        axes.set_title(track.name, loc="left", fontsize=10, color=INK, pad=18 if axes is panels[0] else 6)
        _mark(axes, moments_us or {}, start_us, named=axes is panels[0])
    _draw_rate(panels[-1], event_times_us, start_us)
    _mark(panels[-1], moments_us or {}, start_us, named=False)
    panels[-1].set_xlabel("seconds since the first event")
    return titled(figure, title)


def _shown_classes(tracks: Sequence[DecisionTrack], classes: Sequence[str], truth: str | None) -> dict[str, str]:
    """Classes that get a colour: the true one, and those that were most probable on average."""
    mean = np.mean([track.probabilities.mean(0) for track in tracks], axis=0)
    order = [classes[place] for place in np.argsort(-mean, kind="stable")]
    colours = {truth: BLUE} if truth is not None else {order.pop(0): BLUE}
    rivals = [name for name in order if name not in colours]
    return colours | dict(zip(rivals, _RIVALS, strict=False))


def _draw_track(axes: Any, track: DecisionTrack, classes: Sequence[str], shown: Mapping[str, str], truth: str | None,
                start_us: int) -> None:
    seconds = (track.times_us - start_us) / 1e6
    marker = "o" if len(seconds) < 25 else None
    for place, name in enumerate(classes):
        if name not in shown:
            axes.plot(seconds, track.probabilities[:, place], color="#c3cad3", linewidth=0.9, zorder=1)
    for name, colour in shown.items():
        axes.plot(seconds, track.probabilities[:, list(classes).index(name)], color=colour, label=name, zorder=3,
                  linewidth=2.2 if colour == BLUE else 1.5, marker=marker, markersize=3)
    if truth is not None:
        right = track.probabilities.argmax(1) == list(classes).index(truth)
        edges = np.concatenate([[seconds[0] - (seconds[1] - seconds[0] if len(seconds) > 1 else 0.05)], seconds])
        for low, high, hit in zip(edges[:-1], edges[1:], right, strict=True):
            axes.axvspan(low, high, ymin=0, ymax=0.045, color=BLUE if hit else "#d5dae0", linewidth=0, zorder=2)
    axes.set_ylim(-0.06, 1.02)
    axes.set_yticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    axes.legend(loc="upper left", bbox_to_anchor=(1.005, 1.0), frameon=False, fontsize=9, labelcolor="linecolor",
                handlelength=1.2)
    _plain(axes)


def _draw_rate(axes: Any, event_times_us: NDArray[np.int64], start_us: int) -> None:
    if len(event_times_us):
        seconds = (event_times_us - start_us) / 1e6
        bins = max(10, min(300, int(seconds[-1] / 0.01)))
        counts, edges = np.histogram(seconds, bins=bins)
        rate = counts / np.diff(edges) / 1000
        axes.fill_between(edges[:-1], rate, step="post", color="#a9b4c0", linewidth=0)
    axes.set_title("thousand events a second", loc="left", fontsize=9, color=QUIET)
    axes.set_ylim(bottom=0)
    _plain(axes)


def _mark(axes: Any, moments_us: Mapping[str, int], start_us: int, named: bool) -> None:
    for name, moment_us in moments_us.items():
        second = (moment_us - start_us) / 1e6
        axes.axvline(second, color=GREEN, linewidth=0.9, linestyle=(0, (4, 3)), zorder=0)
        if named:
            axes.annotate(name, (second, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 3),
                          textcoords="offset points", ha="center", fontsize=8.5, color=GREEN)


def _plain(axes: Any) -> None:
    bare_axes(axes)
    axes.margins(x=0.01)
