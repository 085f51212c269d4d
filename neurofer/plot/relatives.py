"""One window in every representation, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.crop import crop_resize
from neurofer.events.events import Events
from neurofer.plot._look import GROUND, INK, QUIET, titled
from neurofer.plot.cloud import thinned_evenly
from neurofer.plot.frames import EventFrame, count_pixels, frame_image, full_count
from neurofer.plot.representations import colour_scale, rgb_image
from neurofer.represent.base import Representation
from neurofer.represent.registry import KINDS, build_representation

MOST_CHANNELS = 4
_FULL = 85
"""Percentile in full colour: small panels need more contrast than large ones."""


def representations_sheet(events: Events, window_us: tuple[int, int],
                          kinds: Sequence[str | Representation] | None = None, box: Box | None = None,
                          title: str = "") -> Figure:
    """The events of a window as an event frame, then in every representation, a panel each.

    Pictures of three channels are shown in their colours, of one in grey. Other representations show up to four of
    their channels, evenly spread, as tiles, each representation on a colour scale of its own: values of either sign
    from blue through white to red, of one sign from dark to bright.

    Args:
        events: At least one in the window.
        window_us: ``(start, stop)`` on the events' own clock.
        kinds: Names from ``neurofer.represent.registry.KINDS``, each with its default settings, or representations;
            all names by default.
        box: Face box in sensor pixels; panels show it alone.
        title: Above the picture.

    Raises:
        ValueError: no events in the window, or no kinds.
        UsageError: an unknown name.
    """
    recipes = [build_representation(kind) if isinstance(kind, str) else kind
               for kind in (KINDS if kinds is None else kinds)]
    inside = events.between(*window_us)
    if not len(inside) or not recipes:
        raise ValueError(f"representations_sheet: need at least one event in the window and one kind, got "
                         f"{len(inside)} events and {len(recipes)} kinds")
    pictures = [("event frame", "ON red, OFF blue", _event_frame(inside, window_us, box))]
    for recipe in recipes:
        array = recipe(inside, window_us, origin_us=events.start_us)
        if box is not None:
            array = crop_resize(array, box, max(box.width, box.height), recipe.empty_value)
        pictures.append((recipe.kind, _told(recipe), _picture(array, recipe.is_picture)))
    columns = min(len(pictures), min(range(7, 3, -1), key=lambda many: -len(pictures) % many))
    rows = math.ceil(len(pictures) / columns)
    tall = 1.75 * max(0.5, min(2.0, pictures[0][2].shape[0] / pictures[0][2].shape[1]))
    figure = Figure(figsize=(1.75 * columns, rows * (tall + 0.42) + (0.35 if title else 0.05)), layout="constrained",
                    dpi=130)
    panels: Any = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.ravel()[len(pictures) :]:
        panel.set_axis_off()
    for panel, (name, told, picture) in zip(panels.ravel(), pictures, strict=False):
        panel.imshow(picture, interpolation="nearest")
        panel.set_title(name, loc="left", fontsize=9, color=INK, pad=11)
        panel.annotate(told, (0, 1), xycoords="axes fraction", xytext=(0, 2.5), textcoords="offset points",
                       fontsize=6.8, color=QUIET)
        panel.set_xticks([])
        panel.set_yticks([])
        for side in panel.spines.values():
            side.set_color("#cbd2d9")
            side.set_linewidth(0.6)
    return titled(figure, title)


def _event_frame(events: Events, window_us: tuple[int, int], box: Box | None) -> NDArray[Any]:
    width, height = events.sensor
    counts = np.zeros((2, height, width), np.uint16)
    count_pixels(events.x, events.y, events.p, 0, counts)
    full = full_count([EventFrame(*window_us, counts)])
    image = frame_image(counts, full)
    if box is None:
        return image
    return np.moveaxis(crop_resize(np.moveaxis(image, -1, 0), box, max(box.width, box.height), GROUND[1]), 0, -1)


def _picture(array: NDArray[Any], is_picture: bool) -> NDArray[Any]:
    """``(H, W, 3)`` for the eye: colours as they are, or some channels as tiles."""
    if is_picture and len(array) == 3:
        return rgb_image(np.ascontiguousarray(array))
    values = np.asarray(array[thinned_evenly(len(array), MOST_CHANNELS)], np.float64)
    (low, high), colours, _ = ((0.0, 255.0), "gray", "") if is_picture else colour_scale(values, _FULL)
    shades = matplotlib.colormaps[colours](np.clip((values - low) / ((high - low) or 1.0), 0, 1))[..., :3]
    columns = 1 if len(shades) == 1 else 2
    gap = max(1, shades.shape[2] // 48)
    rows = math.ceil(len(shades) / columns)
    height, width = shades.shape[1:3]
    # All panels keep the sensor's shape, so two channels stand in the middle rows of four.
    tiles = np.ones((columns * height + (columns - 1) * gap, columns * width + (columns - 1) * gap, 3))
    above = (tiles.shape[0] - rows * height - (rows - 1) * gap) // 2
    for number, shade in enumerate(shades):
        top, left = above + number // columns * (height + gap), number % columns * (width + gap)
        tiles[top : top + height, left : left + width] = shade
    return tiles


def _told(recipe: Representation) -> str:
    if recipe.is_picture and recipe.channels == 3:
        return "3 channels in colour"
    shown = min(MOST_CHANNELS, recipe.channels)
    names = ", ".join(recipe.channel_names[:shown]) if recipe.channels > 1 else ""
    said = f"{recipe.channels} channel{'s' * (recipe.channels > 1)}"
    if shown < recipe.channels:
        return f"{said}, {shown} shown"
    return f"{said}: {names}" if names and len(names) < 22 else said
