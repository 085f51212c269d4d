"""Small but whole data sets of long videos, with tables, folders and pictures of a face that moves where it should.

Every writer makes videos of ``frames`` pictures, numbered from 1, and gives the path of its (first) table. All hold a
video without an expression. Micro-expressions last an eighth of a video, macro-expressions a third, and each begins at
its own part, so nothing of them overlaps.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.long.casme2_naming import FILMS, FOLDERS
from trees.casme3 import RowA, write_sheet_a
from trees.faces import face_frames, save_picture
from trees.long_sheets import (
    TITLES,
    casme2_row,
    samm_row,
    write_casme2_sheet,
    write_macro_sheet,
    write_samm_lv_sheet,
)


class Shown(NamedTuple):
    """One expression of a small video, in frames from 1."""

    kind: str
    onset: int
    apex: int
    offset: int


def micro_at(part: float, frames: int) -> Shown:
    """A micro-expression that begins at a part of a video."""
    onset, length = max(2, round(part * frames)), max(5, frames // 8)
    return Shown("micro", onset, onset + length // 2, min(onset + length - 1, frames))


def macro_at(part: float, frames: int) -> Shown:
    """A macro-expression that begins at a part of a video."""
    onset, length = max(2, round(part * frames)), max(8, frames // 3)
    return Shown("macro", onset, onset + length // 2, min(onset + length - 1, frames))


def write_samm_lv(root: Path, subjects: Sequence[str] = ("006", "018", "037"), frames: int = 60, size_px: int = 96
                  ) -> Path:
    """``SAMM_longvideos/006_1/006_1_0001.jpg``: three videos a subject, of both types, of a macro-expression, of none.

    The first subject's macro-expression has fractional frames; the second's, in its second video, begins in frame 0;
    the third has an apex of -1, and its first video's expressions share one name.
    """
    rows = []
    for at, subject in enumerate(subjects):
        micro, macro, other = micro_at(0.2, frames), macro_at(0.5, frames), macro_at(0.3, frames)
        second = f"{subject}_1_{1 if at == 2 else 2}"
        rows += [samm_row(f"{subject}_1_1", *micro),
                 samm_row(second, "macro", macro.onset + (0.2 if at == 0 else 0), macro.apex,
                          macro.offset - (0.4 if at == 0 else 0)),
                 samm_row(f"{subject}_2_1", "macro", 0 if at == 1 else other.onset, -1 if at == 2 else other.apex,
                          other.offset)]
        for video, shown in (("1", (micro, macro)), ("2", (other,)), ("3", ())):
            write_video(root / "SAMM_longvideos" / f"{subject}_{video}", f"{subject}_{video}_{{:04}}.jpg", at, shown,
                        frames, size_px)
    return write_samm_lv_sheet(root, rows)


def write_casme2_long(root: Path, subjects: int = 3, frames: int = 60, size_px: int = 96, crops: str = "rawpic"
                      ) -> Path:
    """``rawpic/s15/15_0101disgustingteeth/img001.jpg``: three films a participant, of both types, of one, of none.

    The first participant's macro-expression has an offset of 0, the second's an apex of 0, the third's an apex after
    its offset; the codes of the films are numbers without their zero.
    """
    rows = []
    for participant, folder in list(FOLDERS.items())[:subjects]:
        micro, macro, other = micro_at(0.2, frames), macro_at(0.5, frames), macro_at(0.3, frames)
        odd = {1: (macro.onset, macro.offset, 0), 2: (macro.onset, 0, macro.offset),
               3: (macro.onset, macro.offset + 1, macro.offset)}
        rows += [casme2_row(participant, "disgust1_1", micro[1:], "micro", "negative"),
                 casme2_row(participant, "disgust1_2", odd.get(participant, macro[1:]), "macro", "negative"),
                 casme2_row(participant, "happy1_1", other[1:], "macro", "positive")]
        for film, shown in (("disgust1", (micro, macro)), ("happy1", (other,)), ("anger2", ())):
            code = FILMS[film]
            write_video(root / crops / folder / f"{folder[1:]}_{code}{TITLES[code]}", "img{:03}.jpg", participant,
                        shown, frames, size_px)
    return write_casme2_sheet(root, rows, text_codes=False)


def write_casme3_long(root: Path, subjects: int = 3, frames: int = 60, size_px: int = 96) -> Path:
    """``spNO.1/b/color/1.jpg`` and both tables: three films a subject, of both types, of one, of none.

    The first film is ``J`` in the tables and ``j`` on the disk.
    """
    rows, macro_rows = list[RowA](), list[tuple[object, ...]]()
    for number in range(1, subjects + 1):
        subject = f"spNO.{number}"
        micro, macro, other = micro_at(0.2, frames), macro_at(0.5, frames), macro_at(0.3, frames)
        rows.append(RowA(subject, "J", *micro[1:], "4", 1, "disgust"))
        macro_rows += [(subject, "J", *macro[1:], "disgust"), (subject, "b", *other[1:], "happy")]
        for film, shown in (("j", (micro, macro)), ("b", (other,)), ("c", ())):
            write_video(root / subject / film / "color", "{}.jpg", number, shown, frames, size_px)
    write_macro_sheet(root, macro_rows)
    return write_sheet_a(root, rows)


def write_video(folder: Path, pattern: str, face: int, shown: Sequence[Shown], frames: int, size_px: int) -> None:
    """Pictures 1 to ``frames`` of a face, and what lies beside pictures in real copies."""
    for number in range(1, frames + 1):
        save_picture(folder / pattern.format(number), long_picture(face, shown, number, size_px))
    (folder / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")


def long_picture(face: int, shown: Sequence[Shown], number: int, size_px: int) -> NDArray[np.uint8]:
    """``(size, size)`` uint8: a face whose mouth rises with a macro-expression, and by a third of that with a micro."""
    picture = _face(face, size_px).copy()
    rise_px = max((_strength(one, number) * (3 if one.kind == "macro" else 1) for one in shown), default=0.0)
    if rise_px:
        import cv2

        top, bottom = int(0.6 * size_px), int(0.9 * size_px)
        moved = np.float32([[1, 0, 0], [0, 1, -rise_px * size_px / 96]])
        part = cv2.warpAffine(picture, moved, (size_px, size_px), borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        picture[top:bottom] = part[top:bottom]
    return picture


def _strength(one: Shown, number: int) -> float:
    """0 at the ends, 1 at the apex."""
    return float(np.interp(number, (one.onset - 1, one.apex, one.offset + 1), (0, 1, 0)))


@functools.cache
def _face(face: int, size_px: int) -> NDArray[np.uint8]:
    return face_frames(face, "neutral", 0, 1, size_px)[0]
