"""The process that reads an HDF5 file: ``python -m neurofer.hdf5_child FILE MOST_BYTES LEVELS [GROUP ...]``.

It writes the bytes of all arrays, each from a multiple of 8 on, then JSON, then the length of the JSON in 8 bytes. The
JSON is a tree of ``{"attributes", "values", "groups"}``, or ``{"error": clause}`` for a file that is not read, or
``{"broken": words}`` of the HDF5 library. It imports little, so that it starts quickly.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import BinaryIO

import h5py

from neurofer.hdf5_reader import MOST_BYTES, Reader, Unreadable

CPU_S = 60
MEMORY_BYTES = 64 << 20
"""Beside what the interpreter has and four times what the arrays may have."""

_BROKEN = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, OverflowError, MemoryError,
           SystemError)
"""What h5py raises on a damaged file."""


def hand_over(path: str, out: BinaryIO, most_bytes: int, levels: int, only: Sequence[str] = ()) -> None:
    """Read a file and write what it holds to ``out``.

    Args:
        path: File.
        out: Takes arrays and JSON.
        most_bytes: What all values together may declare; never more than ``MOST_BYTES``.
        levels: Groups that lie in ``levels`` others stay unread and empty.
        only: Names of groups at the top to be read; all if empty.
    """
    reader = Reader(out, most_bytes, levels)
    try:
        if not h5py.is_hdf5(path):
            raise Unreadable("is no HDF5 file")
        with h5py.File(path, "r") as file:
            said = reader.group(file.id, "", 0, frozenset(name.encode() for name in only))
    except Unreadable as error:
        said = {"error": str(error)}
    except _BROKEN as error:
        said = {"broken": str(error).partition("\n")[0] or type(error).__name__}
    text = json.dumps(said).encode()
    out.write(text + len(text).to_bytes(8, "little"))
    out.flush()


def limit_itself(most_bytes: int) -> None:
    """Bound the memory and the time of this process, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        with open("/proc/self/statm") as pages:
            now = int(pages.read().split()[0]) * resource.getpagesize()
        most = now + MEMORY_BYTES + 4 * min(most_bytes, MOST_BYTES)
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    limit_itself(int(sys.argv[2]))
    hand_over(sys.argv[1], sys.stdout.buffer, int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
    os._exit(0)  # what is left of a damaged file is not tidied up
