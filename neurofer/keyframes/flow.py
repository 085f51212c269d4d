"""Motion between adjacent key frames: dense optical flow, freed of head motion, in pixels of the network's input."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Flow = NDArray[np.float32]

PYRAMID_SCALE, LEVELS, WINDOW_PX, ITERATIONS, NEIGHBOURHOOD_PX, SMOOTHING_PX, FLAGS = 0.5, 3, 15, 3, 5, 1.2, 0


def farneback(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Flow:
    """Where each pixel of the first picture is found in the second, as the way to there.

    Args:
        first: ``(H, W)`` uint8.
        second: Likewise.

    Returns:
        ``(2, H, W)`` float32 in pixels: u to the right, v down. Exactly 0 where the two pictures are the same one.

    Raises:
        ValueError: pictures of other or different shapes, or not of 8 bits.

    Source:
        Farnebäck, SCIA 2003; the parameters are those of a re-implementation of Zhao et al., Neurocomputing 448 (2021).
    """
    for picture in (first, second):
        if picture.ndim != 2 or picture.dtype != np.uint8 or picture.shape != first.shape:
            raise ValueError(f"farneback: need two pictures (H, W) uint8 of one shape, got {first.shape} {first.dtype} "
                             f"and {second.shape} {second.dtype}")
    if np.array_equal(first, second):
        return np.zeros((2, *first.shape), np.float32)
    import cv2

    opencv: Any = cv2
    flow = opencv.calcOpticalFlowFarneback(np.ascontiguousarray(first), np.ascontiguousarray(second), None,
                                           PYRAMID_SCALE, LEVELS, WINDOW_PX, ITERATIONS, NEIGHBOURHOOD_PX,
                                           SMOOTHING_PX, FLAGS)
    return np.ascontiguousarray(flow.transpose(2, 0, 1))


def flow_maps(key_frames: NDArray[np.uint8], size_px: int = 64, stabilise: bool = True) -> Flow:
    """Flow from each key frame to the next, found at the frames' own size and brought to the network's.

    Args:
        key_frames: ``(K, H, W)`` uint8, K at least 2.
        size_px: Height and width of the maps; their vectors are in pixels of that size.
        stabilise: Whether the median of each map's u and v, the motion of the whole head, is taken off.

    Returns:
        ``(2, K - 1, size_px, size_px)`` float32, u and v; exactly 0 between two frames that are the same.

    Raises:
        ValueError: frames of another shape or type, fewer than two, or a size below 1.
    """
    if key_frames.ndim != 3 or len(key_frames) < 2 or size_px < 1:
        raise ValueError(f"flow_maps: need at least 2 frames (K, H, W) and a size of at least 1 pixel, got "
                         f"{key_frames.shape} and {size_px}")
    maps = np.empty((2, len(key_frames) - 1, size_px, size_px), np.float32)
    for number, (first, second) in enumerate(zip(key_frames[:-1], key_frames[1:], strict=True)):
        flow = farneback(first, second)
        maps[:, number] = resize_flow(stabilised(flow) if stabilise else flow, size_px)
    return maps


def stabilised(flow: Flow) -> Flow:
    """The flow without its median, u's and v's each: ``(2, H, W)`` to the same."""
    return flow - np.median(flow, axis=(1, 2), keepdims=True)


def resize_flow(flow: Flow, size_px: int) -> Flow:
    """The flow of a picture of another size: averaged over areas, and its vectors scaled as the picture is.

    Args:
        flow: ``(2, H, W)`` in pixels of that size.
        size_px: New height and width.

    Returns:
        ``(2, size_px, size_px)`` float32, in pixels of the new size.
    """
    height, width = flow.shape[1:]
    if (height, width) == (size_px, size_px):
        return flow
    import cv2

    opencv: Any = cv2
    way = opencv.INTER_AREA if min(height, width) >= size_px else opencv.INTER_LINEAR
    resized = [opencv.resize(np.ascontiguousarray(one), (size_px, size_px), interpolation=way) for one in flow]
    return np.stack((resized[0] * np.float32(size_px / width), resized[1] * np.float32(size_px / height)))


def magnitude(flow: Flow) -> Flow:
    """Length of the vectors: ``(2, ...)`` to ``(...)``, float32."""
    return np.hypot(flow[0], flow[1])


def with_magnitude(flow: Flow) -> Flow:
    """u, v and the length of both, as the network wants them: ``(2, K, H, W)`` to ``(3, K, H, W)`` float32."""
    return np.concatenate((flow, magnitude(flow)[None]))
