"""From a store and a configuration to the task of a backend: split, cached rows, labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurofer.data.cache import ClipRows
from neurofer.data.clip import ClipSet
from neurofer.data.splits import PARTS, Part, Split, split_subjects
from neurofer.errors import UsageError
from neurofer.train.ann import AnnTask
from neurofer.train.config import TrainConfig
from neurofer.train.snn import SnnTask


@dataclass(frozen=True)
class Prepared:
    """Everything that training or evaluation reads.

    Attributes:
        clip_set: The data set.
        split: Who is in which part.
        labels: ``(clips,)`` class numbers.
        numbers: Numbers of the clips of each part.
        rows: What the network reads, by clip.
        channels: Channels of the network's input.
        task: Batches, loss and decisions of the backend.
    """

    clip_set: ClipSet
    split: Split
    labels: NDArray[np.int64]
    numbers: dict[Part, NDArray[np.int64]]
    rows: ClipRows
    channels: int
    task: AnnTask | SnnTask

    def subjects_of(self, clips: NDArray[np.int64]) -> list[str]:
        """The subject of each clip, by number."""
        return [self.clip_set.clips[clip].subject for clip in clips]


def prepare(config: TrainConfig, clip_set: ClipSet, split: Split | None, cache: Path) -> Prepared:
    """What a backend reads of a data set.

    Args:
        config: The run.
        clip_set: The data set.
        split: A given split, or None to make it from the configuration.
        cache: Folder of caches.

    Raises:
        NeuroferError: too few subjects, a class without training clips, or clips that are too short.
        UsageError: an unknown representation or setting.
        BadFileError: a recording or the cache cannot be used.
    """
    if split is None:
        shares = config.split
        split = split_subjects(clip_set, (shares.train, shares.validation, shares.test), shares.seed)
    labels = np.array([clip_set.label_number(clip) for clip in clip_set.clips], np.int64)
    place = {clip.name: number for number, clip in enumerate(clip_set.clips)}
    numbers = {part: np.array([place[clip.name] for clip in split.clips(clip_set, part)], np.int64) for part in PARTS}
    task: AnnTask | SnnTask
    if config.backend == "ann":
        rows, channels = _pictures(config, clip_set, cache)
        task = AnnTask(config, rows, labels, numbers["train"].tolist(), numbers["validation"].tolist())
    else:
        from neurofer.train.spikes import clip_spikes

        rows, channels = clip_spikes(clip_set, config.snn.dt_us, config.snn.size_px, cache), 2
        task = SnnTask(config, rows, labels, numbers["train"].tolist(), numbers["validation"].tolist())
    return Prepared(clip_set, split, labels, numbers, rows, channels, task)


def _pictures(config: TrainConfig, clip_set: ClipSet, cache: Path) -> tuple[ClipRows, int]:
    from neurofer.data.windows import clip_windows
    from neurofer.represent import build_representation

    try:
        representation = build_representation(config.represent.kind, **config.represent.settings)
    except (TypeError, ValueError) as error:
        raise UsageError(f"represent: {error}") from error
    rows = clip_windows(clip_set, representation, config.represent.window_us, config.model.size_px, cache,
                        fewest=config.model.context_windows)
    return rows, representation.channels
