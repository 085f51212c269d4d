"""What one procedural person looks like: numbers, drawn at random, that everything else draws from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

RANGES: dict[str, tuple[float, float]] = {
    "aspect": (0.93, 1.10),
    "jaw": (2.0, 3.0),
    "jaw_width": (0.90, 1.04),
    "eye_x": (0.39, 0.45),
    "eye_y": (-0.24, -0.16),
    "eye_width": (0.190, 0.230),
    "eye_open": (0.068, 0.100),
    "eye_tilt": (-0.06, 0.12),
    "iris_radius": (0.084, 0.096),
    "crease": (0.04, 0.075),
    "lashes": (0.5, 1.0),
    "brow_y": (-0.54, -0.44),
    "brow_arch": (0.02, 0.10),
    "brow_length": (0.46, 0.58),
    "brow_thick": (0.042, 0.080),
    "brow_gap": (0.14, 0.20),
    "brow_dense": (0.55, 0.95),
    "nose_length": (0.26, 0.36),
    "nose_width": (0.16, 0.22),
    "nose_bridge": (0.5, 1.2),
    "mouth_y": (0.59, 0.68),
    "mouth_width": (0.34, 0.43),
    "lip_upper": (0.045, 0.085),
    "lip_lower": (0.060, 0.110),
    "lip_tone": (0.50, 0.78),
    "chin": (0.6, 1.3),
    "cheek": (0.5, 1.3),
    "texture": (0.02, 0.07),
    "freckles": (0.0, 1.0),
    "age": (0.2, 1.0),
    "hairline": (-1.22, -0.84),
    "hair_volume": (0.04, 0.20),
    "hair_side": (-0.6, 1.3),
    "hair_part": (-0.5, 0.5),
    "hair_curve": (-0.3, 0.6),
}
"""Lowest and highest value of each shape number; lengths in half face widths, from the point between eyes and nose."""


@dataclass(frozen=True)
class Identity:
    """One procedural person.

    Attributes:
        shape: Numbers named in ``RANGES``.
        skin: Share of light that skin gives back, 0..1; ``hair`` and ``iris`` likewise.
        beard: 0 for none, to 1; ``moustache`` likewise.
        bald: No hair on the head.
        seed: Where pores, moles and strands come from.
    """

    shape: dict[str, float]
    skin: float
    hair: float
    iris: float
    beard: float
    moustache: float
    bald: bool
    seed: int

    def __getitem__(self, name: str) -> float:
        return self.shape[name]

    def to_json(self) -> dict[str, object]:
        """Plain numbers for ``subjects.json``."""
        return dataclasses.asdict(self)


def draw_identity(random: np.random.Generator) -> Identity:
    """A person drawn at random; middling values are more likely than extreme ones."""
    shape = {name: float(low + (high - low) * random.beta(2, 2)) for name, (low, high) in RANGES.items()}
    skin = float(np.exp(random.uniform(np.log(0.16), np.log(0.62))))
    lightest_hair = 0.05 if skin < 0.3 else 0.35
    return Identity(
        shape=shape, skin=skin, hair=float(np.exp(random.uniform(np.log(0.012), np.log(lightest_hair)))),
        iris=float(random.uniform(0.03, 0.10 if skin < 0.3 else 0.3)),
        beard=float(max(0.0, random.uniform(-1.2, 1.0))), moustache=float(max(0.0, random.uniform(-1.5, 1.0))),
        bald=bool(random.random() < 0.08), seed=int(random.integers(1 << 31)),
    )
