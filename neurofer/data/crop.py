"""From sensor pixels to the square a network sees: boxes made square, pictures cropped and resized, events mapped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box


def square_box(box: Box, padding: float = 0.0) -> Box:
    """The smallest square with the same centre that holds ``box``, after padding it on every side.

    Pictures and spikes both go through here, in training and in prediction. The square may reach over the sensor's
    edge.

    Args:
        box: Box in sensor pixels.
        padding: Share of the longer side added on each side.

    Raises:
        ValueError: the box has no area, or ``padding`` is negative.
    """
    if box.width < 1 or box.height < 1 or padding < 0:
        raise ValueError(f"square_box: need a box with an area and padding >= 0, got {tuple(box)}, padding={padding}")
    side = round(max(box.width, box.height) * (1 + 2 * padding))
    left = box.left + (box.width - side) // 2
    top = box.top + (box.height - side) // 2
    return Box(left, top, side, side)


def crop_picture(picture: NDArray[Any], box: Box, fill: float = 0.0) -> NDArray[Any]:
    """The part of a ``(C, H, W)`` picture inside a box, a copy; what lies beyond the sensor is ``fill``."""
    channels, height, width = picture.shape
    out = np.full((channels, box.height, box.width), fill, picture.dtype)
    left, top = max(box.left, 0), max(box.top, 0)
    right, bottom = min(box.left + box.width, width), min(box.top + box.height, height)
    if left < right and top < bottom:
        inside = picture[:, top:bottom, left:right]
        out[:, top - box.top : bottom - box.top, left - box.left : right - box.left] = inside
    return out


def crop_resize(picture: NDArray[Any], box: Box, size_px: int, fill: float = 0.0) -> NDArray[Any]:
    """A face crop of a picture at the network's size; the box is made square first, so a face is never stretched.

    Shrinking averages over areas (no aliasing), growing interpolates linearly.

    Args:
        picture: ``(C, H, W)`` uint8 or floating point.
        box: Box in sensor pixels.
        size_px: Side S of the result.
        fill: What lies beyond the sensor; a representation's ``empty_value``.

    Returns:
        ``(C, S, S)``, uint8 for uint8 (rounded), else float32.

    Raises:
        ValueError: ``picture`` is not ``(C, H, W)``, the box has no area, or ``size_px`` < 1.
    """
    import cv2

    if picture.ndim != 3 or box.width < 1 or box.height < 1 or size_px < 1:
        raise ValueError(f"crop_resize: need a (C, H, W) picture, a box with an area and size_px >= 1, got "
                         f"{picture.shape}, {tuple(box)}, {size_px}")
    box = square_box(box)
    crop = crop_picture(picture, box, fill)
    if crop.dtype != np.uint8:
        crop = crop.astype(np.float32, copy=False)
    if (box.height, box.width) == (size_px, size_px):
        return crop
    shrinking = box.width >= size_px and box.height >= size_px
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return np.stack([cv2.resize(channel, (size_px, size_px), interpolation=method) for channel in crop])


def cell_edges(offset: int, length: int, size_px: int, sensor_length: int) -> NDArray[np.int32]:
    """Which of ``size_px`` cells along one axis each sensor pixel belongs to.

    A box longer than ``size_px`` puts several pixels into one cell; a shorter one spreads a pixel over the cells
    nearest to it, so that no cell stays empty for lack of pixels.

    Args:
        offset: First pixel of the box; may be negative.
        length: Pixels of the box, at least 1.
        size_px: Number of cells, at least 1.
        sensor_length: Pixels of the sensor along this axis.

    Returns:
        ``(sensor_length, 2)`` int32: first cell and one past the last; equal where the pixel lies outside the box.

    Raises:
        ValueError: ``length`` or ``size_px`` < 1.
    """
    if length < 1 or size_px < 1:
        raise ValueError(f"cell_edges: need length >= 1 and size_px >= 1, got {length} and {size_px}")
    pixel = np.arange(sensor_length, dtype=np.int64) - offset
    edges = np.zeros((sensor_length, 2), np.int32)
    inside = (pixel >= 0) & (pixel < length)
    if length >= size_px:
        edges[inside, 0] = pixel[inside] * size_px // length
        edges[inside, 1] = edges[inside, 0] + 1
    else:
        # Cell j takes the pixel under its centre: pixel (2j + 1) * length // (2 * size_px).
        source = (2 * np.arange(size_px, dtype=np.int64) + 1) * length // (2 * size_px)
        edges[inside, 0] = np.searchsorted(source, pixel[inside], side="left")
        edges[inside, 1] = np.searchsorted(source, pixel[inside], side="right")
    return edges
