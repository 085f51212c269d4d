"""Two processes with gloo: the numbers of one, files written once, resume, one message; and what one alone refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from neurofer.errors import UsageError
from neurofer.models.shared_norm import SharedBatchNorm2d, mean_of_all, share_batch_norm
from neurofer.train.config import TrainConfig
from neurofer.train.decisions import Decisions, _in_order
from neurofer.train.processes import Processes, Share, place, synchronised
from neurofer.train.recognise import train_recogniser

BACKENDS = ("ann", "snn")
# Each process draws the dropout masks of its own samples, so with dropout two processes are another draw than one.
SETTINGS = ("model.size_px=16", "model.width=0.125", "represent.window_us=50000", "snn.size_px=16", "snn.preset=tiny",
            "snn.dt_us=10000", "train.batch=7", "train.lr=5e-3", "train.epochs=3", "train.threads=1",
            "train.average=0.9", "model.dropout=0", "snn.dropout=0", "snn.rate_weight=5", "snn.rate_target=0.05",
            "snn.rate_sides=both", "snn.operations_weight=1", "snn.truncate_steps=15")


@pytest.fixture(scope="module")
def together(blob_store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of what two processes did, and what they said on standard error."""
    folder = tmp_path_factory.mktemp("together")
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script),
               str(blob_store), str(folder), *SETTINGS]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1", "NEUROFER_PROGRESS": "0"},
                          capture_output=True, text=True, timeout=300)
    assert (folder / "snn-stopped" / "card.json").exists(), done.stderr
    assert done.returncode == 1, "its last command fails"
    return folder, done.stderr


@pytest.fixture(scope="module")
def alone(blob_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same runs in one process."""
    from neurofer.config import load_config

    folder = tmp_path_factory.mktemp("alone")
    for backend in BACKENDS:
        words = [f"backend={backend}", f"data='{blob_store}'", f"out='{folder / backend}'", *SETTINGS]
        train_recogniser(load_config(TrainConfig, None, words), cache=folder / "cache")
    return folder


def history(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_processes_find_what_one_finds(backend: str, together: tuple[Path, str], alone: Path) -> None:
    both, one = together[0] / backend, alone / backend
    for of_both, of_one in zip(history(both), history(one), strict=True):
        # Sums of 32-bit numbers in another order; the shares of right decisions are the same.
        assert of_both == pytest.approx(of_one, rel=1e-3)
    weights, wanted = (load_file(folder / "model.safetensors") for folder in (both, one))
    assert list(weights) == list(wanted)
    # Spikes leave no rounding. In the ANN, gradients that should be nothing (of biases before batch norm) are rounding
    # alone; Adam makes steps of arbitrary sign of them, twelve of at most 5e-3.
    near = 2e-2 if backend == "ann" else 1e-5
    for name, value in wanted.items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=near)
    records = [json.loads((folder / "run.json").read_text()) for folder in (both, one)]
    assert records[0]["test"]["result"]["metrics"] == records[1]["test"]["result"]["metrics"]
    assert [record["host"]["processes"] for record in records] == [2, 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_files_are_those_of_one_process_and_a_resumed_run_ends_alike(backend: str, together: tuple[Path, str],
                                                                    alone: Path) -> None:
    whole, stopped = together[0] / backend, together[0] / f"{backend}-stopped"
    names = {path.name for path in (alone / backend).iterdir()}
    assert {path.name for path in whole.iterdir()} == {path.name for path in stopped.iterdir()} == names
    assert (stopped / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert history(stopped) == history(whole)


def test_two_processes_say_once_what_is_wrong(together: tuple[Path, str]) -> None:
    told = [line for line in together[1].splitlines() if line.startswith("error: ")]
    assert len(told) == 1
    assert "holds a finished run" in told[0]


def test_norm_and_mean_look_at_the_batches_of_all(together: tuple[Path, str]) -> None:
    found = [json.loads((together[0] / f"norm{rank}.json").read_text()) for rank in (0, 1)]
    generator = torch.Generator().manual_seed(0)
    whole = (torch.randn(7, 3, 4, 4, generator=generator) * 3 + 1).requires_grad_()
    towards = torch.randn(7, 3, 4, 4, generator=generator)
    norm = nn.Sequential(nn.BatchNorm2d(3))
    norm[0].weight.data = torch.tensor([1.0, 0.5, 2.0])
    out = norm(whole)
    (out * towards).sum().backward()
    for part in found:
        for name, wanted in (("out", out), ("x", whole.grad)):
            assert wanted is not None
            torch.testing.assert_close(torch.tensor(part[name]), wanted[part["mine"]].detach(), rtol=1e-4, atol=1e-5)
        for name, value in norm.state_dict().items():
            torch.testing.assert_close(torch.tensor(part["norm"][name], dtype=value.dtype), value)
        for name, parameter in norm.named_parameters():
            torch.testing.assert_close(torch.tensor(part["gradients"][name]), parameter.grad, rtol=1e-4, atol=1e-4)
        # (0 + 1 + 2 + 3 + 0 + 1) / 6, and the square of the mean grows by 2 * mean / 6 with each.
        assert part["mean"] == pytest.approx(7 / 6)
        assert part["of_mean"] == pytest.approx([2 * 7 / 6 / 6] * len(part["of_mean"]))


@pytest.mark.parametrize("count", [4, 7, 100])
def test_shares_are_every_place_once(count: int) -> None:
    parts = [Share(rank, 4).mine(count) for rank in range(4)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    with pytest.raises(UsageError, match="4 processes cannot share a batch of 3; start fewer processes"):
        Share(3, 4).mine(3)


def test_decisions_of_several_are_those_of_one() -> None:
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 5, 7)
    owner = np.repeat(np.arange(7), lengths)
    one = Decisions(generator.permutation(20)[:7], generator.integers(0, 3, 7), generator.random((7, 3)), owner,
                    generator.integers(0, 3, len(owner)), generator.random((len(owner), 3)))
    places = [Share(rank, 3).mine(7) for rank in range(3)]
    each = []
    for place_of in places:
        keep = [number for clip in place_of for number in np.flatnonzero(owner == clip)]
        each.append(Decisions(one.clips[place_of], one.predicted[place_of], one.probabilities[place_of],
                              np.repeat(np.arange(len(place_of)), lengths[place_of]), one.window_predicted[keep],
                              one.window_probabilities[keep]))
    joined = _in_order(each, places)
    for name, value in vars(one).items():
        np.testing.assert_array_equal(getattr(joined, name), value)


def test_one_process_alone_changes_nothing() -> None:
    processes = Processes("cpu")
    assert (processes.share, processes.main, processes.device.type) == (Share(0, 1), True, "cpu")
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    assert type(synchronised(model, processes)[1]) is nn.BatchNorm2d
    x = torch.randn(3, 1, 8, 8)
    wanted = model(x)
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    shared = share_batch_norm(model)
    assert type(shared[1]) is SharedBatchNorm2d
    shared.load_state_dict(weights)
    assert torch.equal(shared(x), wanted)
    assert mean_of_all(x).equal(x.mean())
    assert processes.gather([1]) == [[1]]
    assert processes.sums(1.5, 2) == [1.5, 2]


def test_a_batch_keeps_its_form_when_it_moves() -> None:
    from neurofer.train.spike_batch import SpikeBatch

    moved = place((SpikeBatch(torch.ones(2), np.array([0, 2]), torch.ones(1), torch.zeros(1), 8), "text",
                   (torch.ones(1),)),
                  torch.device("meta"))
    assert isinstance(moved[0], SpikeBatch)
    assert moved[0].cells.device.type == moved[2][0].device.type == "meta"
    assert moved[1] == "text"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(("words", "told"), [
    (("train.device=cuda",), r"train\.device=cuda: this machine shows no CUDA device"),
    (("train.precision=bf16",), r"train\.precision=bf16 is for GPUs and this training is on the CPU"),
    (("train.precision=fp16", "backend=snn"), r"train\.precision=fp16 is for GPUs and this training is on the CPU"),
])
def test_what_a_machine_cannot_do_is_refused(words: tuple[str, ...], told: str, tmp_path: Path,
                                             small_config: Callable[..., Any]) -> None:
    backend = "snn" if "backend=snn" in words else "ann"
    with pytest.raises(UsageError, match=told):
        train_recogniser(small_config(backend, words[0]))
    assert not (tmp_path / "run").exists()
