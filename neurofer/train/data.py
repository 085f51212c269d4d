"""From a store and a configuration to the task of a backend: split, cached rows, labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.cache import ClipRows
from neurofer.data.clip import ClipSet
from neurofer.data.partition import Partition, keep_labels
from neurofer.data.splits import PARTS, Part, split_subjects
from neurofer.errors import NeuroferError, UsageError
from neurofer.train.ann import AnnTask, Pictures
from neurofer.train.config import SplitConfig, TrainConfig
from neurofer.train.live import event_odds, live_pictures, live_spikes
from neurofer.train.slices import LiveSlices, clip_slices
from neurofer.train.slices_config import reads_slices
from neurofer.train.slices_task import SlicesTask
from neurofer.train.snn import SnnTask
from neurofer.train.triples import TripleTask

BEST_ON_TEST = "best epoch by the test part, which every epoch reads"
"""What the protocol says where the epoch is chosen on the test part."""


@dataclass(frozen=True)
class Prepared:
    """Everything that training or evaluation reads.

    Attributes:
        clip_set: The data set.
        partition: Which clips are in which part.
        labels: ``(clips,)`` class numbers.
        numbers: Numbers of the clips of each part.
        rows: What the network reads, by clip.
        channels: Channels of the network's input.
        task: Batches, loss and decisions of the backend.
    """

    clip_set: ClipSet
    partition: Partition
    labels: NDArray[np.int64]
    numbers: dict[Part, NDArray[np.int64]]
    rows: ClipRows
    channels: int
    task: AnnTask | SnnTask | SlicesTask

    def subjects_of(self, clips: NDArray[np.int64]) -> list[str]:
        """The subject of each clip, by number."""
        return [self.clip_set.clips[clip].subject for clip in clips]


def prepare(config: TrainConfig, clip_set: ClipSet, partition: Partition | None, cache: Path) -> Prepared:
    """What a backend reads of a data set.

    Args:
        config: The run.
        clip_set: The data set.
        partition: A given one, or None to make it from the configuration.
        cache: Folder of caches.

    Raises:
        NeuroferError: too few subjects, a class without training clips, or clips that are too short.
        UsageError: an unknown representation or setting.
        BadFileError: a recording or the cache cannot be used.
    """
    if partition is None:
        whole = partition_of(config.split, clip_set, config.parity.best_on_test)
        partition = keep_labels(clip_set, whole, config.split.labels, config.seed)
    labels = np.array([clip_set.label_number(clip) for clip in clip_set.clips], np.int64)
    numbers = {part: partition.numbers(clip_set, part) for part in PARTS}
    task: AnnTask | SnnTask | SlicesTask
    if reads_slices(config):
        rows, channels, live = _slices(config, clip_set, cache)
        task = SlicesTask(config, rows, labels, numbers["train"].tolist(), numbers["validation"].tolist(), live)
    elif config.backend == "ann":
        rows, channels, inputs = _pictures(config, clip_set, cache)
        kind = TripleTask if config.sample.kind == "every" else AnnTask
        task = kind(config, rows, labels, numbers["train"].tolist(), numbers["validation"].tolist(), inputs)
    else:
        from neurofer.train.spikes import clip_spikes

        _refuse_undecided(config.snn.decision_us, clip_set, numbers)
        rows, channels = clip_spikes(clip_set, config.snn.dt_us, config.snn.size_px, cache,
                                     config.snn.input == "graded"), 2
        task = SnnTask(config, rows, labels, numbers["train"].tolist(), numbers["validation"].tolist(),
                       live_spikes(config, clip_set))
    return Prepared(clip_set, partition, labels, numbers, rows, channels, task)


def _refuse_undecided(decision_us: int, clip_set: ClipSet, numbers: Mapping[Part, NDArray[np.int64]]) -> None:
    parts: tuple[Part, ...] = ("validation", "test")
    for part in parts:
        longest_us = max((clip_set.clips[number].stop_us - clip_set.clips[number].start_us for number in numbers[part]),
                         default=decision_us)
        if longest_us < decision_us:
            raise NeuroferError(f"data set {clip_set.name}: no clip of the {part} part is as long as "
                                f"snn.decision_us={decision_us}, the longest has {longest_us} us; use a shorter one")


def partition_of(split: SplitConfig, clip_set: ClipSet, best_on_test: bool = False) -> Partition:
    """The parts of a data set as a configuration asks for them, all training labels included.

    Args:
        split: How to part it.
        clip_set: The clips.
        best_on_test: Choose the epoch on the test part, as ``parity.best_on_test`` says.

    Raises:
        NeuroferError: the data set cannot be split like that.
    """
    if split.kind == "paper":
        from neurofer.data.folds import paper_partition

        return paper_partition(clip_set, inner_validation=not best_on_test)
    if split.kind == "random":
        from neurofer.data.random_splits import random_partition

        return random_partition(clip_set, split.folds, split.fold, split.test, split.seed,
                                inner_validation=not best_on_test)
    clean = _clean_partition(split, clip_set)
    if not best_on_test:
        return clean
    protocol = re.sub("best epoch by [^;]*; test read once", BEST_ON_TEST, clean.protocol)
    protocol = protocol if BEST_ON_TEST in protocol else f"{protocol}; {BEST_ON_TEST}"
    return Partition.of_clips(clip_set, protocol, clean.train, clean.test, clean.test)


def _clean_partition(split: SplitConfig, clip_set: ClipSet) -> Partition:
    if split.kind == "folds":
        from neurofer.data.folds import fold_partition

        return fold_partition(clip_set, split.folds, split.fold)
    if split.kind == "official":
        from neurofer.data.official import official_partition

        return official_partition(clip_set, split.seed)
    shares = (split.train, split.validation, split.test)
    return Partition.of_split(clip_set, split_subjects(clip_set, shares, split.seed))


def chosen_label(clip_set: ClipSet, label: str | None) -> ClipSet:
    """The data set under another of its labels; clips whose other label is no class are left out.

    Raises:
        UsageError: no clip has that label.
    """
    if label is None:
        return clip_set
    kept = tuple(replace(clip, label=clip.facts[label]) for clip in clip_set.clips
                 if clip.facts.get(label) in clip_set.classes)
    if not kept:
        labels = sorted({name for clip in clip_set.clips for name, said in clip.facts.items()
                         if said in clip_set.classes})
        raise UsageError(f"label={label}: no clip of {clip_set.name} has that label; "
                         f"its clips have {', '.join(labels) or 'none but their own'}")
    return replace(clip_set, clips=kept)


def _pictures(config: TrainConfig, clip_set: ClipSet, cache: Path) -> tuple[ClipRows, int, Pictures]:
    from neurofer.data.windows import clip_windows
    from neurofer.represent import build_representation

    try:
        representation = build_representation(config.represent.kind, **config.represent.settings)
    except (TypeError, ValueError) as error:
        raise UsageError(f"represent: {error}") from error
    window_us, size_px = config.represent.window_us, config.model.size_px
    rows = clip_windows(clip_set, representation, window_us, size_px, cache, fewest=config.model.context_windows)
    return rows, representation.channels, Pictures(config, rows, live_pictures(config, clip_set))


def _slices(config: TrainConfig, clip_set: ClipSet, cache: Path) -> tuple[ClipRows, int, LiveSlices | None]:
    ann = config.backend == "ann"
    size_px = config.model.size_px if ann else config.snn.size_px
    rows, odds = clip_slices(clip_set, config.slices, size_px, cache), event_odds(config.augment)
    live = LiveSlices(clip_set, config.slices, size_px, odds) if odds.active else None
    return rows, 2 * config.slices.frames if ann else 2, live
