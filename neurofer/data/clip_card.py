"""Cards for notebooks, of a clip and of a set of clips."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from neurofer.data.clip import Box, Clip, ClipSet
from neurofer.events.card import UNREAD, card_html, safely, seconds_text, size_text
from neurofer.events.columns import ColumnsRecording, is_columns_folder
from neurofer.events.events import Events
from neurofer.events.picture import Picture, events_picture, halvings

SMALL_FILE_BYTES = 64_000_000
"""A larger file that is no store is not opened for a picture."""
SET_PICTURES = 8
SET_PX = 96


def clip_card(clip: Clip) -> str:
    """The card of a clip: what it says, and its events where they are quickly read."""
    return safely(clip.name, lambda: _clip_card(clip))


def clip_set_card(clips: ClipSet) -> str:
    """The card of a set of clips: how many of which class, and one clip of each."""
    return safely(clips.name, lambda: _clip_set_card(clips))


def _clip_card(clip: Clip) -> str:
    facts = [("label", clip.label), ("subject", clip.subject), ("data set", clip.dataset),
             ("interval", f"{clip.start_us:,} to {clip.stop_us:,} us ({seconds_text(clip.stop_us - clip.start_us)})")]
    if clip.sensor is not None:
        facts.append(("sensor", size_text(clip.sensor)))
    if clip.box is not None:
        box = clip.box
        facts.append(("face box", f"{box.width}x{box.height} at {box.left}, {box.top}"))
    facts += [(name.replace("_us", ""), f"{seconds_text(time - clip.start_us)} into the clip")
              for name, time in clip.truth.items()]
    facts += [(name.replace("_", " "), value) for name, value in clip.facts.items()]
    pictures = []
    try:
        events = _quickly_read(clip)
        facts.append(("events", UNREAD if events is None else f"{len(events):,}"))
        picture = _picture(clip, events, 256)
        pictures = [picture] if picture else []
    except Exception as error:  # noqa: BLE001  a card is never an error
        facts.append(("events", f"cannot be read: {error}"))
    return card_html(clip.name, facts, pictures)


def _clip_set_card(clips: ClipSet) -> str:
    numbers = Counter(clip.label for clip in clips.clips)
    facts = [("clips", f"{len(clips.clips):,}"), ("subjects", f"{len(clips.subjects):,}"),
             ("classes", ", ".join(f"{name} {numbers[name]:,}" for name in clips.classes)),
             ("digest", clips.digest[:12])]
    pictures = []
    for label in clips.classes[:SET_PICTURES]:
        clip = next((clip for clip in clips.clips if clip.label == label), None)
        try:
            picture = _picture(clip, _quickly_read(clip), SET_PX) if clip is not None else None
        except Exception as error:  # noqa: BLE001  a card is never an error
            facts.append((f"picture of {label}", f"cannot be read: {error}"))
            continue
        if picture is not None:
            pictures.append(picture._replace(says=label))
    return card_html(clips.name, facts, pictures, SET_PX)


def _quickly_read(clip: Clip) -> Events | None:
    """The events of a clip in a store or in a small file; None where reading them would take long."""
    if is_columns_folder(clip.path):
        return ColumnsRecording(clip.path).between(clip.start_us, clip.stop_us)
    if Path(clip.path).is_dir() or Path(clip.path).stat().st_size > SMALL_FILE_BYTES:
        return None
    from neurofer.events.open import open_recording

    with open_recording(clip.path, sensor=clip.sensor) as recording:
        events = recording.glance().events
        whole = recording.glance().report is not None or (len(events) and events.end_us >= clip.stop_us)
        return events.between(clip.start_us, clip.stop_us) if whole else None


def _picture(clip: Clip, events: Events | None, longest_px: int) -> Picture | None:
    picture = events_picture(events, longest_px, clip.start_us) if events is not None else None
    if picture is None or clip.box is None or events is None:
        return picture
    return picture._replace(pixels=_framed(picture.pixels, clip.box, halvings(events.sensor, longest_px)))


def _framed(pixels: np.ndarray, box: Box, shift: int) -> np.ndarray:
    """The picture, of a sensor halved ``shift`` times, with a thin frame where the box lies."""
    height, width = pixels.shape[:2]
    left, top = max(0, box.left >> shift), max(0, box.top >> shift)
    right, bottom = min(width, (box.left + box.width) >> shift), min(height, (box.top + box.height) >> shift)
    if right - left < 2 or bottom - top < 2:
        return pixels
    framed, colour = pixels.copy(), np.array([217, 115, 13], np.uint8)
    framed[top:bottom, [left, right - 1]] = colour
    framed[[top, bottom - 1], left:right] = colour
    return framed
