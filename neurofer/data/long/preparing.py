"""Long videos into a store: each read once and in constant memory, aligned, written, and turned into events on the way.

What a video becomes does not depend on its annotations: they are written with the index, so a run with a corrected
sheet decodes nothing anew. Videos below 60 frames a second are blended linearly to eight times as many frames for their
events alone; the store keeps the frames as they were filmed.

Source:
    Spotting specification, sections 4, 7 and 9.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

import neurofer.keyframes.film_events
import neurofer.simulate
from neurofer.data import boxes as face_boxes
from neurofer.data import crop, similarity
from neurofer.data.clip import Box, Clip
from neurofer.data.frames import FrameWriter, clip_frames
from neurofer.data.long import films, tracking
from neurofer.data.long.pool import NO_EVENTS
from neurofer.data.long.record import LongTable, LongVideo
from neurofer.data.long.store import LABELS, label_of, truth_digest, write_truth
from neurofer.data.long.summary import summarise, write_summary
from neurofer.data.long.tracking import FaceTracker, NoFaceError, frames_named
from neurofer.data.long.truth import Truth, truth_of
from neurofer.data.micro import align, faces, frames_on_disk
from neurofer.data.micro.align import Landmarks
from neurofer.data.micro.films import SLOW_FPS, frame_times
from neurofer.data.micro.landmarks import ClipKey
from neurofer.data.micro.preparing import SLOW_FACTOR
from neurofer.data.preparing import PrepareSummary, Problem, code_version, finish_store, finished, make_clips
from neurofer.data.store import StoredClip
from neurofer.errors import UsageError, name_some
from neurofer.events.columns import ColumnsInfo, write_columns
from neurofer.events.events import Events
from neurofer.keyframes.film_events import event_pieces, log_noise
from neurofer.simulate.upsample import Upsampler
from neurofer.spotting.interval import KINDS

Value = TypeVar("Value")


@dataclass(frozen=True)
class LongPlan:
    """How to prepare a data set.

    Attributes:
        size_px: Side of the aligned crop.
        threshold: Change of the logarithm of light that makes an event.
        blur_px: Blur of the aligned frames before their events.
        whole: The pictures show faces that are cropped already; none is looked for.
        realign_s: Look for the face again so often; 0 lets the first place hold for all frames.
        events: Make events, too.

    Raises:
        UsageError: a number that is not possible; all of them together.
    """

    size_px: int = 112
    threshold: float = 0.1
    blur_px: float = 1.0
    whole: bool = False
    realign_s: float = 0.0
    events: bool = True

    def __post_init__(self) -> None:
        problems = [f"{name} is {value:g}; need {low:g} to {high:g}" for name, value, low, high in (
            ("size", self.size_px, 32, 1024), ("threshold", self.threshold, 0.01, 1), ("blur_px", self.blur_px, 0, 10),
            ("realign_s", self.realign_s, 0, tracking.LONGEST_REALIGN_S)) if not low <= value <= high]
        if self.whole and self.realign_s:
            problems.append("whole looks for no face, realign_s looks again and again; leave one of them out")
        if problems:
            raise UsageError("prepare: " + "; ".join(problems))

    def parameters(self, dataset: str) -> dict[str, Any]:
        """The plan as the store's index keeps it."""
        return {"data_set": dataset, **asdict(self), "eyes": [list(eye) for eye in align.EYES],
                "upsampled": SLOW_FACTOR, "upsampled_below_fps": SLOW_FPS}


@dataclass(frozen=True)
class LongJob:
    """One video to prepare, without what is annotated of it.

    Attributes:
        name: Of the video and its clip.
        dataset: Name of the data set.
        subject: Who is seen.
        folder: Of the image files, relative to the data set's root.
        fps: Frames per second.
        landmarks: The user's eyes.
        box: The user's face box.
    """

    name: str
    dataset: str
    subject: str
    folder: str
    fps: float
    landmarks: Landmarks | None = None
    box: Box | None = None


def prepare_long(table: LongTable, root: Path | str, out: Path | str, plan: LongPlan | None = None,
                 landmarks: Mapping[ClipKey, Landmarks] | None = None, boxes: Mapping[ClipKey, Box] | None = None,
                 workers: int = 1, part: tuple[int, int] = (1, 1)) -> PrepareSummary | None:
    """Make the store, or go on where an earlier run with the same plan was stopped.

    Args:
        table: Videos of a data set.
        root: Its folder.
        out: Empty, new, or an unfinished store of this plan.
        plan: How to prepare it.
        landmarks: The user's eyes on the first frame, by subject and video, see ``neurofer.data.micro.landmarks``; they
            win over a box.
        boxes: The user's face boxes. In videos in neither, the face is looked for.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th video. The part that finishes last writes truth, index and
            ``summary.json``.

    Returns:
        What was prepared, and what could not be; None while other parts are missing.

    Raises:
        UsageError: the folder holds something else, or was made with another plan.
        BadFileError: the disk is full or the place cannot be written.
    """
    root, out, plan = Path(root), Path(out), plan or LongPlan()
    landmarks, boxes = landmarks or {}, boxes or {}
    jobs = [LongJob(video.name, video.dataset, video.subject, video.folder, video.fps, _value_of(video, landmarks),
                    _value_of(video, boxes)) for video in table.videos]
    parameters, code = plan.parameters(table.dataset), _code()
    make_clips(out, table.dataset, parameters, jobs, functools.partial(make_long_clip, root, plan), code, workers, part)
    made = finished(out, parameters, jobs, code)
    if made is None:
        return None
    truths = [None if isinstance(one, Problem) else
              truth_of(video, int(one.clip.facts["first_frame"]), int(one.clip.facts["frames"]))
              for video, one in zip(table.videos, made, strict=True)]
    results = [one if isinstance(one, Problem) or truth is None else _with_truth(one, truth)
               for one, truth in zip(made, truths, strict=True)]
    told = [truth for truth in truths if truth is not None]
    intervals = [interval for truth in told for interval in truth.intervals]
    problems = [*table.problems, *_unused("landmarks", landmarks, table), *_unused("boxes", boxes, table),
                *(problem for truth in told for problem in truth.problems)]
    if told:
        write_truth(out, intervals)
    store = finish_store(out, name=table.dataset, classes=LABELS, sensor=(plan.size_px, plan.size_px),
                         parameters=parameters, jobs=jobs, results=results, code=code, problems=problems)
    rules = sum((truth.rules for truth in told), Counter[str]())
    write_summary(out, summarise(table, store, intervals, rules, plan.threshold))
    return store


def make_long_clip(root: Path, plan: LongPlan, folder: Path, job: LongJob) -> StoredClip | Problem:
    """Align one video, and write its frames and its events."""
    files = films.video_files(root / job.folder, job.name)
    if isinstance(files, Problem):
        return files
    first, sensor = next(iter(files)), (plan.size_px, plan.size_px)
    times_us, place = frame_times(len(files), job.fps), folder / "events" / job.name
    tracker = FaceTracker(plan.size_px, (job.landmarks, job.box, plan.whole), plan.realign_s, job.name)
    try:
        with FrameWriter(folder, job.name, times_us, sensor) as writer:
            pictures = tracker(films.read_frames(files, job.name), job.fps)
            info = _write_events(place, _kept(pictures, writer), times_us, plan, job)
            digest = writer.digest()
    except NoFaceError as error:
        numbers = frames_named(tuple(first + number for number in error.frames))
        return Problem(str(files[first]), f"shows no face that the detector finds, nor does any of {numbers} of "
                                          f"{job.name}; give --landmarks or --boxes, or --whole if the pictures are "
                                          "cropped to the face")
    except UsageError as error:
        return Problem(str(files[first]), f"{error} ({job.name})")
    facts = {"fps": f"{job.fps:.9g}", "frames": str(len(files)), "first_frame": str(first), "aligned": str(tracker.by),
             "frames_digest": digest, **_event_facts(plan, job, len(files))}
    if tracker.without_face:
        facts["looks_without_face"] = str(tracker.without_face)
    clip = Clip(job.name, place, 0, int(times_us[-1]) + 1, job.subject, label_of(()), job.dataset, Box(0, 0, *sensor),
                sensor, facts=facts)
    if len(files) > 1:
        facts["log_noise"] = f"{log_noise(clip_frames(clip).pictures, plan.blur_px):.4f}"
    return StoredClip(clip, info.events, info.digest)


def _kept(pictures: Iterable[NDArray[np.uint8]], writer: FrameWriter) -> Iterator[NDArray[np.uint8]]:
    """The pictures, each written as it passes."""
    for picture in pictures:
        writer.write(picture)
        yield picture


def _write_events(place: Path, pictures: Iterator[NDArray[np.uint8]], times_us: NDArray[np.int64], plan: LongPlan,
                  job: LongJob) -> ColumnsInfo:
    """The recording of a video, made while its frames pass; empty where the plan has no events."""
    sensor, meta = (plan.size_px, plan.size_px), {"source": job.folder}
    timed = zip(pictures, times_us.tolist(), strict=True)
    if not plan.events:
        for _ in timed:
            pass
        return write_columns(place, Events.empty(sensor), sensor, meta=meta)
    steps = Upsampler(factor=SLOW_FACTOR if job.fps < SLOW_FPS else 1)(timed)
    return write_columns(place, event_pieces(steps, sensor, plan.threshold, plan.blur_px), sensor, meta=meta)


def _event_facts(plan: LongPlan, job: LongJob, frames: int) -> dict[str, str]:
    if not plan.events:
        return {NO_EVENTS[0]: NO_EVENTS[1]}
    return {"upsampled": str(SLOW_FACTOR)} if job.fps < SLOW_FPS and frames > 1 else {}


def _with_truth(stored: StoredClip, truth: Truth) -> StoredClip:
    """A video with what its annotations say of it."""
    counts: dict[str, str] = {kind: str(sum(one.kind == kind for one in truth.intervals)) for kind in KINDS}
    facts = {**stored.clip.facts, **counts, "truth": truth_digest(truth.intervals)}
    return stored._replace(clip=replace(stored.clip, label=label_of(truth.intervals), facts=facts))


def _keys_of(video: LongVideo) -> tuple[ClipKey, ...]:
    """What a row of the user's may call a video: its name, or that of its folder."""
    return tuple(ClipKey(video.subject, name) for name in dict.fromkeys((video.name, Path(video.folder).name)))


def _value_of(video: LongVideo, table: Mapping[ClipKey, Value]) -> Value | None:
    return next((table[key] for key in _keys_of(video) if key in table), None)


def _unused(option: str, given: Mapping[ClipKey, object], table: LongTable) -> list[Problem]:
    """Rows of the user's that are about none of the data set's videos; a likely slip in how they are named."""
    known = {key for video in table.videos for key in _keys_of(video)}
    unknown = [" ".join(map(str, key[:2])) for key in given if key not in known]
    if not unknown:
        return []
    return [Problem(option, f"{len(unknown)} of {len(given)} rows name no video of {table.dataset}: "
                            f"{name_some(unknown, 3)}")]


def _code() -> str:
    modules = (align, faces, films, tracking, frames_on_disk, face_boxes, crop, similarity,
               neurofer.keyframes.film_events)
    return code_version(Path(neurofer.simulate.__path__[0]), Path(__file__),
                        *(Path(str(module.__file__)) for module in modules))
