"""Embeddings of a frozen encoder: what it gives, made once, and the same training as by the long way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurofer.data.store import open_store
from neurofer.models.recurrent import SequenceClassifier
from neurofer.train import recognise
from neurofer.train.ann import pictures_to_network, sequence_classifier
from neurofer.train.augment import draw_holes, draw_maps, warp_pictures
from neurofer.train.build import build_recogniser
from neurofer.train.config import TrainConfig
from neurofer.train.data import Prepared, prepare
from neurofer.train.frozen import frozen_task, keeps_embeddings, view_generator
from neurofer.train.recognise import train_recogniser
from neurofer.train.transfer import take_encoder, wanted_encoder

Make = Callable[..., TrainConfig]
STILL = ("augment.flip=0", "augment.shift=0", "augment.rotate_deg=0", "augment.zoom=0")


@pytest.fixture
def linear(small_config: Make, pretrained: Callable[..., Path]) -> Make:
    gan = pretrained()

    def make(*words: str, out: str = "run") -> TrainConfig:
        return small_config("ann", "model.mode=linear", f"model.encoder_from='{gan}'", *words, out=out)

    return make


def parts(config: TrainConfig, cache: Path) -> tuple[Prepared, Any, SequenceClassifier]:
    """Data, task on embeddings, network."""
    clip_set = open_store(Path(str(config.data)))
    prepared = prepare(config, clip_set, None, cache)
    torch.manual_seed(0)
    model = build_recogniser(config, clip_set.classes, prepared.channels)
    taken = wanted_encoder(config, clip_set)
    assert taken is not None
    take_encoder(model, taken, config)
    return prepared, frozen_task(config, prepared, model, cache), sequence_classifier(model.eval())


def test_decisions_on_embeddings_are_those_on_pictures(linear: Make, tmp_path: Path) -> None:
    prepared, task, model = parts(linear(), tmp_path)
    validation = prepared.numbers["validation"]
    kept, whole = task.decide(model, validation), prepared.task.decide(model, validation)
    assert np.allclose(kept.window_probabilities, whole.window_probabilities, atol=1e-6)
    assert kept.window_clips.tolist() == whole.window_clips.tolist()
    with pytest.raises(ValueError, match="is not among the clips that were embedded"):
        task.decide(model, prepared.numbers["test"])


def test_a_view_is_one_change_of_the_whole_clip(linear: Make, tmp_path: Path) -> None:
    config = linear("augment.rotate_deg=10", "augment.erase=0.5", "augment.views=3", "seed=4")
    prepared, task, model = parts(config, tmp_path)
    clip = int(prepared.numbers["train"][5])
    generator = view_generator(4, prepared.clip_set.clips[clip].name)
    maps, holes = draw_maps(generator, config.augment, 3), draw_holes(generator, config.augment, 3, 16)
    length = len(prepared.rows.of(clip))
    wanted = []
    for view in range(3):
        pictures = warp_pictures(pictures_to_network(prepared.rows.of(clip))[None], maps[view, None], -1.0)
        left, top, right, bottom = holes[view]
        pictures[..., top:bottom, left:right] = -1.0
        with torch.inference_mode():
            wanted.append(model.embed(pictures)[0])
    drawn = task._inputs.drawn(np.full(20, clip), np.tile(np.arange(length), (20, 1)), np.arange(20),
                               np.random.default_rng(0))
    found = [next(view for view in range(3) if torch.allclose(one, wanted[view], atol=1e-5)) for one in drawn]
    assert set(found) == {0, 1, 2}


def test_views_depend_on_seed_and_clip_alone() -> None:
    drawn = {(seed, clip): view_generator(seed, clip).random() for seed in (0, 1) for clip in ("a", "b")}
    assert len(set(drawn.values())) == 4
    assert view_generator(1, "b").random() == drawn[1, "b"]


def test_embeddings_are_made_once(linear: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts(linear(), tmp_path)
    there = {path.name for path in tmp_path.glob("embeddings-*")}
    assert len(there) == 2  # views of training clips, plain validation clips

    def never(*words: object) -> None:
        raise AssertionError("encoded again")

    with monkeypatch.context() as patched:
        patched.setattr(SequenceClassifier, "embed", never)
        # Other heads and fewer labels look at the same windows.
        parts(linear("model.context_windows=1", "model.lstm_layers=0"), tmp_path)
        parts(linear("split.labels=0.3", "train.lr=1e-4"), tmp_path)
        with pytest.raises(AssertionError, match="encoded again"):
            parts(linear("seed=1"), tmp_path)
        with pytest.raises(AssertionError, match="encoded again"):
            parts(linear("augment.shift=0.2"), tmp_path)
        with pytest.raises(AssertionError, match="encoded again"):
            parts(linear("model.encoder_epoch=1"), tmp_path)
    assert {path.name for path in tmp_path.glob("embeddings-*")} == there


def test_without_changes_there_is_one_view(linear: Make, tmp_path: Path) -> None:
    parts(linear(*STILL), tmp_path)
    shapes = [np.load(path / "rows.npy").shape[1:] for path in tmp_path.glob("embeddings-*")]
    assert shapes == [(1, 64), (1, 64)]


@pytest.mark.parametrize("words", [(), ("sample.kind=every", "parity.double_windowing=true")])
def test_training_on_embeddings_is_training_by_the_long_way(linear: Make, monkeypatch: pytest.MonkeyPatch,
                                                            words: tuple[str, ...]) -> None:
    fast = train_recogniser(linear(*STILL, *words, out="fast"))
    monkeypatch.setattr(recognise, "keeps_embeddings", lambda config: False)
    slow = train_recogniser(linear(*STILL, *words, out="slow"))
    rows = [[json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
            for folder in (fast, slow)]
    for one, other in zip(*rows, strict=True):
        # Sums in another order; the draws are the same.
        assert one["train_loss"] == pytest.approx(other["train_loss"], abs=1e-4)
        assert one["validation_loss"] == pytest.approx(other["validation_loss"], abs=1e-4)


def test_two_runs_are_the_same_whether_the_cache_is_there_or_not(linear: Make, tmp_path: Path) -> None:
    runs = [train_recogniser(linear(out=name), cache=tmp_path / cache)
            for name, cache in (("one", "a"), ("two", "a"), ("three", "b"))]
    assert len({(run / "model.safetensors").read_bytes() for run in runs}) == 1


def test_what_changes_every_time_is_not_kept(linear: Make, small_config: Make) -> None:
    assert keeps_embeddings(linear())
    for word in ("parity.bn_train=true", "parity.augment_per_frame=true", "augment.events.drop=1"):
        assert not keeps_embeddings(linear(word))
    assert not keeps_embeddings(small_config("ann"))
