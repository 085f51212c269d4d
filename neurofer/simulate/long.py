"""Long recordings drawn from a seed: minutes of a face with micro- and macro-expressions among much else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import CLASSES, draw_expression
from neurofer.simulate.long_nuisance import LIGHTS, LightKind, draw_long_nuisance
from neurofer.simulate.micro import MICRO_EMOTIONS, draw_micro_times, draw_micro_units
from neurofer.simulate.performance import Film, Subject, film_in_scene
from neurofer.simulate.scene import draw_scene
from neurofer.simulate.timecourse import Movement, movement

MACRO_EMOTIONS = tuple(name for name in CLASSES if name != "neutral")

MACRO_US = (600_000, 4_000_000)
"""Bounds of a macro-expression, from onset to offset."""

MACRO_SHARE = (0.45, 1.0)
"""Strength of a macro-expression, as a share of the full one."""

LEAST_MACRO_PEAK = 0.35
"""Strength of its strongest unit at least, where 1 is the most that a face can."""

LEAST_REST_S = 1.0
"""Between two expressions, and before the first and after the last."""

MICRO_IN_2_MIN, MACRO_IN_2_MIN = (3, 5), (5, 7)
"""Fewest and most expressions in two minutes."""

WITHOUT_MICRO, WITHOUT_MACRO = 0.14, 0.06
"""Chance of a recording without micro-expressions, and of one without macro-expressions; never without both."""

_RISE_US, _FALL_US = (150_000, 900_000), (200_000, 1_300_000)


@dataclass(frozen=True)
class Planted:
    """An expression of a long recording: its type, its emotion, its action units and times."""

    kind: Literal["micro", "macro"]
    emotion: str
    shown: Movement

    @property
    def length_us(self) -> int:
        """From onset to offset."""
        return self.shown.offset_us - self.shown.onset_us


@dataclass(frozen=True)
class LongPerformance:
    """One long recording to film.

    Attributes:
        subject: Who is seen.
        expressions: By onset, at least ``LEAST_REST_S`` apart.
        length_s: Length of the recording.
        light: Kind of light.
        seed: Where scene and nuisances come from, the light apart.
        light_seed: Where the light comes from.
        liveliness: Factor of head motion.
    """

    subject: Subject
    expressions: tuple[Planted, ...]
    length_s: float
    light: LightKind
    seed: int
    light_seed: int
    liveliness: float


class LongFilm(NamedTuple):
    """A long recording ready to be drawn, and how often what else happens in it: blink, speech, turn."""

    film: Film
    counts: dict[str, int]


def draw_long_performance(seed: int, subject: Subject, number: int, length_s: float,
                          light: LightKind = "steady") -> LongPerformance:
    """Long recording ``number`` of a subject; both lights show the same face, motion and expressions.

    Two minutes hold 3 to 5 micro- and 5 to 7 macro-expressions in any order, now and then none of one type, with
    random rest of at least a second around each. Micro-expressions are those of ``simulate.micro``. Macro-expressions
    take 0.6 to 4 s, stay at their fullest for a part of it, and show 0.45 to 1 of the full strength.

    Args:
        seed: What ``draw_subject`` was given.
        subject: Who is seen.
        number: Which recording of this subject.
        length_s: Its length; one too short for all expressions shows the first ones.
        light: ``steady`` or ``varying``.

    Raises:
        ValueError: a length of 0 or below, or an unknown light.
    """
    if length_s <= 0 or light not in LIGHTS:
        raise ValueError(f"draw_long_performance: got length_s {length_s} and light {light!r}; need a length above 0 "
                         f"and one of {', '.join(LIGHTS)}")
    source = np.random.SeedSequence(seed, spawn_key=(5, subject.number, number))
    random, other, steady, varying = (np.random.default_rng(one) for one in source.spawn(4))
    expressions = _placed(_draw_expressions(subject, length_s, random), length_s, random)
    lamp = varying if light == "varying" else steady
    liveliness = 0.35 * float(np.exp(random.normal(0, 0.35)))
    return LongPerformance(subject, expressions, length_s, light, int(other.integers(1 << 62)),
                           int(lamp.integers(1 << 62)), liveliness)


def film_long(performance: LongPerformance, size: tuple[int, int], times_us: NDArray[np.int64]) -> LongFilm:
    """A long recording at a picture size ``(width, height)`` and at the given ``(T,)`` times."""
    random = np.random.default_rng(performance.seed)
    scene_source, nuisance_source = (np.random.default_rng(one) for one in random.integers(1 << 62, size=2))
    scene = draw_scene(performance.subject.identity, size, scene_source)
    other = draw_long_nuisance(times_us / 1e6, performance.length_s, nuisance_source,
                               np.random.default_rng(performance.light_seed), performance.light,
                               performance.liveliness)
    movements = tuple(one.shown for one in performance.expressions)
    return LongFilm(film_in_scene(performance.subject.identity, scene, movements, other.tracks, times_us), other.counts)


def draw_macro(subject: Subject, random: np.random.Generator) -> Planted:
    """A macro-expression that starts at 0."""
    emotion = str(random.choice(MACRO_EMOTIONS))
    units = draw_expression(emotion, subject.style, random)
    units *= max(random.uniform(*MACRO_SHARE), LEAST_MACRO_PEAK / units.max())
    total_us = float(np.clip(subject.style.pace * np.exp(random.normal(np.log(1_400_000), 0.5)), *MACRO_US))
    rise_us = np.clip(random.uniform(0.2, 0.4) * total_us, *_RISE_US)
    fall_us = np.clip(random.uniform(0.25, 0.45) * total_us, *_FALL_US)
    return Planted("macro", emotion, movement(units, 0, int(rise_us), int(total_us - fall_us), int(total_us), random))


def draw_micro(subject: Subject, random: np.random.Generator) -> Planted:
    """A micro-expression that starts at 0."""
    emotions = MICRO_EMOTIONS[str(random.choice(list(MICRO_EMOTIONS)))]
    emotion = str(random.choice(emotions))
    units = draw_micro_units(emotion, subject.style, random)
    times = draw_micro_times(random, subject.style.pace)
    apex_us, release_us, offset_us = (moment - times.onset_us for moment in times[1:4])
    return Planted("micro", emotion, movement(units, 0, apex_us, release_us, offset_us, random))


def _draw_expressions(subject: Subject, length_s: float, random: np.random.Generator) -> list[Planted]:
    """Expressions in the order in which they will be shown, all of them at 0."""
    without = random.random()
    micros = 0 if without < WITHOUT_MICRO else _count(MICRO_IN_2_MIN, length_s, random)
    macros = 0 if without > 1 - WITHOUT_MACRO else _count(MACRO_IN_2_MIN, length_s, random)
    drawn = [draw_micro(subject, random) for _ in range(micros)] + [draw_macro(subject, random) for _ in range(macros)]
    return [drawn[place] for place in random.permutation(len(drawn))]


def _count(in_2_min: tuple[int, int], length_s: float, random: np.random.Generator) -> int:
    """How many expressions a recording of this length shows, 1 at least."""
    return max(1, int(random.integers(in_2_min[0], in_2_min[1] + 1) * length_s / 120 + random.random()))


def _placed(expressions: list[Planted], length_s: float, random: np.random.Generator) -> tuple[Planted, ...]:
    """The expressions one after the other, with rest shared out at random; what does not fit is left away."""
    free_us = _free_us(expressions, length_s)
    while expressions and free_us < 0:
        expressions = expressions[:-1]
        free_us = _free_us(expressions, length_s)
    rests_us = LEAST_REST_S * 1e6 + free_us * random.dirichlet(np.ones(len(expressions) + 1))
    placed, now = list[Planted](), 0
    for one, rest_us in zip(expressions, rests_us, strict=False):
        now += int(rest_us)
        placed.append(Planted(one.kind, one.emotion, _moved(one.shown, now)))
        now += one.length_us
    return tuple(placed)


def _free_us(expressions: list[Planted], length_s: float) -> float:
    rests_us = (len(expressions) + 1) * LEAST_REST_S * 1e6
    return length_s * 1e6 - rests_us - sum(one.length_us for one in expressions)


def _moved(shown: Movement, by_us: int) -> Movement:
    return Movement(shown.units, shown.onset_us + by_us, shown.apex_us + by_us, shown.release_us + by_us,
                    shown.offset_us + by_us, shown.delays)
