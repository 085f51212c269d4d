"""``.npy`` and ``.npz`` files: structured arrays with fields t x y p, four columns, or one array a column."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError
from neurofer.events.formats.naming import event_columns, unit_of
from neurofer.events.npy import BROKEN
from neurofer.events.source import TableSource, checked_geometry

Columns = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


class NpySource(TableSource):
    """A memory-mapped array; only the rows asked for are read."""

    format = "npy"
    hint = "numpy arrays do not say it"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except BROKEN as error:
            raise BadFileError(f"{path}: is not a readable .npy file ({_reason(error)})") from error
        self._table = Table(array, path, self)
        self.rows = self._table.rows
        self.blocks = self.count_blocks()

    def columns(self, start: int, stop: int) -> Columns:
        return self._table.columns(self._table.rows_of(start, stop))


class NpzSource(TableSource):
    """Members of a zip archive, decompressed side by side as they are needed.

    Reading forwards holds one block; going back starts the decompression again.
    """

    format = "npz"
    hint = "the archive has no member 'sensor'"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._archive = zipfile.ZipFile(path)
            names = {Path(name).stem: name for name in self._archive.namelist() if name.endswith(".npy")}
            self.sensor = self._find_sensor(names)
            self._members = self._choose(names)
        except (*BROKEN, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise BadFileError(f"{path}: is not a readable .npz file ({_reason(error)})") from error
        self.rows = next(iter(self._members.values())).rows
        self.blocks = self.count_blocks()

    def _find_sensor(self, names: dict[str, str]) -> tuple[int, int] | None:
        if "sensor" not in names or self._archive.getinfo(names["sensor"]).file_size > 4_096:
            return None
        with self._archive.open(names["sensor"]) as file:
            width, height = np.lib.format.read_array(file, allow_pickle=False).ravel().tolist()
        return checked_geometry(self.path, int(width), int(height))

    def _choose(self, names: dict[str, str]) -> dict[str, Member]:
        chosen = event_columns(tuple(names))
        if chosen is not None:
            members = {letter: Member(self._archive, names[name]) for letter, name in chosen.items()}
            if len({member.rows for member in members.values()}) != 1 or any(m.width for m in members.values()):
                raise BadFileError(f"{self.path}: the columns t, x, y, p are not of one length")
            self.power = unit_of(chosen["t"])
            return members
        for name in names.values():
            member = Member(self._archive, name)
            if member.dtype.names or member.width == 4:
                self._table = Table(member.read(0, 1), self.path, self)
                self._table.probe(member.read(0, min(member.rows, 65_536)), self)
                return {"": member}
        raise BadFileError(f"{self.path}: has no columns t, x, y, p and no array of events, but {', '.join(names)}")

    def columns(self, start: int, stop: int) -> Columns:
        try:
            if "" in self._members:
                return self._table.columns(self._members[""].read(start, stop))
            t, x, y, p = (self._members[letter].read(start, stop) for letter in "txyp")
        except (*BROKEN, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
            raise BadFileError(f"{self.path}: events {start}..{stop - 1} cannot be decompressed "
                               f"({_reason(error)})") from error
        return t, x, y, p

    def close(self) -> None:
        self._archive.close()


class Member:
    """One array of an archive, read in pieces."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive, self._name = archive, name
        self._file, self._place = self._open()

    @property
    def rows(self) -> int:
        return self._shape[0] if self._shape else 0

    @property
    def width(self) -> int:
        """Length of the second axis; 0 for a plain column."""
        return self._shape[1] if len(self._shape) == 2 else 0

    def _open(self) -> tuple[IO[bytes], int]:
        file = self._archive.open(self._name)
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
        self._shape, fortran, self.dtype = read(file)
        if self.dtype.hasobject or (fortran and len(self._shape) > 1) or len(self._shape) > 2:
            raise ValueError(f"{self._name}: need plain columns or rows of numbers")
        return file, 0

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Rows ``start`` to ``stop``; fewer when the archive ends early."""
        if start < self._place:
            self._file.close()
            self._file, self._place = self._open()
        row = self.dtype.itemsize * max(1, self.width)
        while self._place < start:
            step = min(start - self._place, 1 << 16)
            if len(self._file.read(step * row)) < step * row:
                raise EOFError("the archive ends early")
            self._place += step
        data = self._file.read((stop - start) * row)
        self._place += len(data) // row
        array = np.frombuffer(data[: len(data) // row * row], self.dtype)
        return array.reshape(-1, self.width) if self.width else array


class Table:
    """Events as rows: a structured array, or four columns ``t x y p`` (or ``x y t p``, which is noticed)."""

    def __init__(self, array: NDArray[Any], path: Path, source: TableSource) -> None:
        self._array, self._path = array, path
        self._fields: dict[str, str] | None = None
        self._order = (0, 1, 2, 3)
        self._across = False
        if array.dtype.names:
            self._fields = event_columns(array.dtype.names)
            if self._fields is None or array.ndim != 1:
                raise BadFileError(f"{path}: need one row an event with fields t, x, y, p, got {array.dtype.names} in "
                                   f"{array.ndim} dimensions")
            source.power = unit_of(self._fields["t"])
        elif array.ndim == 2 and 4 in array.shape and array.dtype.kind in "iuf":
            self._across = array.shape[1] != 4
            self.probe(self.rows_of(0, 65_536), source)
        else:
            raise BadFileError(f"{path}: need events as a structured array with fields t, x, y, p or as (N, 4) columns "
                               f"t, x, y, p, got {array.dtype} of shape {array.shape}")

    @property
    def rows(self) -> int:
        return int(self._array.shape[1 if self._across else 0])

    def probe(self, rows: NDArray[Any], source: TableSource) -> None:
        """Notice columns in the order ``x y t p``: the first one falls where the third one never does."""
        if self._fields is None and (np.diff(rows[:, 0]) < 0).any() and not (np.diff(rows[:, 2]) < 0).any():
            self._order = (2, 0, 1, 3)
            source.notes.append("the columns are in the order x, y, t, p")

    def rows_of(self, start: int, stop: int) -> NDArray[Any]:
        return self._array[:, start:stop].T if self._across else self._array[start:stop]

    def columns(self, rows: NDArray[Any]) -> Columns:
        """The columns of these rows, as they are."""
        if self._fields is not None:
            t, x, y, p = (np.asarray(rows[self._fields[letter]]) for letter in "txyp")
        else:
            t, x, y, p = (np.asarray(rows[:, place]) for place in self._order)
        return t, x, y, p


def _reason(error: BaseException) -> str:
    return str(error).splitlines()[0][:160] if str(error) else type(error).__name__
