"""The synthetic data set: procedural faces seen by the event pixel, prepared into a store."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data import preparing
from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.data.frames import write_frames
from neurofer.data.preparing import finished, make_clips
from neurofer.data.store import StoredClip, open_store, write_store_index
from neurofer.errors import UsageError
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.files import atomic_path, write_text
from neurofer.simulate.actions import CLASSES, UNITS
from neurofer.simulate.performance import Film, draw_performance, draw_subject, film
from neurofer.simulate.pixel import EventPixel
from neurofer.simulate.settings import PRESETS, PixelSettings, preset

NAME = "synthetic"
SUBJECTS = "subjects.json"
RECORDS = "truth"
STORED_FPS = 30.0


@dataclass(frozen=True)
class SyntheticPlan:
    """What to prepare; everything in the store follows from it.

    Attributes:
        subjects: Number of people.
        seed: Whatever is drawn follows from it.
        clips_per_class: Clips of each expression and subject.
        size_px: Side of the square picture.
        fps: Frames drawn per second; between them brightness is linear in time.
        preset: Setting of the event pixel.
        frames: Keep grey frames, too, about 30 a second.
        first_subject: Number of the first person; stores with the same seed and other numbers show other people.

    Raises:
        UsageError: a number that is not possible, or an unknown preset.
    """

    subjects: int = 24
    seed: int = 0
    clips_per_class: int = 3
    size_px: int = 128
    fps: float = 120.0
    preset: str = "default"
    frames: bool = False
    first_subject: int = 0

    def __post_init__(self) -> None:
        problems = [f"{name} is {value}; need {low} to {high}" for name, value, low, high in (
            ("subjects", self.subjects, 1, 100_000), ("seed", self.seed, 0, 2**63),
            ("clips_per_class", self.clips_per_class, 1, 10_000), ("size", self.size_px, 32, 2048),
            ("fps", self.fps, 10, 10_000), ("first_subject", self.first_subject, 0, 1_000_000))
            if not low <= value <= high]
        if self.preset not in PRESETS:
            problems.append(f"preset is {self.preset!r}; choose one of {', '.join(PRESETS)}")
        if problems:
            raise UsageError("prepare synthetic: " + "; ".join(problems))

    @property
    def pixel(self) -> PixelSettings:
        """Settings of the event pixel."""
        return preset(self.preset)

    @property
    def drawn_fps(self) -> float:
        """Frames drawn per second: ``fps``, or more where the pixel's exposure asks for it."""
        return max(self.fps, 1e6 / self.pixel.exposure_us) if self.pixel.exposure_us else self.fps

    def parameters(self) -> dict[str, Any]:
        """The plan as the store's index keeps it."""
        said = dataclasses.asdict(self)
        if not self.first_subject:
            del said["first_subject"]  # stores made before it existed keep their digest
        return {"generator": NAME, **said, "drawn_fps": self.drawn_fps, "pixel": dataclasses.asdict(self.pixel)}

    @property
    def people(self) -> range:
        """Numbers of the people."""
        return range(self.first_subject, self.first_subject + self.subjects)


class ClipJob(NamedTuple):
    """One clip to make."""

    subject: int
    label: str
    number: int

    @property
    def name(self) -> str:
        """Name of the clip, unique in the store."""
        return f"{subject_name(self.subject)}_{self.label}_{self.number:02d}"


def subject_name(number: int) -> str:
    """Name of a subject."""
    return f"s{number:03d}"


def jobs(plan: SyntheticPlan) -> list[ClipJob]:
    """All clips of a plan."""
    return [ClipJob(subject, label, number) for subject in plan.people for label in CLASSES
            for number in range(plan.clips_per_class)]


def prepare_synthetic(folder: Path | str, plan: SyntheticPlan, workers: int = 1,
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
    folder, code, everything = Path(folder), code_version(), jobs(plan)
    make_clips(folder, NAME, plan.parameters(), everything, functools.partial(make_clip, plan), code, workers, part,
               RECORDS)
    stored = finished(folder, plan.parameters(), everything, code, RECORDS)
    if stored is None:
        return None
    if not (folder / SUBJECTS).exists():
        _write_subjects(folder, plan)
    write_store_index(folder, NAME, CLASSES, (plan.size_px,) * 2, plan.parameters(),
                      [one for one in stored if isinstance(one, StoredClip)], code)
    return open_store(folder)


def make_clip(plan: SyntheticPlan, folder: Path, job: ClipJob) -> StoredClip:
    """Draw one clip, turn it into events, and write both."""
    subject = draw_subject(plan.seed, job.subject)
    sensor = (plan.size_px, plan.size_px)
    clip = film(draw_performance(plan.seed, subject, job.label, job.number), sensor, plan.drawn_fps)
    recording, kept = folder / "events" / job.name, list[NDArray[np.uint8]]()
    every = max(1, round(plan.drawn_fps / STORED_FPS)) if plan.frames else 0
    info = write_columns(recording, _events(clip, plan, job, every, kept), sensor)
    _save(folder / "truth" / f"{job.name}.npy", clip.truth)
    if plan.frames:
        write_frames(folder, job.name, clip.track.times_us[::every][: len(kept)], np.stack(kept))
    stop_us = int(clip.track.times_us[-1]) + 1
    return StoredClip(Clip(job.name, recording, 0, stop_us, subject_name(job.subject), job.label, NAME, Box(*clip.box),
                           sensor, _moments(clip)), info.events, info.digest)


def code_version() -> str:
    """The program's version, and a digest of the code that draws and simulates."""
    import neurofer.simulate

    return preparing.code_version(Path(neurofer.simulate.__path__[0]), Path(__file__))


def _events(clip: Film, plan: SyntheticPlan, job: ClipJob, every: int,
            kept: list[NDArray[np.uint8]]) -> Iterator[Events]:
    seed = np.random.SeedSequence(plan.seed, spawn_key=(2, job.subject, CLASSES.index(job.label), job.number))
    pixel = EventPixel(plan.pixel, (plan.size_px,) * 2, int(seed.generate_state(1, np.uint64)[0]))
    for number, (frame, t_us) in enumerate(zip(clip.frames(), clip.track.times_us, strict=True)):
        if every and number % every == 0:
            kept.append(np.rint(frame).astype(np.uint8))
        yield pixel.step(frame, int(t_us))


def _moments(clip: Film) -> dict[str, int]:
    """Onset, apex and offset of the shown expression, as far as the clip reaches."""
    last_us = int(clip.track.times_us[-1])
    shown = clip.movements
    if not shown:
        return {}
    one = shown[0]
    return {"onset_us": one.onset_us, "apex_us": one.apex_us, "offset_us": min(one.offset_us, last_us)}


def _write_subjects(folder: Path, plan: SyntheticPlan) -> None:
    people = [draw_subject(plan.seed, number) for number in plan.people]
    write_text(folder / SUBJECTS, json.dumps({
        subject_name(one.number): {"identity": one.identity.to_json(), "strength": one.style.strength,
                                   "lean": one.style.lean, "pace": one.style.pace,
                                   "units": dict(zip(map(str, UNITS), one.style.units.tolist(), strict=True))}
        for one in people}, indent=1) + "\n")


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, array, allow_pickle=False)
