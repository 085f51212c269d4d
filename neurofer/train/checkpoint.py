"""Everything a run needs to go on as if never stopped, in one safetensors file without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from neurofer.errors import BadFileError
from neurofer.files import atomic_path

VERSION = 1
_PARTS = {"model", "averaged", "best", "optimiser", "random"}
_STATELESS = "stateless"
"""Stands in the place of the state of an optimiser that has none."""

_SAID = {"epoch": int, "best_epoch": int, "best_score": list, "history": list, "identity": dict}


@dataclass
class Progress:
    """Where a run stands after its last whole epoch.

    Attributes:
        epoch: Whole epochs done.
        best_epoch: Epoch (from 1) with the best validation score so far; 0 before the first.
        best_score: Its score, compared in order.
        best_weights: The model's tensors after that epoch.
        history: One row of metrics an epoch.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_score: tuple[float, ...] = ()
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(path: Path, model: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer,
                    progress: Progress, identity: Mapping[str, Any]) -> None:
    """Write the checkpoint in one step; an earlier one stays whole until then.

    Args:
        path: File to write.
        model: Its parameters and buffers are kept.
        averaged: Likewise; may be the same network.
        optimiser: Its state is kept.
        progress: Where the run stands.
        identity: What a run that goes on must share, such as the data digest; compared by ``load_checkpoint``.

    Raises:
        BadFileError: the disk is full or the place cannot be written.
    """
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    if averaged is not model:
        tensors |= {f"averaged.{name}": value for name, value in averaged.state_dict().items()}
    tensors |= {f"best.{name}": value for name, value in progress.best_weights.items()}
    tensors |= {f"optimiser.{name}": value for name, value in _optimiser_tensors(optimiser).items()}
    tensors["random.torch"] = torch.get_rng_state()
    said = {"version": VERSION, "epoch": progress.epoch, "best_epoch": progress.best_epoch,
            "best_score": list(progress.best_score), "history": progress.history, "identity": dict(identity)}
    with atomic_path(path) as temporary:
        _save(tensors, temporary, {"neurofer": json.dumps(said)})


def load_checkpoint(path: Path, model: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer,
                    identity: Mapping[str, Any]) -> Progress:
    """Put a checkpoint back into the model, its running mean, the optimiser and torch's generator.

    Raises:
        BadFileError: the file is broken, of another version, or of a run with another configuration or other data.
    """
    tensors, said = _read(path)
    different = [key for key, value in identity.items() if said["identity"].get(key) != value]
    if different:
        raise BadFileError(f"{path}: was written by a run with other {', '.join(different)}; "
                           "resume with the same settings and data, or start anew with --overwrite")
    parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = value
    try:
        model.load_state_dict(parts["model"])
        if averaged is not model:
            averaged.load_state_dict(parts["averaged"])
    except RuntimeError as error:
        raise BadFileError(f"{path}: its weights do not fit this model ({str(error).splitlines()[0]})") from error
    _restore_optimiser(optimiser, parts["optimiser"])
    torch.set_rng_state(parts["random"]["torch"])
    return Progress(said["epoch"], said["best_epoch"], tuple(said["best_score"]), parts["best"], said["history"])


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Write a model's tensors as safetensors; the same tensors give the same bytes."""
    with atomic_path(path) as temporary:
        _save(dict(sorted(weights.items())), temporary, {"format": "pt"})


def copy_weights(model: nn.Module) -> dict[str, Tensor]:
    """The model's parameters and buffers as they are now."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _save(tensors: dict[str, Tensor], path: Path, metadata: dict[str, str]) -> None:
    whole = {name: value.detach().contiguous().clone() for name, value in tensors.items()}
    try:
        save_file(whole, path, metadata=metadata)
    except SafetensorError as error:
        # The library tells a full disk as text only; a plain write to the same place gives the real error.
        with open(path, "wb") as file:
            file.write(bytes(sum(value.nbytes for value in whole.values())))
        raise BadFileError(f"{path}: cannot be written ({error})") from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        with safe_open(path, framework="pt") as file:
            said = json.loads((file.metadata() or {}).get("neurofer", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except (OSError, SafetensorError, json.JSONDecodeError) as error:
        raise BadFileError(f"{path}: the checkpoint cannot be read ({error}); "
                           "delete it, or start anew with --overwrite") from error
    version = said.get("version") if isinstance(said, dict) else None
    if version != VERSION:
        raise BadFileError(f"{path}: checkpoint version {version} is not {VERSION}; start anew with --overwrite")
    parts = {name.partition(".")[0] for name in tensors}
    if (any(not isinstance(said.get(name), kind) for name, kind in _SAID.items()) or "random.torch" not in tensors
            or not {"model", "optimiser"} <= parts <= _PARTS):
        raise BadFileError(f"{path}: the checkpoint is not whole; delete it, or start anew with --overwrite")
    return tensors, said


def _optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    state = optimiser.state_dict()["state"]
    found = {f"{number}.{name}": torch.as_tensor(value) for number, of_parameter in state.items()
             for name, value in of_parameter.items() if value is not None}
    return found or {_STATELESS: torch.zeros(0)}


def _restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key == _STATELESS:
            continue
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
