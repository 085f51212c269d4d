"""Which emotion each spotted micro-expression shows: spot, then recognise."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from neurofer.data.long.store import video_frames
from neurofer.data.micro import casme3, mmew, rules
from neurofer.data.micro.faces import given_alignment
from neurofer.errors import NeuroferError
from neurofer.simulate.video import open_frames
from neurofer.spotting.interval import Interval
from neurofer.stream.micro.clips import FaceClip
from neurofer.stream.micro.films import MARGIN_MS
from neurofer.stream.micro.given import Given, Moment
from neurofer.stream.micro.predictor import MicroPredictor
from neurofer.stream.spot.around import clips_around
from neurofer.stream.spot.events import recorded_face
from neurofer.stream.spot.films import numbered
from neurofer.stream.spot.opening import Looking
from neurofer.stream.spot.sources import Source
from neurofer.stream.spot.spotter import Spot, Spotted

_STEP_US = 1_000
_WORDS = {**rules.CASME2_LABELS3, **rules.SAMM_LABELS3, **casme3.LABELS3, **mmew.LABELS3}


class Recognised(NamedTuple):
    """What a micro-expression run says of a spotted interval."""

    label: str
    probability: float


@dataclass(frozen=True)
class Recognitions:
    """What was said of the micro-expressions of one video.

    Attributes:
        by_spot: By place among what was spotted; those that could not be decided about are missing.
        problems: Why they are.
    """

    by_spot: dict[int, Recognised]
    problems: tuple[str, ...] = ()


def recognise_spots(predictor: MicroPredictor, source: Source, spotted: Spotted, looking: Looking) -> Recognitions:
    """The emotion of each micro-expression that was spotted; the source is read once more, around them alone.

    Args:
        predictor: Decides.
        source: What was looked at.
        spotted: What was found in it.
        looking: How it was looked at.

    Raises:
        UsageError: a recording of events, and a run that looks at frames.
    """
    places = [place for place, one in enumerate(spotted.spots) if one.interval.kind == "micro"]
    if not places:
        return Recognitions({})
    spots = [spotted.spots[place] for place in places]
    if source.kind == "recording":
        predictor.require_events_suffice(source.path)
        clips = _recorded(predictor, source, spots, looking)
    else:
        clips = _filmed(predictor, source, spotted, spots, looking)
    found, problems = dict[int, Recognised](), list[str]()
    for number, clip in clips:
        try:
            found[places[number]] = _decided(predictor, clip, spots[number])
        except (NeuroferError, ValueError) as error:
            one = spots[number].interval
            problems.append(f"frames {one.onset} to {one.offset} were not recognised: {error}")
    return Recognitions(found, tuple(problems))


def labelled(spotted: Spotted, said: Recognitions) -> list[Interval]:
    """The spotted intervals with what was said as their label, empty where nothing was."""
    return [replace(spot.interval, label=said.by_spot[place].label if place in said.by_spot else "")
            for place, spot in enumerate(spotted.spots)]


def class_of(emotion: str, classes: tuple[str, ...]) -> str:
    """The class of a true emotion, for runs that know fewer words than the data set; empty where it has none.

    Example:
        >>> class_of("disgust", ("negative", "positive", "surprise"))
        'negative'
    """
    word = emotion.strip().lower()
    return next((name for name in (emotion, word, _WORDS.get(word, "")) if name in classes), "")


def classed(truth: Iterable[Interval], classes: tuple[str, ...]) -> list[Interval]:
    """True intervals with their class of a run as their label, see ``class_of``."""
    return [replace(one, label=class_of(one.label, classes)) for one in truth]


def _decided(predictor: MicroPredictor, clip: FaceClip | NeuroferError, spot: Spot) -> Recognised:
    if isinstance(clip, NeuroferError):
        raise clip
    if clip.pictures is None:
        given = Given(*(Moment(at_ms, True) for at_ms in spot.ms))
    else:
        one = spot.interval
        apex = one.onset if one.apex is None else one.apex
        given = Given(*(Moment(float(number)) for number in (one.onset, apex, one.offset)))
    decision = predictor.decide(lambda onset: clip, given)
    return Recognised(decision.label, float(decision.probabilities.max()))


def _filmed(predictor: MicroPredictor, source: Source, spotted: Spotted, spots: list[Spot],
            looking: Looking) -> Iterator[tuple[int, FaceClip | NeuroferError]]:
    spans = [(one.interval.onset, one.interval.offset) for one in spots]
    margin, size_px = int(MARGIN_MS * spotted.footage.fps / 1000), predictor.size_px
    frames: Iterable[tuple[np.ndarray, int]]
    if source.clip is not None:
        stored = video_frames(source.clip)
        frames = zip(stored.pictures, stored.times_us.tolist(), strict=True)
        given = given_alignment(stored.pictures.shape[:0:-1], size_px, whole=True)
    else:
        film = open_frames(source.path, looking.fps)
        frames = numbered(film)
        given = given_alignment(film.size, size_px, *looking.hint)
    counted = ((np.asarray(frame), number, t_us) for number, (frame, t_us) in enumerate(frames))
    return clips_around(str(source.path), counted, spans, margin, size_px, given)


def _recorded(predictor: MicroPredictor, source: Source, spots: list[Spot],
              looking: Looking) -> Iterator[tuple[int, FaceClip | NeuroferError]]:
    face = recorded_face(source.path, looking.request, predictor.size_px)
    margin_us = round(1e3 * MARGIN_MS)
    for number, spot in enumerate(spots):
        low_us = max(face.first_us, face.origin_us + round(1e3 * spot.ms[0]) - margin_us)
        high_us = min(face.stop_us, face.origin_us + round(1e3 * spot.ms[2]) + margin_us)
        times_us = np.arange(low_us, high_us + _STEP_US, _STEP_US, dtype=np.int64)
        yield number, FaceClip(str(source.path), times_us, None, 0, face.origin_us, face.face.source,
                               functools.partial(face.between, low_us, high_us))
