"""How skin moves: control points on the face, pulled by action units, with smooth reach."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import UNITS, unit_column
from neurofer.simulate.identity import Identity

LEFT, TOP, RIGHT, BOTTOM = -1.8, -1.9, 1.8, 1.9
"""Extent of the face's own plane in half face widths; the origin lies between the eyes and the nose."""

GRID_STEP = 0.1


class Point(NamedTuple):
    """A control point of one side: place and reach (x is outwards), and how far each unit at full strength pulls it."""

    x: float
    y: float
    reach_x: float
    reach_y: float
    pulls: dict[int, tuple[float, float]]


def control_points(who: Identity) -> dict[str, Point]:
    """The control points of the right half of the picture; the left half mirrors them."""
    brow, mouth, nose = who["brow_y"], who["mouth_y"], who["nose_length"]
    inner, outer = who["brow_gap"], who["brow_gap"] + who["brow_length"]
    middle = (inner + outer) / 2
    return {
        "brow_inner": Point(inner + 0.04, brow, 0.17, 0.22, {
            1: (0.01, -0.15), 2: (0.0, -0.02), 4: (-0.055, 0.10), 9: (-0.02, 0.06)}),
        "brow_middle": Point(middle, brow - 0.02, 0.17, 0.20, {
            1: (0.0, -0.04), 2: (0.0, -0.10), 4: (-0.03, 0.055), 9: (0.0, 0.02)}),
        "brow_outer": Point(outer - 0.03, brow, 0.19, 0.22, {2: (0.01, -0.13), 4: (-0.02, 0.02), 6: (0.0, 0.02)}),
        "cheek": Point(0.55, 0.24, 0.24, 0.20, {6: (0.01, -0.10), 12: (0.03, -0.07), 9: (0.0, -0.05)}),
        "nose_side": Point(0.14, nose - 0.10, 0.13, 0.17, {9: (0.01, -0.09), 10: (0.01, -0.05), 12: (0.02, 0.0)}),
        "upper_lip": Point(0.19, mouth - 0.17, 0.15, 0.12, {9: (0.0, -0.05), 10: (0.01, -0.08), 12: (0.04, -0.03)}),
        "corner": Point(who["mouth_width"] + 0.02, mouth, 0.17, 0.15, {
            10: (0.01, -0.025), 12: (0.11, -0.125), 14: (0.055, -0.01), 15: (0.005, 0.105), 17: (-0.01, 0.02),
            18: (-0.13, 0.0), 20: (0.115, 0.03), 23: (-0.035, 0.0), 24: (-0.025, 0.0), 26: (-0.035, 0.08)}),
        "jowl": Point(0.62, 0.62, 0.22, 0.22, {12: (0.06, -0.05), 20: (0.06, 0.01), 14: (0.03, 0.0), 15: (0.0, 0.03)}),
        "chin": Point(0.12, 1.03, 0.20, 0.13, {17: (0.0, -0.075)}),
        "jaw": Point(0.0, 1.3, 0.0, 0.0, {26: (0.0, 0.27)}),
    }


class Deformation(NamedTuple):
    """How one person's skin moves.

    Attributes:
        reach: ``(K, GH, GW)`` float32, how much of a control point's shift each grid node follows.
        pulls: ``(K, U, 2)`` shift of each control point, in its own side's direction, at full strength of a unit.
        side: ``(K,)`` 0 for the left of the picture, 1 for the right.
        names: Name of each control point.
    """

    reach: NDArray[np.float32]
    pulls: NDArray[np.float64]
    side: NDArray[np.int64]
    names: tuple[str, ...]

    def shifts(self, strengths: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(T, K, 2)`` shifts of the control points, x to the right, for ``(T, U, 2)`` strengths."""
        result = np.empty((len(strengths), len(self.side), 2))
        for side, sign in ((0, -1.0), (1, 1.0)):
            mine = self.side == side
            moved = np.einsum("tu,kud->tkd", strengths[:, :, side], self.pulls[mine])
            result[:, mine] = moved * np.array((sign, 1.0))
        return result


def grid_coordinates(step: float = GRID_STEP) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``(GH, GW)`` x and y of the nodes of a grid over the face's plane."""
    x = np.arange(round((RIGHT - LEFT) / step) + 1) * step + LEFT
    y = np.arange(round((BOTTOM - TOP) / step) + 1) * step + TOP
    return tuple(np.meshgrid(x, y))


def build_deformation(who: Identity) -> Deformation:
    """The deformation of a person's face, from the places of its features."""
    x, y = grid_coordinates()
    reach, pulls, sides, names = [], [], [], []
    for side, sign in ((0, -1.0), (1, 1.0)):
        for name, point in control_points(who).items():
            if name == "jaw":
                if side == 0:
                    continue
                reach.append(_jaw_reach(x, y, who))
            else:
                reach.append(np.exp(-0.5 * (((x - sign * point.x) / point.reach_x) ** 2
                                            + ((y - point.y) / point.reach_y) ** 2)))
            pull = np.zeros((len(UNITS), 2))
            for unit, shift in point.pulls.items():
                pull[unit_column(unit)] = shift
            pulls.append(pull * (0.5 if name == "chin" else 1.0))
            sides.append(side)
            names.append(name)
    return Deformation(np.array(reach, np.float32), np.array(pulls), np.array(sides), tuple(names))


def _jaw_reach(x: NDArray[np.float64], y: NDArray[np.float64], who: Identity) -> NDArray[np.float64]:
    down = np.clip((y - (who["mouth_y"] - 0.05)) / 0.35, 0, 1)
    inside = np.clip((1.15 - np.abs(x)) / 0.6, 0, 1)
    return down * down * (3 - 2 * down) * inside * inside * (3 - 2 * inside)
