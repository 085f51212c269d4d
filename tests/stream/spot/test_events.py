"""Events of films and recordings as footage, and blinks taken out by what lies around an interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurofer.data.boxes import FaceBox
from neurofer.data.clip import Box
from neurofer.data.micro.films import frame_times
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.keyframes.film_events import film_events
from neurofer.keyframes.regions import FACE_PARTS, face_regions
from neurofer.simulate.upsample import Upsampler
from neurofer.spotting.interval import Interval
from neurofer.spotting.veto import veto_blinks
from neurofer.spotting.veto_stretches import without_blinks
from neurofer.spotting.windows import frame_counts
from neurofer.stream.spot.events import RecordedFace, film_counts, film_counts_footage, recording_footage, stored_counts
from neurofer.stream.spot.footage import Footage, in_blocks
from neurofer.stream.spot.tape import EventTape
from neurofer.stream.tables import Request

SIDE = 32


def moving(frames: int) -> np.ndarray:
    across = np.arange(SIDE)[None, None, :] - 0.4 * np.arange(frames)[:, None, None]
    return np.broadcast_to(128 + 100 * np.sin(across / 2), (frames, SIDE, SIDE)).astype(np.uint8)


def noise(count: int, length_us: int, seed: int = 0) -> Events:
    random = np.random.default_rng(seed)
    return Events(np.sort(random.integers(0, length_us, count)), *random.integers(0, SIDE, (2, count)),
                  random.integers(0, 2, count), (SIDE, SIDE))


@pytest.mark.parametrize(("fps", "factor"), [(100.0, 1), (30.0, 8)])
def test_a_film_gives_the_counts_of_the_events_that_a_store_would_hold(fps: float, factor: int) -> None:
    pictures, times_us = moving(20), frame_times(20, fps)
    more = list(Upsampler(factor=factor)(zip(pictures, times_us.tolist(), strict=True)))
    events = film_events(np.stack([np.asarray(one, np.float32) for one, _ in more]),
                         np.array([t_us for _, t_us in more]))
    wanted = frame_counts(events, times_us, SIDE)
    rows = [(picture, number, 7 * number) for number, picture in enumerate(pictures)]
    found = list(film_counts(rows, fps, SIDE, SIDE, factor))
    assert np.array_equal(np.stack([counts for counts, _, _ in found]), wanted)
    assert [(number, t_us) for _, number, t_us in found] == [(number, 7 * number) for number in range(20)]
    film = Footage("v", "v.mp4", fps, 20, lambda: in_blocks(rows, 6))
    footage = film_counts_footage(film, SIDE, SIDE)
    assert np.array_equal(np.concatenate([block.frames for block in footage.blocks()]), wanted)
    assert footage.events is not None
    assert np.array_equal(footage.events.between(0, 1 << 40).t, events.t)
    assert footage.notes()[-1].startswith(f"events made of {fps:g} frames a second")


def test_a_recordings_counts_are_those_of_its_stretch(tmp_path: Path) -> None:
    events = noise(5000, 3_000_000)
    write_columns(tmp_path / "events", [events], (SIDE, SIDE))
    face = RecordedFace(tmp_path / "events", Request(), FaceBox(Box(0, 0, SIDE, SIDE), "user"), 500_000, 2_200_000,
                        events.start_us, SIDE)
    footage = recording_footage(face, "v", 30.0, SIDE // 2)
    found = np.concatenate([block.frames for block in footage.blocks()])
    kept = events.between(500_000, 2_200_000)
    assert np.array_equal(found, frame_counts(kept, face.times_us(30.0), SIDE // 2))
    assert found.sum() == len(kept)


def test_a_stored_videos_counts_are_those_of_training(tmp_path: Path) -> None:
    events, times_us = noise(5000, 3_000_000), frame_times(88, 30.0)
    write_columns(tmp_path / "events", [events], (SIDE, SIDE))
    footage = stored_counts(tmp_path / "events", "v", times_us, 30.0, SIDE, SIDE)
    found = list(footage.blocks())
    wanted = frame_counts(events, times_us, SIDE)
    assert np.array_equal(np.concatenate([block.frames for block in found])[1:], wanted[1:])
    assert np.array_equal(np.concatenate([block.times_us for block in found]), times_us)


def test_a_tape_gives_any_stretch_back() -> None:
    events, tape = noise(3000, 1_000_000), EventTape((SIDE, SIDE))
    for low_us in range(0, 1_000_000, 70_000):
        tape.add(events.between(low_us, low_us + 70_000))
        tape.add(Events.empty((SIDE, SIDE)))
    for low_us, high_us in ((0, 1_000_000), (123_456, 654_321), (70_000, 140_000), (999_000, 2_000_000), (5, 5)):
        found, wanted = tape.between(low_us, high_us), events.between(low_us, high_us)
        for name in ("t", "x", "y", "p"):
            assert np.array_equal(getattr(found, name), getattr(wanted, name))
    tape.add(noise(10, 1000))  # writing goes on behind a reading
    assert len(EventTape((SIDE, SIDE)).between(0, 10)) == 0


def with_blinks(length_us: int, at_us: list[int]) -> Events:
    """Quiet noise, and bursts of 200 ms in the eyes alone."""
    random = np.random.default_rng(3)
    eyes = np.argwhere(face_regions(SIDE) == FACE_PARTS.index("eyes"))
    parts = [noise(int(length_us / 2000), length_us, 4)]
    for start_us in at_us:
        places = eyes[random.integers(0, len(eyes), 4000)]
        t = np.sort(start_us + random.integers(0, 200_000, 4000))
        parts.append(Events(t, places[:, 1], places[:, 0], random.integers(0, 2, 4000), (SIDE, SIDE)))
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in ("t", "x", "y", "p")]
    order = np.argsort(columns[0], kind="stable")
    return Events(*(column[order] for column in columns), (SIDE, SIDE))


def test_blinks_are_those_that_all_events_together_show() -> None:
    blinks_us = [1_000_000, 9_000_000, 21_500_000]
    events, times_us = with_blinks(24_000_000, blinks_us), frame_times(720, 30.0)
    intervals = [Interval("v", "micro", first, first + 12) for first in range(0, 700, 15)]
    found = without_blinks(intervals, events.between, times_us, SIDE)
    wanted = veto_blinks(intervals, events, times_us, SIDE)
    assert wanted.dropped
    assert len(wanted.dropped) < 12
    assert found.dropped == wanted.dropped
    assert found.kept == wanted.kept
    assert without_blinks([], events.between, times_us, SIDE) == ([], [])
