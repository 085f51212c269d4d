"""Scores of the frames of a store's videos, by a trained spotter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from neurofer.models.spotter import Spotter
from neurofer.models.spotter_dense import DenseScorer, EventScorer
from neurofer.train.spot.config import SpotInputConfig
from neurofer.train.spot.inputs import Skips, SpotInputs

_AT_ONCE = 256


def scorer_of(spotter: Spotter, chosen: SpotInputConfig, skips: Skips, stride: int = 1) -> DenseScorer | EventScorer:
    """What scores a video frame by frame; see ``neurofer.models.spotter_dense``.

    Args:
        spotter: In eval mode.
        chosen: What it reads.
        skips: Distances k, in frames that are used.
        stride: Score every so many-th of these.
    """
    if chosen.kind == "events":
        return EventScorer(spotter, skips, chosen.size_px, stride)
    return DenseScorer(spotter, skips, chosen.size_px, chosen.references == "before", stride)


def video_scores(spotter: Spotter, inputs: SpotInputs, video: int, skips: Skips,
                 stride: int = 1) -> NDArray[np.float64]:
    """``(ceil(N / stride), 2)`` scores of a video's used frames 0, stride, 2 stride, ...; micro and macro, 0..1."""
    rows, events = inputs.videos[video], inputs.chosen.kind == "events"
    scorer = scorer_of(spotter, inputs.chosen, skips, stride)
    state = scorer.start()
    found = []
    for start in range(0, inputs.frames(video), _AT_ONCE):
        stop = min(start + _AT_ONCE, inputs.frames(video))
        part = np.asarray(rows[start + 1 : stop + 1] - rows[start:stop] if events else rows[start:stop])
        state, scores = scorer.push(state, part)  # type: ignore[arg-type]
        found.append(scores)
    found.append(scorer.finish(state))  # type: ignore[arg-type]
    return np.concatenate(found)
