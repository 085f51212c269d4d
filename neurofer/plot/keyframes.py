"""The key frames of a micro-expression as a strip, with the motion from each to the next beneath."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import hsv_to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.plot._look import FAINT, GREEN, INK, ORANGE, QUIET

_CELL_IN, _GAP_IN, _EDGE_IN, _LEGEND_IN = 1.0, 0.06, 0.12, 0.95
_HEAD_IN, _NAME_IN, _TIME_IN = 0.34, 0.2, 0.26


def keyframes_figure(frames: NDArray[np.uint8], flow: NDArray[np.float32] | None, labels: Sequence[float],
                     apex_place: int, title: str = "") -> Figure:
    """Key frames in a row, onset, apex and offset in coloured frames, and the flow between neighbours beneath.

    A map of flow stands between the two frames that it connects. Its hue is the direction of motion, its saturation
    the length, full at the 99th percentile of all; the wheel beside it says which is which.

    Args:
        frames: ``(K, H, W)`` uint8, K at least 2; eleven for a run's key frames.
        flow: ``(2, K - 1, S, S)`` displacements right and down in pixels, or None to show the frames alone.
        labels: Time of each frame in milliseconds.
        apex_place: Place of the apex among the frames.
        title: Above the picture.

    Raises:
        ValueError: frames of another shape, other numbers of labels or maps, or no such place.
    """
    count = len(frames)
    if frames.ndim != 3 or count < 2 or len(labels) != count or not 0 <= apex_place < count:
        raise ValueError(f"keyframes_figure: need frames (K, H, W), K labels and a place of the apex among them, got "
                         f"{frames.shape}, {len(labels)} and {apex_place}")
    if flow is not None and (flow.ndim != 4 or flow.shape[:2] != (2, count - 1)):
        raise ValueError(f"keyframes_figure: need flow (2, {count - 1}, S, S) for {count} frames, got {flow.shape}")
    tall_in = _CELL_IN * frames.shape[1] / frames.shape[2]
    width_in = 2 * _EDGE_IN + count * (_CELL_IN + _GAP_IN) - _GAP_IN + (_LEGEND_IN if flow is not None else 0)
    head_in = _NAME_IN + (_HEAD_IN if title else 0.05)
    height_in = head_in + tall_in + _TIME_IN + (_CELL_IN + 0.1 if flow is not None else 0)
    figure = Figure(figsize=(width_in, height_in), dpi=130)

    def panel(left_in: float, top_in: float, tall_in: float, wide_in: float = _CELL_IN) -> Any:
        return figure.add_axes((left_in / width_in, 1 - (top_in + tall_in) / height_in, wide_in / width_in,
                                tall_in / height_in))

    places_in = [_EDGE_IN + number * (_CELL_IN + _GAP_IN) for number in range(count)]
    for number, left_in in enumerate(places_in):
        axes = panel(left_in, head_in, tall_in)
        axes.imshow(frames[number], cmap="gray", vmin=0, vmax=255, aspect="auto")
        _frame(axes, *_mark(number, count, apex_place))
        axes.set_xlabel(f"{labels[number]:,.0f}" + (" ms" if number == count - 1 else ""), fontsize=8, color=INK,
                        labelpad=3)
    if flow is not None:
        top_in, full_px = head_in + tall_in + _TIME_IN, full_motion(flow)
        for number, left_in in enumerate(places_in[:-1]):
            axes = panel(left_in + (_CELL_IN + _GAP_IN) / 2, top_in, _CELL_IN)
            axes.imshow(flow_colours(flow[:, number], full_px), aspect="auto")
            _frame(axes, "", FAINT, 0.8)
        wheel_in = 0.62
        _draw_wheel(panel(width_in - _EDGE_IN - 0.5 * (_LEGEND_IN + wheel_in), top_in + 0.08, wheel_in, wheel_in),
                    full_px)
    if title:
        figure.text(_EDGE_IN / width_in, 1 - 0.1 / height_in, title, ha="left", va="top", fontsize=11, color=INK)
    return figure


def full_motion(flow: NDArray[np.float32]) -> float:
    """Length in pixels that is drawn in full colour: the 99th percentile of ``(2, ...)`` flow, above 0."""
    return float(np.percentile(np.hypot(flow[0], flow[1]), 99)) or 1.0


def flow_colours(flow: NDArray[np.float32], full_px: float) -> NDArray[np.float64]:
    """Hue by direction (right is red, down is yellow to green), saturation by length, white where nothing moves.

    Args:
        flow: ``(2, H, W)`` displacements right and down.
        full_px: Length of full saturation.

    Returns:
        ``(H, W, 3)`` colours, 0..1.
    """
    hue = np.arctan2(flow[1], flow[0]) / (2 * np.pi) % 1.0
    strength = np.minimum(np.hypot(flow[0], flow[1]) / full_px, 1.0)
    return np.asarray(hsv_to_rgb(np.stack([hue, strength, np.full_like(hue, 0.97)], axis=-1)), np.float64)


def _mark(number: int, count: int, apex_place: int) -> tuple[str, str, float]:
    """Name, colour and width of a key frame's edge."""
    names = {0: "onset", count - 1: "offset"}
    if number == apex_place:
        return " = ".join([names[number], "apex"] if number in names else ["apex"]), ORANGE, 2.2
    return (names[number], GREEN, 2.2) if number in names else ("", FAINT, 0.8)


def _frame(axes: Any, name: str, colour: str, width: float) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color(colour)
        side.set_linewidth(width)
    if name:
        axes.set_title(name, fontsize=9, color=colour, pad=3)


def _draw_wheel(axes: Any, full_px: float) -> None:
    places = np.linspace(-1, 1, 121, dtype=np.float32)
    way = np.stack(np.meshgrid(places, places))
    colours = flow_colours(way, 1.0)
    inside = np.hypot(*way) <= 1
    axes.imshow(np.concatenate([colours, inside[..., None]], axis=-1), extent=(-1, 1, 1, -1), aspect="equal")
    axes.annotate("", (1, 0), (0, 0), arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 0.8,
                                                   "mutation_scale": 6, "shrinkA": 0, "shrinkB": 0})
    axes.set_axis_off()
    axes.text(0, 1.2, f"motion of\n{full_px:.2g} px", ha="center", va="top", fontsize=7.5, color=QUIET)
