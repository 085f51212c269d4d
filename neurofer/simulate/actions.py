"""Facial action units and the expressions they make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 18, 20, 23, 24, 25, 26, 45)
"""Action units a face can show, by their FACS numbers; a unit's place here is its column in every array of units."""

UNIT_NAMES = {
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser", 6: "cheek raiser",
    7: "lid tightener", 9: "nose wrinkler", 10: "upper lip raiser", 12: "lip corner puller", 14: "dimpler",
    15: "lip corner depressor", 17: "chin raiser", 18: "lip pucker", 20: "lip stretcher", 23: "lip tightener",
    24: "lip pressor", 25: "lips part", 26: "jaw drop", 45: "blink",
}

SIDES = ("left", "right")
"""Sides as seen in the picture; the second axis of every array of units."""

CLASSES = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

_ALONE_FIRST = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25)
"""Units that may appear by chance at low strength, whatever the class."""


def unit_column(unit: int) -> int:
    """Column of an action unit.

    Raises:
        ValueError: a face cannot show it.
    """
    if unit not in UNITS:
        raise ValueError(f"action unit {unit} is not among {', '.join(map(str, UNITS))}")
    return UNITS.index(unit)


@dataclass(frozen=True)
class Expression:
    """Which action units make an expression.

    Attributes:
        core: Chance and mean strength of each unit that belongs to it.
        extra: Chance and mean strength of units often seen with it.
        one_sided: Shown on one side of the face.
    """

    core: dict[int, tuple[float, float]]
    extra: dict[int, tuple[float, float]]
    one_sided: bool = False


EXPRESSIONS = {
    "anger": Expression({4: (0.95, 0.8), 5: (0.65, 0.5), 7: (0.8, 0.7), 23: (0.8, 0.8)},
                        {24: (0.55, 0.7), 17: (0.35, 0.5), 10: (0.12, 0.35), 25: (0.1, 0.3), 9: (0.08, 0.3)}),
    "contempt": Expression({12: (0.85, 0.55), 14: (0.9, 0.8)}, {2: (0.15, 0.4), 17: (0.12, 0.3), 7: (0.12, 0.3)},
                           one_sided=True),
    "disgust": Expression({9: (0.9, 0.8), 10: (0.6, 0.6), 15: (0.45, 0.5), 17: (0.5, 0.5)},
                          {4: (0.35, 0.4), 7: (0.4, 0.5), 6: (0.25, 0.4), 25: (0.25, 0.4)}),
    "fear": Expression({1: (0.9, 0.8), 2: (0.75, 0.6), 4: (0.8, 0.6), 5: (0.85, 0.75), 7: (0.45, 0.4),
                        20: (0.8, 0.75)}, {25: (0.6, 0.5), 26: (0.5, 0.35)}),
    "happiness": Expression({6: (0.85, 0.7), 12: (0.98, 0.75)}, {25: (0.55, 0.6), 7: (0.15, 0.3), 26: (0.12, 0.25)}),
    "neutral": Expression({}, {}),
    "sadness": Expression({1: (0.9, 0.7), 4: (0.75, 0.5), 15: (0.9, 0.75)},
                          {17: (0.55, 0.5), 6: (0.15, 0.3), 7: (0.15, 0.3), 20: (0.08, 0.3)}),
    "surprise": Expression({1: (0.92, 0.8), 2: (0.95, 0.85), 5: (0.8, 0.65), 26: (0.85, 0.7)}, {25: (0.6, 0.5)}),
}


@dataclass(frozen=True)
class Style:
    """How one subject expresses.

    Attributes:
        strength: Multiplies every unit; 1 is average.
        units: ``(U,)`` multiplies each unit.
        lean: -1..1, the side on which expressions are stronger.
        pace: Multiplies every duration.
    """

    strength: float
    units: NDArray[np.float64]
    lean: float
    pace: float


def draw_style(random: np.random.Generator) -> Style:
    """A subject's way of expressing, drawn at random."""
    return Style(strength=float(np.exp(random.normal(0, 0.18))), units=np.exp(random.normal(0, 0.25, len(UNITS))),
                 lean=float(np.clip(random.normal(0, 0.35), -1, 1)), pace=float(np.exp(random.normal(0, 0.15))))


def draw_expression(label: str, style: Style, random: np.random.Generator) -> NDArray[np.float64]:
    """Strengths of all action units at the apex of one showing of an expression.

    Units are dropped and added by chance, scaled by the subject's style and a strength of the showing, and differ
    between the sides. Neutral, too, may have a weak unit.

    Args:
        label: One of ``CLASSES``.
        style: The subject's way of expressing.
        random: Source of the draws.

    Returns:
        ``(U, 2)`` strengths in 0..1, left and right of the picture.

    Raises:
        ValueError: an unknown label.
    """
    if label not in EXPRESSIONS:
        raise ValueError(f"unknown expression {label!r}; choose one of {', '.join(CLASSES)}")
    recipe, strengths = EXPRESSIONS[label], np.zeros(len(UNITS))
    showing = random.uniform(0.7, 1.2) * style.strength
    for unit, (chance, mean) in {**recipe.core, **recipe.extra}.items():
        shown, factor = random.random() < chance, np.exp(random.normal(0, 0.22))
        if shown:
            strengths[unit_column(unit)] = mean * factor * showing
    if recipe.core and not any(strengths[unit_column(unit)] > 0 for unit in recipe.core):
        unit = max(recipe.core, key=lambda unit: recipe.core[unit][0])
        strengths[unit_column(unit)] = recipe.core[unit][1] * showing
    stray = random.choice(_ALONE_FIRST, random.choice(3, p=(0.65, 0.27, 0.08)), replace=False)
    strengths *= style.units
    for unit in stray:
        strengths[unit_column(int(unit))] += random.uniform(0.08, 0.25)
    return np.clip(strengths[:, None] * _sides(recipe.one_sided, style, random), 0, 1)


def _sides(one_sided: bool, style: Style, random: np.random.Generator) -> NDArray[np.float64]:
    """``(U, 2)`` factors of the two sides."""
    lean = np.clip(0.25 * style.lean + random.normal(0, 0.08, len(UNITS)), -0.5, 0.5)
    sides = np.stack([1 - np.maximum(lean, 0), 1 + np.minimum(lean, 0)], axis=1)
    if one_sided:
        weak = int(random.random() < 0.5 + 0.3 * style.lean)
        sides[:, 1 - weak] = 1
        sides[:, weak] = random.uniform(0, 0.25)
    middle = [unit_column(unit) for unit in (17, 25, 26, 45)]
    sides[middle] = 1
    return sides
