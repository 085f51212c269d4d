"""A network of another library, read through NIR, as a run folder: predicted with, compared and exported like any."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from neurofer.config import dump_config
from neurofer.errors import UsageError
from neurofer.evaluate.cost import parameter_count
from neurofer.files import atomic_folder, file_digest, write_text
from neurofer.spiking.nir_read import NirNetwork, read_nir
from neurofer.train import run_folder
from neurofer.train.checkpoint import save_weights
from neurofer.train.config import SnnConfig, TrainConfig

PROTOCOL = "imported; whom it was trained on is not known"
_SIZES_PX = (8, 256)


def import_nir_run(
    graph: Path, out: Path, classes: Sequence[str], dt_us: int | None = None, *, written_by: str = "nir",
    graph_dt_s: float | None = None, size_px: int | None = None, decision_us: int | None = None,
    readout_us: int | None = None, overwrite: bool = False,
) -> NirNetwork:
    """Make a run folder of a NIR graph.

    Args:
        graph: The file.
        out: Folder to make.
        classes: Names of the output neurons, in order.
        dt_us: Length of a step of events; by default ``dt_us`` of the graph's metadata.
        written_by: Whose export the graph is, see ``neurofer.spiking.nir_read``.
        graph_dt_s: Step that the graph's time constants go with.
        size_px: Side of the spike pictures, for a graph whose input is flat already.
        decision_us: How often a stream is decided about; by default that of the configuration, rounded up to steps.
        readout_us: Length of output that decides; likewise.
        overwrite: Replace the run in ``out``.

    Returns:
        The network.

    Raises:
        UsageError: classes, step, size or times that do not go with the graph; all of it together.
        NeuroferError: ``out`` holds something else.
        BadFileError: the graph cannot be used, or ``out`` not be written.
    """
    network = read_nir(graph, written_by, graph_dt_s, None if size_px is None else (2, size_px, size_px))
    said = network.metadata.get("dt_us")
    if dt_us is None and isinstance(said, float) and said >= 1 and said.is_integer():
        dt_us = int(said)
    problems = _problems(network, classes, dt_us)
    if problems or dt_us is None:
        raise UsageError(f"{graph}: cannot become a run like this:\n  - " + "\n  - ".join(problems))
    config = _config(graph, network, dt_us, decision_us, readout_us)
    if (out / "card.json").exists() and not overwrite:
        raise UsageError(f"{out}: holds a run; replace it with --overwrite, or name another folder")
    run_folder.claim_folder(out, resume=False, overwrite=overwrite)
    origin = {"kind": "nir", "file": graph.name, "digest": file_digest(graph), "written_by": written_by,
              "graph_dt_s": network.graph_dt_s, "layers": [layer.name for layer in network.layers],
              "notes": list(network.notes)}
    with atomic_folder(out) as folder:
        _write(folder, config, network, classes, origin)
    return network


def _problems(network: NirNetwork, classes: Sequence[str], dt_us: int | None) -> list[str]:
    found = []
    outputs, shape = network.specs[-1].outputs, network.input_shape
    if len(classes) != outputs or len(set(classes)) != len(classes) or not all(classes):
        found.append(f"classes: got {', '.join(classes) or 'none'}; need {outputs} different names, one for each "
                     "output neuron")
    if dt_us is None:
        found.append("dt_us: the graph does not say how long a step of events is; give it (--dt-us)")
    elif dt_us < 1:
        found.append(f"dt_us: need a step of at least 1 us, got {dt_us}")
    low, high = _SIZES_PX
    if shape[1:] == (1, 1):
        side = math.isqrt(shape[0] // 2)
        could = f"; {side} fits" if 2 * side * side == shape[0] and low <= side <= high else ""
        found.append(f"size_px: the graph takes {shape[0]} inputs in a row; give the side of its pictures{could}")
    elif shape[0] != 2 or shape[1] != shape[2] or not low <= shape[1] <= high:
        found.append(f"input: the graph takes {shape}; a face crop is 2 polarities of {low} to {high} pixels squared")
    return found


def _config(graph: Path, network: NirNetwork, dt_us: int, decision_us: int | None, readout_us: int | None
            ) -> TrainConfig:
    last = network.specs[-1]
    usual = SnnConfig.model_fields
    decision_us, readout_us = (
        given if given is not None else -(-int(usual[name].default) // dt_us) * dt_us
        for name, given in (("decision_us", decision_us), ("readout_us", readout_us)))
    layers = [{key: value for key, value in spec.to_dict().items() if key != "fires"} for spec in network.specs[:-1]]
    try:
        return TrainConfig(backend="snn", snn=SnnConfig(
            size_px=network.input_shape[1], dt_us=dt_us, layers=layers, alpha=last.alpha, beta=last.beta,
            per_channel=network.per_channel, dropout=0.0, decision_us=decision_us, readout_us=readout_us))
    except ValidationError as error:
        wrong = "; ".join(str(one["msg"]).removeprefix("Value error, ") for one in error.errors())
        raise UsageError(f"{graph}: cannot become a run like this: {wrong}") from error


def _write(folder: Path, config: TrainConfig, network: NirNetwork, classes: Sequence[str], origin: dict[str, Any]
           ) -> None:
    model = network.build()
    save_weights(folder / "model.safetensors", model.state_dict())
    write_text(folder / "config.yaml", dump_config(config))
    record = {"format": "neurofer-run", "version": 1, "backend": "snn", "imported": origin,
              "host": run_folder.host_facts()}
    write_text(folder / "run.json", json.dumps(record, indent=1) + "\n")
    snn = config.snn
    run_folder.write_card(folder, {
        "task": config.task, "backend": "snn", "classes": list(classes), "channels": network.input_shape[0],
        "representation": None, "window_us": snn.decision_us, "context_windows": 1, "dt_us": snn.dt_us,
        "readout_us": snn.readout_us, "input": snn.input, "readout": snn.readout, "rate_gain": snn.rate_gain,
        "size_px": snn.size_px, "sensor": None, "box": "the clip's own, else found from its events",
        "data": {"name": None, "digest": None},
        "protocol": {"name": PROTOCOL, "split": {"train": [], "validation": [], "test": []}},
        "metrics": {}, "parameters": parameter_count(model), "operations": None, "anytime": None, "licence": None,
        "imported": origin})
