"""CK+ as events (e-CK+): posed expressions, neutral to apex, on film at 30 frames a second, through the event pixel.

Every picture is brought to 346 x 260 pixels, as v2e does, without keeping its aspect: 640 x 490 pictures become 1.9 %
flatter, 640 x 480 ones 0.2 % taller, so a box in shares of the picture holds for both. Instead of simulated events the
authors' files can be taken. The windows of a sequence run from its first event, 30 a second; a clip is the run of them
that is kept, and its recording has all events.

[open], not said by the authors: simulator settings (two presets here), and which early windows are dropped (here: the
public list of kept windows, or a rule on event counts, see ``busy_run``).

Source:
    Verschae, Bugueno-Cordova, IEEE Access 11, 2023, and Neurocomputing 671, 2026; evTransFER specification, section 6.
    CK+: Lucey et al., CVPR workshops 2010.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import neurofer.simulate
from neurofer.data import boxes, ckplus_tree, crop
from neurofer.data.boxes import haar_box
from neurofer.data.ckplus_counts import count_release
from neurofer.data.ckplus_tree import CLASSES, Kept, Tree, find_events, read_frame_list, read_tree
from neurofer.data.clip import Box, Clip
from neurofer.data.crop import square_box
from neurofer.data.expected import Count, differing
from neurofer.data.folds import places_in_class
from neurofer.data.frames import write_frames
from neurofer.data.preparing import PrepareSummary, Problem, code_version, prepare_store
from neurofer.data.store import StoredClip
from neurofer.errors import BadFileError, UsageError
from neurofer.events.columns import ColumnsRecording, write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.simulate.pixel import EventPixel
from neurofer.simulate.settings import preset
from neurofer.simulate.upsample import Upsampler
from neurofer.simulate.video import FrameSource, read_grey

NAME = "ckplus"
SENSOR = (346, 260)
FPS = 30.0
FEWEST_WINDOWS = 3
BUSY_SHARE = 0.2
LONGEST_S = 600


@dataclass(frozen=True)
class CkplusPlan:
    """How to prepare CK+.

    Attributes:
        preset: Setting of the event pixel; ``spiking_fer`` and ``c_v2e`` are the two for e-CK+.
        seed: Thresholds of the pixels follow from it and the sequence's name.
        given_events: The authors' events are taken instead.
        frame_list: Windows are kept by the public list instead of the rule on counts.

    Raises:
        UsageError: an unknown preset.
    """

    preset: str = "spiking_fer"
    seed: int = 0
    given_events: bool = False
    frame_list: bool = False

    def __post_init__(self) -> None:
        preset(self.preset)

    def parameters(self) -> dict[str, Any]:
        """The plan as the store's index keeps it."""
        simulated = {"preset": self.preset, "seed": self.seed, "fps": FPS,
                     "pixel": dataclasses.asdict(preset(self.preset))}
        return {"data_set": NAME, "events": "given" if self.given_events else "simulated",
                "windows": "frame list" if self.frame_list else f"above {BUSY_SHARE:g} of the most events",
                **({} if self.given_events else simulated)}


@dataclass(frozen=True)
class CkplusJob:
    """One sequence to prepare.

    Attributes:
        name: Name of the clip, ``S###_###``.
        label: Its class.
        folder: Its pictures, below the root of CK+.
        pictures: Their file names.
        events: The authors' file below their root; None to simulate.
        windows: First and last window to keep; None for the rule on counts.
    """

    name: str
    label: str
    folder: str
    pictures: tuple[str, ...]
    events: str | None = None
    windows: tuple[int, int] | None = None


@dataclass(frozen=True)
class CkplusSummary:
    """How preparing ended, and where the user's copy differs from the release: what was prepared, and counts."""

    store: PrepareSummary
    differing: tuple[Count, ...]


def prepare_ckplus(root: Path | str, folder: Path | str, plan_preset: str = "spiking_fer", *, seed: int = 0,
                   events: Path | str | None = None, frame_list: Path | str | None = None, workers: int = 1,
                   part: tuple[int, int] = (1, 1)) -> CkplusSummary | None:
    """Make the store, or go on where an earlier run with the same settings was stopped.

    Args:
        root: Folder that holds ``cohn-kanade-images`` and ``Emotion``.
        folder: Empty, new, or an unfinished store of these settings.
        plan_preset: Setting of the event pixel.
        seed: Thresholds of the pixels follow from it.
        events: The authors' e-CK+ events (``Train_Set``, ``Test_Set``), taken instead of simulated ones.
        frame_list: The public list of kept windows.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th clip. The part that finishes last writes the index.

    Returns:
        What was prepared, and what could not be; None while other parts are missing.

    Raises:
        BadFileError: ``root`` or ``events`` is something else, the list cannot be read, or the disk is full.
        UsageError: an unknown preset, or the folder holds something else or was made with other settings.
    """
    plan = CkplusPlan(plan_preset, seed, events is not None, frame_list is not None)
    root, given = Path(root), None if events is None else Path(events)
    tree = read_tree(root)
    problems = list(tree.problems)
    files: dict[str, str] = {}
    if given is not None:
        files, wrong = find_events(given, tree)
        problems += wrong
    kept: dict[str, Kept] = {}
    if frame_list is not None:
        listed, wrong = read_frame_list(Path(frame_list))
        kept, left_out = _listed(listed, tree, Path(frame_list))
        problems += [*wrong, *left_out]
    jobs = [CkplusJob(name, sequence.label, sequence.folder, sequence.pictures, files.get(name),
                      (kept[name].first, kept[name].last) if name in kept else None)
            for name, sequence in sorted(tree.sequences.items())
            if (given is None or name in files) and (frame_list is None or name in kept)]
    code = code_version(Path(neurofer.simulate.__path__[0]), Path(__file__),
                        *(Path(str(module.__file__)) for module in (boxes, ckplus_tree, crop)))
    summary = prepare_store(
        folder, name=NAME, classes=CLASSES, sensor=SENSOR, parameters=plan.parameters(), jobs=jobs,
        make=functools.partial(make_clip, root, given, plan), code=code, problems=problems,
        facts=places_in_class(tree.labels), wanted=tree.wanted, workers=workers, part=part)
    if summary is None:
        return None
    clips = summary.clip_set.clips if summary.clip_set else ()
    return CkplusSummary(summary, differing(count_release(tree.labels, clips, plan.frame_list)))


def make_clip(root: Path, given: Path | None, plan: CkplusPlan, folder: Path, job: CkplusJob) -> StoredClip | Problem:
    """Find the face of one sequence, simulate or copy its events, choose its windows, and keep its frames."""
    pictures = tuple(root / job.folder / name for name in job.pictures)
    first = read_grey(pictures[0])
    face = haar_box(first)
    if face is None:
        return Problem(str(pictures[0]), f"shows no face that the frontal detector finds; {job.name} is left out")
    film = FrameSource(root / job.folder, SENSOR, FPS, len(pictures), pictures)
    frames, times_us = np.empty((len(pictures), SENSOR[1], SENSOR[0]), np.uint8), np.empty(len(pictures), np.int64)
    for number, (frame, t_us) in enumerate(film):
        frames[number], times_us[number] = frame, t_us
    place = folder / "events" / job.name
    if job.events is None or given is None:
        source = str(root / job.folder)
        info = write_columns(place, _simulated(plan, job.name, frames, times_us), SENSOR, meta={"source": job.folder})
    else:
        source = str(given / job.events)
        try:
            with open_recording(given / job.events, sensor=SENSOR, mode="strict") as recording:
                info = write_columns(place, recording.pieces(), SENSOR, meta={"source": job.events})
        except UsageError as error:
            raise BadFileError(f"{source}: is no recording of {SENSOR[0]}x{SENSOR[1]} pixels ({error})") from error
    if info.end_us - info.start_us > LONGEST_S * 1_000_000:
        return Problem(source, f"lasts {(info.end_us - info.start_us) / 1e6:.0f} s; sequences of CK+ last seconds")
    counts = window_counts(place)
    if len(counts) < FEWEST_WINDOWS:
        return Problem(source, f"gives events in {len(counts)} windows of 1/30 s; a decision needs {FEWEST_WINDOWS}")
    low, high = job.windows or busy_run(counts)
    if low >= len(counts):
        return Problem(source, f"has events in {len(counts)} windows, but the frame list keeps {low} to {high}")
    write_frames(folder, job.name, times_us, frames)
    clip = Clip(job.name, place, info.start_us + window_start(low), info.start_us + window_start(high + 1),
                job.name.split("_")[0], job.label, NAME, sensor_box(face, (first.shape[1], first.shape[0])), SENSOR)
    return StoredClip(clip, info.events, info.digest)


def window_start(number: int) -> int:
    """Microseconds from a recording's first event to the start of a window: ``round(number * 1e6 / 30)``."""
    return round(number * 1e6 / FPS)


def window_counts(recording: Path) -> NDArray[np.int64]:
    """Events in each window of a folder of columns, from its first event to its last; empty without events."""
    with ColumnsRecording(recording) as columns:
        if not columns.report().events:
            return np.zeros(0, np.int64)
        length_us = columns.end_us - columns.start_us
        count = int(length_us * FPS / 1e6) + 1
        count += window_start(count) <= length_us
        return np.array([len(columns.between(columns.start_us + window_start(number),
                                             columns.start_us + window_start(number + 1)))
                         for number in range(count)], np.int64)


def busy_run(counts: NDArray[np.int64]) -> tuple[int, int]:
    """First and last window to keep where no list says it.

    The run of consecutive windows above 20 % of the largest count that ends at the last such window; where it is
    shorter than three windows, as many before it as are lacking, or behind it at the start of a recording.

    Args:
        counts: Events in each window, at least three.
    """
    busy = np.flatnonzero(counts > BUSY_SHARE * counts.max())
    last = int(busy[-1])
    quiet = np.flatnonzero(counts[:last] <= BUSY_SHARE * counts.max())
    first = max(0, min(int(quiet[-1]) + 1 if len(quiet) else 0, last - FEWEST_WINDOWS + 1))
    return first, max(last, first + FEWEST_WINDOWS - 1)


def sensor_box(face: Box, size: tuple[int, int]) -> Box:
    """A box in a picture of ``(width, height)`` as a square on the event sensor."""
    across, down = SENSOR[0] / size[0], SENSOR[1] / size[1]
    return square_box(Box(round(face.left * across), round(face.top * down), max(1, round(face.width * across)),
                          max(1, round(face.height * down))))


def _simulated(plan: CkplusPlan, name: str, frames: NDArray[np.uint8], times_us: NDArray[np.int64]) -> Iterator[Events]:
    settings = preset(plan.preset)
    seed = int.from_bytes(hashlib.sha256(f"{plan.seed}/{name}".encode()).digest()[:8], "little")
    pixel, upsampler = EventPixel(settings, SENSOR, seed), Upsampler(factor=1, exposure_us=settings.exposure_us)
    for frame, t_us in upsampler(zip(frames, times_us.tolist(), strict=True)):
        yield pixel.step(frame, t_us)


def _listed(listed: dict[str, Kept], tree: Tree, path: Path) -> tuple[dict[str, Kept], list[Problem]]:
    """The listed sequences that this copy has, and where list and copy do not fit."""
    kept, problems = dict[str, Kept](), list[Problem]()
    for name, one in sorted(listed.items()):
        if name not in tree.labels:
            problems.append(Problem(one.where, f"lists {name}, which this copy does not label"))
        elif one.label not in (None, tree.labels[name]):
            problems.append(Problem(one.where, f"lists {name} under {one.label}, but its emotion file says "
                                               f"{tree.labels[name]}: two labels for one clip"))
        elif name in tree.sequences and one.last >= len(tree.sequences[name].pictures):
            problems.append(Problem(one.where, f"keeps window {one.last} of {name}, which has only "
                                               f"{len(tree.sequences[name].pictures)} pictures"))
        else:
            kept[name] = one
    problems += [Problem(str(path), f"does not list {name}; it is left out")
                 for name in sorted(tree.sequences) if name not in listed]
    return kept, problems
