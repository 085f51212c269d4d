"""The parts that a data set itself names; who chooses the epoch where it names no validation part."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from neurofer.data.clip import ClipSet
from neurofer.data.partition import Partition
from neurofer.data.splits import PARTS, class_counts, place_subjects, require_classes
from neurofer.errors import NeuroferError

INNER_SHARE = 0.2
"""Share of the training subjects that choose the epoch."""


def official_partition(clip_set: ClipSet, seed: int = 0) -> Partition:
    """The parts that the clips' fact ``part`` names.

    A set that names no validation part gives up a fifth of its training subjects, all their training clips, so that the
    test part is read once only. They are chosen as ``split_subjects`` does, for even classes. Where the data set itself
    shows a subject on two sides, the protocol says so and ``Partition.shared`` names them.

    Args:
        clip_set: Clips with the fact ``part``: train, validation or test.
        seed: Another seed chooses others for validation.

    Raises:
        NeuroferError: clips without a part or with another word, no clip to train on or to test on, fewer than two
            training subjects, or a class without a training clip.
    """
    _check(clip_set)
    parts = {part: [clip.name for clip in clip_set.clips if clip.facts["part"] == part] for part in PARTS}
    protocol = f"official parts of {clip_set.name}"
    if not parts["validation"]:
        inner = _inner_subjects(clip_set, seed)
        training = [clip for clip in clip_set.clips if clip.facts["part"] == "train"]
        parts["train"] = [clip.name for clip in training if clip.subject not in inner]
        parts["validation"] = [clip.name for clip in training if clip.subject in inner]
        everyone = len({clip.subject for clip in training})
        protocol += f", of whose training subjects {len(inner)} of {everyone} are validation (seed {seed})"
    names = set(parts["train"])
    require_classes(clip_set, (clip for clip in clip_set.clips if clip.name in names))
    partition = Partition.of_clips(clip_set, protocol, parts["train"], parts["validation"], parts["test"])
    return replace(partition, protocol="; ".join([
        protocol, _sharing(clip_set, partition), "best epoch by validation; test read once"]))


def _sharing(clip_set: ClipSet, partition: Partition) -> str:
    tested = set(partition.subjects(clip_set, "test"))
    known = tested & {*partition.subjects(clip_set, "train"), *partition.subjects(clip_set, "validation")}
    if known:
        return f"not subject-disjoint, {len(known)} of {len(tested)} test subjects are also trained or validated on"
    if partition.shared:
        return f"test subjects are new, {len(partition.shared)} subjects are both in training and validation"
    return "subject-disjoint"


def _inner_subjects(clip_set: ClipSet, seed: int) -> set[str]:
    training = replace(clip_set, clips=tuple(clip for clip in clip_set.clips if clip.facts["part"] == "train"))
    counts = class_counts(training)
    if len(counts) < 2:
        raise NeuroferError(f"data set {clip_set.name}: its official training part has {len(counts)} subject, and "
                            "another must choose the epoch; prepare it with more subjects")
    inner = max(1, round(INNER_SHARE * len(counts)))
    places = place_subjects(counts, (len(counts) - inner, inner), (1 - INNER_SHARE, INNER_SHARE), seed)
    return {subject for subject, place in places.items() if place == 1}


def _check(clip_set: ClipSet) -> None:
    parts = Counter(clip.facts.get("part", "no part") for clip in clip_set.clips)
    if set(parts) == {"no part"}:
        raise NeuroferError(f"data set {clip_set.name}: names no official parts; choose split.kind=subjects or folds")
    strange = {part: count for part, count in parts.items() if part not in PARTS}
    if strange:
        said = ", ".join(f"{count} in {part!r}" for part, count in sorted(strange.items()))
        raise NeuroferError(f"data set {clip_set.name}: {sum(strange.values())} clips are in none of "
                            f"{', '.join(PARTS)} but {said}; prepare it again")
    empty = [part for part in ("train", "test") if not parts[part]]
    if empty:
        raise NeuroferError(f"data set {clip_set.name}: its official {' and '.join(empty)} part has no clip; prepare "
                            "the whole data set, or choose split.kind=subjects or folds")
