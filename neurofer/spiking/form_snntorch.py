"""snnTorch's neurons, ``Leaky`` and ``Synaptic``, as a neuron form."""

from __future__ import annotations

from torch import Tensor

from neurofer.errors import missing_extra
from neurofer.spiking.form_options import checked_options
from neurofer.spiking.form_tools import beside_channels, over_time, refuse_unknown_settings
from neurofer.spiking.forms import NeuronForm, NeuronSettings
from neurofer.spiking.neuron import CubaState, checked_state
from neurofer.spiking.parameter_maps import CubaParameters, to_snntorch
from neurofer.spiking.surrogate import surrogate_spike


def snntorch_form(settings: NeuronSettings) -> NeuronForm:
    """snnTorch's ``Leaky`` or ``Synaptic`` with our surrogate, step by step.

    Equal to the native neuron to the last bit with ``reset_mechanism="zero", reset_delay=False``, when its gradient
    passes the reset as well. With ``reset_delay=True`` ``Leaky`` fires the same spikes, and has the native gradient.
    The neuron is made for each call and forgotten, so nothing stays behind in it.

    Raises:
        ValueError: an unknown option, or a setting that it cannot follow.
        ImportError: snntorch is not installed.
    """
    options = checked_options(settings.form, settings.options)
    refuse_unknown_settings(settings)
    try:
        import snntorch
    except ImportError as error:
        raise missing_extra(f"neurons {settings.form}", "snn", error) from error

    late_reset = settings.form == "snntorch.leaky" and options == {"reset_mechanism": "zero", "reset_delay": True}

    def spike(over: Tensor) -> Tensor:
        return surrogate_spike(over, settings.surrogate, settings.slope)

    def run(current: Tensor, state: CubaState | None, alpha: Tensor | float, beta: Tensor | float,
            theta: Tensor | float, who: str) -> tuple[Tensor, CubaState]:
        u, v = checked_state(current, state, who)
        told = to_snntorch(CubaParameters(*(beside_channels(number, current) for number in (alpha, beta, theta))))
        common = {"beta": told.beta, "threshold": told.threshold, "spike_grad": spike, **options}
        synaptic = settings.form == "snntorch.synaptic"
        neuron = snntorch.Synaptic(alpha=told.alpha, **common) if synaptic else snntorch.Leaky(**common)
        snntorch.SpikingNeuron.instances.remove(neuron)  # the library keeps every neuron ever made
        neuron.to(current.device)
        spikes = []
        for now in current.unbind(0):
            if synaptic:
                fired, u, v = neuron(now, u, v)
            else:
                fired, v = neuron(now, v)
                u = now
            spikes.append(fired)
        neuron.state_function = None  # the neuron's reference to itself, which would keep the whole graph
        if late_reset and spikes:
            v = v.masked_fill(spikes[-1].detach() > 0, 0.0)
        return over_time(spikes, current), CubaState(u, v)

    return run
