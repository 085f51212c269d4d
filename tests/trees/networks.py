"""Trained-looking spiking networks from all of the grammar that a chip can run, for property tests."""

from __future__ import annotations

from dataclasses import replace

import torch
from hypothesis import assume, reject
from hypothesis import strategies as st
from torch import Tensor

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, Shape
from neurofer.spiking.network import SpikingNetwork

_pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
_alphas = st.sampled_from([0.0, 0.3, 0.75, 0.95, 0.9995])
_betas = st.sampled_from([0.2, 0.9, 0.99])


@st.composite
def quantised_networks(draw: st.DrawFn) -> SpikingNetwork:
    """Up to three convolutions and one or two dense layers, on the grid of a chip, after two steps of training; the
    last layer fires.

    Kernels, strides, paddings and dilations are odd and even and differ between y and x. In half of the networks the
    first layer has weights of one sign and a current that hardly decays, so that it may wrap.
    """
    driven = draw(st.booleans())
    first = shape = (draw(st.integers(1, 3)), draw(st.integers(5, 12)), draw(st.integers(5, 12)))
    specs: list[LayerSpec] = []
    for _ in range(draw(st.integers(0, 3))):
        spec = LayerSpec("conv", draw(st.integers(1, 5)), draw(_pairs), draw(_pairs),
                         draw(st.tuples(st.integers(0, 2), st.integers(0, 2))), draw(_pairs), draw(_alphas),
                         draw(_betas))
        if spec.problems(shape):
            break
        specs.append(spec)
        shape = spec.output_shape(shape)  # type: ignore[assignment]
    specs += [LayerSpec("dense", draw(st.integers(2, 6)), alpha=draw(_alphas), beta=draw(_betas),
                        theta=draw(st.sampled_from([0.5, 1.0, 2.0]))) for _ in range(draw(st.integers(1, 2)))]
    if driven:
        specs[0] = replace(specs[0], alpha=0.9995)
    torch.manual_seed(draw(st.integers(0, 1 << 20)))
    form = "cuba" if driven else draw(st.sampled_from(["cuba", "lif"]))
    neuron = NeuronSettings(form, quantise=True, slope=5.0, learn_theta=draw(st.booleans()))
    network = SpikingNetwork.build(specs, first, neuron=neuron)
    spikes = random_input(first, 12, 2, rate=0.3)
    if driven:
        with torch.no_grad():
            network.spiking_layers()[0].weight.abs_()
    try:
        calibrate_rates(network, spikes, 0.25)
    except ValueError:
        reject()  # no spike reaches a layer
    train_steps(network, spikes, draw(st.sampled_from(["fake", "integer"])))
    assume(bool(network(spikes)[0].any()))
    return network


def random_input(shape: Shape, steps: int, batch: int, seed: int = 0, rate: float = 0.2) -> Tensor:
    """``(T, B, C, H, W)`` zeros and ones."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(steps, batch, *shape, generator=generator) < rate).float()


def train_steps(network: SpikingNetwork, spikes: Tensor, arithmetic: str, steps: int = 2) -> None:
    """A few steps towards more spikes of the first class, in the arithmetic given; ends in eval mode."""
    network.train().compute_in(arithmetic)  # type: ignore[arg-type]
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05)
    for _ in range(steps):
        optimiser.zero_grad()
        out, _ = network(spikes)
        (out[..., 1:].mean() - out[..., 0].mean()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    network.eval()
