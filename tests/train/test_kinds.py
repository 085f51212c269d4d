"""Every representation trains, comes back from its run folder and decides window by window what evaluation says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurofer.data.clip import Box
from neurofer.data.store import open_store
from neurofer.data.windows import clip_windows, window_edges
from neurofer.errors import UsageError
from neurofer.events.events import Events
from neurofer.events.open import open_recording
from neurofer.events.recording import Window
from neurofer.models.front import LearnedGrid, Scale
from neurofer.represent import build_representation
from neurofer.represent.registry import KINDS
from neurofer.stream.predictor import Predictor
from neurofer.stream.steps import AnnStep, Scene
from neurofer.train.ann import empty_value, pictures_to_network
from neurofer.train.augment import warp_pictures
from neurofer.train.checkpoint import save_checkpoint
from neurofer.train.data import prepare
from neurofer.train.front import MOST_WINDOWS, measure_front
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run

FRONTS = {"voxel": Scale, "counts": Scale, "time_surface": Scale, "est": LearnedGrid}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_trains_and_predicts_as_it_evaluates(kind, small_config, tmp_path):
    config = small_config("ann", f"represent.kind={kind}", "train.epochs=1", out=kind)
    run = load_run(train_recogniser(config, cache=tmp_path / "cache"))
    assert type(run.model.front) is FRONTS.get(kind, type(None))
    prepared = prepare(run.config, open_store(run.config.data), None, tmp_path / "cache")
    clip = int(prepared.numbers["test"][0])
    expected = prepared.task.decide(run.model, [clip]).window_probabilities
    step, known = Predictor(run)._step, prepared.clip_set.clips[clip]
    assert isinstance(step, AnnStep)
    edges = window_edges(known.start_us, known.stop_us, config.represent.window_us)
    found, state = [], None
    with open_recording(known.path) as recording:
        scene = Scene(known.box, recording.start_us)
        for start_us, stop_us in zip(edges[:-1], edges[1:], strict=True):
            window = Window(int(start_us), int(stop_us), recording.between(int(start_us), int(stop_us)))
            verdict, state = step(window, scene, state)
            found += [] if verdict is None else [verdict.probabilities]
    # One window at a time or all at once: other sums in the encoder's convolutions.
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_silence_is_the_same_in_the_cache_in_a_stream_and_around_a_changed_picture(kind, blob_store, tmp_path):
    recipe = build_representation(kind)
    step = AnnStep(torch.nn.Identity(), recipe, 8)  # type: ignore[arg-type]
    nothing = Window(0, 50_000, Events.empty((48, 40)))
    stored = step._picture(nothing, Scene(Box(4, 0, 40, 40), 0))
    assert (stored == recipe.empty_value).all()
    clip_set = open_store(blob_store)
    rows = clip_windows(clip_set, recipe, 50_000, 8, tmp_path)
    assert rows.empty == recipe.empty_value
    # Beyond the sensor's edge a picture goes on as where nothing happens.
    corner = nothing._replace(events=Events([1], [47], [39], [1], (48, 40)))
    away = step._picture(corner, Scene(Box(-80, -80, 40, 40), 0))
    assert (away == recipe.empty_value).all()
    still = pictures_to_network(np.broadcast_to(stored[None, None], (1, 2, *stored.shape)))
    away_by = np.array([[[1, 0, 0.7], [0, 1, 0.7]]], np.float32)
    moved = warp_pictures(still, away_by, empty_value(rows.rows.dtype, rows.empty))
    torch.testing.assert_close(moved, still, rtol=0, atol=1e-6)


def test_a_window_without_events_is_cached_as_silence(tmp_path):
    from neurofer.data.clip import Clip
    from neurofer.data.store import StoredClip, write_store_index
    from neurofer.events.columns import write_columns

    events = Events([0, 10, 250_000], [1, 2, 3], [1, 2, 3], [1, 0, 1], (8, 8))
    digest = write_columns(tmp_path / "store" / "events" / "one", events, (8, 8)).digest
    clip = Clip("one", tmp_path / "store" / "events" / "one", 0, 300_000, "s", "a", "t", Box(0, 0, 8, 8), (8, 8))
    write_store_index(tmp_path / "store", "t", ("a", "b"), (8, 8), {}, [StoredClip(clip, 3, digest)], "1")
    for kind in ("event_frame", "accumulate", "tencode", "tie", "voxel"):
        recipe = build_representation(kind)
        rows = clip_windows(open_store(tmp_path / "store"), recipe, 100_000, 8, tmp_path / "cache")
        assert (rows.of(0)[1] == recipe.empty_value).all()
        assert not (rows.of(0)[0] == recipe.empty_value).all()


def test_the_scale_is_measured_on_training_clips_alone(small_config, tmp_path):
    config = small_config("ann", "represent.kind=counts", "train.epochs=1")
    folder = train_recogniser(config, cache=tmp_path / "cache")
    prepared = prepare(config, open_store(config.data), None, tmp_path / "cache")
    train = prepared.numbers["train"]
    pictures = np.concatenate([prepared.rows.of(int(clip)) for clip in train]).astype(np.float64)
    assert len(pictures) <= MOST_WINDOWS
    expected = np.sqrt((pictures[pictures != 0] ** 2).mean())
    assert float(load_run(folder).model.front.divisor) == pytest.approx(expected, rel=1e-6)
    front = Scale(2)
    measure_front(front, prepared.rows, prepared.numbers["test"])
    assert float(front.divisor) != pytest.approx(expected, rel=1e-6)


def test_binary_counts_are_told_from_silence(small_config, tmp_path):
    config = small_config("ann", "represent.kind=counts", "represent.settings.mode=binary", "train.epochs=1")
    run = load_run(train_recogniser(config, cache=tmp_path / "cache"))
    silent, fired = (run.model.front(pictures_to_network(np.full((1, 2, 16, 16), value, np.uint8))) for value in (0, 1))
    assert float(silent.abs().max()) == 0.0
    torch.testing.assert_close(fired, torch.ones_like(fired), rtol=1e-4, atol=1e-4)


def test_a_kind_without_settings_refuses_those_of_another(small_config):
    with pytest.raises(UsageError, match="sae: unknown setting 'variant'; it has no settings"):
        train_recogniser(small_config("ann", "represent.kind=sae", "represent.settings.variant=t0_t0"))


def test_a_killed_run_goes_on_with_its_scale(small_config, tmp_path, monkeypatch):
    whole = load_run(train_recogniser(small_config("ann", "represent.kind=est", out="whole"), cache=tmp_path / "cache"))
    config = small_config("ann", "represent.kind=est", out="cut")

    def killed(*words, **named):
        save_checkpoint(*words, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("neurofer.train.loop.save_checkpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            train_recogniser(config, cache=tmp_path / "cache")
    again = load_run(train_recogniser(config, resume=True, cache=tmp_path / "cache"))
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[name], value, rtol=0, atol=0)
