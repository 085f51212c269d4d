"""Spotting without a trained network, as a method of ``neurofer spot``: bursts of events that are taken back again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.keyframes.film_events import THRESHOLD
from neurofer.keyframes.rate import rate_scores, region_counts
from neurofer.keyframes.regions import face_regions
from neurofer.spotting.interval import KINDS, Interval
from neurofer.spotting.rate_baseline import RateSettings, spot_by_rate
from neurofer.spotting.settings import Decoding
from neurofer.spotting.veto_stretches import without_blinks
from neurofer.stream.spot.clock import one_frame
from neurofer.stream.spot.footage import Footage
from neurofer.stream.spot.scoring import Scored
from neurofer.stream.spot.spotter import Rate, Spotted, blinks_told, spots_of
from neurofer.train.spot.inputs import Skips

NAME = "rate"
"""What the verb calls it, in the place of a run."""


def _nobody() -> dict[str, Any]:
    return {"data": {"name": ""}, "protocol": {"subjects": {"train": (), "test": ()}}}


@dataclass(frozen=True)
class RateMethod:
    """The baseline where a run is expected; it has learned from nobody.

    Attributes:
        settings: What counts as an expression.
        path: What it is called.
        kind: It looks at events.
        crop_px: Side of the aligned face.
        size_px: Side of the counts that are passed by; the events themselves are used.
        fps: Frames a second that recordings are told in.
        veto: Whether blinks are left out.
        threshold: Change of the logarithm of light that makes an event of a film.
        card: Whom it was trained on: nobody.
    """

    settings: RateSettings = RateSettings()
    path: Path = Path(NAME)
    kind: str = "events"
    crop_px: int = 112
    size_px: int = 16
    fps: float = 30.0
    veto: bool = True
    threshold: float = THRESHOLD
    card: dict[str, Any] = field(default_factory=_nobody)


def spotted_by_rate(method: RateMethod, footage: Footage, veto: bool = True,
                    done: Callable[[int], None] = lambda frames: None) -> Spotted:
    """Spot the expressions in footage by the rate of its events, all of which are held at a time.

    The score of a frame is ``z / (z + start_z)`` of the part of the face that rises most, so what starts an expression
    is above 0.5; micro and macro have the same.

    Args:
        method: The baseline.
        footage: Of events.
        veto: Take out blinks.
        done: Is told of frames as they are read.

    Raises:
        NeuroferError: the footage cannot be read, shows no face, or has one frame.
    """
    numbers, times = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for block in footage.blocks():  # of a film, this makes the events
        numbers.append(block.numbers)
        times.append(block.times_us)
        done(len(block.numbers))
    all_numbers, all_times = np.concatenate(numbers), np.concatenate(times)
    if len(all_numbers) < 2:
        raise one_frame(footage.where)
    if footage.events is None:
        raise ValueError(f"spotted_by_rate: {footage.where} has no events")
    clock_us = footage.events.times_us(len(all_numbers))
    events = footage.events.between(int(clock_us[0]), int(clock_us[-1]) + 1)
    ticks, blinks = spot_by_rate(events, clock_us, footage.name, method.settings), list[Interval]()
    if veto:
        ticks, blinks = without_blinks(ticks, footage.events.between, clock_us, footage.events.size_px)
    level = frame_levels(events, clock_us, method.settings)
    scored = Scored(np.repeat(level[:, None], len(KINDS), axis=1), all_numbers, all_times)
    start = Decoding(1, 0, peak_share=0.0, floor=0.5, smoothing="none")
    notes = [*footage.notes(), blinks_told(blinks)]
    return Spotted(footage, scored, Rate(Skips(1, 1), dict.fromkeys(KINDS, start), ""),
                   spots_of(ticks, scored, footage.origin_us), tuple(blinks), tuple(note for note in notes if note))


def frame_levels(events: Events, times_us: NDArray[np.int64], settings: RateSettings) -> NDArray[np.float64]:
    """``(N,)`` scores of frames, 0..1; 0.5 where the rate of some part reaches the score that starts an expression.

    Args:
        events: Of an aligned face, square.
        times_us: ``(N,)`` of the frames, rising.
        settings: What counts as an expression.
    """
    detect, start_us = settings.detect, int(times_us[0])
    counts = region_counts(events, face_regions(events.sensor[0], settings.parts), start_us, int(times_us[-1]) + 1,
                           detect.bin_us)
    z = np.maximum(rate_scores(counts, detect.window_us // detect.bin_us).max(axis=0), 0)
    at_frames = z[np.minimum((times_us - start_us) // detect.bin_us, len(z) - 1)]
    return np.asarray(at_frames / (at_frames + detect.start_z))
