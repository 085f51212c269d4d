"""slayer's CUBA neuron (lava-dl) as a neuron form."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from neurofer.spiking.form_options import checked_options
from neurofer.spiking.form_tools import missing_pinned, refuse_unknown_settings
from neurofer.spiking.forms import NeuronForm, NeuronSettings
from neurofer.spiking.neuron import CubaState, checked_state
from neurofer.spiking.parameter_maps import DECAY_STEPS, CubaParameters, to_slayer

_UNUSED = "lava.lib.dl.slayer.object_detection"


def slayer_form(settings: NeuronSettings) -> NeuronForm:
    """slayer's CUBA neuron: Loihi's fixed-point arithmetic forward, its own surrogate backward.

    Decays are rounded to 1/4096, the threshold is cut to 1/64, u and v are kept in steps of 1/4096 and round toward
    zero. Without slayer's block there is no delay, and weights are not rounded. Its gradient passes over resets, and
    does not reach the state that came in.

    Raises:
        ValueError: an unknown option, or a setting that it cannot follow.
        ImportError: lava-dl is not installed.
    """
    options = checked_options(settings.form, settings.options)
    refuse_unknown_settings(settings)
    wanted = [name for name in ("per_channel", "learn_theta") if getattr(settings, name)]
    if wanted:
        raise ValueError(f"neuron slayer.cuba: {' and '.join(wanted)} cannot be followed, it has one decay of each "
                         "kind and a fixed threshold a layer; switch that off, or use neuron cuba")
    neurons = slayer_neurons(settings.form)

    def run(current: Tensor, state: CubaState | None, alpha: Tensor | float, beta: Tensor | float,
            theta: Tensor | float, who: str) -> tuple[Tensor, CubaState]:
        state = checked_state(current, state, who)
        if not len(current):
            return torch.zeros_like(current), state
        told = to_slayer(CubaParameters(alpha, beta, theta))
        neuron = neurons.Neuron(float(told.threshold), 0.0, 0.0, **options)
        for name, decay in (("current_decay", told.current_decay), ("voltage_decay", told.voltage_decay)):
            delattr(neuron, name)
            given = torch.as_tensor(decay, dtype=current.dtype, device=current.device)
            setattr(neuron, name, (DECAY_STEPS * given).reshape(1))
        neuron.current_state, neuron.voltage_state = state
        response, membrane = neuron.dynamics(current.movedim(0, -1).contiguous())
        spikes = neuron.spike(membrane)
        after = membrane[..., -1].masked_fill(spikes[..., -1].detach() > 0, 0.0)
        return spikes.movedim(-1, 0), CubaState(response[..., -1], after)

    return run


def slayer_neurons(form: str = "slayer.cuba") -> Any:
    """The module ``lava.lib.dl.slayer.neuron.cuba``.

    slayer imports its object detection, which needs torchvision; an empty module stands in for it meanwhile.

    Raises:
        ImportError: lava-dl is not installed.
    """
    absent = _UNUSED not in sys.modules
    if absent:
        sys.modules[_UNUSED] = ModuleType(_UNUSED)
    try:
        from lava.lib.dl.slayer.neuron import cuba
    except ImportError as error:
        raise missing_pinned(form, "lava", error) from error
    finally:
        if absent:
            sys.modules.pop(_UNUSED, None)
    return cuba
