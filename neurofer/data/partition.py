"""Which clips train, which choose the epoch, which are tested; and under which protocol."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import ClipSet
from neurofer.data.splits import PARTS, Part, Split

SUBJECT_DISJOINT = "subject-disjoint; best epoch by validation; test read once"


@dataclass(frozen=True)
class Partition:
    """The clips of each part, by name.

    Attributes:
        protocol: One line that says how the parts were made and used.
        train: Clips that set the weights.
        validation: Clips that choose the epoch.
        test: Clips that are read once, at the end.
        shared: Subjects that are in more than one part; empty for a subject-disjoint protocol.
    """

    protocol: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    shared: tuple[str, ...] = ()

    @classmethod
    def of_split(cls, clip_set: ClipSet, split: Split, protocol: str = SUBJECT_DISJOINT) -> Partition:
        """The partition of a subject-disjoint split."""
        return cls(protocol, *(tuple(clip.name for clip in split.clips(clip_set, part)) for part in PARTS))

    @classmethod
    def of_clips(cls, clip_set: ClipSet, protocol: str, train: Sequence[str], validation: Sequence[str],
                 test: Sequence[str]) -> Partition:
        """The partition of lists of clips; finds the subjects that parts share."""
        subject = {clip.name: clip.subject for clip in clip_set.clips}
        seen = [{subject[name] for name in part} for part in (train, validation, test)]
        shared = (seen[0] & seen[1]) | (seen[0] & seen[2]) | (seen[1] & seen[2])
        return cls(protocol, tuple(train), tuple(validation), tuple(test), tuple(sorted(shared)))

    def names(self, part: Part) -> tuple[str, ...]:
        """Clips of one part."""
        if part not in PARTS:
            raise ValueError(f"Partition: no part {part!r}; the parts are {', '.join(PARTS)}")
        return {"train": self.train, "validation": self.validation, "test": self.test}[part]

    def numbers(self, clip_set: ClipSet, part: Part) -> NDArray[np.int64]:
        """Places in ``clip_set.clips`` of the clips of one part."""
        place = {clip.name: number for number, clip in enumerate(clip_set.clips)}
        return np.array([place[name] for name in self.names(part)], np.int64)

    def subjects(self, clip_set: ClipSet, part: Part) -> tuple[str, ...]:
        """Subjects seen in one part, sorted."""
        names = set(self.names(part))
        return tuple(sorted({clip.subject for clip in clip_set.clips if clip.name in names}))

    def record(self, clip_set: ClipSet) -> dict[str, Any]:
        """As run records hold it: subjects by part; clips too, where subjects do not say it all."""
        said: dict[str, Any] = {part: list(self.subjects(clip_set, part)) for part in PARTS}
        whole = Partition.of_split(clip_set, Split(*(tuple(said[part]) for part in PARTS))) if not self.shared else None
        if whole is None or any(set(whole.names(part)) != set(self.names(part)) for part in PARTS):
            said["clips"] = {part: list(self.names(part)) for part in PARTS}
        return said

    @classmethod
    def of_record(cls, clip_set: ClipSet, protocol: str, record: Mapping[str, Any]) -> Partition:
        """The partition of a run record; clips that the set does not have are left out."""
        there = {clip.name for clip in clip_set.clips}
        if "clips" in record:
            return cls.of_clips(clip_set, protocol,
                                *([name for name in record["clips"][part] if name in there] for part in PARTS))
        return cls.of_split(clip_set, Split(*(tuple(record[part]) for part in PARTS)), protocol)


def keep_labels(clip_set: ClipSet, partition: Partition, share: float, seed: int) -> Partition:
    """The partition with the labels of only a share of the training clips; validation and test stay.

    The same share of every class stays, at least one clip; a smaller share is a part of a larger one.

    Args:
        clip_set: The clips.
        partition: All labels.
        share: In (0, 1].
        seed: Another seed keeps other clips.
    """
    if share >= 1:
        return partition
    label = {clip.name: clip.label for clip in clip_set.clips}
    kept: set[str] = set()
    for one in sorted({label[name] for name in partition.train}):
        names = sorted((name for name in partition.train if label[name] == one),
                       key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
        kept.update(names[: max(1, math.floor(share * len(names) + 0.5))])
    return replace(partition, train=tuple(name for name in partition.train if name in kept),
                   protocol=f"{partition.protocol}; {share:.0%} of the training labels")
