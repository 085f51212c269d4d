"""The networks that benchmarks/spiking.py compares: one setting, the same weights, each library used as it is fast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, conv, dense, exact_weights
from neurofer.spiking.network import SpikingNetwork
from neurofer.spiking.neuron import cuba_loop
from neurofer.spiking.parameter_maps import CubaParameters, to_norse, to_sinabs, to_slayer, to_spikingjelly

Kind = Literal["none", "lif", "cuba"]
Step = Callable[[], Tensor]
Neuron = Callable[[Tensor], Tensor]
ALPHA, BETA, SLOPE = 0.75, 0.9, 25.0


@dataclass(frozen=True)
class Setting:
    """A network, how long it runs, and what goes in: random spikes in a twentieth of the pixels."""

    name: str
    layers: tuple[LayerSpec, ...]
    shape: tuple[int, int, int]
    steps: int
    batch: int


def settings(quick: bool, cuda: bool) -> dict[str, Setting]:
    """The settings of a run; the large linear one is for a GPU."""
    if quick:
        return {"conv": Setting("conv 4/4, T = 4, B = 2, 2x8x8", (conv(4), conv(4), dense(3)), (2, 8, 8), 4, 2),
                "linear": Setting("linear 32 to 32, T = 10, B = 2", (dense(32),), (2, 4, 4), 10, 2)}
    found = {"conv": Setting("conv 16/32/64 stride 2, dense 7, T = 20, B = 8, 2x64x64",
                             (conv(16), conv(32), conv(64), dense(7)), (2, 64, 64), 20, 8),
             "linear": Setting("linear 512 to 512, T = 500, B = 16", (dense(512),), (2, 16, 16), 500, 16)}
    if cuda:
        found["linear16k"] = Setting("linear 16384 to 16384, T = 500, B = 16", (dense(16384),), (1, 128, 128), 500, 16)
    return found


class Work(NamedTuple):
    """One setting with the weights that every variant of a kind gets."""

    setting: Setting
    kind: Kind
    network: SpikingNetwork
    weights: list[Tensor]
    spikes: Tensor


def work(setting: Setting, kind: Kind, device: str) -> Work:
    """Weights that make LIF or CUBA neurons fire at a tenth, the same in every process."""
    torch.manual_seed(0)
    alpha = ALPHA if kind == "cuba" else 0.0
    layers = [replace(layer, alpha=alpha, beta=BETA) for layer in setting.layers]
    network = SpikingNetwork.build(layers, setting.shape, neuron=NeuronSettings("cuba" if kind == "cuba" else "lif",
                                                                                slope=SLOPE))
    generator = torch.Generator().manual_seed(1)
    spikes = (torch.rand(setting.steps, setting.batch, *setting.shape, generator=generator) < 0.05).float()
    network, spikes = network.to(device), spikes.to(device)
    calibrate_rates(network, spikes[:, :2], 0.1, tries=10)
    weights = [exact_weights(layer.weight).detach() for layer in network.spiking_layers()]
    return Work(setting, kind, network, weights, spikes)


def passed(given: Work, neurons: Sequence[Neuron], spikes: Tensor | None = None) -> Step:
    """Forward and backward through folded weight layers and some neurons between them; time and batch lead.

    The layers are the same for everyone: all steps at once, ``channels_last``, which no library forbids.
    """
    weights = [weight.clone().requires_grad_() for weight in given.weights]
    first = given.spikes if spikes is None else spikes

    def step() -> Tensor:
        for weight in weights:
            weight.grad = None
        passing = first
        for spec, weight, neuron in zip(given.network.specs, weights, neurons, strict=True):
            if spec.kind == "dense":
                current = functional.linear(passing.flatten(2), weight)
            else:
                folded = passing.flatten(0, 1).contiguous(memory_format=torch.channels_last)
                current = functional.conv2d(folded, weight, None, spec.stride, spec.padding, spec.dilation)
                current = current.unflatten(0, passing.shape[:2])
            passing = neuron(current)
        passing.sum().backward()
        return passing.detach()

    return step


def linear_alone(given: Work) -> Step:
    return passed(given, [lambda current: current for _ in given.weights])


def native(given: Work) -> Step:
    """As ``neurofer train`` runs it: exact sums, and gradients of the decays as well, which no other variant has."""
    def step() -> Tensor:
        given.network.zero_grad()
        spikes, _ = given.network(given.spikes)
        spikes.sum().backward()
        return spikes.detach()

    return step


def native_loop(given: Work) -> Step:
    return passed(given, [lambda current: cuba_loop(current, None, ALPHA, BETA, 1.0, SLOPE)[0] for _ in given.weights])


def snntorch(given: Work) -> Step:
    """A neuron called step by step on unbound input, its state passed."""
    import snntorch as library
    from snntorch.surrogate import fast_sigmoid

    common = {"beta": BETA, "spike_grad": fast_sigmoid(SLOPE), "reset_mechanism": "zero", "reset_delay": False}

    def neuron() -> Neuron:
        made = library.Synaptic(alpha=ALPHA, **common) if given.kind == "cuba" else library.Leaky(**common)
        made.to(given.spikes.device)

        def run(current: Tensor) -> Tensor:
            state = tuple(torch.zeros_like(current[0]) for _ in range(2 if given.kind == "cuba" else 1))
            spikes = []
            for now in current.unbind(0):
                fired, *state = made(now, *state)
                spikes.append(fired)
            return torch.stack(spikes)

        return run

    return passed(given, [neuron() for _ in given.weights])


def norse(given: Work) -> Step:
    """A cell called step by step on unbound input, its state passed; norse's sequence modules index instead."""
    from norse.torch import LIFBoxCell, LIFBoxParameters, LIFCell, LIFParameters

    told = to_norse(CubaParameters(ALPHA, BETA, 1.0), 1.0)
    numbers = {"tau_mem_inv": torch.as_tensor(told.tau_mem_inv_per_s), "v_th": torch.as_tensor(told.v_th)}

    def neuron() -> Neuron:
        if given.kind == "cuba":
            cell = LIFCell(LIFParameters(tau_syn_inv=torch.as_tensor(told.tau_syn_inv_per_s), **numbers), dt=1.0)
        else:
            cell = LIFBoxCell(LIFBoxParameters(**numbers), dt=1.0)
        cell.to(given.spikes.device)

        def run(current: Tensor) -> Tensor:
            state, spikes = None, []
            for now in current.unbind(0):
                fired, state = cell(now, state)
                spikes.append(fired)
            return torch.stack(spikes)

        return run

    return passed(given, [neuron() for _ in given.weights])


def spikingjelly(given: Work) -> Step:
    """Multi-step mode (``step_mode="m"``), reset detached, reset_net before each sequence."""
    from spikingjelly.activation_based import functional as jelly
    from spikingjelly.activation_based import neuron as library
    from spikingjelly.activation_based import surrogate

    told = to_spikingjelly(CubaParameters(ALPHA, BETA, 1.0))

    def neuron() -> Neuron:
        if given.kind == "cuba":
            node: Any = library.CUBALIFNode(*told, v_reset=0.0, surrogate_function=surrogate.ATan())
            node.step_mode, node.detach_reset = "m", True
        else:
            node = library.LIFNode(1 / (1 - BETA), decay_input=False, detach_reset=True, step_mode="m",
                                   surrogate_function=surrogate.ATan())
            if given.spikes.is_cuda and "cupy" in node.supported_backends and _imports("cupy"):
                node.backend = "cupy"
        node.to(given.spikes.device)

        def run(current: Tensor) -> Tensor:
            jelly.reset_net(node)
            spikes: Tensor = node(current)
            return spikes

        return run

    return passed(given, [neuron() for _ in given.weights])


def sinabs(given: Work) -> Step:
    """``LIFSqueeze`` on the folded layers' output, batch before time, single spikes, states reset."""
    from sinabs.activation import MembraneReset, SingleSpike
    from sinabs.layers import LIFSqueeze

    alpha = ALPHA if given.kind == "cuba" else 0.0
    tau_syn, tau_mem, threshold = to_sinabs(CubaParameters(alpha, BETA, 1.0))

    def neuron() -> Neuron:
        layer = LIFSqueeze(batch_size=given.setting.batch, tau_mem=tau_mem, tau_syn=tau_syn,
                           spike_threshold=torch.tensor(threshold), spike_fn=SingleSpike, reset_fn=MembraneReset(),
                           norm_input=False).to(given.spikes.device)

        def run(current: Tensor) -> Tensor:
            layer.reset_states()
            spikes: Tensor = layer(current.flatten(0, 1)).unflatten(0, current.shape[:2])
            return spikes

        return run

    return passed(given, [neuron() for _ in given.weights], given.spikes.transpose(0, 1).contiguous())


def slayer(given: Work) -> Step:
    """Its own blocks on NCHWT, without the layers' delay; weights and states are quantised."""
    from neurofer.spiking.form_slayer import slayer_neurons

    slayer_neurons()
    from lava.lib.dl.slayer import block

    told = to_slayer(CubaParameters(ALPHA if given.kind == "cuba" else 0.0, BETA, 1.0))
    blocks = []
    for spec, weight in zip(given.network.specs, given.weights, strict=True):
        if spec.kind == "conv":
            made = block.cuba.Conv(told._asdict(), weight.shape[1], spec.outputs, spec.kernel, spec.stride,
                                   spec.padding, delay_shift=False)
        else:
            made = block.cuba.Dense(told._asdict(), weight.shape[1], spec.outputs, delay_shift=False)
        made = made.to(given.spikes.device)
        with torch.no_grad():
            made.synapse.weight.copy_(weight.reshape(made.synapse.weight.shape))
        blocks.append(made)
    last_in_time = given.spikes.movedim(0, -1).contiguous()

    def step() -> Tensor:
        passing = last_in_time
        for made, spec in zip(blocks, given.network.specs, strict=True):
            made.zero_grad()
            passing = made(passing.flatten(1, -2) if spec.kind == "dense" else passing)
        passing.sum().backward()
        return passing.detach()

    return step


class Variant(NamedTuple):
    """One line of the table."""

    library: str
    neuron: str
    kind: Kind
    build: Callable[[Work], Step]
    peer: bool = True

    @property
    def name(self) -> str:
        return f"{self.library} {self.neuron}".strip()


VARIANTS = (
    Variant("linear layers alone", "", "none", linear_alone, peer=False),
    Variant("neurofer", "LIF", "lif", native, peer=False),
    Variant("neurofer", "CUBA", "cuba", native, peer=False),
    Variant("neurofer", "CUBA, loop over the step", "cuba", native_loop, peer=False),
    Variant("snntorch", "Leaky", "lif", snntorch),
    Variant("snntorch", "Synaptic", "cuba", snntorch),
    Variant("norse", "LIFBoxCell", "lif", norse),
    Variant("norse", "LIFCell", "cuba", norse),
    Variant("spikingjelly", "LIFNode", "lif", spikingjelly),
    Variant("spikingjelly", "CUBALIFNode", "cuba", spikingjelly),
    Variant("sinabs", "LIFSqueeze", "lif", sinabs),
    Variant("sinabs", "LIFSqueeze with tau_syn", "cuba", sinabs),
    Variant("slayer", "CUBA", "cuba", slayer),
)
MODULES = {"snntorch": "snntorch", "norse": "norse", "spikingjelly": "spikingjelly", "sinabs": "sinabs",
           "slayer": "lava"}


def _imports(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None
