"""What tuning counts is what decoding gives and the metric of the challenges says of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurofer.evaluate.spotting import score_spotting
from neurofer.spotting.decode import decode
from neurofer.spotting.interval import Interval
from neurofer.spotting.settings import Decoding
from neurofer.spotting.tally import tallies_of, track_of

SHARES = np.array([0.0, 0.3, 0.55, 0.8, 1.0])
FLOORS = np.array([0.0, 0.4, 0.55, 0.6, 9.0])


@pytest.mark.parametrize("start", [
    Decoding(4, 6, merge=False), Decoding(4, 6), Decoding(3, 3, extend=True, least_frames=3, most_frames=30),
    Decoding(3, 9, nms=True, merge=False), Decoding(6, 5, extend=True, merge=False, smoothing="none")])
def test_tallies_are_the_metric_of_the_decoded_videos(start: Decoding) -> None:
    random = np.random.default_rng(5)
    scores = {name: random.random(frames) for name, frames in (("a", 300), ("b", 90), ("c", 1), ("d", 0))}
    truth = {name: [Interval(name, "macro", onset, onset + 9) for onset in range(5, len(track) - 30, 14)]
             + [Interval(name, "micro", 0, 0)] for name, track in scores.items()}
    truth["a"].append(Interval("a", "macro", 6, 16))  # overlaps another one: one prediction must not hit both
    tracks = [track_of(name, scores[name], truth[name], start, "macro") for name in scores]
    tallies = tallies_of(tracks, start, SHARES, FLOORS)
    flat = [one for intervals in truth.values() for one in intervals if one.kind == "macro"]
    hits = 0
    for row, share in enumerate(SHARES):
        for column, floor in enumerate(FLOORS):
            settings = replace(start, peak_share=float(share), floor=float(floor))
            found = [one for name, track in scores.items() for one in decode(track, name, "macro", settings)]
            counts = score_spotting(flat, found).macro
            assert tallies[row, column].tolist() == [counts.tp + counts.fp, counts.tp], (share, floor)
            hits += counts.tp
    assert hits > 0
    assert tallies[:, -1].sum() == 0


def test_a_bad_score_names_the_video() -> None:
    with pytest.raises(ValueError, match="s15, macro: .*frame 0 is nan"):
        track_of("s15", np.array([np.nan]), [], Decoding(6, 6), "macro")
