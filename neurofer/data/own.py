"""One's own labelled recordings, prepared into a store: a folder of event files, and a table that says what they show.

The table is that of ``neurofer.data.own_table``. A clip is a row: one interval of one file, or all of it.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from neurofer.data import boxes, own_table
from neurofer.data.boxes import check_box, locate_face
from neurofer.data.clip import Box, Clip
from neurofer.data.own_table import OwnRow, read_own_table
from neurofer.data.preparing import PrepareSummary, Problem, code_version, prepare_store
from neurofer.data.store import StoredClip
from neurofer.errors import BadFileError, UsageError
from neurofer.events.clean import Mode
from neurofer.events.columns import ColumnsRecording, write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.events.recording import Recording

NAME = "own"
SHOWN = 20
VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".webm", ".wmv")


@dataclass(frozen=True)
class OwnPlan:
    """How to prepare one's own recordings.

    Attributes:
        sensor: ``(width, height)`` for files that do not say theirs; None where all do.
        mode: What to do with broken events: ``strict`` leaves the clip out, ``repair`` the events.
        name: Name of the data set.

    Raises:
        UsageError: another mode, or no name.
    """

    sensor: tuple[int, int] | None = None
    mode: Mode = "strict"
    name: str = NAME

    def __post_init__(self) -> None:
        if self.mode == "trust":
            raise UsageError("prepare own: mode is trust, but a store holds checked events; choose strict or repair")
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise UsageError(f"prepare own: name is {self.name!r}; need letters, digits or _ . -")


@dataclass(frozen=True)
class OwnJob:
    """One clip to make; see ``OwnRow``. The file is relative to the root."""

    name: str
    file: str
    label: str
    subject: str
    start_us: int | None
    stop_us: int | None
    box: Box | None


def prepare_own(root: Path | str, table: Path | str, folder: Path | str, plan: OwnPlan, workers: int = 1,
                part: tuple[int, int] = (1, 1)) -> PrepareSummary | None:
    """Make the store, or go on where an earlier run with the same plan was stopped.

    Events are streamed from each file into its columns, so memory does not grow with a recording's length. Rows that
    are new in the table are added, and clips that failed are tried again.

    Args:
        root: Folder that the table's files are relative to.
        table: See ``neurofer.data.own_table``.
        folder: Empty, new, or a store of this plan, finished or not.
        plan: How to prepare it.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th clip. The part that finishes last writes the index.

    Returns:
        What was prepared, and what could not be; None while other parts are missing.

    Raises:
        BadFileError: no table, wrong columns, none of its recordings can be read, or the disk is full.
        UsageError: no recording says its sensor, or the folder holds something else or was made with another plan.
    """
    root, table = Path(root), Path(table)
    if not root.is_dir():
        raise BadFileError(f"{root}: no such folder; give the one that the files of the table lie in")
    rows, problems, wanted = read_own_table(table)
    rows = _kept(rows, problems, functools.partial(_file_problem, root))
    sensor = plan.sensor or _first_sensor(root, table, rows, problems, plan.mode)
    rows = _kept(_kept(rows, problems, functools.partial(_box_problem, sensor)), problems, _Twice())
    problems.sort(key=lambda problem: _line(problem.where))
    jobs = [OwnJob(name, row.file, row.label, row.subject, row.start_us, row.stop_us, row.box)
            for name, row in zip(clip_names(rows), rows, strict=True)]
    code = code_version(*(Path(str(path)) for path in (__file__, own_table.__file__, boxes.__file__)))
    return prepare_store(
        folder, name=plan.name, classes=sorted({job.label for job in jobs}), sensor=sensor,
        parameters={"data_set": NAME, "name": plan.name, "mode": plan.mode, "sensor": list(sensor)}, jobs=jobs,
        make=functools.partial(make_clip, root, plan, sensor), code=code, problems=problems,
        facts={job.name: row.facts for job, row in zip(jobs, rows, strict=True)}, wanted=wanted, workers=workers,
        part=part)


def make_clip(root: Path, plan: OwnPlan, sensor: tuple[int, int], folder: Path, job: OwnJob) -> StoredClip:
    """Decode one interval of one recording into columns, and find its face box."""
    place, path = folder / "events" / job.name, root / job.file
    with _opened(path, plan.sensor, plan.mode) as recording:
        if recording.sensor != sensor:
            raise BadFileError(f"{path}: has a sensor of {_by(recording.sensor)} pixels, the store has {_by(sensor)}; "
                               "prepare it into a store of its own")
        info = write_columns(place, _inside(recording.pieces(), job.start_us, job.stop_us), sensor,
                             meta={"source": job.file})
        if not info.events:
            between = "" if job.start_us is None and job.stop_us is None else (
                f" between {_time(job.start_us, 'its start')} and {_time(job.stop_us, 'its end')}; its own clock goes "
                f"from {recording.start_us} to {recording.end_us} us")
            raise BadFileError(f"{path}: holds no events{between}")
        dropped = recording.report().dropped if plan.mode == "repair" else 0
    start_us = info.start_us if job.start_us is None else job.start_us
    stop_us = info.end_us + 1 if job.stop_us is None else job.stop_us
    with ColumnsRecording(place) as columns:
        found = locate_face(columns, job.box)
    facts = {"source": job.file, "box_from": found.source}
    if dropped:
        facts["dropped"] = str(dropped)
    clip = Clip(job.name, place, start_us, stop_us, job.subject, job.label, plan.name, found.box, sensor, facts=facts)
    return StoredClip(clip, info.events, info.digest)


def clip_names(rows: Sequence[OwnRow]) -> list[str]:
    """A name for each row, fit for a file name: that of its file, and of its start where a file has several rows."""
    stems = {file: _word(str(PurePosixPath(file).with_suffix(""))) for file in {row.file for row in rows}}
    files, shared = Counter(row.file for row in rows), Counter(stem.casefold() for stem in stems.values())
    named = []
    for row in rows:
        name = stems[row.file] if shared[stems[row.file].casefold()] == 1 else _word(row.file)
        named.append(name if files[row.file] == 1 else f"{name}_{_time(row.start_us, 'start').replace(' ', '')}")
    counts, seen = Counter(named), Counter[str]()
    for place, name in enumerate(named):
        seen[name] += 1
        if counts[name] > 1:
            named[place] = f"{name}_{seen[name]}"
    return named


class _Twice:
    """Says what is wrong with a row that shows the same as an earlier one."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int | None, int | None], str] = {}

    def __call__(self, row: OwnRow) -> str | None:
        line = row.where.rpartition(":")[2]
        first = self._lines.setdefault((row.file, row.start_us, row.stop_us), line)
        return None if first == line else f"is the same interval of {row.file} as line {first}"


def _kept(rows: Sequence[OwnRow], problems: list[Problem], wrong: Callable[[OwnRow], str | None]) -> list[OwnRow]:
    """The rows with which nothing is wrong; what is wrong with the others is added to the problems."""
    kept = []
    for row in rows:
        what = wrong(row)
        if what is None:
            kept.append(row)
        else:
            problems.append(Problem(row.where, what))
    return kept


def _file_problem(root: Path, row: OwnRow) -> str | None:
    place = PurePosixPath(row.file)
    if place.is_absolute() or ".." in place.parts:
        return f"file {row.file} leads out of {root}; give its path below that folder"
    if not (root / place).exists():
        return f"names {row.file}, but there is no such file in {root}"
    if place.suffix.lower() in VIDEOS:
        return (f"names the video {row.file}; make events of it first, 'neurofer simulate {root / place} -o "
                f"{(root / place).with_suffix('.npz')}', and name those")
    return None


def _box_problem(sensor: tuple[int, int], row: OwnRow) -> str | None:
    try:
        if row.box is not None:
            check_box(row.box, sensor)
    except UsageError as error:
        return str(error)
    return None


def _first_sensor(root: Path, table: Path, rows: Sequence[OwnRow], problems: Sequence[Problem],
                  mode: Mode) -> tuple[int, int]:
    """The sensor of the first recording that says it."""
    unsaid, broken = "", [str(problem) for problem in problems]
    for file in dict.fromkeys(row.file for row in rows):
        try:
            with open_recording(root / file, mode=mode) as recording:
                return recording.sensor
        except UsageError:
            unsaid = unsaid or file
        except BadFileError as error:
            broken.append(str(error))
    if unsaid:
        raise UsageError(f"{root / unsaid}: does not say its sensor size, and no other recording does; give --sensor "
                         "WIDTHxHEIGHT")
    more = [f"and {len(broken) - SHOWN} more"] if len(broken) > SHOWN else []
    raise BadFileError("\n  ".join([f"{table}: none of its recordings can be read", *broken[:SHOWN], *more]))


def _opened(path: Path, sensor: tuple[int, int] | None, mode: Mode) -> Recording:
    """The recording; a sensor that is given holds for a file that does not say its own."""
    try:
        return open_recording(path, sensor=sensor, mode=mode)
    except UsageError as error:
        if sensor is None:
            raise BadFileError(f"{path}: does not say its sensor size; give --sensor WIDTHxHEIGHT") from error
    return open_recording(path, mode=mode)


def _inside(pieces: Iterator[Events], start_us: int | None, stop_us: int | None) -> Iterator[Events]:
    """The events of an interval, and no more pieces read than it needs."""
    for piece in pieces:
        if not len(piece):
            continue
        if stop_us is not None and piece.start_us >= stop_us:
            return
        yield piece.between(piece.start_us if start_us is None else start_us,
                            piece.end_us + 1 if stop_us is None else stop_us)


def _word(text: str) -> str:
    """A path as a word of letters, digits and ``_ . -``."""
    return re.sub(r"[^\w.-]+", "-", text.replace("/", "_")).strip("-._") or "clip"


def _line(where: str) -> int:
    """The line of ``table:line``; 0 for a table as a whole."""
    line = where.rpartition(":")[2]
    return int(line) if line.isdecimal() else 0


def _by(sensor: tuple[int, int]) -> str:
    return f"{sensor[0]}x{sensor[1]}"


def _time(time_us: int | None, otherwise: str) -> str:
    return otherwise if time_us is None else f"{time_us} us"
