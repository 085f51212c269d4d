"""Clips of a micro store as films: folders of their aligned frames, a video, and a face in a larger picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.clip import Clip
from neurofer.data.frames import clip_frames


def write_images(folder: Path, pictures: NDArray[np.uint8]) -> Path:
    """``(N, H, W)`` as ``0.png`` and so on."""
    import cv2

    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number}.png"), picture)
    return folder


def clip_images(folder: Path, clip: Clip) -> Path:
    """The aligned frames of a clip, as they lie in its store."""
    return write_images(folder, np.asarray(clip_frames(clip).pictures))


def write_video(path: Path, pictures: NDArray[np.uint8], fps: float) -> Path:
    """Grey frames as a video without loss."""
    import cv2

    height, width = pictures.shape[1:]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), fps, (width, height))
    for picture in pictures:
        writer.write(np.repeat(picture[:, :, None], 3, axis=2))
    writer.release()
    return path


def moments_of(clip: Clip) -> tuple[str, ...]:
    """A clip's annotated moments as options."""
    return tuple(word for name in ("onset", "apex", "offset") for word in (f"--{name}", clip.facts[f"{name}_frame"]))
