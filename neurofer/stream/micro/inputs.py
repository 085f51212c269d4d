"""Which films and recordings a list of files and folders names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from neurofer.errors import UsageError
from neurofer.simulate.video import IMAGES
from neurofer.stream.inputs import SUFFIXES, find_recordings

VIDEOS = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


class Source(NamedTuple):
    """Something to decide about."""

    path: Path
    kind: Literal["film", "recording"]


def find_sources(paths: Iterable[Path]) -> list[Source]:
    """Films and recordings that files and folders name, folders searched to the bottom in sorted order.

    A folder that holds images is one film, a folder of event columns one recording; a store gives its recordings. A
    file named directly is a film if it is called like a video, else a recording, missing or not.

    Raises:
        UsageError: there is none, or an image is named alone.
    """
    paths = list(paths)
    found = dict.fromkeys(source for path in paths for source in _sources(path))
    if not found:
        raise UsageError(f"{', '.join(map(str, paths)) or 'predict'}: no film or recording there; name a video, a "
                         f"folder of images, or recordings ending in {' '.join(SUFFIXES)}")
    return list(found)


def _sources(path: Path) -> Iterator[Source]:
    suffix = path.suffix.lower()
    if not path.is_dir():
        if suffix in IMAGES:
            raise UsageError(f"{path}: is one image, which shows no motion; name the folder of all frames, with --fps")
        yield Source(path, "film" if suffix in VIDEOS else "recording")
    elif (path / "store.json").is_file() or (path / "meta.json").is_file():
        yield from (Source(one, "recording") for one in find_recordings([path]))
    else:
        yield from _inside(path)


def _inside(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Source]:
    """What lies in a folder; links back to a folder that holds them are passed over."""
    names = [name for name in sorted(os.listdir(folder)) if not name.startswith(".")]
    if any(Path(name).suffix.lower() in IMAGES for name in names):
        yield Source(folder, "film")
        return
    above = (*above, folder.resolve())
    for path in (folder / name for name in names):
        suffix = path.suffix.lower()
        if path.is_dir():
            if (path / "meta.json").is_file():
                yield Source(path, "recording")
            elif path.resolve() not in above:
                yield from _inside(path, above)
        elif suffix in VIDEOS or (suffix in SUFFIXES and suffix not in (".csv", ".txt")):
            yield Source(path, "film" if suffix in VIDEOS else "recording")
