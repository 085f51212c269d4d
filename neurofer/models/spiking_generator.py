"""Drawing the grey face from raw events: a spiking encoder, an ordinary decoder that reads what its layers say."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from neurofer.models.encoder import encoder_widths
from neurofer.models.reconstruct import DecoderBlock, Discriminator, initialise
from neurofer.spiking.layers import SpikingLayer


class SpikingEncoder(nn.Module):
    """The first layers of a spiking network, read after each by its spikes per step; holds no state.

    Only spikes are read, never membranes: what a membrane alone knows, no later layer of a recogniser could read. Their
    number per step is what the recogniser decides by, too.

    Attributes:
        layers: The layers, from the input on; names of the weights are ``layers.N.*`` as in a ``SpikingNetwork``.
        lead_steps: Steps at the start that warm the neurons up and are not read.
    """

    def __init__(self, layers: Sequence[SpikingLayer], lead_steps: int = 0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.lead_steps = lead_steps

    def spiking_layers(self) -> list[SpikingLayer]:
        """The layers, typed."""
        return [layer for layer in self.layers if isinstance(layer, SpikingLayer)]

    def forward(self, spikes: Tensor) -> Tensor:
        """Spikes ``(T, B, C, S, S)`` to the rates of the last layer, ``(B, C', H, W)`` or ``(B, N)``."""
        return self.rates(spikes)[-1]

    def rates(self, spikes: Tensor) -> list[Tensor]:
        """Spikes per step of every neuron of each layer behind the lead, ``(B, C', H, W)`` or ``(B, N)`` a layer.

        Raises:
            ValueError: no step is left behind the lead.
        """
        if len(spikes) <= self.lead_steps:
            raise ValueError(f"SpikingEncoder: {len(spikes)} steps leave none behind a lead of {self.lead_steps}")
        layers = self.spiking_layers()
        passing = spikes.to(layers[0].weight.dtype)
        found = []
        for layer in layers:
            passing, _ = layer(passing)
            found.append(passing[self.lead_steps :].mean(0))
        return found


class SpikingGenerator(nn.Module):
    """The face that belongs to the events of a window: spikes ``(T, B, C, S, S)`` to ``(B, 3, S, S)`` in -1..1.

    From the sides of the encoder's last layer the decoder doubles up to the face's, one block of the published
    generator each time; a dense last layer is one place. Without skips nothing but that layer's rates is known to it.

    Attributes:
        encoder: What a recogniser takes over; its weights are the state's ``encoder.*``.
        skips: Layer of the encoder that each block of the decoder is handed, the deepest block first; None for none.
    """

    def __init__(self, encoder: SpikingEncoder, width: float = 0.5, skips: int | None = 0,
                 out_channels: int = 3) -> None:
        """Build a decoder for an encoder, with the published initial weights.

        Args:
            encoder: Of square pictures whose side is a power of two.
            width: Factor on the decoder's channels.
            skips: How many earlier layers, the deepest first, are handed to the decoder; None for all.
            out_channels: Channels of the faces.

        Raises:
            ValueError: sides that do not double up to the input's, or skips that are not there.
        """
        super().__init__()
        layers = encoder.spiking_layers()
        size_px = layers[0].input_shape[-1]
        channels, start = _channels_and_side(layers[-1])
        problem = _sides_problem(size_px, start)
        if problem:
            raise ValueError(f"SpikingGenerator: {problem}")
        self.encoder = encoder
        sides = [side for side in _doubled(start, size_px)[1:] if side < size_px]
        self.skips = _skips(layers[:-1], sides, skips)
        widths = encoder_widths(size_px, width)
        blocks = []
        for side, skip in zip(sides, self.skips, strict=True):
            after = widths[_doubled(side, size_px).index(size_px) - 1]
            blocks.append(DecoderBlock(channels, after, 0.0))
            channels = after + (0 if skip is None else layers[skip].output_shape[0])
        self.blocks = nn.ModuleList(blocks)
        self.out = nn.ConvTranspose2d(channels, out_channels, 4, stride=2, padding=1)
        initialise(self)

    def forward(self, spikes: Tensor) -> Tensor:
        """``(T, B, C, S, S)`` to ``(B, out_channels, S, S)``."""
        return self.draw(spikes)

    def fed(self, stored: Tensor) -> Tensor:
        """Stored spikes ``(B, T, C, S, S)`` as the encoder takes them: time first, floating point."""
        return stored.transpose(0, 1).float()

    def seen(self, spikes: Tensor) -> Tensor:
        """Spikes as they reach the encoder."""
        return spikes

    def draw(self, spikes: Tensor, embedding: Tensor | None = None) -> Tensor:
        """The face for spikes; with the last layer's rates of others, if given."""
        return self.decode(self.encoder.rates(spikes), embedding)

    def decode(self, rates: Sequence[Tensor], embedding: Tensor | None = None) -> Tensor:
        """The face that belongs to the rates of all layers."""
        out = rates[-1] if embedding is None else embedding
        out = out[..., None, None] if out.ndim == 2 else out
        for block, skip in zip(self.blocks, self.skips, strict=True):
            out = block(out, None if skip is None else rates[skip])
        return torch.tanh(self.out(out))


class SpikingDiscriminator(Discriminator):
    """Whether patches of a face are real, beside the rates of the events that it belongs to."""

    def __init__(self, size_px: int, width: float, channels: int, lead_steps: int = 0) -> None:
        """Build as ``Discriminator``; ``lead_steps`` are not looked at."""
        super().__init__(size_px, width, channels)
        self.lead_steps = lead_steps

    def forward(self, spikes: Tensor, face: Tensor) -> Tensor:
        """Spikes ``(T, B, C, S, S)`` and a face ``(B, 3, S, S)`` to a map of logits."""
        return super().forward(event_picture(spikes[self.lead_steps :]), face)


def event_picture(spikes: Tensor) -> Tensor:
    """Spikes per step of each pixel and polarity, ``(T, B, C, S, S)`` to ``(B, C, S, S)``: -1 for none, 1 for each."""
    return spikes.float().mean(0).clamp(max=1.0).mul(2.0).sub(1.0)


def _channels_and_side(layer: SpikingLayer) -> tuple[int, int]:
    """Channels of a layer's maps and their side; 0 if they are not square."""
    shape = layer.output_shape
    if len(shape) == 1:
        return shape[0], 1
    return shape[0], shape[1] if shape[1] == shape[2] else 0


def _doubled(start: int, most: int) -> list[int]:
    """``start``, ``2 * start``, ... up to ``most``."""
    found = [start]
    while found[-1] < most:
        found.append(2 * found[-1])
    return found


def _sides_problem(size_px: int, start: int) -> str:
    if size_px < 8 or size_px & (size_px - 1):
        return f"faces need a side that is a power of two of at least 8, got {size_px}"
    if not start or start >= size_px or size_px % start or _doubled(start, size_px)[-1] != size_px:
        return (f"the encoder ends with maps of {start or 'unequal'} px, which do not double up to {size_px}; use "
                "strides of 2 with a padding of half the kernel")
    return ""


def _skips(layers: Sequence[SpikingLayer], sides: Sequence[int], wanted: int | None) -> list[int | None]:
    """The deepest layer with maps of each of the decoder's sides, for the first ``wanted`` that there are.

    Raises:
        ValueError: there are fewer.
    """
    by_side = {layer.output_shape[-1]: number for number, layer in enumerate(layers)
               if len(layer.output_shape) == 3 and layer.output_shape[-1] == layer.output_shape[-2]}
    found = [by_side.get(side) for side in sides]
    there = [number for number in found if number is not None]
    if wanted is not None and not 0 <= wanted <= len(there):
        raise ValueError(f"SpikingGenerator: {len(there)} layers can be handed to the decoder, got skips={wanted}")
    kept = set(there if wanted is None else there[:wanted])
    return [number if number in kept else None for number in found]
