"""Eyes and mouth of each frame as a few numbers, from identity, action units and gaze."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import unit_column
from neurofer.simulate.deform import Deformation
from neurofer.simulate.identity import Identity

EYE_FIELDS = ("x", "y", "width", "up", "down", "tilt", "iris_x", "iris_y", "iris_radius", "crease", "lid")
MOUTH_FIELDS = ("x", "y", "left_x", "left_y", "right_x", "right_y", "gap_up", "gap_down", "thick_up", "thick_down",
                "bow", "square", "press")


def eyes(who: Identity, strengths: NDArray[np.float64], gaze: NDArray[np.float64]) -> NDArray[np.float32]:
    """Shape of both eyes in each frame.

    Args:
        who: Whose eyes.
        strengths: ``(T, U, 2)`` action units.
        gaze: ``(T, 2)`` right and down, -1..1.

    Returns:
        ``(T, 2, len(EYE_FIELDS))`` float32, left and right of the picture; lengths in half face widths. ``up`` and
        ``down`` are heights of the lids over and under the eye's middle line, ``lid`` is 1 when closed.
    """
    result = np.empty((len(strengths), 2, len(EYE_FIELDS)), np.float32)
    for side, sign in ((0, -1.0), (1, 1.0)):
        au = {unit: strengths[:, unit_column(unit), side] for unit in (1, 2, 4, 5, 6, 7, 9, 12, 45)}
        wide = who["eye_open"]
        up = wide * (1.15 + 0.85 * au[5] - 0.25 * au[7] - 0.12 * au[4] - 0.15 * au[9] - 0.18 * au[6] + 0.10 * au[2]
                     + 0.25 * np.minimum(gaze[:, 1], 0) - 0.35 * np.maximum(gaze[:, 1], 0))
        down = wide * (0.80 - 0.50 * au[6] - 0.60 * au[7] - 0.35 * au[9] - 0.15 * au[12] + 0.10 * au[5])
        down = np.maximum(down, 0.1 * wide)
        up = np.maximum(up, 0.25 * wide)
        closed = au[45]
        up = up * (1 - closed) - 0.8 * down * closed
        columns: tuple[Any, ...] = (
                   sign * who["eye_x"], who["eye_y"] - 0.012 * au[5] + 0.01 * au[9], who["eye_width"], up, down,
                   sign * who["eye_tilt"] + 0 * up, 0.055 * gaze[:, 0], 0.035 * gaze[:, 1] - 0.005,
                   who["iris_radius"], who["crease"] * (1 - 0.55 * au[5] + 0.25 * closed + 0.3 * au[1]
                                                       - 0.35 * au[4]), closed)
        for place, column in enumerate(columns):
            result[:, side, place] = column
    return result


def mouths(who: Identity, strengths: NDArray[np.float64], deformation: Deformation,
           shifts: NDArray[np.float64]) -> NDArray[np.float32]:
    """Shape of the mouth in each frame.

    Args:
        who: Whose mouth.
        strengths: ``(T, U, 2)`` action units.
        deformation: How the skin moves; the mouth's corners go with it.
        shifts: ``(T, K, 2)`` shifts of its control points.

    Returns:
        ``(T, len(MOUTH_FIELDS))`` float32, lengths in half face widths.
    """
    au = {unit: strengths[:, unit_column(unit)].mean(1) for unit in (6, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 25, 26)}
    corner = [place for place, name in enumerate(deformation.names) if name == "corner"]
    left, right = shifts[:, corner[0]], shifts[:, corner[1]]
    half, level = who["mouth_width"], who["mouth_y"]
    open_down = 0.07 * au[25] + 0.27 * au[26] + 0.03 * au[20] * au[25]
    open_up = 0.034 * au[25] + 0.02 * au[26] + 0.05 * np.clip(au[10] + 0.6 * au[9], 0, 1) * np.clip(
        2 * au[25] + au[26], 0, 1)
    thinner = 1 - 0.55 * au[23] - 0.60 * au[24] - 0.15 * au[12] - 0.25 * au[20] - 0.1 * au[26]
    lips_up = who["lip_upper"] * np.clip(thinner - 0.15 * au[10] + 0.45 * au[18], 0.25, 2)
    lips_down = who["lip_lower"] * np.clip(thinner + 0.30 * au[17] + 0.35 * au[18] - 0.2 * au[15], 0.25, 2)
    middle_y = level - 0.035 * au[17] - 0.03 * au[10] - 0.018 * au[9] + 0.012 * au[15] + 0.01 * au[12]
    columns = (0.5 * (left[:, 0] + right[:, 0]) * 0.35, middle_y, -half + left[:, 0], level + left[:, 1],
               half + right[:, 0], level + right[:, 1], open_up, open_down, lips_up, lips_down,
               np.clip(0.30 - 0.2 * au[12] - 0.2 * au[24], 0, 1),
               np.clip(0.75 - 0.25 * au[26] - 0.15 * au[10], 0.35, 1),
               np.clip(0.45 + 0.5 * au[24] + 0.3 * au[23] + 0.2 * au[17], 0, 1))
    result = np.empty((len(strengths), len(MOUTH_FIELDS)), np.float32)
    for place, column in enumerate(columns):
        result[:, place] = column
    return result
