"""The MEGC metric: published counts, one-to-one hits by brute force, laws of order, STRS, intervals over subjects."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neurofer.evaluate import interval_matching
from neurofer.evaluate.spotting import (
    Counts,
    Pair,
    SpottingScore,
    analysis_f1,
    hits_of,
    iou,
    match,
    pairs_of,
    score_spotting,
    spot_then_recognise,
    strs_of,
)
from neurofer.evaluate.spotting_intervals import bootstrap_spotting
from neurofer.spotting.interval import Interval, Kind

# TP, FP, FN and what was published: precision, recall, F1 (None where it was not).
PUBLISHED = {
    "CAS(ME)2 MDMD macro": (109, 1414, 191, 0.0716, 0.3633, 0.1196),
    "CAS(ME)2 MDMD micro": (21, 5014, 36, 0.0042, 0.3684, 0.0082),
    "CAS(ME)2 MDMD all": (130, 6428, 227, 0.0198, 0.3641, 0.0376),
    "SAMM-LV MDMD macro": (22, 334, 321, 0.0618, 0.0641, 0.0629),
    "SAMM-LV MDMD micro": (29, 1407, 130, 0.0202, 0.1824, 0.0364),
    "SAMM-LV MDMD all": (51, 1741, 451, 0.0285, 0.1016, 0.0445),
    "MEGC2022 SAMM Challenge": (6, 65, 25, 0.0845, 0.1935, 0.1176),
    "MEGC2022 CAS(ME)3": (4, 6, 32, 0.4000, 0.1111, 0.1739),
    "MEGC2022 both": (10, 71, 57, 0.1235, 0.1493, 0.1351),
}


def at(onset: int, offset: int, video: str = "v", kind: Kind = "micro", label: str = "") -> Interval:
    return Interval(video, kind, onset, offset, label=label)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_scores_follow_from_their_counts(name: str) -> None:
    tp, fp, fn, *published = PUBLISHED[name]
    counts = Counts(tp, fp, fn)
    assert [round(value, 4) for value in (counts.precision, counts.recall, counts.f1)] == published


@pytest.mark.parametrize("dataset", ["CAS(ME)2", "SAMM-LV"])
def test_overall_is_the_sum_of_counts(dataset: str) -> None:
    micro, macro, both = (Counts(*PUBLISHED[f"{dataset} MDMD {name}"][:3]) for name in ("micro", "macro", "all"))
    score = SpottingScore(micro, macro)
    assert score.overall == both
    assert abs(score.overall.f1 - (micro.f1 + macro.f1) / 2) > 0.001
    assert SpottingScore(micro) + SpottingScore(macro=macro) == score


def test_published_counts_follow_from_intervals() -> None:
    """As many hits, false alarms and misses as were published, put into videos, are counted as published."""
    truth, predicted = [], []
    for kind, name in (("micro", "micro"), ("macro", "macro")):
        tp, fp, fn = PUBLISHED[f"SAMM-LV MDMD {name}"][:3]
        places = [(f"v{number % 147}", 100 * (number // 147)) for number in range(tp + fp + fn)]
        truth += [Interval(video, kind, on, on + 40) for video, on in places[:tp + fn]]
        predicted += [Interval(video, kind, on + 4, on + 44) for video, on in places[:tp] + places[tp + fn:]]
    score = score_spotting(truth, predicted)
    assert score.to_dict()["overall"] == {"tp": 51, "fp": 1741, "fn": 451, "precision": 51 / 1792, "recall": 51 / 502,
                                          "f1": 102 / 2294}
    assert (score.micro, score.macro) == (Counts(29, 1407, 130), Counts(22, 334, 321))


@pytest.mark.parametrize(("a", "b", "shared"), [
    ((0, 9), (5, 14), 5 / 15), ((0, 9), (10, 19), 0), ((0, 9), (50, 59), 0), ((0, 9), (0, 4), 0.5), ((3, 3), (3, 3), 1),
])
def test_iou_counts_both_ends(a: tuple[int, int], b: tuple[int, int], shared: float) -> None:
    assert iou(at(*a), at(*b)) == iou(at(*b), at(*a)) == shared
    assert match([at(*a)], [at(*b)]) == ([(0, 0, shared)] if shared >= 0.5 else [])


def test_half_is_a_hit_and_a_frame_less_is_none() -> None:
    assert score_spotting([at(0, 9)], [at(0, 4)]).micro == Counts(1, 0, 0)
    assert score_spotting([at(0, 9)], [at(0, 3)]).micro == Counts(0, 1, 1)


def test_two_predictions_of_one_truth_are_one_hit_the_nearer_one() -> None:
    assert score_spotting([at(0, 9)], [at(0, 5), at(0, 8)]).micro == Counts(1, 1, 0)
    assert hits_of([at(0, 9)], [at(0, 5), at(0, 8)]) == [(at(0, 9), at(0, 8), 0.9)]


def test_a_greedy_order_would_lose_a_hit() -> None:
    truth, predicted = [at(4, 13), at(0, 9)], [at(3, 12), at(7, 16)]
    table = [[iou(one, other) for other in predicted] for one in truth]
    assert table == [[9 / 11, 7 / 13], [7 / 13, 3 / 17]]  # first come or best first, the second truth gets nothing
    assert match(truth, predicted) == [(0, 1, 7 / 13), (1, 0, 7 / 13)]
    assert score_spotting(truth, predicted).micro == Counts(2, 0, 0)


def test_more_hits_go_before_better_ones() -> None:
    truth, predicted = [at(on, on + 19) for on in (0, 6, 12)], [at(on, on + 19) for on in (6, 12, 18)]
    # Two perfect hits, second truth with first prediction and third with second, sum to 2; these three to 1.6.
    assert match(truth, predicted) == [(place, place, 14 / 26) for place in range(3)]


def test_other_videos_and_types_never_hit() -> None:
    score = score_spotting([at(0, 9), at(0, 9, "w", "macro")], [at(0, 9, "w"), at(0, 9, "v", "macro")])
    assert (score.micro, score.macro, score.overall) == (Counts(0, 1, 1), Counts(0, 1, 1), Counts(0, 2, 2))


@pytest.mark.parametrize(("truth", "predicted", "counts"), [
    ([], [], Counts(0, 0, 0)), ([], [at(0, 9, "empty")], Counts(0, 1, 0)), ([at(0, 9)], [], Counts(0, 0, 1)),
])
def test_videos_without_anything_give_no_nan(truth: list[Interval], predicted: list[Interval], counts: Counts) -> None:
    score = score_spotting(truth, predicted)
    assert score.micro == score.overall == counts
    for one in score.to_dict().values():
        assert (one["precision"], one["recall"], one["f1"]) == (0, 0, 0)


def test_a_fold_without_micro_truth_adds_false_alarms_only() -> None:
    fold, empty = score_spotting([at(0, 9)], [at(0, 9)]), score_spotting([], [at(0, 9, "other"), at(40, 49, "other")])
    assert empty.micro == Counts(0, 2, 0)
    assert (fold + empty).micro == Counts(1, 2, 0)


def brute_force(truth: list[Interval], predicted: list[Interval]) -> tuple[int, float]:
    """The largest number of hits, and the largest sum of IoU with that many, over all assignments."""
    best = (0, 0.0)
    columns = [*range(len(predicted)), *([None] * len(truth))]
    for chosen in set(itertools.permutations(columns, len(truth))):
        values = [iou(one, predicted[j]) for one, j in zip(truth, chosen, strict=True) if j is not None]
        hits = [value for value in values if value >= 0.5]
        best = max(best, (len(hits), math.fsum(sorted(hits))))
    return best


def test_the_matcher_is_as_good_as_trying_everything() -> None:
    generator = np.random.default_rng(0)
    contested = 0
    for _ in range(200):
        truth, predicted = ([at(on, on + length) for on, length in zip(generator.integers(0, 12, count),
                                                                       generator.integers(5, 14, count), strict=True)]
                            for count in generator.integers(0, 5, 2))
        found = match(truth, predicted)
        assert len({i for i, _, _ in found}) == len({j for _, j, _ in found}) == len(found)
        assert all(value == iou(truth[i], predicted[j]) >= 0.5 for i, j, value in found)
        hits, total = brute_force(truth, predicted)
        assert len(found) == hits
        assert math.fsum(value for _, _, value in found) == pytest.approx(total, abs=1e-9)  # sums in another order
        contested += sum(iou(a, b) >= 0.5 for a in truth for b in predicted) > hits
    assert contested > 50  # the cases were not trivial


def test_thousands_of_predictions_need_no_matrix_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval_matching, "MOST_PAIRS", 2_500)
    truth = [at(1000 * number, 1000 * number + 40) for number in range(1, 51)]
    predicted = [at(one.onset + shift, one.offset + shift) for one in truth for shift in range(-50, 50)]
    found = match(truth, predicted)
    assert [(i, predicted[j], value) for i, j, value in found] == [(i, one, 1.0) for i, one in enumerate(truth)]
    assert match(predicted, truth) == [(j, i, value) for i, j, value in found]


def test_intervals_that_all_overlap_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval_matching, "MOST_PAIRS", 99)
    same = [at(0, 9)] * 10
    with pytest.raises(ValueError, match=r"10 and 10 intervals of v \(micro\) overlap in over 99 pairs"):
        match(same, same)


def test_matching_wants_one_video_and_type() -> None:
    with pytest.raises(ValueError, match="one video and type, got 2"):
        match([at(0, 9)], [at(0, 9, "w")])
    with pytest.raises(ValueError, match="got neither"):
        _ = Pair(None, None, 0.0).one


INTERVALS = st.lists(st.builds(
    lambda video, kind, onset, length: Interval(video, kind, onset, onset + length),
    st.sampled_from(["a", "b", "c"]), st.sampled_from(["micro", "macro"]), st.integers(0, 20), st.integers(0, 12)),
    max_size=12)


@given(INTERVALS, INTERVALS, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_videos_is_irrelevant(truth: list[Interval], predicted: list[Interval],
                                                    random: object) -> None:
    pairs, score = list(pairs_of(truth, predicted)), score_spotting(truth, predicted)
    random.shuffle(truth)  # type: ignore[attr-defined]
    random.shuffle(predicted)  # type: ignore[attr-defined]
    assert list(pairs_of(truth, predicted)) == pairs
    assert score_spotting(iter(truth), iter(predicted)) == score


@given(INTERVALS, INTERVALS)
def test_every_interval_is_counted_once_and_videos_add_up(truth: list[Interval], predicted: list[Interval]) -> None:
    score = score_spotting(truth, predicted)
    assert score.overall.tp + score.overall.fn == len(truth)
    assert score.overall.tp + score.overall.fp == len(predicted)
    apart = [score_spotting([one for one in truth if one.video == video],
                            [one for one in predicted if one.video == video]) for video in "abc"]
    assert sum(apart, SpottingScore()) == score
    swapped = score_spotting(predicted, truth)
    assert (swapped.overall.tp, swapped.overall.fp) == (score.overall.tp, score.overall.fn)


@pytest.mark.parametrize(("spotting", "analysis", "strs"), [
    (0.6516, 0.5927, 0.3862), (0.0949, 0.5263, 0.0499), (0.1214, 0.6667, 0.0809),  # CASME II, SAMM-LV, CAS(ME)2
    (0.2167, 0.6259, 0.1356), (0.2906, 0.6882, 0.2000), (0.0997, 0.5638, 0.0562),  # ME-TST, BoostingVRME twice
])
def test_strs_is_the_product(spotting: float, analysis: float, strs: float) -> None:
    assert round(strs_of(spotting, analysis), 4) == strs


def test_analysis_f1_by_hand() -> None:
    pairs = [("happy", "happy"), ("happy", "happy"), ("happy", "sad"), ("sad", "angry")]
    # happy: precision 1, recall 2/3; sad: 0, 0; angry, never true: 0, 0
    precision, recall = 1 / 3, 2 / 9
    assert analysis_f1(pairs) == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-15)
    assert analysis_f1([]) == analysis_f1([("happy", "sad")]) == 0
    assert analysis_f1([("happy", "happy")]) == 1
    # an answer that is missing lowers recall, and is no class: precision 1, recall 1/2
    assert analysis_f1([("happy", "happy"), ("happy", "")]) == pytest.approx(2 / 3, abs=1e-15)


def test_analysis_f1_is_made_of_sklearns_macro_scores() -> None:
    from sklearn.metrics import precision_score, recall_score

    generator = np.random.default_rng(0)
    true, said = generator.choice(list("abcd"), 40), generator.choice(list("bcde"), 40)
    precision, recall = (score(true, said, average="macro", zero_division=0) for score in (precision_score,
                                                                                          recall_score))
    pairs = [(str(one), str(other)) for one, other in zip(true, said, strict=True)]
    assert analysis_f1(pairs) == pytest.approx(2 * precision * recall / (precision + recall), abs=1e-12)


def test_spot_then_recognise_looks_at_hits_only() -> None:
    truth = [at(0, 9, label="happy"), at(50, 59, label="sad"), at(0, 9, "w", label="happy"), at(80, 89, "w"),
             at(0, 99, "w", "macro", "angry")]
    predicted = [at(0, 9, label="happy"), at(100, 109, label="fear"), at(0, 9, "w", label="sad"),
                 at(80, 89, "w", label="sad"), at(0, 99, "w", "macro", "angry")]
    report = spot_then_recognise(truth, predicted)
    micro = report["micro"]
    assert micro.spotting == Counts(3, 1, 1)
    assert (micro.pairs, micro.unlabelled) == ((("happy", "happy"), ("happy", "sad")), 1)
    assert micro.analysis_f1 == pytest.approx(1 / 3, abs=1e-15)  # happy 1 and 1/2, sad 0 and 0
    assert micro.to_dict()["strs"] == micro.strs == micro.spotting.f1 * micro.analysis_f1
    assert (report["macro"].analysis_f1, report["overall"].unlabelled, len(report["overall"].pairs)) == (1, 1, 3)
    # what was not spotted, or spotted where nothing is, changes spotting but not the analysis
    more = spot_then_recognise([*truth, at(300, 309, label="fear")], [*predicted, at(500, 509, label="fear")])["micro"]
    assert more.analysis_f1 == micro.analysis_f1
    assert more.spotting.f1 < micro.spotting.f1


def subjects(*counts: tuple[int, int, int]) -> list[dict]:
    return [SpottingScore(Counts(*one), Counts(one[2], 1, 1)).by_name() for one in counts]


def test_the_interval_over_subjects_holds_the_score_and_repeats() -> None:
    found = bootstrap_spotting(subjects((3, 1, 0), (0, 4, 2), (1, 1, 1), (2, 0, 3), (1, 5, 1)))
    for name, score in (("micro", Counts(7, 11, 7).f1), ("macro", Counts(7, 5, 5).f1), ("overall",
                                                                                       Counts(14, 16, 12).f1)):
        low, high = found[name]
        assert 0 <= low < score < high <= 1
    assert found == bootstrap_spotting(subjects((3, 1, 0), (0, 4, 2), (1, 1, 1), (2, 0, 3), (1, 5, 1)))
    assert found != bootstrap_spotting(subjects((3, 1, 0), (0, 4, 2), (1, 1, 1), (2, 0, 3), (1, 5, 1)), seed=1)


def test_an_interval_by_hand_alike_subjects_none_and_nothing() -> None:
    alike = bootstrap_spotting(subjects((1, 1, 1), (1, 1, 1)), draws=50)
    assert alike["micro"] == (0.5, 0.5)
    # Of two subjects, one all right and one all wrong, a quarter of the draws has either twice: F1 0 and 1.
    assert bootstrap_spotting(subjects((1, 0, 0), (0, 1, 1)))["micro"] == (0, 1)
    assert bootstrap_spotting(subjects((1, 1, 1))) == bootstrap_spotting([]) == {"micro": None, "macro": None,
                                                                                 "overall": None}
    assert bootstrap_spotting(subjects((0, 0, 0), (0, 0, 0)))["micro"] == (0, 0)
