"""Where the apex is, without an annotation and without events: what event-driven key frames are compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.keyframes.flow import farneback, magnitude, stabilised

CURVE_SIZE_PX = 64


def midpoint_apex(onset: int, offset: int) -> int:
    """The frame halfway, the earlier of two.

    Example:
        >>> midpoint_apex(10, 45)
        27
    """
    return onset + (offset - onset) // 2


def flow_maximum_apex(frames: NDArray[np.uint8], onset: int, offset: int, every: int = 1) -> int:
    """The frame that has moved farthest from the onset frame: the maximum of ``motion_curve``, the first of several.

    Args:
        frames: ``(N, H, W)`` uint8.
        onset: Number of the first frame.
        offset: Number of the last frame.
        every: Looks only at every n-th frame after the onset, which is faster and that much coarser.

    Returns:
        Number of the frame; the midpoint where no frame differs from the onset frame.

    Raises:
        ValueError: as ``motion_curve``.
    """
    numbers, motion_px = motion_curve(frames, onset, offset, every)
    return int(numbers[np.argmax(motion_px)]) if motion_px.any() else midpoint_apex(onset, offset)


def motion_curve(frames: NDArray[np.uint8], onset: int, offset: int,
                 every: int = 1) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """How far the picture has moved from the onset frame, frame by frame.

    Mean length of the flow from the onset frame, less its median, on copies of at most 64 x 64 pixels: about a
    millisecond a frame on one thread, a third of what 128 x 128 pixels take.

    Args:
        frames: ``(N, H, W)`` uint8.
        onset: Number of the first frame.
        offset: Number of the last frame.
        every: Looks only at every n-th frame after the onset.

    Returns:
        ``(numbers, motion_px)``: ``(K,)`` frame numbers and ``(K,)`` mean motion in pixels of the frames' own size.

    Raises:
        ValueError: frames of another shape or type, not ``0 <= onset <= offset < N``, or ``every`` below 1.
    """
    if frames.ndim != 3 or frames.dtype != np.uint8:
        raise ValueError(f"motion_curve: need frames (N, H, W) uint8, got {frames.shape} {frames.dtype}")
    if not 0 <= onset <= offset < len(frames) or every < 1:
        raise ValueError(f"motion_curve: need 0 <= onset <= offset < {len(frames)} and every >= 1, got onset={onset}, "
                         f"offset={offset}, every={every}")
    numbers = np.arange(onset, offset + 1, every, dtype=np.int64)
    start = _small(frames[onset])
    scale = frames.shape[2] / start.shape[1]
    motion = [float(magnitude(stabilised(farneback(start, _small(frames[number])))).mean()) for number in numbers]
    return numbers, scale * np.array(motion)


def _small(frame: NDArray[np.uint8]) -> NDArray[Any]:
    """A copy whose longer side is at most 64 pixels."""
    import cv2

    shrink = CURVE_SIZE_PX / max(frame.shape)
    if shrink >= 1:
        return frame
    height, width = (max(1, round(side * shrink)) for side in frame.shape)
    return np.asarray(cv2.resize(np.ascontiguousarray(frame), (width, height), interpolation=cv2.INTER_AREA))
