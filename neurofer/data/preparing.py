"""Preparing a data set into a store: stopped runs go on, parts run anywhere, all that is wrong is told together.

Every clip has a record, ``STORE/records/<clip>.json``, written when the clip is whole or known to be unusable. The
index is written when all clips have one.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.data.frames import frame_paths
from neurofer.data.store import StoredClip, open_store, write_store_index
from neurofer.errors import BadFileError, UsageError
from neurofer.files import read_json, write_text
from neurofer.progress import Progress, progress
from neurofer.workers import run_all, shard

PLAN = "prepare.json"
PROBLEMS = "problems.csv"
RECORDS = "records"


class Job(Protocol):
    """One clip to make: frozen, small, and sent to other processes.

    Its ``repr`` is part of the clip's key. Paths in it are relative to a root that ``make`` knows, so that parts made
    on machines with other mount points fit together.
    """

    @property
    def name(self) -> str:
        """Name of the clip, unique in the store, fit for a file name."""


AnyJob = TypeVar("AnyJob", bound=Job)


@dataclass(frozen=True)
class Problem:
    """Something of the user's data that cannot be used.

    Attributes:
        where: A path, or ``path:row``.
        what: What came and what was wanted, one clause.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what

    @classmethod
    def of(cls, error: BadFileError, default: str) -> Problem:
        """The problem that an error tells; our errors name the file first."""
        where, colon, what = str(error).partition(": ")
        return cls(where, what) if colon else cls(default, str(error))


@dataclass(frozen=True)
class PrepareSummary:
    """How preparing ended.

    Attributes:
        folder: The store.
        prepared: Clips in it.
        wanted: Clips that the data set lists.
        problems: What could not be used, in the order in which the data set lists it.
        clip_set: The store, opened; None when no clip could be prepared.
    """

    folder: Path
    prepared: int
    wanted: int
    problems: tuple[Problem, ...]
    clip_set: ClipSet | None


def prepare_store(folder: Path | str, *, name: str, classes: Sequence[str], sensor: tuple[int, int],
                  parameters: Mapping[str, Any], jobs: Sequence[AnyJob],
                  make: Callable[[Path, AnyJob], StoredClip | Problem], code: str, problems: Sequence[Problem] = (),
                  facts: Mapping[str, Mapping[str, str]] | None = None, wanted: int | None = None,
                  workers: int = 1, part: tuple[int, int] = (1, 1)) -> PrepareSummary | None:
    """Make the store, or go on where an earlier run with the same parameters was stopped.

    Clips that failed are tried again by every run, so a mended file is taken in. Few clips are in work at a time.

    Args:
        folder: Empty, new, or a store of these parameters, finished or not.
        name: Name of the data set.
        classes: Class names.
        sensor: ``(width, height)``.
        parameters: What the store is made with, as JSON can hold it; another run must have the same.
        jobs: The clips to make.
        make: Writes a clip into the store and gives it, or says why it cannot; then what it wrote is taken away. Top
            level function, or a partial of one. A ``BadFileError`` about a file outside the store becomes a problem,
            too.
        code: Which code makes it, see ``code_version``.
        problems: What was found wrong before, such as rows of a table.
        facts: Further facts of clips, by name, for the index; they may differ from an earlier run's.
        wanted: Clips that the data set lists; the number of jobs by default.
        workers: Processes; the result does not depend on it.
        part: ``(i, n)``: make only every n-th clip. The part that finishes last writes the index.

    Returns:
        What was prepared; None while other parts are missing.

    Raises:
        UsageError: the folder holds something else, or was made with other parameters.
        BadFileError: the disk is full or the place cannot be written.
        ValueError: two jobs of one name.
    """
    folder = Path(folder)
    make_clips(folder, name, parameters, jobs, make, code, workers, part)
    results = finished(folder, parameters, jobs, code)
    if results is None:
        return None
    results = [_with_facts(result, facts) if isinstance(result, StoredClip) else result for result in results]
    return finish_store(folder, name=name, classes=classes, sensor=sensor, parameters=parameters, jobs=jobs,
                        results=results, code=code, problems=problems, wanted=wanted)


def finish_store(folder: Path, *, name: str, classes: Sequence[str], sensor: tuple[int, int],
                 parameters: Mapping[str, Any], jobs: Sequence[Job], results: Sequence[StoredClip | Problem], code: str,
                 problems: Sequence[Problem] = (), wanted: int | None = None) -> PrepareSummary:
    """Write problems and index of a store whose clips are ``finished``; the second half of ``prepare_store``.

    For data sets of which label and facts of a clip follow from what was made of it.

    Args:
        folder: The store.
        name: Name of the data set.
        classes: Class names.
        sensor: ``(width, height)``.
        parameters: What the store was made with.
        jobs: All the clips.
        results: What became of each, in their order.
        code: Which code made it.
        problems: What was found wrong beside the results.
        wanted: Clips that the data set lists; the number of jobs by default.
    """
    stored = [result for result in results if isinstance(result, StoredClip)]
    found = [*problems, *(result for result in results if isinstance(result, Problem))]
    write_problems(folder, found)
    dropped = sorted(job.name for job, result in zip(jobs, results, strict=True) if isinstance(result, Problem))
    told = {**parameters, "dropped": dropped} if dropped else parameters
    if stored:
        write_store_index(folder, name, classes, sensor, told, stored, code)
    return PrepareSummary(folder, len(stored), len(jobs) if wanted is None else wanted, tuple(found),
                          open_store(folder) if stored else None)


def make_clips(folder: Path, name: str, parameters: Mapping[str, Any], jobs: Sequence[AnyJob],
               make: Callable[[Path, AnyJob], StoredClip | Problem], code: str, workers: int = 1,
               part: tuple[int, int] = (1, 1), records: str = RECORDS) -> None:
    """Make those clips of a part that have no record yet, or a record of a failure; see ``prepare_store``."""
    _check_names(name, jobs)
    _claim(folder, parameters, code)
    head = _key_head(parameters, code)
    todo = [job for job in shard(jobs, part) if not isinstance(_read_record(folder, records, job, head), StoredClip)]
    work = functools.partial(_make_one, folder, records, head, make)
    bar: Progress[None] = progress(total=len(todo), unit="clip", desc=f"prepare {name}")
    with bar:
        for _ in run_all(work, todo, workers):
            bar.update()


def finished(folder: Path, parameters: Mapping[str, Any], jobs: Sequence[AnyJob], code: str,
             records: str = RECORDS) -> list[StoredClip | Problem] | None:
    """What became of every job, in their order; None while one has no record."""
    head, results = _key_head(parameters, code), list[StoredClip | Problem]()
    for job in jobs:
        result = _read_record(folder, records, job, head)
        if result is None:
            return None
        results.append(result)
    return results


def write_problems(folder: Path, problems: Sequence[Problem]) -> None:
    """Write ``problems.csv`` with the columns where and what; without problems there is none."""
    path = folder / PROBLEMS
    if not problems:
        path.unlink(missing_ok=True)
        return
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("where", "what"), *((problem.where, problem.what) for problem in problems)])
    write_text(path, table.getvalue())


def code_version(*sources: Path) -> str:
    """The program's version, and a digest of the files (of folders: the modules in them) that make the clips."""
    import neurofer

    digest = hashlib.sha256()
    for path in _modules(sources):
        digest.update(path.read_bytes())
    return f"{neurofer.__version__}+{digest.hexdigest()[:12]}"


def _modules(sources: Sequence[Path]) -> Iterator[Path]:
    for source in sources:
        if source.is_dir():
            yield from sorted(source.glob("*.py"))
        else:
            yield source


def _make_one(folder: Path, records: str, head: str, make: Callable[[Path, AnyJob], StoredClip | Problem],
              job: AnyJob) -> None:
    """Make one clip; its record comes last and says that it is complete, or why it is not."""
    _sweep(folder, records, job)
    try:
        result = make(folder, job)
    except BadFileError as error:
        result = Problem.of(error, job.name)
        if Path(result.where).is_relative_to(folder):
            raise
    if isinstance(result, Problem):
        shutil.rmtree(folder / "events" / job.name, ignore_errors=True)
        for path in frame_paths(folder, job.name):
            path.unlink(missing_ok=True)
        said: dict[str, Any] = {"problem": {"where": result.where, "what": result.what}}
    else:
        said = _to_json(folder, result)
    write_text(_record_path(folder, records, job), json.dumps({"key": _key(head, job), **said}, indent=1) + "\n")


def _to_json(folder: Path, stored: StoredClip) -> dict[str, Any]:
    clip = stored.clip
    return {"path": clip.path.relative_to(folder).as_posix(), "start_us": clip.start_us, "stop_us": clip.stop_us,
            "subject": clip.subject, "label": clip.label, "dataset": clip.dataset,
            "box": None if clip.box is None else list(clip.box), "sensor": clip.sensor and list(clip.sensor),
            "truth": dict(clip.truth), "facts": dict(clip.facts), "events": stored.events, "digest": stored.digest}


def _read_record(folder: Path, records: str, job: Job, head: str) -> StoredClip | Problem | None:
    """What became of a job; None without a whole record, or when its events are gone."""
    try:
        record = read_json(_record_path(folder, records, job))
        if record["key"] != _key(head, job):
            return None
        if "problem" in record:
            return Problem(record["problem"]["where"], record["problem"]["what"])
        if not (folder / record["path"] / "meta.json").is_file():
            return None
        box, sensor = record["box"], record["sensor"]
        clip = Clip(job.name, folder / record["path"], record["start_us"], record["stop_us"], record["subject"],
                    record["label"], record["dataset"], box and Box(*box), sensor and (sensor[0], sensor[1]),
                    record["truth"], record["facts"])
        return StoredClip(clip, record["events"], record["digest"])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _with_facts(stored: StoredClip, facts: Mapping[str, Mapping[str, str]] | None) -> StoredClip:
    more = (facts or {}).get(stored.clip.name)
    return stored._replace(clip=replace(stored.clip, facts={**stored.clip.facts, **more})) if more else stored


def _claim(folder: Path, parameters: Mapping[str, Any], code: str) -> None:
    """Take an empty folder for these parameters, or check that it was made with the same."""
    path = folder / PLAN
    if path.exists():
        try:
            found = read_json(path)
            old = dict(found["parameters"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path}: cannot be read ({error}); choose another --out, or delete the folder") from error
        new = json.loads(json.dumps(dict(parameters)))
        differ = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
        changed = [f"{name} {old.get(name)} (now {new.get(name)})" for name in differ
                   if not isinstance(old.get(name, new.get(name)), dict | list)]
        if differ:
            raise UsageError(f"{folder}: was prepared with {', '.join(changed) or 'another ' + ', '.join(differ)}; "
                             "choose another --out, or delete the folder")
        if found.get("code_version") != code:
            raise UsageError(f"{folder}: was prepared by another version of the program ({found.get('code_version')}, "
                             f"now {code}); choose another --out, or delete the folder")
        return
    if folder.exists() and (not folder.is_dir() or any(_is_foreign(entry) for entry in folder.iterdir())):
        raise UsageError(f"{folder}: is not empty and not an unfinished store; choose another --out")
    write_text(path, json.dumps({"parameters": dict(parameters), "code_version": code}, indent=2) + "\n")


def _is_foreign(entry: Path) -> bool:
    """Whether a file is something else than what a run that was stopped at its very start leaves."""
    return not (entry.name.startswith(f".{Path(PLAN).stem}-") and ".partial" in entry.name)


def _check_names(name: str, jobs: Sequence[Job]) -> None:
    names = Counter(job.name for job in jobs)
    wrong = [f"{one!r} is given to {count} clips" for one, count in names.items() if count > 1]
    wrong += [f"{one!r} is no file name" for one in names if not re.fullmatch(r"\w[\w.+-]*", one)]
    if wrong:
        raise ValueError(f"prepare {name}: names of clips must differ and be letters, digits or _ . + -; {wrong[0]}"
                         + (f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""))


def _sweep(folder: Path, records: str, job: Job) -> None:
    """Take away what a run that was stopped while it wrote this clip left behind."""
    left = re.compile(rf"\.{re.escape(job.name)}(\.times)?-\w+\.(partial|old).*")
    for place in dict.fromkeys(("events", "truth", "frames", records)):
        for path in (folder / place).glob(".*"):
            if not left.fullmatch(path.name):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _key_head(parameters: Mapping[str, Any], code: str) -> str:
    return json.dumps([dict(parameters), code], sort_keys=True)


def _key(head: str, job: Job) -> str:
    return hashlib.sha256(f"{head}\n{job!r}".encode()).hexdigest()[:32]


def _record_path(folder: Path, records: str, job: Job) -> Path:
    return folder / records / f"{job.name}.json"
