"""Linear models on an encoder's stages."""

from __future__ import annotations

import numpy as np
import torch

from neurofer.evaluate.probe import stage_features
from neurofer.models.encoder import Encoder
from neurofer.models.recurrent import SequenceClassifier


def network() -> SequenceClassifier:
    torch.manual_seed(0)
    return SequenceClassifier(Encoder(16, 0.125), classes=2, context_windows=1, lstm_layers=0).eval()


def test_a_stage_is_the_mean_and_the_maximum_over_windows_of_its_quarters() -> None:
    one, windows = network(), torch.randn(3, 3, 16, 16)
    found = stage_features(one, windows)
    assert [len(stage) for stage in found] == [2 * 4 * 8, 2 * 4 * 16, 2 * 4 * 32, 2 * 64]
    with torch.inference_mode():
        maps = one.encoder.features(windows)[0].numpy().astype(np.float64)  # (3, 8, 8, 8)
    quarter = maps[:, :, :4, 4:].mean(axis=(2, 3))  # top right, place 1 of 4
    np.testing.assert_allclose(found[0][1:32:4], quarter.mean(axis=0), atol=1e-6)  # float32 sums
    np.testing.assert_allclose(found[0][32 + 1 :: 4], quarter.max(axis=0), atol=1e-6)


def test_the_order_of_windows_and_repeating_one_change_nothing_they_should_not() -> None:
    one, windows = network(), torch.randn(3, 3, 16, 16)
    for plain, turned in zip(stage_features(one, windows), stage_features(one, windows.flip(0)), strict=True):
        np.testing.assert_allclose(plain, turned, atol=1e-6)
    for single, twice in zip(stage_features(one, windows[:1]), stage_features(one, windows[[0, 0]]), strict=True):
        np.testing.assert_allclose(single, twice, atol=1e-6)
