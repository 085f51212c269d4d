"""A chip network as a Lava process, to be placed in a graph: event spikes in, class spikes out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurofer.hardware.chip_file import read_chip
from neurofer.hardware.lava._compat import lava_imports

with lava_imports():
    from lava.lib.dl import netx
    from lava.magma.core.decorator import implements, requires, tag
    from lava.magma.core.model.sub.model import AbstractSubProcessModel
    from lava.magma.core.process.ports.ports import InPort, OutPort
    from lava.magma.core.process.process import AbstractProcess
    from lava.magma.core.resources import CPU
    from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class EventClassifier(AbstractProcess):
    """The network of a chip file: one bit per pixel and polarity in, one per class out, at every step.

    Run it with a run configuration that selects ``fixed_pt``. The answer to a step leaves ``delay`` steps later. Like
    every Lava process it runs once from its start; make another for another recording.

    Attributes:
        s_in: Port of ``(width, height, channels)``, channel 0 OFF, 1 ON; in this order also when the network begins
            with a dense layer.
        s_out: Port of ``(classes,)``.
        layers: Blocks of netx, first to last; ``layers[i].out`` sends the spikes of a layer, ``(width, height,
            channels)`` or ``(neurons,)``, and may be connected further.
        delay: Steps from an input to its answer, one for each layer.

    Args:
        chip_file: Written by ``neurofer export``.
        check: Whether to read and check the whole file first.
        options: For ``AbstractProcess``, such as ``name``.

    Raises:
        BadFileError: the file is no chip network, was altered, or holds what no chip can.
    """

    def __init__(self, chip_file: Path | str, *, check: bool = True, **options: Any) -> None:
        super().__init__(**options)
        if check:
            read_chip(chip_file)
        self._net = netx.hdf5.Network(net_config=str(chip_file))
        self._net.net_config.f.close()
        self.layers = self._net.layers
        self.delay = len(self.layers)
        self.s_in = InPort(shape=_plain(self._net.input_shape))
        self.s_out = OutPort(shape=_plain(self._net.out.shape))
        flat = len(self._net.inp.shape) == 1
        # netx flattens between layers only; a dense layer's weights are in the order (C, H, W).
        (self.s_in.transpose([2, 1, 0]).flatten() if flat else self.s_in).connect(self._net.inp)
        self._net.out.connect(self.s_out)


@implements(proc=EventClassifier, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class EventClassifierModel(AbstractSubProcessModel):
    """Runs as the processes that the network consists of."""

    def __init__(self, proc: AbstractProcess) -> None:
        """Nothing more: the process is wired already."""


def _plain(shape: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(int(size) for size in shape)
