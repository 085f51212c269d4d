"""Frames that are learned from lie where they should, are drawn fairly, and say the right thing."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.spotting.interval import Interval
from neurofer.spotting.sampling import draw_samples, interval_labels, iou_labels, negatives, positives

VIDEO = [Interval("a", "micro", 10, 20), Interval("a", "micro", 18, 30), Interval("a", "macro", 40, 70),
         Interval("a", "micro", 80, 90, onset_seen=False)]


def test_positives_count_from_each_onset_and_overlaps_once() -> None:
    assert positives(VIDEO, "micro", 100, 4).tolist() == [10, 14, 18, 22, 26, 30]
    assert positives(VIDEO, "micro", 100, 5).tolist() == [10, 15, 18, 20, 23, 28]
    assert positives(VIDEO, "micro", 100, 1).tolist() == list(range(10, 31))
    assert positives(VIDEO, "macro", 44, 1).tolist() == [40, 41, 42, 43]
    assert positives([], "micro", 100, 1).tolist() == []
    assert positives(VIDEO, "micro", 0, 1).tolist() == []


def test_negatives_avoid_all_of_the_type_also_those_not_seen_to_start() -> None:
    micro = [*range(10), *range(31, 80), *range(91, 100)]
    assert negatives(VIDEO, "micro", 100).tolist() == micro
    assert negatives(VIDEO, "micro", 100, 3).tolist() == micro[::3]
    assert negatives(VIDEO, "macro", 100).tolist() == [*range(40), *range(71, 100)]
    assert negatives([], "macro", 2).tolist() == [0, 1]
    assert negatives([Interval("a", "micro", 0, 99)], "micro", 50).tolist() == []


def test_interval_labels_are_1_inside() -> None:
    labels = interval_labels(VIDEO, "micro", np.array([9, 10, 19, 30, 31, 50, 85]))
    assert labels.dtype == np.float32
    assert labels.tolist() == [0, 1, 1, 1, 0, 0, 1]
    assert interval_labels([], "micro", np.array([3, 4])).tolist() == [0, 0]
    assert interval_labels(VIDEO, "micro", np.array([], np.int64)).shape == (0,)


def test_iou_labels_are_the_best_overlap_of_the_interval_around() -> None:
    truth = [Interval("a", "micro", 200, 214), Interval("a", "micro", 230, 236), Interval("a", "macro", 190, 260)]
    labels = iou_labels(truth, "micro", np.array([207, 200, 188, 193, 194, 222, 233]), 6)
    assert labels.dtype == np.float32
    # 182-194, 187-199 and 216-228 touch none; 188-200 one frame; 227-239 holds all of the second
    wanted = [13 / 15, 7 / 21, 0, 0, 1 / 27, 0, 7 / 13]
    assert labels.tolist() == pytest.approx(wanted)
    assert iou_labels(truth, "micro", np.array([225]), 6).tolist() == pytest.approx([2 / 18])
    assert iou_labels([], "micro", np.array([1, 2]), 6).tolist() == [0, 0]


def test_an_interval_around_the_first_frame_is_not_cut() -> None:
    truth = [Interval("a", "micro", 0, 12)]
    assert iou_labels(truth, "micro", np.array([0, 6]), 6).tolist() == pytest.approx([7 / 19, 1.0])


def test_each_video_gives_its_share_and_those_without_the_mean() -> None:
    short = [Interval("b", "micro", 0, 9)]
    videos = [(VIDEO, 300), ([], 300), (short, 300), ([VIDEO[3]], 300), ([], 5)]
    places, frames = draw_samples(np.random.default_rng(0), videos, "micro", 1, 2.0, None)
    # 21 and 10 positives, so 42 and 20 negatives, and 31 from either video without, as far as there are any
    assert np.bincount(places).tolist() == [63, 31, 30, 31, 5]
    for number, (intervals, count) in enumerate(videos):
        mine = frames[places == number]
        inside = np.isin(mine, positives(intervals, "micro", count, 1))
        assert (np.diff(mine) > 0).all()
        assert np.isin(mine[~inside], negatives(intervals, "micro", count)).all()
        assert inside.sum() == (21, 0, 10, 0, 0)[number]


def test_at_most_so_many_positives_are_drawn_and_their_negatives_follow() -> None:
    random = np.random.default_rng(0)
    draws = [draw_samples(random, [(VIDEO, 300)], "micro", 1, 1.5, 8)[1] for _ in range(40)]
    assert {len(frames) for frames in draws} == {20}
    assert all(np.isin(frames, np.arange(10, 31)).sum() == 8 for frames in draws)
    seen = np.unique(np.concatenate(draws))
    assert np.isin(np.arange(10, 31), seen).all()  # 40 draws of 8 in 21: one is missed with chance 1e-7
    assert len(seen) > 200  # and the others are drawn anew each time


def test_the_same_seed_gives_the_same_samples() -> None:
    one, two = (draw_samples(np.random.default_rng(7), [(VIDEO, 200)] * 3, "micro", 2, 1.0, 5) for _ in range(2))
    assert all((first == second).all() for first, second in zip(one, two, strict=True))


def test_without_any_positive_nothing_is_drawn() -> None:
    for videos in ([], [([], 50), ([VIDEO[3]], 100)]):
        places, frames = draw_samples(np.random.default_rng(0), videos, "micro", 1, 2.0, None)
        assert (places.shape, frames.shape, places.dtype, frames.dtype) == ((0,), (0,), np.int64, np.int64)


def test_a_video_that_is_all_expression_gives_no_negative() -> None:
    videos = [([Interval("a", "micro", 0, 49)], 50)]
    places, frames = draw_samples(np.random.default_rng(0), videos, "micro", 1, 2.0, None)
    assert frames.tolist() == list(range(50))
    assert set(places.tolist()) == {0}


def test_odd_settings_are_refused() -> None:
    random = np.random.default_rng(0)
    for call in (lambda: positives(VIDEO, "micro", 9, 0), lambda: negatives(VIDEO, "micro", 9, 0),
                 lambda: draw_samples(random, [(VIDEO, 9)], "micro", 0, 1.0, None)):
        with pytest.raises(ValueError, match="stride is 0"):
            call()
    with pytest.raises(ValueError, match="skip_frames is -1"):
        iou_labels(VIDEO, "micro", np.array([1]), -1)
    with pytest.raises(ValueError, match="-1 negatives"):
        draw_samples(random, [(VIDEO, 9)], "micro", 1, -1.0, None)
    with pytest.raises(ValueError, match="at most 0"):
        draw_samples(random, [(VIDEO, 9)], "micro", 1, 1.0, 0)
