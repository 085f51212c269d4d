"""Skips, windows and gates follow from the lengths of training expressions, as the specification's table says."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.spotting.interval import Interval
from neurofer.spotting.skip import best_half, ceiling, gate_of, lengths_of, skip_of, skips_of


def test_the_specification_s_example() -> None:
    assert skip_of([13, 14, 14]) == 6


@pytest.mark.parametrize(("mean", "skip"), [(13.6, 6), (36.4, 18), (40.1, 20), (74.3, 37), (434.8, 217), (340.6, 170)])
def test_the_mean_lengths_of_the_data_sets_give_their_skips(mean: float, skip: int) -> None:
    above = round(10 * mean) % 10
    assert skip_of([int(mean) + 1] * above + [int(mean)] * (10 - above)) == skip


def test_a_skip_is_at_least_one_frame() -> None:
    assert skip_of([1]) == 1


def test_each_type_has_its_own_and_an_unseen_onset_is_left_out() -> None:
    seen = Interval("a", "macro", 100, 139)
    unseen = Interval("a", "macro", 0, 999, onset_seen=False)
    assert skips_of([seen, unseen]) == {"micro": None, "macro": 20}
    assert skips_of([seen, unseen, Interval("b", "micro", 3, 15)]) == {"micro": 6, "macro": 20}
    assert lengths_of([seen, unseen]) == {"micro": [], "macro": [40]}
    assert skips_of([]) == {"micro": None, "macro": None}


def test_ceilings_of_the_micro_expressions() -> None:
    assert ceiling(range(9, 18), 6) == 1.0
    samm = [30, 78, 101]
    assert [half for half in range(60) if ceiling(samm, half) == 1.0] == [25, 26, 27, 28, 29]
    assert best_half(samm) == 25
    assert ceiling([37], 37) == 0.0
    assert ceiling([38], 37) == 1.0


def test_a_ceiling_is_what_centred_windows_hit() -> None:
    for length in range(1, 40):
        for half in range(45):
            centre, half_frames = 200 + length // 2, half
            window, truth = set(range(centre - half_frames, centre + half_frames + 1)), set(range(200, 200 + length))
            assert ceiling([length], half) == (2 * len(window & truth) >= len(window | truth)), (length, half)


def test_no_half_interval_is_better_than_the_best() -> None:
    random = np.random.default_rng(0)
    for _ in range(30):
        lengths = np.concatenate([random.integers(1, 60, 5), random.integers(1, 1000, 5)]).tolist()
        shares = [ceiling(lengths, half) for half in range(1000)]
        assert best_half(lengths) == int(np.argmax(shares))


def test_gates_leave_a_quarter_of_room() -> None:
    assert gate_of([30, 101]) == (22, 127)
    assert gate_of([1]) == (1, 2)
    assert gate_of([8, 40, 12]) == (6, 50)


@pytest.mark.parametrize("function", [skip_of, best_half, gate_of, lambda lengths: ceiling(lengths, 3)])
@pytest.mark.parametrize("lengths", [[], [5, 0]])
def test_lengths_that_are_none(function, lengths: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one length"):
        function(lengths)


def test_a_window_of_less_than_a_frame() -> None:
    with pytest.raises(ValueError, match="half_interval_frames is -1"):
        ceiling([4], -1)
