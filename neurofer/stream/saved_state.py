"""The state of a live stream in a file: tensors and a few numbers, as safetensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from neurofer.data.boxes import FaceBox, Source
from neurofer.data.clip import Box
from neurofer.errors import BadFileError, UsageError
from neurofer.events.events import Events
from neurofer.events.recording import Window
from neurofer.files import atomic_path
from neurofer.stream.cutting import CutState
from neurofer.stream.deciding import DecidingState
from neurofer.stream.decisions import Scene
from neurofer.stream.state_checks import LATEST_US, check_place, sensor_box, whole_number
from neurofer.stream.steps import Step

FORMAT = "neurofer-stream"
VERSION = 1


class SavedState(NamedTuple):
    """Everything that a stream knows of what came before."""

    digest: str
    """Of what decides."""
    sensor: tuple[int, int] | None
    cut: CutState
    deciding: DecidingState
    box: Box | None
    """The user's."""
    look_us: int
    counts: tuple[int, int, int]
    """Windows, decisions, restarts."""


def write_state(path: Path | str, saved: SavedState) -> None:
    """Write a state under another name, then rename it.

    Raises:
        BadFileError: it cannot be written.
    """
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    deciding = saved.deciding
    for place, part in enumerate(saved.cut.parts):
        tensors |= _event_tensors(f"part{place}", part)
    kept = (*deciding.waiting, *([deciding.last] if deciding.last is not None else []))
    for place, window in enumerate(kept):
        tensors |= _event_tensors(f"window{place}", window.events)
    tensors |= {f"step.{name}": value for name, value in flat(deciding.step).items()}
    facts = {
        "format": FORMAT, "version": VERSION, "digest": saved.digest, "sensor": saved.sensor, "box": saved.box,
        "look_us": saved.look_us, "counts": saved.counts,
        "cut": [saved.cut.origin_us, saved.cut.window, saved.cut.newest_us, saved.cut.heard_us, len(saved.cut.parts)],
        "windows": [window[:2] for window in kept], "last": deciding.last is not None, "decided": deciding.decided,
        "scene": deciding.scene, "face": deciding.face, "stepped": deciding.step is not None,
    }
    tensors = {name: value.contiguous() for name, value in tensors.items()}
    text = json.dumps(facts)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, {"state": text, "sha256": _sum(text, tensors)})


def read_state(path: Path | str, digest: str, step: Step, window_us: float) -> SavedState:
    """A state that ``write_state`` has written.

    Args:
        path: The file.
        digest: Of what decides; the file must be of the same.
        step: Puts its own state together.
        window_us: Length of a window.

    Raises:
        BadFileError: no such file, a broken one, or the state of another network.
    """
    path = Path(path)
    facts, tensors = _read(path)
    if facts.get("format") != FORMAT:
        raise BadFileError(f"{path}: is no state of a stream; give a file that LiveStream.save has written")
    if facts.get("version") != VERSION:
        raise BadFileError(f"{path}: is a state of version {facts.get('version')}, this neurofer reads {VERSION}")
    if facts.get("digest") != digest:
        raise BadFileError(f"{path}: is the state of a stream under another network; open that run, or begin anew")
    try:
        return _put_together(facts, tensors, step, window_us)
    except (KeyError, IndexError, TypeError, ValueError, ArithmeticError, RuntimeError, UsageError) as error:
        raise BadFileError(f"{path}: is broken ({error}); begin anew, or take another copy") from error


def flat(state: Any, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of a nest of tuples, named by their places: ``0``, ``1.0``, ``1.1``; none of None."""
    if state is None:
        return {}
    if isinstance(state, Tensor):
        return {prefix or "0": state}
    found: dict[str, Tensor] = {}
    for place, part in enumerate(state):
        found |= flat(part, f"{prefix}.{place}" if prefix else str(place))
    return found


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            written = file.metadata() or {}
            facts = json.loads(text := written.get("state", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
            whole = "state" not in written or written.get("sha256") == _sum(text, tensors)
    except FileNotFoundError:
        raise BadFileError(f"{path}: no such file") from None
    except (SafetensorError, OSError, TypeError, ValueError, RecursionError) as error:
        raise BadFileError(f"{path}: cannot be read as a state of a stream ({error})") from error
    if not whole:
        raise BadFileError(f"{path}: is not as it was written; begin anew, or take another copy")
    return (facts if isinstance(facts, dict) else {}), tensors


def _sum(text: str, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of all that a state says."""
    sha = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        value = tensors[name]
        sha.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        sha.update(value.numpy().tobytes())
    return sha.hexdigest()


def _put_together(facts: Mapping[str, Any], tensors: Mapping[str, Tensor], step: Step,
                  window_us: float) -> SavedState:
    sensor = None
    if facts["sensor"] is not None:
        width, height = (whole_number(side, 1, 65_536, "a side of the sensor") for side in facts["sensor"])
        sensor = (width, height)
    *numbers, count = facts["cut"]
    index, newest_us, heard_us = (whole_number(number, low, LATEST_US, "a place in the stream")
                                  for number, low in zip(numbers[1:], (0, -LATEST_US, -LATEST_US), strict=True))
    origin_us = None if numbers[0] is None else whole_number(numbers[0], -LATEST_US, LATEST_US, "the first event")
    parts = tuple(_events(tensors, f"part{place}", sensor) for place in range(count))
    windows = [Window(int(start), int(stop), _events(tensors, f"window{place}", sensor))
               for place, (start, stop) in enumerate(facts["windows"])]
    cut = CutState(origin_us, index, newest_us, parts, heard_us)
    scene = None
    if facts["scene"] is not None:
        box = sensor_box(facts["scene"][0], sensor)
        scene_us = whole_number(facts["scene"][1], -LATEST_US, LATEST_US, "the scene's beginning")
        scene = Scene(box, scene_us) if box is not None else None
    check_place(sensor, window_us, cut, windows, scene.origin_us if scene is not None else None)
    last = windows.pop() if facts["last"] else None
    inner = {name.removeprefix("step."): value for name, value in tensors.items() if name.startswith("step.")}
    deciding = DecidingState(scene, _face(facts["face"], sensor), step.state_of(inner) if facts["stepped"] else None,
                             bool(facts["decided"]), last, tuple(windows))
    first, second, third = (whole_number(value, 0, LATEST_US, "a count") for value in facts["counts"])
    look_us = whole_number(facts["look_us"], -LATEST_US, LATEST_US, "the stretch to look in")
    return SavedState(facts["digest"], sensor, cut, deciding, sensor_box(facts["box"], None), look_us,
                      (first, second, third))


def _face(said: Any, sensor: tuple[int, int] | None) -> FaceBox | None:
    if said is None:
        return None
    box, source = sensor_box(said[0], sensor), said[1]
    if box is None or source not in get_args(Source):
        raise ValueError(f"a face from {source!r}")
    return FaceBox(box, source)


def _event_tensors(name: str, events: Events) -> dict[str, Tensor]:
    columns = {"t": events.t, "x": events.x.astype(np.int32), "y": events.y.astype(np.int32), "p": events.p}
    return {f"{name}.{column}": torch.from_numpy(np.ascontiguousarray(values).copy())
            for column, values in columns.items()}


def _events(tensors: Mapping[str, Tensor], name: str, sensor: tuple[int, int] | None) -> Events:
    if sensor is None:
        raise ValueError("events without a sensor")
    t, x, y, p = (tensors[f"{name}.{column}"].numpy() for column in ("t", "x", "y", "p"))
    return Events(t, x, y, p, sensor)
