"""The published split of Spiking-FER: what it draws, whom it shares, and that it says so."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.random_splits import random_partition
from neurofer.errors import NeuroferError


@pytest.fixture
def clips() -> ClipSet:
    """60 clips: 12 people, 5 classes, one clip each."""
    made = [Clip(f"p{person:02d}_{label}", Path("nowhere"), 0, 1_000, f"p{person:02d}", label, "made up")
            for person in range(12) for label in "abcde"]
    return ClipSet("made up", tuple("abcde"), tuple(made), "digest")


def test_a_draw_tests_a_fifth_by_names_alone_and_chooses_the_epoch_there(clips: ClipSet) -> None:
    found = random_partition(clips, 10, 3)
    assert len(found.test) == 12
    assert found.validation == found.test
    assert sorted((*found.train, *found.test)) == sorted(clip.name for clip in clips.clips)
    turned = dataclasses.replace(clips, clips=clips.clips[::-1])
    assert random_partition(turned, 10, 3) == found
    assert random_partition(clips, 10, 3, seed=1).test != found.test


def test_draws_overlap_leave_clips_out_and_share_people(clips: ClipSet) -> None:
    draws = [random_partition(clips, 10, draw) for draw in range(10)]
    tested = [name for found in draws for name in found.test]
    assert len(tested) == 120
    assert len(set(tested)) < 60  # 60 * 0.8 ** 10 = 6.4 are expected to be left out
    for found in draws:
        people = {name[:3] for name in found.test}
        known = people & {name[:3] for name in found.train}
        assert known
        assert set(found.shared) == people  # the epoch is chosen on the tested ones themselves
        assert f"{len(known)} of their {len(people)} people are also trained on" in found.protocol
        assert "best epoch by its result on the test" in found.protocol


def test_inner_validation_leaves_the_test_part_alone(clips: ClipSet) -> None:
    outer, inner = random_partition(clips, 10, 0), random_partition(clips, 10, 0, inner_validation=True)
    assert inner.test == outer.test
    assert sorted((*inner.train, *inner.validation)) == sorted(outer.train)
    assert 0 < len(inner.validation) <= len(outer.train) / 5
    assert "test read once" in inner.protocol


def test_what_cannot_be_drawn_is_refused(clips: ClipSet) -> None:
    with pytest.raises(ValueError, match="got draw 10 of 10 and share 0.2"):
        random_partition(clips, 10, 10)
    few = dataclasses.replace(clips, clips=clips.clips[:4])
    with pytest.raises(NeuroferError, match=r"4 clip\(s\) leave none to test"):
        random_partition(few, 10, 0)
    with pytest.raises(NeuroferError, match="no training subject shows e"):
        random_partition(dataclasses.replace(clips, clips=clips.clips[:4] + clips.clips[5:9]), 10, 0)
