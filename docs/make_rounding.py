"""Write the table of rounded spikes in ``docs/hardware.md``: ``python docs/make_rounding.py RUN STORE``.

How many spikes of a run trained with ``snn.quantise`` each other arithmetic fires otherwise than the chip, over the
test recordings of its store, by layer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from neurofer.data.cache import usable_cache
from neurofer.data.partition import Partition
from neurofer.data.store import open_store
from neurofer.spiking.network import SpikingNetwork
from neurofer.train.data import prepare
from neurofer.train.run_folder import load_run
from neurofer.train.snn import SnnTask


def main(run_folder: str, store: str) -> None:
    run, clip_set = load_run(run_folder), open_store(store)
    split = Partition.of_record(clip_set, run.card["protocol"]["name"], run.card["protocol"]["split"])
    prepared = prepare(run.config, clip_set, split, usable_cache(None, Path(store), Path(run_folder) / "cache"))
    network, task = run.model, prepared.task
    if not isinstance(network, SpikingNetwork) or not isinstance(task, SnnTask):
        raise SystemExit(f"{run_folder}: is no spiking run")
    layers = [layer.name for layer in network.spiking_layers()]
    fired, different, more = np.zeros(len(layers)), np.zeros((2, len(layers))), np.zeros((2, len(layers)))
    for clips in np.array_split(prepared.numbers["test"], 12):
        spikes = task.gather(clips).spikes
        with torch.no_grad():
            integers, _ = network.eval().activity(spikes)
            fired += [float(one.sum()) for one in integers]
            for place, arithmetic in enumerate(("fake", "none")):
                network.train().compute_in(arithmetic)  # type: ignore[arg-type]
                found, _ = network.activity(spikes)
                different[place] += [float((one != two).sum()) for one, two in zip(integers, found, strict=True)]
                more[place] += [float(two.sum() - one.sum()) for one, two in zip(integers, found, strict=True)]
        network.compute_in("fake")
    print("| layer | `fake`: on the grid, float state | `none`: float |\n|---|---|---|")
    per_cent = [100 * np.stack([different[place], more[place]]) / fired for place in (0, 1)]
    for number, name in enumerate(layers):
        shares = [f"{each[0, number]:.2g} % ({each[1, number]:+.2g} %)" for each in per_cent]
        print(f"| {name} | {' | '.join(shares)} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
