"""Smoothing keeps peaks where they are, flat tops flat, and constants constant."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.spotting.smooth import smoothed


def test_a_mean_by_hand() -> None:
    track = np.array([3.0, 0.0, 0.0, 6.0, 0.0])
    assert smoothed(track, 1, "mean").tolist() == [2.0, 1.0, 2.0, 2.0, 2.0]
    assert smoothed(track, 2, "mean").tolist() == pytest.approx([9 / 5, 12 / 5, 9 / 5, 6 / 5, 6 / 5])


def test_a_video_shorter_than_the_window_is_padded_with_its_ends() -> None:
    # 6 frames before, 6 after: (6 * 1 + 1 + 4 + 6 * 4) / 13 around either frame, with one end more or less
    assert smoothed(np.array([1.0, 4.0]), 6, "mean").tolist() == pytest.approx([(7 + 24) / 13, (6 + 28) / 13])
    assert len(smoothed(np.array([0.2, 0.9, 0.1]), 37, "butterworth")) == 3


def test_equal_windows_have_equal_means_to_the_last_bit() -> None:
    wave = np.random.default_rng(0).random(97)
    smooth = smoothed(np.tile(wave, 30), 37, "mean")[97:-97].reshape(-1, 97)
    assert (smooth == smooth[0]).all()


@pytest.mark.parametrize("smoothing", ["mean", "butterworth", "none"])
@pytest.mark.parametrize("skip", [1, 6, 37])
def test_constants_and_lengths_stay(smoothing, skip: int) -> None:
    for frames in (0, 1, 2, 500):
        # 1e-9: rounding of the filter
        assert smoothed(np.full(frames, 0.3), skip, smoothing) == pytest.approx(np.full(frames, 0.3), abs=1e-9)


@pytest.mark.parametrize("smoothing", ["mean", "butterworth", "none"])
def test_there_is_no_direction_of_time(smoothing) -> None:
    track = np.random.default_rng(1).random(400)
    # 1e-6: what the Butterworth filter still remembers of its start
    assert smoothed(track[::-1], 9, smoothing) == pytest.approx(smoothed(track, 9, smoothing)[::-1], abs=1e-6)


def test_butterworth_halves_the_cut_off_and_keeps_what_is_slow() -> None:
    frames, skip = np.arange(4000), 20
    for period, gain in ((2 * skip, 0.5), (40 * skip, 1.0), (skip // 2, 0.0)):
        wave = np.cos(2 * np.pi * frames / period)
        # 1e-2: 1 / (1 + (f / fc) ** 4) of the analogue filter, bent a little by the bilinear transform
        assert smoothed(wave, skip, "butterworth")[2000] == pytest.approx(gain * wave[2000], abs=1e-2)


def test_butterworth_of_skip_1_passes_everything() -> None:
    track = np.random.default_rng(2).random(50)
    assert (smoothed(track, 1, "butterworth") == track).all()


def test_the_input_is_left_alone() -> None:
    track = np.array([1.0, 2.0, 3.0])
    smoothed(track, 1, "none")[0] = 9
    assert track[0] == 1


@pytest.mark.parametrize(("scores", "skip", "smoothing", "match"), [
    ([0.1, np.nan], 3, "mean", "score of frame 1 is nan"),
    ([np.inf, 0.2], 3, "none", "score of frame 0 is inf"),
    ([[0.1, 0.2]], 3, "mean", r"need \(N,\)"),
    ([0.1], 0, "mean", "skip_frames is 0"),
    ([0.1], 3, "median", "need mean, butterworth or none"),
])
def test_what_cannot_be_smoothed(scores, skip: int, smoothing, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        smoothed(np.array(scores), skip, smoothing)
