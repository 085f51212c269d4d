"""Events in HDF5: DSEC, Metavision (also ECF), and other files whose data sets name the columns."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, missing_extra
from neurofer.events.formats.ecf import decode_chunk
from neurofer.events.formats.naming import column_of, event_columns, unit_of
from neurofer.events.source import RawBlock, Source, TableSource, checked_geometry

ECF_FILTER = 0x8ECF
CHUNK_EVENTS = 1 << 22
"""Most events in one ECF chunk that are believed (the usual number is 2^14)."""
CHUNK_BYTES = 1 << 28
PACKING = 5_000
"""A file that declares more bytes of events than this times what it stores is broken."""
BROKEN = (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError, MemoryError)
"""What h5py raises on a damaged file."""

Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


class Hdf5Source(TableSource):
    """Columns as four data sets, as fields of one, or as four columns of one."""

    def __init__(self, path: Path, file: Any, format: str, pick: Callable[[int, int], Columns], rows: int) -> None:  # noqa: A002
        super().__init__(path)
        self.format = format
        self._file, self._pick, self.rows = file, pick, rows
        self.sensor = _geometry(path, file)
        self.hint = "DSEC cameras are 640x480" if format == "hdf5 dsec" else "no attribute of the file says it"
        self.triggers = _triggers(file)
        self.blocks = self.count_blocks()

    def columns(self, start: int, stop: int) -> Columns:
        try:
            return self._pick(start, stop)
        except BROKEN as error:
            raise _unreadable(self.path, error) from error

    def close(self) -> None:
        self._file.close()


class EcfSource(Source):
    """Chunks of ``CD/events`` in Prophesee's ECF codec; a position is a chunk's number."""

    format = "hdf5 ecf"
    hint = "no attribute of the file says it"

    def __init__(self, path: Path, file: Any, events: Any) -> None:
        super().__init__(path)
        self._file, self._events = file, events
        self.sensor = _geometry(path, file)
        self.triggers = _triggers(file)
        self._rows, self._chunk = int(events.shape[0]), int(events.chunks[0])
        if not 0 < self._chunk <= CHUNK_EVENTS:
            raise BadFileError(f"{path}: declares ECF chunks of {self._chunk} events; need 1..{CHUNK_EVENTS}")
        self.blocks = -(-self._rows // self._chunk)

    def read(self, position: int) -> RawBlock:
        first = position * self._chunk
        wanted = min(self._chunk, self._rows - first)
        following = position + 1 if position + 1 < (self.blocks or 0) else None
        try:
            skipped, data = self._events.id.read_direct_chunk((first,))
            if skipped:
                raise ValueError("the chunk is stored without its filter")
            t, x, y, p = decode_chunk(data, self._chunk)
            if len(t) < wanted:
                raise ValueError(f"an ECF chunk of {len(t)} events where {wanted} are declared")
        except BROKEN as error:
            sentence = f"events {first}..{first + wanted - 1} cannot be decoded ({_reason(error)})"
            if not self.lenient:
                raise BadFileError(f"{self.path}: {sentence}") from error
            return RawBlock(np.empty(0, np.int64), np.empty(0, np.uint16), np.empty(0, np.uint16),
                            np.empty(0, np.bool_), following, lost=wanted, note=sentence)
        return RawBlock(t[:wanted], x[:wanted], y[:wanted], p[:wanted], following)

    def close(self) -> None:
        self._file.close()


def open_hdf5(path: Path) -> Source:
    """An HDF5 file, by the names of its data sets.

    Raises:
        BadFileError: not an HDF5 file, or no events in it.
    """
    import h5py

    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401  makes blosc and zstd known
    try:
        file = h5py.File(path, "r")
    except BROKEN as error:
        raise BadFileError(f"{path}: is not a readable HDF5 file ({_reason(error)})") from error
    try:
        return _choose(path, file, h5py)
    except BROKEN as error:
        file.close()
        raise _unreadable(path, error) from error
    except BadFileError:
        file.close()
        raise


def _choose(path: Path, file: Any, h5py: Any) -> Source:
    tables: list[Any] = []
    groups: dict[str, dict[str, Any]] = {}

    def look(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset):
            return
        if (item.dtype.names and event_columns(item.dtype.names)) or (item.ndim == 2 and item.shape[1] == 4):
            tables.append(item)
        elif item.ndim == 1 and (letter := column_of(name.rpartition("/")[2])):
            groups.setdefault(name.rpartition("/")[0], {}).setdefault(letter, item)

    file.visititems(look)
    if "CD/events" in file:
        events = file["CD/events"]
        filters = events.id.get_create_plist()
        if any(filters.get_filter(k)[0] == ECF_FILTER for k in range(filters.get_nfilters())):
            if filters.get_nfilters() != 1 or not event_columns(events.dtype.names or ()):
                raise BadFileError(f"{path}: CD/events has ECF among other filters, or other fields than x, y, p, t")
            return EcfSource(path, file, events)
        if events in tables:
            return _from_table(path, file, "hdf5 metavision", events)
    whole = [(name, group) for name, group in groups.items() if len(group) == 4]
    if whole:
        name, group = whole[0]
        dsec = name == "events" and "t_offset" in file
        return _from_columns(path, file, "hdf5 dsec" if dsec else "hdf5", group)
    if tables:
        return _from_table(path, file, "hdf5", tables[0])
    raise BadFileError(f"{path}: has no events: need data sets t, x, y, p in one group, or one with these fields")


def _from_columns(path: Path, file: Any, format: str, group: dict[str, Any]) -> Source:  # noqa: A002
    lengths = {letter: int(column.shape[0]) for letter, column in group.items()}
    if len(set(lengths.values())) != 1:
        raise BadFileError(f"{path}: the columns have different lengths ({lengths})")
    for column in group.values():
        _check_storage(path, column)
    offset = int(file["t_offset"][()]) if "t_offset" in file else 0

    def pick(start: int, stop: int) -> Columns:
        t, x, y, p = (group[letter][start:stop] for letter in "txyp")
        if offset:
            t = t.astype(np.int64) + offset
        return t, x, y, p

    source = Hdf5Source(path, file, format, pick, lengths["t"])
    source.power = unit_of(group["t"].name.rpartition("/")[2])
    return source


def _from_table(path: Path, file: Any, format: str, table: Any) -> Source:  # noqa: A002
    _check_storage(path, table)
    if table.dtype.names:
        fields = event_columns(table.dtype.names) or {}
        names = [fields[letter] for letter in "txyp"]
    head = None if table.dtype.names else table[:65_536]
    swapped = head is not None and bool((np.diff(head[:, 0]) < 0).any()) and not (np.diff(head[:, 2]) < 0).any()
    order = (2, 0, 1, 3) if swapped else (0, 1, 2, 3)

    def pick(start: int, stop: int) -> Columns:
        rows = table[start:stop]
        if table.dtype.names:
            t, x, y, p = (rows[name] for name in names)
        else:
            t, x, y, p = (rows[:, place] for place in order)
        return t, x, y, p

    source = Hdf5Source(path, file, format, pick, int(table.shape[0]))
    if table.dtype.names:
        source.power = unit_of(names[0])
    if swapped:
        source.notes.append("the columns are in the order x, y, t, p")
    return source


def _check_storage(path: Path, data: Any) -> None:
    """Refuse a data set that claims far more than it stores, or chunks too large to hold."""
    declared, stored = int(np.prod(data.shape, dtype=object)) * data.dtype.itemsize, int(data.id.get_storage_size())
    chunk = int(np.prod(data.chunks or (0,), dtype=object)) * data.dtype.itemsize
    if declared > PACKING * (stored + 4_096) or chunk > CHUNK_BYTES:
        raise BadFileError(f"{path}: {data.name} declares {declared} bytes in chunks of {chunk} but stores {stored}; "
                           "the file is broken")


def _geometry(path: Path, file: Any) -> tuple[int, int] | None:
    for place in (file, file.get("events"), file.get("CD/events"), file.get("CD")):
        attributes = {} if place is None else dict(place.attrs)
        said = attributes.get("geometry", "")
        said = said.decode("latin-1") if isinstance(said, bytes) else str(said)
        if match := re.fullmatch(r"\s*([0-9]{1,12})x([0-9]{1,12})\s*", said):
            return checked_geometry(path, int(match[1]), int(match[2]))
        if "width" in attributes and "height" in attributes:
            return checked_geometry(path, int(attributes["width"]), int(attributes["height"]))
        if np.size(attributes.get("sensor_resolution", ())) == 2:
            height, width = (int(side) for side in np.ravel(attributes["sensor_resolution"]))
            return checked_geometry(path, width, height)
    return None


def _triggers(file: Any) -> int:
    triggers = file.get("EXT_TRIGGER/events")
    shape: tuple[int, ...] = getattr(triggers, "shape", ())
    return int(shape[0]) if shape else 0


def _unreadable(path: Path, error: BaseException) -> Exception:
    reason = _reason(error)
    if "filter" in reason.lower() or "plugin" in reason.lower():
        try:
            import hdf5plugin  # noqa: F401
        except ImportError as absent:
            return missing_extra(f"{path}: the compression of HDF5 files such as this", "io", absent)
    return BadFileError(f"{path}: cannot be read as HDF5 ({reason})")


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__


