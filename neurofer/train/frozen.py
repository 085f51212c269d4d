"""Embeddings of a frozen encoder, computed once: what is left to train is an LSTM and a head on short vectors."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurofer.data.cache import ClipRows, RowsOfClip, cached_rows
from neurofer.data.clip import Clip
from neurofer.models import encoder, front, recurrent
from neurofer.models.recurrent import SequenceClassifier
from neurofer.train import ann, augment
from neurofer.train.ann import AnnTask, empty_value, pictures_to_network, sequence_classifier
from neurofer.train.augment import draw_holes, draw_maps, warp_pictures
from neurofer.train.config import AugmentConfig, TrainConfig
from neurofer.train.data import Prepared, partition_of
from neurofer.train.live import event_odds
from neurofer.train.transfer import weights_digest

_PICTURES_AT_ONCE = 64


def keeps_embeddings(config: TrainConfig) -> bool:
    """Whether a window's embedding is the same all through a run, so that it can be computed before."""
    return (config.backend == "ann" and config.model.mode in ("linear", "random")
            and not config.parity.bn_train and not config.parity.augment_per_frame
            and not event_odds(config.augment).active)


def frozen_task(config: TrainConfig, prepared: Prepared, model: nn.Module, cache: Path) -> AnnTask:
    """The task of a run whose encoder does not change, on embeddings that are kept in the cache.

    The training clips have ``augment.views`` views, each changed by one draw for the whole clip; a sample takes one of
    them, where the full path draws anew each time. Validation clips are seen plain. Embeddings are kept for all
    training clips, also those whose labels ``split.labels`` leaves out, so runs with other shares read the same ones.

    Args:
        config: A run for which ``keeps_embeddings``.
        prepared: Its data.
        model: Holds the encoder.
        cache: Folder of caches.

    Raises:
        BadFileError: the cache cannot be written.
    """
    if not isinstance(prepared.task, AnnTask):
        raise TypeError(f"frozen_task: need an AnnTask, got {type(prepared.task).__name__}")
    network = sequence_classifier(model)
    everybody = partition_of(config.split, prepared.clip_set, config.parity.best_on_test)
    train = np.union1d(everybody.numbers(prepared.clip_set, "train"), prepared.numbers["train"])
    views = config.augment.views if _changes(config.augment) else 0
    inputs = Embeddings(
        train, _embedded(config, prepared, network, train, views, cache),
        prepared.numbers["validation"],
        _embedded(config, prepared, network, prepared.numbers["validation"], 0, cache), len(prepared.labels))
    return type(prepared.task)(config, prepared.rows, prepared.labels, prepared.numbers["train"].tolist(),
                               prepared.numbers["validation"].tolist(), inputs)


class Embeddings:
    """Embeddings as inputs of the LSTM and the head; see ``neurofer.train.ann.Inputs``.

    Args:
        train: Numbers of the clips that have views.
        views: Their rows ``(V, E)``.
        plain: Numbers of the clips that are decided about.
        rows: Their rows ``(1, E)``.
        clips: Number of clips of the set.
    """

    def __init__(self, train: NDArray[np.int64], views: ClipRows, plain: NDArray[np.int64], rows: ClipRows,
                 clips: int) -> None:
        self._views, self._view_of = views, _places(train, clips)
        self._plain, self._plain_of = rows, _places(plain, clips)

    def drawn(self, clips: NDArray[np.int64], windows: NDArray[np.int64], mine: NDArray[np.int64],
              generator: np.random.Generator) -> Tensor:
        """``(B, T, E)`` of a drawn view each."""
        view = generator.integers(0, self._views.rows.shape[1], len(clips))[mine]
        rows = self._views.first[self._view_of[clips[mine]], None] + windows[mine]
        return torch.from_numpy(np.ascontiguousarray(self._views.rows[rows, view[:, None]]))

    def logits(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """``(B, D, K)``."""
        return sequence_classifier(model).decide(inputs)[0]

    def embeddings(self, model: nn.Module, clip: int) -> Tensor:
        """``(1, T, E)``, as they were kept."""
        if self._plain_of[clip] < 0:
            raise ValueError(f"Embeddings: clip number {clip} is not among the clips that were embedded")
        rows = np.array(self._plain.of(int(self._plain_of[clip]))[None, :, 0])
        return torch.from_numpy(rows).to(next(model.parameters()).device)


def _embedded(config: TrainConfig, prepared: Prepared, network: SequenceClassifier, numbers: NDArray[np.int64],
              views: int, cache: Path) -> ClipRows:
    """Rows ``(V, E)`` of the windows of some clips, with ``max(views, 1)`` views V; none changed if ``views`` is 0."""
    pictures, clip_set = prepared.rows, prepared.clip_set
    number_of = {clip_set.clips[number].name: int(number) for number in numbers}
    part = replace(clip_set, clips=tuple(clip_set.clips[number] for number in numbers))
    empty = empty_value(pictures.rows.dtype, pictures.empty)
    device = next(network.parameters()).device
    size_px = config.model.size_px

    def build(clip: Clip) -> RowsOfClip:
        number = number_of[clip.name]
        plain = pictures_to_network(pictures.of(number))[None]
        seen = [plain]
        if views:
            generator = view_generator(config.seed, clip.name)
            maps = draw_maps(generator, config.augment, views)
            holes = draw_holes(generator, config.augment, views, size_px)
            seen = [_changed(plain, maps[view], holes[view], empty) for view in range(views)]
        with torch.inference_mode():
            each = [torch.cat([network.embed(some.to(device)).cpu() for some in one.split(_PICTURES_AT_ONCE, dim=1)], 1)
                    for one in seen]
        return RowsOfClip(torch.cat(each).transpose(0, 1).numpy(), pictures.counts_of(number))

    recipe: dict[str, Any] = {"encoder": weights_digest(network.state_dict()), "pictures": pictures.folder.name}
    if views:
        recipe |= {"augment": config.augment.model_dump(mode="json"), "seed": config.seed}
    shape = (max(views, 1), network.encoder.embedding)
    modules = (encoder, front, recurrent, ann, augment, sys.modules[__name__])
    was_training = network.training
    network.eval()
    found = cached_rows("embeddings", part, recipe, modules, pictures.lengths()[numbers].tolist(), shape,
                        np.dtype(np.float32), build, cache)
    network.train(was_training)
    return found


def view_generator(seed: int, clip: str) -> np.random.Generator:
    """Draws of a clip's views: the same ones whatever other clips there are."""
    return np.random.default_rng((seed, int.from_bytes(hashlib.sha256(clip.encode()).digest()[:8], "little")))


def _changed(pictures: Tensor, one_map: NDArray[np.float32], hole: NDArray[np.int64], empty: float) -> Tensor:
    left, top, right, bottom = hole
    changed = warp_pictures(pictures, one_map[None], empty)
    changed[..., top:bottom, left:right] = empty
    return changed


def _changes(settings: AugmentConfig) -> bool:
    return any((settings.flip, settings.shift, settings.rotate_deg, settings.zoom, settings.erase))


def _places(numbers: Sequence[int] | NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Place in ``numbers`` of each of ``0 .. count - 1``; -1 for those that are not there."""
    places = np.full(count, -1, np.int64)
    places[np.asarray(numbers, np.int64)] = np.arange(len(numbers))
    return places
