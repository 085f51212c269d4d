"""HDF5 files from anywhere as plain values, in bounded time and memory.

The HDF5 library runs for ever on some damaged files and ends the whole process on others, so it runs in a process of
its own, ``neurofer.hdf5_child``, that hands over plain arrays.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.child_process import module_command
from neurofer.errors import BadFileError

FACTOR = 64
"""Bytes that a file may unpack to, for each of its own, ..."""

SPARE_BYTES = 1 << 20
"""... and these beside."""

ALL_LEVELS = 1_000
TIMEOUT_S = 30.0

_COMMAND = module_command("neurofer.hdf5_child")
_TYPES = frozenset(("bool", "float64", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))))
_MESSAGE_LENGTH = 400


@dataclass(frozen=True)
class Tree:
    """A group of an HDF5 file as plain values.

    Attributes:
        attributes: Single numbers and words by name; others are left out.
        values: Data sets by name. Arrays are read-only, floats float64, integers as they were (uint64 becomes int64
            where it fits); one word is a str, several are an array of str objects.
        groups: Groups inside this one, by name.
    """

    attributes: dict[str, int | float | str] = field(default_factory=dict)
    values: dict[str, NDArray[Any] | str] = field(default_factory=dict)
    groups: dict[str, Tree] = field(default_factory=dict)


def read_tree(path: Path | str, what: str, again: str, *, only: tuple[str, ...] = (), timeout_s: float = TIMEOUT_S,
              factor: int = FACTOR, levels: int = ALL_LEVELS) -> Tree:
    """The content of an HDF5 file, checked to be whole and of bounded size; nothing of its meaning is checked.

    Args:
        path: File.
        what: Name of the format, for messages: ``chip network``.
        again: Remedy, for messages: ``export it again with 'neurofer export'``.
        only: Names of groups at the top to be read, all by default; others are passed over. Data sets and attributes
            at the top are always read.
        timeout_s: What takes longer is given up.
        factor: All values together may be this many times as large as the file and 1 MiB, but never above 512 MiB.
        levels: Groups that lie in this many others, the file itself among them, come unread and empty.

    Raises:
        BadFileError: no such file, no HDF5, damaged, too large, too slow, with parts that lie elsewhere or are neither
            numbers nor words; one sentence.
    """
    path = Path(path)
    most_bytes = factor * _file_bytes(path, what) + SPARE_BYTES
    content, ending = _handed_over(path, most_bytes, levels, only, timeout_s, again)
    try:
        end = len(content) - 8
        said = json.loads(content[end - int.from_bytes(content[end:], "little"):end])
        if "error" not in said and "broken" not in said:
            return _tree(said, content)
        why = str(said["error"] if "error" in said else f"is no readable {what} ({said['broken']})")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadFileError(f"{path}: is damaged, the HDF5 library gave up on it (exit {ending}); {again}") from error
    raise BadFileError(f"{path}: {one_line(why)}; {again}")


def _file_bytes(path: Path, what: str) -> int:
    try:
        if not path.is_file():
            raise BadFileError(f"{path}: {f'is no file, need a {what}' if path.exists() else 'no such file'}")
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size
    except OSError as error:
        raise BadFileError(f"{path}: cannot be opened ({error.strerror})") from error


def _handed_over(path: Path, most_bytes: int, levels: int, only: tuple[str, ...], timeout_s: float, again: str
                 ) -> tuple[bytes, int]:
    """What the process of its own writes about a file, and its exit code."""
    command = [*_COMMAND, str(path.resolve()), str(most_bytes), str(levels), *only]
    alone = {**os.environ, "HDF5_PLUGIN_PRELOAD": "::", "OPENBLAS_NUM_THREADS": "1"}  # no plugins, no idle threads
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              timeout=timeout_s, env=alone, check=False)
    except subprocess.TimeoutExpired as error:
        raise BadFileError(f"{path}: is damaged, reading it did not end within {timeout_s:.0f} s; {again}") from error
    return done.stdout, done.returncode


def _tree(said: dict[str, Any], content: bytes) -> Tree:
    return Tree(said["attributes"], {name: _value(value, content) for name, value in said["values"].items()},
                {name: _tree(group, content) for name, group in said["groups"].items()})


def _value(said: str | dict[str, Any], content: bytes) -> NDArray[Any] | str:
    if isinstance(said, str):
        return said
    shape = tuple(said["shape"])
    if "words" in said:
        return np.array(said["words"], object).reshape(shape)
    if said["type"] not in _TYPES:
        raise ValueError(f"no type to be handed over: {said['type']}")
    return np.ndarray(shape, said["type"], content, said["start"])


def one_line(words: str) -> str:
    """Words that hold names from a file, fit for a message."""
    return "".join(letter if letter.isprintable() else "?" for letter in words)[:_MESSAGE_LENGTH]
