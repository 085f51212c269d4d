"""Spot, then recognise: the decisions of ``predict`` at the spotted moments, in one more pass over the film."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Clip
from neurofer.data.frames import clip_frames
from neurofer.data.micro.faces import given_alignment
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError, UsageError
from neurofer.spotting.interval import Interval
from neurofer.stream.micro.clips import FaceClip
from neurofer.stream.micro.films import FaceHint, FilmReader
from neurofer.stream.micro.given import Given, Moment
from neurofer.stream.micro.predictor import MicroPredictor
from neurofer.stream.spot.around import clips_around
from neurofer.stream.spot.footage import Footage
from neurofer.stream.spot.opening import Looking
from neurofer.stream.spot.recognise import Recognitions, class_of, classed, labelled, recognise_spots
from neurofer.stream.spot.scoring import Scored
from neurofer.stream.spot.sources import Source
from neurofer.stream.spot.spotter import Rate, Spot, Spotted
from neurofer.train.micro.load import load_micro_run
from neurofer.train.micro.recipe import train_micro
from neurofer.train.spot.inputs import Skips
from trees.micro_films import clip_images, write_images
from trees.micro_store import small_config, write_micro_store

CLASSES = ("negative", "positive", "surprise")


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> MicroPredictor:
    folder = tmp_path_factory.mktemp("micro")
    store = write_micro_store(folder / "store")
    return MicroPredictor(load_micro_run(train_micro(small_config(
        "prior.loss=none", "target.epochs=1", "target.alpha=none", f"data=[{store}]", f"out={folder / 'run'}"))))


def first_clip(predictor: MicroPredictor) -> Clip:
    return open_store(predictor.run.config.data[0]).clips[0]  # type: ignore[index]


def spotted_of(clip: Clip, intervals: list[Interval]) -> Spotted:
    count = len(clip_frames(clip).pictures)
    scored = Scored(np.zeros((count, 2)), np.arange(count), 10_000 * np.arange(count))
    footage = Footage("film", "film", 100.0, count, lambda: iter(()))
    spots = tuple(Spot(one, one, (10.0 * one.onset, 10.0 * (one.apex or 0), 10.0 * one.offset)) for one in intervals)
    return Spotted(footage, scored, Rate(Skips(1, 1), {}, ""), spots, (), ())


def test_a_spotted_moment_gets_what_predict_says_of_it(predictor: MicroPredictor, tmp_path: Path) -> None:
    clip = first_clip(predictor)
    film = clip_images(tmp_path / "film", clip)
    onset, apex, offset = (int(clip.facts[f"{name}_frame"]) for name in ("onset", "apex", "offset"))
    given = Given(*(Moment(float(one)) for one in (onset, apex, offset)))
    wanted = predictor.decide(functools.partial(FilmReader(predictor.size_px, 100.0, FaceHint(whole=True),
                                                           given=given).read, film), given)
    spotted = spotted_of(clip, [Interval("film", "macro", 0, 5, 3), Interval("film", "micro", onset, offset, apex),
                                Interval("film", "micro", onset, offset, apex)])
    said = recognise_spots(predictor, Source("film", film, "film"), spotted, Looking(100.0, FaceHint(whole=True)))
    assert said.problems == ()
    assert sorted(said.by_spot) == [1, 2]
    for one in said.by_spot.values():
        assert one.label == wanted.label
        assert one.probability == pytest.approx(wanted.probabilities.max(), abs=1e-6)  # sums of another order
    assert [one.label for one in labelled(spotted, said)] == ["", wanted.label, wanted.label]


def test_what_cannot_be_recognised_is_told_and_the_rest_goes_on(predictor: MicroPredictor, tmp_path: Path) -> None:
    clip = first_clip(predictor)
    film = write_images(tmp_path / "film", np.full((40, 64, 64), 90, np.uint8))
    spotted = spotted_of(clip, [Interval("film", "micro", 10, 20, 15)])
    said = recognise_spots(predictor, Source("film", film, "film"), spotted, Looking(100.0))
    assert said.by_spot == {}
    assert "frames 10 to 20 were not recognised: " in said.problems[0]
    assert "shows no face" in said.problems[0]
    with pytest.raises(UsageError, match="sees optical flow"):
        recognise_spots(predictor, Source("film", film, "recording"), spotted, Looking())
    alone = replace(spotted, spots=())
    assert recognise_spots(predictor, Source("film", film, "recording"), alone, Looking()) == Recognitions({})


def test_clips_hold_their_frames_and_no_more() -> None:
    frames = [(np.full((16, 16), number, np.uint8), number, 10_000 * number) for number in range(100)]
    taken = []

    def told() -> object:
        for one in frames:
            taken.append(one[1])
            yield one

    given = given_alignment((16, 16), 16, whole=True)
    spans = [(60, 70), (3, 8), (62, 63)]
    found = dict(clips_around("a.mp4", told(), spans, 5, 16, given))  # type: ignore[arg-type]
    for place, (first, last) in enumerate(spans):
        clip = found[place]
        assert isinstance(clip, FaceClip)
        assert clip.pictures is not None
        assert clip.pictures[:, 0, 0].tolist() == list(range(max(0, first - 5), last + 6))
        assert clip.first_frame == max(0, first - 5)
    assert taken[-1] == 75  # nothing is read behind the last of them
    late = dict(clips_around("a.mp4", frames, [(97, 99)], 5, 16, given))[0]
    assert isinstance(late, FaceClip)
    assert late.last == 7
    none = dict(clips_around("a.mp4", frames, [(40, 44)], 5, 16, None))[0]
    assert isinstance(none, NeuroferError)


@pytest.mark.parametrize(("emotion", "found"), [
    ("disgust", "negative"), ("Happiness", "positive"), ("happy", "positive"), ("surprise", "surprise"),
    ("positive", "positive"), ("others", ""), ("", "")])
def test_emotions_are_put_into_the_runs_classes(emotion: str, found: str) -> None:
    assert class_of(emotion, CLASSES) == found
    assert classed([Interval("v", "micro", 0, 1, label=emotion)], CLASSES)[0].label == found


def test_a_run_that_knows_the_word_keeps_it() -> None:
    assert class_of("disgust", ("disgust", "negative")) == "disgust"
