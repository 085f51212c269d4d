"""Whether two networks fire the same spikes, layer by layer, and where they first do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LayerAgreement:
    """How far two networks' spikes in one layer agree.

    Attributes:
        name: Of the layer.
        spikes: Spikes of the first network.
        different: Spikes that only one of them fired.
        first: ``(step, recording, neuron)`` of the first difference, flat neuron number; None where there is none.
    """

    name: str
    spikes: int
    different: int
    first: tuple[int, int, int] | None


def agreement(names: Sequence[str], one: Sequence[NDArray[Any]], other: Sequence[NDArray[Any]]) -> list[LayerAgreement]:
    """Layer by layer, whether two networks fired the same spikes.

    Args:
        names: Of the layers.
        one: ``(T, B, ...)`` zeros and ones of each layer.
        other: The same of the other network.

    Raises:
        ValueError: they are of different shapes.
    """
    found = []
    for name, first, second in zip(names, one, other, strict=True):
        if first.shape != second.shape:
            raise ValueError(f"agreement: {name} has {first.shape} in one network and {second.shape} in the other")
        wrong = (first != 0) != (second != 0)
        places = wrong.reshape(*wrong.shape[:2], -1)
        place = None
        if places.any():
            step = int(places.any((1, 2)).argmax())
            recording, neuron = np.unravel_index(int(places[step].argmax()), places.shape[1:])
            place = (step, int(recording), int(neuron))
        found.append(LayerAgreement(name, int(np.count_nonzero(first)), int(np.count_nonzero(wrong)), place))
    return found
