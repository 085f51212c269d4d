"""AEDAT4 files that eventcv gives up on, through aedat, up to the place where they break.

aedat ends the whole process on some damaged files, so it runs in a process of its own that hands the packets over.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import numpy as np

from neurofer.child_process import module_command
from neurofer.errors import BadFileError, missing_extra
from neurofer.events.formats import aedat_child
from neurofer.events.formats.packets import Packets, PacketSource
from neurofer.events.source import checked_geometry

PACKET_EVENTS = 1 << 26
"""Most events in a packet that are believed."""


def cut_bytes(path: Path) -> int:
    """Bytes at the end of an AEDAT4 file that begin a packet and do not finish it; 0 for a file that is whole.

    Only the packets' lengths are read.

    Source:
        https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-4.0.html
    """
    with path.open("rb", buffering=0) as file:
        size = file.seek(0, 2)
        file.seek(0)
        version = file.read(14)
        header = int.from_bytes(file.read(4), "little")
        if not version.endswith(b"\n") or 18 + header > size:
            return size - min(size, 18)
        table = _table_position(file.read(min(header, 4_096)))
        end = table if 18 + header <= table <= size else size
        place = 18 + header
        while place < end:
            file.seek(place)
            length = int.from_bytes(file.read(8)[4:], "little", signed=True)
            if place + 8 > end or length < 0 or place + 8 + length > end:
                return end - place
            place += 8 + length
        return 0


def _table_position(header: bytes) -> int:
    """Where the header says that the packets end and the table of packets starts; -1 when it does not."""
    root = int.from_bytes(header[:4], "little")
    fields = root - int.from_bytes(header[root : root + 4], "little", signed=True)
    if not 0 <= fields <= len(header) - 8:
        return -1
    offset = int.from_bytes(header[fields + 6 : fields + 8], "little")
    if int.from_bytes(header[fields : fields + 2], "little") < 8 or offset == 0:
        return -1
    return int.from_bytes(header[root + offset : root + offset + 8], "little", signed=True)


def open_aedat_packets(path: Path) -> PacketSource:
    """The first event stream of an AEDAT4 file.

    Raises:
        MissingExtraError: aedat is not installed.
        BadFileError: the header is broken, or names no event stream.
    """
    if find_spec("aedat") is None:
        raise missing_extra("AEDAT4 files with a broken end", "io", ImportError("aedat", name="aedat"))
    with _child(path) as pipe:
        said = pipe.readline(1 << 16)
    try:
        stream = json.loads(said)
        sensor = checked_geometry(path, int(stream["width"]), int(stream["height"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BadFileError(f"{path}: cannot be decoded (its AEDAT4 header is broken or names no events)") from error
    return PacketSource(path, "aedat4", sensor, lambda: _packets(path))


def _packets(path: Path) -> Packets:
    with _child(path) as pipe:
        pipe.readline(1 << 16)
        while True:
            head = pipe.read(8)
            count = int.from_bytes(head, "little")
            if count == 0 and len(head) == 8:
                return
            if len(head) < 8:
                raise BadFileError(f"{path}: aedat ended at a damaged packet")
            data = pipe.read((count - 1) * aedat_child.PACKET_DTYPE.itemsize) if count <= PACKET_EVENTS else b""
            if count > PACKET_EVENTS or len(data) < (count - 1) * aedat_child.PACKET_DTYPE.itemsize:
                raise BadFileError(f"{path}: the packet cannot be decoded")
            yield np.frombuffer(data, aedat_child.PACKET_DTYPE)


@contextlib.contextmanager
def _child(path: Path) -> Iterator[IO[bytes]]:
    """What a process of its own writes: a line with the sensor, then packets behind their length plus 1."""
    command = [*module_command(aedat_child.__name__), str(path.resolve())]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=subprocess.PIPE, stderr=quiet) as child:
        try:
            if child.stdout is not None:
                yield child.stdout
        finally:
            child.kill()
