"""The synthetic micro store: frames, events and truth on one clock; the same bytes for any workers and parts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from neurofer.data.frames import clip_frames
from neurofer.data.micro import synthetic
from neurofer.data.micro.align import EYES
from neurofer.data.micro.synthetic import (
    EMOTIONS,
    MicroSyntheticPlan,
    Moments,
    make_micro_clip,
    micro_jobs,
    nuisances,
    prepare_micro_synthetic,
    unit_codes,
)
from neurofer.data.store import open_store, read_store_index
from neurofer.errors import UsageError
from neurofer.events import open_recording
from neurofer.simulate.actions import UNITS
from neurofer.simulate.faces import LANDMARKS
from neurofer.simulate.micro import MICRO_EMOTIONS
from neurofer.simulate.performance import TRUTH_DTYPE

SMALL = MicroSyntheticPlan(subjects=2, fps=100, size_px=48, per_class=(2, 1, 1))


def contents(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("micro") / "store"
    prepare_micro_synthetic(folder, SMALL)
    return folder


@pytest.fixture(scope="module")
def fine(tmp_path_factory):
    """Surprise at the size and rate of real sets."""
    folder = tmp_path_factory.mktemp("micro") / "fine"
    return prepare_micro_synthetic(folder, MicroSyntheticPlan(subjects=2, per_class=(0, 0, 1)))


def test_the_store_holds_what_was_asked(whole):
    store = open_store(whole)
    assert store.name == "micro_synthetic"
    assert store.classes == EMOTIONS == tuple(sorted(EMOTIONS))
    assert store.subjects == ("s000", "s001")
    assert [clip.facts["label3"] for clip in store.clips] == ["negative", "negative", "positive", "surprise"] * 2
    for clip in store.clips:
        assert clip.label in MICRO_EMOTIONS[clip.facts["label3"]]
        assert clip.sensor == (48, 48)
        assert clip.dataset == "micro_synthetic"
        assert (clip.facts["kind"], clip.facts["fps"], clip.facts["apex_source"]) == ("micro", "100", "annotated")
        assert clip.facts["aus"]
    summary = json.loads((whole / "summary.json").read_text())
    assert summary["clips"] == 8
    assert summary["label3"] == {"negative": 4, "positive": 2, "surprise": 2}
    assert (summary["rejected"], summary["midpoint_apexes"], summary["fixes"]) == (0, 0, [])


def test_onset_apex_and_offset_are_times_of_frames(whole):
    for clip in open_store(whole).clips:
        frames = clip_frames(clip)
        places = [int(clip.facts[f"{name}_frame"]) for name in ("onset", "apex", "offset")]
        assert [clip.truth[f"{name}_us"] for name in ("onset", "apex", "offset")] == frames.times_us[places].tolist()
        assert places == sorted(set(places))
        np.testing.assert_array_equal(frames.times_us, np.arange(len(frames.times_us)) * 10_000)
        assert frames.pictures.shape[1:] == (48, 48)
        assert clip.truth["onset_us"] >= 300_000
        assert clip.stop_us == frames.times_us[-1] + 1
        assert clip.stop_us - clip.truth["offset_us"] > 300_000
        with open_recording(clip.path) as recording:
            assert recording.sensor == (48, 48)
            assert recording.end_us < clip.stop_us


def test_truth_lies_in_the_crop_with_the_onset_frames_eyes_in_their_places(whole):
    for clip in open_store(whole).clips:
        truth = np.load(whole / "truth" / f"{clip.name}.npy", allow_pickle=False)
        assert truth.dtype == TRUTH_DTYPE
        np.testing.assert_array_equal(truth["t_us"], clip_frames(clip).times_us)
        points = truth["landmarks"][int(clip.facts["onset_frame"])]
        for side, goal in zip(("left", "right"), EYES, strict=True):
            eye = (points[LANDMARKS.index(f"eye_outer_{side}")] + points[LANDMARKS.index(f"eye_inner_{side}")]) / 2
            np.testing.assert_allclose(eye, 48 * np.array(goal) - 0.5, atol=0.01)     # float32 landmarks
        assert points.min() > -0.5
        assert points.max() < 47.5


def test_brows_move_most_at_the_apex_and_only_a_little(fine):
    brows = [LANDMARKS.index(f"brow_{part}_{side}") for part in ("inner", "outer") for side in ("left", "right")]
    for clip in fine.clips:
        truth = np.load(clip.path.parents[1] / "truth" / f"{clip.name}.npy", allow_pickle=False)
        onset, apex, offset = (int(clip.facts[f"{name}_frame"]) for name in ("onset", "apex", "offset"))
        moved_px = np.linalg.norm(truth["landmarks"][:, brows] - truth["landmarks"][onset, brows], axis=2).max(axis=1)
        assert abs(int(moved_px[onset : offset + 1].argmax()) + onset - apex) <= 8      # the head drifts, too
        assert 0.3 < moved_px[apex] < 6
        assert moved_px[offset] < 0.7 * moved_px[apex]


def test_events_come_where_and_when_the_video_changes(fine):
    for clip in fine.clips:
        frames = clip_frames(clip)
        onset, apex = (int(clip.facts[f"{name}_frame"]) for name in ("onset", "apex"))
        change = frames.pictures[apex].astype(float) - frames.pictures[onset]
        with open_recording(clip.path) as recording:
            events = recording.between(clip.truth["onset_us"], clip.truth["apex_us"])
        signs = np.zeros((128, 128))
        np.add.at(signs, (events.y, events.x), np.where(events.p, 1, -1))
        busy = np.abs(signs) >= 2
        assert busy.sum() > 20
        assert np.mean(np.sign(change[busy]) == np.sign(signs[busy])) > 0.95


def test_the_video_is_noisy_and_the_events_hardly(fine):
    for clip in fine.clips:
        before = clip_frames(clip).pictures[:8].astype(float)
        steps = np.diff(before, axis=0)[:, :20, :10]                                    # wall or hair, hardly moving
        assert 0.5 < np.sqrt(np.mean(steps ** 2) / 2) < 3
        with open_recording(clip.path) as recording:
            assert 500 < len(recording.between(0, clip.stop_us).t) < 300_000


def test_workers_and_parts_give_the_same_bytes(whole, tmp_path):
    assert prepare_micro_synthetic(tmp_path / "store", SMALL, workers=2, part=(2, 2)) is None
    assert not (tmp_path / "store" / "store.json").exists()
    assert prepare_micro_synthetic(tmp_path / "store", SMALL, part=(1, 2)) is not None
    assert contents(tmp_path / "store") == contents(whole)


def test_people_and_clips_do_not_depend_on_how_many_there_are(whole, tmp_path):
    plan = MicroSyntheticPlan(subjects=1, fps=100, size_px=48, per_class=(1, 0, 0), first_subject=1, name="other")
    (job,) = micro_jobs(plan)
    stored = make_micro_clip(plan, tmp_path, job)
    same = next(clip for clip in open_store(whole).clips if clip.name == job.name)
    assert (stored.clip.label, stored.clip.truth, stored.clip.facts) == (same.label, same.truth, same.facts)
    assert stored.clip.dataset == "other"
    np.testing.assert_array_equal(np.load(tmp_path / "frames" / f"{job.name}.npy"), clip_frames(same).pictures)


def test_another_rate_shows_the_same_expression(whole, tmp_path):
    plan = MicroSyntheticPlan(subjects=1, fps=250, size_px=48, per_class=(1, 0, 0))
    stored = make_micro_clip(plan, tmp_path, micro_jobs(plan)[0])
    same = open_store(whole).clips[0]
    assert (stored.clip.name, stored.clip.label) == (same.name, same.label)
    for name, time_us in same.truth.items():
        assert abs(stored.clip.truth[name] - time_us) <= 7_000                          # half a frame of each


def test_the_plan_is_kept_and_another_is_refused(whole):
    parameters = read_store_index(whole).parameters
    assert (parameters["generator"], parameters["fps"], parameters["per_class"]) == ("micro_synthetic", 100, [2, 1, 1])
    with pytest.raises(UsageError, match=r"was prepared with threshold 0.1 \(now 0.2\)"):
        prepare_micro_synthetic(whole, MicroSyntheticPlan(2, fps=100, size_px=48, per_class=(2, 1, 1), threshold=0.2))


def test_impossible_plans_are_refused_all_at_once():
    with pytest.raises(UsageError) as caught:
        MicroSyntheticPlan(subjects=0, fps=30, size_px=8, per_class=(0, 0, 0), threshold=float("nan"), name="../x")
    for said in ("subjects is 0", "fps is 30; need 100 to 1000", "size is 8", "per_class is 0,0,0", "threshold is nan",
                 "name is '../x'"):
        assert said in str(caught.value)


def test_unit_codes_by_hand():
    strengths = np.zeros((len(UNITS), 2))
    strengths[UNITS.index(4)], strengths[UNITS.index(7)] = (0.2, 0.19), (0.019, 0.0)
    strengths[UNITS.index(12)], strengths[UNITS.index(14)] = (0.3, 0.1), (0.0, 0.2)
    assert unit_codes(strengths) == "4+R12+L14"


def test_nuisances_are_told_only_when_they_happen_during_the_expression():
    truth = np.zeros(30, TRUTH_DTYPE)
    truth["units"][5:9, UNITS.index(45)] = 0.9
    truth["gaze"][20:, 0] = 0.3
    assert nuisances(truth, Moments(10, 13, 18)) == ()
    assert nuisances(truth, Moments(8, 13, 18)) == ("blink",)
    assert nuisances(truth, Moments(8, 13, 20)) == ("blink", "gaze")
    truth["speech"][15] = 0.2
    assert nuisances(truth, Moments(10, 13, 18)) == ("speech",)


def test_the_digest_of_a_store_follows_its_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise of the video changes no event, and yet it is another store."""
    plan = MicroSyntheticPlan(subjects=1, fps=100.0, size_px=32, per_class=(1, 0, 0))
    one = prepare_micro_synthetic(tmp_path / "one", plan)
    monkeypatch.setattr(synthetic, "VIDEO_NOISE", (0.01, 0.02))
    other = prepare_micro_synthetic(tmp_path / "other", plan)
    assert one is not None
    assert other is not None
    events = [(tmp_path / name / "events" / one.clips[0].name / "meta.json").read_text() for name in ("one", "other")]
    assert events[0] == events[1]
    assert one.digest != other.digest
