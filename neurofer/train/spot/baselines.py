"""What needs no network, on the tested videos of a fold; what it has to learn, it learns on the training people."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurofer.data.clip import Clip
from neurofer.data.long.pool import fps_of, has_events
from neurofer.data.long.store import LongSet, video_frames
from neurofer.data.micro.split import MicroSplit
from neurofer.spotting.decode import decode_all
from neurofer.spotting.difference import difference_scores, evenly_spaced
from neurofer.spotting.interval import KINDS, Interval
from neurofer.spotting.rate_baseline import spot_by_rate
from neurofer.spotting.tune import choose_decodings
from neurofer.train.micro.instants import clip_events
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.fold import blinks_left_out, distances
from neurofer.train.spot.inputs import spot_inputs

Spotted = dict[str, list[Interval]]


def fold_baselines(config: SpotConfig, long_set: LongSet, split: MicroSplit, cache: Path) -> dict[str, Spotted]:
    """Intervals of each tested video, by baseline and video.

    ``evenly_spaced``: as many and as long as the training people's. ``difference``: how much a frame differs from both
    of its references, decoded as scores of the network are. ``rate`` and ``rate_veto`` (without blinks), where there
    are events: bursts of them, nothing learned.

    Args:
        config: Distances, size and decoding; of the input, always the frames.
        long_set: Videos of all.
        split: Who is who.
        cache: Where frames are kept.
    """
    clips = long_set.videos
    train, test = split.numbers(long_set.clip_set, "train"), split.numbers(long_set.clip_set, "test")
    truth = {clips[video].name: long_set.truth[clips[video].name] for video in train}
    known = [one for found in truth.values() for one in found]
    skips, halves = distances(config, known, fps_of(long_set))
    inputs = spot_inputs(long_set, config.input.model_copy(update={"kind": "video", "frame_stride": 1}), cache)
    scores = {clips[video].name: difference_scores(np.asarray(inputs.videos[video]), skips)
              for video in (*train, *test)}
    decodings, _ = choose_decodings({name: scores[name] for name in truth}, truth, skips, halves, config.decode)
    length = sum(int(clips[video].facts["frames"]) for video in train)
    rates = {kind: sum(one.kind == kind for one in known) / length for kind in KINDS}
    found: dict[str, Spotted] = {"evenly_spaced": {}, "difference": {}}
    for video in test:
        name, frames = clips[video].name, int(clips[video].facts["frames"])
        found["evenly_spaced"][name] = [one for kind in KINDS
                                        for one in evenly_spaced(frames, name, kind, rates[kind], halves[kind])]
        found["difference"][name] = decode_all(scores[name], name, decodings)
    if all(has_events(clip) for clip in clips):
        found["rate"] = {clips[video].name: _by_rate(clips[video]) for video in test}
        found["rate_veto"], _ = blinks_left_out(long_set, found["rate"])
    return found


def _by_rate(clip: Clip) -> list[Interval]:
    times_us = video_frames(clip).times_us
    return spot_by_rate(clip_events(clip), times_us, clip.name) if len(times_us) > 1 else []
