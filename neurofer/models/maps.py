"""What the encoder of an ordinary network makes of one picture, block by block."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurofer.eval_mode import deciding
from neurofer.models.encoder import Encoder
from neurofer.models.recurrent import SequenceClassifier


@torch.inference_mode()
def encoder_maps(model: Encoder | SequenceClassifier, picture: Tensor) -> dict[str, NDArray[np.float32]]:
    """The output of every block of the encoder, as it decides; the model is left as it was.

    Args:
        model: An encoder, or a classifier, whose front the picture passes first.
        picture: ``(C, S, S)`` as the network takes it, see ``neurofer.train.ann.pictures_to_network``.

    Returns:
        ``(C, H, W)`` by name, from ``block1`` to ``embedding``, whose maps have one place.

    Raises:
        ValueError: a picture of another size or number of channels.
    """
    if picture.ndim != 3:
        raise ValueError(f"encoder_maps: need one picture (C, S, S), got {tuple(picture.shape)}")
    with deciding(model):
        passing = picture[None]
        if isinstance(model, SequenceClassifier) and model.front is not None:
            passing = model.front(passing)
        found = (model.encoder if isinstance(model, SequenceClassifier) else model).features(passing)
    names = [*(f"block{number}" for number in range(1, len(found))), "embedding"]
    return {name: one[0].float().cpu().numpy() for name, one in zip(names, found, strict=True)}
