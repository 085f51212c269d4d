"""Procedural long recordings as a long store: aligned faces as video and as events, with every expression's frames."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data import preparing
from neurofer.data.clip import Box, Clip
from neurofer.data.frames import FrameWriter
from neurofer.data.long.store import LABELS, LongSet, label_of, open_long, truth_digest, write_truth
from neurofer.data.micro.align import EYES, Landmarks, alignment_of
from neurofer.data.micro.films import frame_times
from neurofer.data.micro.synthetic import DRAWN_PER_CROP, VIDEO_NOISE
from neurofer.data.preparing import prepare_store
from neurofer.data.similarity import Similarity
from neurofer.data.store import StoredClip
from neurofer.data.synthetic import subject_name
from neurofer.errors import UsageError
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.files import atomic_path, write_text
from neurofer.simulate.faces import LANDMARKS
from neurofer.simulate.long import LongPerformance, draw_long_performance, film_long
from neurofer.simulate.long_nuisance import LIGHTS, LightKind
from neurofer.simulate.micro import apex_middle_us
from neurofer.simulate.performance import Film, draw_subject
from neurofer.simulate.pixel import EventPixel
from neurofer.simulate.settings import PixelSettings
from neurofer.spotting.interval import Interval

NAME = "long_synthetic"
SUMMARY = "summary.json"

LEAST_EVENT_FPS = 200.0
"""Least rate at which faces are drawn for the event pixel; between two of these brightness is linear in time."""

SMOOTH_S = 2.0
"""The eyes that a crop follows are smoothed over about this long: full width at half maximum of a Gaussian."""


@dataclass(frozen=True)
class LongSyntheticPlan:
    """What to prepare; everything in the store follows from it.

    Attributes:
        subjects: Number of people.
        videos: Recordings of each of them.
        length_s: Length of a recording.
        fps: Frames per second of the video. Events are of a face drawn more often, see ``event_fps``.
        size_px: Side of the aligned face crop.
        seed: Whatever is drawn follows from it.
        first_subject: Number of the first person; a number is the same person in every store of one seed.
        light: ``steady`` or ``varying``; the same faces do the same under both.
        threshold: Mean change of the logarithm of light that makes an event.
        name: Name of the data set, another one for each store that is pooled.

    Raises:
        UsageError: a number that is not possible, an unknown light, or a name unfit for one.
    """

    subjects: int = 8
    videos: int = 2
    length_s: float = 120.0
    fps: float = 30.0
    size_px: int = 112
    seed: int = 0
    first_subject: int = 0
    light: LightKind = "steady"
    threshold: float = 0.1
    name: str = NAME

    def __post_init__(self) -> None:
        problems = [f"{name} is {value}; need {low} to {high}" for name, value, low, high in (
            ("subjects", self.subjects, 1, 100_000), ("videos", self.videos, 1, 10_000),
            ("length_s", self.length_s, 1, 600), ("fps", self.fps, 10, 500), ("size", self.size_px, 32, 1024),
            ("seed", self.seed, 0, 2**63), ("first_subject", self.first_subject, 0, 1_000_000),
            ("threshold", self.threshold, 0.02, 1)) if not low <= value <= high]
        if self.light not in LIGHTS:
            problems.append(f"light is {self.light!r}; need {' or '.join(LIGHTS)}")
        if not re.fullmatch(r"[A-Za-z]\w*", self.name, re.ASCII):
            problems.append(f"name is {self.name!r}; need letters, digits and _, a letter first")
        if problems:
            raise UsageError("prepare synthetic --long: " + "; ".join(problems))

    @property
    def frames(self) -> int:
        """Frames of a video."""
        return int(self.length_s * self.fps + 1e-6)

    @property
    def drawn_per_frame(self) -> int:
        """How often a face is drawn per frame of the video."""
        return math.ceil(LEAST_EVENT_FPS / self.fps - 1e-9)

    @property
    def event_fps(self) -> float:
        """How often per second a face is drawn: the least multiple of ``fps`` that is 200 or more."""
        return self.fps * self.drawn_per_frame

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
        return {"generator": NAME, **dataclasses.asdict(self), "event_fps": self.event_fps,
                "pixel": dataclasses.asdict(self.pixel)}


class LongJob(NamedTuple):
    """One video to make."""

    subject: int
    number: int

    @property
    def name(self) -> str:
        """Name of the video, unique in the store."""
        return f"{subject_name(self.subject)}_{self.number:02d}"


def long_jobs(plan: LongSyntheticPlan) -> list[LongJob]:
    """All videos of a plan."""
    return [LongJob(subject, number) for subject in plan.people for number in range(plan.videos)]


def prepare_long_synthetic(folder: Path | str, plan: LongSyntheticPlan, workers: int = 1,
                           part: tuple[int, int] = (1, 1)) -> LongSet | None:
    """Make the store, or go on where an earlier run with the same plan was stopped.

    Args:
        folder: Empty, new, or an unfinished store of this plan.
        plan: What to make.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th video. The part that finishes last writes index and truth.

    Returns:
        The finished store; None while other parts are missing.

    Raises:
        UsageError: the folder holds something else, or was made with another plan.
        BadFileError: the disk is full or the place cannot be written.
    """
    folder, jobs = Path(folder), long_jobs(plan)
    done = prepare_store(folder, name=plan.name, classes=LABELS, sensor=(plan.size_px,) * 2,
                         parameters=plan.parameters(), jobs=jobs, make=functools.partial(make_long_clip, plan),
                         code=code_version(), workers=workers, part=part)
    if done is None or done.clip_set is None:
        return None
    truth = [one for job in jobs for one in true_intervals(plan, job, performance_of(plan, job))]
    write_text(folder / SUMMARY, json.dumps(_summary(plan, done.clip_set.clips, truth), indent=1) + "\n")
    write_truth(folder, truth)
    return open_long(folder)


def performance_of(plan: LongSyntheticPlan, job: LongJob) -> LongPerformance:
    """What a video of a plan shows."""
    return draw_long_performance(plan.seed, draw_subject(plan.seed, job.subject), job.number, plan.length_s, plan.light)


def true_intervals(plan: LongSyntheticPlan, job: LongJob, performance: LongPerformance) -> tuple[Interval, ...]:
    """The expressions of a video on its frames: those nearest to onset, apex and offset."""
    last = plan.frames - 1

    def nearest(moment_us: int) -> int:
        return min(round(moment_us * plan.fps / 1e6), last)

    return tuple(Interval(job.name, one.kind, nearest(one.shown.onset_us), nearest(one.shown.offset_us),
                          nearest(apex_middle_us(one.shown)), label=one.emotion) for one in performance.expressions)


def make_long_clip(plan: LongSyntheticPlan, folder: Path, job: LongJob) -> StoredClip:
    """Draw one video, align it, and write its frames, its events and its truth frame by frame."""
    performance = performance_of(plan, job)
    drawn_px, sensor = round(DRAWN_PER_CROP * plan.size_px), (plan.size_px,) * 2
    drawn_us = frame_times((plan.frames - 1) * plan.drawn_per_frame + 1, plan.event_fps)
    times_us = frame_times(plan.frames, plan.fps)
    film, counts = film_long(performance, (drawn_px, drawn_px), drawn_us)
    where = smooth_alignments(film.truth["landmarks"], plan.event_fps, plan.size_px)
    noise, pixel_seed = _sources(plan.seed, job)
    recording = folder / "events" / job.name
    pixel = EventPixel(plan.pixel, sensor, pixel_seed)
    with FrameWriter(folder, job.name, times_us, sensor) as frames:
        info = write_columns(recording, _events(film, where, pixel, noise, frames, plan.drawn_per_frame), sensor)
    _save(folder / "truth" / f"{job.name}.npy", _truth_in_crop(film.truth, where, plan.drawn_per_frame))
    intervals = true_intervals(plan, job, performance)
    facts = {**_facts(plan, intervals, counts), "frames_digest": frames.digest()}
    return StoredClip(Clip(job.name, recording, 0, int(times_us[-1]) + 1, subject_name(job.subject),
                           label_of(intervals), plan.name, Box(0, 0, *sensor), sensor, facts=facts),
                      info.events, info.digest)


def smooth_alignments(landmarks: NDArray[np.float32], fps: float, size_px: int) -> list[Similarity]:
    """Where each frame's pixels lie in the crop, as a tracker that smooths the eyes would have it.

    Slow drift of the head is taken out, quick motion stays. The smoothing has no delay: it sees what comes, too.

    Args:
        landmarks: ``(T, L, 2)`` points of the picture, see ``faces.LANDMARKS``.
        fps: Their rate.
        size_px: Side of the crop.
    """
    from scipy.ndimage import gaussian_filter1d

    sides = [(landmarks[:, LANDMARKS.index(f"eye_outer_{side}")].astype(np.float64)
              + landmarks[:, LANDMARKS.index(f"eye_inner_{side}")]) / 2 for side in ("left", "right")]
    sigma = SMOOTH_S / (2 * math.sqrt(2 * math.log(2))) * fps
    left, right = (gaussian_filter1d(side, sigma, axis=0, mode="nearest", truncate=3) for side in sides)
    return [alignment_of(Landmarks((lx, ly), (rx, ry)), size_px)
            for (lx, ly), (rx, ry) in zip(left.tolist(), right.tolist(), strict=True)]


def code_version() -> str:
    """The program's version, and a digest of the code that draws, aligns and simulates."""
    import neurofer.data.micro.align
    import neurofer.data.micro.synthetic
    import neurofer.simulate

    return preparing.code_version(Path(neurofer.simulate.__path__[0]), Path(neurofer.data.micro.align.__file__),
                                  Path(neurofer.data.micro.synthetic.__file__), Path(__file__))


def _events(film: Film, where: Sequence[Similarity], pixel: EventPixel, noise: np.random.Generator,
            frames: FrameWriter, every: int) -> Iterator[Events]:
    """The events of the drawn film in the crop; every n-th frame, as a video camera gives it, goes to ``frames``."""
    import cv2

    sigma = 255 * noise.uniform(*VIDEO_NOISE)
    for place, (frame, t_us) in enumerate(zip(film.frames(), film.track.times_us, strict=True)):
        warped: Any = cv2.warpAffine(frame, where[place].matrix, pixel.sensor, flags=cv2.INTER_LINEAR,
                                     borderMode=cv2.BORDER_REPLICATE)
        light = np.clip(warped, 0, 255)
        if place % every == 0:
            noisy = light + sigma * noise.standard_normal(light.shape, np.float32)
            frames.write(np.clip(np.rint(noisy), 0, 255).astype(np.uint8))
        yield pixel.step(light, int(t_us))


def _truth_in_crop(truth: NDArray[np.void], where: Sequence[Similarity], every: int) -> NDArray[np.void]:
    """``(N,)`` truth of the video's frames, its landmarks as places in the crop."""
    kept = truth[::every].copy()
    matrices = np.stack([one.matrix for one in where[::every]])
    kept["landmarks"] = np.einsum("tij,tlj->tli", matrices[:, :, :2], kept["landmarks"]) + matrices[:, None, :, 2]
    return kept


def _sources(seed: int, job: LongJob) -> tuple[np.random.Generator, int]:
    """Where the video's noise comes from, and the seed of the event pixels; the same for both lights."""
    noise, pixel = np.random.SeedSequence(seed, spawn_key=(6, *job)).spawn(2)
    return np.random.default_rng(noise), int(pixel.generate_state(1, np.uint64)[0])


def _facts(plan: LongSyntheticPlan, intervals: Sequence[Interval], counts: dict[str, int]) -> dict[str, str]:
    kinds = Counter(one.kind for one in intervals)
    return {"fps": f"{plan.fps:g}", "frames": str(plan.frames), "first_frame": "0",
            "aligned": f"true eyes, smoothed over {SMOOTH_S:g} s, to {EYES[0]} and {EYES[1]} of the side",
            "truth": truth_digest(intervals), "micro": str(kinds["micro"]), "macro": str(kinds["macro"]),
            "light": plan.light, "event_fps": f"{plan.event_fps:g}",
            "nuisances": "+".join(f"{count} {name}" for name, count in counts.items())}


def _summary(plan: LongSyntheticPlan, clips: Sequence[Clip], truth: Sequence[Interval]) -> dict[str, Any]:
    """What the store holds, counted."""
    nuisances: Counter[str] = Counter()
    for clip in clips:
        for part in clip.facts["nuisances"].split("+"):
            count, _, name = part.partition(" ")
            nuisances[name] += int(count)
    frames = {kind: [one.frames for one in truth if one.kind == kind] for kind in ("micro", "macro")}
    return {"dataset": plan.name, "videos": len(clips), "subjects": plan.subjects,
            "minutes": round(len(clips) * plan.frames / plan.fps / 60, 3),
            "labels": dict(sorted(Counter(clip.label for clip in clips).items())),
            **{kind: len(lengths) for kind, lengths in frames.items()},
            "frames": {kind: {"least": min(lengths), "mean": round(sum(lengths) / len(lengths), 2),
                              "most": max(lengths)} for kind, lengths in frames.items() if lengths},
            "emotions": dict(sorted(Counter(one.label for one in truth).items())),
            "repaired": 0, "rejected": 0, "unseen_onsets": 0, "missing_apexes": 0, "overlaps": 0, "fixes": [],
            "differing": [], "light": plan.light, "nuisances": dict(sorted(nuisances.items()))}


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array, allow_pickle=False)
