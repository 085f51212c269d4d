"""The synthetic long store: frames, events and intervals on one clock; the same bytes for any workers and parts."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import numpy as np
import pytest

from neurofer.data.long.store import LABELS, label_of, open_long, truth_digest, video_frames
from neurofer.data.long.synthetic import (
    LongSyntheticPlan,
    long_jobs,
    performance_of,
    prepare_long_synthetic,
    smooth_alignments,
    true_intervals,
)
from neurofer.data.micro.align import EYES
from neurofer.data.micro.films import frame_times
from neurofer.data.store import read_store_index
from neurofer.errors import UsageError
from neurofer.events import open_recording
from neurofer.simulate.faces import LANDMARKS
from neurofer.simulate.micro import apex_middle_us
from neurofer.simulate.performance import TRUTH_DTYPE
from neurofer.simulate.timecourse import strengths

SMALL = LongSyntheticPlan(subjects=2, videos=1, length_s=3, size_px=64)
ONE = LongSyntheticPlan(subjects=1, videos=1, length_s=5, size_px=64)


def contents(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def eye_points(x, y):
    """``(T, L, 2)`` landmarks with the corners of eyes 40 pixels apart around ``(T,)`` places."""
    points = np.zeros((len(x), len(LANDMARKS), 2), np.float32)
    for side, sign in (("left", -1), ("right", 1)):
        for corner in ("outer", "inner"):
            points[:, LANDMARKS.index(f"eye_{corner}_{side}")] = np.stack([x + 20 * sign, y], axis=1)
    return points


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long") / "store"
    prepare_long_synthetic(folder, SMALL)
    return folder


@pytest.fixture(scope="module")
def lights(tmp_path_factory):
    """The same video under both lights, and at 200 frames a second."""
    folder = tmp_path_factory.mktemp("lights")
    return {name: prepare_long_synthetic(folder / name, LongSyntheticPlan(**{**vars(ONE), **changed}))
            for name, changed in (("steady", {}), ("varying", {"light": "varying"}), ("fast", {"fps": 200.0}))}


def test_the_store_holds_what_was_asked(whole):
    made = open_long(whole)
    assert made.clip_set.name == "long_synthetic"
    assert made.clip_set.classes == tuple(sorted(LABELS))
    assert [clip.name for clip in made.videos] == ["s000_00", "s001_00"]
    for clip in made.videos:
        truth, facts = made.truth[clip.name], clip.facts
        assert (facts["fps"], facts["frames"], facts["first_frame"]) == ("30", "90", "0")
        assert (facts["light"], facts["event_fps"], facts["truth"]) == ("steady", "210", truth_digest(truth))
        assert clip.label == label_of(truth) != "none"
        assert Counter(one.kind for one in truth) == Counter(micro=int(facts["micro"]), macro=int(facts["macro"]))
        assert clip.sensor == (64, 64)
        assert [part.split()[1] for part in facts["nuisances"].split("+")] == ["blink", "speech", "turn"]


def test_frames_events_and_truth_share_one_clock(whole):
    for clip in open_long(whole).videos:
        frames = video_frames(clip)
        np.testing.assert_array_equal(frames.times_us, frame_times(90, 30))
        assert frames.pictures.shape == (90, 64, 64)
        assert clip.stop_us == frames.times_us[-1] + 1
        with open_recording(clip.path) as recording:
            assert recording.sensor == (64, 64)
            assert recording.end_us < clip.stop_us
            assert len(recording.between(0, clip.stop_us).t) > 1000
        truth = np.load(whole / "truth" / f"{clip.name}.npy", allow_pickle=False)
        assert truth.dtype == TRUTH_DTYPE
        np.testing.assert_array_equal(truth["t_us"], frames.times_us)


def test_eyes_stay_near_their_places(whole):
    for clip in open_long(whole).videos:
        points = np.load(whole / "truth" / f"{clip.name}.npy", allow_pickle=False)["landmarks"]
        for side, goal in zip(("left", "right"), EYES, strict=True):
            corners = [LANDMARKS.index(f"eye_{corner}_{side}") for corner in ("outer", "inner")]
            eye = points[:, corners].mean(axis=1)
            away = eye - (64 * np.array(goal) - 0.5)
            assert np.abs(away.mean(axis=0)).max() < 0.5
            assert np.abs(away).max() < 4


def test_the_summary_counts(whole):
    made, summary = open_long(whole), json.loads((whole / "summary.json").read_text())
    truth = [one for of in made.truth.values() for one in of]
    assert (summary["videos"], summary["subjects"], summary["minutes"]) == (2, 2, 0.1)
    assert summary["micro"] + summary["macro"] == len(truth) == sum(summary["emotions"].values())
    assert sum(summary["labels"].values()) == 2
    assert (summary["rejected"], summary["overlaps"], summary["fixes"]) == (0, 0, [])


def test_workers_and_parts_give_the_same_bytes(whole, tmp_path):
    assert prepare_long_synthetic(tmp_path / "store", SMALL, workers=2, part=(2, 2)) is None
    assert not (tmp_path / "store" / "intervals.csv").exists()
    assert prepare_long_synthetic(tmp_path / "store", SMALL, part=(1, 2)) is not None
    assert contents(tmp_path / "store") == contents(whole)


def test_first_subject_gives_the_same_person_and_video(whole, tmp_path):
    alone = prepare_long_synthetic(tmp_path / "store", LongSyntheticPlan(
        subjects=1, first_subject=1, videos=1, length_s=3, size_px=64, name="other"))
    both = open_long(whole)
    assert alone.truth["s001_00"] == both.truth["s001_00"]
    assert alone.videos[0].facts["frames_digest"] == both.videos[1].facts["frames_digest"]


def test_a_moment_is_that_of_the_nearest_frame():
    plan = LongSyntheticPlan(subjects=1, videos=1, length_s=60)
    job = long_jobs(plan)[0]
    performance, times_us = performance_of(plan, job), frame_times(plan.frames, plan.fps)
    intervals = true_intervals(plan, job, performance)
    assert len(intervals) == len(performance.expressions) > 2
    for one, planted in zip(intervals, performance.expressions, strict=True):
        moments = planted.shown.onset_us, apex_middle_us(planted.shown), planted.shown.offset_us
        assert [one.onset, one.apex, one.offset] == [int(np.abs(times_us - moment).argmin()) for moment in moments]
        assert (one.kind, one.label, one.onset_seen) == (planted.kind, planted.emotion, True)


def test_both_lights_have_the_same_truth_but_other_pictures(lights):
    steady, varying = lights["steady"], lights["varying"]
    assert steady.truth == varying.truth
    assert steady.videos[0].facts["truth"] == varying.videos[0].facts["truth"]
    assert steady.videos[0].facts["nuisances"] == varying.videos[0].facts["nuisances"]
    means = {name: video_frames(made.videos[0]).pictures.mean(axis=(1, 2)) for name, made in lights.items()}
    assert np.ptp(means["varying"] / means["steady"]) > 0.05


def test_video_at_200_frames_a_second_shows_the_same(lights):
    slow, fast = (lights[name].videos[0] for name in ("steady", "fast"))
    assert (fast.facts["frames"], fast.facts["event_fps"]) == ("1000", "200")
    every_slow, every_fast = video_frames(slow).pictures[::3], video_frames(fast).pictures[::20]
    apart = np.abs(every_slow.astype(float) - every_fast)
    assert apart.mean() < 3                                     # video noise of up to 1.5 grey values in both
    for one, other in zip(lights["steady"].truth[slow.name], lights["fast"].truth[fast.name], strict=True):
        assert (one.kind, one.label) == (other.kind, other.label)
        assert abs(one.onset / 30 - other.onset / 200) < 0.02


def test_the_face_changes_most_near_the_apex():
    plan = LongSyntheticPlan(subjects=2, length_s=60)
    for job in long_jobs(plan):
        performance = performance_of(plan, job)
        shown = strengths([one.shown for one in performance.expressions], frame_times(plan.frames, plan.fps))
        total = shown.sum(axis=(1, 2))
        for one in true_intervals(plan, job, performance):
            assert total[one.apex] > 0.9 * total[one.onset : one.offset + 1].max()
            assert max(total[one.onset], total[one.offset]) < 0.3 * total[one.apex]


def test_macro_expressions_show_in_the_pictures(lights):
    made = lights["steady"]
    pictures = video_frames(made.videos[0]).pictures.astype(float)
    macro = [one for one in made.truth["s000_00"] if one.kind == "macro"]
    assert macro
    for one in macro:
        moved = np.abs(pictures[one.onset : one.offset + 1] - pictures[one.onset]).mean(axis=(1, 2))
        rest = np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2))
        assert moved[one.apex - one.onset] > 1.5 * np.median(rest)


def test_slow_drift_is_taken_out_and_a_jerk_stays():
    seconds = np.arange(0, 60, 0.01)
    drift, jerk = 100 + 8 * np.sin(2 * np.pi * seconds / 40), 3 * np.exp(-0.5 * ((seconds - 30) / 0.1) ** 2)
    points = eye_points(drift + jerk, np.full(len(seconds), 90.0))
    where = smooth_alignments(points, 100, 112)
    left = points[:, LANDMARKS.index("eye_outer_left")]
    seen = np.array([one.matrix[:, :2] @ place + one.matrix[:, 2] for one, place in zip(where, left, strict=True)])
    away = seen[:, 0] - (112 * EYES[0][0] - 0.5)
    scale = where[0].scale
    calm = (np.abs(seconds - 30) > 3) & (seconds > 3) & (seconds < 57)
    assert np.abs(away[calm]).max() < 0.15 * scale              # 8 pixels of drift, less than a seventh is left
    assert away[3000] == pytest.approx(3 * scale, rel=0.15)
    np.testing.assert_allclose(seen[:, 1], 112 * EYES[0][1] - 0.5, atol=1e-3)


@pytest.mark.parametrize(("fps", "drawn"), [(30.0, 210.0), (200.0, 200.0), (25.0, 200.0), (60.0, 240.0)])
def test_the_event_pixel_sees_200_a_second_or_more_in_whole_steps(fps, drawn):
    assert LongSyntheticPlan(fps=fps).event_fps == drawn


def test_the_plan_is_in_the_index(whole):
    parameters = read_store_index(whole).parameters
    assert (parameters["generator"], parameters["light"], parameters["event_fps"]) == ("long_synthetic", "steady", 210)


@pytest.mark.parametrize(("changed", "said"), [
    ({"subjects": 0}, "subjects is 0"), ({"videos": 0}, "videos is 0"), ({"length_s": 0.5}, "length_s is 0.5"),
    ({"fps": 5}, "fps is 5; need 10 to 500"), ({"size_px": 8}, "size is 8"), ({"light": "dim"}, "light is 'dim'"),
    ({"threshold": 0}, "threshold is 0"), ({"name": "a b"}, "name is 'a b'"), ({"seed": -1}, "seed is -1"),
    ({"fps": float("nan")}, "fps is nan"),
])
def test_impossible_plans_are_refused(changed, said):
    with pytest.raises(UsageError, match=said):
        LongSyntheticPlan(**changed)
