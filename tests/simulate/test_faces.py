"""Procedural faces: what the picture shows is what the ground truth says."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.simulate.actions import CLASSES, UNITS, unit_column
from neurofer.simulate.faces import LANDMARKS, FaceRenderer, Track, still_track
from neurofer.simulate.identity import RANGES, draw_identity
from neurofer.simulate.performance import draw_performance, draw_subject, film
from neurofer.simulate.scene import draw_scene


def face(seed=1, size=128):
    random = np.random.default_rng(seed)
    who = draw_identity(random)
    return FaceRenderer(who, draw_scene(who, (size, size), random))


def shown(renderer, units, side=(0, 1)):
    """Pictures of the resting face and of the face with these units, and the landmarks of both."""
    strengths = np.zeros((2, len(UNITS), 2))
    for unit, strength in units.items():
        for place in side:
            strengths[1, unit_column(unit), place] = strength
    track = still_track(np.array([0, 1]), strengths)
    rest, moved = renderer.frames(track)
    return rest, moved, dict(zip(LANDMARKS, renderer.landmarks(track).transpose(1, 0, 2), strict=True))


def moved_by(points, name):
    return points[name][1] - points[name][0]


@pytest.mark.parametrize(("unit", "name", "axis", "sign"), [
    (1, "brow_inner_left", 1, -1), (2, "brow_outer_left", 1, -1), (4, "brow_inner_right", 1, 1),
    (5, "lid_upper_left", 1, -1), (6, "lid_lower_left", 1, -1), (7, "lid_lower_right", 1, -1), (10, "lip_upper", 1, -1),
    (12, "mouth_left", 1, -1), (12, "mouth_right", 0, 1), (14, "mouth_right", 0, 1), (15, "mouth_left", 1, 1),
    (18, "mouth_left", 0, 1), (20, "mouth_left", 0, -1), (23, "lip_upper", 1, 1), (24, "lip_lower", 1, -1),
    (25, "lip_lower", 1, 1), (26, "chin", 1, 1), (45, "lid_upper_left", 1, 1)])
def test_units_move_what_they_are_named_for(unit, name, axis, sign):
    _, _, points = shown(face(), {unit: 1.0})
    assert sign * moved_by(points, name)[axis] > 0.5


def mouth_corner(picture, around):
    """Darkest place near a corner of the mouth, to a part of a pixel."""
    x, y = np.rint(around).astype(int)
    patch = picture[y - 6 : y + 7, x - 2 : x + 3].astype(float)
    weight = np.clip(np.percentile(patch, 30) - patch, 0, None) ** 2
    return y + (weight * np.arange(-6, 7)[:, None]).sum() / weight.sum()


def test_a_smile_raises_the_corners_in_the_picture():
    for seed in (1, 3, 4):
        rest, smile, points = shown(face(seed, 256), {12: 1.0})
        told = moved_by(points, "mouth_left")[1]
        before, after = points["mouth_left"] + (2, 0)
        seen = mouth_corner(smile, after) - mouth_corner(rest, before)
        assert told < -5
        assert seen == pytest.approx(told, abs=3)


def test_a_blink_hides_the_eyes():
    rest, closed, points = shown(face(2, 256), {45: 1.0})
    x, y = np.rint((points["eye_inner_left"][0] + points["eye_outer_left"][0]) / 2).astype(int)
    eye = slice(y - 8, y + 4), slice(x - 10, x + 11)
    assert rest[eye].max() > 1.2 * closed[eye].max()             # the glint and the white are gone
    assert rest[eye].min() < 0.5 * closed[eye].min()             # so is the pupil


def test_an_open_mouth_is_dark_inside():
    rest, opened, points = shown(face(1, 256), {26: 1.0, 25: 1.0})
    x, y = np.rint(points["lip_lower"][1]).astype(int)
    assert opened[y - 22 : y - 8, x].min() < 0.35 * rest[y - 22 : y - 8, x].min()


def test_one_sided_units_leave_the_other_side():
    rest, moved, _ = shown(face(), {2: 1.0, 6: 1.0}, side=(0,))
    change = np.abs(moved - rest)
    assert change[:, :64].mean() > 20 * change[:, 68:].mean()


def test_every_unit_changes_the_picture():
    renderer = face(5)
    rest = shown(renderer, {})[0]
    for unit in UNITS:
        assert np.abs(np.log1p(shown(renderer, {unit: 1.0})[1]) - np.log1p(rest)).max() > 0.1, unit


def test_expressions_differ_from_neutral_and_from_each_other():
    renderer = face(6)
    from neurofer.simulate.actions import EXPRESSIONS

    pictures = {label: shown(renderer, {unit: mean for unit, (_, mean) in EXPRESSIONS[label].core.items()},
                             (0,) if EXPRESSIONS[label].one_sided else (0, 1))[1] for label in CLASSES}
    for first in CLASSES:
        for second in CLASSES[CLASSES.index(first) + 1 :]:
            assert np.abs(pictures[first] - pictures[second]).max() > 15, (first, second)


def test_head_pose_moves_the_landmarks_with_the_picture():
    renderer = face(1, 128)
    rest = still_track(np.arange(2))
    pose = rest.pose.copy()
    pose[1, 3:5] = 8 / renderer.scene.unit_px, -4 / renderer.scene.unit_px
    track = Track(rest.times_us, rest.strengths, rest.gaze, pose, rest.light, rest.speech)
    first, second = renderer.frames(track)
    shift = np.diff(renderer.landmarks(track), axis=0)
    np.testing.assert_allclose(shift, np.broadcast_to((8, -4), shift.shape), atol=1e-3)
    box = slice(40, 90), slice(40, 90)
    moved = second[box[0].start - 4 : box[0].stop - 4, box[1].start + 8 : box[1].stop + 8]
    np.testing.assert_allclose(moved, first[box], atol=12)       # resampled at other places of the texture


def test_pixels_change_smoothly_with_motion():
    renderer, steps = face(3), 21
    rest = still_track(np.arange(steps))
    pose = rest.pose.copy()
    pose[:, 3] = np.linspace(0, 2 / renderer.scene.unit_px, steps)
    track = Track(rest.times_us, rest.strengths, rest.gaze, pose, rest.light, rest.speech)
    frames = np.array(list(renderer.frames(track)))
    jumps = np.abs(np.diff(frames, axis=0)).max((1, 2))
    assert jumps.max() < 0.35 * np.abs(frames[-1] - frames[0]).max()   # no pixel does the whole change in one step


def test_light_stays_within_the_sensor_and_faces_differ():
    pictures = []
    for number in range(6):
        subject = draw_subject(3, number)
        assert set(subject.identity.shape) == set(RANGES)
        clip = film(draw_performance(3, subject, "surprise", 0), (64, 48), 30)
        frames = np.array(list(clip.frames()))
        assert frames.dtype == np.float32
        assert frames.shape[1:] == (48, 64)
        assert frames.min() >= 0
        assert frames.max() <= 255
        pictures.append(frames[0])
    for one in range(5):
        assert np.abs(pictures[one] - pictures[one + 1]).mean() > 5


def test_truth_follows_the_clip():
    subject = draw_subject(0, 2)
    performance = draw_performance(0, subject, "happiness", 1)
    clip = film(performance, (64, 64), 120)
    assert len(list(clip.frames())) == len(clip.truth)
    assert (np.diff(clip.truth["t_us"]) > 0).all()
    smile = clip.truth["units"][:, unit_column(12)].mean(1)
    times, shown_movement = clip.truth["t_us"], performance.movements[0]
    assert smile[times <= shown_movement.onset_us].max() == 0
    inside = (times >= shown_movement.apex_us) & (times <= shown_movement.release_us)
    assert smile[inside].min() == pytest.approx(smile.max(), rel=1e-6)
    left, top, width, height = clip.box
    points = np.median(clip.truth["landmarks"], axis=0)
    assert (points[:, 0] > left).all()
    assert (points[:, 0] < left + width).all()
    assert (points[:, 1] > top - 1).all()
    assert (points[:, 1] < top + height + 1).all()


def test_motion_between_frames_is_below_a_pixel():
    for number, label in enumerate(("surprise", "happiness", "fear", "neutral")):
        clip = film(draw_performance(0, draw_subject(0, number), label, 0), (128, 128), 120)
        steps = np.hypot(*np.moveaxis(np.diff(clip.truth["landmarks"], axis=0), -1, 0))
        lids = [LANDMARKS.index(name) for name in LANDMARKS if name.startswith("lid")]
        assert np.delete(steps, lids, axis=1).max() < 1
        assert steps.max() < 1.3                                 # a lid in a blink


def test_the_same_seed_gives_the_same_film_at_any_rate_and_size():
    one, two = (film(draw_performance(5, draw_subject(5, 1), "fear", 0), (64, 64), fps) for fps in (60, 120))
    np.testing.assert_array_equal(one.truth["units"][:20], two.truth["units"][:40:2])
    np.testing.assert_array_equal(next(one.frames()), next(two.frames()))
    again = film(draw_performance(5, draw_subject(5, 1), "fear", 0), (64, 64), 60)
    for first, second in zip(one.frames(), again.frames(), strict=True):
        np.testing.assert_array_equal(first, second)
    large = film(draw_performance(5, draw_subject(5, 1), "fear", 0), (128, 128), 60)
    np.testing.assert_allclose((large.truth["landmarks"] + 0.5) / 2, one.truth["landmarks"] + 0.5, atol=1.0)


def test_impossible_films_are_refused():
    performance = draw_performance(0, draw_subject(0, 0), "anger", 0)
    with pytest.raises(ValueError, match="at least 2 frames"):
        film(performance, (64, 64), 0.5)
    with pytest.raises(ValueError, match="16 pixels"):
        film(performance, (8, 64), 60)
