"""How large the layers of a spiking network are, from their shapes alone; imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from neurofer.spiking.layers import LayerSpec

Shape = tuple[int, ...]
Pair = tuple[int, int]

MOST_NEURONS = 1 << 24
"""Of one layer, its padded input counted as well: no machine or file makes us allocate more."""


class Side(NamedTuple):
    """A convolution along one side: places that come in and go out, and how the kernel goes over them."""

    size_in: int
    size_out: int
    kernel: int
    stride: int
    padding: int
    dilation: int


@dataclass(frozen=True)
class LayerSize:
    """Shapes of one layer, none of its weights.

    Attributes:
        name: ``conv1`` or ``dense2``.
        kind: ``conv`` or ``dense``.
        shape_in: What comes in, (C, H, W) or (N,).
        outputs: Channels of a conv layer, neurons of a dense one.
        kernel: ``(y, x)``; conv only, stride, padding and dilation likewise.
    """

    name: str
    kind: str
    shape_in: Shape
    outputs: int
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    @property
    def shape(self) -> Shape:
        """Of its neurons, (C, H, W) or (N,); a side below 1 where the kernel does not fit."""
        if self.kind == "dense":
            return (self.outputs,)
        return (self.outputs, *conv_sides(self.shape_in[1:], self.kernel, self.stride, self.padding, self.dilation))

    @property
    def neurons(self) -> int:
        """All of them."""
        return math.prod(self.shape)

    @property
    def inputs(self) -> int:
        """Neurons or pixels before it."""
        return math.prod(self.shape_in)

    @property
    def weights(self) -> int:
        """Numbers that training learned: the kernels of a conv layer, once."""
        return self.outputs * (self.inputs if self.kind == "dense" else self.shape_in[0] * math.prod(self.kernel))

    @property
    def connections(self) -> int:
        """Pairs of an input and a neuron that it reaches; zero padding is no input."""
        if self.kind == "dense":
            return self.weights
        return self.outputs * self.shape_in[0] * math.prod(sum(last - first + 1 for first, last in spans)
                                                           for spans in self.tap_spans)

    @property
    def fan_in(self) -> int:
        """Largest number of inputs of one neuron."""
        if self.kind == "dense":
            return self.inputs
        return self.shape_in[0] * math.prod(_most_at_once(spans) for spans in self.tap_spans)

    @property
    def sides(self) -> tuple[Side, ...]:
        """Along y, then along x; conv only."""
        return tuple(Side(*numbers) for numbers in zip(self.shape_in[1:], self.shape[1:], self.kernel, self.stride,
                                                       self.padding, self.dilation, strict=True))

    @property
    def tap_spans(self) -> tuple[tuple[Pair, ...], ...]:
        """First and last row of neurons for which each row of the kernel lies on the input; then columns. Conv only."""
        return tuple(tap_spans(*side) for side in self.sides)


def conv_sides(sides: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int],
               dilation: Sequence[int]) -> Shape:
    """Height and width behind a convolution of ``sides``; below 1 where the kernel does not fit.

    Args:
        sides: ``(height, width)`` of the input; the others are ``(y, x)`` likewise.
        kernel: Of the weights.
        stride: Between two places of the kernel.
        padding: Zeros on each side.
        dilation: Between two inputs that the kernel sees.
    """
    return tuple((size + 2 * pad - apart * (taps - 1) - 1) // step + 1
                 for size, taps, step, pad, apart in zip(sides, kernel, stride, padding, dilation, strict=True))


def tap_spans(size_in: int, size_out: int, kernel: int, stride: int, padding: int, dilation: int) -> tuple[Pair, ...]:
    """First and last of ``size_out`` places along one side for which a tap of the kernel lies on the input, tap by tap.

    Taps that lie on zeros alone are left out.
    """
    found = []
    for tap in range(kernel):
        ahead = padding - tap * dilation
        first, last = max(-(-ahead // stride), 0), min((size_in - 1 + ahead) // stride, size_out - 1)
        if first <= last:
            found.append((first, last))
    return tuple(found)


def _most_at_once(spans: Sequence[Pair]) -> int:
    """Most of these spans that have a place in common."""
    changes = sorted([(first, 1) for first, _ in spans] + [(last + 1, -1) for _, last in spans])
    return max(accumulate(change for _, change in changes), default=0)


def layer_sizes(layers: Iterable[tuple[str, LayerSpec]], input_shape: Shape) -> list[LayerSize]:
    """Sizes of layers with their names, which fit together, from the input on."""
    found, shape = [], tuple(input_shape)
    for name, spec in layers:
        conv = (spec.kernel, spec.stride, spec.padding, spec.dilation) if spec.kind == "conv" else ()
        found.append(LayerSize(name, spec.kind, shape, spec.outputs, *conv))
        shape = found[-1].shape
    return found


def chained(sizes: Sequence[LayerSize]) -> list[LayerSize] | None:
    """The layers with what comes in taken from the layer before; None if one does not fit behind another."""
    found: list[LayerSize] = []
    for size in sizes:
        here = replace(size, shape_in=found[-1].shape) if found else size
        if here.kind == "conv" and (len(here.shape_in) != 3 or min(here.shape) < 1):
            return None
        found.append(here)
    return found


def with_double_stride(sizes: Sequence[LayerSize], number: int) -> list[LayerSize] | None:
    """The layers with twice the stride in one of them; None if it would skip inputs, or leave nothing of a layer."""
    old = sizes[number]
    doubled = replace(old, stride=(2 * old.stride[0], 2 * old.stride[1]))
    reach = [dilate * (kernel - 1) + 1 for kernel, dilate in zip(old.kernel, old.dilation, strict=True)]
    if old.kind != "conv" or any(stride > most for stride, most in zip(doubled.stride, reach, strict=True)):
        return None
    return chained([*sizes[:number], doubled, *sizes[number + 1:]])


def with_one_more(sizes: Sequence[LayerSize], number: int) -> list[LayerSize] | None:
    """The layers with a 3x3 convolution of stride 2 and as many channels before a dense one; None if nothing is left
    to halve."""
    shape = sizes[number].shape_in
    if len(shape) != 3 or max(shape[1:]) == 1:
        return None
    more = LayerSize("one more", "conv", shape, shape[0], (3, 3), (2, 2), (1, 1))
    return chained([*sizes[:number], more, *sizes[number:]])


def stride_words(size: LayerSize) -> str:
    """``"stride 2 in conv1"``; ``"stride 2x1 in conv1"`` where rows and columns differ."""
    rows, columns = size.stride
    return f"stride {rows}{'' if rows == columns else f'x{columns}'} in {size.name}"
