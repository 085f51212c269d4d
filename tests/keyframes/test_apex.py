import numpy as np
import pytest

from neurofer.keyframes.apex import flow_maximum_apex, midpoint_apex, motion_curve
from trees.bump import bump_film, bump_texture


def test_the_film_of_a_bump_is_what_it_says():
    frames, times_us, onset, apex, offset = bump_film(0, 2.0, 0.0)
    assert frames.shape == (200, 96, 96)
    assert (onset, apex, offset) == (60, 95, 140)
    assert times_us[[0, 1, apex]].tolist() == [0, 5000, 475_000]
    still = np.all(frames == frames[0], axis=(1, 2))
    assert still[:onset + 1].all()
    assert still[offset:].all()
    assert not still[onset + 3:offset - 2].any()
    assert frames.min() >= 25  # 0.1 of 255, and cubic interpolation does not reach beyond by much
    texture = bump_texture(np.random.default_rng(0), 96)
    assert (texture.min(), texture.max()) == (0.1, pytest.approx(0.9))
    contrasts = [np.abs(np.gradient(np.log(bump_texture(np.random.default_rng(seed), 96)), axis=1)).mean()
                 for seed in range(20)]
    # 0.093 where the events of this film were first counted; textures differ by a tenth in their range
    assert np.mean(contrasts) == pytest.approx(0.093, abs=0.01)


def test_the_midpoint_is_the_earlier_of_two():
    assert [midpoint_apex(*ends) for ends in ((10, 45), (10, 46), (7, 7), (7, 8))] == [27, 28, 7, 7]


@pytest.mark.parametrize(("peak_px", "noise_sigma"), [(2, 0.005), (2, 0.01), (1, 0.005), (0.5, 0.005)])
def test_the_flow_maximum_is_near_the_apex(peak_px, noise_sigma):
    frames, _, onset, apex, offset = bump_film(1, peak_px, noise_sigma)
    # The half cosine moves less than a hundredth of its peak in the 3 frames about the apex
    assert abs(flow_maximum_apex(frames, onset, offset) - apex) <= 4


def test_the_curve_rises_to_the_apex_and_falls_again():
    frames, _, onset, apex, offset = bump_film(2, 2.0, 0.0)
    numbers, motion_px = motion_curve(frames, onset, offset, every=5)
    assert numbers.tolist() == list(range(60, 141, 5))
    assert motion_px[0] == 0
    assert motion_px[-1] == 0
    turn = (apex - onset) // 5
    assert np.all(np.diff(motion_px[:turn + 1]) >= 0)
    assert np.all(np.diff(motion_px[turn:]) <= 0)


def test_the_curve_is_in_pixels_of_the_frames():
    frames, _, onset, apex, _ = bump_film(3, 2.0, 0.0, size=96)
    large = frames.repeat(2, axis=1).repeat(2, axis=2)
    (_, small_px), (_, large_px) = (motion_curve(film, onset, apex, every=35) for film in (frames, large))
    # the same film at twice the pixels moves twice as many; both are looked at as 64 x 64, resized by other ratios
    assert large_px[-1] == pytest.approx(2 * small_px[-1], rel=0.02)


def test_motion_of_the_whole_picture_is_no_expression():
    frames, _, onset, apex, offset = bump_film(4, 2.0, 0.005, size=128)
    down = np.arange(len(frames)) // 10  # 8 pixels from onset to offset: far more than the bump
    drifting = np.stack([frame[20 - by:116 - by, 16:112] for frame, by in zip(frames, down, strict=True)])
    assert abs(flow_maximum_apex(drifting, onset, offset) - apex) <= 4


def test_every_nth_frame_gives_one_of_them():
    frames, _, onset, _, offset = bump_film(5, 2.0, 0.005)
    found = flow_maximum_apex(frames, onset, offset, every=4)
    assert (found - onset) % 4 == 0
    assert abs(found - 95) <= 6


def test_a_still_clip_has_its_apex_at_the_midpoint():
    frames = np.full((40, 32, 32), 7, np.uint8)
    assert flow_maximum_apex(frames, 10, 31) == midpoint_apex(10, 31)
    assert flow_maximum_apex(frames, 12, 12) == 12


def test_small_frames_are_looked_at_as_they_are():
    frames, _, onset, apex, offset = bump_film(6, 2.0, 0.0, size=48, sigma_px=6.0)
    assert abs(flow_maximum_apex(frames, onset, offset, every=5) - apex) <= 5


@pytest.mark.parametrize(("onset", "offset", "every"), [(-1, 5, 1), (6, 5, 1), (0, 10, 1), (0, 9, 0)])
def test_frames_out_of_the_clip_are_refused(onset, offset, every):
    with pytest.raises(ValueError, match="need 0 <= onset <= offset < 10 and every >= 1"):
        motion_curve(np.zeros((10, 8, 8), np.uint8), onset, offset, every)


def test_other_frames_are_refused():
    with pytest.raises(ValueError, match=r"need frames \(N, H, W\) uint8"):
        motion_curve(np.zeros((10, 8, 8)), 0, 9)
