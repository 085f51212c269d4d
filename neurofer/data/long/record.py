"""What the tables of a data set of long videos are read into: videos, each with all its expressions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from neurofer.data.expected import Count
from neurofer.data.micro.record import MicroRecord
from neurofer.data.preparing import Problem


@dataclass(frozen=True)
class LongExpression:
    """One annotated expression of a long video.

    Attributes:
        record: Its frames, as the data set numbers its images, emotion, action units, corrections.
        onset_seen: Whether it starts within the video. Where it does not, it counts when a method is scored, but no
            network and no duration is learned from it.
    """

    record: MicroRecord
    onset_seen: bool = True


@dataclass(frozen=True)
class LongVideo:
    """One long video.

    Attributes:
        dataset: ``samm_lv``, ``casme2_long`` or ``casme3_long``.
        subject: As the data set writes it.
        name: Unique in the data set, fit for a file name: ``006_1``, ``s15_0101disgustingteeth``.
        folder: Folder of its image files, relative to the data set's root.
        fps: Frames per second.
        expressions: All that are annotated, by onset; may be none.
    """

    dataset: str
    subject: str
    name: str
    folder: str
    fps: float
    expressions: tuple[LongExpression, ...] = ()


@dataclass(frozen=True)
class LongTable:
    """Videos of one data set, and all that was not as it should be.

    Attributes:
        dataset: Its name.
        videos: In the order of their names.
        problems: Rows and folders that cannot be used, each with sheet, row and column.
        rules: How often each rule for odd input was applied, such as ``offset 0 is the apex``: handled, not lost.
        differing: Numbers that are not those of the release.
    """

    dataset: str
    videos: tuple[LongVideo, ...]
    problems: tuple[Problem, ...] = ()
    rules: Mapping[str, int] = field(default_factory=Counter)
    differing: tuple[Count, ...] = ()
