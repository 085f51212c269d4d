"""What a fold learns, and that it learns nothing from whom it tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.clip import Clip
from neurofer.data.frames import Frames
from neurofer.data.long.pool import open_long_pool
from neurofer.data.long.store import LongSet, video_frames
from neurofer.data.micro.split import everybody, leave_one_out
from neurofer.errors import NeuroferError
from neurofer.spotting.interval import Interval
from neurofer.train.micro.reads import require_unread
from neurofer.train.spot import inputs as inputs_module
from neurofer.train.spot.fold import PURPOSES, distances, fold_record, full_scores, run_fold
from neurofer.train.spot.inputs import Skips, spot_inputs, strided
from neurofer.train.spot.optimise import empty_spotter
from trees.long_store import small_config, write_long_store

KINDS = {"video": (), "events": ("input.kind=events",), "inner": ("decode.source=inner",),
         "stride": ("input.frame_stride=2",), "overlap": ("sample.label=iou", "input.references=before")}


@pytest.mark.parametrize("kind", KINDS)
def test_the_tested_subject_is_read_for_nothing_but_the_test(kind: str, store: Path, tmp_path: Path) -> None:
    long_set = open_long_pool([store])
    split = leave_one_out(long_set.clip_set, 1)
    result = run_fold(small_config("train.epochs=1", *KINDS[kind]), long_set, split, tmp_path)
    record = fold_record(long_set, split, result)
    require_unread(record["reads"], split.test)
    assert list(record["reads"]) == list(PURPOSES)
    for purpose in PURPOSES:
        assert record["reads"][purpose]["subjects"] == list(split.test if purpose == "test" else split.train)
    assert result.scores["p1_0"].shape == (240, 2)
    assert ((result.scores["p1_0"] >= 0) & (result.scores["p1_0"] <= 1)).all()
    assert record["test"]["p1_0"]["frames"] == 240
    assert {"base", "untuned", "no_floor", "fixed", "extended", "no_merge", "nms"} <= set(result.predicted)


@pytest.mark.parametrize("kind", ["video", "events", "inner"])
def test_nothing_is_learned_from_the_videos_of_the_tested(kind: str, store: Path, tmp_path: Path,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    """Their frames, events and truth are others from the start: distances, weights and thresholds stay as they are."""
    long_set = open_long_pool([store])
    split = leave_one_out(long_set.clip_set, 0)

    def learned(given: LongSet, cache: Path) -> tuple[object, ...]:
        result = run_fold(small_config(*KINDS[kind]), given, split, cache)
        weights = {name: value.tolist() for name, value in result.model.state_dict().items()}
        return result.skips, result.decodings, result.tuned, weights, result.scores["p0_0"].tolist()

    def other_frames(clip: Clip) -> Frames:
        frames = video_frames(clip)
        return frames if clip.subject in split.train else frames._replace(pictures=255 - frames.pictures[::-1])

    real = inputs_module._sums

    def other_sums(clip: Clip, times_us: np.ndarray, size_px: int) -> np.ndarray:
        sums = real(clip, times_us, size_px)
        return sums if clip.subject in split.train else sums[:, ::-1]

    first = learned(long_set, tmp_path / "one")
    other_truth = {name: (Interval(name, "micro", 3, 90),) if name == "p0_0" else one
                   for name, one in long_set.truth.items()}
    monkeypatch.setattr(inputs_module, "video_frames", other_frames)
    monkeypatch.setattr(inputs_module, "_sums", other_sums)
    second = learned(replace(long_set, truth=other_truth), tmp_path / "other")
    assert first[:4] == second[:4]
    assert first[4] != second[4]


def test_distances_are_half_the_mean_length_of_the_training_people(store: Path) -> None:
    truth = [Interval("v", "micro", 0, length - 1) for length in (13, 14, 14)]
    skips, halves = distances(small_config(), truth, 30.0)
    assert skips == {"micro": 6, "macro": 18}
    assert halves == skips
    skips, halves = distances(small_config("skip.factor=2", "skip.half_macro=9"), truth, 30.0)
    assert skips == {"micro": 12, "macro": 36}
    assert halves == {"micro": 6, "macro": 9}
    assert distances(small_config("skip.micro=4"), truth, 30.0)[0]["micro"] == 4


def test_a_fold_is_the_same_again_and_another_with_another_seed(store: Path, tmp_path: Path) -> None:
    long_set = open_long_pool([store])
    split = leave_one_out(long_set.clip_set, 0)
    runs = [run_fold(small_config(f"seed={seed}", "train.epochs=1"), long_set, split, tmp_path) for seed in (0, 0, 1)]
    scores = [run.scores["p0_0"] for run in runs]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])


def test_videos_without_expressions_alone_cannot_be_learned_from(store: Path, tmp_path: Path) -> None:
    long_set = open_long_pool([store])
    empty = replace(long_set, truth=dict.fromkeys(long_set.truth, ()))
    with pytest.raises(NeuroferError, match="nothing to learn"):
        run_fold(small_config(), empty, everybody(long_set.clip_set), tmp_path)


def test_a_type_that_the_training_people_do_not_show_is_never_spotted(store: Path, tmp_path: Path) -> None:
    long_set = open_long_pool([store])
    truth = {name: tuple(one for one in found if one.kind == "macro" or name == "p0_0")
             for name, found in long_set.truth.items()}
    result = run_fold(small_config(), replace(long_set, truth=truth), leave_one_out(long_set.clip_set, "p0"), tmp_path)
    assert not [one for one in result.predicted["base"]["p0_0"] if one.kind == "micro"]


def test_scores_with_a_frame_stride_are_on_the_frames_of_the_video(store: Path, tmp_path: Path) -> None:
    long_set, config = open_long_pool([store]), small_config("input.frame_stride=7")
    inputs = spot_inputs(long_set, config.input, tmp_path)
    assert inputs.frames(0) == 35
    scores = full_scores(empty_spotter(config).eval(), inputs, long_set, 0, Skips(1, 3))
    assert scores.shape == (240, 2)
    np.testing.assert_allclose(scores[3], scores[0] + (scores[7] - scores[0]) * 3 / 7)


def test_strided_intervals_keep_a_frame(store: Path) -> None:
    one = Interval("v", "micro", 15, 17, None, None, "", False)
    assert strided([one], 7, 5) == (Interval("v", "micro", 3, 3, None, None, "", False),)
    assert strided([Interval("v", "macro", 7, 28)], 7, 5) == (Interval("v", "macro", 1, 4),)
    assert strided([Interval("v", "macro", 33, 34)], 7, 5) == (Interval("v", "macro", 4, 4),)


def test_planted_expressions_are_spotted_after_training_on_other_textures(tmp_path: Path) -> None:
    """Acceptance test 6 of the specification: 600 frames, both hit, two false alarms at most."""
    store = write_long_store(tmp_path / "store", subjects=5, frames=600, seed=4)
    long_set = open_long_pool([store])
    config = small_config("train.epochs=6", "sample.most=40")
    result = run_fold(config, long_set, leave_one_out(long_set.clip_set, "p0"), tmp_path)
    found = fold_record(long_set, leave_one_out(long_set.clip_set, "p0"), result)["scores"]
    assert found["micro"]["tp"] == 1
    assert found["macro"]["tp"] == 1
    assert found["overall"]["fp"] <= 2


def test_a_store_without_events_is_refused_for_event_runs(store: Path, tmp_path: Path) -> None:
    long_set = open_long_pool([store])
    clips = tuple(replace(clip, facts={**clip.facts, "events_made": "no"}) for clip in long_set.videos)
    bare = replace(long_set, clip_set=replace(long_set.clip_set, clips=clips))
    with pytest.raises(NeuroferError, match="--no-events"):
        run_fold(small_config("input.kind=events"), bare, leave_one_out(long_set.clip_set, 0), tmp_path)
