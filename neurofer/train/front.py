"""What is measured on training clips before the first step: a front's scale, the norms of an encoder left untrained."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.data.cache import ClipRows
from neurofer.models.front import LearnedGrid, Scale
from neurofer.models.recurrent import SequenceClassifier
from neurofer.train.ann import empty_value, pictures_to_network

MOST_WINDOWS = 256
_BATCH = 64


def measure_front(front: Scale | LearnedGrid, rows: ClipRows, clips: NDArray[np.int64]) -> None:
    """Measure a front's scale on windows that lie evenly over all windows of some clips, 256 at most.

    Nothing is drawn: the same clips give the same scale.

    Args:
        front: Changed in place.
        rows: Pictures of all clips.
        clips: Numbers of the training clips.
    """
    front.measure((pictures_to_network(rows.rows[window][None]) for window in _spread(rows, clips)),
                  empty_value(rows.rows.dtype, rows.empty))


def freeze_untrained(network: SequenceClassifier, rows: ClipRows, clips: NDArray[np.int64], by_batch: bool) -> None:
    """Keep an encoder's fresh weights as they are; its batch norm takes the statistics of the training clips.

    Args:
        network: Changed in place.
        rows: Pictures of all clips.
        clips: Numbers of the training clips.
        by_batch: See ``SequenceClassifier.freeze_encoder``.
    """
    chosen = _spread(rows, clips)
    network.settle_norms(pictures_to_network(rows.rows[np.sort(part)][None])
                         for part in np.array_split(chosen, -(-len(chosen) // _BATCH)))
    network.freeze_encoder(normalise_by_batch=by_batch)


def _spread(rows: ClipRows, clips: NDArray[np.int64]) -> NDArray[np.int64]:
    """Numbers of at most ``MOST_WINDOWS`` windows, evenly over all windows of the clips."""
    windows = np.concatenate([np.arange(rows.first[clip], rows.first[clip + 1]) for clip in clips])
    return windows[np.linspace(0, len(windows) - 1, min(len(windows), MOST_WINDOWS)).astype(np.int64)]
