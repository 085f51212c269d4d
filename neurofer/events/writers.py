"""One function a format: pieces of events into a file. Each refuses what its format cannot hold."""

from __future__ import annotations

import errno
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurofer.errors import BadFileError, NeuroferError, missing_extra
from neurofer.events.columns import COLUMNS
from neurofer.events.events import EVENT_DTYPE, Events
from neurofer.events.formats.atis import OVERFLOW_ROW, RECORD_BYTES
from neurofer.events.formats.eventcv_files import guarded
from neurofer.events.formats.text_numbers import format_lines
from neurofer.events.npy import NpyWriter

PIECE_EVENTS = 1 << 18
LINE_BYTES = 36
EVT_PIXELS = 2_048

_LATEST_START = {"evt3": 1 << 24, "evt2": 1 << 34, "dat": 1 << 32, "es": 1 << 32, "aedat4": 1 << 62}
"""Times of a first event that a format can say: its clock starts again there, or (es) fills the file with waiting."""

LONGEST_PAUSE_US = 1 << 32


def write_npy(path: Path, pieces: Iterator[Events], sensor: tuple[int, int]) -> None:
    """A structured array with fields t, x, y, p."""
    with NpyWriter(path, EVENT_DTYPE) as file:
        for piece in pieces:
            file.write(piece.to_array())


def write_npz(path: Path, pieces: Iterator[Events], sensor: tuple[int, int]) -> None:
    """Arrays t, x, y, p and sensor, compressed."""
    with tempfile.TemporaryDirectory(prefix=".columns-", dir=path.parent) as folder:
        writers = {name: NpyWriter(Path(folder) / f"{name}.npy", dtype) for name, dtype in COLUMNS.items()}
        for piece in pieces:
            for name, writer in writers.items():
                writer.write(getattr(piece, name))
        np.save(Path(folder) / "sensor.npy", np.array(sensor))
        for writer in writers.values():
            writer.close()
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
            for name in (*COLUMNS, "sensor"):
                archive.write(Path(folder) / f"{name}.npy", f"{name}.npy")


def write_csv(path: Path, pieces: Iterator[Events], sensor: tuple[int, int]) -> None:
    """Lines ``t,x,y,p`` under a header, times in microseconds."""
    _write_lines(path, pieces, b"t,x,y,p\n", ord(","))


def write_txt(path: Path, pieces: Iterator[Events], sensor: tuple[int, int]) -> None:
    """Lines ``t x y p`` without a header, times in microseconds."""
    _write_lines(path, pieces, b"", ord(" "))


def _write_lines(path: Path, pieces: Iterator[Events], header: bytes, separator: int) -> None:
    buffer = np.empty(PIECE_EVENTS * LINE_BYTES, np.uint8)
    with path.open("wb") as file:
        file.write(header)
        for piece in _small(pieces):
            size = format_lines(piece.t, piece.x, piece.y, piece.p, separator, buffer)
            file.write(buffer[:size].data)


def write_bin(path: Path, pieces: Iterator[Events], sensor: tuple[int, int]) -> None:
    """The 5-byte records of N-Caltech101.

    Raises:
        NeuroferError: a column beyond 255, a row beyond 239 (240 is a clock overflow there) or a time beyond 23 bits.
    """
    with path.open("wb") as file:
        for piece in _small(pieces):
            if not len(piece):
                continue
            limits = (("columns", int(piece.x.max()), 256), ("rows", int(piece.y.max()), OVERFLOW_ROW))
            for what, value, limit in limits:
                if value >= limit:
                    raise NeuroferError(f"{path.suffix} records hold {what} below {limit}, the recording has one at "
                                        f"{value}; choose another format")
            if piece.end_us >= 1 << 23 or piece.start_us < 0:
                raise NeuroferError(f"{path.suffix} records hold times of 0..{(1 << 23) - 1} us, the recording has "
                                    f"{piece.start_us}..{piece.end_us}; count time from 0 (zero_time=True, "
                                    "--zero-time) or choose another format")
            records = np.empty((len(piece), RECORD_BYTES), np.uint8)
            records[:, 0], records[:, 1] = piece.x, piece.y
            records[:, 2] = (piece.p.astype(np.int64) << 7) | (piece.t >> 16)
            records[:, 3], records[:, 4] = piece.t >> 8 & 0xFF, piece.t & 0xFF
            file.write(records.data)


def write_dsec(path: Path, pieces: Iterator[Events], sensor: tuple[int, int]) -> None:
    """HDF5 as DSEC lays it out: ``events/{t,x,y,p}``, ``t_offset``, ``ms_to_idx``; the geometry as an attribute.

    Raises:
        NeuroferError: the recording is longer than the 71 minutes that 32 bits of microseconds hold.
    """
    import h5py

    offset: int | None = None
    index: list[np.ndarray[Any, Any]] = []
    milliseconds = written = 0
    with h5py.File(path, "w") as file:
        file.attrs["geometry"] = f"{sensor[0]}x{sensor[1]}"
        group = file.create_group("events")
        columns = {
            name: group.create_dataset(name, (0,), dtype, maxshape=(None,), chunks=(1 << 15,), compression="gzip",
                                       compression_opts=4, shuffle=True)
            for name, dtype in (("t", "u4"), ("x", "u2"), ("y", "u2"), ("p", "u1"))
        }
        for piece in pieces:
            if not len(piece):
                continue
            if offset is None:
                offset = 0 if piece.start_us >= 0 and piece.end_us < 1 << 31 else piece.start_us
            t = piece.t - offset
            if t[-1] >= 1 << 32:
                raise NeuroferError(f"{path.suffix} in the layout of DSEC holds 71 minutes (32 bits of microseconds), "
                                    "the recording is longer; choose a folder of columns or .npy")
            stop = int(t[-1]) // 1_000 + 1
            index.append(written + np.searchsorted(t, np.arange(milliseconds, stop) * 1_000))
            milliseconds = stop
            for name, column in (("t", t), ("x", piece.x), ("y", piece.y), ("p", piece.p)):
                columns[name].resize((written + len(piece),))
                columns[name][written:] = column
            written += len(piece)
        index.append(np.array([written]))
        file["t_offset"] = np.int64(offset or 0)
        file["ms_to_idx"] = np.concatenate(index).astype(np.uint64)


def encoded(kind: str) -> Callable[[Path, Iterator[Events], tuple[int, int]], None]:
    """A writer of ``evt3``, ``evt2``, ``dat``, ``aedat4`` or ``es`` through faery; times stay as they are."""

    def write(path: Path, pieces: Iterator[Events], sensor: tuple[int, int]) -> None:
        try:
            from faery.file_encoder import events_to_file
        except ImportError as error:
            raise missing_extra(f"writing {path.suffix} files", "io", error) from error
        if kind in ("evt2", "evt3") and max(sensor) > EVT_PIXELS:
            raise NeuroferError(f"{kind} holds {EVT_PIXELS} columns and rows, the sensor is {sensor[0]}x{sensor[1]}; "
                                "choose another format")
        version = {"evt3": "evt3", "evt2": "evt2", "dat": "dat2"}.get(kind)
        source_errors: list[BadFileError] = []
        packets = _packets(kind, _noting(pieces, source_errors))
        try:
            guarded(path, lambda: events_to_file(packets, path, sensor, version=version, zero_t0=False,
                                                 use_write_suffix=False), "written", keep=(OSError, NeuroferError))
        except BadFileError as error:
            if error in source_errors:
                raise
            if "No space left" in str(error):
                raise OSError(errno.ENOSPC, "No space left on device") from error
            raise NeuroferError(f"{kind} cannot hold the recording ({error.__cause__}); choose another "
                                "format") from error

    return write


def _noting(pieces: Iterator[Events], errors: list[BadFileError]) -> Iterator[Events]:
    """The same pieces; what makes reading them fail is put into ``errors``, to be told from a failure to write."""
    try:
        yield from pieces
    except BadFileError as error:
        errors.append(error)
        raise


def _packets(kind: str, pieces: Iterator[Events]) -> Iterator[np.ndarray[Any, Any]]:
    import faery

    first, newest = True, None
    for piece in _small(pieces):
        if not len(piece):
            continue
        if first and not 0 <= piece.start_us < _LATEST_START[kind]:
            raise NeuroferError(f"{kind} can say a first time of 0..{_LATEST_START[kind] - 1} us, the recording starts "
                                f"at {piece.start_us} us; count time from 0 (zero_time=True, --zero-time)")
        pause = int(np.diff(piece.t, prepend=piece.t[0] if newest is None else newest).max())
        if kind == "es" and pause >= LONGEST_PAUSE_US:
            raise NeuroferError(f"es says a pause of {pause} us with {pause // 127_000_000} MB of waiting; choose "
                                "another format")
        first, newest = False, piece.end_us
        packet = np.empty(len(piece), faery.EVENTS_DTYPE)
        packet["t"], packet["x"], packet["y"], packet["on"] = piece.t, piece.x, piece.y, piece.p
        yield packet


def _small(pieces: Iterable[Events]) -> Iterator[Events]:
    """The same events in pieces of at most ``PIECE_EVENTS``."""
    for piece in pieces:
        for start in range(0, len(piece), PIECE_EVENTS):
            yield piece[start : start + PIECE_EVENTS]
