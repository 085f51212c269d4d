"""How the scores of one type of expression become intervals: what is set, and what is chosen on training subjects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Smoothing = Literal["mean", "butterworth", "none"]


@dataclass(frozen=True)
class Decoding:
    """Settings of one type; frames are those of the video.

    Attributes:
        skip_frames: Distance k of the reference frames, at least 1; smoothing and the least distance of peaks follow.
        half_interval_frames: A peak's interval reaches so far to each side.
        peak_share: p of the relative threshold ``mean + p (max - mean)``, over one video.
        floor: Least smoothed score of a peak in any video.
        smoothing: Mean over ``2 k + 1`` frames, a zero-phase Butterworth filter with cut-off ``1 / (2 k)``, or none.
        extend: Grow a peak's interval while the smoothed score is above ``mean + 0.5 p (max - mean)``, instead.
        least_frames: Shorter extended intervals are dropped.
        most_frames: Longer extended intervals are dropped.
        merge: Join intervals less than ``k / 2`` frames apart.
        nms: Of intervals with IoU above 0.5 keep the one of the higher score, and at most the five best of a video.

    Raises:
        ValueError: a setting out of its range.

    Source:
        Spotting specification, section 5.
    """

    skip_frames: int
    half_interval_frames: int
    peak_share: float = 0.55
    floor: float = 0.0
    smoothing: Smoothing = "mean"
    extend: bool = False
    least_frames: int = 1
    most_frames: int = 1_000_000
    merge: bool = True
    nms: bool = False

    def __post_init__(self) -> None:
        problems = [f"{name} is {value:g}; need {low:g} to {high:g}" for name, value, low, high in (
            ("skip_frames", self.skip_frames, 1, 1_000_000), ("peak_share", self.peak_share, 0, 1),
            ("half_interval_frames", self.half_interval_frames, 0, 1_000_000),
            ("least_frames", self.least_frames, 1, self.most_frames)) if not low <= value <= high]
        if problems:
            raise ValueError("Decoding: " + "; ".join(problems))
