"""What moves in a face over minutes without telling an expression: blinks, gaze, head, speech, light."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import UNITS, unit_column
from neurofer.simulate.nuisance import Nuisance, draw_blinks, draw_gaze
from neurofer.simulate.timecourse import ease

LightKind = Literal["steady", "varying"]
LIGHTS: tuple[LightKind, ...] = get_args(LightKind)
"""``steady`` is a lit room; in ``varying`` lamps are dimmed and switched, one wanders, and they flicker faintly."""

GAIN = (0.65, 1.35)
"""Bounds of the light's factor where it varies."""

_REST = (0.10, 0.06, 0.04, 0.06, 0.05, 0.03)
_SWAY = (0.026, 0.019, 0.013, 0.015, 0.010, 0.006)
_TURN = (0.10, 0.07, 0.035, 0.025, 0.02, 0.008)
_DRIFT = (0.05, 0.035, 0.02, 0.02, 0.015, 0.008)
_LEAST, _MOST = (-0.4, -0.4, -0.4, -0.2, -0.2, -0.12), (0.4, 0.4, 0.4, 0.2, 0.2, 0.12)

Floats = NDArray[np.float64]


class Way(NamedTuple):
    """A change from one value to another.

    Attributes:
        start_s: When it begins.
        length_s: How long it takes.
        goal: ``(D,)`` where it ends.
    """

    start_s: float
    length_s: float
    goal: Floats


class Burst(NamedTuple):
    """A while of speech, with its loudness and the tempo of the mouth."""

    start_s: float
    length_s: float
    size: float
    speed_hz: float
    phase: Floats


class LongNuisance(NamedTuple):
    """Tracks over the times of a recording, and how often what happened.

    Attributes:
        tracks: Over ``T`` times.
        counts: ``blink``, ``speech`` and ``turn``: how many begin within the recording.
    """

    tracks: Nuisance
    counts: dict[str, int]


def draw_long_nuisance(seconds: Floats, length_s: float, random: np.random.Generator, lamp: np.random.Generator,
                       light: LightKind = "steady", liveliness: float = 1.0) -> LongNuisance:
    """Everything that moves besides the expressions.

    Args:
        seconds: ``(T,)`` times.
        length_s: Length of the recording.
        random: Source of all but the light; the same draws whatever the times and the light.
        lamp: Source of the light.
        light: Which kind of light.
        liveliness: Factor of head motion.
    """
    blink, gaze, head, talk = (np.random.default_rng(seed) for seed in random.integers(1 << 62, size=4))
    closed = draw_blinks(seconds, length_s, blink)
    turns, bursts = draw_turns(length_s, head, liveliness), draw_bursts(length_s, talk)
    speech, moves = speech_track(seconds, bursts)
    units = np.zeros((len(seconds), len(UNITS), 2))
    units[:, unit_column(45)] = closed[:, None]
    for unit, track in moves.items():
        units[:, unit_column(unit)] += track[:, None]
    tracks = Nuisance(np.clip(units, 0, 1), draw_gaze(seconds, length_s, gaze),
                      draw_pose(seconds, turns, length_s, head, liveliness), draw_light(seconds, length_s, lamp, light),
                      speech)
    blinks = int(np.count_nonzero((closed[1:] > 0.5) & (closed[:-1] <= 0.5)))
    return LongNuisance(tracks, {"blink": blinks, "speech": len(bursts), "turn": len(turns)})


def draw_turns(length_s: float, random: np.random.Generator, liveliness: float = 1.0) -> tuple[Way, ...]:
    """Quick turns and nods of the head to a new pose, about every 9 s; each takes 0.25 to 1.2 s."""
    turns, now = list[Way](), random.exponential(9.0)
    while now < length_s:
        took_s = random.uniform(0.25, 1.2)
        turns.append(Way(now, took_s, random.normal(0, _TURN) * liveliness))
        now += took_s + 1.0 + random.exponential(8.0)
    return tuple(turns)


def draw_pose(seconds: Floats, turns: tuple[Way, ...], length_s: float, random: np.random.Generator,
              liveliness: float = 1.0) -> Floats:
    """``(T, 6)`` pose as in ``Nuisance``: rest, turns, slow drifts one after the other, and a sway that never ends."""
    rest, size = random.normal(0, _REST), np.array(_SWAY) * np.exp(random.normal(0, 0.5)) * liveliness
    track = rest + follow(seconds, np.zeros(6), turns)
    track += follow(seconds, np.zeros(6), _wander(length_s, random, (4.0, 15.0), np.array(_DRIFT) * liveliness))
    for _ in range(6):
        speed, phase = random.uniform(0.08, 1.1, 6), random.uniform(0, 2 * np.pi, 6)
        track += size * random.normal(0, 0.65, 6) * np.sin(2 * np.pi * speed * seconds[:, None] + phase)
    track = np.clip(track, _LEAST, _MOST)
    track[:, 5] = np.exp(track[:, 5])
    return track


def draw_bursts(length_s: float, random: np.random.Generator) -> tuple[Burst, ...]:
    """Whiles of speech, 1 to 4 s long and about 35 s apart."""
    bursts, now = list[Burst](), random.exponential(25.0)
    while now < length_s:
        burst = Burst(now, random.uniform(1.0, 4.0), random.uniform(0.12, 0.4), random.uniform(2.5, 4.5),
                      random.uniform(0, 2 * np.pi, 3))
        bursts.append(burst)
        now += burst.length_s + 2.0 + random.exponential(30.0)
    return tuple(bursts)


def speech_track(seconds: Floats, bursts: tuple[Burst, ...]) -> tuple[Floats, dict[int, Floats]]:
    """``(T,)`` how much the mouth speaks, and the ``(T,)`` strengths of the action units that move it."""
    speech, moves = np.zeros(len(seconds)), {unit: np.zeros(len(seconds)) for unit in (18, 25, 26)}
    for burst in bursts:
        loud = burst.size * ease((seconds - burst.start_s) / 0.15)
        loud *= 1 - ease((seconds - burst.start_s - burst.length_s + 0.15) / 0.15)
        open_, part, round_ = (0.5 - 0.5 * np.cos(2 * np.pi * burst.speed_hz * factor * seconds + shift)
                               for factor, shift in zip((1.0, 1.37, 0.61), burst.phase, strict=True))
        speech += loud
        moves[26] += loud * open_
        moves[25] += loud * (0.4 + 0.6 * part)
        moves[18] += 0.8 * loud * round_
    return speech, moves


def draw_light(seconds: Floats, length_s: float, random: np.random.Generator, light: LightKind) -> Floats:
    """``(T, 2)`` factor of the light and its slope from left to right.

    ``steady`` changes by at most 3 % over seconds. In ``varying`` the factor stays in ``GAIN``: lamps are dimmed over
    2 to 6 s or switched within 0.2 to 1 s, a light at the side wanders, and all of it flickers by about 1 %.

    Raises:
        ValueError: another kind of light.
    """
    if light not in LIGHTS:
        raise ValueError(f"draw_light: unknown light {light!r}; choose one of {', '.join(LIGHTS)}")
    slow = _waves(seconds, random, (0.02, 0.25), 0.015)
    lean = _waves(seconds, random, (0.02, 0.25), 0.02)
    if light == "steady":
        return np.stack([1 + slow, lean], axis=1)
    switched = follow(seconds, np.zeros(1), _wander(length_s, random, (0.2, 1.0), np.array([0.16]), rest_s=9.0))
    dimmed = follow(seconds, np.zeros(1), _wander(length_s, random, (2.0, 6.0), np.array([0.14]), rest_s=3.0))
    side = follow(seconds, np.zeros(1), _wander(length_s, random, (1.5, 8.0), np.array([0.3]), rest_s=2.0))
    flicker = _waves(seconds, random, (5.0, 11.0), random.uniform(0.003, 0.008))
    gain = np.clip(np.exp(switched[:, 0] + dimmed[:, 0] + 3 * slow), GAIN[0] + 0.03, GAIN[1] - 0.03)
    return np.stack([gain * (1 + flicker), np.clip(side[:, 0] + lean, -0.6, 0.6)], axis=1)


def follow(seconds: Floats, start: Floats, ways: tuple[Way, ...]) -> Floats:
    """``(T, D)`` values that start at ``(D,)`` and are led from goal to goal without a jump in speed."""
    track, place = np.tile(start, (len(seconds), 1)).astype(np.float64), start
    for way in ways:
        track += ease((seconds - way.start_s) / way.length_s)[:, None] * (way.goal - place)
        place = way.goal
    return track


def _wander(length_s: float, random: np.random.Generator, took_s: tuple[float, float], size: Floats,
            rest_s: float = 1.0) -> tuple[Way, ...]:
    """Ways one after the other, to goals around 0 that are ``size`` ``(D,)`` large, with rests between."""
    ways, now = list[Way](), random.exponential(rest_s)
    while now < length_s:
        way = Way(now, random.uniform(*took_s), random.normal(0, size))
        ways.append(way)
        now += way.length_s + random.exponential(rest_s)
    return tuple(ways)


def _waves(seconds: Floats, random: np.random.Generator, speed_hz: tuple[float, float], size: float) -> Floats:
    """``(T,)`` two waves, together at most ``2 * size`` from 0."""
    speed, phase = random.uniform(*speed_hz, 2), random.uniform(0, 2 * np.pi, 2)
    return size * np.sin(2 * np.pi * speed * seconds[:, None] + phase).sum(axis=1)
