"""``.npy`` files: what reading a broken one raises, and writing one piece by piece, its length not known before."""

from __future__ import annotations

import hashlib
import threading
import tokenize
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

BROKEN = (ValueError, TypeError, KeyError, OverflowError, SyntaxError, MemoryError, RecursionError, EOFError, OSError,
          IndexError, AttributeError, tokenize.TokenError)
"""What numpy raises on a file without content, or with a header that is no header."""


_ONE_AT_A_TIME = threading.Lock()


def map_npy(path: Path) -> NDArray[Any]:
    """The array in a file, memory-mapped; no pickle is loaded.

    One thread at a time: numpy reads headers with Python's own parser, which fails now and then in Python 3.11 while
    two threads use it ("AST constructor recursion depth mismatch").

    Raises:
        BROKEN: it is no such file.
    """
    with _ONE_AT_A_TIME:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


class NpyWriter:
    """One growing array; a context manager. The header is written again, with the true length, at the end.

    Args:
        path: The file.
        dtype: Of the array.
        shape: Of one element along the growing axis, such as ``(H, W)`` of a picture.
    """

    def __init__(self, path: Path, dtype: DTypeLike, shape: tuple[int, ...] = ()) -> None:
        self.dtype = np.dtype(dtype)
        self.shape = shape
        self.length = 0
        self._file = path.open("wb")
        self._digest = hashlib.sha256()
        self._header_bytes = self._write_header()

    def write(self, column: NDArray[Any]) -> None:
        """Append an array."""
        data = np.ascontiguousarray(column, self.dtype)
        self._file.write(data.data.cast("B") if len(data) else b"")
        self._digest.update(data.data.cast("B") if len(data) else b"")
        self.length += len(data)

    def digest(self) -> str:
        """SHA-256 of the elements written so far, as hexadecimal."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Complete the header."""
        if not self._file.closed:
            self._file.seek(0)
            if self._write_header() != self._header_bytes:
                raise RuntimeError("NpyWriter: the header grew, so it would overwrite elements")
            self._file.close()

    def _write_header(self) -> int:
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False,
                  "shape": (self.length, *self.shape)}
        np.lib.format.write_array_header_1_0(self._file, header)
        return self._file.tell()

    def __enter__(self) -> NpyWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        self._file.close()
