"""Random changes of training samples, the same for all frames of one.

Source:
    Spotting specification, section 4, point 6.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from neurofer.train.spot.config import SpotAugmentConfig


def changed(stacks: Tensor, settings: SpotAugmentConfig, random: np.random.Generator) -> Tensor:
    """Stacks mirrored, and of grey frames also with another gain, a slight blur and noise of their own.

    Args:
        stacks: ``(B, C, T, S, S)`` float32; grey frames have one channel. Not modified.
        settings: How much.
        random: Source of the draws.
    """
    count = len(stacks)
    mirrored = torch.from_numpy(random.random(count) < settings.flip)
    stacks = torch.where(mirrored.view(-1, 1, 1, 1, 1), stacks.flip(-1), stacks)
    if stacks.shape[1] > 1:
        return stacks
    gain = _column(random.uniform(1 - settings.gain, 1 + settings.gain, count))
    sigma_px = random.uniform(0, settings.blur_px, count)
    deviation = _column(random.uniform(0, settings.noise, count))
    noise = torch.from_numpy(random.standard_normal(stacks.shape, np.float32))
    return gain * _blurred(stacks, sigma_px) + deviation * noise


def _blurred(stacks: Tensor, sigma_px: np.ndarray) -> Tensor:
    """Each stack blurred by three taps of the variance of its sigma, where three taps can have it."""
    side = _column(np.minimum(sigma_px, 0.8) ** 2 / 2)
    batch, _, times, height, width = stacks.shape
    padded = functional.pad(stacks.view(batch, times, height, width), (1, 1, 1, 1), mode="replicate")[:, None]
    across = side * (padded[..., :-2] + padded[..., 2:]) + (1 - 2 * side) * padded[..., 1:-1]
    return side * (across[..., :-2, :] + across[..., 2:, :]) + (1 - 2 * side) * across[..., 1:-1, :]


def _column(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32)).view(-1, 1, 1, 1, 1)
