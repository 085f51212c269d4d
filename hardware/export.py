"""From a trained run to a chip network that is known to be the same: made, compared, watched for wrapping, fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.hardware.agreement import LayerAgreement, agreement
from neurofer.hardware.calibration import watched, wrap_problems
from neurofer.hardware.chip_file import read_chip
from neurofer.hardware.fit import Fit, fit
from neurofer.hardware.network import CURRENTS, ChipNetwork
from neurofer.hardware.quantise import CannotSay, Reading, chip_network, spiking_chain
from neurofer.hardware.simulate import LayerPeaks, simulate

if TYPE_CHECKING:
    from neurofer.spiking.network import SpikingNetwork
    from neurofer.train.run_folder import Run

STEPS, RECORDINGS, RATE = 50, 2, 0.1
"""Random input on which every export is compared with the network it was made from."""

PROVED, WATCHED = "proved to stay within 24 bits", "none wrapped on calibration recordings"


@dataclass(frozen=True)
class Exported:
    """A chip network and what is known of it.

    Attributes:
        network: The chip network.
        lies: How it lies on its chip.
        compared: Its spikes beside those of the trained network on random input, by layer; None where it does not come
            from a run.
        peaks: How near its currents came to wrapping on recordings; None where nobody had to look, or could.
        problems: Why it must not be written, by layer; empty where it may.
    """

    network: ChipNetwork
    lies: Fit
    compared: tuple[LayerAgreement, ...] | None
    peaks: tuple[LayerPeaks, ...] | None
    problems: tuple[str, ...]

    def required(self) -> ChipNetwork:
        """The chip network, if it may be written.

        Raises:
            CannotSay: every reason why not, by layer.
        """
        if self.problems:
            raise CannotSay(self.network.target, self.problems)
        return self.network


def open_source(path: Path) -> Run | ChipNetwork:
    """What can be exported: a run folder, a chip network (HDF5) or a NIR graph that was exported from one (``.nir``).

    Raises:
        BadFileError: none of these, or broken.
    """
    if path.is_dir():
        from neurofer.train.run_folder import load_run

        return load_run(path)
    if path.suffix == ".nir":
        from neurofer.hardware.nir import read_nir_chip

        return read_nir_chip(path)
    if not path.exists():
        raise BadFileError(f"{path}: no such run folder, chip network or NIR file")
    return read_chip(path)


def examine(source: Run | ChipNetwork, target: str, *, after_training: bool = False, data: Path | None = None,
            recordings: int = 64, cache: Path | None = None) -> Exported:
    """The chip network of a run, or one that is a chip network already, and what stands against it on a chip.

    Args:
        source: From ``open_source``.
        target: A key of ``neurofer.hardware.limits.CHIPS``.
        after_training: Round a network that was trained in float numbers.
        data: Store whose recordings tell whether a current wraps; by default the run's own.
        recordings: How many of them are looked at, where no proof makes it needless.
        cache: Where to keep network inputs; beside the store by default.

    Raises:
        CannotSay: nothing can be made of it; every reason, by layer.
        UsageError: the run is no spiking one.
        NeuroferError: the chip network fires other spikes than the run, or the store holds other data than it.
        BadFileError: the store cannot be used.
    """
    compared, run = None, None
    if isinstance(source, ChipNetwork):
        made = replace(source, target=target)
    else:
        run = source
        if run.card.get("backend") != "snn":
            raise UsageError(f"{run.path}: is no spiking run, so no chip can run it; export it with --target onnx")
        chain = spiking_chain(run.model, target)
        made = chip_network(chain, Reading.of_card(run.card), target, after_training=after_training,
                            source=_said_of(run))
        compared = compare_with_trained(chain, made)
    # The same integers were exported before, and nobody wants to look again.
    known = run is None and data is None and made.source.get(CURRENTS) == WATCHED
    peaks = None if known else watched(made, run, data, recordings, cache)
    wrapping = () if known else tuple(wrap_problems(made, peaks))
    if not known and not wrapping:
        made = replace(made, source={**made.source, CURRENTS: PROVED if peaks is None else WATCHED})
    lies = fit(made, target)
    return Exported(made, lies, compared, peaks, (*lies.refusals, *wrapping))


def export_chip(source: Run | ChipNetwork, target: str, *, after_training: bool = False, data: Path | None = None,
                recordings: int = 64, cache: Path | None = None) -> Exported:
    """As ``examine``, of a network that may be written.

    Raises:
        CannotSay: it may not; every reason, by layer.
    """
    found = examine(source, target, after_training=after_training, data=data, recordings=recordings, cache=cache)
    found.required()
    return found


def compare_with_trained(trained: SpikingNetwork, network: ChipNetwork) -> tuple[LayerAgreement, ...]:
    """Spikes of a trained network and of its chip network on random input.

    Raises:
        NeuroferError: a network trained in integers fires otherwise than its chip network.
    """
    import torch

    shape = (STEPS, RECORDINGS, *network.input_shape)
    spikes = (np.random.default_rng(0).random(shape) < RATE).astype(np.uint8)
    with torch.no_grad():
        fired = [trace.cpu().numpy() for trace in trained.eval().activity(torch.from_numpy(spikes))[0]]
    found = agreement([layer.name for layer in network.layers], fired, simulate(network, spikes)[0])
    exact = all(layer.neuron.quantise for layer in trained.spiking_layers())
    if exact and (wrong := [one for one in found if one.different]):
        step, recording, neuron = wrong[0].first or (0, 0, 0)
        raise NeuroferError("export: the chip network fires otherwise than the trained one, first in "
                            f"{wrong[0].name} at step {step}, recording {recording}, neuron {neuron}; nothing was "
                            "written, please report it")
    return tuple(found)


def _said_of(run: Run) -> dict[str, str]:
    from neurofer import __version__

    card: dict[str, Any] = run.card
    return {"run": run.path.name, "run_digest": str(card["digest"]), "neurofer": __version__,
            "licence": str(card.get("licence") or "")}
