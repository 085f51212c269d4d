"""Equal time bins from a window's first event to its last, which several published representations use."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurofer.events.events import Events
from neurofer.represent.span import SpannedAccumulator


class BinnedAccumulator(SpannedAccumulator):
    """A window whose bins are known only when its last event is; so it keeps its events until then."""

    def binned(self, bins: int) -> Iterator[tuple[int, Events]]:
        """Number of a bin and the events in it, piece by piece in the order of time; bins without events are left out.

        Bin k holds the events with ``k <= bins * (t - first) / (last - first) < k + 1``; the last event is in the last
        bin, and all are in bin 0 when they are of one time.

        Args:
            bins: Number of bins.
        """
        first_us, last_us = self.span_us
        length_us = last_us - first_us
        # Whole numbers of any size: no time is too long to be placed exactly.
        edges = [first_us - (-length_us * k // bins) for k in range(1, bins)] if length_us else []
        for piece in self.pieces:
            cuts = [0, *(int(cut) for cut in np.searchsorted(piece.t, edges, side="left")), len(piece)]
            for number, (start, stop) in enumerate(zip(cuts[:-1], cuts[1:], strict=True)):
                if stop > start:
                    yield number, piece[start:stop]
