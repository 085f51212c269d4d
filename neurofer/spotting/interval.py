"""An interval of a long video in which an expression is shown, true or spotted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["micro", "macro"]
KINDS: tuple[Kind, ...] = ("micro", "macro")
"""Types of expressions; a type's place here is its column in every array of scores."""


@dataclass(frozen=True)
class Interval:
    """Frames ``onset .. offset`` of a video, both included.

    Attributes:
        video: Name of the video, unique in its data set.
        kind: ``micro`` or ``macro``.
        onset: First frame, counted from 0.
        offset: Last frame, still part of it.
        apex: Frame of the strongest expression, or of the highest score; None where nobody knows.
        score: How sure a method is; None of a true interval.
        label: The emotion, if known.
        onset_seen: Whether the expression starts within the video; False keeps it out of training, not of the score.

    Raises:
        ValueError: it runs backwards, starts before frame 0, or has its apex outside.
    """

    video: str
    kind: Kind
    onset: int
    offset: int
    apex: int | None = None
    score: float | None = None
    label: str = ""
    onset_seen: bool = True

    def __post_init__(self) -> None:
        apex = self.onset if self.apex is None else self.apex
        if not 0 <= self.onset <= apex <= self.offset:
            raise ValueError(f"Interval: need 0 <= onset <= apex <= offset, got {self.onset}, {self.apex}, "
                             f"{self.offset} in {self.video}")
        if self.kind not in KINDS:
            raise ValueError(f"Interval: kind is {self.kind!r}; need micro or macro")

    @property
    def frames(self) -> int:
        """Number of frames, both ends included."""
        return self.offset - self.onset + 1
