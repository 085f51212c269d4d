"""What is to be looked at: films, recordings of events, videos of stores, each under a name of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from neurofer.data.clip import Clip
from neurofer.data.long.store import open_long
from neurofer.errors import UsageError, name_some
from neurofer.spotting.interval import Interval
from neurofer.stream.micro.inputs import find_sources


@dataclass(frozen=True)
class Source:
    """One video to look at.

    Attributes:
        name: In tables; no two have the same.
        path: File or folder; of a video of a store, its events.
        kind: ``film``, ``recording`` of events, or ``stored``: a video of a store.
        clip: That of the store.
        subject: Who is seen, as ``data set/subject``; empty where nobody knows.
        truth: Its true intervals; None where nobody knows.
    """

    name: str
    path: Path
    kind: Literal["film", "recording", "stored"]
    clip: Clip | None = None
    subject: str = ""
    truth: tuple[Interval, ...] | None = None


def find_videos(paths: Iterable[Path], subjects: Sequence[str] | None = None) -> list[Source]:
    """Videos that files and folders name; a store of long videos gives all of them.

    A film is called as its file or folder, without the suffix; where two are called the same, as their path.

    Args:
        paths: Videos, folders of images, recordings, stores, or folders of the former.
        subjects: Only the videos of stores that show one of these people, named ``subject`` or ``data set/subject``.

    Raises:
        UsageError: there is none, or not of these people.
        BadFileError: a store that is none of long videos, or is damaged.
    """
    found = list({source.path: source for path in paths for source in _sources(path)}.values())
    if subjects is not None:
        found = _of_subjects(found, subjects)
    return _named(found)


def with_truth(sources: Sequence[Source], truth: Iterable[Interval], videos: Iterable[str]) -> tuple[list[Source], str]:
    """Sources with the truth of a table, and a sentence about videos of the table that are not among them.

    A source that the table does not name has no expression.

    Args:
        sources: What is looked at.
        truth: All intervals of the table.
        videos: All names in it.

    Raises:
        UsageError: it names none of the sources.
    """
    by_name: dict[str, list[Interval]] = {name: [] for name in videos}
    for one in truth:
        by_name[one.video].append(one)
    names = {source.name for source in sources}
    if not names & by_name.keys():
        raise UsageError(f"--truth: names {name_some(list(by_name), 3) or 'no video'}, but what is looked at is called "
                         f"{name_some(sorted(names), 3)}; the column video holds file names without suffix")
    others = sorted(by_name.keys() - names)
    note = f"{len(others)} video{'s' * (len(others) != 1)} of --truth not looked at ({name_some(others, 3)})"
    return [_with(source, tuple(by_name.get(source.name, ()))) for source in sources], note if others else ""


def _sources(path: Path) -> list[Source]:
    if not (path / "store.json").is_file():
        return [Source(_stem(one.path), one.path, one.kind) for one in find_sources([path])]
    store = open_long(path)
    return [Source(clip.name, clip.path, "stored", clip, f"{store.clip_set.name}/{clip.subject}",
                   store.truth[clip.name]) for clip in store.videos]


def _of_subjects(sources: Sequence[Source], subjects: Sequence[str]) -> list[Source]:
    stored = [source for source in sources if source.clip is not None]
    if not stored:
        raise UsageError("--subjects, --tested: choose among the people of a store of long videos, but none is given")
    wanted = set(subjects)
    kept = [source for source in stored if source.subject in wanted or source.subject.split("/", 1)[1] in wanted]
    known = {name for source in stored for name in (source.subject, source.subject.split("/", 1)[1])}
    missing = sorted(wanted - known)
    if missing or not kept:
        there = sorted({source.subject.split("/", 1)[1] for source in stored})
        raise UsageError(f"--subjects, --tested: the store has no subject {name_some(missing, 3)}; it has "
                         f"{name_some(there, 12)}")
    return [source for source in sources if source.clip is None or source in kept]


def _named(sources: Sequence[Source]) -> list[Source]:
    times = Counter(source.name for source in sources)
    return [source if times[source.name] == 1 else _renamed(source) for source in sources]


def _renamed(source: Source) -> Source:
    name = f"{source.path.parent.parent.name}/{source.name}" if source.clip is not None else str(source.path)
    return _with(replace(source, name=name), source.truth)


def _with(source: Source, truth: tuple[Interval, ...] | None) -> Source:
    own = None if truth is None else tuple(replace(one, video=source.name) for one in truth)
    return replace(source, truth=own)


def _stem(path: Path) -> str:
    return path.name if path.is_dir() else path.stem
