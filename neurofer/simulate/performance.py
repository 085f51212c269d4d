"""Filmed clips drawn from a seed: who is seen, what they show, when, and everything that goes on besides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate.actions import CLASSES, UNITS, Style, draw_expression, draw_style
from neurofer.simulate.faces import LANDMARKS, FaceRenderer, Track
from neurofer.simulate.identity import Identity, draw_identity
from neurofer.simulate.nuisance import Nuisance, draw_nuisance
from neurofer.simulate.scene import Scene, draw_scene
from neurofer.simulate.timecourse import Movement, movement, strengths

TRUTH_DTYPE = np.dtype([
    ("t_us", np.int64), ("units", np.float32, (len(UNITS), 2)), ("gaze", np.float32, (2,)),
    ("pose", np.float32, (6,)), ("light", np.float32, (2,)), ("speech", np.float32),
    ("landmarks", np.float32, (len(LANDMARKS), 2)),
])
"""One row a frame; see ``faces.Track`` for units, gaze, pose, light, speech and ``faces.LANDMARKS`` for the points."""


@dataclass(frozen=True)
class Subject:
    """One person with a way of expressing."""

    number: int
    identity: Identity
    style: Style


@dataclass(frozen=True)
class Performance:
    """One clip to film.

    Attributes:
        subject: Who is seen.
        label: What is shown.
        movements: Expressions; none for a neutral clip without stray units.
        stop_us: One past the last frame's time.
        seed: Where scene and nuisances come from.
        liveliness: Factor of head motion and speech.
    """

    subject: Subject
    label: str
    movements: tuple[Movement, ...]
    stop_us: int
    seed: int
    liveliness: float = 1.0


def draw_subject(seed: int, number: int) -> Subject:
    """Subject ``number`` of a seed; the same person however many others there are."""
    random = _source(seed, 0, number)
    return Subject(number, draw_identity(random), draw_style(random))


def draw_performance(seed: int, subject: Subject, label: str, number: int) -> Performance:
    """Clip ``number`` of a subject showing an expression; it follows from these four alone.

    Starts neutral, rises within 0.15 to 0.5 s, stays, and often has begun to fall when the clip of 1.0 to 1.4 s ends.
    """
    random = _source(seed, 1, subject.number, CLASSES.index(label), number)
    pace = subject.style.pace
    onset_us = int(random.uniform(80_000, 300_000))
    apex_us = onset_us + int(np.clip(random.uniform(180_000, 420_000) * pace, 150_000, 520_000))
    release_us = apex_us + int(random.uniform(120_000, 450_000) * pace)
    offset_us = release_us + int(random.uniform(280_000, 600_000) * pace)
    stop_us = int(random.uniform(1_000_000, 1_400_000))
    units = draw_expression(label, subject.style, random)
    movements = (movement(units, onset_us, apex_us, release_us, offset_us, random),) if units.any() else ()
    seed_here = int(random.integers(1 << 62))
    return Performance(subject, label, movements, stop_us, seed_here, float(np.exp(random.normal(0, 0.35))))


@dataclass(frozen=True)
class Film:
    """A clip ready to be drawn.

    Attributes:
        renderer: Draws the person in the scene.
        track: What happens, frame by frame.
        truth: ``(T,)`` of ``TRUTH_DTYPE``.
        box: Left, top, width, height of the face in pixels, a square at the median place, from brows to chin.
        movements: The expressions shown.
    """

    renderer: FaceRenderer
    track: Track
    truth: NDArray[np.void]
    box: tuple[int, int, int, int]
    movements: tuple[Movement, ...]

    @property
    def scene(self) -> Scene:
        """Where the clip is filmed."""
        return self.renderer.scene

    def frames(self) -> Iterator[NDArray[np.float32]]:
        """``(H, W)`` float32 frames, linear grey in 0..255, at ``track.times_us``."""
        return self.renderer.frames(self.track)


def film(performance: Performance, size: tuple[int, int], fps: float) -> Film:
    """A performance at a picture size and frame rate; the rate changes only where it is sampled.

    Raises:
        ValueError: fewer than 2 frames, or a picture below 16 pixels.
    """
    count = int(performance.stop_us * fps / 1e6)
    if count < 2 or min(size) < 16:
        raise ValueError(f"film: need at least 2 frames of 16 pixels, got {count} frames of {size} at {fps} fps")
    times_us = np.round(np.arange(count) * 1e6 / fps).astype(np.int64)
    random = np.random.default_rng(performance.seed)
    scene_source, nuisance_source = (np.random.default_rng(seed) for seed in random.integers(1 << 62, size=2))
    scene = draw_scene(performance.subject.identity, size, scene_source)
    other = draw_nuisance(times_us, nuisance_source, performance.liveliness)
    return film_in_scene(performance.subject.identity, scene, performance.movements, other, times_us)


def film_in_scene(who: Identity, scene: Scene, movements: tuple[Movement, ...], other: Nuisance,
                  times_us: NDArray[np.int64]) -> Film:
    """A person in a scene at the given times.

    Args:
        who: The person.
        scene: Where the person is filmed.
        movements: Expressions that are shown.
        other: What else moves, ``T`` times.
        times_us: ``(T,)``.
    """
    units = np.clip(strengths(movements, times_us) + other.units, 0, 1)
    track = Track(times_us, units, other.gaze, other.pose, other.light, other.speech)
    renderer = FaceRenderer(who, scene)
    truth = np.zeros(len(times_us), TRUTH_DTYPE)
    truth["t_us"], truth["units"], truth["gaze"], truth["pose"] = times_us, units, other.gaze, other.pose
    truth["light"], truth["speech"], truth["landmarks"] = other.light, other.speech, renderer.landmarks(track)
    return Film(renderer, track, truth, _face_box(truth["landmarks"]), movements)


def _face_box(landmarks: NDArray[np.float32]) -> tuple[int, int, int, int]:
    points = np.median(landmarks, axis=0)
    names = {name: points[place] for place, name in enumerate(LANDMARKS)}
    top = min(names["brow_outer_left"][1], names["brow_outer_right"][1], names["brow_inner_left"][1])
    high = float(names["chin"][1] - top)
    side = 1.22 * high
    middle_x = float(names["nose_tip"][0] + names["eye_inner_left"][0] + names["eye_inner_right"][0]) / 3
    middle_y = float(top) + 0.46 * high
    return round(middle_x - side / 2), round(middle_y - side / 2), round(side), round(side)


def _source(*key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(key[0], spawn_key=key[1:]))
