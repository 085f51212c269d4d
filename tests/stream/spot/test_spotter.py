"""Footage to intervals: frames and milliseconds of the film, distances at any rate, short films, refusals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurofer.data.clip import Box
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.events.columns import write_columns
from neurofer.events.events import Events
from neurofer.spotting.interval import Interval
from neurofer.stream.micro.films import FaceHint
from neurofer.stream.spot.footage import Footage, in_blocks
from neurofer.stream.spot.opening import Looking, open_footage
from neurofer.stream.spot.sources import Source
from neurofer.stream.spot.spotter import Spotted, renumbered, scaled_decoding, spotted_in, to_ticks
from trees.micro_films import write_images, write_video
from trees.spot_runs import DECODINGS, SIDE, pulses, stand_in

WHOLE = Looking(30.0, FaceHint(whole=True))


def footage(pictures: np.ndarray, fps: float = 30.0, numbers: Any = None) -> Footage:
    numbers = np.arange(len(pictures)) if numbers is None else numbers
    rows = [(picture, int(number), round(int(number) * 1e6 / fps))
            for picture, number in zip(pictures, numbers, strict=True)]
    return Footage("v", "v.mp4", fps, len(pictures), lambda: in_blocks(rows))


def intervals(spotted: Spotted) -> list[tuple[str, int, int]]:
    return [(spot.interval.kind, spot.interval.onset, spot.interval.offset) for spot in spotted.spots]


def test_pulses_are_spotted_where_they_are() -> None:
    found = spotted_in(stand_in(), footage(pulses(300, (100, 106), (200, 220))))
    assert ("micro", 100, 106) in intervals(found)
    assert ("macro", 202, 218) in intervals(found)
    first = found.spots[0]
    assert first.ms == pytest.approx([1e3 * at / 30 for at in (first.tick.onset, first.tick.apex or 0,
                                                               first.tick.offset)], abs=0.001)
    assert found.notes == ()


def test_at_another_rate_the_same_moments_are_spotted_and_the_change_is_told() -> None:
    slow, run = spotted_in(stand_in(), footage(pulses(300, (100, 106)))), stand_in()
    fast = spotted_in(run, footage(np.repeat(pulses(300, (100, 106)), 2, axis=0), 60.0))
    assert run.card["asked"] == (6, 16)
    assert [spot.ms[1] for spot in fast.spots] == pytest.approx([spot.ms[1] for spot in slow.spots], abs=34)
    assert "60 frames a second, but the run was trained at 30" in fast.notes[0]
    assert "micro 3 to 6, macro 8 to 16" in fast.notes[0]
    assert spotted_in(stand_in(), footage(pulses(300, (100, 106)), 29.97)).notes == ()


def test_too_few_frames_a_second_are_refused() -> None:
    with pytest.raises(NeuroferError, match=r"v.mp4: has 4 frames a second, too few .* needs at least 5"):
        spotted_in(stand_in(), footage(pulses(60), 4.0))


def test_settings_keep_their_seconds() -> None:
    scaled = scaled_decoding(replace(DECODINGS["micro"], least_frames=5, most_frames=17), 200 / 30)
    assert (scaled.skip_frames, scaled.half_interval_frames) == (20, 20)
    assert (scaled.least_frames, scaled.most_frames) == (33, 113)
    assert scaled_decoding(DECODINGS["micro"], 0.1).skip_frames == 1


def test_a_film_shorter_than_its_references_has_a_score_for_every_frame_and_a_note() -> None:
    found = spotted_in(stand_in(), footage(pulses(12, (4, 8))))
    assert len(found.scored.scores) == 12
    assert "12 frames are fewer than 2 k + 1 (macro needs 17)" in found.notes[0]
    assert "micro" not in found.notes[0]
    with pytest.raises(BadFileError, match=r"v.mp4: holds one frame"):
        spotted_in(stand_in(), footage(pulses(1)))


def test_a_strided_run_gets_its_distances_in_used_frames() -> None:
    run = stand_in(stride=3)
    found = spotted_in(run, footage(pulses(300, (100, 130))))
    assert run.card["asked"] == (1, 3)
    assert len(found.scored.scores) == 300


def test_repeated_and_left_out_frames_keep_the_films_own_numbers() -> None:
    numbers = np.array([0, 1, 1, 1, 2, 5, 6, 7])
    one = Interval("v", "micro", 2, 6, 4, 0.5)
    assert renumbered(one, numbers) == Interval("v", "micro", 1, 6, 2, 0.5)
    assert to_ticks(Interval("v", "micro", 1, 6, 3), numbers) == Interval("v", "micro", 1, 6, 5)
    assert to_ticks(Interval("v", "micro", 40, 60), numbers) == Interval("v", "micro", 7, 7)
    plain = np.arange(100)
    assert to_ticks(one, plain) == renumbered(one, plain) == one


@pytest.mark.parametrize("kind", ["images", "video"])
def test_films_give_what_their_frames_give(kind: str, tmp_path: Path) -> None:
    pictures = pulses(120, (50, 60))
    images = kind == "images"
    path = write_images(tmp_path / "film", pictures) if images else write_video(tmp_path / "film.avi", pictures, 30.0)
    looking = WHOLE if images else replace(WHOLE, fps=None)
    found = spotted_in(stand_in(), open_footage(Source("film", path, "film"), stand_in(), looking))
    wanted = spotted_in(stand_in(), footage(pictures))
    assert np.abs(found.scored.scores - wanted.scored.scores).max() <= 1 / 255  # colours and back
    assert intervals(found) == intervals(wanted)
    assert found.notes == ("face by whole picture",)


def test_a_frame_that_cannot_be_read_is_named_by_file_and_number(tmp_path: Path) -> None:
    film = write_images(tmp_path / "film", pulses(20))
    (film / "7.png").write_bytes(b"no image")
    opened = open_footage(Source("film", film, "film"), stand_in(), WHOLE)
    with pytest.raises(BadFileError, match=r"7.png: is not an image .*; it is frame 7 of 20, counted from 0"):
        spotted_in(stand_in(), opened)


def test_films_without_a_face_say_what_to_give(tmp_path: Path) -> None:
    opened = open_footage(Source("film", write_images(tmp_path / "film", pulses(40, side=64)), "film"), stand_in(),
                          Looking(30.0))
    with pytest.raises(NeuroferError, match=r"shows no face .*--eyes or --box, or --whole"):
        spotted_in(stand_in(), opened)
    with pytest.raises(UsageError, match="give --fps"):
        open_footage(Source("film", tmp_path / "film", "film"), stand_in(), Looking())
    one = write_images(tmp_path / "one", pulses(1))
    with pytest.raises(BadFileError, match="holds one frame"):
        open_footage(Source("one", one, "film"), stand_in(), WHOLE)


def test_recordings_are_for_runs_of_events(tmp_path: Path) -> None:
    events = Events(np.arange(0, 2_000_000, 500), *np.random.default_rng(0).integers(0, SIDE, (2, 4000)),
                    np.arange(4000) % 2, (SIDE, SIDE))
    write_columns(tmp_path / "recording", [events], (SIDE, SIDE))
    source = Source("recording", tmp_path / "recording", "recording")
    with pytest.raises(UsageError, match=r"is a recording of events, but .* looks at videos; give it a video"):
        open_footage(source, stand_in(), WHOLE)
    looking = replace(WHOLE, request=replace(WHOLE.request, box=Box(0, 0, SIDE, SIDE)))
    opened = open_footage(source, stand_in("events"), looking)
    found = spotted_in(stand_in("events"), opened)
    assert len(found.scored.scores) == opened.count == 61  # 2 s, and the frame behind the end
    blocks = np.concatenate([block.frames for block in opened.blocks()])
    assert blocks.sum() == 4000
    assert blocks.shape[1:] == (2, SIDE, SIDE)


def test_an_empty_recording_is_refused(tmp_path: Path) -> None:
    write_columns(tmp_path / "none", [Events.empty((SIDE, SIDE))], (SIDE, SIDE))
    with pytest.raises(NeuroferError, match="holds no events"):
        open_footage(Source("none", tmp_path / "none", "recording"), stand_in("events"), WHOLE)
