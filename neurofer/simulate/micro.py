"""Micro-expressions drawn from a seed: weak, short, in a face that is otherwise at rest."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import EXPRESSIONS, Style, draw_expression, unit_column
from neurofer.simulate.performance import Performance, Subject
from neurofer.simulate.timecourse import Movement, movement

MICRO_EMOTIONS = {
    "negative": ("anger", "contempt", "disgust", "fear", "sadness"), "positive": ("happiness",),
    "surprise": ("surprise",),
}
"""Expressions of each class of the composite protocol."""

LONGEST_US = 500_000
"""From onset to offset at most; rise and fall make it 80 ms at least."""

SIDE_US = (40_000, 250_000)
"""Bounds of the rise, and of the fall."""

STILL_US = (320_000, 400_000)
"""Neutral face before the onset, and again after the offset."""

SHARE = (0.15, 0.45)
"""Strength, as a share of the full expression."""

LEAST_PEAK = 0.1
"""Strength of the strongest unit at least, where 1 is the most that a face can; about half a pixel in a crop of 128."""

_KEPT_UNIT, _KEPT_JAW_UNIT = 0.7, 0.15
_JAW_UNITS = (25, 26)


class MicroTimes(NamedTuple):
    """When a micro-expression happens; the face is at its fullest from ``apex_us`` to ``release_us``."""

    onset_us: int
    apex_us: int
    release_us: int
    offset_us: int
    stop_us: int


def draw_micro_performance(seed: int, subject: Subject, label: str, number: int) -> Performance:
    """Micro-expression ``number`` of a subject and class; it follows from these four alone.

    The emotion is drawn from the class and shown at 0.15 to 0.45 of its strength (more where nothing would be seen),
    often with only some of its action units. Rise and fall take 40 to 250 ms each, the whole at most 500 ms, the apex
    comes after 0.25 to 0.75 of it. Before and after, the face is at rest for 320 to 400 ms. The head moves little;
    blinks, gaze and light go on as ever, also during the expression, and now and then the mouth moves as in speech.

    Args:
        seed: What ``draw_subject`` was given.
        subject: Who shows it.
        label: ``negative``, ``positive`` or ``surprise``.
        number: Which clip of this subject and class.

    Returns:
        The clip to film; its ``label`` is the emotion, and it has one movement.

    Raises:
        ValueError: an unknown class.
    """
    if label not in MICRO_EMOTIONS:
        raise ValueError(f"draw_micro_performance: unknown class {label!r}; choose one of {', '.join(MICRO_EMOTIONS)}")
    key = (3, subject.number, list(MICRO_EMOTIONS).index(label), number)
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
    emotion = str(random.choice(MICRO_EMOTIONS[label]))
    units = draw_micro_units(emotion, subject.style, random)
    times = draw_micro_times(random, subject.style.pace)
    shown = movement(units, *times[:4], random)
    liveliness = 0.13 * float(np.exp(random.normal(0, 0.35)))
    return Performance(subject, emotion, (shown,), times.stop_us, int(random.integers(1 << 62)), liveliness)


def draw_micro_units(emotion: str, style: Style, random: np.random.Generator) -> NDArray[np.float64]:
    """``(U, 2)`` strengths of a micro-expression at its apex: weak, and often with only some of its action units."""
    units = _some_units(emotion, draw_expression(emotion, style, random), random)
    share = SHARE[0] + (SHARE[1] - SHARE[0]) * random.beta(1.2, 2.6)
    return units * max(share, LEAST_PEAK / units.max())


def draw_micro_times(random: np.random.Generator, pace: float = 1.0) -> MicroTimes:
    """Onset, apex, release, offset and end of a clip, 0.3 s long in the middle and rarely symmetric.

    Args:
        random: Source of the draws.
        pace: The subject's factor of durations.
    """
    total_us = float(np.clip(pace * np.exp(random.normal(np.log(300_000), 0.35)), 100_000, LONGEST_US))
    hold_us = random.uniform(0, 0.08) * total_us
    rise_us = np.clip(random.uniform(0.27, 0.73) * total_us - hold_us / 2, *SIDE_US)
    fall_us = np.clip(total_us - hold_us - rise_us, *SIDE_US)
    before_us, after_us = random.uniform(*STILL_US, 2)
    moments = np.cumsum([before_us, rise_us, hold_us, fall_us, after_us])
    return MicroTimes(*(int(moment) for moment in moments))


def apex_middle_us(shown: Movement) -> int:
    """The apex as one moment: the middle of the time at full strength."""
    return (shown.apex_us + shown.release_us) // 2


def _some_units(emotion: str, units: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    """``(U, 2)`` with some units taken away, mostly those that open the mouth; the core's strongest other one stays."""
    chance = np.full(len(units), _KEPT_UNIT)
    chance[[unit_column(unit) for unit in _JAW_UNITS]] = _KEPT_JAW_UNIT
    kept = random.random(len(units)) < chance
    core = {unit: float(units[unit_column(unit)].max()) for unit in EXPRESSIONS[emotion].core}
    other = {unit: strength for unit, strength in core.items() if strength > 0 and unit not in _JAW_UNITS} or core
    kept[unit_column(max(other, key=lambda unit: other[unit]))] = True
    return units * kept[:, None]
