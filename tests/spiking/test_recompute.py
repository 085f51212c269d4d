"""Computing forward twice: the same gradients from less memory; and nothing stays behind when a network goes."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import conv, dense
from neurofer.spiking.network import SpikingNetwork


class LiveBytes(TorchDispatchMode):
    """Bytes of tensors that are alive, and the most there were; of those made while it is on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_flatten(out)[0]:
            if isinstance(tensor, Tensor) and tensor.untyped_storage().data_ptr() not in self._known:
                storage = tensor.untyped_storage()
                self._known.add(storage.data_ptr())
                self.now += storage.nbytes()
                weakref.finalize(storage, self._gone, storage.data_ptr(), storage.nbytes())
        self.most = max(self.most, self.now)
        return out

    def _gone(self, place: int, size: int) -> None:
        self._known.discard(place)
        self.now -= size


def network(recompute_steps: int, dropout: float = 0.0, **settings: object) -> SpikingNetwork:
    torch.manual_seed(0)
    neuron = NeuronSettings(recompute_steps=recompute_steps, **settings)
    built = SpikingNetwork.build([conv(4), conv(8), dense(5)], (2, 16, 16), dropout, neuron).double()
    calibrate_rates(built, spikes(), 0.2)
    return built


def spikes(steps: int = 20, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(steps, batch, 2, 16, 16, generator=generator) < 0.1).to(torch.uint8)


def gradients(built: SpikingNetwork, every_layer: bool = False) -> tuple[Tensor, list[Tensor]]:
    torch.manual_seed(2)
    if every_layer:
        found, state = built.activity(spikes())
        total = sum((part.mean() for part in found), state[0].v.square().sum())
    else:
        found, state = built(spikes())
        total = (found * torch.randn(20, 2, 5, dtype=torch.float64)).sum() + state[-1].v.sum() + state[1].u.sum()
    grads = torch.autograd.grad(total, [value for value in built.parameters() if value.requires_grad])
    return (found[-1] if every_layer else found).detach(), list(grads)


@pytest.mark.parametrize("steps", [1, 7, 10])
@pytest.mark.parametrize("every_layer", [False, True])
def test_gradients_are_those_without(steps: int, every_layer: bool) -> None:
    wanted_out, wanted = gradients(network(0, dropout=0.5, learn_theta=True), every_layer)
    out, found = gradients(network(steps, dropout=0.5, learn_theta=True), every_layer)
    assert wanted_out.any()
    assert torch.equal(out, wanted_out)
    for one, other in zip(found, wanted, strict=True):
        # Double precision; sums over time are taken chunk by chunk.
        assert float((one - other).abs().max()) <= 1e-12 * float(other.abs().max())


def test_less_memory_is_needed_and_hardly_more_for_a_longer_clip() -> None:
    most = {}
    for steps in (0, 8):
        for length in (64, 256):
            built, clip = network(steps), spikes(length)
            with LiveBytes() as bytes_:
                built(clip)[0].sum().backward()
            most[steps, length] = bytes_.most
    assert most[8, 256] < most[0, 256] / 6
    # What grows by 24 chunks is the clip itself (512 bytes a step), the state before each chunk (twice 389 doubles) and
    # what is handed out (5 doubles a step, and their gradients), for either of two clips.
    assert most[8, 256] - most[8, 64] < 2 * (192 * 512 + 24 * 2 * 389 * 8 + 2 * 192 * 5 * 8)


def test_incoming_spikes_are_remembered_in_a_byte_each() -> None:
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    built = network(0).float()
    clip = spikes()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out, _ = built(clip)
    neurons = sum(part.numel() for part in built.activity(clip)[0])
    inputs = clip.numel() + neurons - out.numel()
    weights = sum(value.numel() for value in built.parameters())
    # A membrane of four bytes for each neuron and step, a byte for each incoming spike, weights, first states, numbers.
    states = 3 * 2 * 4 * neurons // len(clip)
    assert 4 * neurons + inputs < sum(kept.values()) < 4 * neurons + inputs + 2 * 4 * weights + states + 1000


@pytest.mark.parametrize("settings", [{}, {"per_channel": True, "learn_theta": True}, {"recompute_steps": 6}])
def test_nothing_stays_when_a_network_goes(settings: dict[str, object]) -> None:
    built = network(**{"recompute_steps": 0, **settings})
    gc.collect()
    gc.disable()
    try:
        with LiveBytes() as bytes_:
            clip = spikes()
            out, state = built(clip)
            (out.sum() + state[0].v.sum()).backward()
            out, state = built(clip, tuple(part.detach() for part in state))
        gone = [weakref.ref(part) for part in (built, *built.parameters(), clip, out, *state[0], *state[1])]
        assert bytes_.now > 0
        del built, clip, out, state
        # Without the collector: no cycle holds anything either, nor anything that was kept for a backward pass.
        assert [reference() for reference in gone] == [None] * len(gone)
        assert bytes_.now == 0
    finally:
        gc.enable()
