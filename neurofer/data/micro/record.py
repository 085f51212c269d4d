"""The normalised record of a micro-expression: what every data set's tables are read into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["micro", "macro"]
ApexSource = Literal["annotated", "midpoint"]
LABELS3 = ("negative", "positive", "surprise")
"""Classes of the composite protocol; a label's place here is its number in the public list."""


class Fix(NamedTuple):
    """One cell of a table that was read otherwise than it is written, and why."""

    field: str
    old: str
    new: str
    reason: str


@dataclass(frozen=True)
class MicroRecord:
    """One annotated expression of a data set.

    Attributes:
        dataset: ``casme2``, ``samm``, ``smic``, ``casme3`` or ``mmew``.
        subject: As the data set writes it, always text: ``sub01``, ``006``, ``s01``, ``spNO.1``, ``S03``.
        video: The film that it is in.
        clip: Name of the expression, unique together with ``subject`` and ``onset_frame``.
        kind: ``micro`` or ``macro``.
        onset_frame: First frame, counted as the data set counts its image files (0-based where it does not say).
        apex_frame: Frame of the largest motion; the midpoint where ``apex_source`` says so; None where there is none.
        offset_frame: Last frame, inclusive.
        fps: Frames per second.
        aus: Action units as written, such as ``R12``.
        emotion: Lower-case word of the data set.
        label3: Its class in the composite protocol, None outside of it.
        apex_source: Where ``apex_frame`` comes from.
        fixes: Cells that were corrected.
        where: ``sheet:row`` (as a spreadsheet numbers rows) or a folder, for messages.
        folder: Folder of the image files, relative to the data set's root; "" where there is none.
        objective: Class by action units alone, I to VII; "" where the data set has none.
    """

    dataset: str
    subject: str
    video: str
    clip: str
    kind: Kind
    onset_frame: int
    apex_frame: int | None
    offset_frame: int
    fps: float
    aus: tuple[str, ...] = ()
    emotion: str = ""
    label3: str | None = None
    apex_source: ApexSource = "annotated"
    fixes: tuple[Fix, ...] = ()
    where: str = ""
    folder: str = ""
    objective: str = ""

    def __post_init__(self) -> None:
        apex = self.onset_frame if self.apex_frame is None else self.apex_frame
        if not self.onset_frame <= apex <= self.offset_frame:
            raise ValueError(f"MicroRecord: need onset <= apex <= offset, got {self.onset_frame}, {self.apex_frame}, "
                             f"{self.offset_frame} in {self.clip}")

    @property
    def frames(self) -> int:
        """Number of frames, both ends included."""
        return self.offset_frame - self.onset_frame + 1
