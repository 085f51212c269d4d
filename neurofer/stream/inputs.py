"""Which recordings a list of files and folders names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from neurofer.errors import UsageError

SUFFIXES = (".raw", ".dat", ".aedat4", ".aedat", ".h5", ".hdf5", ".es", ".npy", ".npz", ".csv", ".txt", ".bin", ".bag")
"""What a recording inside a folder is known by; a file named directly may be called anything."""

_OUR_TABLES = re.compile(r"(boxes|failures)(-\d+-of-\d+)?\.csv")


def part_of(path: Path, part: tuple[int, int]) -> Path:
    """The name under which part ``(i, n)`` of a table is written: ``a.csv`` becomes ``a-2-of-8.csv``; one part is all.
    """
    return path if part == (1, 1) else path.with_name(f"{path.stem}-{part[0]}-of-{part[1]}{path.suffix}")


def find_recordings(paths: Iterable[Path], leave_out: Path | None = None) -> list[Path]:
    """The recordings that files and folders name, folders searched to the bottom in sorted order.

    A folder of event columns is one recording; a prepared store gives its clips. Hidden files and files of other
    suffixes are passed over, and so is a link back to a folder that holds it. A file named directly is always taken,
    missing or not: opening it says what is wrong.

    Args:
        paths: Files and folders.
        leave_out: A file that is no recording, such as the output of an earlier run; its parts are left out, too.

    Raises:
        UsageError: there is none.
    """
    paths = list(paths)
    found: dict[Path, None] = {}
    ours = leave_out.resolve() if leave_out is not None else Path()
    named = re.compile(rf"{re.escape(ours.stem)}(-\d+-of-\d+)?{re.escape(ours.suffix)}")
    for path in paths:
        for recording in _inside(path) if path.is_dir() else [path]:
            there = recording.resolve()
            if leave_out is None or there.parent != ours.parent or not named.fullmatch(there.name):
                found[recording] = None
    if not found:
        raise UsageError(f"{', '.join(map(str, paths)) or 'predict'}: no recording there; name files, or folders that "
                         f"hold files ending in {' '.join(SUFFIXES)}")
    return list(found)


def _inside(folder: Path, above: tuple[Path, ...] = ()) -> list[Path]:
    if _is_columns(folder):
        return [folder]
    if (folder / "store.json").is_file():
        return _inside(folder / "events")
    above = (*above, folder.resolve())
    found = []
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        path = folder / name
        if name.startswith(".") or _OUR_TABLES.fullmatch(name):
            continue
        if path.is_dir():
            if path.resolve() not in above:
                found += _inside(path, above)
        elif path.suffix.lower() in SUFFIXES:
            found.append(path)
    return found


def _is_columns(folder: Path) -> bool:
    return (folder / "meta.json").is_file() and (folder / "t.npy").is_file()
