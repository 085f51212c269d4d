"""What the recipe adds to a training step: encoder + LSTM and the SNN beside the plain torch model on ready tensors.

    python benchmarks/training.py [--rounds 7] [--threads 1] [--json training.json]

Plain is what nobody can undercut: forward, loss, backward, AdamW, on batches that lie ready in memory. The recipe's
step is that of ``neurofer train``: sequences are drawn, read and changed in one loading thread, the gradient is
clipped, the learning rate follows its schedule, the running mean of the weights is renewed. Both take the same steps in
turn, several rounds; the best round of each counts. The wait is how long the recipe's step stood still for data in its
best round. The data are procedural faces, 5 people, prepared into a folder that is removed afterwards.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from neurofer.config import find_config, load_config
from neurofer.data.clip import ClipSet
from neurofer.data.store import open_store
from neurofer.data.synthetic import SyntheticPlan, prepare_synthetic
from neurofer.data.windows import window_edges, window_pictures
from neurofer.events.open import open_recording
from neurofer.files import write_text
from neurofer.represent import build_representation
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared, prepare
from neurofer.train.loop import ahead, all_batches, follow, run_epoch
from neurofer.train.processes import Processes
from neurofer.workers import processors

CHANGED = ("augment.events.flip=0.5", "augment.events.noise=0.5", "augment.events.reverse=0.5",
           "augment.events.drop=0.5", "augment.events.crop=0.5", "augment.events.mirror=0.5")
SETTINGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ANN, cached pictures": ("ann_synthetic", ("sample.per_clip=8",)),
    "ANN, 128 px, cached pictures": ("ann_synthetic", ("sample.per_clip=4", "model.size_px=128")),
    "ANN, pictures of changed events": ("ann_synthetic", ("sample.per_clip=8", *CHANGED)),
    "SNN, cached spikes": ("snn_synthetic", ("train.batch=8",)),
    "SNN, spikes of changed events": ("snn_synthetic", ("train.batch=8", *CHANGED)),
}


def plain_loss(model: nn.Module, batch: Any) -> Tensor:
    """The shortest way from a batch to a loss."""
    if hasattr(batch, "spikes"):
        return functional.cross_entropy(model(batch.spikes)[0].mean(0), batch.labels)
    return functional.cross_entropy(model(batch[0])[0].mean(1), batch[1])


def measure(config: TrainConfig, prepared: Prepared, rounds: int) -> dict[str, Any]:
    """Milliseconds of a plain step and of the recipe's, and what the latter waits."""
    torch.manual_seed(0)
    processes, task, settings = Processes("cpu"), prepared.task, config.train
    first = build_recogniser(config, prepared.clip_set.classes, prepared.channels)
    ready = list(task.batches(np.random.default_rng(0)))

    def optimiser_of(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(task.parameter_groups(model, settings.weight_decay), lr=settings.lr)

    plain, ours = copy.deepcopy(first), copy.deepcopy(first)
    averaged = copy.deepcopy(first).eval() if settings.average else ours
    plain_optimiser, our_optimiser = optimiser_of(plain), optimiser_of(ours)

    def plain_epoch() -> None:
        plain.train()
        for batch in ready:
            plain_optimiser.zero_grad(set_to_none=True)
            plain_loss(plain, batch).backward()
            plain_optimiser.step()

    best = {"plain": float("inf"), "recipe": float("inf")}
    wait = 0.0
    with contextlib.closing(ahead(all_batches(task, config.seed, 0, rounds + 1, processes.share))) as batches:
        for number in range(rounds + 1):
            started = time.perf_counter()
            plain_epoch()
            middle = time.perf_counter()
            row = run_epoch(ours, averaged, our_optimiser, task, batches, settings, config.seed, number, processes,
                            lambda: None)
            spent = time.perf_counter() - middle
            if number:
                best["plain"] = min(best["plain"], middle - started)
                if spent < best["recipe"]:
                    best["recipe"], wait = spent, row["waited_seconds"]
    of_step = {name: 1000 * seconds / task.steps for name, seconds in best.items()}
    return {"plain_ms": of_step["plain"], "recipe_ms": of_step["recipe"], "ratio": best["recipe"] / best["plain"],
            "wait_share": wait / best["recipe"], "parts_ms": parts(ours, averaged, our_optimiser, task, ready)}


def parts(model: nn.Module, averaged: nn.Module, optimiser: torch.optim.Optimizer, task: Any,
          ready: list[Any]) -> dict[str, float]:
    """Milliseconds a step of everything alone, best of five."""
    def learn() -> None:
        for batch in ready:
            optimiser.zero_grad(set_to_none=True)
            next(iter(task.losses(model, batch))).total.backward()

    def each(step: Callable[[], Any]) -> Callable[[], None]:
        return lambda: [step() for _ in ready] and None

    model.train()
    timed: dict[str, Callable[[], Any]] = {
        "load (in its thread)": lambda: list(task.batches(np.random.default_rng(1))),
        "loss and gradient": learn,
        "clip": each(lambda: nn.utils.clip_grad_norm_(model.parameters(), 1.0)),
        "AdamW": each(optimiser.step),
        "running mean": each(lambda: follow(averaged, model, 0.98)),
    }
    found = {}
    for name, run in timed.items():
        best = float("inf")
        for _ in range(5):
            started = time.perf_counter()
            run()
            best = min(best, time.perf_counter() - started)
        found[name] = 1000 * best / len(ready)
    return found


def tie_rate(clip_set: ClipSet, config: TrainConfig, rounds: int) -> dict[str, float]:
    """Windows and events a second from a store's columns to resized TIE pictures, on one core."""
    represent = config.represent
    representation = build_representation(represent.kind, **represent.settings)
    best, windows, events = float("inf"), 0, 0
    for _ in range(rounds + 1):
        started, windows, events = time.perf_counter(), 0, 0
        for clip in clip_set.clips:
            edges = window_edges(clip.start_us, clip.stop_us, represent.window_us)
            with open_recording(clip.path) as recording:
                part = recording.between(clip.start_us, clip.stop_us)
                made = window_pictures(part, edges, representation, clip.box, config.model.size_px, recording.start_us)
            windows, events = windows + len(made.rows), events + len(part)
        best = min(best, time.perf_counter() - started)
    return {"windows_per_s": windows / best, "mev_per_s": events / best / 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1, help="of torch; the loading thread is another one")
    parser.add_argument("--json", type=Path, default=None, help="also write the figures there")
    words = parser.parse_args()
    torch.set_num_threads(words.threads)
    rows = {}
    with tempfile.TemporaryDirectory(prefix="neurofer-") as place:
        store = Path(place) / "store"
        prepare_synthetic(store, SyntheticPlan(subjects=5, clips_per_class=1), processors())
        clip_set = open_store(store)
        for name, (file, overrides) in SETTINGS.items():
            config = load_config(TrainConfig, find_config(file), list(overrides))
            prepared = prepare(config, clip_set, None, Path(place) / "cache")
            rows[name] = measure(config, prepared, words.rounds)
            del prepared
        tie = tie_rate(clip_set, load_config(TrainConfig, find_config("ann_synthetic"), []), words.rounds)
    print(f"{words.threads} torch thread(s), {processors()} cores, torch {torch.__version__}, best of {words.rounds} "
          f"rounds\n\n{tables(rows)}\n")
    print(f"TIE, one core: {tie['windows_per_s']:.0f} windows/s, {tie['mev_per_s']:.1f} Mev/s from a store's columns "
          "to resized pictures")
    if words.json is not None:
        machine = {"processor": platform.processor() or platform.machine(), "python": platform.python_version(),
                   "torch": torch.__version__, "threads": words.threads, "cores": processors()}
        write_text(words.json, json.dumps({"machine": machine, "steps": rows, "tie": tie}, indent=1) + "\n")


def tables(rows: dict[str, dict[str, Any]]) -> str:
    """The steps, and what they consist of, as Markdown."""
    lines = ["| step | plain, ms | recipe, ms | ratio | waits for data |", "|---|---:|---:|---:|---:|"]
    lines += [f"| {name} | {row['plain_ms']:.1f} | {row['recipe_ms']:.1f} | {row['ratio']:.2f} | "
              f"{100 * row['wait_share']:.1f} % |" for name, row in rows.items()]
    names = list(next(iter(rows.values()))["parts_ms"])
    lines += ["", f"| alone, ms a step | {' | '.join(names)} |", "|---|" + "---:|" * len(names)]
    lines += [f"| {name} | " + " | ".join(f"{row['parts_ms'][part]:.2f}" for part in names) + " |"
              for name, row in rows.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
