"""Writing recordings, by the target's suffix, and reading them again to be sure."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.events.clean import Mode
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.events.recording import MemoryRecording, Recording
from neurofer.files import atomic_path

WRITABLE = (".npy .npz .csv .txt .bin .h5 .hdf5 .raw (EVT3 or EVT2) .dat .aedat4 .es, and a name without a suffix or "
            "with .store for a folder of columns")
RAW_ENCODINGS = ("evt3", "evt2")


class Written(NamedTuple):
    """What was written: the path, the number of events, and whether they were read again."""

    path: Path
    events: int
    checked: bool


def write_recording(
    path: Path | str | os.PathLike[str], recording: Recording | Events, *, encoding: str = "evt3",
    zero_time: bool = False, check: bool = True, pieces: Iterable[Events] | None = None,
) -> Written:
    """Write a recording in the format that the suffix names, in one step and in constant memory.

    An earlier file stays as it was until the new one is complete and, with ``check``, has been read again and holds
    exactly the same events.

    Args:
        path: The target: ``.npy`` (structured), ``.npz`` (columns and sensor), ``.csv``, ``.txt``, ``.bin``, ``.h5`` or
            ``.hdf5`` (DSEC), ``.raw``, ``.dat``, ``.aedat4``, ``.es``; without a suffix or with ``.store`` a folder of
            columns.
        recording: The events.
        encoding: ``evt3`` or ``evt2``, for ``.raw``.
        zero_time: Count time from the first event.
        check: Read the result again and compare.
        pieces: The recording's pieces, when they come through a progress bar.

    Raises:
        UsageError: a suffix or an encoding that cannot be written.
        NeuroferError: the format cannot hold the events; the message says why.
        MissingExtraError: the format needs an optional package.
        BadFileError: the disk is full, the place cannot be written, or the recording is broken.
    """
    path = Path(path)
    if isinstance(recording, Events):
        recording = MemoryRecording(recording)
    write, checked_mode = _writer(path, encoding)
    origin = recording.start_us if zero_time else 0
    given, found = _Digest(), _Digest()
    shifted = _shifted(recording.pieces() if pieces is None else pieces, origin)
    source = None if recording.path is None else recording.path.name
    if write is None:
        meta = {"source": source, "format": recording.format, "origin_us": origin}
        write_columns(path, given.watch(shifted), recording.sensor, meta=meta)
        if check:
            _compare(path, path, recording.sensor, given, found, "trust")
    else:
        with atomic_path(path) as temporary:
            write(temporary, given.watch(shifted), recording.sensor)
            if check:
                _compare(path, temporary, recording.sensor, given, found, checked_mode)
    return Written(path, given.events, check)


def check_writable(path: Path | str | os.PathLike[str], encoding: str = "evt3") -> bool:
    """Whether a target becomes a folder of columns rather than a file; to be asked before long work.

    Raises:
        UsageError: a suffix or an encoding that cannot be written.
    """
    return _writer(Path(path), encoding)[0] is None


Writer = Callable[[Path, Iterator[Events], tuple[int, int]], None]


def _writer(path: Path, encoding: str) -> tuple[Writer | None, Mode]:
    """The function for a suffix (None: columns), and how strictly its result is read again."""
    from neurofer.events import writers

    suffix = path.suffix.lower()
    if suffix in ("", ".store"):
        return None, "strict"
    if suffix == ".raw":
        if encoding not in RAW_ENCODINGS:
            raise UsageError(f"write: the encoding of a .raw file is one of {', '.join(RAW_ENCODINGS)}, "
                             f"got {encoding!r}")
        return writers.encoded(encoding), "strict"
    known: dict[str, Writer] = {
        ".npy": writers.write_npy, ".npz": writers.write_npz, ".csv": writers.write_csv, ".txt": writers.write_txt,
        ".bin": writers.write_bin, ".h5": writers.write_dsec, ".hdf5": writers.write_dsec,
        ".dat": writers.encoded("dat"), ".aedat4": writers.encoded("aedat4"), ".es": writers.encoded("es"),
    }
    if suffix not in known:
        raise UsageError(f"{path}: cannot be written as {suffix!r}; writable are {WRITABLE}")
    return known[suffix], "strict"


def _compare(path: Path, written: Path, sensor: tuple[int, int], given: _Digest, found: _Digest, mode: Mode) -> None:
    try:
        with open_recording(written, mode=mode, sensor=_unless_declared(written, sensor)) as again:
            for _ in found.watch(again.pieces()):
                pass
    except BadFileError as error:
        if not given.events:
            return
        raise NeuroferError(f"{path}: was not written, the result cannot be read again ({error}); choose another "
                            "format") from error
    if found.values() != given.values():
        raise NeuroferError(f"{path}: was not written, reading it again gives {found.events} events that are not "
                            f"exactly the {given.events} of the recording; choose another format")


def _unless_declared(written: Path, sensor: tuple[int, int]) -> tuple[int, int] | None:
    """The sensor size for formats that do not say it."""
    return sensor if written.suffix.lower() in (".npy", ".csv", ".txt", ".bin") else None


def _shifted(pieces: Iterable[Events], origin: int) -> Iterator[Events]:
    for piece in pieces:
        yield Events.trusted(piece.t - origin, piece.x, piece.y, piece.p, piece.sensor) if origin else piece


class _Digest:
    """What passed by: the same events give the same values, in whatever pieces they come."""

    def __init__(self) -> None:
        self._columns = [hashlib.blake2b() for _ in range(4)]
        self.events = 0

    def watch(self, pieces: Iterable[Events]) -> Iterator[Events]:
        for piece in pieces:
            self.events += len(piece)
            columns: tuple[NDArray[Any], ...] = (piece.t, piece.x, piece.y, piece.p)
            for digest, column in zip(self._columns, columns, strict=True):
                if len(column):
                    digest.update(np.ascontiguousarray(column).data.cast("B"))
            yield piece

    def values(self) -> tuple[int, list[str]]:
        return self.events, [digest.hexdigest() for digest in self._columns]
