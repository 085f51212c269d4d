"""A table of experiments, cell by cell: each is run once, kept as a file, and not run again.

``OUT/cells/<name>.json`` is a finished cell: its parameters, its key, its result, and a digest of all that.
``OUT/runs/<name>/<key>/`` is the folder that it works in. The key is a hash of the function, its
parameters, the data, the code and the keys of the cells that it needs.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from neurofer.errors import BadFileError, NeuroferError, name_some
from neurofer.files import read_json, write_text
from neurofer.progress import Progress, progress
from neurofer.reproduce._schedule import Failure, scheduled

_log = logging.getLogger(__name__)
FORMAT, VERSION = "neurofer-cell", 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*", re.ASCII)
_SHOWN = 10


@dataclass(frozen=True)
class Cell:
    """One experiment of a table.

    Attributes:
        name: Unique in its table; letters, digits and ``._+-``.
        function: ``"package.module.function"`` of a top-level function that takes a ``Job`` and gives a mapping that
            JSON can hold.
        parameters: Plain values; everything that the result depends on beside data and code.
        needs: Names of cells whose results and folders the function reads.
        kept: Whether its folder stays when it is done, because other cells need it.
    """

    name: str
    function: str
    parameters: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    kept: bool = False


@dataclass(frozen=True)
class Source:
    """What cells read: a store, and what its results depend on beside the parameters.

    Attributes:
        data: The store.
        digest: Of its clips.
        code: Of the code that makes results.
        cache: Where network inputs are kept.
        more: Further stores, pooled with it.
    """

    data: Path
    digest: str
    code: str
    cache: Path
    more: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Job:
    """What a cell's function gets.

    Attributes:
        cell: Name of the cell.
        parameters: Of the cell.
        source: What it reads.
        folder: Its own; new, or left by a run with the same key that was killed.
        needs: Result of each cell that it needs.
        folders: Folder of each cell that it needs.
    """

    cell: str
    parameters: Mapping[str, Any]
    source: Source
    folder: Path
    needs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a run of cells left.

    Attributes:
        records: Finished cells by name, in the table's order: what their files hold.
        failed: Message of each cell that failed now, by name.
        missing: Cells that are not finished, failed ones included.
        ran: How many were run now.
    """

    records: dict[str, dict[str, Any]]
    failed: dict[str, str]
    missing: tuple[str, ...]
    ran: int


def run_cells(
    cells: Sequence[Cell], out: Path, source: Source, *, workers: int = 1, resume: bool = False,
    part: tuple[int, int] = (1, 1), keep_models: bool = False, before: Callable[[], None] = lambda: None,
    said: Callable[[Mapping[str, Any]], str] = lambda record: "done",
) -> Outcome:
    """Run the cells that are not finished, several at a time, and give all results.

    A cell that fails does not stop the others, only those that need it. A finished cell is not run again, unless the
    code is another now. A killed run leaves whole files only; cells whose training was under way go on where their
    last checkpoint is.

    Args:
        cells: The table, cells after those that they need.
        out: Folder of the table.
        source: What they read.
        workers: Processes.
        resume: Go on with the table in ``out``.
        part: ``(i, n)``: run only every n-th group of cells that need each other.
        keep_models: Leave the folders of all cells, not only of those that others need.
        before: Called once if there is anything to run.
        said: A few words about a finished cell's record, to show while others run.

    Raises:
        NeuroferError: ``out`` holds results and ``resume`` is not given, or results of other settings or data.
        ValueError: two cells of one name, or a cell before one that it needs.
    """
    keys = _keys(cells, source)
    state = _State(out, {cell.name: cell for cell in cells}, keys)
    records = _finished(state, source, resume)
    mine = in_part(cells, part)
    todo = _unfinished(mine, records, state)
    failed: dict[str, str] = {}
    if todo:
        before()
    bar: Progress[None] = progress(total=len(mine), unit="cell", desc=out.name)
    with bar:
        bar.update(len(mine) - len(todo))
        for name, result in _results(todo, records, state, source, workers, keep_models):
            if isinstance(result, Failure):
                failed[name] = result.message
                bar.note(f"{name}: failed")
            else:
                records[name] = result
                bar.note(f"{name}: {said(result)}")
            bar.update()
    ordered = {cell.name: records[cell.name] for cell in cells if cell.name in records and cell.name not in failed}
    return Outcome(ordered, failed, tuple(cell.name for cell in cells if cell.name not in ordered), len(todo))


def read_cells(cells: Sequence[Cell], out: Path, source: Source) -> Outcome:
    """The results that are there, of the same settings and data and of whatever code; nothing is run.

    Raises:
        NeuroferError: ``out`` holds results of other settings or data, or none at all.
    """
    state = _State(out, {cell.name: cell for cell in cells}, _keys(cells, source))
    records = _finished(state, source, resume=True, any_code=True)
    if not records:
        raise NeuroferError(f"{out}: holds no finished cell; run the same command without --render first")
    return Outcome(records, {}, tuple(cell.name for cell in cells if cell.name not in records), 0)


def in_part(cells: Sequence[Cell], part: tuple[int, int]) -> list[Cell]:
    """The cells of part ``i`` of ``n``; cells that need each other are in one part, and parts are about equally many.

    Raises:
        ValueError: a cell before one that it needs, or two of one name.
    """
    index, of = part
    group: dict[str, str] = {}
    for cell in cells:
        if cell.name in group:
            raise ValueError(f"cells: {cell.name} is there twice")
        absent = [name for name in cell.needs if name not in group]
        if absent:
            raise ValueError(f"cells: {cell.name} needs {', '.join(absent)}, which must come before it")
        joined = {group[name] for name in cell.needs}
        first = min(joined, default=cell.name)
        group[cell.name] = first
        for name, of_name in group.items():
            if of_name in joined:
                group[name] = first
    members: dict[str, list[str]] = {}
    for cell in cells:
        members.setdefault(group[cell.name], []).append(cell.name)
    load, place = [0] * of, dict[str, int]()
    for first in sorted(members, key=lambda first: -len(members[first])):
        place[first] = min(range(of), key=lambda number: (load[number], number))
        load[place[first]] += len(members[first])
    return [cell for cell in cells if place[group[cell.name]] == index - 1]


@dataclass(frozen=True)
class _State:
    out: Path
    cells: Mapping[str, Cell]
    keys: Mapping[str, str]

    def file(self, name: str) -> Path:
        return self.out / "cells" / f"{name}.json"

    def folder(self, name: str, key: str) -> Path:
        return self.out / "runs" / name / key[:12]


@dataclass(frozen=True)
class _Task:
    """One cell on its way to another process."""

    cell: Cell
    key: str
    job: Job
    file: Path
    keep: bool
    keys_of_needs: Mapping[str, str]


def _keys(cells: Sequence[Cell], source: Source) -> dict[str, str]:
    """Key of each cell: everything that its result depends on."""
    keys: dict[str, str] = {}
    for cell in cells:
        if not _NAME.fullmatch(cell.name):
            raise ValueError(f"cells: {cell.name!r} cannot name a file; use letters, digits and ._+-")
        said = json.dumps([cell.function, dict(cell.parameters), source.digest, source.code,
                           {name: keys[name] for name in cell.needs}], sort_keys=True)
        keys[cell.name] = hashlib.sha256(said.encode()).hexdigest()
    return keys


def _finished(state: _State, source: Source, resume: bool, any_code: bool = False) -> dict[str, dict[str, Any]]:
    """Records of the finished cells that count; refuses those of other settings or data."""
    records: dict[str, dict[str, Any]] = {}
    changed: list[str] = []
    other_code: list[str] = []
    there = sorted((state.out / "cells").glob("*.json")) if (state.out / "cells").is_dir() else []
    if there and not resume:
        raise NeuroferError(f"{state.out}: holds {len(there)} finished cell(s); go on with --resume, or name another "
                            "folder")
    for name, cell in state.cells.items():
        record = _read(state.file(name))
        if record is None:
            continue
        same = (record["function"] == cell.function and record["data"] == source.digest
                and record["parameters"] == json.loads(json.dumps(dict(cell.parameters))))
        if not same:
            changed.append(name)
        elif any_code or record["key"] == state.keys[name]:
            records[name] = record
        else:
            other_code.append(name)
    if changed:
        raise NeuroferError(f"{state.out}: {len(changed)} finished cell(s) have other settings or data "
                            f"({name_some(changed, _SHOWN)}); name another folder, or delete {state.out / 'cells'} to "
                            "begin anew")
    if other_code:
        _log.warning("%s: %d finished cell(s) were made by other code and are run again (%s)", state.out,
                     len(other_code), name_some(other_code, _SHOWN))
    return records


def _read(path: Path) -> dict[str, Any] | None:
    """What a cell's file holds; None if it is absent or not whole, so that the cell is run again."""
    if not path.exists():
        return None
    try:
        record = read_json(path)
    except (OSError, ValueError):
        record = None
    wanted = {"key": str, "function": str, "parameters": dict, "data": str, "result": dict}
    if (not isinstance(record, dict) or record.get("format") != FORMAT or record.get("version") != VERSION
            or not all(isinstance(record.get(name), kind) for name, kind in wanted.items())):
        _log.warning("%s: is not a finished cell; it counts as not run yet", path)
        return None
    if record.get("digest", _digest(record)) != _digest(record):
        _log.warning("%s: was altered after it was written (its digest is another), so it does not count", path)
        return None
    return record


def _digest(record: Mapping[str, Any]) -> str:
    """SHA-256 of all that a cell's file says beside it."""
    said = {name: value for name, value in record.items() if name != "digest"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _unfinished(mine: Sequence[Cell], records: dict[str, dict[str, Any]], state: _State) -> list[Cell]:
    """Cells to run: those without a result, and those they need whose folder is gone."""
    wanted = {cell.name for cell in mine if cell.name not in records}
    for cell in reversed(mine):
        if cell.name in wanted:
            wanted |= {name for name in cell.needs if name not in records or not
                       (state.folder(name, records[name]["key"]).is_dir() or not state.cells[name].kept)}
    return [cell for cell in mine if cell.name in wanted]


def _results(todo: Sequence[Cell], records: dict[str, dict[str, Any]], state: _State, source: Source, workers: int,
             keep_models: bool) -> Iterator[tuple[str, dict[str, Any] | Failure]]:
    def task(cell: Cell) -> _Task:
        key = state.keys[cell.name]
        job = Job(cell.name, cell.parameters, source, state.folder(cell.name, key),
                  {name: records[name]["result"] for name in cell.needs},
                  {name: state.folder(name, state.keys[name]) for name in cell.needs})
        return _Task(cell, key, job, state.file(cell.name), cell.kept or keep_models,
                     {name: state.keys[name] for name in cell.needs})

    waiting = {cell.name: cell.needs for cell in todo}
    yield from scheduled(waiting, lambda name: task(state.cells[name]), run_cell, workers)


def run_cell(task: _Task) -> dict[str, Any]:
    """Run one cell in this process, write its file, and give what it holds."""
    cell, folder = task.cell, task.job.folder
    _drop_others(folder)
    started = time.perf_counter()
    shown = os.environ.get("NEUROFER_PROGRESS")
    os.environ["NEUROFER_PROGRESS"] = "0"
    try:
        module, _, name = cell.function.rpartition(".")
        result = getattr(import_module(module), name)(task.job)
    finally:
        if shown is None:
            del os.environ["NEUROFER_PROGRESS"]
        else:
            os.environ["NEUROFER_PROGRESS"] = shown
    record = {"format": FORMAT, "version": VERSION, "name": cell.name, "key": task.key, "function": cell.function,
              "parameters": dict(cell.parameters), "needs": dict(task.keys_of_needs), "data": task.job.source.digest,
              "code": task.job.source.code, "seconds": time.perf_counter() - started, "result": result}
    written: dict[str, Any] = json.loads(json.dumps(record))
    written["digest"] = _digest(written)
    write_text(task.file, json.dumps(written, indent=1) + "\n")
    if not task.keep:
        shutil.rmtree(folder.parent, ignore_errors=True)
    return written


def _drop_others(folder: Path) -> None:
    """Make a cell's folder's home, and remove what a run with another key left there."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for other in folder.parent.iterdir():
            if other.name != folder.name:
                shutil.rmtree(other)
    except OSError as error:
        raise BadFileError(f"{folder.parent}: cannot be written ({error.strerror or error}); "
                           "choose another place") from error

