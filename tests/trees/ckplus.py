"""A tree with CK+'s layout, names and quirks, made of procedural faces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.ckplus_tree import CLASSES, EMOTION, IMAGES
from trees.faces import face_events, face_frames, save_picture

PICTURES = 8
FACE_PX, WIDTH, HEIGHT = 120, 160, 122
"""A quarter of CK+'s 640 x 490."""


def expression(subject: int, label: str, pictures: int = PICTURES) -> NDArray[np.uint8]:
    """``(pictures, FACE_PX, FACE_PX)``: 60 a second, every second one is taken, so it is 30 a second."""
    return face_frames(subject, label, 0, 2 * pictures, FACE_PX)[::2]


def write_sequence(root: Path, name: str, faces: NDArray[np.uint8], *, first: int = 1, colour: bool = False,
                   size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:
    """Pictures numbered from ``first``: the face in the middle of grey; the folder."""
    import cv2

    subject, number = name.split("_")
    width, height = size
    side = round(min(size) * FACE_PX / HEIGHT)
    left, top = (width - side) // 2, (height - side) // 2
    for place, face in enumerate(faces, start=first):
        picture = np.full((height, width), 90, np.uint8)
        picture[top : top + side, left : left + side] = cv2.resize(face, (side, side))
        if colour:
            picture = np.repeat(picture[:, :, None], 3, axis=2)
        save_picture(root / IMAGES / subject / number / f"{name}_{place:08d}.png", picture)
    return root / IMAGES / subject / number


def write_emotion(root: Path, name: str, content: object, last: int = PICTURES) -> Path:
    """The emotion file of a sequence whose last picture is ``last``; a number is written as CK+ does."""
    subject, number = name.split("_")
    path = root / EMOTION / subject / number / f"{name}_{last:08d}_emotion.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"   {content:.7e}\n" if isinstance(content, int) else str(content))
    return path


def write_tree(root: Path, subjects: Sequence[int] = (10, 11, 32), labels: Sequence[str] = CLASSES) -> list[str]:
    """A sequence of each label and subject, and what else lies about in CK+; names of the labelled sequences.

    The last subject's are in colour and of 480 lines; one begins with picture 3. One sequence of each subject has no
    emotion file.
    """
    names = []
    for subject in subjects:
        last = subject == subjects[-1] and len(subjects) > 1
        for number, label in enumerate(labels, start=1):
            name, first = f"S{subject:03d}_{number:03d}", 3 if subject == subjects[0] and number == 1 else 1
            write_sequence(root, name, expression(subject, label), first=first, colour=last,
                           size=(WIDTH, HEIGHT - 2) if last else (WIDTH, HEIGHT))
            write_emotion(root, name, CLASSES.index(label) + 1, first + PICTURES - 1)
            names.append(name)
        plain = f"S{subject:03d}_{len(labels) + 1:03d}"
        write_sequence(root, plain, expression(subject, labels[0], 2))
        (root / EMOTION / f"S{subject:03d}" / plain[-3:]).mkdir()
    for folder in (root, root / IMAGES, root / EMOTION, root / IMAGES / names[0].replace("_", "/")):
        (folder / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    return names


def write_events(root: Path, name: str, label: str, part: str = "Train_Set") -> Path:
    """The authors' file of a sequence: rows x, y, t in s, p = +-1."""
    events = face_events(expression(int(name[1:4]), label), (346, 260), 100, 70, 0)
    rows = np.stack([events.x, events.y, events.t * 2 / 1e6, np.where(events.p, 1, -1)], axis=1).astype(np.float64)
    path = root / part / str(CLASSES.index(label) + 1) / f"{name}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, rows)
    return path
