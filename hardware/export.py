"""From a trained run to a chip network that is known to be the same: made, watched for wrapping, compared, fitted."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.hardware.chip_file import read_chip
from neurofer.hardware.network import ChipNetwork
from neurofer.hardware.quantise import (
    CannotSay,
    LayerAgreement,
    Reading,
    agreement,
    chip_network,
    joined_peaks,
    spiking_chain,
    wrap_problems,
)
from neurofer.hardware.simulate import LayerPeaks, observe, simulate
from neurofer.progress import progress

if TYPE_CHECKING:
    from neurofer.spiking.network import SpikingNetwork
    from neurofer.train.run_folder import Run

STEPS, RECORDINGS, RATE = 50, 2, 0.1
"""Random input on which every export is compared with the network it was made from."""


@dataclass(frozen=True)
class Exported:
    """A chip network and what is known of it.

    Attributes:
        network: The chip network.
        compared: Its spikes beside those of the trained network on random input, by layer; None where it does not come
            from a run.
        peaks: How near its currents came to wrapping on training recordings; None where a proof made that needless.
    """

    network: ChipNetwork
    compared: tuple[LayerAgreement, ...] | None = None
    peaks: tuple[LayerPeaks, ...] | None = None


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


def export_chip(source: Run | ChipNetwork, target: str, *, after_training: bool = False, data: Path | None = None,
                recordings: int = 64, cache: Path | None = None) -> Exported:
    """The chip network of a run, or one that is a chip network already, for a chip.

    Args:
        source: From ``open_source``.
        target: A key of ``neurofer.hardware.limits.CHIPS``.
        after_training: Round a network that was trained in float numbers.
        data: Store whose training recordings tell whether a current wraps; by default the run's own.
        recordings: How many of them are looked at, where no proof makes it needless.
        cache: Where to keep network inputs; beside the store by default.

    Raises:
        CannotSay: every reason, by layer.
        NeuroferError: the run is no spiking one, or the chip network fires other spikes than it.
        BadFileError: the store cannot be used.
    """
    if isinstance(source, ChipNetwork):
        return Exported(_checked_wrapping(replace(source, target=target), None))
    run = source
    if run.card.get("backend") != "snn":
        raise UsageError(f"{run.path}: is no spiking run, so no chip can run it; export it with --target onnx")
    chain = spiking_chain(run.model, target)
    made = chip_network(chain, Reading.of_card(run.card), target, after_training=after_training, source=_said_of(run))
    compared = compare_with_trained(chain, made)
    peaks = None
    if not all(layer.cannot_wrap for layer in made.layers):
        spikes = training_spikes(run, data, recordings, cache)
        peaks = None if spikes is None else joined_peaks([observe(made, one) for one in spikes])
    return Exported(_checked_wrapping(made, peaks), compared, peaks)


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


def training_spikes(run: Run, data: Path | None, most: int, cache: Path | None) -> Iterator[NDArray[np.uint8]] | None:
    """Input spikes ``(T, 1, C, H, W)`` of training recordings, spread evenly; None where the store is not there.

    Of a run whose training data nobody knows, an imported one, any recordings of a store that is named.

    Args:
        run: Whose training part.
        data: Its store; by default where its configuration says.
        most: How many.
        cache: Where to keep network inputs.

    Raises:
        NeuroferError: the store holds other data than the run was trained on.
    """
    from neurofer.data.store import open_store

    place = data or (Path(run.config.data) if run.config.data else None)
    if place is None or (data is None and not place.exists()):
        return None
    clip_set = open_store(place)
    trained_on = run.card["data"]["digest"]
    if trained_on is not None and clip_set.digest != trained_on:
        raise NeuroferError(f"{place}: holds other data ({clip_set.digest[:12]}) than {run.path} was trained on "
                            f"({trained_on[:12]}); name its store with --data")
    return _prepared_spikes(run, place, most, cache)


def _prepared_spikes(run: Run, place: Path, most: int, cache: Path | None) -> Iterator[NDArray[np.uint8]]:
    from neurofer.data.cache import usable_cache
    from neurofer.data.partition import Partition
    from neurofer.data.store import open_store
    from neurofer.train.data import chosen_label, prepare
    from neurofer.train.spike_rows import SpikeRows

    clip_set = chosen_label(open_store(place), run.config.label)
    protocol = run.card["protocol"]
    partition = Partition.of_record(clip_set, protocol["name"], protocol["split"])
    with tempfile.TemporaryDirectory(prefix="neurofer-") as spare:
        prepared = prepare(run.config, clip_set, partition, usable_cache(cache, place, Path(spare)))
        known = run.card["data"]["digest"] is not None
        rows, clips = prepared.rows, prepared.numbers["train"] if known else np.arange(len(clip_set.clips))
        if not isinstance(rows, SpikeRows):
            raise TypeError(f"training_spikes: need spikes of steps, got {type(rows).__name__}")
        chosen = clips[np.linspace(0, len(clips) - 1, min(len(clips), most)).astype(int)]
        for clip in progress(chosen.tolist(), unit="recording", desc="watch for wrapping"):
            yield rows.spikes(int(clip)).dense()[:, None]
        del prepared, rows


def _checked_wrapping(network: ChipNetwork, peaks: Sequence[LayerPeaks] | None) -> ChipNetwork:
    if problems := wrap_problems(network, peaks):
        raise CannotSay(network.target, problems)
    return network


def _said_of(run: Run) -> dict[str, str]:
    from neurofer import __version__

    card: dict[str, Any] = run.card
    return {"run": run.path.name, "run_digest": str(card["digest"]), "neurofer": __version__,
            "licence": str(card.get("licence") or "")}
