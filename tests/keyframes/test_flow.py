import cv2
import numpy as np
import pytest

from neurofer.keyframes.flow import farneback, flow_maps, magnitude, resize_flow, with_magnitude
from neurofer.keyframes.instants import key_instants
from trees.bump import bump_film, bump_texture

MIDDLE = np.s_[..., 20:-20, 20:-20]
"""Far enough from the edge that the flow there, 15 pixels of window, does not see what comes in."""


def shifted_pair(across, down=0, size=128):
    """Two looks at one texture; what the first shows is ``across`` and ``down`` pixels farther in the second."""
    texture = np.rint(255 * bump_texture(np.random.default_rng(3), size + 32)).astype(np.uint8)
    return np.stack((texture[16:16 + size, 16:16 + size],
                     texture[16 - down:16 - down + size, 16 - across:16 - across + size]))


def bump_pair(seed=0, peak_px=2.0, size=96):
    frames, _, onset, apex, _ = bump_film(seed, peak_px, 0.005, size)
    return frames[[onset, apex]]


@pytest.mark.parametrize(("across", "down"), [(2, 0), (-2, 0), (0, 2), (0, -3), (1, 2)])
def test_u_is_to_the_right_and_v_is_down(across, down):
    flow = farneback(*shifted_pair(across, down))
    # the texture is sharp and the noise that of 8 bits: far below a hundredth of a pixel
    np.testing.assert_allclose(flow[0][MIDDLE], across, atol=0.01)
    np.testing.assert_allclose(flow[1][MIDDLE], down, atol=0.01)
    assert flow.dtype == np.float32


def test_vectors_shrink_as_the_picture_does():
    maps = flow_maps(shifted_pair(2), 64, stabilise=False)
    assert maps.shape == (2, 1, 64, 64)
    np.testing.assert_allclose(maps[0][MIDDLE], 1, atol=0.005)


@pytest.mark.parametrize(("size_px", "expected"), [(64, 1.0), (112, 1.75), (28, 0.4375), (128, 2.0), (160, 2.5)])
def test_any_size_keeps_the_vectors_in_its_own_pixels(size_px, expected):
    maps = flow_maps(shifted_pair(2), size_px, stabilise=False)
    assert maps.shape == (2, 1, size_px, size_px)
    edge = -(-20 * size_px // 128)
    np.testing.assert_allclose(maps[0, 0, edge:-edge, edge:-edge], expected, rtol=0.005)


def test_pictures_that_are_not_square_scale_each_way_for_itself():
    flow = np.stack((np.full((32, 64), 4.0, np.float32), np.full((32, 64), 4.0, np.float32)))
    small = resize_flow(flow, 16)
    assert small.shape == (2, 16, 16)
    np.testing.assert_array_equal(small[0], 1)
    np.testing.assert_array_equal(small[1], 2)


def test_the_median_takes_a_shift_of_the_whole_picture_away():
    moved = flow_maps(shifted_pair(2, 1))
    np.testing.assert_allclose(moved[MIDDLE], 0, atol=0.005)


def test_the_median_leaves_a_local_motion():
    first, second = bump_pair(0, size=128)
    still, pushed = (flow_maps(np.stack((first, np.roll(second, across, axis=1))), 128) for across in (0, 3))
    # what is rolled in at the edge is seen two windows inwards
    np.testing.assert_allclose(pushed[..., 36:-36, 36:-36], still[..., 36:-36, 36:-36], atol=0.02)
    assert still[0, 0, 64, 64] > 1


@pytest.mark.parametrize("size", [96, 97, 128])
def test_a_mirrored_pair_gives_the_mirrored_flow(size):
    first, second = bump_pair(1, size=size)
    flow, mirrored = farneback(first, second), farneback(first[:, ::-1], second[:, ::-1])[:, :, ::-1]
    # OpenCV leaves the last column and row out where it keeps the first, and its window carries that inwards:
    # up to 0.04 of 1.7 pixels at the edge; inside only the order of float32 sums differs.
    for tolerance, where in ((0.06, np.s_[:]), (1e-4, np.s_[20:-20, 20:-20])):
        np.testing.assert_allclose(mirrored[0][where], -flow[0][where], atol=tolerance)
        np.testing.assert_allclose(mirrored[1][where], flow[1][where], atol=tolerance)
        np.testing.assert_allclose(magnitude(mirrored)[where], magnitude(flow)[where], atol=tolerance)
    assert magnitude(flow).max() > 1.5


def test_magnitude_rises_with_displacement():
    lengths = [magnitude(flow_maps(bump_pair(2, peak_px))).mean() for peak_px in (0, 0.25, 0.5, 1, 1.5, 2, 3)]
    assert np.all(np.diff(lengths) > 0)
    # Linear once above the noise: twice the way is twice the flow, within a tenth
    assert lengths[5] == pytest.approx(2 * lengths[3], rel=0.1)


def test_flow_of_the_key_frames_turns_around_at_the_apex():
    frames, _, onset, apex, offset = bump_film(4, 2.0, 0.0)
    instants = key_instants(onset, apex, offset)
    maps = flow_maps(frames[np.floor(instants.times + 0.5).astype(int)])
    across = maps[0, :, 32, 32]
    assert maps.shape == (2, 10, 64, 64)
    assert np.all(across[:instants.apex_place] > 0)
    assert np.all(across[instants.apex_place:] < 0)


def test_frames_that_repeat_give_exactly_zero(monkeypatch):
    first, second = bump_pair()
    calls = []
    real = cv2.calcOpticalFlowFarneback
    monkeypatch.setattr(cv2, "calcOpticalFlowFarneback", lambda *given: (calls.append(1), real(*given))[1])
    maps = flow_maps(np.stack((first, first, second, second, second)))
    assert len(calls) == 1
    np.testing.assert_array_equal(maps[:, [0, 2, 3]], 0)
    assert maps[:, 1].any()


def test_each_map_is_that_of_its_pair_alone():
    frames, *_ = bump_film(5, 2.0, 0.01)
    maps = flow_maps(frames[60:110:10])
    for number, start in enumerate(range(60, 100, 10)):
        np.testing.assert_array_equal(maps[:, number:number + 1], flow_maps(frames[[start, start + 10]]))


def test_the_number_of_threads_changes_nothing():
    frames = bump_pair(6, size=128)
    before = cv2.getNumThreads()
    results = []
    try:
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            results.append(flow_maps(frames))
    finally:
        cv2.setNumThreads(before)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_views_and_read_only_frames_are_taken_and_left_alone():
    frames = bump_pair()
    frames.flags.writeable = False
    wide = np.repeat(frames, 2, axis=2)[:, :, ::2]
    np.testing.assert_array_equal(flow_maps(wide), flow_maps(frames))


@pytest.mark.parametrize("side", [1, 5, 33])
def test_small_and_flat_pictures_give_finite_flow(side):
    noise = np.random.default_rng(side).integers(0, 256, (2, side, side)).astype(np.uint8)
    flat = np.stack((np.zeros((side, side), np.uint8), np.full((side, side), 255, np.uint8)))
    assert np.isfinite(flow_maps(noise, 8)).all()
    assert np.isfinite(flow_maps(flat, 8)).all()


def test_magnitude_is_the_length_and_comes_third():
    flow = np.zeros((2, 3, 4, 5), np.float32)
    flow[0], flow[1] = 3, -4
    np.testing.assert_array_equal(magnitude(flow), 5)
    whole = with_magnitude(flow)
    assert whole.shape == (3, 3, 4, 5)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole[:2], flow)
    np.testing.assert_array_equal(whole[2], 5)


@pytest.mark.parametrize("frames", [np.zeros((1, 8, 8), np.uint8), np.zeros((8, 8), np.uint8), np.zeros((2, 8, 8))])
def test_other_frames_are_refused(frames):
    with pytest.raises(ValueError, match="need at least 2 frames|need two pictures"):
        flow_maps(frames)


def test_pictures_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match=r"of one shape, got \(8, 8\) uint8 and \(8, 9\) uint8"):
        farneback(np.zeros((8, 8), np.uint8), np.zeros((8, 9), np.uint8))
