"""A Lava process that writes the spikes it receives into a file, step by step.

Lava's own sink hands its memory over number by number, 16 us each: 7 s for 54 steps of 32 x 32 x 8 neurons, where the
steps themselves take 0.4 s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurofer.hardware.lava._compat import lava_imports

with lava_imports():
    from lava.magma.core.decorator import implements, requires, tag
    from lava.magma.core.model.py.model import PyLoihiProcessModel
    from lava.magma.core.model.py.ports import PyInPort
    from lava.magma.core.model.py.type import LavaPyType
    from lava.magma.core.process.ports.ports import InPort
    from lava.magma.core.process.process import AbstractProcess
    from lava.magma.core.resources import CPU
    from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class SpikeRecorder(AbstractProcess):
    """Writes whether there was a spike, as an ``.npy`` file of ``(steps, *shape)`` uint8, whole when the run is.

    Attributes:
        a_in: Port of ``shape``.

    Args:
        path: Of the file, which is made at once, all zeros.
        shape: Of the port connected to ``a_in``.
        steps: That will be run, at most.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], steps: int) -> None:
        super().__init__(path=str(path))
        np.save(path, np.zeros((steps, *shape), np.uint8), allow_pickle=False)  # a full disk is told here
        self.a_in = InPort(shape=shape)


@implements(proc=SpikeRecorder, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class SpikeRecorderModel(PyLoihiProcessModel):
    """Runs in a process of its own, on the host."""

    a_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        self._spikes = np.lib.format.open_memmap(proc_params["path"], mode="r+")

    def run_spk(self) -> None:
        """Write one step."""
        self._spikes[self.time_step - 1] = self.a_in.recv() != 0
