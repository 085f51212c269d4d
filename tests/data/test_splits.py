"""Subject-disjoint splits: nobody on two sides, even classes, nothing but names, counts and the seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.splits import PARTS, Split, split_subjects
from neurofer.errors import NeuroferError


def clips_of(rows: list[tuple[str, str]], classes: tuple[str, ...] = ("calm", "glad")) -> ClipSet:
    clips = tuple(Clip(f"clip{number:03}", Path("none"), 0, 1, subject, label, "made")
                  for number, (subject, label) in enumerate(rows))
    return ClipSet("made", classes, clips, "digest")


def even(subjects: int, each: int = 2) -> ClipSet:
    return clips_of([(f"s{number:02}", label) for number in range(subjects) for label in ("calm", "glad")
                     for _ in range(each)])


def test_three_subjects_by_hand() -> None:
    split = split_subjects(even(3))
    assert sorted(split.train + split.validation + split.test) == ["s00", "s01", "s02"]
    assert [len(split.subjects(part)) for part in PARTS] == [1, 1, 1]


def test_shares_are_kept() -> None:
    split = split_subjects(even(24), (0.6, 0.2, 0.2))
    assert [len(split.subjects(part)) for part in PARTS] == [14, 5, 5]


def test_everybody_is_on_exactly_one_side() -> None:
    clip_set = even(11)
    split = split_subjects(clip_set, seed=3)
    together = [*split.train, *split.validation, *split.test]
    assert sorted(together) == list(clip_set.subjects)
    assert sum(len(split.clips(clip_set, part)) for part in PARTS) == len(clip_set.clips)


def test_order_of_clips_does_not_matter_and_the_seed_does() -> None:
    rows = [(f"s{number:02}", label) for number in range(12) for label in ("calm", "glad")]
    assert split_subjects(clips_of(rows)) == split_subjects(clips_of(rows[::-1]))
    assert len({split_subjects(clips_of(rows), seed=seed) for seed in range(6)}) > 1


def test_a_rare_class_is_spread_over_the_parts() -> None:
    rare = [(f"r{number}", label) for number in range(5) for label in ("calm", "glad", "glad")]
    plain = [(f"p{number}", "calm") for number in range(5) for _ in range(3)]
    for seed in range(5):
        clip_set = clips_of(rare + plain)
        split = split_subjects(clip_set, seed=seed)
        assert all(any(clip.label == "glad" for clip in split.clips(clip_set, part)) for part in PARTS)


def test_two_subjects_are_refused() -> None:
    with pytest.raises(NeuroferError, match=r"2 subject\(s\) cannot be split .* at least 3"):
        split_subjects(even(2))


def test_a_class_that_nobody_shows_is_refused_by_name() -> None:
    clip_set = clips_of([(f"s{number}", "calm") for number in range(6)])
    with pytest.raises(NeuroferError, match="no training subject shows glad"):
        split_subjects(clip_set)


def test_an_unknown_label_names_the_clip() -> None:
    with pytest.raises(NeuroferError, match="clip001 has the label 'bored'"):
        split_subjects(clips_of([("a", "calm"), ("b", "bored"), ("c", "glad")]))


@pytest.mark.parametrize("fractions", [(0.5, 0.5, 0.5), (1.0, 0.0, 0.0)])
def test_shares_that_are_no_whole_are_refused(fractions: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="three positive shares"):
        split_subjects(even(6), fractions)


def test_a_subject_on_two_sides_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="subject ann is in train and in test"):
        Split(("ann",), ("bob",), ("ann",))
