"""Stores of long videos together as one set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.long.pool import fps_of, has_events, open_long_pool, require_events
from neurofer.data.long.preparing import LongPlan, prepare_long
from neurofer.data.long.record import LongVideo
from neurofer.data.long.store import LABELS, open_long, video_frames
from neurofer.errors import UsageError
from trees.long_films import expression, table, video, wave, write_images

PLAN = LongPlan(size_px=32, whole=True)


def made(folder: Path, dataset: str, *videos: LongVideo, plan: LongPlan = PLAN) -> Path:
    """A store of these videos, 10 frames each; how they begin depends on the data set."""
    for one in videos:
        write_images(folder, one, range(1, 11), lambda number: wave(number + 7 * len(dataset)))
    prepare_long(table(*(replace(one, dataset=dataset) for one in videos)), folder, folder / "store", plan)
    return folder / "store"


@pytest.fixture
def samm(tmp_path: Path) -> Path:
    return made(tmp_path / "one", "samm_lv", video("01_1", expression("micro", 2, 3, 4), subject="01"),
                video("02_1", subject="02"))


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return made(tmp_path / "two", "more_lv", video("01_1", expression("macro", 2, 3, 9), subject="01"))


def test_one_store_stays_as_it_is(samm: Path) -> None:
    assert open_long_pool([samm]) == open_long(samm)
    assert fps_of(open_long_pool([samm])) == 200


def test_several_stores_keep_their_people_apart(samm: Path, other: Path) -> None:
    pool = open_long_pool([samm, other])
    assert pool == open_long_pool([other, samm])
    assert (pool.clip_set.name, pool.clip_set.classes) == ("more_lv+samm_lv", LABELS)
    names = ["more_lv/01_1", "samm_lv/01_1", "samm_lv/02_1"]
    assert [clip.name for clip in pool.videos] == sorted(pool.truth) == names
    assert pool.clip_set.subjects == ("more_lv/01", "samm_lv/01", "samm_lv/02")
    assert [(one.video, one.kind) for name in names for one in pool.truth[name]] == [
        ("more_lv/01_1", "macro"), ("samm_lv/01_1", "micro")]
    assert [clip.name for clip in pool.of_subjects(["samm_lv/01"])] == ["samm_lv/01_1"]
    for pooled, alone in zip(pool.videos, [*open_long(other).videos, *open_long(samm).videos], strict=True):
        np.testing.assert_array_equal(video_frames(pooled).pictures, video_frames(alone).pictures)


def test_the_digest_follows_every_store(samm: Path, other: Path, tmp_path: Path) -> None:
    changed = made(tmp_path / "three", "more_lv", video("01_1", expression("macro", 2, 3, 8), subject="01"))
    assert open_long_pool([samm, other]).clip_set.digest != open_long_pool([samm, changed]).clip_set.digest


def test_one_data_set_twice_is_refused(samm: Path, tmp_path: Path) -> None:
    again = made(tmp_path / "again", "samm_lv", video("03_1", subject="03"))
    with pytest.raises(UsageError, match="hold samm_lv more than once; give one store of each data set"):
        open_long_pool([samm, again])
    with pytest.raises(UsageError, match="need the folder of a store of long videos"):
        open_long_pool([])


def test_other_frame_rates_are_refused(samm: Path, tmp_path: Path) -> None:
    slow = made(tmp_path / "slow", "casme2_long", video("s15_a", subject="s15", fps=30))
    with pytest.raises(UsageError, match=r"^data: casme2_long/s15_a has 30 frames a second and samm_lv/01_1 200, but"):
        open_long_pool([samm, slow])
    mixed = made(tmp_path / "mixed", "mixed", video("a", fps=29.97), video("b", fps=30))
    with pytest.raises(UsageError, match="a has 29.97 frames a second and b 30"):
        open_long_pool([mixed])


def test_the_same_drawn_people_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stores = []
    for name, seed, number in (("one", 3, 0), ("two", 3, 2), ("three", 3, 1), ("four", 4, 1)):
        monkeypatch.setattr(LongPlan, "parameters", lambda _, name, seed=seed, number=number: {
            "generator": "long_synthetic", "seed": seed, "first_subject": number, "subjects": 2})
        stores.append(made(tmp_path / name, name, video("a")))
    assert len(open_long_pool([stores[0], stores[1], stores[3]]).videos) == 3
    with pytest.raises(UsageError, match="one and three show the same people, number 1 of seed 3 among them"):
        open_long_pool([stores[0], stores[2]])


def test_videos_without_events_are_refused_where_events_are_wanted(samm: Path, tmp_path: Path) -> None:
    quiet = made(tmp_path / "quiet", "quiet", video("01_1", subject="01"), plan=replace(PLAN, events=False))
    require_events(open_long_pool([samm]))
    assert [has_events(clip) for clip in open_long_pool([samm, quiet]).videos] == [False, True, True]
    with pytest.raises(UsageError, match=r"1 of 3 videos were prepared with --no-events \(quiet/01_1\)"):
        require_events(open_long_pool([samm, quiet]))
