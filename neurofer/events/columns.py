"""The store of one recording: a folder of memory-mapped columns, decoded once and read at memory speed.

``t.npy`` (int64), ``x.npy``, ``y.npy`` (uint16), ``p.npy`` (bool), ``index.npy`` (int64: the first event at or after
``start_us + k * index_step_us``) and ``meta.json`` (sensor, counts, a digest of each column).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError
from neurofer.events.clean import CleanState, clean
from neurofer.events.events import Events
from neurofer.events.npy import BROKEN, NpyWriter, map_npy
from neurofer.events.recording import Glance, IngestReport, Recording, Window
from neurofer.files import atomic_folder, read_json

FORMAT = "neurofer-columns"
VERSION = 1
INDEX_STEP_US = 10_000
INDEX_LIMIT = 1 << 21
"""Most entries of the time index; a longer recording gets a wider step (10 ms reach for 5.8 hours)."""
PIECE_EVENTS = 1 << 20

COLUMNS: dict[str, np.dtype[Any]] = {
    "t": np.dtype("<i8"), "x": np.dtype("<u2"), "y": np.dtype("<u2"), "p": np.dtype(bool)
}


@dataclass(frozen=True)
class ColumnsInfo:
    """What ``meta.json`` of a folder of columns says.

    Attributes:
        sensor: ``(width, height)``.
        events: Number of events.
        on_events: How many of them are ON.
        start_us: Time of the first event; 0 without events.
        end_us: Time of the last event; 0 without events.
        index_step_us: Time between entries of the index.
        columns: SHA-256 of the elements of each column.
        digest: SHA-256 of sensor and columns; the same events have the same digest.
        meta: What the writer added, such as the source.
    """

    sensor: tuple[int, int]
    events: int
    on_events: int
    start_us: int
    end_us: int
    index_step_us: int
    columns: dict[str, str]
    digest: str
    meta: dict[str, Any]


def write_columns(
    folder: Path | str, windows_or_events: Events | Iterable[Events | Window], sensor: tuple[int, int], *,
    meta: dict[str, Any] | None = None,
) -> ColumnsInfo:
    """Write one recording as a folder of columns, in one step and in constant memory.

    Args:
        folder: Becomes the store; an earlier one is replaced when the new one is whole.
        windows_or_events: The events, or consecutive pieces of them in time order.
        sensor: ``(width, height)``.
        meta: Kept in ``meta.json``; must be JSON.

    Raises:
        ValueError: a piece has another sensor, or starts before the one before it ends.
        BadFileError: the disk is full, the place cannot be written, or something else is there.
    """
    folder = Path(folder)
    if folder.exists() and not is_columns_folder(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise BadFileError(f"{folder}: exists and is no folder of columns; nothing was changed there, "
                           "choose another place")
    pieces = [windows_or_events] if isinstance(windows_or_events, Events) else windows_or_events
    with atomic_folder(folder) as temporary:
        with contextlib.ExitStack() as stack:
            writers = {name: stack.enter_context(NpyWriter(temporary / f"{name}.npy", dtype))
                       for name, dtype in COLUMNS.items()}
            index = _Index()
            start, end, on = 0, None, 0
            for piece in pieces:
                events = piece.events if isinstance(piece, Window) else piece
                if tuple(events.sensor) != tuple(sensor):
                    raise ValueError(f"write_columns: a piece has sensor {events.sensor}, the store {tuple(sensor)}")
                if not len(events):
                    continue
                if end is None:
                    start = events.start_us
                elif events.start_us < end:
                    raise ValueError(f"write_columns: a piece starts at {events.start_us} us, before the one before it "
                                     f"ends ({end} us)")
                index.add(events.t, start, writers["t"].length)
                for name, writer in writers.items():
                    writer.write(getattr(events, name))
                end, on = events.end_us, on + int(np.count_nonzero(events.p))
        np.save(temporary / "index.npy", index.entries())
        digests = {name: writer.digest() for name, writer in writers.items()}
        info = ColumnsInfo(
            sensor=(int(sensor[0]), int(sensor[1])), events=writers["t"].length, on_events=on, start_us=start,
            end_us=end or 0, index_step_us=index.step_us, columns=digests, digest=_digest_of(sensor, digests),
            meta=meta or {},
        )
        text = json.dumps({"format": FORMAT, "version": VERSION, **info.__dict__}, indent=2, ensure_ascii=False)
        (temporary / "meta.json").write_text(text + "\n", encoding="utf-8")
    return info


def is_columns_folder(path: Path | str) -> bool:
    """Whether a path is a folder with a ``meta.json``."""
    path = Path(path)
    return path.is_dir() and (path / "meta.json").is_file()


class ColumnsRecording(Recording):
    """A folder of columns as a recording; nothing is read until it is asked for, and slices are not copied."""

    format = "store"

    def __init__(self, folder: Path | str, *, verify: bool = False) -> None:
        """Map the columns.

        Args:
            folder: What ``write_columns`` wrote.
            verify: Read everything once and compare it with the digests; otherwise only lengths and types are checked.

        Raises:
            BadFileError: a file is missing, cut or (with ``verify``) altered.
        """
        self.path: Path = Path(folder)
        self.info = _read_info(self.path)
        self.sensor = self.info.sensor
        self._columns = {name: _mapped(self.path / f"{name}.npy", dtype, self.info.events)
                         for name, dtype in COLUMNS.items()}
        entries = 1 + (self.info.end_us - self.info.start_us) // self.info.index_step_us if self.info.events else 0
        self._index = _mapped(self.path / "index.npy", np.dtype("<i8"), entries)
        self._all: Events | None = Events.trusted(
            self._columns["t"], self._columns["x"], self._columns["y"], self._columns["p"], self.sensor
        )
        if verify:
            self.verify()

    def verify(self) -> None:
        """Compare every column with its digest.

        Raises:
            BadFileError: a column was altered; the message names it.
        """
        for name, column in self._columns.items():
            digest = hashlib.sha256()
            for start in range(0, len(column), PIECE_EVENTS):
                digest.update(np.ascontiguousarray(column[start : start + PIECE_EVENTS]).data.cast("B"))
            if digest.hexdigest() != self.info.columns[name]:
                raise BadFileError(f"{self.path / name}.npy: was altered (its digest is not the one in meta.json); "
                                   "make the store again")
        if _digest_of(self.sensor, self.info.columns) != self.info.digest:
            raise BadFileError(f"{self.path / 'meta.json'}: was altered (its digests do not fit each other); "
                               "make the store again")
        state = CleanState()
        for piece in self.pieces():
            state = clean((piece.t, piece.x, piece.y, piece.p), state, self.sensor, "strict", True, self.path).state
        if self.info.events and (self.start_us, self.end_us) != (int(self._events.t[0]), int(self._events.t[-1])):
            raise BadFileError(f"{self.path / 'meta.json'}: was altered (its times are not those of the columns); "
                               "make the store again")

    @property
    def _events(self) -> Events:
        if self._all is None:
            raise ValueError(f"{self.path}: the recording is closed")
        return self._all

    @property
    def start_us(self) -> int:
        return self.info.start_us

    @property
    def end_us(self) -> int:
        return self.info.end_us

    @property
    def blocks(self) -> int:
        """Number of pieces that ``pieces`` gives."""
        return -(-self.info.events // PIECE_EVENTS)

    def between(self, start_us: int, stop_us: int) -> Events:
        return self._events[self._place(start_us) : max(self._place(start_us), self._place(stop_us))]

    def pieces(self) -> Iterator[Events]:
        for start in range(0, self.info.events, PIECE_EVENTS):
            yield self._events[start : start + PIECE_EVENTS]

    def report(self) -> IngestReport:
        return IngestReport(events=self.info.events, on_events=self.info.on_events)

    def glance(self) -> Glance:
        return Glance(self._events, self.report(), (self.start_us, self.end_us))

    def close(self) -> None:
        self._all = None

    def _place(self, time_us: int) -> int:
        """Number of events before a time: the index says between which two entries, the times there say where."""
        if time_us <= self.start_us or not self.info.events:
            return 0
        if time_us > self.end_us:
            return self.info.events
        entry = (time_us - self.start_us) // self.info.index_step_us
        low = int(self._index[entry])
        high = int(self._index[entry + 1]) if entry + 1 < len(self._index) else self.info.events
        return low + int(np.searchsorted(self._events.t[low:high], time_us))


class _Index:
    """First event of each time step, in bounded memory: when it grows too long, every other entry goes."""

    def __init__(self) -> None:
        self.step_us = INDEX_STEP_US
        self._parts: list[NDArray[np.int64]] = []
        self._length = 0

    def add(self, t: NDArray[np.int64], start: int, before: int) -> None:
        """Take in the times of a piece with ``before`` events in front of it."""
        last = int(t[-1])
        while (last - start) // self.step_us >= INDEX_LIMIT:
            entries = self.entries()[::2].copy()
            self._parts, self._length = [entries], len(entries)
            self.step_us *= 2
        stop = (last - start) // self.step_us + 1
        if stop > self._length:
            edges = start + np.arange(self._length, stop, dtype=np.int64) * self.step_us
            self._parts.append(before + np.searchsorted(t, edges).astype(np.int64))
            self._length = stop

    def entries(self) -> NDArray[np.int64]:
        return np.concatenate([np.zeros(0, np.int64), *self._parts])


def _digest_of(sensor: tuple[int, int], columns: dict[str, str]) -> str:
    text = json.dumps([list(map(int, sensor)), sorted(columns.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def _read_info(folder: Path) -> ColumnsInfo:
    path = folder / "meta.json"
    try:
        said = read_json(path)
    except FileNotFoundError as error:
        raise BadFileError(f"{folder}: is no folder of columns (it has no meta.json)") from error
    except (OSError, ValueError) as error:
        raise BadFileError(f"{path}: is not readable JSON ({error}); make the store again") from error
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise BadFileError(f"{path}: is not of a folder of columns (format is not {FORMAT!r})")
    if said.get("version") != VERSION:
        raise BadFileError(f"{path}: is version {said.get('version')} of the store; this neurofer reads "
                           f"version {VERSION}")
    try:
        width, height = (int(side) for side in said["sensor"])
        numbers = {name: int(said[name]) for name in ("events", "on_events", "start_us", "end_us", "index_step_us")}
        columns = {name: str(said["columns"][name]) for name in COLUMNS}
        info = ColumnsInfo(sensor=(width, height), columns=columns, digest=str(said["digest"]),
                           meta=dict(said["meta"]), **numbers)
    except (KeyError, TypeError, ValueError) as error:
        raise BadFileError(f"{path}: lacks or garbles {error}; make the store again") from error
    if min(width, height, info.index_step_us) < 1 or info.events < 0 or info.end_us < info.start_us:
        raise BadFileError(f"{path}: holds impossible numbers; make the store again")
    return info


def _mapped(path: Path, dtype: np.dtype[Any], length: int) -> NDArray[Any]:
    try:
        column = map_npy(path)
    except FileNotFoundError as error:
        raise BadFileError(f"{path}: is missing; make the store again") from error
    except BROKEN as error:
        why = str(error).partition("\n")[0][:120]
        raise BadFileError(f"{path}: is cut or altered ({why}); make the store again") from error
    if column.dtype != dtype or column.shape != (length,):
        raise BadFileError(f"{path}: holds {column.dtype} of shape {column.shape}, meta.json wants {dtype} of "
                           f"shape {(length,)}; make the store again")
    return np.asarray(column)
