"""Maps of an encoder: the features it decides with, and nothing left behind."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurofer.models.encoder import Encoder
from neurofer.models.front import Scale
from neurofer.models.maps import encoder_maps
from neurofer.models.recurrent import SequenceClassifier


def test_maps_are_the_features_and_the_mode_is_kept() -> None:
    torch.manual_seed(0)
    model = SequenceClassifier(Encoder(16, 0.1), 3, 1, 0)
    model.freeze_encoder()
    model.train()
    modes = [module.training for module in model.modules()]
    picture = torch.rand(3, 16, 16)
    maps = encoder_maps(model, picture)
    assert [module.training for module in model.modules()] == modes
    assert list(maps) == ["block1", "block2", "block3", "embedding"]
    wanted = model.eval().embed(picture[None, None])[0, 0].detach().numpy()
    np.testing.assert_array_equal(maps["embedding"].ravel(), wanted)
    assert maps["block1"].shape == (8, 8, 8)


def test_the_front_comes_first() -> None:
    torch.manual_seed(0)
    model = SequenceClassifier(Encoder(16, 0.1, channels=2), 3, 1, 0, front=Scale(2)).eval()
    picture = torch.rand(2, 16, 16)
    np.testing.assert_array_equal(encoder_maps(model, picture)["embedding"],
                                  encoder_maps(model.encoder, model.front(picture[None])[0])["embedding"])  # type: ignore[misc]


def test_a_batch_is_refused() -> None:
    with pytest.raises(ValueError, match="one picture"):
        encoder_maps(Encoder(16, 0.1), torch.rand(1, 3, 16, 16))
