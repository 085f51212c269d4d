"""A strip that says when a decision was right."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.plot._look import BLUE, FAINT, ORANGE


def draw_strip(axes: Any, edges: NDArray[Any], right: NDArray[np.bool_], said: NDArray[np.bool_],
               span: tuple[float, float]) -> None:
    """Blue where right, orange where not, pale where nothing was said yet.

    Args:
        axes: Where to draw.
        edges: ``(T + 1,)`` of the steps.
        right: ``(T,)``.
        said: ``(T,)``.
        span: Lower edge and height.
    """
    for mask, colour in ((said & right, BLUE), (said & ~right, ORANGE), (~said, FAINT)):
        change = np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8))
        starts, stops = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
        axes.broken_barh([(edges[start], edges[stop] - edges[start]) for start, stop in
                          zip(starts, stops, strict=True)], span, color=colour, linewidth=0)
