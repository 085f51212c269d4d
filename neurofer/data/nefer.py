"""NEFER: faces that watch moving films, seen by an event camera of 1280 x 720 pixels and an RGB camera.

``event_raw/.../user_XX/userXX_YYYY-MM-DD_hh-mm-ss.raw`` (EVT3), ``rgb_frames/user_XX/GOPRnnnn/frame_00.png ..`` and the
tables of ``neurofer.data.nefer_tables``. A clip is one event recording as long as its file says. Its label is what the
film should cause; what the viewer reported is the fact ``reported``. The users that the authors validate on are the
test part.

[open], not said by the data set or its paper's public material: when within a clip an RGB frame was taken (here: they
are spread evenly over it), and where an RGB pixel lies on the event sensor (here: one similarity that the user gives).

Source:
    Berlincioni et al., "Neuromorphic Event-based Facial Expression Recognition", CVPR workshops 2023
    (arXiv:2304.06351); layout: the public repository miccunifi/NEFER.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data import boxes, csv_rows, given_boxes, nefer_tables, similarity
from neurofer.data.boxes import event_counts, percentile_box
from neurofer.data.clip import Box, Clip
from neurofer.data.expected import Count, differing
from neurofer.data.frames import frame_paths, write_frames
from neurofer.data.given_boxes import read_boxes, recording_name
from neurofer.data.nefer_tables import CLASSES, AnnotatedClip, read_annotations
from neurofer.data.preparing import PrepareSummary, Problem, code_version, prepare_store
from neurofer.data.similarity import Similarity
from neurofer.data.store import StoredClip
from neurofer.errors import BadFileError, UsageError
from neurofer.events.clean import Mode
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording

NAME = "nefer"
SENSOR = (1280, 720)
RAW, RGB = "event_raw", "rgb_frames"


@dataclass(frozen=True)
class NeferPlan:
    """How to prepare NEFER.

    Attributes:
        frames: Keep the RGB frames, grey and on the event sensor; about 47 MB a clip.
        similarity: Where they lie on it; None lays each whole picture over the sensor.
        mode: What to do with broken events: ``strict`` leaves the recording out, ``repair`` the events.

    Raises:
        UsageError: another mode.
    """

    frames: bool = False
    similarity: Similarity | None = None
    mode: Mode = "strict"

    def __post_init__(self) -> None:
        if self.mode == "trust":
            raise UsageError("prepare nefer: mode is trust, but a store holds checked events; choose strict or repair")

    def parameters(self) -> dict[str, Any]:
        """The plan as the store's index keeps it."""
        where = self.similarity
        return {"data_set": NAME, "mode": self.mode, "frames": self.frames, "rgb_to_event": None if not self.frames
                else "fit" if where is None else [where.scale, where.degrees, where.x_px, where.y_px]}


@dataclass(frozen=True)
class NeferJob:
    """One recording to prepare; paths are relative to the data set's root.

    Attributes:
        name: Name of the clip.
        user: Who is seen.
        label: What the film should cause.
        raw: The recording.
        box: The user's face box; None to look for it.
        frames: Pictures of the RGB recording; empty to keep none.
    """

    name: str
    user: str
    label: str
    raw: str
    box: Box | None = None
    frames: tuple[str, ...] = ()


@dataclass(frozen=True)
class NeferSummary:
    """How preparing ended, and where the user's copy differs from the public tables.

    Attributes:
        store: What was prepared.
        differing: Counts that are not those of the release.
        unlisted: Raw recordings that no table names.
    """

    store: PrepareSummary
    differing: tuple[Count, ...]
    unlisted: int


def prepare_nefer(root: Path | str, folder: Path | str, plan: NeferPlan, box_table: Path | str | None = None,
                  workers: int = 1, part: tuple[int, int] = (1, 1)) -> NeferSummary | None:
    """Make the store, or go on where an earlier run with the same plan was stopped.

    Events are streamed from each file into its columns, so memory does not grow with a recording's length.

    Args:
        root: Folder that holds ``annotations`` and ``event_raw``.
        folder: Empty, new, or an unfinished store of this plan.
        plan: How to prepare it.
        box_table: The user's face boxes, see ``neurofer.data.given_boxes``; the median of a recording's rows is its
            box. A recording without one gets its percentile box.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th clip. The part that finishes last writes the index.

    Returns:
        What was prepared, and what could not be; None while other parts are missing.

    Raises:
        BadFileError: ``root`` is not NEFER, the table of boxes is missing, or the disk is full.
        UsageError: the folder holds something else, or was made with another plan.
    """
    root = Path(root)
    _check_root(root)
    annotations, problems = read_annotations(root), list[Problem]()
    given: Mapping[str, Box] = {}
    if box_table is not None:
        if not Path(box_table).is_file():
            raise BadFileError(f"{box_table}: no such table of face boxes; give a CSV of "
                               f"{','.join(given_boxes.COLUMNS)}")
        given, wrong = read_boxes(Path(box_table), SENSOR)
        names = {clip.name for clip in annotations.clips}
        problems += [*wrong, *(Problem(str(box_table), f"has a box for {name}, which no table lists")
                               for name in sorted(given) if name not in names)]
    raw, twice = raw_files(root)
    problems += [*annotations.problems, *twice]
    jobs = [job for clip in sorted(annotations.clips, key=lambda clip: clip.name)
            if (job := _job(root, clip, raw, given, plan, problems)) is not None]
    code = code_version(Path(__file__), *(Path(str(module.__file__)) for module in (
        boxes, csv_rows, given_boxes, nefer_tables, similarity)))
    summary = prepare_store(
        folder, name=NAME, classes=CLASSES, sensor=SENSOR, parameters=plan.parameters(), jobs=jobs,
        make=functools.partial(make_clip, root, plan), code=code, problems=problems,
        facts={clip.name: _facts(clip) for clip in annotations.clips}, wanted=annotations.named, workers=workers,
        part=part)
    if summary is None:
        return None
    listed = {clip.name for clip in annotations.clips}
    return NeferSummary(summary, differing(annotations.counts), sum(name not in listed for name in raw))


def make_clip(root: Path, plan: NeferPlan, folder: Path, job: NeferJob) -> StoredClip:
    """Decode one recording into columns, find its box, and keep its frames."""
    place = folder / "events" / job.name
    counts = np.zeros((SENSOR[1], SENSOR[0]), np.float32)
    try:
        with open_recording(root / job.raw, sensor=SENSOR, mode=plan.mode) as recording:
            info = write_columns(place, _counted(recording.pieces(), counts), SENSOR, meta={"source": job.raw})
            dropped = recording.report().dropped
    except UsageError as error:
        raise BadFileError(f"{root / job.raw}: is no recording of {SENSOR[0]}x{SENSOR[1]} pixels ({error})") from error
    if not info.events:
        raise BadFileError(f"{root / job.raw}: holds no events, so it has neither a duration nor a face box")
    box = percentile_box(counts) if job.box is None else job.box
    if job.frames:
        _keep_frames(root, plan, folder, job, frame_times(info.start_us, info.end_us + 1, len(job.frames)))
    else:
        for path in frame_paths(folder, job.name):
            path.unlink(missing_ok=True)
    facts = {"box_from": "user" if job.box else "percentiles"}
    if dropped:
        facts["dropped"] = str(dropped)
    clip = Clip(job.name, place, info.start_us, info.end_us + 1, job.user, job.label, NAME, box, SENSOR, facts=facts)
    return StoredClip(clip, info.events, info.digest)


def raw_files(root: Path) -> tuple[dict[str, str], list[Problem]]:
    """The raw files below ``event_raw`` by recording, relative to the root, and recordings that have two."""
    found: dict[str, str] = {}
    problems = []
    for folder, folders, files in os.walk(root / RAW):
        folders.sort()
        for file in sorted(files):
            if not file.lower().endswith(".raw") or file.startswith("."):
                continue
            path = (Path(folder) / file).relative_to(root).as_posix()
            name = recording_name(file[: -len(".raw")])
            if name in found:
                problems.append(Problem(str(root / path), f"is a second file of {name}; {found[name]} is used"))
            else:
                found[name] = path
    return found, problems


def _check_root(root: Path) -> None:
    absent = [name for name in ("annotations", RAW) if not (root / name).is_dir()]
    if absent:
        what = "no such folder" if not root.is_dir() else f"has no folder {' and no folder '.join(absent)}"
        raise BadFileError(f"{root}: {what}; give the root of NEFER, which holds annotations, {RAW} and {RGB}")


def _job(root: Path, clip: AnnotatedClip, raw: Mapping[str, str], given: Mapping[str, Box], plan: NeferPlan,
         problems: list[Problem]) -> NeferJob | None:
    path = raw.get(clip.name)
    if path is None:
        problems.append(Problem(clip.where, f"names the recording {clip.name}, but {root / RAW} holds no "
                                            f"{clip.name}.raw"))
        return None
    frames = _frames(root, clip, problems) if plan.frames else ()
    return NeferJob(clip.name, clip.user, clip.label, path, given.get(clip.name), frames)


def _frames(root: Path, clip: AnnotatedClip, problems: list[Problem]) -> tuple[str, ...]:
    """The RGB pictures of a clip; none if one is missing."""
    if clip.video is None:
        return ()
    paths = tuple(f"{RGB}/{clip.user}/{clip.video}/{name}" for name in clip.frames)
    absent = [path for path in paths if not (root / path).is_file()]
    if absent:
        problems.append(Problem(str(root / absent[0]), f"is missing, {len(absent)} of {len(paths)} frames of "
                                                       f"{clip.video} are; {clip.name} is prepared without frames"))
        return ()
    return paths


def _facts(clip: AnnotatedClip) -> dict[str, str]:
    facts = {"part": clip.part, "reported": clip.reported, "rgb": clip.video}
    return {name: text for name, text in facts.items() if text is not None}


def _counted(pieces: Iterator[Events], counts: NDArray[np.float32]) -> Iterator[Events]:
    """The same pieces; their events are added to ``counts``."""
    for piece in pieces:
        if len(piece):
            counts += event_counts(piece)
        yield piece


def _keep_frames(root: Path, plan: NeferPlan, folder: Path, job: NeferJob, times: NDArray[np.int64]) -> None:
    from neurofer.simulate.video import read_grey

    pictures = np.empty((len(times), SENSOR[1], SENSOR[0]), np.uint8)
    for number, path in enumerate(job.frames):
        grey = read_grey(root / path)
        where = plan.similarity or Similarity.fit((grey.shape[1], grey.shape[0]), SENSOR)
        pictures[number] = where.warp(grey, SENSOR)
    write_frames(folder, job.name, times, pictures)


def frame_times(start_us: int, stop_us: int, count: int) -> NDArray[np.int64]:
    """Times of frames spread evenly over an interval, each in the middle of its share; a microsecond apart at least."""
    length = max(stop_us - start_us, 2 * count)
    return start_us + (2 * np.arange(count, dtype=np.int64) + 1) * length // (2 * count)
