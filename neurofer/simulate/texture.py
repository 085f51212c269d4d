"""The resting face of one person as a picture: skin, relief under light, brows, nose, hair, ears."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.deform import BOTTOM, LEFT, RIGHT, TOP
from neurofer.simulate.identity import Identity

Plane = NDArray[np.float64]


class Light(NamedTuple):
    """Light of one scene: direction to the lamp (right, down, towards the viewer), share that comes from all round."""

    right: float
    down: float
    front: float
    ambient: float


class Relief(NamedTuple):
    """Shape of a resting face over its plane.

    Attributes:
        x: ``(TH, TW)`` coordinates of the texture's points; ``y`` likewise.
        height: ``(TH, TW)`` towards the viewer.
        inside: ``(TH, TW)`` share of the head's outline in 0..1, without hair and ears.
        texel: Distance between two points.
    """

    x: Plane
    y: Plane
    height: Plane
    inside: Plane
    texel: float


def bell(x: Plane, y: Plane, at_x: float, at_y: float, wide: float, high: float) -> Plane:
    """Gaussian bump of height 1."""
    return np.exp(-0.5 * (((x - at_x) / wide) ** 2 + ((y - at_y) / high) ** 2))


def cover(level: Plane, texel: float) -> Plane:
    """Share of each texel inside ``level > 0``, for a level of any steepness."""
    slope = np.hypot(*np.gradient(level, texel))
    return np.clip(0.5 + level / (slope * texel * 1.3 + 1e-9), 0, 1)


def head_level(x: Plane, y: Plane, who: Identity) -> Plane:
    """Positive inside the head's outline: a skull above, a jaw of the person's own squareness below."""
    middle = -0.25
    up = np.maximum(middle - y, 0) / 1.22
    down = np.maximum(y - middle, 0) / 1.56
    jaw = 1 + (who["jaw_width"] - 1) * np.clip((y - 0.1) / 0.5, 0, 1)
    taper = 1 - 0.10 * np.clip((y - 0.55) / 0.5, 0, 1) * who["chin"]
    return 1 - (np.abs(x) / (jaw * taper)) ** 2.2 - up**2.3 - down ** who["jaw"]


def build_relief(who: Identity, texels_per_unit: float) -> Relief:
    """The resting shape of a face."""
    wide, high = round((RIGHT - LEFT) * texels_per_unit) + 1, round((BOTTOM - TOP) * texels_per_unit) + 1
    x, y = np.meshgrid(LEFT + np.arange(wide) / texels_per_unit, TOP + np.arange(high) / texels_per_unit)
    level = head_level(x, y, who)
    height = 0.85 * np.sqrt(np.maximum(level, 0) + 0.02)
    side, nose, mouth = np.abs(x), who["nose_length"], who["mouth_y"]
    along = np.clip((y + 0.28) / (nose + 0.28), 0, 1)
    ridge = (0.04 + 0.26 * along**1.5 * who["nose_bridge"]) * np.clip((nose + 0.07 - y) / 0.10, 0, 1)
    ridge *= np.clip((y + 0.50) / 0.25, 0, 1)
    width = 0.065 + 0.04 * along * who["nose_width"] / 0.17
    height += ridge * np.exp(-0.5 * (x / width) ** 2)
    height += 0.10 * bell(side, y, who["nose_width"] - 0.03, nose - 0.02, 0.055, 0.06)
    height += 0.06 * bell(x, y, 0, nose - 0.03, 0.08, 0.07)
    height -= 0.09 * bell(side, y, who["eye_x"] - 0.03, who["eye_y"] + 0.02, 0.20, 0.12)
    height += 0.05 * bell(side, y, 0.40, who["brow_y"] + 0.02, 0.28, 0.08)
    height += 0.07 * who["cheek"] * bell(side, y, 0.56, 0.14, 0.22, 0.20)
    height += 0.09 * bell(x, y, 0, mouth, 0.34, 0.26)
    height += 0.10 * who["chin"] * bell(x, y, 0, 1.06, 0.18, 0.12)
    height -= 0.05 * bell(x, y, 0, mouth + 0.24, 0.22, 0.05)
    height -= 0.02 * bell(x, y, 0, (nose + mouth) / 2 + 0.02, 0.04, 0.08)
    return Relief(x, y, height, cover(level, 1 / texels_per_unit), 1 / texels_per_unit)


def shading(relief: Relief, light: Light) -> Plane:
    """Light that each point of the resting face gets, about 1 where it falls straight on."""
    down, right = np.gradient(relief.height, relief.texel)
    steep = 1 / np.sqrt(1 + right**2 + down**2)
    norm = np.sqrt(light.right**2 + light.down**2 + light.front**2)
    facing = (light.front - light.right * right - light.down * down) * steep / norm
    return light.ambient * (0.55 + 0.45 * steep) + (1 - light.ambient) * np.maximum(facing, 0)


def smooth_noise(random: np.random.Generator, shape: tuple[int, int], sigma: tuple[float, float]) -> Plane:
    """Noise of unit variance, smooth over ``sigma`` texels down and right."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(random.standard_normal(shape), sigma, mode="wrap")
    return noise / (noise.std() + 1e-12)


def bake(who: Identity, relief: Relief, light: Light) -> NDArray[np.float32]:
    """Picture of the resting face without eyes and lips.

    Returns:
        ``(TH, TW, 2)`` float32: light times cover, and cover (1 on the head, 0 beside it).
    """
    x, y, side = relief.x, relief.y, np.abs(relief.x)
    random = np.random.default_rng(who.seed)
    per_unit = 1 / relief.texel
    skin = who.skin * np.exp(_blotches(who, random, x, y, per_unit))
    nose, eye_x, eye_y, mouth = who["nose_length"], who["eye_x"], who["eye_y"], who["mouth_y"]
    dark = 0.35 * bell(side, y, eye_x - 0.20, eye_y + 0.03, 0.06, 0.06)
    dark += 0.22 * who["age"] * bell(side, y, eye_x, eye_y + 0.16, 0.14, 0.035)
    dark += 0.20 * bell(x, y, 0, nose + 0.07, 0.13, 0.025) + 0.15 * bell(x, y, 0, mouth + 0.20, 0.16, 0.035)
    dark += 0.22 * bell(side, y, who["nose_width"] + 0.03, nose - 0.01, 0.018, 0.05)
    picture = skin * shading(relief, light) * (1 - dark)
    nostril = cover(1 - ((side - 0.075) / 0.042) ** 2 - ((y - nose - 0.045 - 0.2 * (side - 0.075)) / 0.020) ** 2,
                    relief.texel)
    picture *= 1 - 0.78 * nostril
    picture = _facial_hair(who, relief, random, picture, light)
    picture = _brows(who, relief, random, picture)
    return _with_hair(who, relief, random, picture, light)


def _blotches(who: Identity, random: np.random.Generator, x: Plane, y: Plane, per_unit: float) -> Plane:
    """Logarithm of how skin varies: pores, patches, freckles, moles."""
    shape = x.shape
    result = who["texture"] * (0.6 * smooth_noise(random, shape, (0.022 * per_unit,) * 2)
                               + 0.8 * smooth_noise(random, shape, (0.09 * per_unit,) * 2))
    for _ in range(int(70 * max(0.0, who["freckles"] - 0.45))):
        at_x, at_y = random.normal(0, 0.42), random.normal(0.1, 0.22)
        result -= random.uniform(0.1, 0.3) * bell(x, y, at_x, at_y, 0.016, 0.016)
    for _ in range(int(random.integers(0, 5))):
        result -= random.uniform(0.4, 1.0) * bell(x, y, random.uniform(-0.8, 0.8), random.uniform(-0.7, 1.1),
                                                  *[random.uniform(0.012, 0.024)] * 2)
    return result


def _facial_hair(who: Identity, relief: Relief, random: np.random.Generator, picture: Plane, light: Light) -> Plane:
    x, y, side, mouth = relief.x, relief.y, np.abs(relief.x), who["mouth_y"]
    strands = 1 + 0.25 * smooth_noise(random, x.shape, (0.05 / relief.texel, 0.012 / relief.texel))
    tone = who.hair * (0.5 + 0.5 * shading(relief, light)) * np.clip(strands, 0.3, 2)
    edge = np.clip((y - (mouth - 0.06) - 0.20 * np.maximum(0, 1 - (side / 0.7) ** 2)
                    + 0.55 * np.maximum(side - 0.55, 0)) / 0.16, 0, 1)
    beard = who.beard * edge * (1 - 0.9 * bell(x, y, 0, mouth + 0.02, 0.36, 0.12))
    moustache = who.moustache * bell(x, y, 0, (who["nose_length"] + mouth) / 2 + 0.05, 0.26, 0.06)
    share = np.clip(np.maximum(beard, moustache), 0, 0.92)
    return picture * (1 - share) + tone * share


def _brows(who: Identity, relief: Relief, random: np.random.Generator, picture: Plane) -> Plane:
    side, y = np.abs(relief.x), relief.y
    along = (side - who["brow_gap"]) / who["brow_length"]
    inside = np.clip(along, 0, 1)
    centre = who["brow_y"] - who["brow_arch"] * np.sin(np.pi * inside**1.3) + 0.05 * inside**3
    thick = who["brow_thick"] * (0.85 - 0.55 * inside**1.6)
    level = 1 - ((y - centre) / thick) ** 2
    level -= (np.maximum(-along, 0) / 0.09) ** 2 + (np.maximum(along - 1, 0) / 0.06) ** 2
    strands = 1 + 0.16 * smooth_noise(random, y.shape, (0.025 / relief.texel, 0.025 / relief.texel))
    share = np.clip(np.clip(level * 1.6, 0, 1) * who["brow_dense"] * strands, 0, 0.97)
    tone = min(0.7 * who.hair, 0.45 * who.skin)
    return picture * (1 - share) + tone * share


def _with_hair(who: Identity, relief: Relief, random: np.random.Generator, picture: Plane,
               light: Light) -> NDArray[np.float32]:
    x, y, texel = relief.x, relief.y, relief.texel
    side, head = np.abs(x), relief.inside
    ear = cover(1 - ((side - 1.01) / 0.12) ** 2 - ((y - 0.02) / 0.24) ** 2, texel)
    fold = 0.55 + 0.45 * bell(side, y, 1.06, 0.0, 0.05, 0.2)
    value, alpha = np.zeros_like(x), np.zeros_like(x)
    layers = [(who.skin * (0.35 + 0.4 * light.ambient) * fold, ear), (picture, head)]
    if not who.bald:
        volume = who["hair_volume"]
        cap = 1 - (side / (1.03 + volume)) ** 2.4 - (np.maximum(-0.25 - y, 0) / (1.24 + volume)) ** 2.3
        cap -= (np.maximum(y + 0.25, 0) / max(who["hair_side"] + 0.55, 0.15)) ** 4
        outline = cover(cap, texel)
        line = who["hairline"] + who["hair_curve"] * (x - who["hair_part"]) ** 2 - 0.05
        temple = np.clip((side - 0.66) / 0.26, 0, 1) ** 1.5 * 1.25
        wave = 0.02 * smooth_noise(random, x.shape, (0.2 / texel, 0.05 / texel))
        front = np.clip(0.5 + (line + temple + wave - y) / 0.07, 0, 1)
        strands = 1 + 0.20 * smooth_noise(random, x.shape, (0.16 / texel, 0.018 / texel))
        gloss = 0.55 + 0.5 * bell(x, y, 0.9 * light.right, -1.15, 0.7, 0.18)
        tone = who.hair * np.clip(strands, 0.3, 2) * gloss
        layers = [(tone * (1 - 0.4 * np.clip((y + 0.6) / 0.8, 0, 1)), outline), *layers, (tone, outline * front)]
    for shade, share in layers:
        value, alpha = value * (1 - share) + shade * share, alpha * (1 - share) + share
    return np.stack([value, alpha], axis=-1).astype(np.float32)
