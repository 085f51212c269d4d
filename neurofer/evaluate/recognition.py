"""How good a recogniser is, beside what needs no face, and what it costs.

``assess`` and ``evaluate_run`` give one mapping, ready for JSON::

    format, version     "neurofer-evaluation", 1
    run, seed           folder name of the run (evaluate_run only), its seed
    backend, task, classes, part, protocol
    data                {name, digest, same_as_training, forced}; same_as_training is None of an imported model
    metrics             {"clip": scores, "window": scores}; see neurofer.evaluate.metrics.scores
    baselines           {"majority": scores, "event_count": scores}, per clip, from training subjects alone; {} where
                        an imported model has none
    confusion           clips, rows for the truth
    parameters          trained numbers
    operations          {kind, per_decision, per_clip, per_second, ...}; see neurofer.evaluate.cost
    anytime             {at_ms, accuracy, whole, clips, curve, from_onset} or None; see neurofer.evaluate.anytime
    latency             {per, evidence_ms, p50_ms, p95_ms, threads, device}
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from neurofer.data.cache import usable_cache
from neurofer.data.partition import Partition
from neurofer.data.splits import Part
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.anytime import anytime
from neurofer.evaluate.baselines import event_count_baseline, majority_baseline
from neurofer.evaluate.cost import measure_latency, operations, parameter_count
from neurofer.evaluate.intervals import t_interval
from neurofer.evaluate.metrics import METRICS, scores
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared, chosen_label, prepare
from neurofer.train.decisions import Decisions
from neurofer.train.run_folder import Run


def assess(config: TrainConfig, prepared: Prepared, model: nn.Module, part: Part,
           said: Decisions | None = None) -> dict[str, Any]:
    """Scores, baselines and costs of a model on one part of its data; the mapping is described above.

    Args:
        config: The run.
        prepared: Its data.
        model: In eval mode.
        part: ``train``, ``validation`` or ``test``.
        said: Decisions about that part, if they were made already.

    Raises:
        NeuroferError: the part is empty.
    """
    clips, train = prepared.numbers[part], prepared.numbers["train"]
    if not len(clips):
        raise NeuroferError(f"evaluate: {part} holds no clip")
    classes = prepared.clip_set.classes
    said = prepared.task.decide(model, clips) if said is None else said
    truth = prepared.labels[clips]
    subjects = prepared.subjects_of(clips)
    counts = prepared.rows.clip_counts()
    guesses = {} if not len(train) else {
        "majority": majority_baseline(prepared.labels[train], len(clips)),
        "event_count": event_count_baseline(counts[train], prepared.labels[train], counts[clips]),
    }
    clip_scores = scores(truth, said.predicted, subjects, classes)
    window_scores = scores(truth[said.window_clips], said.window_predicted,
                           [subjects[clip] for clip in said.window_clips], classes)
    return {
        "format": "neurofer-evaluation", "version": 1,
        "backend": config.backend, "task": config.task, "seed": config.seed, "classes": list(classes), "part": part,
        "protocol": prepared.partition.protocol,
        "data": {"name": prepared.clip_set.name, "digest": prepared.clip_set.digest, "same_as_training": True,
                 "forced": False},
        "metrics": {"clip": clip_scores, "window": window_scores},
        "baselines": {name: scores(truth, guess, subjects, classes) for name, guess in guesses.items()},
        "confusion": clip_scores["confusion"],
        "parameters": parameter_count(model),
        "operations": operations(config, prepared, model, clips),
        "anytime": anytime(config, prepared, model, said),
        "latency": measure_latency(config, prepared, model, clips),
    }


def evaluate_run(run: Run, data: Path | None = None, part: Part = "test", *, force: bool = False,
                 cache: Path | None = None) -> dict[str, Any]:
    """Scores of a finished run on the subjects that its training never saw (or on its validation subjects).

    Args:
        run: From ``load_run``.
        data: The store; by default where the run's configuration says.
        part: Which subjects.
        force: Accept a store that is not the one trained on; the result says so. Subjects known to the run stay where
            they were, those that its encoder or its teacher learned from are left out, all others are tested. An
            imported model knows nobody, so it needs this and is tested on all.
        cache: Where to keep network inputs; beside the store by default.

    Raises:
        UsageError: no store is known.
        NeuroferError: the store is not the one trained on, or lacks the run's classes.
        BadFileError: the store or a recording cannot be used.
    """
    place = data or (Path(run.config.data) if run.config.data else None)
    if place is None:
        raise UsageError(f"evaluate: {run.path} does not say where its data lies; give it with --data")
    clip_set = chosen_label(open_store(place), run.config.label)
    trained_on = run.card["data"]["digest"]
    same = None if trained_on is None else clip_set.digest == trained_on
    if same is None and not force:
        raise NeuroferError(f"{run.path}: was imported, so nobody can say whether it was trained on people of {place}; "
                            "test it on all of them with --force, and the result says so")
    if not same and not force:
        raise NeuroferError(f"{place}: holds other data ({clip_set.digest[:12]}) than {run.path} was trained on "
                            f"({trained_on[:12]}); prepare it with the same settings, or accept that with --force")
    if clip_set.classes != tuple(run.card["classes"]):
        raise NeuroferError(f"{place}: its classes are {', '.join(clip_set.classes)}, but {run.path} knows "
                            f"{', '.join(run.card['classes'])}")
    protocol = run.card["protocol"]
    known = protocol["split"]
    if not same:
        strangers = set(clip_set.subjects) - set(known["train"]) - set(known["validation"]) - _learned_before(run.card)
        known = {"train": known["train"], "validation": known["validation"], "test": sorted(strangers)}
    partition = Partition.of_record(clip_set, protocol["name"], known)
    with tempfile.TemporaryDirectory(prefix="neurofer-") as spare:
        prepared = prepare(run.config, clip_set, partition, usable_cache(cache, place, Path(spare)))
        found = assess(run.config, prepared, run.model, part)
        del prepared
    found["run"] = run.path.name
    found["data"] |= {"same_as_training": same, "forced": force and not same}
    return found


def _learned_before(card: Mapping[str, Any]) -> set[str]:
    """Subjects that the encoder a run started from, or its teacher, learned from."""
    return {name for source in ("encoder", "teacher") for name in (card.get(source) or {}).get("subjects") or []}


def summarise(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Mean and 95 % t interval of each score over several runs of one backend, which differ in their seed alone.

    Args:
        found: Results of ``evaluate_run``.

    Returns:
        ``{"runs", "seeds", "part", "backend", "clip": {metric: {"mean", "interval", "values"}}, "window": ...,
        "anytime": {"at_ms", "accuracy": [...], "whole"}, "baselines": {name: ...}}``.
    """
    def over(values: list[float]) -> dict[str, Any]:
        interval = t_interval(values)
        return {"mean": float(np.mean(values)), "interval": None if interval is None else list(interval),
                "values": values}

    return {
        "runs": len(found), "seeds": [one["seed"] for one in found], "part": found[0]["part"],
        "backend": found[0]["backend"],
        **{unit: {metric: over([one["metrics"][unit][metric] for one in found]) for metric in METRICS}
           for unit in ("clip", "window")},
        "anytime": _anytime_over(found, over),
        "baselines": {name: {metric: over([one["baselines"][name][metric] for one in found]) for metric in METRICS}
                      for name in found[0]["baselines"] if all(name in one["baselines"] for one in found)},
    }


def _anytime_over(found: Sequence[dict[str, Any]], over: Callable[[list[float]], dict[str, Any]],
                  ) -> dict[str, Any] | None:
    """The anytime accuracies of several runs together; None unless all have one."""
    each = [one["anytime"] for one in found]
    if any(one is None for one in each):
        return None
    columns = list(zip(*(one["accuracy"] for one in each), strict=True))
    return {"at_ms": each[0]["at_ms"], "whole": over([one["whole"] for one in each]),
            "accuracy": [None if None in column else over(list(column)) for column in columns]}
