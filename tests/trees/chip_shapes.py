"""Chip networks of given shapes, for what depends on shapes alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurofer.hardware.network import ChipLayer, ChipNetwork
from neurofer.spiking.layers import LayerSpec
from neurofer.spiking.network import layer_names


def chip_net(specs: Sequence[LayerSpec], shape: tuple[int, int, int] = (2, 8, 8)) -> ChipNetwork:
    """A network of these shapes, its weights all 2."""
    layers, here = [], tuple(shape)
    for name, spec in zip(layer_names(specs), specs, strict=True):
        kernel = spec.kernel if spec.kind == "conv" else ()
        inputs = here[0] if spec.kind == "conv" else int(np.prod(here))
        sides = (spec.stride, spec.padding, spec.dilation) if spec.kind == "conv" else ()
        layers.append(ChipLayer(name, spec.kind, np.full((spec.outputs, inputs, *kernel), 2, np.int16), 1024, 410, 500,
                                254.0, *sides))
        here = layers[-1].output_shape(here)
    return ChipNetwork(shape, tuple(layers), 1000, 50, 50_000, tuple(f"class {one}" for one in range(here[0])))
