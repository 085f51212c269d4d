"""One similarity for all frames of a clip: eyes to fixed places of a square crop that holds brows to chin.

A transform of each frame's own would turn the jitter of its landmarks into motion, so the onset frame's holds for all.

Source:
    Micro-expression recognition specification, section 2.1; the eyes' places are our choice [open].
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Box
from neurofer.data.crop import square_box
from neurofer.data.similarity import Similarity
from neurofer.errors import UsageError

SIZE_PX = 128

EYES = ((0.32, 0.30), (0.68, 0.30))
"""Places of the eyes' centres in the crop, in shares of its side from the top left corner; the left one of the picture
first. Eyes of 62 mm distance make it 172 mm wide; it reaches 52 mm above them, over raised brows, and 120 mm below,
under the chin."""

SMALLEST_EYE_DISTANCE_PX = 4.0


class Landmarks(NamedTuple):
    """Centres of both eyes as ``(x, y)``, in pixels counted from the centre of the picture's top left one."""

    left_eye: tuple[float, float]
    right_eye: tuple[float, float]

    def inside(self, width: int, height: int) -> bool:
        """Whether a picture of this size shows both."""
        return all(-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5 for x, y in self)


def alignment_of(face: Landmarks | Box, size_px: int = SIZE_PX) -> Similarity:
    """Where a pixel of the camera lies in the crop.

    Args:
        face: Both eyes, which go to ``EYES``. Either may be called left: the one further left in the picture is taken
            as such. Or the face's box, whose square becomes the crop, unturned.
        size_px: Side of the crop.

    Raises:
        UsageError: the eyes are less than 4 pixels apart.
        ValueError: a box without an area.
    """
    if isinstance(face, Box):
        square = square_box(face)
        scale = size_px / square.width
        return Similarity(scale, 0.0, -0.5 - scale * (square.left - 0.5), -0.5 - scale * (square.top - 0.5))
    (left_x, left_y), (right_x, right_y) = sorted(face)
    distance = math.hypot(right_x - left_x, right_y - left_y)
    if not distance >= SMALLEST_EYE_DISTANCE_PX:
        raise UsageError(f"landmarks: the eyes {face.left_eye} and {face.right_eye} are {distance:.1f} pixels apart; "
                         f"need two places, {SMALLEST_EYE_DISTANCE_PX:g} pixels or more apart")
    (goal_left, goal_top), (goal_right, _) = EYES
    turn = -math.atan2(right_y - left_y, right_x - left_x)
    scale = (goal_right - goal_left) * size_px / distance
    x, y = (scale * (math.cos(turn) * left_x - math.sin(turn) * left_y),
            scale * (math.sin(turn) * left_x + math.cos(turn) * left_y))
    return Similarity(scale, math.degrees(turn), goal_left * size_px - 0.5 - x, goal_top * size_px - 0.5 - y)


def whole_picture(width: int, height: int, size_px: int = SIZE_PX) -> Similarity:
    """For faces that are cropped already: all of the picture, as large as the crop holds it, in the middle."""
    scale = size_px / max(width, height)
    return Similarity(scale, 0.0, (size_px - 1 - scale * (width - 1)) / 2, (size_px - 1 - scale * (height - 1)) / 2)


def aligned(frame: NDArray[np.uint8], similarity: Similarity, size_px: int = SIZE_PX) -> NDArray[np.uint8]:
    """A grey frame in the geometry of the crop; its edge pixels go on where the crop reaches beyond it.

    What becomes smaller is blurred first, by as much as a pixel of the crop is larger than one of the frame, so fine
    skin texture does not flicker as it moves. Only the part that the crop shows is worked on, in floating point, and
    rounded once.

    Args:
        frame: ``(H, W)`` uint8.
        similarity: Where its pixels lie in the crop.
        size_px: Side of the crop.

    Returns:
        ``(size_px, size_px)`` uint8.
    """
    import cv2

    blur_px = 0.5 * math.sqrt(max(similarity.scale ** -2 - 1, 0.0))
    left, top, right, bottom = _shown(frame, similarity.matrix, size_px, margin_px=math.ceil(4 * blur_px) + 2)
    part = frame[top:bottom, left:right].astype(np.float32)
    if blur_px > 0:
        part = cv2.GaussianBlur(part, (0, 0), blur_px, borderType=cv2.BORDER_REPLICATE)
    matrix = similarity.matrix
    matrix[:, 2] += matrix[:, :2] @ np.array([left, top], np.float64)
    warped: Any = cv2.warpAffine(part, matrix, (size_px, size_px), flags=cv2.INTER_LINEAR,
                                 borderMode=cv2.BORDER_REPLICATE)
    return np.clip(np.rint(warped), 0, 255).astype(np.uint8)


def _shown(frame: NDArray[np.uint8], matrix: NDArray[np.float64], size_px: int,
           margin_px: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the part that the crop shows, with a margin; one pixel of the frame at least."""
    corners = np.array([(-0.5, -0.5), (size_px - 0.5, -0.5), (-0.5, size_px - 0.5), (size_px - 0.5, size_px - 0.5)])
    places = np.linalg.solve(matrix[:, :2], corners.T - matrix[:, 2:])
    limits = np.array(frame.shape[::-1])
    low = np.clip(np.floor(places.min(axis=1)) - margin_px, 0, limits - 1).astype(int)
    high = np.clip(np.ceil(places.max(axis=1)) + margin_px + 1, low + 1, limits).astype(int)
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])
