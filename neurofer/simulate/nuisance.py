"""What moves in a face without telling the expression: blinks, gaze, head, speech, light."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import UNITS, unit_column
from neurofer.simulate.timecourse import ease


class Nuisance(NamedTuple):
    """Tracks over T times.

    Attributes:
        units: ``(T, U, 2)`` strengths that blinks and speech add.
        gaze: ``(T, 2)`` right and down, -1..1.
        pose: ``(T, 6)`` yaw, pitch, roll in radians, shift right and down in half face widths, factor of size.
        light: ``(T, 2)`` factor of the light and its slope from left to right.
        speech: ``(T,)`` how much the mouth speaks, 0..1.
    """

    units: NDArray[np.float64]
    gaze: NDArray[np.float64]
    pose: NDArray[np.float64]
    light: NDArray[np.float64]
    speech: NDArray[np.float64]


def draw_nuisance(times_us: NDArray[np.int64], random: np.random.Generator, liveliness: float = 1.0) -> Nuisance:
    """Everything that moves besides the expression.

    Args:
        times_us: ``(T,)`` times.
        random: Source of the draws; the same draws whatever the times, so other frame rates see the same clip.
        liveliness: Factor of head motion and of the chance of speech; 0 for a still head.
    """
    seconds = times_us / 1e6
    length_s = float(seconds[-1]) if len(seconds) else 0.0
    blink, gaze_source, head, talk, lamp = (np.random.default_rng(seed) for seed in random.integers(1 << 62, size=5))
    units = np.zeros((len(seconds), len(UNITS), 2))
    units[:, unit_column(45)] = draw_blinks(seconds, length_s, blink)[:, None]
    speech, moves = _speech(seconds, length_s, talk, liveliness)
    for unit, track in moves.items():
        units[:, unit_column(unit)] += track[:, None]
    return Nuisance(np.clip(units, 0, 1), draw_gaze(seconds, length_s, gaze_source), _pose(seconds, head, liveliness),
                    _light(seconds, lamp), speech)


def draw_blinks(seconds: NDArray[np.float64], length_s: float, random: np.random.Generator) -> NDArray[np.float64]:
    """``(T,)`` how far the lids are closed, 0..1, at ``(T,)`` times of a recording of this length."""
    track, now = np.zeros(len(seconds)), random.exponential(2.5) - 0.3
    while now < length_s:
        down, hold, up = random.uniform(0.07, 0.11), random.uniform(0.01, 0.04), random.uniform(0.13, 0.2)
        track = np.maximum(track, ease((seconds - now) / down) * (1 - ease((seconds - now - down - hold) / up)))
        now += down + hold + up + random.exponential(2.8)
    return track


def draw_gaze(seconds: NDArray[np.float64], length_s: float, random: np.random.Generator) -> NDArray[np.float64]:
    """``(T, 2)`` gaze right and down, -1..1, that jumps from place to place, at ``(T,)`` times."""
    place = random.normal(0, 0.25, 2)
    track = np.tile(place, (len(seconds), 1))
    now = random.exponential(0.9)
    while now < length_s:
        new = np.clip(random.normal(0, (0.4, 0.22)), -1, 1)
        track += ease((seconds - now) / random.uniform(0.04, 0.07))[:, None] * (new - place)
        place, now = new, now + random.exponential(0.9) + 0.1
    return track


def _pose(seconds: NDArray[np.float64], random: np.random.Generator, liveliness: float) -> NDArray[np.float64]:
    rest = random.normal(0, (0.10, 0.06, 0.04, 0.06, 0.05, 0.03))
    track = np.tile(rest, (len(seconds), 1))
    size = np.array((0.026, 0.019, 0.013, 0.015, 0.010, 0.006)) * np.exp(random.normal(0, 0.5)) * liveliness
    for _ in range(4):
        speed, phase = random.uniform(0.15, 1.1, 6), random.uniform(0, 2 * np.pi, 6)
        swing = size * random.normal(0, 0.8, 6)
        track += swing * np.sin(2 * np.pi * speed * seconds[:, None] + phase)
    turns, start, length = random.random() < 0.3, random.uniform(-0.2, 1.0), random.uniform(0.3, 0.8)
    turn = random.normal(0, (0.09, 0.06, 0.03, 0.02, 0.02, 0)) * liveliness
    if turns:
        track += ease((seconds - start) / length)[:, None] * turn
    track[:, 5] = np.exp(np.clip(track[:, 5], -0.12, 0.12))
    track[:, :3] = np.clip(track[:, :3], -0.4, 0.4)
    track[:, 3:5] = np.clip(track[:, 3:5], -0.2, 0.2)
    return track


def _speech(seconds: NDArray[np.float64], length_s: float, random: np.random.Generator,
            liveliness: float) -> tuple[NDArray[np.float64], dict[int, NDArray[np.float64]]]:
    talks, start, length = random.random() < 0.3 * liveliness, random.uniform(-0.4, 0.8), random.uniform(0.3, 0.9)
    size, speed, phase = random.uniform(0.12, 0.4), random.uniform(2.5, 4.5), random.uniform(0, 2 * np.pi, 3)
    if not talks:
        return np.zeros(len(seconds)), {}
    envelope = ease((seconds - start) / 0.15) * (1 - ease((seconds - start - length) / 0.15))
    waves = [0.5 - 0.5 * np.cos(2 * np.pi * speed * factor * seconds + shift)
             for factor, shift in zip((1.0, 1.37, 0.61), phase, strict=True)]
    speech = size * envelope
    return speech, {26: speech * waves[0], 25: speech * (0.4 + 0.6 * waves[1]), 18: 0.8 * speech * waves[2]}


def _light(seconds: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    speed, phase = random.uniform(0.1, 0.7, 2), random.uniform(0, 2 * np.pi, 2)
    size = random.uniform(0, (0.05, 0.06))
    wave = size * np.sin(2 * np.pi * speed * seconds[:, None] + phase)
    return np.stack([1 + wave[:, 0], wave[:, 1]], axis=1)
