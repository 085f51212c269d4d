"""The scale of pictures whose values are no bytes, measured on training clips."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.data.cache import ClipRows
from neurofer.models.front import LearnedGrid, Scale
from neurofer.train.ann import empty_value, pictures_to_network

MOST_WINDOWS = 256


def measure_front(front: Scale | LearnedGrid, rows: ClipRows, clips: NDArray[np.int64]) -> None:
    """Measure a front's scale on windows that lie evenly over all windows of some clips, 256 at most.

    Nothing is drawn: the same clips give the same scale.

    Args:
        front: Changed in place.
        rows: Pictures of all clips.
        clips: Numbers of the training clips.
    """
    windows = np.concatenate([np.arange(rows.first[clip], rows.first[clip + 1]) for clip in clips])
    chosen = windows[np.linspace(0, len(windows) - 1, min(len(windows), MOST_WINDOWS)).astype(np.int64)]
    front.measure((pictures_to_network(rows.rows[window][None]) for window in chosen),
                  empty_value(rows.rows.dtype, rows.empty))
