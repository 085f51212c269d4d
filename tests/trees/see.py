"""A tree with SEE's layout, names and quirks, made of procedural faces: the right eye of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.see_split import CLASSES
from trees.faces import face_frames, save_picture

SIZE = (48, 40)
PICTURES = 5
FILMED = {"angry": "anger"}
"""What the drawn faces call an emotion."""

LIGHTINGS = ("normal", "Overexposed", "Low", "HDR")
SUBJECTS = ("001", "002", "003")


@dataclass(frozen=True)
class SeeClip:
    """One sequence of the tree; the third subject is tested only, the first on both sides, the second trains."""

    number: int
    subject: str
    label: str
    subset: str
    take: int = 0
    pictures: int = PICTURES

    @property
    def name(self) -> str:
        return (f"{self.number}_{self.subject}_{'woman' if self.subject == '002' else 'man'}_24_Master_"
                f"{LIGHTINGS[int(self.subject) % 4]}_{self.label}_{self.pictures}_take{self.take:03}")

    def folder(self, kind: str) -> str:
        """``event/neutraL/<name>`` and such."""
        return f"{kind}/{'neutraL' if self.label == 'neutral' else self.label}/{self.name}"


def see_clips() -> list[SeeClip]:
    """Training: all emotions of 001 and 002. Testing: all of 003, and the first two of 001 again."""
    clips = []
    for subject, subset, labels, take in (("001", "training", CLASSES, 0), ("002", "training", CLASSES, 0),
                                          ("003", "testing", CLASSES, 0), ("001", "testing", CLASSES[:2], 1)):
        clips += [SeeClip(len(clips) + 1 + place, subject, label, subset, take) for place, label in enumerate(labels)]
    return clips


def split_of(clips: list[SeeClip]) -> dict[str, object]:
    """What ``emotion.json`` holds."""
    return {"labels": list(CLASSES), "database": {
        clip.name: {"subset": clip.subset, "annotations": {"label": clip.label, "segment": [0, clip.pictures]}}
        for clip in clips}}


def write_tree(root: Path, clips: list[SeeClip]) -> None:
    """Pictures of both kinds, and the split."""
    for clip in clips:
        film = face_frames(int(clip.subject), FILMED.get(clip.label, clip.label), clip.take, 3 * (PICTURES + 1), 64)
        eyes = film[::3, 12 : 12 + SIZE[1], 8 : 8 + SIZE[0]]
        for number in range(clip.pictures):
            save_picture(root / clip.folder("event") / f"{number:05}.jpg", accumulated(eyes[number], eyes[number + 1]))
            save_picture(root / clip.folder("frame") / f"{number:05}.jpg", eyes[number + 1])
    (root / "emotion.json").write_text(json.dumps(split_of(clips), indent=1), encoding="utf-8")


def accumulated(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """White where it became brighter, black where darker, grey elsewhere."""
    change = np.log(after + 20.0) - np.log(before + 20.0)
    return np.where(change > 0.02, 255, np.where(change < -0.02, 0, 128)).astype(np.uint8)
