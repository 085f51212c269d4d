"""Where expressions were spotted in a long video: scores over time, thresholds, intervals, and the truth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray

from neurofer.evaluate.spotting import match
from neurofer.plot._look import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, bare_axes
from neurofer.spotting.decode import thresholds_of
from neurofer.spotting.interval import KINDS, Interval, Kind
from neurofer.spotting.settings import Decoding
from neurofer.spotting.smooth import smoothed

ROW_S = 75.0
"""Longest row; a video is parted into rows of equal length."""

LEAST_ROW_S = 2.0
_POINTS = 1400  # of a curve in a row, about as many as it has pixels
_WIDTH_IN, _CURVES_IN, _LANE_IN = 13.0, 1.05, 0.3
_COLOURS: Mapping[Kind, str] = {"micro": "#8a4fbf", "macro": BLUE}


@dataclass(frozen=True)
class Fates:
    """What became of the intervals of one type.

    Attributes:
        hits: Spotted ones that are true.
        alarms: Spotted ones that are not.
        found: True ones that were spotted.
        missed: True ones that were not.
    """

    hits: tuple[Interval, ...]
    alarms: tuple[Interval, ...]
    found: tuple[Interval, ...]
    missed: tuple[Interval, ...]


def timeline_figure(scores: NDArray[np.float64], fps: float, intervals: Sequence[Interval],
                    truth: Sequence[Interval] | None, decodings: Mapping[Kind, Decoding], title: str = "") -> Figure:
    """Both scores of a video over time, in rows of about a minute, above a lane for each type.

    The strong curve is the smoothed score, which intervals are made of, the faint one the score itself; the dashed line
    is the threshold that held, the dotted one the floor where that is lower. In a lane, truth stands above and what was
    spotted below: green where both agree, orange where they do not. Dots are hits, crosses false alarms, rings misses.

    Args:
        scores: ``(N, 2)`` micro and macro, N at least 1.
        fps: Frames a second.
        intervals: What was spotted, in frames.
        truth: True intervals of the video; None where nobody knows.
        decodings: How scores became intervals; a type without has its bare score alone.
        title: Above the picture.

    Raises:
        ValueError: scores of another shape, no frames, or no frame rate.
    """
    if scores.ndim != 2 or scores.shape[1] != len(KINDS) or not len(scores) or not fps > 0:
        raise ValueError(f"timeline_figure: need scores (N, 2) of at least one frame and a frame rate, got "
                         f"{scores.shape} at {fps:g}")
    fates = {kind: _fates(kind, intervals, truth) for kind in KINDS}
    smooth = {kind: smoothed(scores[:, column], decodings[kind].skip_frames, decodings[kind].smoothing)
              if kind in decodings else scores[:, column] for column, kind in enumerate(KINDS)}
    rows = max(1, math.ceil(len(scores) / fps / ROW_S))
    row_s = max(LEAST_ROW_S, len(scores) / fps / rows)
    height_in = 0.95 + rows * (_CURVES_IN + 2 * _LANE_IN + 0.32)
    figure = Figure(figsize=(_WIDTH_IN, height_in), layout="constrained", dpi=130)
    figure.get_layout_engine().set(h_pad=0.02, hspace=0.0)  # type: ignore[union-attr,call-arg]
    panels: Any = figure.subplots(2 * rows, 1, squeeze=False,
                                  height_ratios=(_CURVES_IN, 2 * _LANE_IN) * rows)[:, 0]
    top = _highest(scores, smooth, decodings)
    for row in range(rows):
        upper, lower = panels[2 * row], panels[2 * row + 1]
        span_s = (row * row_s, (row + 1) * row_s)
        for column, kind in enumerate(KINDS):
            _draw_scores(upper, scores[:, column], smooth[kind], fps, span_s, _COLOURS[kind])
            if kind in decodings:
                _draw_thresholds(upper, smooth[kind], decodings[kind], _COLOURS[kind])
        _draw_lanes(lower, fates, fps, span_s, truth is not None)
        _mark_peaks(upper, fates, smooth, fps, truth is not None)
        _dress(upper, lower, span_s, top)
    panels[-1].set_xlabel("minutes : seconds", fontsize=9, color=INK)
    figure.legend(handles=_legend(truth is not None, _lines(smooth, decodings)), loc="outside upper right", ncols=9,
                  frameon=False, fontsize=8.5, labelcolor=INK, handlelength=1.6, columnspacing=1.4)
    figure.suptitle("\n".join(line for line in (title, told(fates, truth is not None)) if line), x=0.01, ha="left",
                    fontsize=11, color=INK)
    return figure


def told(fates: Mapping[Kind, Fates], known: bool) -> str:
    """How many of each there are, in words."""
    parts = []
    for kind, one in fates.items():
        spotted = len(one.hits) + len(one.alarms)
        parts.append(f"{kind}: {len(one.hits)} of {len(one.found) + len(one.missed)} found, {len(one.alarms)} false "
                     f"alarm{'s' * (len(one.alarms) != 1)}" if known else f"{spotted} {kind}")
    return "   ".join(parts) if known else f"spotted: {', '.join(parts)}"


def thinned(values: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """Places of at most ``most`` values that keep every peak and every valley: of each part its highest and its lowest.

    Args:
        values: ``(N,)``.
        most: At least 2.

    Returns:
        ``(M,)`` rising places, all of them where ``N <= most``.
    """
    if len(values) <= most:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), most // 2 + 1).astype(np.int64)
    places = [low + pick(values[low:high]) for low, high in zip(edges[:-1], edges[1:], strict=True)
              for pick in (np.argmax, np.argmin)]
    return np.unique(np.array(places, np.int64))


def _fates(kind: Kind, intervals: Sequence[Interval], truth: Sequence[Interval] | None) -> Fates:
    spotted = [replace(one, video="") for one in intervals if one.kind == kind]
    true = [replace(one, video="") for one in truth or () if one.kind == kind]
    pairs = match(true, spotted)
    found, hit = {place for place, _, _ in pairs}, {place for _, place, _ in pairs}
    return Fates(tuple(one for place, one in enumerate(spotted) if place in hit),
                 tuple(one for place, one in enumerate(spotted) if place not in hit),
                 tuple(one for place, one in enumerate(true) if place in found),
                 tuple(one for place, one in enumerate(true) if place not in found))


def _highest(scores: NDArray[np.float64], smooth: Mapping[Kind, NDArray[np.float64]],
             decodings: Mapping[Kind, Decoding]) -> float:
    """Top of the score axis: what is drawn fills it, but noise of an uneventful video is not blown up."""
    lines = [thresholds_of(smooth[kind], decodings[kind]).used for kind in KINDS if kind in decodings]
    return max(0.05, 1.12 * max([*lines, *(float(curve.max()) for curve in smooth.values())],
                                default=0.0), 1.04 * float(scores.max()))


def _draw_scores(axes: Any, raw: NDArray[np.float64], smooth: NDArray[np.float64], fps: float,
                 span_s: tuple[float, float], colour: str) -> None:
    low, high = max(0, math.floor(span_s[0] * fps) - 1), min(len(raw), math.ceil(span_s[1] * fps) + 2)
    if low >= high:
        return
    for values, width, strength in ((raw, 0.7, 0.35), (smooth, 1.7, 1.0)):
        places = low + thinned(values[low:high], _POINTS)
        axes.plot(places / fps, values[places], color=colour, linewidth=width, alpha=strength, zorder=2 + strength)


def _draw_thresholds(axes: Any, smooth: NDArray[np.float64], decoding: Decoding, colour: str) -> None:
    found = thresholds_of(smooth, decoding)
    axes.axhline(found.used, color=colour, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1)
    if 0 < found.floor < found.used:
        axes.axhline(found.floor, color=colour, linewidth=0.9, linestyle=(0, (1, 2)), zorder=1)


def _mark_peaks(axes: Any, fates: Mapping[Kind, Fates], smooth: Mapping[Kind, NDArray[np.float64]], fps: float,
                known: bool) -> None:
    """A dot or a cross where each interval's score is highest."""
    for kind, one in fates.items():
        for intervals, style in ((one.hits, {"marker": "o", "color": GREEN, "markersize": 6}),
                                 (one.alarms, {"marker": "X", "color": ORANGE, "markersize": 8} if known else
                                  {"marker": "o", "color": _COLOURS[kind], "markersize": 6})):
            at = [_peak(interval, smooth[kind]) for interval in intervals]
            axes.plot([place / fps for place in at], [smooth[kind][place] for place in at], linestyle="",
                      markeredgecolor="white", markeredgewidth=0.8, zorder=5, **style)


def _peak(interval: Interval, smooth: NDArray[np.float64]) -> int:
    if interval.apex is not None:
        return min(interval.apex, len(smooth) - 1)
    part = smooth[interval.onset : interval.offset + 1]
    return interval.onset + int(part.argmax()) if len(part) else len(smooth) - 1


def _draw_lanes(axes: Any, fates: Mapping[Kind, Fates], fps: float, span_s: tuple[float, float], known: bool) -> None:
    least_s = 0.0025 * (span_s[1] - span_s[0])  # of a bar, to be seen

    def bar(interval: Interval, top: float, tall: float, **style: Any) -> None:
        onset_s, length_s = interval.onset / fps, interval.frames / fps
        wide_s = max(length_s, least_s)
        axes.broken_barh([(onset_s - (wide_s - length_s) / 2, wide_s)], (top, tall), **style)

    for lane, kind in enumerate(KINDS):
        one = fates[kind]
        if not known:
            for interval in one.alarms:
                bar(interval, lane + 0.2, 0.6, facecolor=_COLOURS[kind], linewidth=0)
            continue
        for interval in one.found:
            bar(interval, lane + 0.10, 0.36, facecolor="#cfe5da", edgecolor=GREEN, linewidth=1.0)
        for interval in one.missed:
            bar(interval, lane + 0.10, 0.36, facecolor="white", edgecolor=ORANGE, linewidth=1.2, hatch="//////")
            axes.plot([_middle_s(interval, fps)], [lane + 0.28], marker="o", markersize=6, markerfacecolor="white",
                      markeredgecolor=ORANGE, markeredgewidth=1.4, zorder=4)
        for intervals, colour in ((one.hits, GREEN), (one.alarms, ORANGE)):
            for interval in intervals:
                bar(interval, lane + 0.54, 0.36, facecolor=colour, linewidth=0)
        axes.plot([_middle_s(interval, fps) for interval in one.alarms], [lane + 0.72] * len(one.alarms), linestyle="",
                  marker="X", markersize=7.5, color=ORANGE, markeredgecolor="white", markeredgewidth=0.8, zorder=4)


def _middle_s(interval: Interval, fps: float) -> float:
    return (interval.onset + interval.offset) / 2 / fps


def _dress(upper: Any, lower: Any, span_s: tuple[float, float], top: float) -> None:
    step_s = next(step for step in (0.5, 1, 2, 5, 10) if step * 18 >= span_s[1] - span_s[0])
    for axes in (upper, lower):
        axes.set_xlim(*span_s)
        axes.xaxis.set_major_locator(MultipleLocator(step_s))
        bare_axes(axes)
        axes.grid(axis="x", color=FAINT, linewidth=0.8)
        axes.set_axisbelow(True)
    upper.set_ylim(0, top)
    upper.set_ylabel("score", fontsize=9, color=INK)
    upper.tick_params(axis="x", length=0, labelbottom=False)
    upper.spines["bottom"].set_visible(False)
    lower.set_ylim(2, 0)
    lower.set_yticks([0.5, 1.5], KINDS)
    for label, kind in zip(lower.get_yticklabels(), KINDS, strict=True):
        label.set_color(_COLOURS[kind])
    lower.tick_params(axis="y", length=0)
    lower.axhline(1, color=FAINT, linewidth=0.8)
    lower.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _: clock(at_s)))


def clock(at_s: float) -> str:
    """A time as ``minutes:seconds``.

    Example:
        >>> clock(75), clock(75.5)
        ('1:15', '1:15.5')
    """
    minutes, seconds = divmod(round(at_s, 3), 60)
    return f"{int(minutes)}:{int(seconds):02d}" + (f"{seconds % 1:.3g}".lstrip("0") if seconds % 1 else "")


def _lines(smooth: Mapping[Kind, NDArray[np.float64]], decodings: Mapping[Kind, Decoding]) -> dict[str, Any]:
    """Names and styles of the level lines that are drawn."""
    found = [thresholds_of(smooth[kind], decodings[kind]) for kind in KINDS if kind in decodings]
    floors = any(0 < one.floor < one.used for one in found)
    return {**({"threshold": (0, (5, 3))} if found else {}), **({"floor": (0, (1, 2))} if floors else {})}


def _legend(known: bool, lines: Mapping[str, Any]) -> list[Any]:
    handles: list[Any] = [Line2D([], [], color=colour, linewidth=2, label=f"{kind} score")
                          for kind, colour in _COLOURS.items()]
    handles += [Line2D([], [], color=QUIET, linewidth=1, linestyle=style, label=name) for name, style in lines.items()]
    if not known:
        return handles
    dot: dict[str, Any] = {"linestyle": "", "markersize": 6.5}
    return [*handles, Patch(facecolor="#cfe5da", edgecolor=GREEN, label="truth"),
            Line2D([], [], marker="o", color=GREEN, label="hit", **dot),
            Line2D([], [], marker="X", color=ORANGE, label="false alarm", **dot),
            Line2D([], [], marker="o", markerfacecolor="white", markeredgewidth=1.4, color=ORANGE, label="missed",
                   **dot)]
