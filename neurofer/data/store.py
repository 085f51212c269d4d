"""A store: clips of one data set as event columns, an index of them, and ground truth, in one folder.

``store.json`` says what is inside, ``clips.csv`` has one row a clip (columns beyond the fixed ones are its facts),
``events/<clip>/`` the columns of one recording, ``truth/<clip>.npy`` what is known of each frame, ``frames/<clip>.npy``
grey frames, ``records/<clip>.json`` what became of each clip, ``problems.csv`` what could not be prepared. The index is
written last, so a folder without it is unfinished.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.errors import BadFileError
from neurofer.files import read_json, write_text

FORMAT = "neurofer-store"
VERSION = 1
INDEX, CLIPS = "store.json", "clips.csv"
TRUTH_TIMES = ("onset_us", "apex_us", "offset_us")
COLUMNS = ("name", "subject", "label", "path", "start_us", "stop_us", *TRUTH_TIMES,
           "box_left", "box_top", "box_width", "box_height", "events", "digest")
_SHOWN_PROBLEMS = 20


class StoredClip(NamedTuple):
    """A clip with what its events are: their number, and a digest of their columns."""

    clip: Clip
    events: int
    digest: str


@dataclass(frozen=True)
class StoreIndex:
    """What ``store.json`` says.

    Attributes:
        name: Name of the data set.
        classes: Class names, in order.
        sensor: ``(width, height)``.
        parameters: What the store was made with.
        digest: SHA-256 over classes, parameters, clips and their events.
        code_version: Which code made it.
    """

    name: str
    classes: tuple[str, ...]
    sensor: tuple[int, int]
    parameters: Mapping[str, Any]
    digest: str
    code_version: str


def write_store_index(folder: Path | str, name: str, classes: Sequence[str], sensor: tuple[int, int],
                      parameters: Mapping[str, Any], clips: Sequence[StoredClip], code_version: str) -> StoreIndex:
    """Write ``clips.csv`` and ``store.json`` of a folder whose recordings are complete; the latter last.

    A file that says the same already is left as it is.

    Args:
        folder: The store; recordings lie inside it.
        name: Name of the data set.
        classes: Class names; a label's place here is its number.
        sensor: ``(width, height)``.
        parameters: What the store was made with, as JSON can hold it.
        clips: The clips, in any order.
        code_version: Which code made it.

    Raises:
        ValueError: a recording outside the store.
        BadFileError: the place cannot be written.
    """
    folder = Path(folder)
    rows = [_row(folder, stored) for stored in sorted(clips, key=lambda stored: stored.clip.name)]
    facts = sorted({name for stored in clips for name in stored.clip.facts})
    table = io.StringIO()
    writer = csv.DictWriter(table, (*COLUMNS, *facts), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    text = table.getvalue()
    index = StoreIndex(name, tuple(classes), sensor, dict(parameters),
                       _digest(name, classes, sensor, parameters, text), code_version)
    head = json.dumps({
        "format": FORMAT, "version": VERSION, "name": name, "classes": list(classes), "sensor": list(sensor),
        "parameters": index.parameters, "digest": index.digest, "code_version": code_version,
    }, indent=2) + "\n"
    for path, content in ((folder / CLIPS, text), (folder / INDEX, head)):
        if not path.is_file() or path.read_bytes() != content.encode():
            write_text(path, content)
    return index


def read_store_index(folder: Path | str) -> StoreIndex:
    """What ``store.json`` of a folder says.

    Raises:
        BadFileError: there is none, or it is not a store of this version.
    """
    path = Path(folder) / INDEX
    try:
        content = read_json(path)
    except FileNotFoundError as error:
        raise BadFileError(_why_no_index(Path(folder))) from error
    except (OSError, ValueError) as error:
        raise BadFileError(f"{path}: cannot be read ({error}); prepare the store again") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise BadFileError(f"{path}: is not the index of a store (format is not {FORMAT!r})")
    if content.get("version") != VERSION:
        raise BadFileError(f"{path}: is a store of version {content.get('version')}, but this program reads version "
                           f"{VERSION}; prepare it again")
    problems = _index_problems(content)
    if problems:
        raise BadFileError(_together(path, problems))
    width, height = content["sensor"]
    return StoreIndex(content["name"], tuple(content["classes"]), (width, height), content["parameters"],
                      content["digest"], content.get("code_version", ""))


def open_store(folder: Path | str) -> ClipSet:
    """The clips of a store, checked: every recording is there and holds as many events as the index says.

    Args:
        folder: A folder that ``neurofer prepare`` wrote.

    Raises:
        BadFileError: no store, an unfinished one, or one with wrong rows or missing recordings; all problems together.
    """
    folder = Path(folder)
    index = read_store_index(folder)
    try:
        text = (folder / CLIPS).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise BadFileError(f"{folder / CLIPS}: cannot be read ({error}); prepare the store again") from error
    reader = csv.DictReader(io.StringIO(text))
    absent = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if absent:
        raise BadFileError(f"{folder / CLIPS}: lacks the columns {', '.join(absent)}; prepare the store again")
    problems: list[str] = []
    clips: list[Clip] = []
    for line, row in enumerate(reader, start=2):
        clip, wrong = _clip(folder, index, row)
        problems += [f"{CLIPS} line {line}: {problem}" for problem in wrong]
        if clip is not None:
            clips.append(clip)
    names = [clip.name for clip in clips]
    problems += [f"{CLIPS}: clip {name} is there {names.count(name)} times"
                 for name in sorted({name for name in names if names.count(name) > 1})]
    if not clips and not problems:
        problems.append(f"{CLIPS}: holds no clip")
    if not problems and _digest(index.name, index.classes, index.sensor, index.parameters, text) != index.digest:
        problems.append(f"{CLIPS}: was changed after the store was made (its digest differs from {INDEX})")
    if problems:
        raise BadFileError(_together(folder, problems))
    return ClipSet(index.name, index.classes, tuple(sorted(clips, key=lambda clip: clip.name)), index.digest)


def _row(folder: Path, stored: StoredClip) -> dict[str, Any]:
    clip = stored.clip
    try:
        path = clip.path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError as error:
        raise ValueError(f"write_store_index: {clip.path} of clip {clip.name} is not inside {folder}") from error
    box = clip.box or ("", "", "", "")
    times = {name: clip.truth.get(name, "") for name in TRUTH_TIMES}
    return {"name": clip.name, "subject": clip.subject, "label": clip.label, "path": path, "start_us": clip.start_us,
            "stop_us": clip.stop_us, **times, "box_left": box[0], "box_top": box[1], "box_width": box[2],
            "box_height": box[3], "events": stored.events, "digest": stored.digest, **clip.facts}


def _clip(folder: Path, index: StoreIndex, row: dict[str, str]) -> tuple[Clip | None, list[str]]:
    """The clip of a row, or None, and what is wrong with the row."""
    numbers: dict[str, int] = {}
    problems = []
    for name in COLUMNS[4:-1]:
        text = row[name]
        may_lack = name in TRUTH_TIMES or name.startswith("box_")
        try:
            if text or not may_lack:
                numbers[name] = int(text)
        except (TypeError, ValueError):
            problems.append(f"{name} is {text!r}, not a whole number")
    boxes = [name for name in COLUMNS if name.startswith("box_") and name in numbers]
    if len(boxes) not in (0, 4):
        problems.append("has only a part of its box")
    for name in ("name", "subject", "label", "path"):
        if not row[name]:
            problems.append(f"{name} is empty")
    if problems:
        return None, problems
    if row["label"] not in index.classes:
        problems.append(f"label {row['label']!r} is not among {', '.join(index.classes)}")
    if numbers["start_us"] >= numbers["stop_us"]:
        problems.append(f"ends ({numbers['stop_us']} us) before it starts ({numbers['start_us']} us)")
    problems += _recording_problems(folder, row["path"], numbers["events"], row["digest"])
    box = Box(*(numbers[name] for name in boxes)) if boxes else None
    truth = {name: numbers[name] for name in TRUTH_TIMES if name in numbers}
    facts = {name: text for name, text in row.items() if name and name not in COLUMNS and text}
    return Clip(row["name"], folder / row["path"], numbers["start_us"], numbers["stop_us"], row["subject"],
                row["label"], index.name, box, index.sensor, truth, facts), problems


def _recording_problems(folder: Path, relative: str, events: int, digest: str) -> list[str]:
    place = PurePosixPath(relative)
    if place.is_absolute() or ".." in place.parts or not (folder / place).resolve().is_relative_to(folder.resolve()):
        return [f"path {relative!r} leads out of the store"]
    recording = folder / place
    if not recording.exists():
        return [f"recording {relative} is missing"]
    if not recording.is_dir():
        return []
    try:
        meta = read_json(recording / "meta.json")
        said, said_digest = meta["events"], meta["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        return [f"recording {relative} is incomplete (no usable meta.json)"]
    absent = [f"{name}.npy" for name in ("t", "x", "y", "p") if not (recording / f"{name}.npy").is_file()]
    if absent:
        return [f"recording {relative} lacks {', '.join(absent)}"]
    if said != events:
        return [f"recording {relative} has {said} events, the index says {events}"]
    return [] if said_digest == digest else [f"recording {relative} is not the one the index was made for"]


def _index_problems(content: dict[str, Any]) -> list[str]:
    wanted = {"name": str, "classes": list, "sensor": list, "parameters": dict, "digest": str}
    problems = [f"{INDEX}: {key} is missing or not a {kind.__name__}" for key, kind in wanted.items()
                if not isinstance(content.get(key), kind)]
    if problems:
        return problems
    if len(content["sensor"]) != 2 or not all(isinstance(size, int) and size > 0 for size in content["sensor"]):
        problems.append(f"{INDEX}: sensor is {content['sensor']}, not [width, height]")
    classes = content["classes"]
    if not classes or len(set(map(str, classes))) != len(classes) or not all(isinstance(one, str) for one in classes):
        problems.append(f"{INDEX}: classes must be different names, got {classes}")
    return problems


def _why_no_index(folder: Path) -> str:
    if not folder.exists():
        return f"{folder}: no such store; make one with 'neurofer prepare synthetic --out {folder}'"
    if (folder / "events").is_dir():
        return f"{folder}: the store is unfinished (no {INDEX}); run the same 'neurofer prepare' again to finish it"
    return f"{folder}: is not a store (no {INDEX})"


def _together(where: Path, problems: list[str]) -> str:
    shown = problems[:_SHOWN_PROBLEMS]
    if len(problems) > len(shown):
        shown.append(f"and {len(problems) - len(shown)} more")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return f"{where}: {count}\n" + "\n".join(f"  {problem}" for problem in shown)


def _digest(name: str, classes: Sequence[str], sensor: tuple[int, int], parameters: Mapping[str, Any],
            clips: str) -> str:
    head = json.dumps([name, list(classes), list(sensor), dict(parameters)], sort_keys=True)
    return hashlib.sha256(f"{head}\n{clips}".encode()).hexdigest()
