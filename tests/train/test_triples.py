"""The published samples: every triple, doubled triples in their exact order, and one change for each frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from neurofer.data.cache import ClipRows
from neurofer.models.build import build_ann
from neurofer.models.recurrent import SequenceClassifier
from neurofer.train.ann import pictures_to_network
from neurofer.train.config import TrainConfig
from neurofer.train.decisions import softmax
from neurofer.train.processes import Processes
from neurofer.train.recognise import train_recogniser
from neurofer.train.triples import TripleTask, contexts, doubled_contexts

LENGTHS = (5, 3, 8)
EVERY = {"sample": {"kind": "every"}, "train": {"batch": 4}}
STILL = {"augment": {"flip": 0.0, "shift": 0.0, "rotate_deg": 0.0, "zoom": 0.0}}
DOUBLE = {"parity": {"double_windowing": True}}


@pytest.fixture
def rows(tmp_path: Path) -> ClipRows:
    """Pictures of three clips; window w of clip c is flat at 20 c + w."""
    values = np.concatenate([20 * clip + np.arange(length) for clip, length in enumerate(LENGTHS)])
    pictures = np.broadcast_to(values[:, None, None, None], (len(values), 3, 16, 16)).astype(np.uint8)
    return ClipRows(pictures, np.ones((len(values), 2), np.int64), np.concatenate([[0], np.cumsum(LENGTHS)]), tmp_path)


def task_of(rows: ClipRows, *settings: dict[str, object], **more: object) -> TripleTask:
    said: dict[str, object] = {}
    for one in (EVERY, *settings):
        said |= one
    return TripleTask(TrainConfig.model_validate(said | more), rows, np.array([0, 1, 2]), [0, 1, 2], [0, 1, 2])


def seen(task: TripleTask, seed: int = 0) -> list[tuple[int, ...]]:
    """The windows of every sample of an epoch, numbered as in ``rows``."""
    found = []
    for pictures, labels in task.batches(np.random.default_rng(seed)):
        numbers = ((pictures[:, :, 0, 8, 8] + 1) * 127.5).round().long()
        assert (numbers // 20 == labels[:, None]).all()
        found += [tuple(sample) for sample in numbers.tolist()]
    return found


def test_four_windows_are_doubled_in_the_published_order() -> None:
    said = ["".join(str(window + 1) for window in sample) for sample in doubled_contexts(4)]
    assert said == ["123", "232", "323", "234"]


def test_n_windows_give_3n_minus_8_samples_and_none_below_three() -> None:
    assert [len(doubled_contexts(windows)) for windows in range(9)] == [0, 0, 0, 1, 4, 7, 10, 13, 16]
    assert doubled_contexts(2).shape == (0, 3)
    assert doubled_contexts(3).tolist() == [[0, 1, 2]]


@pytest.mark.parametrize("windows", [3, 7, 42])
def test_true_triples_are_every_third_doubled_sample(windows: int) -> None:
    assert (doubled_contexts(windows)[::3] == contexts(windows, 3)).all()


def test_doubling_single_windows_changes_nothing() -> None:
    assert (doubled_contexts(5, 1) == contexts(5, 1)).all()


def test_every_triple_is_seen_once_an_epoch_in_a_drawn_order(rows: ClipRows) -> None:
    task = task_of(rows, STILL)
    wanted = [(start, start + 1, start + 2) for clip, length in enumerate(LENGTHS)
              for start in range(20 * clip, 20 * clip + length - 2)]
    assert sorted(seen(task)) == wanted
    assert seen(task, 0) == seen(task, 0) != seen(task, 1)
    assert task.steps == len(list(task.batches(np.random.default_rng(0)))) == 3


def test_doubled_samples_are_seen_as_often_as_they_come(rows: ClipRows) -> None:
    task = task_of(rows, STILL, DOUBLE)
    wanted = sorted(tuple((20 * clip + sample).tolist()) for clip, length in enumerate(LENGTHS)
                    for sample in doubled_contexts(length))
    assert sorted(seen(task)) == wanted
    assert len(wanted) == sum(3 * length - 8 for length in LENGTHS)


def network() -> SequenceClassifier:
    torch.manual_seed(0)
    return build_ann(3, 16, width=0.125, dropout=0.0).eval()


def test_each_sample_has_a_loss_of_its_own(rows: ClipRows) -> None:
    task, model = task_of(rows, STILL), network()
    pictures, labels = next(task.batches(np.random.default_rng(0)))
    loss = task.loss(model, (pictures, labels))
    logits = torch.cat([model(pictures[place : place + 1])[0][:, 0] for place in range(len(labels))])
    assert loss.plain == pytest.approx(float(functional.cross_entropy(logits, labels).detach()), abs=1e-5)
    assert loss.samples == len(labels)


def test_a_clip_is_decided_by_the_mean_over_its_samples(rows: ClipRows) -> None:
    model = network()
    for settings, order in ((STILL, contexts), (DOUBLE, doubled_contexts)):
        said = task_of(rows, settings).decide(model, [2, 0])
        wanted = []
        for clip in (2, 0):
            samples = pictures_to_network(rows.of(clip))[torch.from_numpy(order(LENGTHS[clip], 3))]
            with torch.inference_mode():
                wanted.append(softmax(model(samples)[0][:, 0].double().numpy()))
        assert np.allclose(said.window_probabilities, np.concatenate(wanted), atol=1e-5)
        assert np.allclose(said.probabilities, [one.mean(axis=0) for one in wanted], atol=1e-5)
        assert said.window_clips.tolist() == [0] * len(wanted[0]) + [1] * len(wanted[1])


def test_the_published_choice_of_the_epoch_counts_samples(rows: ClipRows) -> None:
    model, doubled = network(), {"double_windowing": True}
    counting = task_of(rows, STILL, parity={**doubled, "best_on_test": True})
    said, processes = counting.decide(model, [0, 1, 2]), Processes("cpu")
    truth = np.array([0, 1, 2])
    by_sample = float((said.window_predicted == truth[said.window_clips]).mean())
    by_clip = float((said.predicted == truth).mean())
    assert by_sample != by_clip  # 7, 1 and 16 samples: the clips do not count alike
    assert counting.validate(model, processes)["accuracy"] == pytest.approx(by_sample)
    assert task_of(rows, STILL, parity=doubled).validate(model, processes)["accuracy"] == pytest.approx(by_clip)


def test_the_frame_model_has_a_sample_for_every_window(rows: ClipRows) -> None:
    task = task_of(rows, STILL, DOUBLE, model={"context_windows": 1, "lstm_layers": 0})
    assert len(seen(task)) == sum(LENGTHS)


def sides(task: TripleTask) -> np.ndarray:
    """Whether each picture of each sample came out with its bright side on the left."""
    pictures = torch.cat([batch for batch, _ in task.batches(np.random.default_rng(0))])
    return (pictures[:, :, 0, 8, 0] > pictures[:, :, 0, 8, 15]).numpy()


def test_a_sample_is_mirrored_as_a_whole_or_frame_by_frame(rows: ClipRows) -> None:
    rows.rows.flags.writeable = True
    rows.rows[..., 8:] = 200
    flip = {"augment": {"flip": 0.5, "shift": 0.0, "rotate_deg": 0.0, "zoom": 0.0}}
    whole, each = sides(task_of(rows, flip)), sides(task_of(rows, flip, parity={"augment_per_frame": True}))
    assert set(whole.sum(axis=1).tolist()) == {0, 3}
    assert set(each.sum(axis=1).tolist()) & {1, 2}


def test_the_published_recipe_learns(small_config: Callable[..., TrainConfig]) -> None:
    import json

    folder = train_recogniser(small_config("ann", "sample.kind=every", "train.schedule=constant", "train.epochs=8",
                                           "train.weight_decay=0.0", "parity.double_windowing=true"))
    assert json.loads((folder / "card.json").read_text())["metrics"]["validation_accuracy"] >= 0.6
