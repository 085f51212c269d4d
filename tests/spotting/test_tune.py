"""Settings are chosen for the training videos, from the training videos, and never do worse there."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from neurofer.evaluate.spotting import score_spotting
from neurofer.spotting.decode import decode, decode_all
from neurofer.spotting.interval import Interval, Kind
from neurofer.spotting.settings import Decoding
from neurofer.spotting.tune import Choices, choose_decodings, tune
from neurofer.train.spot.config import SpotTuneConfig

START = Decoding(6, 6)


def videos(seed: int, count: int = 6) -> tuple[dict[str, NDArray[np.float64]], dict[str, list[Interval]]]:
    """Noisy scores ``(N, 2)``: every other video shows an expression of each type, and all have lower false peaks."""
    random = np.random.default_rng(seed)
    scores, truth = {}, {}
    for number in range(count):
        name, track = f"v{number}", random.random((600, 2)) * 0.1
        truth[name] = [] if number % 2 else [Interval(name, "micro", 200, 214), Interval(name, "macro", 400, 439)]
        for one in truth[name]:
            track[one.onset : one.offset + 1, int(one.kind == "macro")] += 0.8
        track[50:65] += 0.3
        scores[name] = track
    return scores, truth


def of(scores: dict[str, NDArray[np.float64]], kind: Kind) -> dict[str, NDArray[np.float64]]:
    return {name: track[:, int(kind == "macro")] for name, track in scores.items()}


def f1(scores: dict[str, NDArray[np.float64]], truth: dict[str, list[Interval]], settings: Decoding,
       kind: Kind) -> float:
    found = [one for name, track in scores.items() for one in decode(track, name, kind, settings)]
    return getattr(score_spotting([one for all_ in truth.values() for one in all_], found), kind).f1


def test_a_floor_silences_the_videos_without_and_is_far_from_either_side() -> None:
    scores, truth = videos(0)
    micro = of(scores, "micro")
    settings, record = tune(micro, truth, START, "micro", Choices())
    assert (record["tp"], record["fp"], record["fn"], record["f1"]) == (3, 0, 0, 1.0)
    assert record["start"]["fp"] == record["floor_0"]["fp"] == 3
    assert 0.45 < settings.floor < 0.75  # false peaks are near 0.35, true ones near 0.85
    assert settings == replace(START, floor=settings.floor)
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("smoothing", ["mean", "none"])
def test_the_record_is_true_and_no_worse_than_the_start(seed: int, smoothing) -> None:
    random = np.random.default_rng(seed)
    scores = {name: random.random(400) for name in "abcd"}
    truth = {name: [Interval(name, "micro", int(onset), int(onset) + int(length)) for onset, length
                    in zip(random.integers(0, 350, 3), random.integers(5, 40, 3), strict=True)] for name in "abc"}
    start = Decoding(4, 7, 0.42, 0.53, smoothing)
    settings, record = tune(scores, truth, start, "micro", Choices(extend=(False, True), half_interval_frames=(4, 11)))
    assert record["f1"] == pytest.approx(f1(scores, truth, settings, "micro"))
    assert record["start"]["f1"] == pytest.approx(f1(scores, truth, start, "micro"))
    assert record["f1"] >= max(record["start"]["f1"], record["floor_0"]["f1"])
    assert record["truths"] == record["tp"] + record["fn"] == 9


def test_the_form_of_intervals_is_chosen_where_asked() -> None:
    lengths = {"a": 30, "b": 120, "c": 60}
    scores, truth = {}, {}
    for name, length in lengths.items():
        scores[name] = np.zeros(900)
        scores[name][300 : 300 + length] = 1.0
        truth[name] = [Interval(name, "macro", 300, 299 + length)]
    start = Decoding(18, 18)
    assert not tune(scores, truth, start, "macro", Choices()).settings.extend
    extended = tune(scores, truth, start, "macro", Choices(extend=(False, True)))
    assert extended.settings.extend
    assert extended.record["tp"] == 3
    wide = tune(scores, truth, start, "macro", Choices(half_interval_frames=(18, 30, 5)))
    assert (wide.settings.half_interval_frames, wide.record["tp"]) == (30, 2)  # 61 frames hit 60 and 120, not 30


def test_of_equal_settings_the_nearest_to_the_start_is_taken() -> None:
    scores, truth = {"a": np.zeros(600)}, {"a": [Interval("a", "micro", 200, 214)]}
    scores["a"][200:215] = 1.0
    choices = Choices(extend=(True, False), half_interval_frames=(5, 7))
    for start in (START, Decoding(6, 6, 0.42), Decoding(6, 6, extend=True)):
        assert tune(scores, truth, start, "micro", choices).settings == start


def test_of_equal_floors_the_highest_is_taken() -> None:
    scores, truth = {"a": np.zeros(600)}, {"a": [Interval("a", "micro", 200, 214)]}
    scores["a"][200:215], scores["a"][400:415] = 1.0, 0.5  # the lower one is below the share of the start anyway
    assert tune(scores, truth, START, "micro", Choices()).settings == replace(START, floor=0.75)
    assert tune(scores, truth, START, "micro", Choices(floors=False)).settings == START


def test_without_an_expression_nothing_is_predicted() -> None:
    scores, truth = videos(1)
    only = {name: [one for one in intervals if one.kind == "macro"] for name, intervals in truth.items()}
    settings, record = tune(of(scores, "micro"), only, START, "micro", Choices())
    assert "no expression" in record["note"]
    assert settings == replace(START, floor=settings.floor)
    assert settings.floor > max(1.0, *(track.max() for track in scores.values()))
    assert (record["tp"], record["fp"], record["fn"], record["f1"]) == (0, 0, 0, 0.0)
    missed = tune(of(scores, "micro"), {"v1": [Interval("v1", "micro", 0, 599)]}, START, "micro", Choices())
    assert "no settings hit" in missed.record["note"]
    assert missed.record["fn"] == 1
    assert tune({}, {}, START, "micro", Choices()).settings.floor > 1.0


@pytest.mark.parametrize("height", [0.0, 0.5])
def test_constant_and_empty_scores_predict_nothing(height: float) -> None:
    scores = {"a": np.full(300, height), "b": np.empty(0)}
    record = tune(scores, {"a": [Interval("a", "micro", 5, 20)]}, START, "micro", Choices()).record
    assert (record["tp"], record["fp"], record["fn"]) == (0, 0, 1)


def test_order_of_videos_and_the_other_type_do_not_matter() -> None:
    scores, truth = videos(2)
    micro = of(scores, "micro")
    chosen = tune(micro, truth, START, "micro", Choices())
    turned = tune(dict(reversed(micro.items())), dict(reversed(truth.items())), START, "micro", Choices())
    other = {name: [*(one for one in intervals if one.kind == "micro"), Interval(name, "macro", 9, 500)]
             for name, intervals in truth.items()}
    assert chosen == turned == tune(micro, other, START, "micro", Choices())


def test_truth_of_a_video_that_was_not_scored_is_refused() -> None:
    scores, truth = videos(3)
    del scores["v2"]
    with pytest.raises(ValueError, match="no score of v2"):
        tune(of(scores, "micro"), truth, START, "micro", Choices())
    with pytest.raises(ValueError, match="no score of v2"):
        choose_decodings(scores, truth, {"micro": 6}, {"micro": 6}, SpotTuneConfig())
    truth["v2"] = []
    tune(of(scores, "micro"), truth, START, "micro", Choices())


def test_both_types_are_chosen_and_spot_what_was_planted() -> None:
    scores, truth = videos(4)
    skips: dict[Kind, int] = {"micro": 6, "macro": 18}
    decodings, record = choose_decodings(scores, truth, skips, {"micro": 6, "macro": 16}, SpotTuneConfig())
    assert (decodings["micro"].least_frames, decodings["micro"].most_frames) == (11, 19)
    assert (decodings["macro"].least_frames, decodings["macro"].most_frames) == (30, 50)
    assert (decodings["macro"].skip_frames, decodings["macro"].half_interval_frames) == (18, 16)
    fresh, true = videos(5)
    found = [one for name, track in fresh.items() for one in decode_all(track, name, decodings)]
    score = score_spotting([one for intervals in true.values() for one in intervals], found)
    assert (score.micro.f1, score.macro.f1) == (1.0, 1.0)
    assert set(record) == {"micro", "macro"}
    assert json.loads(json.dumps(record)) == record


def test_scores_of_one_type_alone_are_refused() -> None:
    with pytest.raises(ValueError, match=r"scores of a are \(9,\)"):
        choose_decodings({"a": np.zeros(9)}, {}, {"micro": 6}, {"micro": 6}, SpotTuneConfig())


def test_without_tuning_the_configuration_is_taken_as_it_is() -> None:
    truth = {"a": [Interval("a", "micro", 10, 25), Interval("a", "micro", 0, 300, onset_seen=False)]}
    config = SpotTuneConfig(tune=False, peak_share=0.6, smoothing="none", extend=True, merge=False, nms=True)
    decodings, record = choose_decodings({}, truth, {"micro": 6, "macro": 18}, {"micro": 5, "macro": 16}, config)
    assert decodings["micro"] == Decoding(6, 5, 0.6, 0.0, "none", True, 12, 20, False, True)
    silent = Decoding(18, 16, 0.6, 2.0, "none", True, merge=False, nms=True)
    assert decodings["macro"] == silent  # the training videos show none: no score is as high
    assert record["micro"]["note"] == "not tuned"
    assert "nothing is predicted" in record["macro"]["note"]
    ungated = choose_decodings({}, truth, {"micro": 6}, {"micro": 5}, SpotTuneConfig(tune=False, gate=False))[0]
    assert ungated == {"micro": Decoding(6, 5)}
