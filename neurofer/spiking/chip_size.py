"""What of a spiking network no number of a chip's cores can hold, from its shapes alone; imports no torch.

Training asks ``chip_problems`` before the first epoch; the fit report of an exported network counts with the same
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from neurofer.spiking.layer_size import LayerSize, Shape, layer_sizes, stride_words, with_double_stride, with_one_more

if TYPE_CHECKING:
    from neurofer.spiking.layers import LayerSpec

WEIGHT_BITS = 8
"""Of a weight, sign included: the even integers -256..254."""


class SureCore(NamedTuple):
    """What one core holds, each number fixed in public code that programs the chip.

    Attributes:
        chip: Its name.
        neurons: Compartments.
        synapse_bits: Memory of weights.
        axons_in: Input axons; a neuron needs all of its own on its core.
        axons_out: Output axons.
    """

    chip: str
    neurons: int
    synapse_bits: int
    axons_in: int
    axons_out: int


SURE_CORES = {"loihi1": SureCore("Loihi 1", 1024, 16_384 * 64, 4096, 4096)}
"""By target; of Loihi 2 no such number is public, so no network is too large for sure.

Source:
    nengo_loihi 1.1 ``block.py``.
"""


def chip_problems(target: str, specs: Sequence[LayerSpec], input_shape: Shape) -> list[str]:
    """What of a network no number of cores of a chip can hold, each as ``layer: what (remedy)``; empty if all fits.

    Only what is known for sure refuses; of Loihi 2 nothing is, so its answer is always empty.

    Args:
        target: ``loihi1`` or ``loihi2``.
        specs: Layers from the input on that fit together.
        input_shape: ``(channels, height, width)`` of one step.
    """
    from neurofer.spiking.network import layer_names

    return size_problems(target, layer_sizes(zip(layer_names(specs), specs, strict=True), input_shape))


def size_problems(target: str, sizes: Sequence[LayerSize]) -> list[str]:
    """As ``chip_problems``, of sizes."""
    core = SURE_CORES.get(target)
    if core is None:
        return []
    return [f"{size.name}: {what} ({_remedy(sizes, number, core)})"
            for number, size in enumerate(sizes) if (what := _too_large(size, core))]


def axons_of_a_neuron(size: LayerSize) -> int:
    """Input axons that one neuron needs on its core; the channels of a pixel share one, as a population."""
    return size.inputs if size.kind == "dense" else size.fan_in // size.shape_in[0]


def _too_large(size: LayerSize, core: SureCore) -> str:
    """Why one neuron of the layer cannot be on a core; empty if it can."""
    if (axons := axons_of_a_neuron(size)) > core.axons_in:
        return (f"each neuron needs {axons:,} input axons on its core, and a core of {core.chip} has "
                f"{core.axons_in:,}")
    if (bits := size.fan_in * WEIGHT_BITS) > core.synapse_bits:
        return (f"the weights of one neuron are {bits:,} bits, and a core of {core.chip} has {core.synapse_bits:,} "
                "for synapses")
    return ""


def _remedy(sizes: Sequence[LayerSize], number: int, core: SureCore) -> str:
    """The smallest change of the layers before that lets the neurons of a layer onto a core."""
    if sizes[number].kind == "conv":
        return "a smaller kernel, or fewer channels before it"
    words = fewer_inputs(sizes, number, lambda size: not _too_large(size, core))
    if words:
        return words
    if number == 0:
        return f"at most {core.axons_in:,} inputs"
    before = sizes[number - 1]
    return f"at most {core.axons_in:,} {'channels' if before.kind == 'conv' else 'neurons'} in {before.name}"


def fewer_inputs(sizes: Sequence[LayerSize], number: int, enough: Callable[[LayerSize], bool]) -> str:
    """The smallest change of strides after which a dense layer passes; empty if there is none.

    First one stride doubled, the last layer's before the first one's; then as many as skip no input, and more layers.

    Args:
        sizes: Layers from the input on.
        number: Of the dense layer.
        enough: Whether the layer passes.

    Returns:
        ``"stride 2 in conv3 leaves 2,048 inputs"``.
    """
    convs = [earlier for earlier in reversed(range(number)) if sizes[earlier].kind == "conv"]
    for earlier in convs:
        changed = with_double_stride(sizes, earlier)
        if changed and enough(changed[number]):
            return f"{stride_words(changed[earlier])} leaves {changed[number].inputs:,} inputs"
    return _many_changes(sizes, number, convs, enough)


def _many_changes(sizes: Sequence[LayerSize], number: int, convs: Sequence[int],
                  enough: Callable[[LayerSize], bool]) -> str:
    changed, more = list(sizes), 0
    while not enough(changed[number + more]):
        larger = next(filter(None, (with_double_stride(changed, earlier) for earlier in convs)), None)
        if larger is None:
            larger = with_one_more(changed, number + more)
            more += 1
        if larger is None:
            return ""
        changed = larger
    words = [stride_words(changed[earlier]) for earlier in reversed(convs)
             if changed[earlier].stride != sizes[earlier].stride]
    if more:
        words.append(f"{'a conv layer' if more == 1 else f'{more} conv layers'} of stride 2 right before it")
    verb = "leaves" if len(words) == 1 and more < 2 else "leave"
    return f"{' and '.join(words)} {verb} {changed[number + more].inputs:,} inputs"
