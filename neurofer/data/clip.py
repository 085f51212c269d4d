"""A clip: one labelled interval of one recording. Every data set yields clips, every split sorts them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Box(NamedTuple):
    """A face box in sensor pixels; it may reach over the sensor's edge."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class Clip:
    """One labelled interval of one recording.

    Attributes:
        name: Unique within its data set.
        path: Recording that ``neurofer.events.open_recording`` reads.
        start_us: First microsecond, on the recording's own clock.
        stop_us: One past the last microsecond.
        subject: Who is seen; splits never put one subject on two sides.
        label: Class name.
        dataset: Name of the data set.
        box: Face box, or None to look for it.
        sensor: ``(width, height)``.
        truth: Known moments: ``onset_us``, ``apex_us``, ``offset_us``.
        facts: Further things that the data set says of the clip, such as ``part`` (of its official split) or
            ``reported`` (another label).
    """

    name: str
    path: Path
    start_us: int
    stop_us: int
    subject: str
    label: str
    dataset: str
    box: Box | None = None
    sensor: tuple[int, int] | None = None
    truth: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        from neurofer.data.clip_card import clip_card

        return clip_card(self)


@dataclass(frozen=True)
class ClipSet:
    """Clips of one data set in a fixed order.

    Attributes:
        name: Name of the data set.
        classes: Class names; a label's place here is its number.
        clips: The clips, sorted by name.
        digest: SHA-256 that changes when any clip or its events change; written into every run record.
    """

    name: str
    classes: tuple[str, ...]
    clips: tuple[Clip, ...]
    digest: str

    @property
    def subjects(self) -> tuple[str, ...]:
        """All subjects, sorted."""
        return tuple(sorted({clip.subject for clip in self.clips}))

    def label_number(self, clip: Clip) -> int:
        """Place of the clip's label in ``classes``."""
        return self.classes.index(clip.label)

    def of_subjects(self, subjects: tuple[str, ...] | list[str] | set[str]) -> tuple[Clip, ...]:
        """The clips of these subjects, in order."""
        wanted = set(subjects)
        return tuple(clip for clip in self.clips if clip.subject in wanted)

    def _repr_html_(self) -> str:
        from neurofer.data.clip_card import clip_set_card

        return clip_set_card(self)
