"""The trunk of the spiking variant: the slices of a clip are its time steps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neurofer.models.siamese import Trunk
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.layers import conv, dense
from neurofer.spiking.network import SpikingNetwork

EARLY = 2


class SpikingTrunk(Trunk):
    """LIF convolutions 3x3 over the slices of a clip, then neurons that do not fire, whose mean membrane is a feature.

    Args:
        channels: Of a slice.
        size_px: Side of a slice.
        convolutions: Channels of each convolution; every one halves the side.
        features: Neurons of the last layer.
        alpha: Decay of the synaptic current at the start of training; 0 for neurons without one.
        beta: Decay of the membrane at the start of training.
        dropout: Share of the last layer's inputs that is silent for a whole training sequence.

    Raises:
        ValueError: layers that do not fit together.

    Source:
        Micro-expression specification, section 3, step 8.
    """

    def __init__(self, channels: int = 3, size_px: int = 64, convolutions: Sequence[int] = (16, 32, 64),
                 features: int = 256, alpha: float = 0.0, beta: float = 0.8, dropout: float = 0.2) -> None:
        super().__init__()
        layers = [conv(outputs, alpha=alpha, beta=beta) for outputs in convolutions]
        self.network = SpikingNetwork([*layers, dense(features, alpha=alpha, beta=beta, fires=False)],
                                      (channels, size_px, size_px), dropout)
        self.features = features

    def forward(self, slices: Tensor) -> Tensor:
        """``(B, C, T, H, W)`` slices to ``(B, features)``."""
        membranes, _ = self.network(slices.movedim(2, 0))
        return membranes.mean(dim=0)

    def early(self) -> list[nn.Module]:
        """The first two convolutions."""
        return list(self.network.layers)[:EARLY]

    def start(self, slices: Tensor, rate: float = 0.1) -> list[float]:
        """Scale fresh weights until every layer fires at ``rate`` on a real batch; gives the rates reached."""
        return calibrate_rates(self.network, slices.movedim(2, 0), rate)

    @torch.no_grad()
    def rates(self, slices: Tensor) -> list[float]:
        """Spikes per neuron and step of every layer that fires, on ``(B, C, T, H, W)`` slices."""
        activity, _ = self.network.activity(slices.movedim(2, 0))
        return [float(layer.mean()) for layer in activity[:-1]]
