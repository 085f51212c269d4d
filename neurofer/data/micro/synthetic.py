"""Procedural micro-expressions as a micro store: aligned faces as video and as events, with each frame's truth."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data import preparing
from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.data.frames import frames_digest, write_frames
from neurofer.data.micro.align import Landmarks, alignment_of
from neurofer.data.preparing import prepare_store
from neurofer.data.similarity import Similarity
from neurofer.data.store import StoredClip
from neurofer.data.synthetic import subject_name
from neurofer.errors import UsageError
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.files import atomic_path, write_text
from neurofer.keyframes.instants import KEY_FRAMES
from neurofer.simulate.actions import UNITS
from neurofer.simulate.faces import LANDMARKS
from neurofer.simulate.micro import MICRO_EMOTIONS, apex_middle_us, draw_micro_performance
from neurofer.simulate.performance import Film, draw_subject, film
from neurofer.simulate.pixel import EventPixel
from neurofer.simulate.settings import PixelSettings
from neurofer.simulate.timecourse import Movement

NAME = "micro_synthetic"
SUMMARY = "summary.json"
EMOTIONS = tuple(sorted(emotion for emotions in MICRO_EMOTIONS.values() for emotion in emotions))
"""Classes of the store."""

DRAWN_PER_CROP = 1.7
"""Side of the drawn picture, as a factor of the crop's; a pixel is then about as large in both."""

VIDEO_NOISE = (0.003, 0.006)
"""Bounds of the standard deviation of a clip's video noise, in shares of the full range."""

_TELLING_STRENGTH = 0.02
_ONE_SIDED = 2.0


@dataclass(frozen=True)
class MicroSyntheticPlan:
    """What to prepare; everything in the store follows from it.

    Attributes:
        subjects: Number of people.
        seed: Whatever is drawn follows from it.
        fps: Frames per second of the video; between them the event pixel takes brightness as linear in time.
        size_px: Side of the aligned face crop.
        per_class: Clips of each subject: negative, positive, surprise.
        first_subject: Number of the first person; a number is the same person in every store of one seed.
        threshold: Mean change of the logarithm of light that makes an event.
        name: Name of the data set, another one for each store that is pooled.

    Raises:
        UsageError: a number that is not possible, or a name unfit for one.
    """

    subjects: int = 12
    seed: int = 0
    fps: float = 200.0
    size_px: int = 128
    per_class: tuple[int, int, int] = (4, 2, 2)
    first_subject: int = 0
    threshold: float = 0.1
    name: str = NAME

    def __post_init__(self) -> None:
        problems = [f"{name} is {value}; need {low} to {high}" for name, value, low, high in (
            ("subjects", self.subjects, 1, 100_000), ("seed", self.seed, 0, 2**63), ("fps", self.fps, 100, 1000),
            ("size", self.size_px, 32, 1024), ("first_subject", self.first_subject, 0, 1_000_000),
            ("threshold", self.threshold, 0.02, 1)) if not low <= value <= high]
        if len(self.per_class) != len(MICRO_EMOTIONS) or not all(0 <= count <= 10_000 for count in self.per_class) \
                or not sum(self.per_class):
            problems.append(f"per_class is {','.join(map(str, self.per_class))}; need three numbers of clips, "
                            f"{', '.join(MICRO_EMOTIONS)}, not all 0")
        if not re.fullmatch(r"[A-Za-z]\w*", self.name, re.ASCII):
            problems.append(f"name is {self.name!r}; need letters, digits and _, a letter first")
        if problems:
            raise UsageError("prepare synthetic --micro: " + "; ".join(problems))

    @property
    def pixel(self) -> PixelSettings:
        """Settings of the event pixel: fine thresholds and a little noise."""
        return PixelSettings(self.threshold, self.threshold, threshold_sigma=0.15 * self.threshold, leak_hz=0.02,
                             shot_hz=0.05, refractory_us=500)

    @property
    def people(self) -> range:
        """Numbers of the people."""
        return range(self.first_subject, self.first_subject + self.subjects)

    def parameters(self) -> dict[str, Any]:
        """The plan as the store's index keeps it."""
        return {"generator": NAME, **dataclasses.asdict(self), "per_class": list(self.per_class),
                "pixel": dataclasses.asdict(self.pixel)}


class MicroJob(NamedTuple):
    """One clip to make."""

    subject: int
    label3: str
    number: int

    @property
    def name(self) -> str:
        """Name of the clip, unique in the store."""
        return f"{subject_name(self.subject)}_{self.label3}_{self.number:02d}"


class Moments(NamedTuple):
    """Numbers of the frames nearest to the true onset, apex and offset, from 0."""

    onset: int
    apex: int
    offset: int


def micro_jobs(plan: MicroSyntheticPlan) -> list[MicroJob]:
    """All clips of a plan."""
    return [MicroJob(subject, label3, number) for subject in plan.people
            for label3, count in zip(MICRO_EMOTIONS, plan.per_class, strict=True) for number in range(count)]


def prepare_micro_synthetic(folder: Path | str, plan: MicroSyntheticPlan, workers: int = 1,
                            part: tuple[int, int] = (1, 1)) -> ClipSet | None:
    """Make the store, or go on where an earlier run with the same plan was stopped.

    Args:
        folder: Empty, new, or an unfinished store of this plan.
        plan: What to make.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th clip. The part that finishes last writes the index.

    Returns:
        The finished store; None while other parts are missing.

    Raises:
        UsageError: the folder holds something else, or was made with another plan.
        BadFileError: the disk is full or the place cannot be written.
    """
    done = prepare_store(folder, name=plan.name, classes=EMOTIONS, sensor=(plan.size_px,) * 2,
                         parameters=plan.parameters(), jobs=micro_jobs(plan),
                         make=functools.partial(make_micro_clip, plan), code=code_version(), workers=workers, part=part)
    if done is None or done.clip_set is None:
        return None
    write_text(Path(folder) / SUMMARY, json.dumps(_summary(plan, done.clip_set.clips), indent=1) + "\n")
    return done.clip_set


def make_micro_clip(plan: MicroSyntheticPlan, folder: Path, job: MicroJob) -> StoredClip:
    """Draw one clip, align it by its onset frame, and write its frames, its events and its truth."""
    subject = draw_subject(plan.seed, job.subject)
    performance = draw_micro_performance(plan.seed, subject, job.label3, job.number)
    drawn_px, sensor = round(DRAWN_PER_CROP * plan.size_px), (plan.size_px,) * 2
    clip = film(performance, (drawn_px, drawn_px), plan.fps)
    times_us, shown = clip.track.times_us, performance.movements[0]
    moments = _moments(times_us, shown)
    where = alignment_of(_eyes(clip.truth["landmarks"][moments.onset]), plan.size_px)
    noise, pixel_seed = _sources(plan.seed, job)
    recording, kept = folder / "events" / job.name, list[NDArray[np.uint8]]()
    pixel = EventPixel(plan.pixel, sensor, pixel_seed)
    info = write_columns(recording, _events(clip, where, pixel, noise, kept), sensor)
    pictures = np.stack(kept)
    write_frames(folder, job.name, times_us, pictures)
    truth = clip.truth.copy()
    truth["landmarks"] = truth["landmarks"] @ where.matrix[:, :2].T + where.matrix[:, 2]
    _save(folder / "truth" / f"{job.name}.npy", truth)
    known = {f"{name}_us": int(times_us[place]) for name, place in moments._asdict().items()}
    stop_us = int(times_us[-1]) + 1
    facts = {**_facts(plan, job, moments, shown, truth), "frames_digest": frames_digest(times_us, pictures)}
    return StoredClip(Clip(job.name, recording, 0, stop_us, subject_name(job.subject), performance.label, plan.name,
                           Box(0, 0, *sensor), sensor, known, facts), info.events, info.digest)


def code_version() -> str:
    """The program's version, and a digest of the code that draws, aligns and simulates."""
    import neurofer.data.micro.align
    import neurofer.simulate

    return preparing.code_version(Path(neurofer.simulate.__path__[0]), Path(neurofer.data.micro.align.__file__),
                                  Path(__file__))


def nuisances(truth: NDArray[np.void], moments: Moments) -> tuple[str, ...]:
    """What else moves from onset to offset: ``blink``, ``gaze``, ``speech``; the head and the light always do.

    Args:
        truth: ``(T,)`` of ``TRUTH_DTYPE``.
        moments: The expression's frames.
    """
    during = truth[moments.onset : moments.offset + 1]
    moving = {"blink": during["units"][:, UNITS.index(45)].max() > 0.1,
              "gaze": np.ptp(during["gaze"], axis=0).max() > 0.05, "speech": during["speech"].max() > 0.01}
    return tuple(name for name, there in moving.items() if there)


def unit_codes(strengths: NDArray[np.float64]) -> str:
    """Action units as coders write them: ``4+7``, and ``L14`` for the person's left, which is the picture's right.

    Args:
        strengths: ``(U, 2)``, left and right of the picture.
    """
    codes = []
    for unit, (left, right) in zip(UNITS, strengths.tolist(), strict=True):
        if max(left, right) >= _TELLING_STRENGTH:
            side = "R" if left > _ONE_SIDED * right else "L" if right > _ONE_SIDED * left else ""
            codes.append(f"{side}{unit}")
    return "+".join(codes)


def _events(clip: Film, where: Similarity, pixel: EventPixel, noise: np.random.Generator,
            kept: list[NDArray[np.uint8]]) -> Iterator[Events]:
    """The events of the drawn film in the crop; its frames, as a video camera gives them, are added to ``kept``."""
    import cv2

    sigma = 255 * noise.uniform(*VIDEO_NOISE)
    for frame, t_us in zip(clip.frames(), clip.track.times_us, strict=True):
        warped: Any = cv2.warpAffine(frame, where.matrix, pixel.sensor, flags=cv2.INTER_LINEAR,
                                     borderMode=cv2.BORDER_REPLICATE)
        light = np.clip(warped, 0, 255)
        noisy = light + sigma * noise.standard_normal(light.shape, np.float32)
        kept.append(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
        yield pixel.step(light, int(t_us))


def _sources(seed: int, job: MicroJob) -> tuple[np.random.Generator, int]:
    """Where the video's noise comes from, and the seed of the event pixels."""
    key = (4, job.subject, list(MICRO_EMOTIONS).index(job.label3), job.number)
    noise, pixel = np.random.SeedSequence(seed, spawn_key=key).spawn(2)
    return np.random.default_rng(noise), int(pixel.generate_state(1, np.uint64)[0])


def _moments(times_us: NDArray[np.int64], shown: Movement) -> Moments:
    return Moments(*(int(np.argmin(np.abs(times_us - moment)))
                     for moment in (shown.onset_us, apex_middle_us(shown), shown.offset_us)))


def _eyes(landmarks: NDArray[np.float32]) -> Landmarks:
    """Centres of both eyes, between their corners, from ``(L, 2)`` points of the picture."""
    left, right = ((landmarks[LANDMARKS.index(f"eye_outer_{side}")] + landmarks[LANDMARKS.index(f"eye_inner_{side}")])
                   / 2 for side in ("left", "right"))
    return Landmarks((float(left[0]), float(left[1])), (float(right[0]), float(right[1])))


def _facts(plan: MicroSyntheticPlan, job: MicroJob, moments: Moments, shown: Movement,
           truth: NDArray[np.void]) -> dict[str, str]:
    others = nuisances(truth, moments)
    return {"label3": job.label3, "kind": "micro", "video": job.name, "clip": job.name,
            **{f"{name}_frame": str(place) for name, place in moments._asdict().items()}, "fps": f"{plan.fps:g}",
            "aus": unit_codes(shown.units), "apex_source": "annotated",
            **({"nuisances": "+".join(others)} if others else {})}


def _summary(plan: MicroSyntheticPlan, clips: Sequence[Clip]) -> dict[str, Any]:
    """What the store holds, counted."""
    facts = [clip.facts for clip in clips]
    frames = [int(fact["offset_frame"]) - int(fact["onset_frame"]) + 1 for fact in facts]
    moving = Counter(name for fact in facts for name in fact.get("nuisances", "").split("+") if name)
    return {"dataset": plan.name, "clips": len(clips), "subjects": plan.subjects,
            "label3": dict(sorted(Counter(fact["label3"] for fact in facts).items())),
            "emotions": dict(sorted(Counter(clip.label for clip in clips).items())),
            "repaired": 0, "rejected": 0, "short": sum(count < KEY_FRAMES for count in frames),
            "midpoint_apexes": 0, "fixes": [], "nuisances": dict(sorted(moving.items())),
            "frames": {"least": min(frames), "most": max(frames)}}


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array, allow_pickle=False)
