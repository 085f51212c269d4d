"""Events as what they are: points in a space of two sensor axes and time."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.events.events import Events
from neurofer.plot._look import GREEN, INK, OFF_COLOUR, ON_COLOUR, QUIET, after_first, titled

MOST_POINTS = 20_000


def event_cloud_figure(events: Events, *, window_us: tuple[int, int] | None = None, most: int = MOST_POINTS,
                       box: Box | None = None, elevation_deg: float = 16.0, turn_deg: float = -58.0,
                       title: str = "") -> Figure:
    """Events as a cloud: x to the right, y downwards as on the sensor, time into the depth; ON red, OFF blue.

    More events than ``most`` are thinned evenly in the order of time; the figure says how many are shown.

    Args:
        events: At least one in the window.
        window_us: ``(start, stop)`` on the events' own clock; all of them by default.
        most: Most points, at least 1.
        box: Face box in sensor pixels, drawn as a tunnel through time.
        elevation_deg: How far above the eye stands.
        turn_deg: From which side it looks; -90 looks along time, at the sensor.
        title: Above the picture.

    Raises:
        ValueError: no events in the window, or ``most`` < 1.
    """
    inside = events if window_us is None else events.between(*window_us)
    if not len(inside) or most < 1:
        raise ValueError(f"event_cloud_figure: need at least one event in the window and most >= 1, got {len(inside)} "
                         f"events and most={most}")
    places = thinned_evenly(len(inside), most)
    start_us, stop_us = window_us or (inside.start_us, inside.end_us + 1)
    unit, size = after_first(stop_us - start_us)
    depth = (inside.t[places] - start_us) / size
    width, height = events.sensor
    figure = Figure(figsize=(7.2, 4.7), dpi=130)
    axes: Any = figure.add_axes((-0.09, -0.07, 1.16, 1.15), projection="3d", computed_zorder=False)
    colours = np.where(inside.p[places, None], np.array(ON_COLOUR), np.array(OFF_COLOUR))
    axes.scatter(inside.x[places], depth, inside.y[places], c=colours, s=1.6, alpha=0.5, linewidths=0, depthshade=False)
    if box is not None:
        _draw_tunnel(axes, box, (stop_us - start_us) / size)
    axes.set(xlim=(0, width), ylim=(0, (stop_us - start_us) / size), zlim=(height, 0))
    axes.set_box_aspect((width / height, 2.2 * max(1.0, width / height), 1.0), zoom=1.12)
    axes.view_init(elevation_deg, turn_deg)
    axes.set_proj_type("persp", focal_length=1.4)
    _dress(axes, unit)
    said = f"{len(inside):,} events" if len(places) == len(inside) else \
        f"{len(places):,} of {len(inside):,} events, evenly thinned"
    figure.text(0.99, 0.02, said, ha="right", fontsize=8.5, color=QUIET)
    for left, name, colour in ((0.01, "ON", ON_COLOUR), (0.055, "OFF", OFF_COLOUR)):
        figure.text(left, 0.02, name, fontsize=8.5, color=colour, fontweight="bold")
    return titled(figure, title)


def thinned_evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most ``most`` of ``count`` places, rising and evenly spread; all of them where they are few enough."""
    return np.arange(count) if count <= most else (np.arange(most) * count) // most


def _draw_tunnel(axes: Any, box: Box, end: float) -> None:
    across = np.array([box.left, box.left + box.width, box.left + box.width, box.left, box.left])
    down = np.array([box.top, box.top, box.top + box.height, box.top + box.height, box.top])
    for at in (0.0, end):
        axes.plot(across, np.full(5, at), down, color=GREEN, linewidth=1.4)
    for x, y in zip(across[:4], down[:4], strict=True):
        axes.plot([x, x], [0, end], [y, y], color=GREEN, linewidth=0.6, alpha=0.7)


def _dress(axes: Any, unit: str) -> None:
    for one, name in ((axes.xaxis, "x [px]"), (axes.yaxis, f"time [{unit}]"), (axes.zaxis, "y [px]")):
        one.set_label_text(name, fontsize=9, color=INK)
        one.set_pane_color((1, 1, 1, 0))
        one.line.set_color("#cbd2d9")
        one._axinfo["grid"].update(color="#eceff2", linewidth=0.7)
    axes.tick_params(labelsize=7.5, colors=QUIET, pad=1)
    axes.locator_params(axis="x", nbins=4)
    axes.locator_params(axis="y", nbins=6)
    axes.locator_params(axis="z", nbins=4)
