"""One protocol for the neurons of a layer, and who provides them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from neurofer.spiking.form_options import NATIVE_FORMS, checked_options
from neurofer.spiking.neuron import CubaState
from neurofer.spiking.surrogate import SURROGATE_SLOPE, Surrogate


@dataclass(frozen=True)
class NeuronSettings:
    """The neurons of a network.

    Attributes:
        form: Who computes them, a name in ``FORMS``.
        surrogate: Smooth gradient that stands in for the spike's.
        slope: Its steepness; no part of what the neurons compute.
        per_channel: Decays (and thresholds) of each channel of a conv layer and each neuron of a dense one, instead of
            one for the layer.
        learn_theta: Train thresholds as well.
        recompute_steps: Keep the state every so many steps only, and compute forward again in the backward pass; 0
            keeps everything.
        quantise: Weights, decays and thresholds on the grid of a chip; see ``neurofer.spiking.quantise``.
        options: Of the form alone, see ``neurofer.spiking.form_options``.
    """

    form: str = "cuba"
    surrogate: Surrogate = "fast_sigmoid"
    slope: float = SURROGATE_SLOPE
    per_channel: bool = False
    learn_theta: bool = False
    recompute_steps: int = 0
    quantise: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


class NeuronForm(Protocol):
    """Neurons over time; holds no state and no parameters."""

    def __call__(self, current: Tensor, state: CubaState | None, alpha: Tensor | float, beta: Tensor | float,
                 theta: Tensor | float, who: str) -> tuple[Tensor, CubaState]:
        """Spikes ``(T, B, ...)`` of an input current of that shape, and the state after the last step.

        Args:
            current: ``(T, B, ...)`` input current.
            state: State before the first step; None starts fresh.
            alpha: Decay of the synaptic current.
            beta: Decay of the membrane.
            theta: Threshold.
            who: Name of the layer for messages.
        """
        ...


class _InPlace(NeuronForm, Protocol):
    """Neurons that can write over the current they are given, which saves its memory."""

    def __call__(self, current: Tensor, state: CubaState | None, alpha: Tensor | float, beta: Tensor | float,
                 theta: Tensor | float, who: str, in_place: bool = False) -> tuple[Tensor, CubaState]: ...


def _native(settings: NeuronSettings) -> _InPlace:
    from neurofer.spiking.scan import cuba_scan

    def run(current: Tensor, state: CubaState | None, alpha: Tensor | float, beta: Tensor | float,
            theta: Tensor | float, who: str, in_place: bool = False) -> tuple[Tensor, CubaState]:
        return cuba_scan(current, state, alpha, beta, theta, settings.slope, who, surrogate=settings.surrogate,
                         in_place=in_place)

    return run


def _native_lif(settings: NeuronSettings) -> _InPlace:
    cuba = _native(settings)

    def run(current: Tensor, state: CubaState | None, alpha: Tensor | float, beta: Tensor | float,
            theta: Tensor | float, who: str, in_place: bool = False) -> tuple[Tensor, CubaState]:
        return cuba(current, state, 0.0, beta, theta, who, in_place=in_place)

    return run


def _snntorch(settings: NeuronSettings) -> NeuronForm:
    from neurofer.spiking.form_snntorch import snntorch_form

    return snntorch_form(settings)


def _norse(settings: NeuronSettings) -> NeuronForm:
    from neurofer.spiking.form_norse import norse_form

    return norse_form(settings)


def _slayer(settings: NeuronSettings) -> NeuronForm:
    from neurofer.spiking.form_slayer import slayer_form

    return slayer_form(settings)


FORMS: dict[str, Callable[[NeuronSettings], NeuronForm]] = {
    "cuba": _native, "lif": _native_lif, "snntorch.leaky": _snntorch, "snntorch.synaptic": _snntorch,
    "norse.lifbox": _norse, "norse.lif": _norse, "slayer.cuba": _slayer,
}
"""Builders by name; ``neurofer.spiking.form_options`` says what each can be told."""

NATIVE = frozenset(NATIVE_FORMS)
"""Forms of our own; they take ``in_place`` as well: the current may be written over."""


def neuron_form(settings: NeuronSettings) -> NeuronForm:
    """The neurons that the settings name.

    Raises:
        ValueError: an unknown form or option.
        ImportError: its library is not installed; the message says which extra brings it.
    """
    checked_options(settings.form, settings.options)
    return FORMS[settings.form](settings)
