"""The official parts of a data set: as it names them, an inner validation, and who is on two sides."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.official import official_partition
from neurofer.errors import NeuroferError, UsageError
from neurofer.train.data import chosen_label

CLASSES = ("calm", "glad")


def clips_of(parts: dict[str, str | None], each: int = 2) -> ClipSet:
    clips = [Clip(f"{subject}_{label}_{number}", Path("none"), 0, 1, subject.split("/")[0], label, "made",
                  facts={} if part is None else {"part": part})
             for subject, part in parts.items() for label in CLASSES for number in range(each)]
    return ClipSet("made", CLASSES, tuple(sorted(clips, key=lambda clip: clip.name)), "digest")


def twenty_and_six() -> ClipSet:
    return clips_of({f"u{number:02}": "train" if number < 20 else "test" for number in range(26)})


def test_named_parts_are_kept() -> None:
    partition = official_partition(clips_of({"a": "train", "b": "validation", "c": "test"}))
    assert [part[0].split("_")[0] for part in (partition.train, partition.validation, partition.test)] == [*"abc"]
    assert partition.protocol == ("official parts of made; subject-disjoint; best epoch by validation; "
                                  "test read once")
    assert partition.shared == ()


def test_a_fifth_of_the_training_subjects_validates() -> None:
    clip_set = twenty_and_six()
    partition = official_partition(clip_set, 0)
    inner = partition.subjects(clip_set, "validation")
    assert len(inner) == 4
    assert partition.subjects(clip_set, "test") == tuple(f"u{number}" for number in range(20, 26))
    assert sorted([*inner, *partition.subjects(clip_set, "train")]) == [f"u{number:02}" for number in range(20)]
    assert "4 of 20 are validation (seed 0)" in partition.protocol
    label = {clip.name: clip.label for clip in clip_set.clips}
    assert Counter(label[name] for name in partition.validation) == {"calm": 8, "glad": 8}


def test_only_names_counts_and_the_seed_decide() -> None:
    clip_set = twenty_and_six()
    turned = replace(clip_set, clips=clip_set.clips[::-1])
    assert set(official_partition(turned, 3).validation) == set(official_partition(clip_set, 3).validation)
    assert len({official_partition(clip_set, seed).validation for seed in range(5)}) > 1
    assert len({frozenset(official_partition(clip_set, seed).test) for seed in range(5)}) == 1


def test_a_rare_class_stays_even() -> None:
    clip_set = clips_of({f"u{number}": "train" for number in range(10)} | {"t": "test"})
    rare = replace(clip_set, clips=tuple(clip for clip in clip_set.clips if clip.label == "calm"
                                         or clip.subject in ("u0", "u5", "u7", "u8", "u9", "t")))
    for seed in range(5):
        partition = official_partition(rare, seed)
        assert sum(name.split("_")[1] == "glad" for name in partition.validation) == 2


def test_subjects_of_both_sides_are_said() -> None:
    clip_set = clips_of({"a": "train", "b": "train", "c": "train", "a/again": "test", "d": "test"})
    partition = official_partition(clip_set)
    assert partition.shared == ("a",)
    assert "not subject-disjoint, 1 of 2 test subjects are also trained or validated on" in partition.protocol
    assert sorted([*partition.train, *partition.validation, *partition.test]) == [clip.name for clip in clip_set.clips]


@pytest.mark.parametrize(("parts", "why"), [
    ({"a": None, "b": None}, "names no official parts; choose split.kind=subjects or folds"),
    ({"a": "train", "b": "test", "c": None, "d": "dev"}, "8 clips are in none of train, validation, test"),
    ({"a": "train", "b": "validation"}, "its official test part has no clip"),
    ({"a": "test"}, "its official train part has no clip"),
    ({"a": "train", "b": "test"}, "has 1 subject, and another must choose the epoch"),
])
def test_sets_that_cannot_be_parted(parts: dict[str, str | None], why: str) -> None:
    with pytest.raises(NeuroferError, match=why):
        official_partition(clips_of(parts))


def test_a_class_without_training_clips_is_named() -> None:
    clip_set = clips_of({"a": "train", "b": "train", "c": "test"})
    without = replace(clip_set, clips=tuple(clip for clip in clip_set.clips
                                            if clip.label == "calm" or clip.subject == "c"))
    with pytest.raises(NeuroferError, match="no training subject shows glad"):
        official_partition(without)


def test_a_fact_that_is_no_label_is_not_offered_as_one() -> None:
    clip_set = clips_of({"a": "train", "b": "test"})
    told = replace(clip_set, clips=tuple(replace(clip, facts={**clip.facts, "reported": "calm"})
                                         for clip in clip_set.clips))
    with pytest.raises(UsageError, match=r"^label=part: no clip of .* has that label; its clips have reported$"):
        chosen_label(told, "part")
    assert {clip.label for clip in chosen_label(told, "reported").clips} == {"calm"}
