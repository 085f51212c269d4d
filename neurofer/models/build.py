"""From plain arguments to a network: the one place that training and loading share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from neurofer.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

    from neurofer.models.recurrent import SequenceClassifier
    from neurofer.spiking.network import SpikingNetwork


def build_ann(
    classes: int,
    size_px: int = 64,
    channels: int = 3,
    width: float = 0.25,
    context_windows: int = 3,
    lstm_layers: int = 1,
    dropout: float = 0.5,
    front: str = "none",
    front_bins: int = 9,
) -> SequenceClassifier:
    """Encoder, LSTM and head with fresh weights; ``context_windows=1, lstm_layers=0`` is the frame model.

    Args:
        classes: Number of classes.
        size_px: Side of the pictures.
        channels: Channels of the pictures.
        width: Factor on the encoder's channels.
        context_windows: Windows of a decision.
        lstm_layers: LSTM layers.
        dropout: In the head, while training.
        front: What pictures pass before the encoder: ``none``, ``scale`` or ``est`` (see ``neurofer.models.front``).
        front_bins: Time bins of ``est``.

    Raises:
        ValueError: a number out of range, or an unknown front.
    """
    from neurofer.models.encoder import Encoder
    from neurofer.models.front import build_front
    from neurofer.models.recurrent import SequenceClassifier

    before = build_front(front, channels, front_bins)
    encoder = Encoder(size_px, width, channels if before is None else before.out_channels)
    return SequenceClassifier(encoder, classes, context_windows, lstm_layers, dropout, before)


def build_snn(
    classes: int,
    size_px: int = 64,
    preset: str = "small",
    layers: Sequence[dict[str, Any]] | None = None,
    dropout: float = 0.0,
    slope: float = 25.0,
) -> SpikingNetwork:
    """A spiking network with fresh weights.

    Args:
        classes: Neurons of the last layer.
        size_px: Side of the spike pictures.
        preset: ``tiny``, ``small`` or ``base``; ignored when ``layers`` are given.
        layers: The layers before the last dense one as plain dicts (see ``LayerSpec``).
        dropout: Share of inputs of each dense layer that is silent in a training sequence.
        slope: Steepness of the surrogate gradient.

    Raises:
        ValueError: an unknown preset, or layers that do not fit.
    """
    from neurofer.spiking.forms import NeuronSettings
    from neurofer.spiking.layers import LayerSpec, dense
    from neurofer.spiking.network import SpikingNetwork, preset_layers

    specs = preset_layers(preset, classes) if layers is None else (*map(LayerSpec.from_dict, layers), dense(classes))
    return SpikingNetwork(specs, (2, size_px, size_px), dropout, NeuronSettings(slope=slope))


BUILDERS: dict[str, Callable[..., Any]] = {"ann": build_ann, "snn": build_snn}


def build_model(backend: str, **settings: Any) -> nn.Module:
    """The network of a backend with fresh weights.

    Args:
        backend: ``ann`` or ``snn``.
        settings: Arguments of ``build_ann`` or ``build_snn``.

    Raises:
        UsageError: an unknown backend or setting, or a value that does not fit; the message names the choices.
    """
    if backend not in BUILDERS:
        raise UsageError(f"model: unknown backend {backend!r}; choose one of {', '.join(BUILDERS)}")
    builder = BUILDERS[backend]
    known = inspect.signature(builder).parameters
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise UsageError(f"model: backend {backend} has no setting {', '.join(unknown)}; it has {', '.join(known)}")
    try:
        model: nn.Module = builder(**settings)
    except (TypeError, ValueError) as error:
        raise UsageError(f"model: {error}") from error
    return model
