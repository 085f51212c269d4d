"""SEE (SEEN): one eye, seen by a DAVIS346, seven emotions under four lightings.

Verified in the authors' public repository (``Dataset_Instructions.md``, their loader, their released predictions):

- ``event/<emotion>/<sequence>/00000.jpg ..`` holds events accumulated over 33 ms each, 30 a second, and
  ``frame/<emotion>/<sequence>/00000.jpg ..`` the grey frames; the folder of neutral is written ``neutraL``.
- A sequence is called ``number_ID_sex_age_degree_lighting_emotion_length_take``, so subject, lighting and label stand
  in its name; lightings are normal, Overexposed, Low and HDR.
- A JSON, ``emotion.json``, has ``database``: for each sequence its ``subset`` (training or testing) and
  ``annotations`` with ``label`` and ``segment``, first picture and one past the last.
- The split shares subjects: 035 is a training example of the instructions and is in the released test predictions,
  whose 767 sequences show 89 of the 111 people.

[open]:

- The paper speaks of raw events, the public instructions of pictures only. Pictures are read: a pixel that is brighter
  than the grey of no events by at least ``least_grey`` is one ON event, a darker one an OFF event (the published
  figures show black, grey and white; that white is ON is assumed), all in the middle of their 33 ms. So there is one
  event a pixel and picture, and no timing within it: representations that weight by time within a window of one
  picture, such as TIE, see nothing; take ``counts`` or ``accumulate``. Where ``event/<emotion>/<sequence>.<suffix>``
  is a recording that ``open_recording`` reads, that is taken instead.
- The size of the pictures: read from them; the commonest one is the sensor.
- Which instant a grey frame shows: taken as the middle of the event picture of its number.

Source:
    Zhang et al., "In the Blink of an Eye: Event-Based Emotion Recognition", SIGGRAPH 2023 (arXiv:2310.04043); layout:
    the public repository zhanghaiwei1234/Single-eye-Emotion-Recognition.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data import see_split
from neurofer.data.clip import Box, Clip
from neurofer.data.expected import Count, differing
from neurofer.data.frames import frame_paths, write_frames
from neurofer.data.preparing import PrepareSummary, Problem, code_version, prepare_store
from neurofer.data.see_split import CLASSES, SeeSequence, read_split
from neurofer.data.store import StoredClip
from neurofer.errors import BadFileError, UsageError
from neurofer.events.clean import Mode
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording

NAME = "see"
NO_EVENTS = 128
PERIOD_US = 33_333
"""Time of one picture; windows of this length hold one picture each, however long the sequence."""

RECORDINGS = (".aedat4", ".aedat", ".h5", ".hdf5", ".npz", ".npy", ".csv", ".txt", ".raw", ".dat")
DAVIS346 = (346, 260)


@dataclass(frozen=True)
class SeePlan:
    """How to prepare SEE.

    Attributes:
        frames: Keep the grey frames, too.
        least_grey: Least distance from the grey of no events that is an event; half of the way to black or white by
            default, which is farthest from both and from what JPEG adds.
        mode: What to do with broken events of recordings: ``strict`` or ``repair``.

    Raises:
        UsageError: a distance that no pixel or every pixel has, or another mode.
    """

    frames: bool = False
    least_grey: int = 64
    mode: Mode = "strict"

    def __post_init__(self) -> None:
        if not 1 <= self.least_grey <= 127:
            raise UsageError(f"prepare see: least_grey is {self.least_grey}; need 1 to 127")
        if self.mode == "trust":
            raise UsageError("prepare see: mode is trust, but a store holds checked events; choose strict or repair")

    def parameters(self) -> dict[str, Any]:
        """The plan as the store's index keeps it."""
        return {"data_set": NAME, "frames": self.frames, "least_grey": self.least_grey, "mode": self.mode}


@dataclass(frozen=True)
class SeeJob:
    """One sequence to prepare; paths are relative to the data set's root.

    Attributes:
        name: The sequence.
        subject: Who is seen.
        label: Emotion.
        segment: First picture and one past the last.
        events: Folder of pictures, or a recording.
        frames: Folder of grey frames; None to keep none.
        sensor: ``(width, height)`` of all sequences.
    """

    name: str
    subject: str
    label: str
    segment: tuple[int, int]
    events: str
    frames: str | None
    sensor: tuple[int, int]


@dataclass(frozen=True)
class SeeSummary:
    """How preparing ended.

    Attributes:
        store: What was prepared.
        differing: Counts that are not those of the release.
        shared: Subjects that the official split has on both sides.
    """

    store: PrepareSummary
    differing: tuple[Count, ...]
    shared: tuple[str, ...]


def prepare_see(root: Path | str, folder: Path | str, plan: SeePlan, split: Path | str | None = None,
                workers: int = 1, part: tuple[int, int] = (1, 1)) -> SeeSummary | None:
    """Make the store, or go on where an earlier run with the same plan was stopped.

    Args:
        root: Folder that holds ``event``, ``frame`` and the split.
        folder: Empty, new, or an unfinished store of this plan.
        plan: How to prepare it.
        split: The JSON of the split; ``emotion.json`` or the only ``emotion*.json`` of the root by default.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th clip. The part that finishes last writes the index.

    Returns:
        What was prepared, and what could not be; None while other parts are missing.

    Raises:
        BadFileError: ``root`` is not SEE, its split cannot be read, or the disk is full.
        UsageError: the folder holds something else, or was made with another plan.
    """
    root = Path(root)
    if not (root / "event").is_dir():
        raise BadFileError(f"{root}: {'has no folder event' if root.is_dir() else 'no such folder'}; give the root of "
                           "SEE, which holds event, frame and emotion.json")
    said = read_split(root, None if split is None else Path(split))
    problems = list(said.problems)
    places = _places(root, said.sequences, said.names, problems)
    sensor = _commonest_size(root, places, problems)
    jobs = [SeeJob(one.name, one.subject, one.label, one.segment, place, _frames(root, place, one, plan, problems),
                   sensor) for one, place in places]
    summary = prepare_store(
        folder, name=NAME, classes=CLASSES, sensor=sensor, parameters=plan.parameters(), jobs=jobs,
        make=functools.partial(make_clip, root, plan), code=code_version(Path(__file__), Path(see_split.__file__)),
        problems=problems, facts={one.name: {"part": one.part, "lighting": one.lighting} for one in said.sequences},
        wanted=len(said.names), workers=workers, part=part)
    if summary is None:
        return None
    return SeeSummary(summary, differing(said.counts), said.shared)


def make_clip(root: Path, plan: SeePlan, folder: Path, job: SeeJob) -> StoredClip:
    """Write the events of one sequence, and its frames."""
    source, place = root / job.events, folder / "events" / job.name
    meta = {"source": job.events}
    if source.is_dir():
        pictures = numbered_pictures(source, job.segment)
        info = write_columns(place, _events_of_pictures(pictures, job.sensor, plan.least_grey), job.sensor, meta=meta)
        interval = (0, (max(pictures) - job.segment[0] + 1) * PERIOD_US)
    else:
        try:
            with open_recording(source, sensor=job.sensor, mode=plan.mode) as recording:
                info = write_columns(place, recording.pieces(), job.sensor, meta=meta)
        except UsageError as error:
            raise BadFileError(f"{source}: is no recording of {job.sensor[0]}x{job.sensor[1]} pixels ({error})"
                               ) from error
        interval = (info.start_us, info.end_us + 1)
    if not info.events:
        raise BadFileError(f"{source}: shows no events")
    if job.frames is not None:
        _keep_frames(root / job.frames, folder, job, interval[0])
    else:
        for path in frame_paths(folder, job.name):
            path.unlink(missing_ok=True)
    clip = Clip(job.name, place, *interval, job.subject, job.label, NAME, Box(0, 0, *job.sensor), job.sensor)
    return StoredClip(clip, info.events, info.digest)


def numbered_pictures(folder: Path, segment: tuple[int, int]) -> dict[int, Path]:
    """The pictures of a segment by number; the last one may be absent.

    Raises:
        BadFileError: other pictures are absent.
    """
    paths = {number: folder / f"{number:05}.jpg" for number in range(*segment)}
    absent = [number for number, path in paths.items() if not path.is_file()]
    if len(absent) == len(paths) or absent not in ([], [segment[1] - 1]):
        raise BadFileError(f"{folder}: lacks {len(absent)} of the {len(paths)} pictures of its segment, the first is "
                           f"{absent[0]:05}.jpg; the sequence was not copied whole")
    return {number: path for number, path in paths.items() if number not in absent}


def picture_events(picture: NDArray[np.uint8], t_us: int, least_grey: int = 64) -> Events:
    """The events of an accumulated picture, all of one time: brighter than the grey of no events is ON, darker OFF.

    Args:
        picture: ``(H, W)`` uint8.
        t_us: Time of all events.
        least_grey: Least distance from 128.
    """
    distance = picture.astype(np.int16) - NO_EVENTS
    y, x = np.nonzero(np.abs(distance) >= least_grey)
    return Events(np.full(len(x), t_us, np.int64), x.astype(np.uint16), y.astype(np.uint16), distance[y, x] > 0,
                  (picture.shape[1], picture.shape[0]))


def _events_of_pictures(pictures: dict[int, Path], sensor: tuple[int, int], least_grey: int) -> Iterator[Events]:
    first = min(pictures)
    for number, path in pictures.items():
        yield picture_events(_picture(path, sensor), (number - first) * PERIOD_US + PERIOD_US // 2, least_grey)


def _picture(path: Path, sensor: tuple[int, int]) -> NDArray[np.uint8]:
    from neurofer.simulate.video import read_grey

    picture = read_grey(path)
    if picture.shape != (sensor[1], sensor[0]):
        raise BadFileError(f"{path}: is {picture.shape[1]}x{picture.shape[0]}, the other sequences are "
                           f"{sensor[0]}x{sensor[1]}")
    return picture


def _keep_frames(source: Path, folder: Path, job: SeeJob, start_us: int) -> None:
    pictures = [_picture(path, job.sensor) for path in numbered_pictures(source, job.segment).values()]
    times = start_us + np.arange(len(pictures), dtype=np.int64) * PERIOD_US + PERIOD_US // 2
    write_frames(folder, job.name, times, np.stack(pictures))


def _places(root: Path, sequences: list[SeeSequence], names: frozenset[str],
            problems: list[Problem]) -> list[tuple[SeeSequence, str]]:
    """Where the events of each sequence are; a folder of another emotion, or sequences of no split, are told."""
    found: dict[str, list[str]] = {}
    for emotion in sorted(path for path in (root / "event").iterdir() if path.is_dir()):
        for path in sorted(emotion.iterdir()):
            if path.is_dir() or path.suffix.lower() in RECORDINGS:
                name = path.name if path.is_dir() else path.stem
                found.setdefault(name, []).append(path.relative_to(root).as_posix())
    places = []
    for one in sequences:
        there = found.pop(one.name, [])
        here = [path for path in there if path.split("/")[1].lower() == one.label]
        if here:
            # A recording has more to say than the pictures of it.
            places.append((one, min(here, key=lambda path: (root / path).is_dir())))
        elif there:
            problems.append(Problem(str(root / there[0]), f"lies among {there[0].split('/')[1]}, but the split says "
                                                          f"{one.label}; a clip has one label, it is left out"))
        else:
            problems.append(Problem(one.where, f"names {one.name}, but {root / 'event'} does not hold it"))
    problems += [Problem(str(root / paths[0]), "is in no part of the split; it is left out")
                 for name, paths in found.items() if name not in names]
    return places


def _commonest_size(root: Path, places: list[tuple[SeeSequence, str]], problems: list[Problem]) -> tuple[int, int]:
    """The size of most sequences' first pictures; the camera's where there are recordings alone."""
    from neurofer.simulate.video import read_grey

    sizes: Counter[tuple[int, int]] = Counter()
    for one, place in places:
        path = root / place / f"{one.segment[0]:05}.jpg"
        if path.is_file():
            try:
                high, wide = read_grey(path).shape
            except BadFileError:
                continue
            sizes[wide, high] += 1
    return max(sizes, key=lambda size: (sizes[size], size), default=DAVIS346)


def _frames(root: Path, place: str, one: SeeSequence, plan: SeePlan, problems: list[Problem]) -> str | None:
    if not plan.frames:
        return None
    emotion = place.split("/")[1]
    folder = f"frame/{emotion}/{one.name}"
    if (root / folder).is_dir():
        return folder
    problems.append(Problem(str(root / folder), f"is missing; {one.name} is prepared without frames"))
    return None
