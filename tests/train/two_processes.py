"""What two processes do together, run by ``torchrun`` from ``test_processes.py``; words: store, folder, settings."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import torch
from torch import nn

from neurofer.cli.app import main
from neurofer.config import load_config
from neurofer.models.shared_norm import mean_of_all
from neurofer.train import recognise
from neurofer.train.checkpoint import Progress
from neurofer.train.config import TrainConfig
from neurofer.train.loop import fit
from neurofer.train.processes import Processes, synchronised

store, place, settings = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]


def norm_and_mean(processes: Processes) -> None:
    """Seven samples of a batch, four here and three there."""
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(7, 3, 4, 4, generator=generator) * 3 + 1
    towards = torch.randn(7, 3, 4, 4, generator=generator)
    norm = nn.Sequential(nn.BatchNorm2d(3))
    norm[0].weight.data = torch.tensor([1.0, 0.5, 2.0])
    mine = processes.share.mine(7)
    x = whole[mine].requires_grad_()
    norm = synchronised(norm, processes)
    out = norm(x)
    (out * towards[mine]).sum().backward()
    processes.sum_gradients(norm.parameters())
    values = torch.arange(4.0)[: 4 - 2 * processes.share.rank].requires_grad_()  # 0 1 2 3 here, 0 1 there
    mean = mean_of_all(values)
    # Every process has the same loss of the mean, so each brings in its half.
    (mean.square() / processes.share.of).backward()
    found = {"out": out.tolist(), "x": x.grad.tolist(), "mine": mine.tolist(), "mean": mean.item(),
             "of_mean": values.grad.tolist(),
             "norm": {name: value.tolist() for name, value in norm.state_dict().items()},
             "gradients": {name: value.grad.tolist() for name, value in norm.named_parameters()}}
    (place / f"norm{processes.share.rank}.json").write_text(json.dumps(found))


def train(backend: str) -> None:
    """A whole run, and one that goes on from its checkpoint of the first epoch."""
    def keeping(*words: object, after_epoch, **named: object):  # type: ignore[no-untyped-def]
        def then(progress: Progress) -> None:
            after_epoch(progress)
            if progress.epoch == 1:
                stopped.mkdir()
                for name in ("config.yaml", "checkpoint.safetensors", "metrics.jsonl"):
                    shutil.copy(place / backend / name, stopped / name)

        return fit(*words, after_epoch=then, **named)  # type: ignore[arg-type]

    stopped = place / f"{backend}-stopped"
    for out, fitting in ((place / backend, keeping), (stopped, fit)):
        recognise.fit = fitting
        config = load_config(TrainConfig, None, [f"backend={backend}", f"data='{store}'", f"out='{out}'", *settings])
        recognise.train_recogniser(config, resume=out == stopped, cache=place / "cache")


norm_and_mean(Processes())
for name in ("ann", "snn"):
    train(name)
main(["train", "--backend", "snn", "--data", store, "--out", str(place / "snn"), *settings])
