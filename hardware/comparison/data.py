"""The two runs of a comparison on the recordings that both of them never saw, or every reason why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.data.cache import usable_cache
from neurofer.data.clip import Clip, ClipSet
from neurofer.data.partition import Partition
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError, UsageError, name_some
from neurofer.models.recurrent import SequenceClassifier
from neurofer.spiking.network import SpikingNetwork
from neurofer.train.ann import AnnTask, sequence_classifier
from neurofer.train.data import Prepared, chosen_label, prepare
from neurofer.train.run_folder import Run
from neurofer.train.slices_config import reads_slices
from neurofer.train.snn import SnnTask, spiking_network


@dataclass(frozen=True)
class AnnSide:
    """The ANN and what it reads of the data."""

    run: Run
    prepared: Prepared

    @property
    def task(self) -> AnnTask:
        """Decides about clips."""
        if not isinstance(self.prepared.task, AnnTask):
            raise TypeError(f"AnnSide: need an AnnTask, got {type(self.prepared.task).__name__}")
        return self.prepared.task

    @property
    def network(self) -> SequenceClassifier:
        """In eval mode."""
        return sequence_classifier(self.run.model)


@dataclass(frozen=True)
class SnnSide:
    """The SNN and what it reads of the data."""

    run: Run
    prepared: Prepared

    @property
    def task(self) -> SnnTask:
        """Decides about clips."""
        if not isinstance(self.prepared.task, SnnTask):
            raise TypeError(f"SnnSide: need an SnnTask, got {type(self.prepared.task).__name__}")
        return self.prepared.task

    @property
    def network(self) -> SpikingNetwork:
        """In eval mode."""
        return spiking_network(self.run.model)


@dataclass(frozen=True)
class Both:
    """Two runs and the recordings that both are tested on.

    Attributes:
        ann: One run.
        snn: The other.
        clip_set: The data.
        clips: ``(N,)`` numbers of the test clips in ``clip_set``, the same for both.
    """

    ann: AnnSide
    snn: SnnSide
    clip_set: ClipSet
    clips: NDArray[np.int64]

    @property
    def tested(self) -> list[Clip]:
        """The test clips."""
        return [self.clip_set.clips[clip] for clip in self.clips]

    @property
    def subjects(self) -> list[str]:
        """Of each test clip."""
        return [clip.subject for clip in self.tested]

    @property
    def truth(self) -> NDArray[np.int64]:
        """``(N,)`` class numbers."""
        return self.snn.prepared.labels[self.clips]

    @property
    def seconds(self) -> float:
        """Mean length of a test clip."""
        return float(np.mean([clip.stop_us - clip.start_us for clip in self.tested])) / 1e6


class Shared(NamedTuple):
    """What both runs are compared on, before anything of it is prepared.

    Attributes:
        place: The store.
        clip_set: Its clips.
        parts: The partitions of the ANN and of the SNN.
    """

    place: Path
    clip_set: ClipSet
    parts: tuple[Partition, Partition]


def shared_data(ann: Run, snn: Run, data: Path | None = None) -> Shared:
    """The store and the test part that two runs share.

    Args:
        ann: A run of backend ``ann`` that decides window by window.
        snn: A run of backend ``snn`` that reads steps of time.
        data: The store; by default where the runs say.

    Raises:
        UsageError: the runs stand in the wrong order, or no store is known.
        NeuroferError: they were not trained on this store, know other classes or test other people; all of it is told.
        BadFileError: the store cannot be used.
    """
    _refuse_backends(ann, snn)
    place = data or next((Path(run.config.data) for run in (snn, ann) if run.config.data), None)
    if place is None:
        raise UsageError("compare: neither run says where its data lies; give it with --data")
    clip_set = chosen_label(open_store(place), snn.config.label)
    parts = (_partition(ann, clip_set), _partition(snn, clip_set))
    if found := _data_problems((ann, snn), place, clip_set) or _test_problems((ann, snn), clip_set, parts):
        raise NeuroferError(f"compare: {ann.path} and {snn.path} cannot be compared on {place}:\n  - "
                            + "\n  - ".join(found))
    return Shared(place, clip_set, parts)


def open_both(ann: Run, snn: Run, shared: Shared, cache: Path | None, spare: Path) -> Both:
    """Both runs with what they read of the test part.

    Args:
        ann: A run of backend ``ann``.
        snn: A run of backend ``snn``.
        shared: From ``shared_data``.
        cache: Where to keep network inputs; beside the store by default.
        spare: Where to keep them if that cannot be written.

    Raises:
        BadFileError: a recording or the cache cannot be used.
    """
    caches = usable_cache(cache, shared.place, spare)
    sides = [prepare(run.config, shared.clip_set, part, caches)
             for run, part in zip((ann, snn), shared.parts, strict=True)]
    return Both(AnnSide(ann, sides[0]), SnnSide(snn, sides[1]), shared.clip_set, sides[1].numbers["test"])


def _refuse_backends(ann: Run, snn: Run) -> None:
    for run, backend in ((ann, "ann"), (snn, "snn")):
        if run.card["backend"] != backend:
            raise UsageError(f"compare: {run.path} is a run of backend {run.card['backend']}, need {backend} there: "
                             "neurofer compare RUN_ANN RUN_SNN")
        if reads_slices(run.config):
            raise UsageError(f"compare: {run.path} sees a clip as one sample; compare needs networks that decide while "
                             "a recording runs")


def _partition(run: Run, clip_set: ClipSet) -> Partition:
    return Partition.of_record(clip_set, run.card["protocol"]["name"], run.card["protocol"]["split"])


def _data_problems(runs: Sequence[Run], place: Path, clip_set: ClipSet) -> list[str]:
    found = []
    for run in runs:
        trained_on = run.card["data"]["digest"]
        if trained_on is None:
            found.append(f"{run.path} was imported, so nobody can say which people it knows")
        elif trained_on != clip_set.digest:
            found.append(f"{run.path} was trained on other data ({trained_on[:12]}) than {place} holds "
                         f"({clip_set.digest[:12]})")
        if tuple(run.card["classes"]) != clip_set.classes:
            found.append(f"{run.path} knows the classes {', '.join(run.card['classes'])}, not "
                         f"{', '.join(clip_set.classes)}")
    labels = [run.config.label or "the clips' own" for run in runs]
    if labels[0] != labels[1]:
        found.append(f"{runs[0].path} learned the label {labels[0]}, {runs[1].path} {labels[1]}")
    return found


def _test_problems(runs: Sequence[Run], clip_set: ClipSet, parts: Sequence[Partition]) -> list[str]:
    """Why the test parts are not the same; what one of two runs tests alone, the other may have learned from."""
    tested: dict[str, list[set[str]]] = {"people": [set(part.subjects(clip_set, "test")) for part in parts],
                                         "clips": [set(part.test) for part in parts]}
    for what, (one, other) in tested.items():
        alone = [f"{run.path} alone tests {name_some(sorted(names), 8)}"
                 for run, names in zip(runs, (one - other, other - one), strict=True) if names]
        if alone:
            return [f"they test other {what}: {'; '.join(alone)} (train both with the same split)"]
    return [] if tested["clips"][0] else ["their test part holds no clip"]
