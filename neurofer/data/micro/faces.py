"""Where the face of a clip is: the user's landmarks or box, else eyes and face that OpenCV's cascades find in frames.

Source:
    Specification of events, section 6: frontal cascade at 480 px, turned by the eye line when both eyes are found.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.boxes import box_of_frames, check_box
from neurofer.data.clip import Box
from neurofer.data.micro.align import Landmarks, alignment_of, whole_picture
from neurofer.data.similarity import Similarity
from neurofer.errors import UsageError

AlignedBy = Literal["landmarks", "user box", "detected eyes", "detected box", "whole picture"]

EYES_IN_BOX = ((0.31, 0.265), (0.685, 0.265))
"""Where a detected face box has the eyes' centres, in shares of its side: the means over 8 procedural faces."""

MOST_TURN_DEGREES = 20.0
"""The frontal cascade finds no face that is turned by more; a steeper eye line is a mistake."""


class Alignment(NamedTuple):
    """How the frames of a clip are brought to the crop, and what that was found by."""

    similarity: Similarity
    by: AlignedBy


def given_alignment(size: tuple[int, int], size_px: int, landmarks: Landmarks | None = None, box: Box | None = None,
                    whole: bool = False) -> Alignment | None:
    """The alignment that the user says, for pictures of ``(width, height)``; None where the face must be looked for.

    Landmarks win over a box, and both over the whole picture.

    Raises:
        UsageError: an eye or the box lies outside of the picture.
    """
    if landmarks is not None:
        if not landmarks.inside(*size):
            raise UsageError(f"landmarks: the eyes {landmarks.left_eye} and {landmarks.right_eye} are not both inside "
                             f"the {size[0]}x{size[1]} picture; give pixels of the data set's own frames")
        return Alignment(alignment_of(landmarks, size_px), "landmarks")
    if box is not None:
        check_box(box, size)
        return Alignment(alignment_of(box, size_px), "user box")
    return Alignment(whole_picture(*size, size_px), "whole picture") if whole else None


def found_alignment(frames: Iterable[NDArray[np.uint8]], size_px: int) -> Alignment | None:
    """The alignment by the first frames that show a face to the detector; None without a face.

    Args:
        frames: ``(H, W)`` grey, the onset frame first; no more are taken than needed.
        size_px: Side of the crop.
    """
    for frame in frames:
        face = box_of_frames([frame])
        if face is None:
            continue
        eyes = find_eyes(frame, face.box)
        return (Alignment(alignment_of(usual_eyes(face.box), size_px), "detected box") if eyes is None
                else Alignment(alignment_of(eyes, size_px), "detected eyes"))
    return None


def usual_eyes(box: Box) -> Landmarks:
    """Where the eyes of a detected face box usually are."""
    left, right = ((box.left + x * box.width - 0.5, box.top + y * box.height - 0.5) for x, y in EYES_IN_BOX)
    return Landmarks(left, right)


def find_eyes(frame: NDArray[np.uint8], box: Box) -> Landmarks | None:
    """Both eyes of a detected face; None unless the cascade finds one on each side, at about one height.

    Of several candidates on a side, the one nearest to the usual place is taken.

    Args:
        frame: ``(H, W)`` grey.
        box: From ``box_of_frames``.
    """
    eyes = []
    for usual in usual_eyes(box):
        places = _eye_places(frame, box, usual)
        if not places:
            return None
        eyes.append(min(places, key=functools.partial(math.dist, usual)))
    (left_x, left_y), (right_x, right_y) = eyes
    turn = math.degrees(math.atan2(right_y - left_y, right_x - left_x))
    return Landmarks(*eyes) if abs(turn) <= MOST_TURN_DEGREES else None


def _eye_places(frame: NDArray[np.uint8], box: Box, usual: tuple[float, float]) -> list[tuple[float, float]]:
    """Centres of eyes within a quarter of the box's side around the usual place, enlarged for the cascade if small."""
    import cv2

    reach = 0.25 * box.width
    left, top = (max(0, round(at - reach)) for at in usual)
    part = frame[top : round(usual[1] + reach), left : round(usual[0] + reach)]
    zoom = max(1.0, 100 / max(part.shape))
    if zoom > 1 and part.size:
        part = np.asarray(cv2.resize(part, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR), np.uint8)
    smallest = max(20, round(0.12 * box.width * zoom))
    if min(part.shape) < smallest:
        return []
    found = _eye_cascade().detectMultiScale(part, scaleFactor=1.05, minNeighbors=3, minSize=(smallest, smallest))
    return [(left + float(x + (width - 1) / 2) / zoom, top + float(y + (height - 1) / 2) / zoom)
            for x, y, width, height in found]


@functools.cache
def _eye_cascade() -> Any:
    """OpenCV's eye cascade; it comes with the frontal one, which ``box_of_frames`` has read before."""
    import cv2

    opencv: Any = cv2  # its stubs lack the folder of cascades
    return opencv.CascadeClassifier(str(Path(opencv.data.haarcascades) / "haarcascade_eye.xml"))
