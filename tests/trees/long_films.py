"""Long videos of a few frames: tables by hand, and folders of images that they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.long.record import LongExpression, LongTable, LongVideo
from neurofer.data.micro.record import Fix, MicroRecord
from trees.faces import save_picture

Picture = Callable[[int], NDArray[np.uint8]]


def expression(kind: str, onset: int, apex: int | None, offset: int, *, seen: bool = True, clip: str = "1",
               fixes: tuple[Fix, ...] = ()) -> LongExpression:
    """An expression of a video that ``video`` completes; its frames are those of the data set."""
    record = MicroRecord("samm_lv", "", "", clip, kind, onset, apex, offset, 200.0,  # type: ignore[arg-type]
                         emotion="anger", fixes=fixes, where=f"sheet:{onset}")
    return LongExpression(record, seen)


def video(name: str, *expressions: LongExpression, subject: str = "006", fps: float = 200.0,
          dataset: str = "samm_lv") -> LongVideo:
    """A video whose images lie in ``frames/NAME``."""
    return LongVideo(dataset, subject, name, f"frames/{name}", fps, expressions)


def table(*videos: LongVideo, **more: object) -> LongTable:
    """A table of a data set."""
    return LongTable(videos[0].dataset, videos, **more)  # type: ignore[arg-type]


def wave(number: int) -> NDArray[np.uint8]:
    """``(48, 64)``, a wave that moves a pixel a frame."""
    across = 128 + 100 * np.sin((np.arange(64) + number) / 5)
    return np.tile(np.rint(across).astype(np.uint8), (48, 1))


def write_images(root: Path, one: LongVideo, numbers: Iterable[int], picture: Picture = wave) -> Path:
    """The images of a video: ``006_1_0001.png`` and so on."""
    folder = root / one.folder
    for number in numbers:
        save_picture(folder / f"{one.name}_{number:04d}.png", picture(number))
    return folder


def films_of_waves(root: Path) -> LongTable:
    """Three videos with 20, 30 and 12 frames numbered from 1, with two, one and no expressions; images are written."""
    videos = (video("006_1", expression("micro", 3, 5, 8), expression("macro", 10, None, 18, clip="2")),
              video("006_2", expression("macro", 0, 7, 14, seen=False)), video("007_1", subject="007"))
    for one, frames in zip(videos, (20, 30, 12), strict=True):
        write_images(root, one, range(1, frames + 1))
    return table(*videos)
