"""Checkpoints that were tampered with are refused by name, whatever they lack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from neurofer.errors import BadFileError
from neurofer.train.checkpoint import Progress, load_checkpoint, save_checkpoint


@pytest.mark.parametrize("lost", ["history", "identity", "random.torch", "optimiser", "model", "everything"])
def test_a_checkpoint_that_lacks_something_is_not_gone_on_with(lost: str, tmp_path: Path) -> None:
    path, model = tmp_path / "checkpoint.safetensors", torch.nn.Linear(2, 1)
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    save_checkpoint(path, model, model, optimiser, Progress(epoch=1, history=[{"epoch": 1}]), {"data": "digest"})
    assert load_checkpoint(path, model, model, optimiser, {"data": "digest"}).history == [{"epoch": 1}]
    with safe_open(path, framework="pt") as file:
        said = json.loads(file.metadata()["neurofer"])
    tensors = {name: value for name, value in load_file(path).items() if not name.startswith(lost)}
    said = [] if lost == "everything" else {name: value for name, value in said.items() if name != lost}
    save_file(tensors, path, metadata={"neurofer": json.dumps(said)})
    with pytest.raises(BadFileError, match=r"checkpoint\.safetensors: .*start anew with --overwrite"):
        load_checkpoint(path, model, model, optimiser, {"data": "digest"})
