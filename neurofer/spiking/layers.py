"""Spiking layers as data, and the one module that runs any of them: bias-free weights, then CUBA neurons."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from neurofer.spiking.forms import NATIVE, NeuronSettings, neuron_form
from neurofer.spiking.graded import by_digits
from neurofer.spiking.integer_scan import IntegerNeuron, integer_scan
from neurofer.spiking.layer_size import MOST_NEURONS, conv_sides
from neurofer.spiking.neuron import CubaState
from neurofer.spiking.quantise import Arithmetic, LayerIntegers, layer_integers, straight_through, weight_scale
from neurofer.spiking.scan import integrate_membrane
from neurofer.spiking.synapses import Window, connect, convolve

Shape = tuple[int, ...]

MOST_WEIGHTS = 1 << 27
"""Of one layer: half a gigabyte."""


@dataclass(frozen=True)
class LayerSpec:
    """One weight layer and its CUBA neurons, in the grammar that Loihi runs: no bias, one scalar of each kind a layer.

    Attributes:
        kind: ``conv`` or ``dense``. Everything is flattened before the first dense layer, in the order (C, H, W).
        outputs: Channels of a conv layer, neurons of a dense one.
        kernel: ``(y, x)``; conv only.
        stride: ``(y, x)``; conv only.
        padding: ``(y, x)`` zeros on each side; conv only.
        dilation: ``(y, x)``; conv only.
        alpha: Decay of the synaptic current at the start of training, 0..1; 0 stays 0 (a LIF neuron).
        beta: Decay of the membrane at the start of training, 0..1 without the ends.
        theta: Threshold, above 0; where training starts if thresholds are learned.
        fires: False only in the last layer: a read-out whose output is its membrane, never reset.
    """

    kind: Literal["conv", "dense"]
    outputs: int
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    alpha: float = 0.75
    beta: float = 0.9
    theta: float = 1.0
    fires: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, text and lists, as a card or a configuration holds them."""
        fields = asdict(self)
        if self.kind == "dense":
            fields = {name: value for name, value in fields.items() if name not in _CONV_ONLY}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> LayerSpec:
        """The layer that ``to_dict`` wrote; a kernel, stride, padding or dilation may be one number.

        Raises:
            ValueError: an unknown or missing field, or a value of another type; all of them are told.
        """
        unknown = sorted(set(fields) - set(cls.__dataclass_fields__), key=str)
        found = [f"unknown key {name!r}" for name in unknown]
        found += [f"{name} is missing" for name in ("kind", "outputs") if name not in fields]
        found += [f"{name} must be {_WANTED[name][0]}, got {value!r}" for name, value in fields.items()
                  if name in _WANTED and not _WANTED[name][1](value)]
        if found:
            raise ValueError("; ".join(found) + (f"; known are {', '.join(_WANTED)}" if unknown else ""))
        values: dict[str, Any] = {name: _pair(value) if name in _CONV_ONLY else value for name, value in fields.items()}
        return cls(**values)

    def problems(self, shape: Shape) -> list[str]:
        """Why this layer cannot follow an activity of ``shape``: (C, H, W) or (N,); empty if it can."""
        found = []
        if self.kind not in ("conv", "dense"):
            return [f"kind {self.kind!r} is not conv or dense"]
        if self.outputs < 1:
            found.append(f"outputs must be at least 1, got {self.outputs}")
        if not 0 <= self.alpha < 1 or not 0 < self.beta < 1:
            found.append(f"decays must be 0 <= alpha < 1 and 0 < beta < 1, got {self.alpha} and {self.beta}")
        if not 0 < self.theta < math.inf:
            found.append(f"theta must be above 0 and finite, got {self.theta}")
        if self.kind == "dense":
            return found + self._too_large(shape)
        if min(*self.kernel, *self.stride, *self.dilation) < 1 or min(self.padding) < 0:
            found.append("kernel, stride and dilation must be at least 1, padding at least 0")
        elif len(shape) != 3:
            found.append("a conv layer cannot follow a dense one")
        elif min(self.output_shape(shape)[1:]) < 1:
            found.append(f"the kernel {self.kernel} is larger than its input {shape[1:]}")
        else:
            found += self._too_large(shape)
        return found

    def _too_large(self, shape: Shape) -> list[str]:
        """What no machine would hold, told before it is tried."""
        inputs, kernel, padded = math.prod(shape), 1, math.prod(shape)
        if self.kind == "conv":
            inputs, kernel = shape[0], math.prod(self.kernel)
            padded = inputs * math.prod(size + 2 * pad for size, pad in zip(shape[1:], self.padding, strict=True))
        weights, neurons = self.outputs * inputs * kernel, max(math.prod(self.output_shape(shape)), padded)
        return [f"{number} {what} are more than {most}" for number, what, most in (
            (weights, "weights", MOST_WEIGHTS), (neurons, "neurons", MOST_NEURONS)) if number > most]

    def output_shape(self, shape: Shape) -> Shape:
        """Shape of the neurons behind an activity of ``shape``, both without batch."""
        if self.kind == "dense":
            return (self.outputs,)
        return (self.outputs, *conv_sides(shape[1:], self.kernel, self.stride, self.padding, self.dilation))


_CONV_ONLY = ("kernel", "stride", "padding", "dilation")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_pair(value: Any) -> bool:
    return _is_whole(value) or isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_whole, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_WANTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "kind": ("conv or dense", lambda value: isinstance(value, str)),
    "outputs": ("a whole number", _is_whole),
    **dict.fromkeys(_CONV_ONLY, ("one or two whole numbers", _is_pair)),
    **dict.fromkeys(("alpha", "beta", "theta"), ("a number", _is_number)),
    "fires": ("true or false", lambda value: isinstance(value, bool)),
}
"""What a field of a layer written down is, and whether a value is that."""


def conv(
    outputs: int, kernel: int = 3, stride: int = 2, *, alpha: float = 0.75, beta: float = 0.9, theta: float = 1.0
) -> LayerSpec:
    """A square convolution to ``size / stride`` (odd kernels), with its neurons."""
    return LayerSpec("conv", outputs, _pair(kernel), _pair(stride), _pair(kernel // 2), alpha=alpha, beta=beta,
                     theta=theta)


def dense(outputs: int, *, alpha: float = 0.75, beta: float = 0.9, theta: float = 1.0,
          fires: bool = True) -> LayerSpec:
    """A fully connected layer with its neurons."""
    return LayerSpec("dense", outputs, alpha=alpha, beta=beta, theta=theta, fires=fires)


def _pair(value: Any) -> tuple[int, int]:
    first, second = (value, value) if isinstance(value, int) else value
    return first, second


class Used(NamedTuple):
    """What a layer computes with: its parameters, or these on the grid of a chip. Gradients reach the parameters."""

    weight: Tensor
    alpha: Tensor
    beta: Tensor
    theta: Tensor | float


class SpikingLayer(nn.Module):
    """Bias-free weights and CUBA neurons of one layer; holds parameters and no state.

    Decays are trained through a sigmoid, thresholds, where they are, through an exponential: one number for the layer,
    or with ``NeuronSettings.per_channel`` one for each of its ``outputs``.

    Args:
        spec: What to build.
        shape: Activity that comes in, (C, H, W) or (N,).
        name: Name for messages and reports.
        neuron: Which neurons, and what of them is learned.

    Attributes:
        graded: What comes in counts events, from 0 to 255.
        training_arithmetic: Of a layer with ``NeuronSettings.quantise`` in training mode; in eval mode such a layer
            computes in integers, unless this is ``none``.
    """

    graded = False
    training_arithmetic: Arithmetic = "fake"
    kept_scale: Tensor
    _settled: Used | LayerIntegers | None = None

    def __init__(self, spec: LayerSpec, shape: Shape, name: str, neuron: NeuronSettings | None = None) -> None:
        super().__init__()
        self.spec, self.name = spec, name
        self.neuron = neuron or NeuronSettings()
        self._form = neuron_form(self.neuron)
        self.input_shape, self.output_shape = shape, spec.output_shape(shape)
        inputs = shape[0] if spec.kind == "conv" else math.prod(shape)
        kernel = spec.kernel if spec.kind == "conv" else ()
        self.weight = nn.Parameter(torch.empty(spec.outputs, inputs, *kernel))
        each = (spec.outputs,) if self.neuron.per_channel else ()
        self.alpha_logit = nn.Parameter(_logit(spec.alpha, each), requires_grad=spec.alpha > 0)
        self.beta_logit = nn.Parameter(_logit(spec.beta, each))
        if self.neuron.learn_theta and spec.fires:
            self.theta_log = nn.Parameter(torch.full(each, math.log(spec.theta)))
        if self.neuron.quantise:
            # Integers per unit of the weights, once they are kept; 0 as long as they follow the weights.
            self.register_buffer("kept_scale", torch.zeros(()))
        # Zero-mean weights of this size let neurons fire at input rates of a few per cent; see spiking/calibrate.py.
        nn.init.normal_(self.weight, std=1.0 / math.sqrt(self.weight[0].numel()))

    @property
    def alpha(self) -> Tensor:
        """Decay of the synaptic current, ``()`` or ``(outputs,)``."""
        return torch.sigmoid(self.alpha_logit)

    @property
    def beta(self) -> Tensor:
        """Decay of the membrane, ``()`` or ``(outputs,)``."""
        return torch.sigmoid(self.beta_logit)

    @property
    def theta(self) -> Tensor | float:
        """Threshold: the number of the specification, or ``()`` or ``(outputs,)`` where it is learned."""
        return self.theta_log.exp() if hasattr(self, "theta_log") else self.spec.theta

    @property
    def arithmetic(self) -> Arithmetic:
        """What the layer computes in now."""
        if not self.neuron.quantise or self.training_arithmetic == "none":
            return "none"
        return self.training_arithmetic if self.training else "integer"

    @torch.no_grad()
    def integers(self) -> LayerIntegers:
        """The layer as a chip's integers."""
        if isinstance(self._settled, LayerIntegers):
            return self._settled
        scale = float(self.kept_scale) if self.neuron.quantise else 0.0
        return layer_integers(self.weight, float(self._alpha), float(self.beta), float(self.theta), scale or None)

    @torch.no_grad()
    def settle(self) -> None:
        """Compute once and for all what the layer computes with; its parameters no longer matter."""
        self.eval().requires_grad_(False)
        self._settled = self.integers() if self.arithmetic == "integer" else self.used()

    def keep_scale(self, scale: float | None = None) -> None:
        """From now on the integers of the weights keep the scale that they have, or the one given."""
        if scale is not None:
            self.kept_scale.fill_(scale)
        elif not float(self.kept_scale):
            self.kept_scale.fill_(weight_scale(self.weight))

    @property
    def _alpha(self) -> Tensor:
        """Decay of the current that the neurons have; ``lif`` neurons have none, whatever the parameter says."""
        return torch.zeros_like(self.alpha) if self.neuron.form == "lif" else self.alpha

    def used(self) -> Used:
        """The numbers that the layer computes with when its state is one of float numbers."""
        if isinstance(self._settled, Used):
            return self._settled
        if self.arithmetic == "none":
            return Used(exact_weights(self.weight), self._alpha, self.beta, self.theta)
        found = self.integers()
        weight = straight_through(self.weight, found.weight.double() / found.scale)
        return Used(exact_weights(weight), *self._on_grid(found))

    def _on_grid(self, found: LayerIntegers) -> tuple[Tensor, Tensor, Tensor | float]:
        learned, theta = self.theta, found.registers.threshold / found.scale
        return (straight_through(self._alpha, found.registers.alpha), straight_through(self.beta, found.registers.beta),
                straight_through(learned, theta) if isinstance(learned, Tensor) else theta)

    def current(self, spikes: Tensor, binary: bool = False) -> Tensor:
        """Input current ``(T, B, ...)`` of the neurons; time is folded into the batch.

        The weights are used on a grid on which every sum of them is exact, so the current does not depend on how
        many steps or recordings are computed together. Under ``torch.autocast`` the sums are rounded, as a training may
        have it, and the neurons go on in the weights' own precision.

        Args:
            spikes: ``(T, B, ...)`` of ``input_shape``.
            binary: They are whole numbers from 0 to 255 for sure; less is then kept for the backward pass.
        """
        return self._current(spikes, self.used().weight, binary)

    def _current(self, spikes: Tensor, weight: Tensor, binary: bool) -> Tensor:
        if self.graded:
            return by_digits(lambda digit: self._sums(digit, weight, binary), spikes)
        return self._sums(spikes, weight, binary)

    def _sums(self, spikes: Tensor, weight: Tensor, binary: bool) -> Tensor:
        steps, batch = spikes.shape[:2]
        if self.spec.kind == "dense":
            return connect(spikes.flatten(2), weight, binary).to(weight.dtype)
        folded = spikes.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        window = Window(self.spec.stride, self.spec.padding, self.spec.dilation)
        return convolve(folded, weight, window, binary).unflatten(0, (steps, batch)).to(weight.dtype)

    def forward(self, spikes: Tensor, state: CubaState | None = None,
                binary: bool = False) -> tuple[Tensor, CubaState]:
        """Spikes of this layer, membranes if it does not fire, and its state after the last step.

        Args:
            spikes: ``(T, B, ...)`` of ``input_shape``.
            state: State before the first step; None starts fresh.
            binary: As in ``current``.

        Returns:
            ``(spikes (T, B, ...), state)``.
        """
        if self.arithmetic == "integer":
            return self._in_integers(spikes, state, binary)
        used = self.used()
        current = self._current(spikes, used.weight, binary)
        if not self.spec.fires:
            return integrate_membrane(current, state, used.alpha, used.beta, self.name)
        # Nobody else sees this current, so the native neurons may write over it.
        words: dict[str, Any] = {"in_place": True} if self.neuron.form in NATIVE else {}
        return self._form(current, state, used.alpha, used.beta, used.theta, self.name, **words)

    def _in_integers(self, spikes: Tensor, state: CubaState | None, binary: bool) -> tuple[Tensor, CubaState]:
        found = self.integers()
        weight = straight_through(self.weight, found.weight, found.scale)
        with torch.autocast(weight.device.type, enabled=False):
            # Beyond 2^24 single precision skips whole numbers.
            exact = float(found.weight.abs().flatten(1).sum(1).max()) < 1 << 24
            inputs = spikes.to(weight.dtype)
            current = self._sums(inputs, weight, binary) if exact else self._sums(
                inputs.double(), weight.double(), binary).to(weight.dtype)
        alpha, beta, theta = self._on_grid(found)
        neuron = IntegerNeuron(found.registers, found.scale, self.neuron.surrogate, self.neuron.slope)
        return integer_scan(current, state, alpha, beta, torch.as_tensor(theta).to(weight), neuron, self.name)

    def extra_repr(self) -> str:
        return f"{self.name}: {self.input_shape} -> {self.output_shape}"


def exact_weights(weight: Tensor) -> Tensor:
    """``weight`` rounded so that any sum of a neuron's weights is exact; the gradient passes unchanged.

    Rounded to multiples of the smallest power of two for which a neuron's weights sum to fewer than 2^23 of them (2^52
    in double precision). On spikes of 0 and 1 the order of summation then changes nothing: chunked equals whole and
    batched equals single, spike for spike. About 15 bits of the largest weights remain. Counts: see ``by_digits``.

    Args:
        weight: ``(outputs, ...)``.
    """
    bits = 23 if weight.dtype == torch.float32 else 52
    total = float(weight.detach().abs().flatten(1).sum(1).max()) if weight.numel() else 0.0
    if weight.dtype not in (torch.float32, torch.float64) or not math.isfinite(total) or total < 1e-30:
        return weight
    step = 2.0 ** (math.frexp(total)[1] - bits)
    kept = weight.detach()
    return weight + (torch.round(kept / step) * step - kept)


def _logit(value: float, shape: Shape) -> Tensor:
    return torch.logit(torch.full(shape, value, dtype=torch.float64)).to(torch.get_default_dtype())
