"""The settings that turn scores into intervals, chosen on training videos alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import name_some
from neurofer.spotting.decode import columns_of, level_at
from neurofer.spotting.interval import KINDS, Interval, Kind
from neurofer.spotting.settings import Decoding, Smoothing
from neurofer.spotting.skip import gate_of, lengths_of
from neurofer.spotting.tally import Track, tallies_of, track_of

RANK_STEP = 1.15
"""Ratio between the numbers of peaks that two neighbouring floors leave."""


@dataclass(frozen=True)
class Choices:
    """What is tried; the start settings always are.

    Attributes:
        peak_shares: Relative thresholds.
        floors: Whether floors between the training peaks are tried, or 0 and the start's alone.
        extend: Of ``Decoding``; none keeps the start's.
        half_interval_frames: Of ``Decoding``; none keeps the start's.
    """

    peak_shares: Sequence[float] = tuple(share / 100 for share in range(30, 81, 5))
    floors: bool = True
    extend: Sequence[bool] = ()
    half_interval_frames: Sequence[int] = ()


class Tuned(NamedTuple):
    """What was chosen.

    Attributes:
        settings: The start settings with the best choices.
        record: JSON: what it scored on the training videos, and why it was chosen.
    """

    settings: Decoding
    record: dict[str, Any]


class TuneSettings(Protocol):
    """What ``choose_decodings`` must be told; ``neurofer.train.spot.config.SpotTuneConfig`` says it."""

    @property
    def tune(self) -> bool:
        """Whether anything is chosen; else ``peak_share`` and a floor of 0 are used."""
    @property
    def peak_share(self) -> float:
        """See ``Decoding``; the start, when tuned."""
    @property
    def smoothing(self) -> Smoothing:
        """See ``Decoding``."""
    @property
    def extend(self) -> bool | None:
        """See ``Decoding``; None: chosen when tuned, else False."""
    @property
    def merge(self) -> bool:
        """See ``Decoding``."""
    @property
    def gate(self) -> bool:
        """Whether the training expressions limit the length of extended intervals."""
    @property
    def nms(self) -> bool:
        """See ``Decoding``."""


def tune(scores: Mapping[str, NDArray[np.float64]], truth: Mapping[str, Sequence[Interval]], start: Decoding,
         kind: Kind, choices: Choices) -> Tuned:
    """The settings of one type with the highest F1, summed over the training videos.

    Of equal ones that with the fewest predictions, then that nearest to the start, then the highest floor. A floor
    lies in the middle between two peaks. Where there is no expression of the type, or no setting hits any, the floor
    is put so high that nothing is predicted.

    Args:
        scores: ``(N,)`` of each training video.
        truth: Intervals of the training videos, of all types; a video without may be left out.
        start: Settings to start from; smoothing, lengths and the like are kept.
        kind: The type.
        choices: What is tried.

    Raises:
        ValueError: scores of another shape or not finite, or truth of a video that has no scores.

    Source:
        Spotting specification, sections 5 and 6.
    """
    _check_videos("tune", scores, truth)
    tracks = [track_of(name, scores[name], truth.get(name, ()), start, kind) for name in sorted(scores)]
    truths = sum(len(one.onset) for one in tracks)
    floors = _floors(tracks, start, choices)
    shares = np.array(sorted({*choices.peak_shares, start.peak_share}, reverse=True))
    record: dict[str, Any] = {"videos": len(tracks), "truths": truths, "tried": 0}
    if not truths:
        return _silent(tracks, start, record, "the training videos show no expression of this type")
    shapes = list(_shapes(start, choices))
    tallies = np.stack([tallies_of(tracks, shape, shares, floors) for shape in shapes])
    f1 = 2 * tallies[..., 1] / (tallies[..., 0] + truths)
    record["tried"] = f1.size
    best = _best(f1, tallies[..., 0], shapes, shares, floors, start)
    if not tallies[best][1]:
        return _silent(tracks, start, record, "no settings hit an expression of the training videos")
    settings = replace(shapes[best[0]], peak_share=float(shares[best[1]]), floor=float(floors[best[2]]))
    unfloored = _best(f1[:, :, :1], tallies[:, :, :1, 0], shapes, shares, floors[:1], start)
    begun = tallies_of(tracks, start, np.array([start.peak_share]), np.array([start.floor]))[0, 0]
    return Tuned(settings, {**record, **_chosen(settings), **_scored(tallies[best], truths),
                            "start": _scored(begun, truths), "floor_0": _scored(tallies[unfloored], truths)})


def choose_decodings(scores: Mapping[str, NDArray[np.float64]], truth: Mapping[str, Sequence[Interval]],
                     skips: Mapping[Kind, int], halves: Mapping[Kind, int],
                     config: TuneSettings) -> tuple[dict[Kind, Decoding], dict[str, Any]]:
    """The settings of all types that have a skip, from the training videos.

    Args:
        scores: ``(N, 2)`` of each training video, columns in the order of ``KINDS``; not looked at without ``tune``.
        truth: Intervals of the training videos and of no others: they also say how long intervals may be.
        skips: k of each type.
        halves: ``half_interval_frames`` of each type.
        config: What is chosen.

    Returns:
        The settings, and what was found of each type, JSON.

    Raises:
        ValueError: scores of another shape, or see ``tune``.
    """
    if config.tune:
        _check_videos("choose_decodings", scores, truth)
    lengths = lengths_of(one for intervals in truth.values() for one in intervals)
    decodings: dict[Kind, Decoding] = {}
    record: dict[str, Any] = {}
    for kind in (kind for kind in KINDS if kind in skips):
        least, most = gate_of(lengths[kind]) if config.gate and lengths[kind] else (1, Decoding.most_frames)
        start = Decoding(skips[kind], halves[kind], config.peak_share, 0.0, config.smoothing, bool(config.extend),
                         least, most, config.merge, config.nms)
        if config.tune:
            choices = Choices(extend=(False, True) if config.extend is None else ())
            tracks = {name: columns_of(both, name)[kind] for name, both in scores.items()}
            decodings[kind], record[kind] = tune(tracks, truth, start, kind, choices)
        elif truth and not lengths[kind]:
            silent = _silent((), start, {"truths": 0}, "the training videos show no expression of this type")
            decodings[kind], record[kind] = silent
        else:
            decodings[kind], record[kind] = start, {**_chosen(start), "note": "not tuned"}
    return decodings, record


def _check_videos(who: str, scores: Mapping[str, Any], truth: Mapping[str, Sequence[Interval]]) -> None:
    lost = sorted(name for name, intervals in truth.items() if intervals and name not in scores)
    if lost:
        raise ValueError(f"{who}: there is truth but no score of {name_some(lost, 3)}; "
                         "give the intervals of the training videos, and all their scores")


def _shapes(start: Decoding, choices: Choices) -> Iterator[Decoding]:
    """The start with each form of intervals; a half interval says nothing about extended ones."""
    for extend in dict.fromkeys((start.extend, *choices.extend)):
        halves = () if extend else choices.half_interval_frames
        for half in dict.fromkeys((start.half_interval_frames, *halves)):
            yield replace(start, extend=extend, half_interval_frames=half)


def _floors(tracks: Sequence[Track], start: Decoding, choices: Choices) -> NDArray[np.float64]:
    """``(F,)`` rising from 0: the start's, and those that leave 1, 2, 3, ... of all peaks, in ever coarser steps."""
    floors = {0.0, start.floor}
    if choices.floors:
        share = min(*choices.peak_shares, start.peak_share, 1)
        heights = np.unique(np.concatenate([np.empty(0)] + [
            one.heights[one.heights >= level_at(one.smooth, share)] for one in tracks if len(one.peaks)]))[::-1]
        steps = range(int(np.log(max(len(heights), 1)) / np.log(RANK_STEP)) + 1)
        ranks = np.array(sorted({int(RANK_STEP ** step) for step in steps}), np.int64)
        ranks = ranks[ranks < len(heights)]
        floors.update(((heights[ranks - 1] + heights[ranks]) / 2).tolist())
    return np.array(sorted(floor for floor in floors if floor >= 0))


def _best(f1: NDArray[np.float64], predicted: NDArray[np.int64], shapes: Sequence[Decoding],
          shares: NDArray[np.float64], floors: NDArray[np.float64], start: Decoding) -> tuple[int, int, int]:
    """Numbers of the best shape, share and floor."""
    unlike = np.array([(shape.extend != start.extend, abs(shape.half_interval_frames - start.half_interval_frames))
                       for shape in shapes])
    away = np.round(np.abs(shares - start.peak_share), 9)
    keys = (-floors[None, None, :], away[None, :, None], unlike[:, 1, None, None], unlike[:, 0, None, None], predicted,
            -f1)
    first = np.lexsort([np.broadcast_to(key, f1.shape).ravel() for key in keys])[0]
    shape, share, floor = np.unravel_index(first, f1.shape)
    return int(shape), int(share), int(floor)


def _silent(tracks: Sequence[Track], start: Decoding, record: dict[str, Any], why: str) -> Tuned:
    highest = max([1.0, *(float(one.smooth.max()) for one in tracks if len(one.smooth))])
    settings = replace(start, floor=2 * highest)
    return Tuned(settings, {**record, **_chosen(settings), **_scored((0, 0), record["truths"]),
                            "note": f"{why}, so the floor is above any score and nothing is predicted"})


def _chosen(settings: Decoding) -> dict[str, Any]:
    return {"peak_share": settings.peak_share, "floor": settings.floor, "extend": settings.extend,
            "half_interval_frames": settings.half_interval_frames}


def _scored(tally: Sequence[int] | NDArray[np.int64], truths: int) -> dict[str, Any]:
    predicted, hits = (int(number) for number in tally)
    f1 = 2 * hits / (predicted + truths) if predicted + truths else 0.0
    return {"tp": hits, "fp": predicted - hits, "fn": truths - hits, "f1": f1}
