"""A NIR neuron node as decays, and one factor on its input weights, of a neuron with threshold 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurofer.spiking.nir_file import NirNode
from neurofer.spiking.parameter_maps import CubaParameters, NirParameters, from_nir

Numbers = NDArray[np.float64]
Tell = Callable[[str], None]
"""Takes one finding, ``what (remedy)``."""

NEURONS = {
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"),
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
}
"""Kinds that have a native neuron, and the numbers each must have."""

ROUNDING = 2e-6
"""Decays below it are 0 and thresholds so near 1 are 1: time constants are written in single precision."""


@dataclass(frozen=True)
class NirNeuron:
    """Neurons of a layer.

    Attributes:
        alpha: Decay of the current, ``()`` or one a channel.
        beta: Decay of the membrane, likewise.
        theta: Threshold, likewise, for the weights as they are; weights divided by it go with threshold 1.
    """

    alpha: Numbers
    beta: Numbers
    theta: Numbers


def neuron_of_node(node: NirNode, shape: tuple[int, ...], dt_s: float, whole_current: bool, tell: Tell
                   ) -> NirNeuron | None:
    """The neurons of a LIF or CubaLIF node; None if there is a finding.

    Args:
        node: The node.
        shape: Of the neurons, (C, H, W) or (N,).
        dt_s: Step that its time constants go with.
        whole_current: Where ``w_in`` is 1, the input reaches the current whole, as in norse's LIFCell, which writes no
            ``w_in``; by NIR it would be scaled by ``dt / tau_syn``.
        tell: Takes what is wrong.
    """
    found = _numbers(node, shape, tell)
    if found is None:
        return None
    tau_syn = found.get("tau_syn", np.array(dt_s))
    w_in = found.get("w_in", np.ones(()))
    if "tau_syn" not in found or (whole_current and bool(np.all(w_in == 1))):
        w_in = tau_syn / dt_s
    tau_mem = found["tau_mem"] if "tau_mem" in found else found["tau"]
    wrong = [name for name, values in (("tau_syn", tau_syn), ("tau_mem", tau_mem), ("r", found["r"]), ("w_in", w_in),
                                       ("v_threshold", found["v_threshold"])) if not np.all(values > 0)]
    if wrong:
        tell(f"{', '.join(wrong)} must be above 0 (a neuron of positive numbers)")
        return None
    with np.errstate(all="ignore"):  # what is not finite is told below
        cuba = from_nir(NirParameters(tau_syn, tau_mem, found["r"], w_in, found["v_threshold"]), dt_s)  # type: ignore[arg-type]  # noqa: E501
    return _within(cuba, shape, dt_s, tell)


def _numbers(node: NirNode, shape: tuple[int, ...], tell: Tell) -> dict[str, Numbers] | None:
    """All numbers of a node by name, in the shape of the neurons or ``()``."""
    needed = NEURONS[node.kind]
    absent = [name for name in needed if name not in node.fields]
    if absent:
        tell(f"{node.kind} without {', '.join(absent)} (write it again with nir.write)")
        return None
    found: dict[str, Numbers] = {}
    failed = False
    for name in (*needed, "v_reset", "w_in"):
        if (values := node.fields.get(name)) is None:
            continue
        fitted = None if isinstance(values, str) else _fitted(np.asarray(values, np.float64), shape)
        if fitted is None or not np.isfinite(fitted).all():
            told = "text" if isinstance(values, str) else f"{values.shape}" if fitted is None else "not finite"
            tell(f"{name} is {told}, the neurons are {shape} (one finite number, or one for each)")
            failed = True
        else:
            found[name] = fitted
    for name in ("v_leak", "v_reset"):
        if name in found and bool(np.any(found[name] != 0)):
            tell(f"{name} is not 0 (shift the potential so that rest and reset are 0)")
            failed = True
    return None if failed else found


def _fitted(values: Numbers, shape: tuple[int, ...]) -> Numbers | None:
    """Values of the neurons' shape, of one for each channel, or a single one; None if they are none of these."""
    if values.size == 1:
        return values.reshape(())
    while values.ndim > len(shape) and values.shape[0] == 1:
        values = values[0]
    if values.shape not in (shape, (*shape[:1], *(1 for _ in shape[1:]))):
        return None
    return values


def _within(cuba: CubaParameters, shape: tuple[int, ...], dt_s: float, tell: Tell) -> NirNeuron | None:
    """One number for each layer or channel, if they are decays and thresholds that the native neuron knows."""
    found = []
    for name, values in (("tau_syn", cuba.alpha), ("tau_mem", cuba.beta), ("v_threshold", cuba.theta)):
        each = _by_channel(np.asarray(values, np.float64), shape)
        if each is None:
            tell(f"{name} differs between the neurons of a channel (one for a layer or a channel)")
        else:
            found.append(each)
    if len(found) < 3:
        return None
    alpha, beta, theta = found
    alpha = np.where(np.abs(alpha) < ROUNDING, 0.0, alpha)
    theta = np.where(np.abs(theta - 1) < ROUNDING, 1.0, theta)
    wrong = []
    if np.any(alpha < 0) or np.any(beta < -ROUNDING):
        wrong.append(f"a time constant below the step of {dt_s:g} s (is the step right? see --graph-dt)")
    elif np.any(beta < ROUNDING):
        wrong.append(f"tau_mem is the step of {dt_s:g} s, so the membrane keeps nothing (a longer tau_mem; is the step "
                     "right? see --graph-dt)")
    if max(np.float32(alpha.max()), np.float32(beta.max())) >= 1:
        wrong.append(f"no leak in steps of {dt_s:g} s (shorter time constants; is the step right? see --graph-dt)")
    if not (np.isfinite(theta).all() and np.all(theta > 0)):
        wrong.append("a threshold that is not above 0 or not finite in units of the input (other r, w_in, v_threshold)")
    for what in wrong:
        tell(what)
    return None if wrong else NirNeuron(alpha, beta, theta)


def _by_channel(values: Numbers, shape: tuple[int, ...]) -> Numbers | None:
    if values.size == 1 or bool(np.all(values == values.flat[0])):
        return np.asarray(values.flat[0])
    if values.ndim == 0:
        return values
    first = values.reshape(shape[0], -1)
    return first[:, 0].copy() if bool(np.all(first == first[:, :1])) else None
