"""Which part of a face each pixel belongs to, for rates of events that are counted part by part."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

OUTSIDE = -1
"""Marks pixels of no region."""

FACE_PARTS = ("brows", "eyes", "nose", "mouth")
_FACE_BOXES = ((0.14, 0.07, 0.86, 0.23), (0.14, 0.23, 0.86, 0.39), (0.26, 0.39, 0.74, 0.57), (0.22, 0.57, 0.78, 0.88))
# Left, top, right, bottom as shares of the crop's side, which is 172 mm: brows end 12 mm above the eyes' centres, lower
# lids 15 mm below them, the nose 46 mm; mouth and chin follow.


def grid_regions(sensor: tuple[int, int], rows: int = 3, columns: int = 3) -> NDArray[np.int64]:
    """A grid of equal regions, numbered row by row; for pictures without a known face.

    Example:
        >>> grid_regions((4, 2), 1, 2).tolist()
        [[0, 0, 1, 1], [0, 0, 1, 1]]

    Args:
        sensor: ``(width, height)`` in pixels.
        rows: 1 to height.
        columns: 1 to width.

    Returns:
        ``(height, width)`` int64, number of each pixel's region.

    Raises:
        ValueError: more rows or columns than pixels, or none.
    """
    width, height = sensor
    if not (1 <= rows <= height and 1 <= columns <= width):
        raise ValueError(f"grid_regions: need 1..{height} rows and 1..{width} columns, got {rows} and {columns}")
    row, column = np.arange(height) * rows // height, np.arange(width) * columns // width
    return np.add.outer(row * columns, column)


def face_regions(size_px: int, parts: Collection[str] = FACE_PARTS) -> NDArray[np.int64]:
    """Brows, eyes, nose and mouth (0 to 3, see ``FACE_PARTS``) of an aligned face; everything else is ``OUTSIDE``.

    Without the eyes, blinks and glances are not taken for expressions, and what only the eyelids show is missed.

    Fixed boxes, for the square crop of ``data.micro.align``: eyes at x 0.32 and 0.68 and y 0.30 of its side. Hair, jaw
    line and background stay outside: there a head that moves makes most of its events.

    Args:
        size_px: Side of the crop, at least 16.
        parts: Those wanted; the others are ``OUTSIDE``, and numbers stay as they are.

    Returns:
        ``(size_px, size_px)`` int64.

    Raises:
        ValueError: a smaller crop, no parts, or one that is not of ``FACE_PARTS``.
    """
    if size_px < 16:
        raise ValueError(f"face_regions: need a crop of at least 16 pixels, got {size_px}")
    if not parts or not set(parts) <= set(FACE_PARTS):
        raise ValueError(f"face_regions: need parts of {', '.join(FACE_PARTS)}, got {', '.join(parts) or 'none'}")
    regions = np.full((size_px, size_px), OUTSIDE, np.int64)
    for number, (part, box) in enumerate(zip(FACE_PARTS, _FACE_BOXES, strict=True)):
        left, top, right, bottom = (round(share * size_px) for share in box)
        if part in parts:
            regions[top:bottom, left:right] = number
    return regions
