"""Scores become the intervals that the specification says, on clean scores to the frame."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neurofer.spotting.decode import decode, decode_all, stretched, thresholds_of
from neurofer.spotting.interval import Interval
from neurofer.spotting.settings import Decoding
from neurofer.spotting.smooth import smoothed
from neurofer.spotting.spans import peaks_of, shared_frames


def boxes(frames: int, *ones: tuple[int, int], height: float = 1.0) -> NDArray[np.float64]:
    """A score that is ``height`` in some intervals, 0 elsewhere."""
    scores = np.zeros(frames)
    for onset, offset in ones:
        scores[onset : offset + 1] = height
    return scores


def ends(found: list[Interval]) -> list[tuple[int, int]]:
    return [(one.onset, one.offset) for one in found]


@pytest.mark.parametrize(("truth", "skip", "threshold", "peak", "interval", "iou"), [
    ((200, 214), 6, 0.56125, 207, (201, 213), 0.867), ((400, 439), 18, 0.58, 419, (401, 437), 0.925)])
def test_oracle_scores(truth, skip: int, threshold: float, peak: int, interval, iou: float) -> None:
    settings, scores = Decoding(skip, skip), boxes(600, truth)
    assert thresholds_of(smoothed(scores, skip, "mean"), settings).relative == pytest.approx(threshold, abs=1e-12)
    found, = decode(scores, "a", "micro", settings)
    assert (found.apex, found.score, found.video, found.kind) == (peak, 1.0, "a", "micro")
    assert ends([found]) == [interval]
    both, either = shared_frames(*(np.array([end]) for end in (*truth, *interval)))
    assert both[0, 0] / either[0, 0] == pytest.approx(iou, abs=5e-4)  # given to three digits


@pytest.mark.parametrize("smoothing", ["mean", "butterworth", "none"])
@pytest.mark.parametrize("extend", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.55, 1.0])
def test_a_constant_score_holds_nothing(smoothing, extend: bool, share: float) -> None:
    settings = Decoding(37, 30, share, smoothing=smoothing, extend=extend)
    for height in (0.0, 1e-12, 0.3, 1 / 3, 1.0):
        for frames in (0, 1, 2, 50, 700):
            assert decode(np.full(frames, height), "a", "macro", settings) == []


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_the_highest_peak_reaches_every_share(share: float) -> None:
    random = np.random.default_rng(0)
    for _ in range(200):  # in about one of 25, mean + (max - mean) is rounded to more than max
        scores = random.random(50)
        found = decode(scores, "a", "micro", Decoding(6, 6, share, smoothing="none", merge=False))
        assert int(scores.argmax()) in [one.apex for one in found]


def test_the_first_and_last_frame_can_be_peaks_and_intervals_end_with_the_video() -> None:
    scores = np.zeros(100)
    scores[0], scores[99] = 1.0, 0.9
    found = decode(scores, "a", "micro", Decoding(6, 8, smoothing="none"))
    assert [(one.onset, one.apex, one.offset) for one in found] == [(0, 0, 8), (91, 99, 99)]
    assert ends(decode(boxes(100, (0, 20)), "a", "micro", Decoding(6, 8))) == [(0, 15)]  # flat top 0-14, middle 7
    assert ends(decode(np.array([0.0, 1.0]), "a", "micro", Decoding(37, 37))) == [(0, 1)]


def test_a_floor_silences_a_video_whose_best_peak_is_low() -> None:
    scores = boxes(600, (200, 214), height=0.3)
    assert len(decode(scores, "a", "micro", Decoding(6, 6, floor=0.3 - 1e-9))) == 1
    assert decode(scores, "a", "micro", Decoding(6, 6, floor=0.31)) == []
    assert thresholds_of(smoothed(scores, 6, "mean"), Decoding(6, 6, floor=0.31))[1:] == (0.31, 0.31)


def test_near_peaks_leave_the_highest() -> None:
    smooth = np.zeros(60)
    smooth[[10, 14, 20, 40]] = [0.5, 0.9, 0.6, 0.7]
    assert peaks_of(smooth, 1).tolist() == [10, 14, 20, 40]
    assert peaks_of(smooth, 5).tolist() == [14, 20, 40]
    assert peaks_of(smooth, 6).tolist() == [14, 20, 40]
    assert peaks_of(smooth, 7).tolist() == [14, 40]


def test_a_height_may_be_asked_before_or_after_a_distance() -> None:
    from scipy.signal import find_peaks

    smooth = np.random.default_rng(3).random(3000)
    for height in (0.2, 0.8, 0.97):
        peaks = peaks_of(smooth, 15)
        inner = [peak for peak in peaks[smooth[peaks] >= height].tolist() if 0 < peak < 2999]
        assert inner == find_peaks(smooth, height=height, distance=15)[0].tolist()


def test_intervals_less_than_half_a_skip_apart_are_joined() -> None:
    scores = np.zeros(200)
    scores[[50, 50 + 13, 120]] = [0.8, 1.0, 0.9]
    near, far = (Decoding(skip, 5, smoothing="none") for skip in (5, 4))
    joined = decode(scores, "a", "micro", near)  # 45-55 and 58-68: two frames between, and 2 < 5 / 2
    assert [(one.onset, one.apex, one.offset, one.score) for one in joined] == [(45, 63, 68, 1.0), (115, 120, 125, 0.9)]
    assert ends(decode(scores, "a", "micro", far)) == [(45, 55), (58, 68), (115, 125)]
    apart = Decoding(5, 5, smoothing="none", merge=False)
    assert ends(decode(scores, "a", "micro", apart)) == [(45, 55), (58, 68), (115, 125)]


def test_of_equal_peaks_the_first_one_is_the_apex() -> None:
    scores = np.zeros(200)
    scores[[50, 55, 60]] = 1.0
    assert decode(scores, "a", "micro", Decoding(5, 5, smoothing="none"))[0].apex == 50


def test_an_extended_interval_is_as_long_as_its_score_is_high() -> None:
    scores = boxes(600, (100, 180), (300, 330), height=0.9)
    scores[[140, 310, 320]] = [1.0, 0.95, 0.99]
    settings = Decoding(6, 6, smoothing="none", extend=True, merge=False)
    found = decode(scores, "a", "macro", settings)
    assert [(one.onset, one.apex, one.offset) for one in found] == [(100, 140, 180), (300, 320, 330)]
    gated = Decoding(6, 6, smoothing="none", extend=True, least_frames=32, most_frames=81)
    assert ends(decode(scores, "a", "macro", gated)) == [(100, 180)]
    gated = Decoding(6, 6, smoothing="none", extend=True, least_frames=31, most_frames=80)
    assert ends(decode(scores, "a", "macro", gated)) == [(300, 330)]


def test_gates_are_for_extended_intervals_alone() -> None:
    settings = Decoding(6, 6, least_frames=400, most_frames=500)
    assert ends(decode(boxes(600, (200, 214)), "a", "micro", settings)) == [(201, 213)]


def test_extended_intervals_never_lose_their_peak() -> None:
    random = np.random.default_rng(4)
    for share in (0.0, 0.5, 1.0):
        for _ in range(20):
            scores = random.integers(0, 4, 80) / 3
            settings = Decoding(2, 3, share, smoothing="none", extend=True, merge=False)
            found = decode(scores, "a", "micro", settings)
            assert all(one.onset <= one.apex <= one.offset and one.score == scores[one.apex] for one in found)
            assert all(first.offset < second.onset for first, second in zip(found, found[1:], strict=False))


def test_nms_keeps_the_higher_of_two_alike_and_five_at_most() -> None:
    scores = np.zeros(2000)
    scores[[100, 108]] = [0.8, 0.9]  # 90-110 and 98-118: 13 of 29 frames, below one half
    scores[[300, 306]] = [0.8, 0.9]  # 290-310 and 296-316: 15 of 27, above it
    settings = Decoding(2, 10, 0.0, smoothing="none", merge=False, nms=True)
    assert [one.apex for one in decode(scores, "a", "micro", settings)] == [100, 108, 306]
    half = np.zeros(2000)
    half[[300, 307]] = [0.8, 0.9]  # 14 of 28
    assert [one.apex for one in decode(half, "a", "micro", settings)] == [300, 307]
    scores[[500, 600, 700, 800]] = [0.7, 0.85, 0.95, 1.0]
    assert [one.apex for one in decode(scores, "a", "micro", settings)] == [108, 306, 600, 700, 800]


def test_both_types_come_sorted_and_only_where_there_are_settings() -> None:
    scores = np.stack([boxes(600, (200, 214), (500, 514)), boxes(600, (400, 439))], axis=1)
    settings = {"micro": Decoding(6, 6), "macro": Decoding(18, 18)}
    assert [(one.kind, one.onset, one.offset) for one in decode_all(scores, "a", settings)] == [
        ("micro", 201, 213), ("macro", 401, 437), ("micro", 501, 513)]
    assert [one.kind for one in decode_all(scores, "a", {"macro": settings["macro"]})] == ["macro"]
    assert decode_all(np.empty((0, 2)), "a", settings) == []


def test_stretched_scores_go_in_lines_through_those_that_are_known() -> None:
    assert stretched(np.array([0.0, 4.0, 2.0]), 4, 11).tolist() == [0, 1, 2, 3, 4, 3.5, 3, 2.5, 2, 2, 2]
    both = stretched(np.array([[0.0, 1.0], [1.0, 0.0]]), 2, 4)
    assert both.tolist() == [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0], [1.0, 0.0]]
    whole = np.random.default_rng(0).random((7, 2))
    assert (stretched(whole, 1, 7) == whole).all()
    assert stretched(np.array([0.7]), 9, 5).tolist() == [0.7] * 5
    assert stretched(np.empty((0, 2)), 3, 0).shape == (0, 2)


@pytest.mark.parametrize(("count", "stride", "frames"), [(2, 4, 11), (4, 4, 11), (3, 0, 3), (0, 2, 1)])
def test_scores_of_another_video_are_not_stretched(count: int, stride: int, frames: int) -> None:
    with pytest.raises(ValueError, match="ceil"):
        stretched(np.zeros(count), stride, frames)


def test_what_cannot_be_decoded_names_the_video() -> None:
    with pytest.raises(ValueError, match="s15_0101, micro: .*frame 2 is nan"):
        decode(np.array([0.0, 1.0, np.nan]), "s15_0101", "micro", Decoding(6, 6))
    with pytest.raises(ValueError, match=r"s15_0101 are \(3,\)"):
        decode_all(np.zeros(3), "s15_0101", {"micro": Decoding(6, 6)})
    with pytest.raises(ValueError, match="no frames"):
        thresholds_of(np.empty(0), Decoding(6, 6))
