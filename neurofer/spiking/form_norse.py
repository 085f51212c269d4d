"""norse's neurons, ``LIFBox`` and ``LIF``, as a neuron form."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from neurofer.spiking.form_options import checked_options
from neurofer.spiking.form_tools import beside_channels, missing_pinned, over_time, refuse_unknown_settings
from neurofer.spiking.forms import NeuronForm, NeuronSettings
from neurofer.spiking.neuron import CubaState, checked_state
from neurofer.spiking.parameter_maps import CubaParameters, NorseParameters, to_norse

STEP_S = 1.0
"""Time constants are in steps; norse knows them and the step only as a product."""


def norse_form(settings: NeuronSettings) -> NeuronForm:
    """norse's ``LIFBox`` or ``LIF`` with the surrogate of its own that ``method`` names, step by step.

    Equal to the native neuron but for rounding; with norse's own units (v times ``1 - beta``) its surrogate is flatter
    and its gradient passes the reset as well.

    Raises:
        ValueError: an unknown option, or a setting that it cannot follow.
        ImportError: norse is not installed.
    """
    options = checked_options(settings.form, settings.options)
    refuse_unknown_settings(settings)
    try:
        import norse.torch  # noqa: F401  what the forms below import from
    except ImportError as error:
        raise missing_pinned(settings.form, "norse", error) from error
    steps = _box_steps if settings.form == "norse.lifbox" else _lif_steps

    def run(current: Tensor, state: CubaState | None, alpha: Tensor | float, beta: Tensor | float,
            theta: Tensor | float, who: str) -> tuple[Tensor, CubaState]:
        state = checked_state(current, state, who)
        if not len(current):
            return over_time([], current), state
        told = to_norse(CubaParameters(*(beside_channels(number, current) for number in (alpha, beta, theta))), STEP_S)
        return steps(current, state, told, options)

    return run


def _box_steps(current: Tensor, state: CubaState, told: NorseParameters,
               options: dict[str, Any]) -> tuple[Tensor, CubaState]:
    from norse.torch.functional import lif_box, reset

    ways = {"value": reset.reset_value, "subtract": reset.reset_subtract}
    numbers = lif_box.LIFBoxParameters(tau_mem_inv=told.tau_mem_inv_per_s, v_th=told.v_th, method=options["method"],
                                       alpha=options["alpha"], reset_method=ways[options["reset_method"]])
    unit = STEP_S * told.tau_mem_inv_per_s
    inside, spikes = lif_box.LIFBoxFeedForwardState(v=state.v * unit), []
    for now in current.unbind(0):
        fired, inside = lif_box.lif_box_feed_forward_step(now, inside, numbers, STEP_S)
        spikes.append(fired)
    return over_time(spikes, current), CubaState(current[-1], inside.v / unit)


def _lif_steps(current: Tensor, state: CubaState, told: NorseParameters,
               options: dict[str, Any]) -> tuple[Tensor, CubaState]:
    from norse.torch.functional import lif

    numbers = lif.LIFParameters(tau_syn_inv=told.tau_syn_inv_per_s, tau_mem_inv=told.tau_mem_inv_per_s,
                                v_th=told.v_th, method=options["method"], alpha=options["alpha"])
    unit = STEP_S * told.tau_mem_inv_per_s
    # norse keeps the current after its decay, we keep it before; decayed here as norse does it.
    inside = lif.LIFFeedForwardState(v=state.v * unit, i=state.u + -STEP_S * told.tau_syn_inv_per_s * state.u)
    spikes, left = [], inside.i
    for now in current.unbind(0):
        left = inside.i
        fired, inside = lif.lif_feed_forward_step(now, inside, numbers, STEP_S)
        spikes.append(fired)
    return over_time(spikes, current), CubaState(left + current[-1], inside.v / unit)
