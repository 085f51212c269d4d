"""Everything that runs the spiking network of a comparison, behind one protocol: spikes in, all layers' out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import UsageError
from neurofer.hardware.engines import GpuEngine, SimulateEngine

if TYPE_CHECKING:
    from neurofer.hardware.network import ChipNetwork
    from neurofer.spiking.network import SpikingNetwork

Spikes = NDArray[np.uint8]

TARGETS = {
    "torch": "the trained network itself, as evaluate runs it",
    "simulate": "the chip network in whole numbers, with numpy",
    "gpu": "the chip network in torch, many recordings side by side",
    "lava": "the chip file under Lava's fixed-point simulation",
}
"""What ``--targets`` takes; all are compared with the first one."""

REFERENCE = "torch"


class Target(Protocol):
    """Runs the spiking network somewhere.

    Attributes:
        name: A key of ``TARGETS``.
        where: Device, in words.
        keeps_state: Whether it goes on where it stopped; else it takes whole recordings alone.
    """

    name: str
    where: str
    keeps_state: bool

    def run(self, spikes: Spikes, state: Any = None) -> tuple[list[Spikes], Any]:
        """Spikes of every layer, and the state after the last step.

        Args:
            spikes: ``(T, B, C, H, W)`` zeros and ones.
            state: What an earlier call gave; None starts fresh.

        Returns:
            ``(traces, state)``: for each layer ``(T, B, *neurons)`` uint8, without the chip's delay.
        """
        ...

    def answer(self, spikes: Spikes, state: Any = None) -> tuple[Spikes, Any]:
        """As ``run``, of the last layer alone, ``(T, B, K)``: what a decision needs."""
        ...


class TorchTarget:
    """The trained network."""

    name, keeps_state = "torch", True

    def __init__(self, network: SpikingNetwork) -> None:
        from neurofer.train.processes import device_of

        self._network, self._device = network, device_of(network)
        self.where = f"torch, {self._device.type}"

    def run(self, spikes: Spikes, state: Any = None) -> tuple[list[Spikes], Any]:
        """See ``Target``."""
        import torch

        with torch.inference_mode():
            traces, state = self._network.activity(self._input(spikes), state)
        return [_bits(trace) for trace in traces], state

    def answer(self, spikes: Spikes, state: Any = None) -> tuple[Spikes, Any]:
        """See ``Target``."""
        import torch

        with torch.inference_mode():
            output, state = self._network(self._input(spikes), state)
        return _bits(output), state

    def _input(self, spikes: Spikes) -> Any:
        import torch

        return torch.from_numpy(spikes).to(self._device).float()


class EngineTarget:
    """The chip network on an engine that deployed networks run on."""

    keeps_state = True

    def __init__(self, name: str, engine: SimulateEngine | GpuEngine) -> None:
        self.name, self.where, self._engine = name, engine.where, engine

    def run(self, spikes: Spikes, state: Any = None) -> tuple[list[Spikes], Any]:
        """See ``Target``.

        Raises:
            NeuroferError: the memory of the GPU does not suffice.
        """
        return self._engine.run(spikes, state, every_layer=True)

    def answer(self, spikes: Spikes, state: Any = None) -> tuple[Spikes, Any]:
        """See ``Target``."""
        traces, state = self._engine.run(spikes, state)
        return traces[-1], state


class LavaTarget:
    """A chip file under Lava, in a process of its own; slow, and whole recordings alone."""

    name, where, keeps_state = "lava", "Lava's simulation of Loihi 2, cpu", False

    def __init__(self, chip_file: Path) -> None:
        self._file = chip_file

    def run(self, spikes: Spikes, state: Any = None) -> tuple[list[Spikes], None]:
        """See ``Target``.

        Raises:
            NeuroferError: Lava failed, or did not end in time.
            ValueError: a state came.
        """
        from neurofer.hardware.lava import run_lava_batch

        if state is not None:
            raise ValueError("lava: takes whole recordings from a fresh start, no state")
        each = run_lava_batch(self._file, list(spikes.swapaxes(0, 1)), layers="all")
        return [np.stack(layer, axis=1) for layer in zip(*each, strict=True)], None

    def answer(self, spikes: Spikes, state: Any = None) -> tuple[Spikes, None]:
        """See ``Target``."""
        return self.run(spikes, state)[0][-1], None


def chosen_targets(words: str) -> tuple[str, ...]:
    """The names in ``"torch,simulate,gpu"``; torch is always there and first.

    Raises:
        UsageError: an unknown name, or one given twice.
        MissingExtraError: lava is wanted and not installed.
    """
    names = [word.strip() for word in words.split(",") if word.strip()]
    unknown = [name for name in names if name not in TARGETS]
    twice = sorted({name for name in names if names.count(name) > 1})
    if unknown or twice or not names:
        said = f"{', '.join(unknown)} unknown" if unknown else f"{', '.join(twice)} given twice" if twice else "none"
        raise UsageError(f"--targets: {said}; name some of {', '.join(TARGETS)}")
    if "lava" in names:
        from neurofer.hardware.lava import require_lava

        require_lava()
    return (REFERENCE, *(name for name in names if name != REFERENCE))


def make_targets(names: Sequence[str], network: SpikingNetwork, chip: ChipNetwork, chip_file: Path,
                 device: str = "auto") -> list[Target]:
    """Targets by name, in the order given.

    Args:
        names: From ``chosen_targets``.
        network: The trained network.
        chip: The same as a chip network.
        chip_file: The same as a file.
        device: Of the gpu target, ``auto``, ``cpu`` or ``cuda``.

    Raises:
        UsageError: no such device.
    """
    make: dict[str, Any] = {
        "torch": lambda: TorchTarget(network), "lava": lambda: LavaTarget(chip_file),
        "simulate": lambda: EngineTarget("simulate", SimulateEngine(chip)),
        "gpu": lambda: EngineTarget("gpu", GpuEngine(chip, device, remedy="run it with --device cpu"))}
    return [make[name]() for name in names]


def _bits(spikes: Any) -> Spikes:
    """A tensor of zeros and ones as bytes on the host."""
    import torch

    return np.asarray(spikes.to(torch.uint8).cpu().numpy())
