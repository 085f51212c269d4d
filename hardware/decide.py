"""From the spikes of the last layer to a decision, as training reads them (``neurofer.spiking.readout``), in numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def decide(spikes: NDArray[Any]) -> NDArray[np.int64]:
    """Class of each recording: most spikes; ties go to the class whose last spike came first, then to the lower index.

    Args:
        spikes: ``(T, B, K)`` zeros and ones.

    Returns:
        ``(B,)`` class numbers.
    """
    steps = len(spikes)
    order = np.arange(1, steps + 1).reshape(-1, 1, 1)
    last = (order * (spikes > 0)).max(0, initial=0)
    # One number that sorts by count, then by the earlier last spike; argmax gives the first among equals.
    return (spikes.sum(0, dtype=np.int64) * (steps + 1) + (steps - last)).argmax(-1)


def probabilities(spikes: NDArray[Any], rate_gain: float) -> NDArray[np.float64]:
    """Softmax of ``rate_gain`` times the spikes per step, ``(T, B, K) -> (B, K)``.

    Args:
        spikes: Zeros and ones.
        rate_gain: Logit of a class that fires at every step.
    """
    logits = spikes.sum(0, dtype=np.float64) * (rate_gain / max(len(spikes), 1))
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    shares: NDArray[np.float64] = odds / odds.sum(-1, keepdims=True)
    return shares
