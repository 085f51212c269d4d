"""What is right without a face under the published and the clean protocol of e-CK+."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.data.cache import ClipRows
from neurofer.data.clip import ClipSet
from neurofer.data.folds import fold_partition, paper_partition
from neurofer.data.store import open_store
from neurofer.evaluate.baselines import event_count_baseline, majority_baseline, window_index_baseline
from neurofer.events.open import open_recording
from neurofer.reproduce.cells import Job
from neurofer.train.config import TrainConfig
from neurofer.train.data import chosen_label, prepare
from neurofer.train.run_folder import host_facts

KINDS = ("majority", "window_index", "event_count")


def baselines_cell(job: Job) -> dict[str, Any]:
    """Accuracy of each baseline per window and per recording, on the published split and pooled over the folds.

    Returns:
        ``{"paper": {kind: {"window", "clip"}}, "clean": {...}, "windows": {...}, "host"}``.
    """
    settings = TrainConfig.model_validate_json(json.dumps(job.parameters["config"]))
    clip_set = chosen_label(open_store(job.source.data), settings.label)
    prepared = prepare(settings, clip_set, None, job.source.cache)
    begins = first_windows(clip_set, settings.represent.window_us)
    folds = job.parameters["folds"]
    protocols = {"paper": [paper_partition(clip_set)],
                 "clean": [fold_partition(clip_set, folds, fold) for fold in range(folds)]}
    found: dict[str, Any] = {"host": host_facts()}
    for name, partitions in protocols.items():
        right = {kind: {"window": list[NDArray[np.bool_]](), "clip": list[NDArray[np.bool_]]()} for kind in KINDS}
        for partition in partitions:
            train, test = partition.numbers(clip_set, "train"), partition.numbers(clip_set, "test")
            for kind in KINDS:
                per_window, per_clip = _right(kind, prepared.rows, prepared.labels, begins, train, test)
                right[kind]["window"].append(per_window)
                right[kind]["clip"].append(per_clip)
        found[name] = {kind: {unit: float(np.concatenate(each).mean()) for unit, each in units.items()}
                       for kind, units in right.items()}
    return found


def first_windows(clip_set: ClipSet, window_us: float) -> NDArray[np.int64]:
    """``(clips,)`` number of each clip's first window in its recording, whose first event begins window 0."""
    numbers = []
    for clip in clip_set.clips:
        with open_recording(clip.path) as recording:
            numbers.append(max(0, round((clip.start_us - recording.start_us) / window_us)))
    return np.array(numbers, np.int64)


def _right(kind: str, rows: ClipRows, labels: NDArray[np.int64], begins: NDArray[np.int64], train: NDArray[np.int64],
           test: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Where a baseline is right: for each window of the test clips, and for each clip."""
    lengths = rows.lengths()
    train_labels, window_labels = np.repeat(labels[train], lengths[train]), np.repeat(labels[test], lengths[test])
    if kind == "majority":
        per_window = majority_baseline(train_labels, len(window_labels))
        per_clip = majority_baseline(labels[train], len(test))
    elif kind == "event_count":
        per_window = event_count_baseline(_window_counts(rows, train), train_labels, _window_counts(rows, test))
        counts = rows.clip_counts()
        per_clip = event_count_baseline(counts[train], labels[train], counts[test])
    else:
        places = [_places(begins[clips], lengths[clips]) for clips in (train, test)]
        per_window = window_index_baseline(places[0], train_labels, places[1])
        votes = np.split(per_window, np.cumsum(lengths[test])[:-1])
        per_clip = np.array([np.bincount(each).argmax() for each in votes], np.int64)
    return per_window == window_labels, per_clip == labels[test]


def _places(begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([begin + np.arange(length) for begin, length in zip(begins, lengths, strict=True)])


def _window_counts(rows: ClipRows, clips: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([rows.counts_of(int(clip)) for clip in clips])
