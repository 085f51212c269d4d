"""Local contrast normalisation of one frame; ``models.spotter.local_contrast`` is the same for batches of a network.

Source:
    Spotting specification, section 3; window and normaliser are our choice [open].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SIGMA_PX = 2.0
SIDE_PX = 9
LEAST = 1e-5

Floats = NDArray[np.float32]


def window_taps() -> Floats:
    """``(9,)`` taps of the Gaussian window, which sum to 1."""
    places = np.arange(SIDE_PX) - SIDE_PX // 2
    taps = np.exp(-(places**2) / (2 * SIGMA_PX**2))
    return np.asarray(taps / taps.sum(), np.float32)


_TAPS = window_taps()


def contrast(grey: Floats) -> Floats:
    """A frame with its local mean taken off, divided by its local deviation where that is above the average one.

    Args:
        grey: ``(H, W)`` float32, 5 pixels or more to each side.
    """
    import cv2

    shifted = grey - grey[0, 0]
    around = shifted - _blurred(shifted, cv2)
    spread = np.sqrt(np.maximum(_blurred(around * around, cv2), 0))
    return np.asarray(around / np.maximum(np.maximum(spread, spread.mean(dtype=np.float64).astype(np.float32)),
                                          np.float32(LEAST)), np.float32)


def _blurred(picture: Floats, cv2: Any) -> Floats:
    return np.asarray(cv2.sepFilter2D(picture, -1, _TAPS, _TAPS, borderType=cv2.BORDER_REFLECT_101))
