"""A finished spotting run applied to footage of any length: scores, then intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import NeuroferError
from neurofer.spotting.decode import decode_all
from neurofer.spotting.interval import KINDS, Interval, Kind
from neurofer.spotting.settings import Decoding
from neurofer.spotting.veto_stretches import without_blinks
from neurofer.stream.spot.clock import one_frame
from neurofer.stream.spot.footage import Footage
from neurofer.stream.spot.scoring import Scored, score_blocks
from neurofer.train.spot.inputs import Skips
from neurofer.train.spot.load import SpotRun

SAME_RATE = 0.005
"""Frame rates that differ by a smaller part are one, such as 30 and 29.97."""


class Rate(NamedTuple):
    """A run's distances at the frame rate of footage.

    Attributes:
        skips: Distances k, in frames of the footage.
        decodings: Likewise.
        note: What was changed; empty where nothing was.
    """

    skips: Skips
    decodings: dict[Kind, Decoding]
    note: str


class Spot(NamedTuple):
    """An expression that was spotted.

    Attributes:
        interval: In frames as the film numbers them.
        tick: In rows of the scores; another interval only where the film's frame rate varies.
        ms: Its onset, apex and offset in milliseconds from the start.
    """

    interval: Interval
    tick: Interval
    ms: tuple[float, float, float]


@dataclass(frozen=True)
class Spotted:
    """What was spotted in footage.

    Attributes:
        footage: What was looked at.
        scored: Its scores.
        rate: Distances and settings that were used.
        spots: By onset.
        vetoed: Intervals that were taken for blinks, in rows of the scores.
        notes: What is to be said about it.
    """

    footage: Footage
    scored: Scored
    rate: Rate
    spots: tuple[Spot, ...]
    vetoed: tuple[Interval, ...]
    notes: tuple[str, ...]


def spotted_in(run: SpotRun, footage: Footage, veto: bool = False,
         done: Callable[[int], None] = lambda frames: None) -> Spotted:
    """Spot the expressions in footage.

    Every frame has a score: where a reference frame would lie outside, the first or last frame stands in for it.

    Args:
        run: What spots.
        footage: Any length from two frames.
        veto: Take out what the events show to be a blink and nothing else; footage without events keeps all.
        done: Is told of frames as they are scored.

    Raises:
        NeuroferError: the footage cannot be read, shows no face, or has too few frames a second.
    """
    rate = at_rate(run, footage)
    stride = run.config.input.frame_stride
    used = Skips(*(max(1, round(skip / stride)) for skip in rate.skips))
    scored = score_blocks(run.scorer(used), footage.blocks(), stride, done)
    if len(scored.numbers) < 2:
        raise one_frame(footage.where)
    ticks, blinks = decode_all(scored.scores, footage.name, rate.decodings), list[Interval]()
    if veto and footage.events is not None:
        source = footage.events
        ticks, blinks = without_blinks(ticks, source.between, source.times_us(len(scored.numbers)), source.size_px)
    notes = [*footage.notes(), rate.note, _short(len(scored.numbers), rate.skips),
             blinks_told(blinks)]
    return Spotted(footage, scored, rate, spots_of(ticks, scored, footage.origin_us), tuple(blinks),
                   tuple(note for note in notes if note))


def blinks_told(blinks: Sequence[Interval]) -> str:
    """The note about intervals that were taken for blinks; empty without any."""
    return f"{len(blinks)} taken for blinks and left out (--no-veto keeps them)" if blinks else ""


def spots_of(ticks: Sequence[Interval], scored: Scored, origin_us: int) -> tuple[Spot, ...]:
    """Intervals in rows of the scores as what was spotted, in the film's own frames and in milliseconds."""
    return tuple(_spot(one, scored, origin_us) for one in ticks)


def at_rate(run: SpotRun, footage: Footage) -> Rate:
    """A run's distances at the frame rate of footage: as many seconds, in whole frames.

    Raises:
        NeuroferError: a distance would be less than half a frame.
    """
    ratio = footage.fps / run.fps
    if abs(ratio - 1) <= SAME_RATE:
        return Rate(run.skips, run.decodings, "")
    least = min(run.skips) / run.config.input.frame_stride
    if least * ratio < 0.5:
        raise NeuroferError(f"{footage.where}: has {footage.fps:.4g} frames a second, too few for {run.path}, which "
                            f"was trained at {run.fps:.4g} and needs at least {run.fps / least / 2:.2g}; film faster, "
                            "or train a run on slower videos")
    skips = Skips(*(_scaled(skip, ratio, 1) for skip in run.skips))
    decodings = {kind: scaled_decoding(one, ratio) for kind, one in run.decodings.items()}
    changes = ", ".join(f"{kind} {old} to {new}" for kind, old, new in zip(KINDS, run.skips, skips, strict=True))
    return Rate(skips, decodings, f"{footage.fps:.4g} frames a second, but the run was trained at {run.fps:.4g}: "
                                  f"distances in frames were scaled to last as long ({changes})")


def scaled_decoding(decoding: Decoding, ratio: float) -> Decoding:
    """Settings for videos of ``ratio`` times as many frames a second."""
    least = _scaled(decoding.least_frames, ratio, 1)
    return replace(decoding, skip_frames=_scaled(decoding.skip_frames, ratio, 1),
                   half_interval_frames=_scaled(decoding.half_interval_frames, ratio, 0),
                   least_frames=least, most_frames=_scaled(decoding.most_frames, ratio, least))


def ms_of(tick: int, times_us: NDArray[np.int64], origin_us: int) -> float:
    """Milliseconds from the start to a row of the scores."""
    return float(times_us[tick] - origin_us) / 1e3


def renumbered(tick: Interval, numbers: NDArray[np.int64]) -> Interval:
    """An interval in frames as the film numbers them, from one in rows of the scores."""
    apex = None if tick.apex is None else int(numbers[tick.apex])
    return replace(tick, onset=int(numbers[tick.onset]), apex=apex, offset=int(numbers[tick.offset]))


def to_ticks(interval: Interval, numbers: NDArray[np.int64]) -> Interval:
    """The way back, for truth: the first row of its onset and the last of its offset; what lies behind ends with it."""
    last = len(numbers) - 1
    onset = min(int(np.searchsorted(numbers, interval.onset)), last)
    offset = max(onset, int(np.searchsorted(numbers, interval.offset, side="right")) - 1)
    apex = None if interval.apex is None else min(max(int(np.searchsorted(numbers, interval.apex)), onset), offset)
    return replace(interval, onset=onset, apex=apex, offset=offset)


def _spot(tick: Interval, scored: Scored, origin_us: int) -> Spot:
    apex = (tick.onset + tick.offset) // 2 if tick.apex is None else tick.apex
    onset_ms, apex_ms, offset_ms = (ms_of(one, scored.times_us, origin_us) for one in (tick.onset, apex, tick.offset))
    return Spot(renumbered(replace(tick, apex=apex), scored.numbers), tick, (onset_ms, apex_ms, offset_ms))


def _short(frames: int, skips: Skips) -> str:
    short = [f"{kind} needs {2 * skip + 1}" for kind, skip in zip(KINDS, skips, strict=True) if frames < 2 * skip + 1]
    if not short:
        return ""
    return (f"{frames} frames are fewer than 2 k + 1 ({', '.join(short)}): no frame has both its reference frames, the "
            "first and the last frame stand in for them")


def _scaled(frames: int, ratio: float, least: int) -> int:
    return max(least, round(frames * ratio))
