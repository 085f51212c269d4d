"""Whether the currents of a chip network stay within 24 bits: by a proof, else by watching them on recordings."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import NeuroferError
from neurofer.hardware.network import ChipNetwork
from neurofer.hardware.simulate import LayerPeaks, observe
from neurofer.progress import progress
from neurofer.spiking.registers import STATE_LIMIT

if TYPE_CHECKING:
    from neurofer.train.run_folder import Run


def wrap_problems(network: ChipNetwork, peaks: Sequence[LayerPeaks] | None) -> list[str]:
    """Why a current may leave the chip's 24 bits, one sentence a layer; empty where none can or none did.

    Args:
        network: The chip network.
        peaks: What was observed on calibration data; None where there was none, so that only a proof counts.
    """
    found = []
    for number, layer in enumerate(network.layers):
        if layer.cannot_wrap:
            continue
        if peaks is None:
            found.append(f"{layer.name}: no proof that its current stays within 24 bits (give recordings to observe it "
                         "on with --data)")
        elif peaks[number].wraps:
            found.append(f"{layer.name}: its current wrapped {peaks[number].wraps} times on calibration recordings, "
                         f"peak {peaks[number].peak_current} of {STATE_LIMIT} (train with a smaller snn.alpha)")
    return found


def joined_peaks(parts: Sequence[Sequence[LayerPeaks]]) -> tuple[LayerPeaks, ...]:
    """Observations of several recordings as one."""
    whole = tuple(parts[0])
    for part in parts[1:]:
        whole = tuple(one.joined(other) for one, other in zip(whole, part, strict=True))
    return whole


def watched(network: ChipNetwork, run: Run | None, data: Path | None, most: int,
            cache: Path | None) -> tuple[LayerPeaks, ...] | None:
    """How near the currents come to 24 bits on recordings of a store; None where a proof makes that needless, or where
    no store is there.

    Of a run, its training recordings are watched; of a chip network alone, or a run whose training data nobody knows,
    any recordings of a store that is named.

    Args:
        network: The chip network.
        run: Where it comes from, if that is known.
        data: The store; by default the run's own.
        most: How many recordings, spread evenly over them.
        cache: Where to keep network inputs; beside the store by default.

    Raises:
        NeuroferError: the store holds other data than the run was trained on.
        BadFileError: the store or a recording cannot be used.
    """
    if all(layer.cannot_wrap for layer in network.layers):
        return None
    place = data or (Path(run.config.data) if run is not None and run.config.data else None)
    if place is None or (data is None and not place.exists()):
        return None
    return joined_peaks([observe(network, spikes) for spikes in _recordings(network, run, place, most, cache)])


def _recordings(network: ChipNetwork, run: Run | None, place: Path, most: int,
                cache: Path | None) -> Iterator[NDArray[np.uint8]]:
    """Input spikes ``(T, 1, C, H, W)``, recording by recording."""
    from neurofer.data.cache import usable_cache
    from neurofer.data.partition import Partition
    from neurofer.data.store import open_store
    from neurofer.train.data import chosen_label
    from neurofer.train.spikes import clip_spikes

    clip_set = open_store(place)
    clips = np.arange(len(clip_set.clips))
    if run is not None and (trained_on := run.card["data"]["digest"]) is not None:
        if clip_set.digest != trained_on:
            raise NeuroferError(f"{place}: holds other data ({clip_set.digest[:12]}) than {run.path} was trained on "
                                f"({trained_on[:12]}); name its store with --data")
        clip_set = chosen_label(clip_set, run.config.label)
        protocol = run.card["protocol"]
        clips = Partition.of_record(clip_set, protocol["name"], protocol["split"]).numbers(clip_set, "train")
    chosen = clips[np.linspace(0, len(clips) - 1, min(len(clips), most)).astype(int)]
    with tempfile.TemporaryDirectory(prefix="neurofer-") as spare:
        rows = clip_spikes(clip_set, network.dt_us, network.input_shape[1], usable_cache(cache, place, Path(spare)))
        for clip in progress(chosen.tolist(), unit="recording", desc="watch for wrapping"):
            yield rows.spikes(int(clip)).dense()[:, None]
        del rows  # its memory maps may lie in the folder that goes
