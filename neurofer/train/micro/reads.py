"""Who was looked at, and for what: noted where clips are read, so that a run's record can prove it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from neurofer.data.clip import ClipSet
from neurofer.errors import NeuroferError

PURPOSES = ("interpolator", "lag", "statistics", "stage1", "alpha", "stage2", "test")


class Reads:
    """Clips that a training has read, by purpose.

    Args:
        clip_set: Whose clips they are.
        purposes: What they are read for; ``test`` is among them.
    """

    def __init__(self, clip_set: ClipSet, purposes: Sequence[str] = PURPOSES) -> None:
        self._clip_set = clip_set
        self._read: dict[str, set[int]] = {purpose: set() for purpose in purposes}

    def note(self, purpose: str, clips: Iterable[int]) -> None:
        """Remember that clips, by number, were read for one of the purposes."""
        self._read[purpose].update(int(clip) for clip in clips)

    def note_subjects(self, purpose: str, subjects: Sequence[str]) -> None:
        """Remember all clips of these people."""
        wanted = set(subjects)
        self.note(purpose, (number for number, clip in enumerate(self._clip_set.clips) if clip.subject in wanted))

    def subjects(self, purpose: str) -> list[str]:
        """Whose clips were read for a purpose, sorted."""
        return sorted({self._clip_set.clips[number].subject for number in self._read[purpose]})

    def record(self) -> dict[str, Any]:
        """``{purpose: {"clips": n, "subjects": [...]}}``, ready for JSON."""
        return {purpose: {"clips": len(self._read[purpose]), "subjects": self.subjects(purpose)}
                for purpose in self._read}


def require_unread(record: dict[str, Any], tested: Sequence[str]) -> None:
    """Refuse a record in which a tested subject was read for anything but the test.

    Args:
        record: What ``Reads.record`` gave.
        tested: Names of the tested subjects.

    Raises:
        NeuroferError: there is one; names it and the purpose.
    """
    for purpose in record:
        met = sorted(set(record[purpose]["subjects"]) & set(tested))
        if purpose != "test" and met:
            raise NeuroferError(f"test subject {met[0]} was read for {purpose}; such a result is not shown")
