"""Where a face is filmed: lamp, background, shoulders, how much light the sensor gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.identity import Identity
from neurofer.simulate.texture import Light, smooth_noise

FACE_SHARE = 0.265
"""Half a face width as a share of the picture's shorter side."""


@dataclass(frozen=True)
class Scene:
    """Where a face is filmed.

    Attributes:
        size: ``(width, height)`` of the picture.
        light: The lamp.
        unit_px: Pixels for half a face width.
        middle_px: Picture place of the point between eyes and nose at rest.
        exposure: Grey value of a fully lit white surface; above 255 in dim scenes with dark skin.
        background: ``(H, W)`` float32, what is behind the head, already exposed.
    """

    size: tuple[int, int]
    light: Light
    unit_px: float
    middle_px: tuple[float, float]
    exposure: float
    background: NDArray[np.float32]


def draw_scene(who: Identity, size: tuple[int, int], random: np.random.Generator) -> Scene:
    """A scene drawn at random; the same draws whatever the size."""
    width, height = size
    side = random.uniform(-0.75, 0.75)
    light = Light(side, random.uniform(-0.9, -0.1), 1.0, random.uniform(0.30, 0.60))
    exposure = random.uniform(70, 165) / (0.8 * who.skin)
    unit_px = FACE_SHARE * min(width, height)
    middle_px = (width * 0.5 - 0.5, height * (0.49 - 0.5 * FACE_SHARE * 0.05))
    noise = np.random.default_rng(int(random.integers(1 << 62)))
    background = _background(who, size, light, unit_px, middle_px, exposure, noise)
    return Scene(size, light, unit_px, middle_px, exposure, background)


def _background(who: Identity, size: tuple[int, int], light: Light, unit_px: float, middle_px: tuple[float, float],
                exposure: float, random: np.random.Generator) -> NDArray[np.float32]:
    """A wall with soft patches, in front of it neck and shoulders; drawn on a fixed grid, then brought to size."""
    from scipy.ndimage import zoom

    fine = 96
    patches = smooth_noise(random, (fine, fine), (9.0, 9.0)) * random.uniform(0.05, 0.35)
    level = random.uniform(15, 150)
    width, height = size
    wall = level * np.exp(zoom(patches, (height / fine, width / fine), order=1))[:height, :width]
    wall = np.pad(wall, ((0, height - wall.shape[0]), (0, width - wall.shape[1])), mode="edge")
    x = (np.arange(width)[None, :] - middle_px[0]) / unit_px
    y = (np.arange(height)[:, None] - middle_px[1]) / unit_px
    cloth = float(np.exp(random.uniform(np.log(0.03), np.log(0.7))))
    neck_wide, drop = random.uniform(0.55, 0.68), random.uniform(0.16, 0.30)
    edge = neck_wide + 0.25 * np.clip(y - 1.35, 0, None) ** 2
    neck = np.clip(0.5 + (edge - np.abs(x)) * unit_px, 0, 1) * (y > 0)
    shade = (0.30 + 0.30 * light.ambient) * (1 - 0.5 * np.exp(-np.clip(y - 1.05, 0, None) / 0.25))
    round_off = 0.6 + 0.4 * np.sqrt(np.clip(1 - (x / neck_wide) ** 2, 0, 1))
    wall = wall * (1 - neck) + exposure * who.skin * shade * round_off * (1 + 0.25 * light.right * x) * neck
    shoulder = np.clip(0.5 + (y - 1.30 - (0.15 + drop) * np.clip(np.abs(x) - 0.15, 0, None) ** 0.8) * unit_px, 0, 1)
    weave = 1 + 0.05 * np.sin(9 * x + random.uniform(0, 6)) * np.sin(7 * y)
    return (wall * (1 - shoulder) + exposure * cloth * 0.55 * weave * shoulder).astype(np.float32)
