"""Folds that share nobody, and the published split with its counts."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.folds import PLACE, fold_partition, fold_subjects, paper_partition, places_in_class
from neurofer.errors import NeuroferError
from trees.published import CLASSES, LISTED, TEST, TRAIN, published_structure


def clip_set(labels, classes=CLASSES):
    """Clips ``subject_number`` with these labels."""
    clips = tuple(Clip(name, Path(name), 0, 1, name.split("_")[0], labels[name], "made up") for name in sorted(labels))
    return ClipSet("made up", classes, clips, "")


def drawn(subjects=24, seed=0):
    draw = random.Random(seed)
    return {f"S{subject:03d}_{number:03d}": draw.choice(CLASSES) for subject in range(subjects)
            for number in range(1, draw.randint(2, 7))}


def by_class(labels, names):
    count = Counter(labels[name] for name in names)
    return tuple(count[label] for label in CLASSES)


def test_folds_share_nobody_and_cover_all():
    everything = clip_set(drawn())
    folds = fold_subjects(everything, 10)
    assert sorted(name for fold in folds for name in fold) == list(everything.subjects)
    assert all(folds)
    tested = []
    for fold in range(10):
        partition = fold_partition(everything, 10, fold)
        assert partition.shared == ()
        assert partition.subjects(everything, "test") == folds[fold]
        assert partition.subjects(everything, "validation") == folds[(fold + 1) % 10]
        assert len(partition.train) + len(partition.validation) + len(partition.test) == len(everything.clips)
        tested += partition.test
    assert sorted(tested) == [clip.name for clip in everything.clips]


def test_folds_depend_on_names_and_labels_alone():
    everything = clip_set(drawn())
    shuffled = list(everything.clips)
    random.Random(1).shuffle(shuffled)
    elsewhere = tuple(replace(clip, path=Path("/elsewhere") / clip.name, stop_us=99) for clip in shuffled)
    assert fold_subjects(replace(everything, clips=elsewhere, digest="x"), 7) == fold_subjects(everything, 7)


def test_folds_by_hand():
    labels = {"a_1": "fear", "a_2": "fear", "a_3": "anger", "b_1": "fear", "b_2": "anger", "c_1": "anger",
              "d_1": "fear"}
    # a (3 clips), b (2) and c open the folds in turn; d's fear goes where fear is rarest: to c, who shows none.
    assert fold_subjects(clip_set(labels, ("anger", "fear")), 3) == [("a",), ("b",), ("c", "d")]


def test_folds_keep_classes_even():
    everything = clip_set({f"S{subject:03d}_{number:03d}": label for subject in range(30)
                           for number, label in enumerate(CLASSES)})
    for names in fold_subjects(everything, 10):
        assert len(names) == 3


def test_too_few_people_for_the_folds():
    everything = clip_set(drawn(4))
    with pytest.raises(NeuroferError, match=r"4 subject\(s\) cannot make 10 folds"):
        fold_partition(everything, 10, 0)
    with pytest.raises(ValueError, match="fold 3 of 3"):
        fold_partition(everything, 3, 3)
    one_afraid = clip_set({"a_1": "anger", "b_1": "fear", "c_1": "anger", "d_1": "anger"}, ("anger", "fear"))
    with pytest.raises(NeuroferError, match="no training .* shows fear"):
        fold_partition(one_afraid, 4, fold=1)


def test_published_split_has_the_published_counts():
    labels = {f"S{number:03d}_{place:03d}": label for place, (label, count) in
              enumerate(zip(CLASSES, LISTED, strict=True)) for number in range(count)}
    partition = paper_partition(clip_set(labels))
    assert by_class(labels, partition.train) == TRAIN
    assert by_class(labels, partition.test) == TEST
    assert partition.validation == partition.test


def test_lost_sequences_move_no_other():
    labels, dropped = published_structure()
    facts = places_in_class(labels)
    everything = clip_set(labels)
    kept = replace(everything, clips=tuple(replace(clip, facts=facts[clip.name]) for clip in everything.clips
                                           if clip.name not in dropped))
    partition = paper_partition(kept)
    assert (len(partition.train), len(partition.test)) == (256, 63)
    assert by_class(labels, partition.train) == (35, 14, 45, 20, 55, 21, 66)
    assert by_class(labels, partition.test) == (7, 4, 12, 5, 14, 6, 15)
    train, test = (set(partition.subjects(kept, part)) for part in ("train", "test"))
    assert (len(train), len(test), len(train & test), len(train | test)) == (107, 30, 19, 118)
    whole = paper_partition(everything)
    assert set(partition.train) == set(whole.train) - set(dropped)
    assert set(partition.test) == set(whole.test) - set(dropped)
    # Without the facts the rule sees fewer names and its border moves.
    bare = replace(everything, clips=tuple(clip for clip in everything.clips if clip.name not in dropped))
    assert set(paper_partition(bare).test) != set(partition.test)


def test_inner_validation_takes_every_fifth_training_clip():
    labels = {f"S{number:03d}_001": CLASSES[number % 2] for number in range(60)}
    everything = clip_set(labels, CLASSES[:2])
    partition = paper_partition(everything, inner_validation=True)
    published = paper_partition(everything)
    assert partition.test == published.test
    assert sorted((*partition.train, *partition.validation)) == list(published.train)
    assert [name for name in partition.validation if labels[name] == "anger"] == [
        name for name in published.train if labels[name] == "anger"][4::5]


def test_a_split_without_test_clips_or_with_garbled_places_is_refused():
    few = clip_set({"a_1": "anger", "b_1": "fear"}, ("anger", "fear"))
    with pytest.raises(NeuroferError, match="no training .* shows anger, fear"):
        paper_partition(few)
    garbled = replace(few, clips=tuple(replace(clip, facts={PLACE: "first"}) for clip in few.clips))
    with pytest.raises(NeuroferError, match="place_in_class of clip a_1 is 'first'"):
        paper_partition(garbled)
