"""Furrows and bulges that appear when skin is pushed together; pictures that are added to the resting face."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import UNITS, unit_column
from neurofer.simulate.identity import Identity
from neurofer.simulate.texture import Light, Plane, Relief, bell, smooth_noise

Line = list[tuple[float, float]]


class Furrow(NamedTuple):
    """One furrow or bulge.

    Attributes:
        top: First row of the patch in the texture; ``left`` likewise.
        patch: ``(h, w)`` float32, change of light at full strength as a share of what is there.
        gains: ``(U, 2)`` how strongly each unit, left and right, brings it out.
    """

    top: int
    left: int
    patch: NDArray[np.float32]
    gains: NDArray[np.float64]


def build_furrows(who: Identity, relief: Relief, light: Light) -> list[Furrow]:
    """All furrows of a person under a light."""
    depth = 0.6 + 0.5 * who["age"]
    furrows = []
    brow, nose, mouth, eye_x, eye_y = (who[name] for name in ("brow_y", "nose_length", "mouth_y", "eye_x", "eye_y"))
    corner = who["mouth_width"]
    wing = who["nose_width"]
    for side, sign in ((0, -1.0), (1, 1.0)):
        def add(picture: Plane, gains: dict[int, float], side: int = side) -> None:
            furrows.append(_cut(picture, gains, (side,)))

        def line(points: Line, thick: float, sign: float = sign) -> Plane:
            return _line(relief, [(sign * px, py) for px, py in points], thick)

        def bulge(at_x: float, at_y: float, wide: float, high: float, size: float, sign: float = sign) -> Plane:
            return _bulge(relief, light, sign * at_x, at_y, wide, high, size)

        fold = line([(wing + 0.04, nose - 0.06), (wing + 0.17, nose + 0.10), (corner + 0.10, mouth - 0.10),
                     (corner + 0.15, mouth + 0.06)], 0.026)
        add(-0.50 * depth * fold + bulge(0.50, 0.30, 0.17, 0.13, 0.10), {12: 1.0, 6: 0.35, 14: 0.15, 20: 0.15})
        upper_fold = line([(wing + 0.02, nose - 0.12), (wing + 0.09, nose + 0.02), (wing + 0.17, nose + 0.14)], 0.028)
        add(-0.55 * depth * upper_fold, {9: 0.9, 10: 1.0})
        add(-0.42 * depth * line([(0.075, brow - 0.10), (0.06, brow + 0.10)], 0.020)
            + bulge(0.16, brow + 0.02, 0.07, 0.07, 0.05), {4: 1.0, 9: 0.35})
        for row in (-0.16, -0.27, -0.38):
            add(-0.26 * depth * line([(0.0, brow + row + 0.02), (0.22, brow + row)], 0.018), {1: 1.0, 2: 0.3})
            add(-0.24 * depth * line([(0.24, brow + row), (0.52, brow + row + 0.01), (0.66, brow + row + 0.06)], 0.018),
                {2: 1.0})
        for rise in (-0.09, 0.0, 0.09):
            add(-0.34 * depth * line([(eye_x + 0.24, eye_y + 0.4 * rise), (eye_x + 0.40, eye_y + 1.3 * rise)], 0.014),
                {6: 1.0, 7: 0.15})
        bag = line([(eye_x - 0.18, eye_y + 0.09), (eye_x, eye_y + 0.15), (eye_x + 0.20, eye_y + 0.09)], 0.020)
        add(-0.42 * depth * bag + bulge(eye_x, eye_y + 0.10, 0.14, 0.04, 0.03), {6: 0.9, 7: 0.6, 9: 0.3})
        add(bulge(0.55, 0.12, 0.17, 0.12, 0.10), {6: 1.0})
        for step in (0.0, 0.07):
            add(-0.36 * depth * line([(0.03, eye_y + 0.05 + step), (0.13, eye_y + 0.12 + step)], 0.016), {9: 1.0})
        dimple = line([(corner + 0.10, mouth - 0.10), (corner + 0.13, mouth), (corner + 0.10, mouth + 0.09)], 0.024)
        add(-0.60 * depth * dimple + bulge(corner + 0.20, mouth, 0.06, 0.09, 0.05), {14: 1.0, 12: 0.15})
        add(-0.42 * depth * line([(corner + 0.02, mouth + 0.03), (corner + 0.09, mouth + 0.18)], 0.024), {15: 1.0})
        add(-0.30 * depth * line([(corner + 0.09, mouth - 0.06), (corner + 0.11, mouth + 0.12)], 0.022), {20: 1.0})
    random = np.random.default_rng([who.seed, 7])
    chin = bell(relief.x, relief.y, 0, 1.04, 0.15, 0.09)
    dimples = smooth_noise(random, chin.shape, (0.022 / relief.texel,) * 2) * chin
    arch = _line(relief, [(-0.20, mouth + 0.34), (0.0, mouth + 0.25), (0.20, mouth + 0.34)], 0.024)
    furrows.append(_cut(-0.45 * depth * arch + 0.14 * dimples + _bulge(relief, light, 0, 1.04, 0.14, 0.08, 0.08),
                        {17: 0.5}, (0, 1)))
    return furrows


def _line(relief: Relief, points: Line, thick: float) -> Plane:
    """Soft stroke along the points, 1 on its middle, fading at its ends."""
    steps = 8 * (len(points) - 1) + 1
    places = np.linspace(0, len(points) - 1, steps)
    px, py = (_smooth_curve(np.array([point[axis] for point in points]), places) for axis in (0, 1))
    near = _window(relief, px, py, 3.5 * thick)
    x, y = relief.x[near], relief.y[near]
    best = np.full(x.shape, np.inf)
    for number in range(steps):
        fade = 2.0 * (2 * number / (steps - 1) - 1) ** 4
        best = np.minimum(best, ((x - px[number]) ** 2 + (y - py[number]) ** 2) / thick**2 + fade)
    plane = np.zeros(relief.x.shape)
    plane[near] = np.exp(-0.5 * best)
    return plane


def _window(relief: Relief, x: NDArray[np.float64], y: NDArray[np.float64], margin: float) -> tuple[slice, slice]:
    """The part of the texture around some points."""
    left, top = relief.x[0, 0], relief.y[0, 0]
    first, last = ((np.array([y.min(), x.min()]) - margin - (top, left)) / relief.texel,
                   (np.array([y.max(), x.max()]) + margin - (top, left)) / relief.texel)
    low, high = np.maximum(np.floor(first), 0).astype(int), np.ceil(last).astype(int) + 1
    return slice(low[0], high[0]), slice(low[1], high[1])


def _smooth_curve(values: NDArray[np.float64], places: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(values) == 2:
        return np.interp(places, (0, 1), values)
    from scipy.interpolate import CubicSpline

    return CubicSpline(np.arange(len(values)), values)(places)


def _bulge(relief: Relief, light: Light, at_x: float, at_y: float, wide: float, high: float, size: float) -> Plane:
    """How the light changes where skin swells: brighter towards the lamp, darker away from it."""
    bump = size * bell(relief.x, relief.y, at_x, at_y, wide, high)
    right, down = -(relief.x - at_x) / wide**2 * bump, -(relief.y - at_y) / high**2 * bump
    norm = np.sqrt(light.right**2 + light.down**2 + light.front**2)
    return np.clip(-(1 - light.ambient) * (light.right * right + light.down * down) / norm, -0.5, 0.5)


def _cut(picture: Plane, gains: dict[int, float], sides: tuple[int, ...]) -> Furrow:
    rows, columns = np.nonzero(np.abs(picture) > 0.004)
    top, bottom = (int(rows.min()), int(rows.max()) + 1) if len(rows) else (0, 1)
    left, right = (int(columns.min()), int(columns.max()) + 1) if len(rows) else (0, 1)
    table = np.zeros((len(UNITS), 2))
    for unit, gain in gains.items():
        for side in sides:
            table[unit_column(unit), side] = gain
    return Furrow(top, left, picture[top:bottom, left:right].astype(np.float32), table)
