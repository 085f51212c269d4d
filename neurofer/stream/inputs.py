"""Which recordings a list of files and folders names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from neurofer.errors import UsageError

SUFFIXES = (".raw", ".dat", ".aedat4", ".aedat", ".h5", ".hdf5", ".es", ".npy", ".npz", ".csv", ".txt", ".bin", ".bag")
"""What a recording inside a folder is known by; a file named directly may be called anything."""

OUR_TABLES = ("boxes.csv", "failures.csv")


def find_recordings(paths: Iterable[Path], leave_out: Path | None = None) -> list[Path]:
    """The recordings that files and folders name, folders searched to the bottom in sorted order.

    A folder of event columns is one recording; a prepared store gives its clips. Hidden files and files of other
    suffixes are passed over, and so is a link back to a folder that holds it. A file named directly is always taken,
    missing or not: opening it says what is wrong.

    Args:
        paths: Files and folders.
        leave_out: A file that is no recording, such as the output of an earlier run.

    Raises:
        UsageError: there is none.
    """
    paths = list(paths)
    found: dict[Path, None] = {}
    for path in paths:
        for recording in _inside(path) if path.is_dir() else [path]:
            if leave_out is None or recording.resolve() != leave_out.resolve():
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
        if name.startswith(".") or name in OUR_TABLES:
            continue
        if path.is_dir():
            if path.resolve() not in above:
                found += _inside(path, above)
        elif path.suffix.lower() in SUFFIXES:
            found.append(path)
    return found


def _is_columns(folder: Path) -> bool:
    return (folder / "meta.json").is_file() and (folder / "t.npy").is_file()
