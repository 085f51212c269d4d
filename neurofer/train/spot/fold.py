"""One fold: distances, weights and thresholds from the training people, and one look at the tested ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.long.pool import fps_of
from neurofer.data.long.store import LongSet, video_frames
from neurofer.data.micro.split import MicroSplit
from neurofer.errors import NeuroferError
from neurofer.evaluate.spotting import score_spotting
from neurofer.events.open import open_recording
from neurofer.models.spotter import Spotter
from neurofer.spotting.decode import decode_all, stretched
from neurofer.spotting.interval import KINDS, Interval, Kind
from neurofer.spotting.settings import Decoding
from neurofer.spotting.skip import skips_of
from neurofer.spotting.tune import choose_decodings
from neurofer.spotting.veto_stretches import without_blinks
from neurofer.train.micro.reads import Reads
from neurofer.train.micro.stages import Checkpoint
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.inputs import Skips, SpotInputs, spot_inputs
from neurofer.train.spot.optimise import History, SpotData, spot_data, train_spotter
from neurofer.train.spot.scores import video_scores

PURPOSES = ("skips", "weights", "decoding", "test")
TYPICAL_SKIP_S: Mapping[Kind, float] = {"micro": 0.2, "macro": 0.6}
"""Where the training people show none of a type; of that type nothing is learned and nothing spotted."""

_WHOLE, _FIRST_HALF = 0, 1


@dataclass(frozen=True)
class FoldResult:
    """A trained fold.

    Attributes:
        model: In eval mode.
        skips: Distances k in frames of the video.
        decodings: How scores become intervals.
        tuned: How these were chosen.
        history: One row an epoch.
        scores: ``(N, 2)`` of each tested video, by name.
        predicted: Intervals of each tested video, by name of the decoding, ``base`` first, and of the video.
        reads: Who was read for what.
        vetoed: Intervals of the tested videos that were taken for blinks.
    """

    model: Spotter
    skips: dict[Kind, int]
    decodings: dict[Kind, Decoding]
    tuned: dict[str, Any]
    history: History
    scores: dict[str, NDArray[np.float64]]
    predicted: dict[str, dict[str, list[Interval]]]
    reads: Reads
    vetoed: int = 0


def run_fold(config: SpotConfig, long_set: LongSet, split: MicroSplit, cache: Path,
             checkpoint: Callable[[str], Checkpoint] | None = None) -> FoldResult:
    """Train on some people, test on others; the latter are read once, at the end.

    Args:
        config: The run.
        long_set: Videos of all.
        split: Who is who.
        cache: Where what is read of videos is kept.
        checkpoint: Gives where ``spotter``, ``inner0`` and ``inner1`` are kept while they are under way.

    Raises:
        NeuroferError: nothing to learn from, or a loss that is no longer a number.
        BadFileError: a store, or the place of the cache, cannot be used.
    """
    kept = checkpoint or (lambda network: None)  # type: ignore[return-value]
    clips, reads = long_set.videos, Reads(long_set.clip_set, PURPOSES)
    train, test = split.numbers(long_set.clip_set, "train"), split.numbers(long_set.clip_set, "test")
    reads.note("skips", train)
    skips, halves = distances(config, [one for video in train for one in long_set.truth[clips[video].name]],
                              fps_of(long_set))
    used = Skips(*(max(1, round(skips[kind] / config.input.frame_stride)) for kind in KINDS))
    inputs = spot_inputs(long_set, config.input, cache)
    data = spot_data(inputs, long_set.truth, [clip.name for clip in clips], fps_of(long_set))
    reads.note("weights", train)
    model, history = train_spotter(config, data, train, used, (config.seed, _WHOLE), kept("spotter"))
    reads.note("decoding", train)
    tuning: dict[str, NDArray[np.float64]] = {}
    if config.decode.tune:
        tuning = _tuning_scores(config, long_set, data, train, used, model, kept)
    truth = {clips[video].name: long_set.truth[clips[video].name] for video in train}
    decodings, tuned = choose_decodings(tuning, truth, skips, halves, config.decode)
    others = _other_decodings(config, tuning, truth, skips, halves, decodings)
    reads.note("test", test)
    scores = {clips[video].name: full_scores(model, inputs, long_set, int(video), used) for video in test}
    predicted = {name: {video: decode_all(found, video, chosen) for video, found in scores.items()}
                 for name, chosen in {"base": decodings, **others}.items()}
    vetoed = 0
    if config.input.kind == "events" and config.decode.veto:
        predicted["no_veto"] = predicted["base"]
        predicted["base"], vetoed = blinks_left_out(long_set, predicted["base"])
    return FoldResult(model, skips, decodings, tuned, history, scores, predicted, reads, vetoed)


def distances(config: SpotConfig, intervals: Sequence[Interval],
              fps: float) -> tuple[dict[Kind, int], dict[Kind, int]]:
    """Distances k, and how far intervals reach from their peaks, in frames of the video.

    Args:
        config: What the user sets.
        intervals: Truth of the training people.
        fps: Frames per second of the videos.
    """
    found = skips_of(intervals)
    skips: dict[Kind, int] = {}
    halves: dict[Kind, int] = {}
    for kind in KINDS:
        own = found[kind] or max(1, int(TYPICAL_SKIP_S[kind] * fps))
        given = config.skip.micro if kind == "micro" else config.skip.macro
        half = config.skip.half_micro if kind == "micro" else config.skip.half_macro
        skips[kind] = max(1, round(config.skip.factor * own)) if given is None else given
        halves[kind] = own if half is None else half
    return skips, halves


def full_scores(model: Spotter, inputs: SpotInputs, long_set: LongSet, video: int, used: Skips,
                stride: int = 1) -> NDArray[np.float64]:
    """``(N, 2)`` scores of all frames of a video; between those that are scored, a straight line.

    Args:
        model: In eval mode.
        inputs: Of all videos.
        long_set: The videos.
        video: Number of the video.
        used: Distances k in frames that are used.
        stride: Every so many-th of these is scored.
    """
    frames = int(long_set.videos[video].facts["frames"])
    found = video_scores(model, inputs, video, used, stride)
    step = stride * inputs.chosen.frame_stride
    return np.stack([stretched(column, step, frames) for column in found.T], axis=1)


def fold_record(long_set: LongSet, split: MicroSplit, result: FoldResult) -> dict[str, Any]:
    """How a fold came to be, and what it says of the tested videos, ready for JSON.

    Args:
        long_set: The videos.
        split: Who was who.
        result: By ``run_fold``.
    """
    clips = {clip.name: clip for clip in long_set.videos}
    test = {name: {"subject": clips[name].subject, "dataset": clips[name].dataset, "fps": fps_of(long_set),
                   "frames": len(found),
                   "truth": [[one.kind, one.onset, one.apex, one.offset, one.label] for one in long_set.truth[name]],
                   "predicted": {way: interval_rows(videos[name]) for way, videos in result.predicted.items()}}
            for name, found in result.scores.items()}
    return {"protocol": split.protocol, "subjects": {"train": list(split.train), "test": list(split.test)},
            "reads": result.reads.record(), "skips": dict(result.skips),
            "decodings": {kind: vars(one) for kind, one in result.decodings.items()}, "tuned": result.tuned,
            "vetoed": result.vetoed, "test": test, "scores": test_scores(long_set, result), "epochs": result.history,
            "parameters": sum(value.numel() for value in result.model.parameters())}


def interval_rows(intervals: Sequence[Interval]) -> list[list[Any]]:
    """``[kind, onset, apex, offset, score]`` of each interval, ready for JSON."""
    return [[one.kind, one.onset, one.apex, one.offset, one.score] for one in intervals]


def test_scores(long_set: LongSet, result: FoldResult) -> dict[str, Any] | None:
    """Counts and F1 of the tested videos, micro, macro and overall; None without any."""
    if not result.scores:
        return None
    truth = [one for name in result.scores for one in long_set.truth[name]]
    found = score_spotting(truth, [one for found in result.predicted["base"].values() for one in found])
    return {name: {"tp": count.tp, "fp": count.fp, "fn": count.fn, "precision": count.precision,
                   "recall": count.recall, "f1": count.f1}
            for name, count in (("micro", found.micro), ("macro", found.macro), ("overall", found.overall))}


def _tuning_scores(config: SpotConfig, long_set: LongSet, data: SpotData, train: NDArray[np.int64], used: Skips,
                   model: Spotter, kept: Callable[[str], Checkpoint | None]) -> dict[str, NDArray[np.float64]]:
    """Scores of the training videos that thresholds are chosen by: the network's own, or of two that did not see them.

    Raises:
        NeuroferError: ``inner`` with one training subject.
    """
    sources: list[tuple[Spotter, NDArray[np.int64]]] = [(model, train)]
    if config.decode.source == "inner":
        people = sorted({long_set.videos[video].subject for video in train})
        if len(people) < 2:
            raise NeuroferError("decode.source=inner: needs two training subjects, there is one; use source=training")
        first = np.array([long_set.videos[video].subject in people[::2] for video in train])
        sources = []
        for number, (learn, score) in enumerate(((train[first], train[~first]), (train[~first], train[first]))):
            network, _ = train_spotter(config, data, learn, used, (config.seed, _FIRST_HALF + number),
                                       kept(f"inner{number}"), f"inner {number + 1}")
            sources.append((network, score))
    return {long_set.videos[video].name: full_scores(network, data.inputs, long_set, int(video), used,
                                                     config.decode.stride)
            for network, videos in sources for video in videos}


def _other_decodings(config: SpotConfig, tuning: Mapping[str, NDArray[np.float64]],
                     truth: Mapping[str, Sequence[Interval]], skips: Mapping[Kind, int], halves: Mapping[Kind, int],
                     base: Mapping[Kind, Decoding]) -> dict[str, dict[Kind, Decoding]]:
    """Other ways from the same scores to intervals; what they choose, they choose on the same people."""
    def chosen(**changes: Any) -> dict[Kind, Decoding]:
        return choose_decodings(tuning, truth, skips, halves, config.decode.model_copy(update=changes))[0]

    def with_all(**changes: Any) -> dict[Kind, Decoding]:
        return {kind: replace(one, **changes) for kind, one in base.items()}

    no_floor = {kind: replace(one, floor=0.0) if one.floor <= 1 else one for kind, one in base.items()}
    return {"untuned": chosen(tune=False, extend=False), "no_floor": no_floor,
            "fixed": chosen(extend=False), "extended": chosen(extend=True),
            "no_merge": with_all(merge=False), "nms": with_all(nms=True)}


def blinks_left_out(long_set: LongSet,
                    predicted: Mapping[str, list[Interval]]) -> tuple[dict[str, list[Interval]], int]:
    """Intervals of each video that its events do not show to be blinks, and how many they do."""
    kept, dropped = dict[str, list[Interval]](), 0
    for clip in long_set.videos:
        if clip.name not in predicted:
            continue
        with open_recording(clip.path) as recording:
            found = without_blinks(predicted[clip.name], recording.between, video_frames(clip).times_us,
                                   (clip.sensor or recording.sensor)[0])
        kept[clip.name], dropped = found.kept, dropped + len(found.dropped)
    return kept, dropped
