"""Convolutional layers together, a few steps at a time, against the readable loops one after the other."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from neurofer.spiking import conv_stack, network
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.conv_stack import run_stack, stackable
from neurofer.spiking.forms import NeuronSettings
from neurofer.spiking.layers import LayerSpec, conv, dense, exact_weights
from neurofer.spiking.network import SpikingNetwork
from neurofer.spiking.neuron import CubaState, cuba_loop

SPECS = [conv(4), LayerSpec("conv", 6, (3, 2), (1, 2), (0, 1), (2, 1)), conv(5), dense(3)]


@pytest.fixture(params=[2, 8, 1000])
def images(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Chunks of one step, of a few, and all steps in one."""
    monkeypatch.setattr(conv_stack, "IMAGES", request.param)
    return request.param


def build(dtype: torch.dtype = torch.float64, form: str = "cuba", **settings: object) -> SpikingNetwork:
    torch.manual_seed(0)
    neuron = NeuronSettings(form, slope=5.0, **settings)
    built = SpikingNetwork.build(SPECS, (2, 13, 12), neuron=neuron).to(dtype)
    calibrate_rates(built, clip(dtype), 0.2)
    return built


def clip(dtype: torch.dtype = torch.float64, steps: int = 18) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return (torch.rand(steps, 2, 2, 13, 12, generator=generator) < 0.2).to(dtype)


def by_loops(built: SpikingNetwork, passing: Tensor, states: list[CubaState]) -> tuple[list[Tensor], list[CubaState]]:
    """Plain torch, autograd's own gradients."""
    found, last = [], []
    for layer, state in zip(built.spiking_layers()[:3], states, strict=True):
        spec = layer.spec
        current = functional.conv2d(passing.flatten(0, 1), exact_weights(layer.weight), None, spec.stride, spec.padding,
                                    spec.dilation).unflatten(0, passing.shape[:2])
        alpha = 0.0 if layer.neuron.form == "lif" else layer.alpha
        passing, after = cuba_loop(current, state, alpha, layer.beta, layer.theta, 5.0, layer.neuron.surrogate)
        found.append(passing)
        last.append(after)
    return found, last


def compare(built: SpikingNetwork, keep: int, most: float) -> None:
    """All outputs exactly, all gradients (input, weights, decays, thresholds, states) to ``most`` of the largest."""
    layers, dtype = built.spiking_layers()[:3], built.spiking_layers()[0].weight.dtype
    generator = torch.Generator().manual_seed(2)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)

    states = [CubaState(draw(2, *layer.output_shape), 0.3 * draw(2, *layer.output_shape)) for layer in layers]
    leaves = [clip(dtype), *(part for state in states for part in state)]
    leaves = [leaf.requires_grad_() for leaf in leaves]
    leaves += [value for layer in layers for value in layer.parameters() if value.requires_grad]
    weights = None
    results = []
    for found, last in (run_stack(layers, leaves[0], states, keep), by_loops(built, leaves[0], states)):
        outputs = [*found[-keep:], *(part for state in last for part in state)]
        weights = weights or [draw(*part.shape) for part in outputs]
        total = sum((part * weight).sum() for part, weight in zip(outputs, weights, strict=True))
        results.append((outputs, torch.autograd.grad(total, leaves, retain_graph=True),
                        torch.autograd.grad(total, leaves)))
    (outputs, kept, freed), (wanted_outputs, wanted, _) = results
    assert all(0.02 < float(part.detach().mean()) < 0.5 for part in outputs[:keep])
    assert all(torch.equal(one, other) for one, other in zip(outputs, wanted_outputs, strict=True))
    for grads in (kept, freed):
        for one, other in zip(grads, wanted, strict=True):
            assert float((one - other).abs().max()) <= most * float(other.abs().max())


@pytest.mark.parametrize("settings", [{}, {"per_channel": True, "learn_theta": True, "surrogate": "atan"},
                                      {"form": "lif", "surrogate": "triangle"}])
@pytest.mark.parametrize("keep", [1, 3])
def test_it_equals_loops_one_after_the_other(images: int, settings: dict[str, object], keep: int) -> None:
    # Double precision, sums in another order; a second backward pass through the same graph gives the same.
    compare(build(**settings), keep, 1e-12)


def test_single_precision_gives_the_same_spikes(images: int) -> None:
    # Sums over 18 steps and some hundred places that mostly cancel, rounded in another order.
    compare(build(torch.float32), 2, 3e-6)


def test_layer_after_layer_is_the_same_to_the_last_bit(monkeypatch) -> None:
    results = []
    for count in (stackable, lambda layers: 0):
        monkeypatch.setattr(network, "stackable", count)
        built = build(torch.float32)
        found, state = built.activity(clip(torch.float32))
        sum((part.mean() for part in found), state[1].u.sum()).backward()
        results.append([*found, *(part for each in state for part in each),
                        *(value.grad for value in built.parameters())])
    assert all(torch.equal(one, other) for one, other in zip(*results, strict=True))


def test_without_gradients_nothing_is_kept_and_nothing_changes(images: int) -> None:
    built = build()
    wanted = built(clip())[0].detach()
    with torch.no_grad():
        out, _ = built(clip().to(torch.uint8))
    assert torch.equal(out, wanted)
    assert not out.requires_grad
    empty, state = built(clip(steps=0))
    assert empty.shape == (0, 2, 3)
    assert not state[0].v.any()


def test_who_can_run_together() -> None:
    built = build()
    layers = built.spiking_layers()
    assert stackable(layers) == 3
    layers[1].register_forward_hook(lambda *arguments: None)
    assert stackable(layers) == 1
    assert stackable(layers[3:]) == 0
    with torch.autocast("cpu"):
        assert stackable(layers) == 0


def test_a_state_of_another_batch_names_its_layer() -> None:
    built = build()
    _, state = built(clip())
    with pytest.raises(ValueError, match=r"conv2: state v is \(1, 6, .*the input needs \(2, 6, .*pass state=None"):
        built(clip(), (state[0], CubaState(state[1].u, state[1].v[:1]), *state[2:]))
