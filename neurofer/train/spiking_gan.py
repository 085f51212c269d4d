"""The reconstruction GAN whose encoder spikes: its losses, its learning rates, and how it starts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from neurofer.errors import NeuroferError, UsageError
from neurofer.models.shared_norm import mean_of_all
from neurofer.models.spiking_generator import SpikingDiscriminator, SpikingEncoder, SpikingGenerator
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.train.gan import LOSSES, Gan
from neurofer.train.pretrain_config import GanConfig, SpikingGeneratorConfig, skip_count
from neurofer.train.spiking_encoder import first_layers


class SpikingGan(Gan):
    """A spiking generator and its discriminator; an epoch's row holds the rate of each layer of the encoder as well.

    Args:
        generator: Draws from spikes.
        discriminator: Looks at the same.
        settings: Learning rate and rates of the encoder.
    """

    def __init__(self, generator: SpikingGenerator, discriminator: SpikingDiscriminator,
                 settings: SpikingGeneratorConfig) -> None:
        super().__init__(generator, discriminator)
        self._settings = settings
        self.recorded = (*LOSSES, *(f"rate_{layer.name}" for layer in generator.encoder.spiking_layers()))

    @property
    def spiking(self) -> SpikingGenerator:
        """The generator, typed."""
        if not isinstance(self.generator, SpikingGenerator):
            raise TypeError(f"SpikingGan: need a SpikingGenerator, got {type(self.generator).__name__}")
        return self.generator

    def parameter_groups(self, lr: float) -> list[dict[str, Any]]:
        """As ``Gan``, but the encoder's weights move by ``snn.lr`` of their own size; its decays by ``snn.lr``."""
        layers, own = self.spiking.encoder.spiking_layers(), self._settings.lr
        groups: list[dict[str, Any]] = [
            {"params": [layer.weight], "lr": own * float(layer.weight.detach().std())} for layer in layers]
        weights = {id(layer.weight) for layer in layers}
        neurons = [value for layer in layers for value in layer.parameters() if id(value) not in weights]
        encoder = weights | {id(value) for value in neurons}
        rest = [value for value in self.parameters() if id(value) not in encoder]
        return [*groups, {"params": neurons, "lr": own}, {"params": rest, "lr": lr}]

    def generator_loss(self, pictures: Tensor, faces: Tensor, weights: GanConfig) -> tuple[Tensor, dict[str, Tensor]]:
        """As ``Gan``, and ``snn.rate_weight`` times the square of what each layer's rate is above ``rate_target``."""
        rates = self.spiking.encoder.rates(pictures)
        loss, said = self.drawing_loss(pictures, self.spiking.decode(rates), faces, weights)
        if self._settings.rate_weight:
            over = [functional.relu(mean_of_all(rate) - self._settings.rate_target) for rate in rates]
            loss = loss + self._settings.rate_weight * torch.stack(over).square().sum()
        means = {name: rate.detach().mean() for name, rate in zip(self.recorded[len(LOSSES) :], rates, strict=True)}
        return loss, said | means


def build_spiking_gan(settings: SpikingGeneratorConfig, channels: int = 2) -> SpikingGan:
    """Both networks with fresh weights from torch's generator.

    Args:
        settings: The generator.
        channels: Channels of the spikes.

    Raises:
        UsageError: layers that do not fit together or cannot be drawn from.
    """
    lead = settings.lead_us // settings.dt_us
    encoder = SpikingEncoder(first_layers(settings.of_recogniser()), lead)
    try:
        generator = SpikingGenerator(encoder, settings.decoder_width, skip_count(settings.skips))
    except ValueError as error:
        raise UsageError(f"snn: {error}") from error
    return SpikingGan(generator, SpikingDiscriminator(settings.size_px, settings.decoder_width, channels + 3, lead),
                      settings)


def start_encoder(gan: SpikingGan, spikes: Tensor, rate: float) -> list[float]:
    """Scale the encoder's fresh weights until every layer fires at ``rate``; the rates reached.

    Args:
        gan: Changed in place.
        spikes: ``(B, T, C, S, S)`` stored spikes of typical windows.
        rate: Wanted spikes per neuron and step.

    Raises:
        NeuroferError: they hold no events.
    """
    try:
        return calibrate_rates(gan.spiking.encoder, gan.spiking.fed(spikes), rate)
    except ValueError as error:
        raise NeuroferError(f"pre-training: the encoder cannot start ({error})") from error
