"""Which stretch of a recording is decided about, and where its face is."""

from __future__ import annotations

import functools
from pathlib import Path

from neurofer.data.boxes import FaceBox, locate_face
from neurofer.data.clip import Box
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.events.recording import Recording


def stretch(recording: Recording, start_us: int, stop_us: int | None) -> tuple[int, int]:
    """First and one-past-last microsecond on the recording's clock, from times counted from its first event.

    Raises:
        UsageError: an empty stretch, or one that starts behind the end.
        NeuroferError: the recording has no events.
    """
    name = str(recording.path or "recording")
    if not recording.end_us and not len(recording.between(recording.start_us, recording.start_us + 1)):
        raise NeuroferError(f"{name}: holds no events, so there is nothing to decide about")
    length = recording.end_us + 1 - recording.start_us
    last = length if stop_us is None else min(stop_us, length)
    if start_us < 0 or last <= start_us:
        wanted = f"{start_us} and {length if stop_us is None else stop_us} us"
        raise UsageError(f"{name}: nothing lies between {wanted}; "
                         f"the recording is {length} us long, counted from its first event")
    return recording.start_us + start_us, recording.start_us + last


def find_face(recording: Recording, box: Box | None, start_us: int = 0, stop_us: int | None = None) -> FaceBox:
    """The face box and where it came from: the user, the store that holds the recording, or a search.

    Args:
        recording: The recording.
        box: The user's box; always wins.
        start_us: Start of the stretch to search, counted from the first event.
        stop_us: Its end.

    Raises:
        UsageError: an empty stretch, or the user's box lies outside the sensor.
        NeuroferError: no events in the stretch.
    """
    first, last = stretch(recording, start_us, stop_us)
    if box is None and (known := store_box(recording.path)) is not None:
        return FaceBox(known, "truth")
    return locate_face(recording, box, first, last)


def store_box(path: Path | None) -> Box | None:
    """The face box of a recording that lies in a prepared store (``STORE/events/<clip>``); None anywhere else."""
    if path is None or path.parent.name != "events":
        return None
    store = path.resolve().parent.parent
    try:
        changed = (store / "store.json").stat().st_mtime_ns
    except OSError:
        return None
    return _store_boxes(store, changed).get(path.resolve())


@functools.lru_cache(maxsize=4)
def _store_boxes(store: Path, changed: int) -> dict[Path, Box | None]:
    from neurofer.data.store import open_store

    try:
        return {clip.path.resolve(): clip.box for clip in open_store(store).clips}
    except BadFileError:
        return {}
