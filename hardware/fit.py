"""How a chip network lies on Loihi 1 or Loihi 2: estimated from its shapes, measured nowhere.

What is known for sure refuses, what is second-hand or inferred warns; see ``neurofer.hardware.limits`` for the grades.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurofer.hardware.fit_advice import Proposal, cheaper, refusals, warnings
from neurofer.hardware.layer_fit import LayerFit, Number, known, layer_fits, total
from neurofer.hardware.limits import CHIPS, Chip
from neurofer.hardware.network import ChipNetwork
from neurofer.spiking.layer_size import LayerSize


@dataclass(frozen=True)
class Fit:
    """A network on a chip.

    Attributes:
        target: Key of the chip, ``loihi1`` or ``loihi2``.
        chip: Its limits.
        layers: From the input on.
        refusals: What no number of cores can meet, for sure; empty if it fits.
        warnings: What may go wrong, each with its grade.
        proposals: Changes of the layers that would take fewer cores, most first.
    """

    target: str
    chip: Chip
    layers: tuple[LayerFit, ...]
    refusals: tuple[str, ...]
    warnings: tuple[str, ...]
    proposals: tuple[Proposal, ...]

    @property
    def cores(self) -> Number:
        """Of all layers that fit."""
        return total([one.cores for one in self.layers if one.fits])

    @property
    def chips(self) -> Number:
        """That have so many cores."""
        cores, each = self.cores, self.chip.cores_per_chip
        return Number(-(-cores.low // known(each)), -(-cores.high // known(each)), max(cores.grade, each.grade),
                      each.source)

    @property
    def neurons(self) -> Number:
        """Of all layers."""
        return total([one.neurons for one in self.layers])

    @property
    def weights(self) -> Number:
        """Of all layers, kernels once."""
        return total([one.weights for one in self.layers])

    @property
    def connections(self) -> Number:
        """Of all layers."""
        return total([one.connections for one in self.layers])

    @property
    def weight_bits(self) -> Number:
        """Of all layers, 8 bits a weight, kernels once."""
        return total([one.weight_bits for one in self.layers])

    @property
    def stored_bits(self) -> Number:
        """Synapse memory that the layers that fit fill on all their cores."""
        return total([one.stored_bits for one in self.layers if one.fits])

    @property
    def state_bits(self) -> Number:
        """u and v of all neurons."""
        return total([one.state_bits(self.chip) for one in self.layers])


def fit(network: ChipNetwork, chip: Chip | str | None = None) -> Fit:
    """How a network lies on a chip, by default the one that it was made for.

    Args:
        network: What was exported.
        chip: Its key in ``CHIPS``, or its limits.

    Raises:
        ValueError: an unknown chip.
    """
    target, limits = _chip(chip or network.target)
    fits = layer_fits(target, limits, network_sizes(network))
    proposals = cheaper(target, limits, fits)
    return Fit(target, limits, tuple(fits), tuple(refusals(target, limits, fits)),
               tuple(warnings(target, limits, fits, proposals)), tuple(proposals))


def network_sizes(network: ChipNetwork) -> list[LayerSize]:
    """Shapes of the layers."""
    found = []
    for layer, shape in zip(network.layers, network.shapes, strict=False):
        rows_columns = layer.weight.shape[2:]
        conv = ((rows_columns, layer.stride, layer.padding, layer.dilation) if layer.kind == "conv" else ())
        found.append(LayerSize(layer.name, layer.kind, shape, layer.outputs, *conv))
    return found


def _chip(chip: Chip | str) -> tuple[str, Chip]:
    """Key and limits of a chip."""
    for key, limits in CHIPS.items():
        if chip == key:
            return key, limits
        if isinstance(chip, Chip) and chip.name == limits.name:
            return key, chip
    raise ValueError(f"fit: no chip {chip if isinstance(chip, str) else chip.name!r}; choose one of {', '.join(CHIPS)}")
