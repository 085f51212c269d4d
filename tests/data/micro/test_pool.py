"""Stores together as one set of clips, and any fact of theirs as the label."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Clip
from neurofer.data.frames import write_frames
from neurofer.data.micro.pool import frame_index, frames_of, labelled, open_pool
from neurofer.data.store import StoredClip, open_store, write_store_index
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.events.columns import write_columns
from neurofer.events.events import Events


def made(folder: Path, name: str, clips: dict[str, tuple[str, dict[str, str]]],
         parameters: dict[str, object] | None = None) -> Path:
    """A store of clips ``SUBJECT_NUMBER`` with their label and facts; frames show the clip's place."""
    nothing = np.zeros(0, np.uint16)
    stored = []
    for place, (clip, (label, facts)) in enumerate(clips.items()):
        info = write_columns(folder / "events" / clip,
                             Events(np.zeros(0, np.int64), nothing, nothing, np.zeros(0, bool), (8, 8)), (8, 8))
        write_frames(folder, clip, np.array([0, 5_000, 10_000]), np.full((3, 8, 8), place + len(name), np.uint8))
        stored.append(StoredClip(Clip(clip, folder / "events" / clip, 0, 10_001, clip.split("_")[0], label, name,
                                      sensor=(8, 8), facts={"kind": "micro", **facts} if facts else {}), 0,
                                 info.digest))
    write_store_index(folder, name, sorted({label for label, _ in clips.values()}), (8, 8), parameters or {},
                      stored, "test")
    return folder


@pytest.fixture
def casme2(tmp_path: Path) -> Path:
    return made(tmp_path / "one", "casme2", {
        "01_b": ("happiness", {"label3": "positive", "fps": "200"}), "01_a": ("others", {"fps": "200"}),
        "02_a": ("disgust", {"label3": "negative", "fps": "200"})})


@pytest.fixture
def smic(tmp_path: Path) -> Path:
    return made(tmp_path / "two", "smic", {"01_a": ("negative", {"label3": "negative", "fps": "100"})})


def test_one_store_stays_as_it_is(casme2: Path) -> None:
    assert open_pool([casme2]) == open_store(casme2)


def test_several_stores_keep_their_people_apart(casme2: Path, smic: Path) -> None:
    pool = open_pool([smic, casme2])
    assert pool == open_pool([casme2, smic])
    assert pool.name == "casme2+smic"
    assert pool.classes == ("disgust", "happiness", "negative", "others")
    assert [clip.name for clip in pool.clips] == ["casme2/01_a", "casme2/01_b", "casme2/02_a", "smic/01_a"]
    assert pool.subjects == ("casme2/01", "casme2/02", "smic/01")
    assert [clip.dataset for clip in pool.clips] == ["casme2"] * 3 + ["smic"]


def test_the_digest_follows_from_every_store(casme2: Path, smic: Path, tmp_path: Path) -> None:
    other = made(tmp_path / "three", "smic", {"01_a": ("negative", {"label3": "negative", "fps": "25"})})
    assert open_pool([casme2, smic]).digest != open_pool([casme2, other]).digest


def test_frames_are_found_under_the_pools_names(casme2: Path, smic: Path) -> None:
    pool = open_pool([casme2, smic])
    assert [int(frames_of(clip).pictures[0, 0, 0]) for clip in pool.clips] == [7, 6, 8, 4]


def test_the_classes_of_the_composite_protocol_are_always_three(casme2: Path) -> None:
    chosen = labelled(open_pool([casme2]), "label3")
    assert chosen.classes == ("negative", "positive", "surprise")
    assert [(clip.name, clip.label) for clip in chosen.clips] == [("01_b", "positive"), ("02_a", "negative")]
    assert [chosen.label_number(clip) for clip in chosen.clips] == [1, 0]


def test_other_facts_as_labels(casme2: Path, smic: Path) -> None:
    pool = open_pool([casme2, smic])
    assert labelled(pool, "emotion") == pool
    by_rate = labelled(pool, "fps")
    assert by_rate.classes == ("100", "200")
    assert [clip.label for clip in by_rate.clips] == ["200", "200", "200", "100"]


def test_an_unknown_fact_names_those_that_are_there(casme2: Path) -> None:
    with pytest.raises(UsageError, match="label=mood: no clip of casme2 has it; choose emotion, fps, kind, label3"):
        labelled(open_pool([casme2]), "mood")


def test_a_class_outside_of_the_protocol_is_refused(tmp_path: Path) -> None:
    store = made(tmp_path / "odd", "odd", {"01_a": ("x", {"label3": "neutral"})})
    with pytest.raises(UsageError, match="odd has the value 'neutral', which is none of negative, positive, surprise"):
        labelled(open_pool([store]), "label3")


def test_pools_that_cannot_be(casme2: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="hold casme2 more than once"):
        open_pool([casme2, casme2])
    with pytest.raises(UsageError, match="need the folder of a micro store"):
        open_pool([])
    with pytest.raises(BadFileError, match="no such store"):
        open_pool([casme2, tmp_path / "none"])
    other = made(tmp_path / "other", "see", {"01_a": ("anger", {})})
    with pytest.raises(BadFileError, match="is a store of see, whose clips are no micro-expressions; make one"):
        open_pool([casme2, other])


@pytest.mark.parametrize(("first", "seed", "same"), [(0, 5, True), (2, 5, True), (3, 5, False), (0, 6, False)])
def test_one_person_under_two_names_is_refused(first: int, seed: int, same: bool, tmp_path: Path) -> None:
    for name, number, drawn in (("slow", 0, 5), ("fast", first, seed)):
        made(tmp_path / name, name, {"s000_a": ("disgust", {"label3": "negative"})},
             {"generator": "micro_synthetic", "seed": drawn, "first_subject": number, "subjects": 3})
    if not same:
        assert len(open_pool([tmp_path / "slow", tmp_path / "fast"]).clips) == 2
        return
    with pytest.raises(UsageError, match=f"slow and fast show the same people, number {first} of seed 5 among them"):
        open_pool([tmp_path / "slow", tmp_path / "fast"])


def test_the_frame_at_a_moment(casme2: Path) -> None:
    frames = frames_of(open_pool([casme2]).clips[0])
    assert [frame_index(frames, moment) for moment in (0, 5_000, 10_000)] == [0, 1, 2]
    for moment in (-1, 4_999, 10_001):
        with pytest.raises(NeuroferError, match=f"none is at {moment} us"):
            frame_index(frames, moment)
