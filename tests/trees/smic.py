"""Trees with SMIC's layouts, names and quirks: the clips of its cameras, and the long films with their annotation."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from trees.small_films import Picture, stripes, write_film, write_xlsx

EMOTIONS = {"ne": "negative", "po": "positive", "sur": "surprise"}
PATTERN = "image{:06d}.jpg"
LONG_HEADER = ("Subject", "Filename", "Dist", "OnsetF", "OffsetF", "FirstF", "LastF", "Emotion")


class SmicClip(NamedTuple):
    """One clip: its folder's name, and the numbers of its first and last picture."""

    name: str
    first: int
    last: int

    @property
    def subject(self) -> str:
        return self.name.split("_")[0]

    @property
    def emotion(self) -> str:
        return EMOTIONS[self.name.split("_")[1]]


CLIPS = (SmicClip("s01_ne_01", 123, 140), SmicClip("s01_ne_02", 98, 117), SmicClip("s01_po_01", 1, 16),
         SmicClip("s02_sur_01", 99995, 100011), SmicClip("s02_po_03", 0, 11), SmicClip("s20_ne_10", 7, 15))
"""Pictures are counted on from the film; one clip passes 99999, one begins with 0, one has fewer than 11."""


def write_clips(root: Path, clips: Iterable[SmicClip] = CLIPS, part: str = "HS", picture: Picture = stripes) -> Path:
    """``PART/s01/micro/negative/s01_ne_01/image000123.jpg``, an empty emotion, and what is no micro-expression."""
    for clip in clips:
        folder = root / part / clip.subject / "micro"
        write_film(folder / clip.emotion / clip.name, range(clip.first, clip.last + 1), PATTERN, picture)
        for emotion in EMOTIONS.values():
            (folder / emotion).mkdir(exist_ok=True)
        write_film(root / part / clip.subject / "non_micro" / f"{clip.subject}_non_01", range(3), PATTERN, picture)
    (root / part / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return root / part


def write_long(root: Path, clips: Iterable[SmicClip] = CLIPS, before: int = 3, after: int = 4,
               picture: Picture = stripes) -> Path:
    """``SMIC-HS-E/s01/s01_ne_01`` with ``before`` and ``after`` frames around each clip, and the sheet, its path.

    Subjects are numbers there. A clip that begins before frame ``before`` has its first frame at 0.
    """
    rows = []
    for clip in clips:
        first, last = max(clip.first - before, 0), clip.last + after
        write_film(root / "SMIC-HS-E" / clip.subject / clip.name, range(first, last + 1), PATTERN, picture)
        rows.append({"Subject": int(clip.subject[1:]), "Filename": clip.name, "Dist": 0, "OnsetF": clip.first,
                     "OffsetF": clip.last, "FirstF": first, "LastF": last, "Emotion": clip.emotion})
    return write_xlsx(root / "SMIC-HS-E_annotation.xlsx", LONG_HEADER, rows)
