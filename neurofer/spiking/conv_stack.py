"""The convolutional layers of a network together, a few steps at a time: what a layer says is still in the cache when
the next one takes it up.

The same numbers as layer after layer over all steps. Currents and spikes live for one chunk of steps only; of each
neuron and step the membrane is kept for the backward pass, and the spike in one byte. Backward goes through the chunks
from the last to the first and leaves the gradient of a current where its membrane was.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from neurofer.spiking.forms import NATIVE
from neurofer.spiking.layers import SpikingLayer
from neurofer.spiking.neuron import CubaState, checked_parameters, checked_state
from neurofer.spiking.scan import Columns, Rule, same_shape
from neurofer.spiking.synapses import Window

IMAGES = 32
"""Pictures, steps times batch, that go through all layers together."""


def stackable(layers: Sequence[SpikingLayer]) -> int:
    """How many layers from the input on can run together: convolutions with native neurons, on the CPU."""
    count = 0
    for layer in layers:
        weight = layer.weight
        if (layer.spec.kind != "conv" or not layer.spec.fires or layer.graded or layer.neuron.form not in NATIVE
                or layer.arithmetic == "integer"
                or weight.device.type != "cpu" or weight.dtype not in (torch.float32, torch.float64)
                or torch.is_autocast_enabled("cpu") or layer._forward_hooks or layer._forward_pre_hooks
                or layer._backward_hooks or layer._backward_pre_hooks):
            break
        count += 1
    return count


def run_stack(
    layers: Sequence[SpikingLayer], spikes: Tensor, states: Sequence[CubaState | None], keep: int
) -> tuple[list[Tensor], list[CubaState]]:
    """Spikes of the last ``keep`` of some layers, each ``(T, B, ...)``, and the states of all after the last step.

    Args:
        layers: Layers that ``stackable`` counts.
        spikes: ``(T, B, C, H, W)`` what comes in, any number type.
        states: State of each before the first step; None starts fresh.
        keep: How many layers' spikes are handed out, at least 1.

    Raises:
        ValueError: a state has another shape, device or dtype.
    """
    batch = spikes.shape[1]
    stages, parts, shapes = [], [], []
    for layer, given in zip(layers, states, strict=True):
        like = layer.weight.detach().new_empty(1).expand(1, batch, *layer.output_shape)
        state = checked_state(like, given, layer.name)
        used = layer.used()
        numbers = checked_parameters(like, used.alpha, used.beta, used.theta, who=layer.name)
        window = Window(layer.spec.stride, layer.spec.padding, layer.spec.dilation)
        stages.append(_Stage(window, Rule(True, layer.neuron.surrogate, layer.neuron.slope), layer.input_shape,
                             layer.output_shape))
        parts += [used.weight, *numbers, *(part.permute(0, 2, 3, 1).reshape(-1) for part in state)]
        channels, height, width = layer.output_shape
        shapes.append((batch, height, width, channels))
    flat = _Stack.apply(tuple(stages), keep, torch.is_grad_enabled(), spikes, *parts)
    kept = [part.view(len(part), *shape).permute(0, 1, 4, 2, 3)
            for part, shape in zip(flat[:keep], shapes[-keep:], strict=True)]
    last = [part.view(shape).permute(0, 3, 1, 2) for part, shape in
            zip(flat[keep:], (shape for shape in shapes for _ in range(2)), strict=True)]
    return kept, [CubaState(*pair) for pair in zip(last[::2], last[1::2], strict=True)]


class _Stage(NamedTuple):
    """What of a layer is no tensor; shapes are (C, H, W)."""

    window: Window
    rule: Rule
    before: tuple[int, ...]
    after: tuple[int, ...]

    def columns(self, batch: int) -> Columns:
        channels, height, width = self.after
        return Columns(batch * height * width, channels, 1)


def _pictures(rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``(k, B * H * W * C)`` -> ``(k * B, C, H, W)``, channels last in memory; a view."""
    channels, height, width = shape
    return rows.view(-1, height, width, channels).permute(0, 3, 1, 2)


def _rows(pictures: Tensor, steps: int) -> Tensor:
    """The way back; a view where channels are last in memory."""
    return pictures.permute(0, 2, 3, 1).reshape(steps, -1)


def _folded(spikes: Tensor, dtype: torch.dtype) -> Tensor:
    return spikes.to(dtype).flatten(0, 1).contiguous(memory_format=torch.channels_last)


class _Stack(torch.autograd.Function):
    """``(stages, keep, training, spikes, [weight, alpha, beta, theta, u (N), v (N)] * layers)`` -> ``keep`` times
    spikes ``(T, N)``, then ``u`` and ``v`` of every layer."""

    @staticmethod
    def forward(ctx: Any, stages: tuple[_Stage, ...], keep: int, training: bool, spikes: Tensor,
                *parts: Tensor) -> tuple[Tensor, ...]:
        from neurofer.spiking.scan_cpu import forward_chunk, plain

        steps, batch = spikes.shape[:2]
        weights = parts[::6]
        numbers = [plain(*same_shape(stage.columns(batch), *parts[at + 1 : at + 4])) for at, stage in _each(stages)]
        last = [parts[at + place].detach().clone() for at, _ in _each(stages) for place in (4, 5)]
        sizes = [batch * math.prod(stage.after) for stage in stages]
        kept_steps = steps if training else 0
        membranes = [weights[0].new_empty(kept_steps, size) for size in sizes]
        small = [weights[0].new_empty(kept_steps, size, dtype=torch.uint8) for size in sizes[:-1]]
        kept = [weights[0].new_empty(steps, size) for size in sizes[-keep:]]
        for start, stop in _chunks(steps, batch):
            passing = _folded(spikes[start:stop], weights[0].dtype)
            for number, stage in enumerate(stages):
                current = _rows(functional.conv2d(passing, weights[number], None, *stage.window), stop - start)
                place = number - len(stages) + keep
                fired = kept[place][start:stop] if place >= 0 else torch.empty_like(current)
                inner = small[number][start:stop] if number < len(small) else fired.new_empty(0, dtype=torch.uint8)
                forward_chunk(current, membranes[number][start:stop], last[2 * number], last[2 * number + 1],
                              numbers[number], fired, inner.view(-1, sizes[number]))
                passing = _pictures(fired, stage.after)
        ctx.save_for_backward(spikes, *parts, *membranes, *small)
        ctx.stages, ctx.keep = stages, keep
        ctx.set_materialize_grads(False)
        return (*kept, *last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        from neurofer.spiking.scan_cpu import backward_chunk, plain

        stages: tuple[_Stage, ...] = ctx.stages
        count, keep, wanted = len(stages), ctx.keep, ctx.needs_input_grad[3:]
        spikes, *saved = ctx.saved_tensors
        parts, membranes, small = saved[: 6 * count], saved[6 * count : 7 * count], saved[7 * count :]
        steps, batch = spikes.shape[:2]
        weights = parts[::6]
        numbers = [plain(*same_shape(stage.columns(batch), *parts[at + 1 : at + 4])) for at, stage in _each(stages)]
        sums_wanted = [wanted[at + 2 : at + 5] for at, _ in _each(stages)]
        sums = [each.new_zeros((3, each.shape[1] if any(need) else 0))
                for each, need in zip(membranes, sums_wanted, strict=True)]
        state = [torch.zeros_like(part) if grad is None else grad.contiguous().clone() for grad, part in
                 zip(grads[keep:], (parts[at + place] for at, _ in _each(stages) for place in (4, 5)), strict=True)]
        through = membranes if _graph_goes() else [torch.empty_like(each) for each in membranes]
        to_input: list[Tensor] = []
        for start, stop in reversed(list(_chunks(steps, batch))):
            passing: Tensor | None = None
            for number in range(count - 1, -1, -1):
                place = number - count + keep
                given = grads[place] if place >= 0 else None
                rows = _added(passing, None if given is None else given[start:stop], membranes[number][start:stop])
                at = 6 * number
                backward_chunk(rows, membranes[number], parts[at + 4], parts[at + 5], numbers[number],
                               stages[number].rule, state[2 * number], state[2 * number + 1], through[number],
                               sums[number], sums_wanted[number], start, stop)
                if number or wanted[0]:
                    passing = _rows(_to_pictures(through[number][start:stop], weights[number], stages[number]),
                                    stop - start)
            if wanted[0] and passing is not None:
                to_input.append(_pictures(passing, stages[0].before).unflatten(0, (stop - start, batch)))
        found: list[Tensor | None] = [torch.cat(to_input[::-1]).to(spikes.dtype) if to_input else None]
        for (at, stage), rows, need in zip(_each(stages), through, sums_wanted, strict=True):
            number = at // 6
            entering = _pictures(small[number - 1].to(rows.dtype), stage.before) if number else \
                _folded(spikes, rows.dtype)
            found.append(_to_weights(rows, entering, weights[number], stage) if wanted[1 + at] else None)
            del entering
            totals = stage.columns(batch).gather(sums[number], parts[at + 1 : at + 4], need)
            found += [*totals, *state[2 * number : 2 * number + 2]]
        return (None, None, None, *found)


def _each(stages: Sequence[_Stage]) -> Iterator[tuple[int, _Stage]]:
    """Where the parts of each stage begin, and the stage."""
    return ((6 * number, stage) for number, stage in enumerate(stages))


def _chunks(steps: int, batch: int) -> Iterator[tuple[int, int]]:
    size = max(1, IMAGES // max(1, batch))
    return ((start, min(start + size, steps)) for start in range(0, steps, size))


def _added(first: Tensor | None, second: Tensor | None, like: Tensor) -> Tensor:
    """The sum of what there is, contiguous."""
    if first is None:
        return torch.zeros_like(like) if second is None else second.contiguous()
    return first.contiguous() if second is None else first + second


def _to_pictures(rows: Tensor, weight: Tensor, stage: _Stage) -> Tensor:
    """Gradient of what comes in from that of the currents."""
    grad = _pictures(rows, stage.after)
    like = rows.new_empty(1).expand(len(grad), *stage.before)
    like = torch.empty_like(like, memory_format=torch.channels_last)
    return torch.ops.aten.convolution_backward(
        grad, like, weight, None, *stage.window, False, (0, 0), 1, (True, False, False))[0]


def _to_weights(rows: Tensor, entering: Tensor, weight: Tensor, stage: _Stage) -> Tensor:
    """Gradient of the weights, over all steps at once."""
    return torch.ops.aten.convolution_backward(
        _pictures(rows, stage.after), entering, weight, None, *stage.window, False, (0, 0), 1, (False, True, False))[1]


def _graph_goes() -> bool:
    """No second backward pass can follow this one, so what was saved for it may be written over."""
    keeps = getattr(getattr(torch._C, "_autograd", None), "_get_current_graph_task_keep_graph", None)
    return keeps is not None and not keeps()
