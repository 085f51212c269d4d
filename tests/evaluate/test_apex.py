"""Errors of found apexes and what a detection is worth, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from neurofer.evaluate.apex import apex_error, detections_of

NAN = math.nan


def test_errors_by_hand_in_milliseconds_and_in_frames_of_each_film() -> None:
    found_us = np.array([100_000, 60_000, NAN, 200_000])
    true_us = np.array([110_000, 80_000, 0, 140_000], np.float64)
    frame_us = np.array([5_000, 10_000, 5_000, 5_000], np.float64)
    error = apex_error(found_us, true_us, frame_us)
    assert error is not None
    assert error.clips == 3
    assert (error.mean_ms, error.median_ms, error.largest_ms) == (30, 20, 60)
    assert (error.mean_frames, error.median_frames, error.largest_frames) == (16 / 3, 2, 12)


def test_found_exactly_is_no_error_and_found_nowhere_is_none() -> None:
    true_us = np.array([1_000.0, 2_000.0])
    error = apex_error(true_us, true_us, np.full(2, 500.0))
    assert error is not None
    assert set(error[1:]) == {0.0}
    assert apex_error(np.full(2, NAN), true_us, np.full(2, 500.0)) is None


def test_moving_all_apexes_along_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    found_us, true_us = generator.integers(0, 10**6, (2, 20)).astype(np.float64)
    frame_us = np.full(20, 5_000.0)
    assert apex_error(found_us + 7_000, true_us + 7_000, frame_us) == apex_error(found_us, true_us, frame_us)


def test_detections_by_hand() -> None:
    true_us = np.array([[0, 50_000, 100_000], [10_000, 60_000, 120_000], [0, 1, 2]], np.float64)
    found_us = np.array([[40_000, 55_000, 110_000], [70_000, 90_000, 150_000], [NAN] * 3])
    said = detections_of(found_us, true_us, np.array([45_000, 50_000, 0], np.float64))
    assert (said.clips, said.accepted) == (3, 2)
    assert said.onset_late_ms == 50  # 40 and 60
    assert said.onset_error_ms == 7.5  # 5 before, 10 after what the lag leaves
    assert said.offset_bias_ms == 20  # 10 and 30
    assert (said.latency_median_ms, said.latency_largest_ms) == (75, 90)  # 110 - 50, 150 - 60


def test_nothing_detected_is_counted_and_has_no_numbers() -> None:
    said = detections_of(np.full((2, 3), NAN), np.zeros((2, 3)), np.zeros(2))
    assert (said.clips, said.accepted) == (2, 0)
    assert all(math.isnan(value) for value in said[2:])


def test_columns_of_unequal_length_and_frames_without_duration_are_refused() -> None:
    with pytest.raises(ValueError, match="columns of one length, got 2, 1, 2"):
        apex_error(np.zeros(2), np.zeros(1), np.ones(2))
    with pytest.raises(ValueError, match="frame_us above 0"):
        apex_error(np.zeros(1), np.zeros(1), np.zeros(1))
    with pytest.raises(ValueError, match="columns of one length"):
        detections_of(np.zeros((2, 3)), np.zeros((2, 3)), np.zeros(1))
