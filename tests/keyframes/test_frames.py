import numpy as np
import pytest

from neurofer.keyframes.frames import interpolated_frames, linear_frames, nearest_frames, remembering
from neurofer.keyframes.instants import KeyInstants, frame_numbers, key_instants, uniform_instants


def ramp(count, step=1):
    """Frames whose light is their number times ``step``."""
    return np.broadcast_to((step * np.arange(count, dtype=np.uint8))[:, None, None], (count, 3, 4)).copy()


def lights(pictures):
    assert pictures.shape[1:] == (3, 4)
    assert pictures.dtype == np.uint8
    assert np.all(pictures == pictures[:, :1, :1])
    return pictures[:, 0, 0].tolist()


class Halfway:
    """A midpoint that is exact for light in the middle, and counts its calls."""

    def __init__(self):
        self.batches = []

    def __call__(self, first, second):
        self.batches.append(len(first))
        return ((first.astype(np.int64) + second) // 2).astype(np.uint8)


def test_nearest_frames_are_the_clips_own():
    instants = key_instants(0, 25, 100)
    assert lights(nearest_frames(ramp(101), instants.times)) == [0, 8, 17, 25, 36, 46, 57, 68, 79, 89, 100]


def test_nearest_frames_are_a_copy():
    frames = ramp(11)
    nearest_frames(frames, np.arange(11.0))[:] = 0
    np.testing.assert_array_equal(frames, ramp(11))


def test_linear_frames_blend_the_two_neighbours():
    blends = linear_frames(ramp(5, step=10), [0, 0.25, 0.5, 1, 2.96, 3.04, 3.75, 4])
    assert lights(blends) == [0, 3, 5, 10, 30, 30, 38, 40]


def test_linear_frames_at_whole_times_are_the_nearest():
    frames = np.random.default_rng(0).integers(0, 256, (9, 5, 6)).astype(np.uint8)
    np.testing.assert_array_equal(linear_frames(frames, np.arange(9)), nearest_frames(frames, np.arange(9)))


def test_linear_frames_fade_down_as_they_fade_up():
    assert lights(linear_frames(ramp(5, step=10)[::-1], [0, 0.25, 4])) == [40, 38, 0]


@pytest.mark.parametrize("take", [nearest_frames, linear_frames])
@pytest.mark.parametrize("times", [[-0.1], [4.01], [float("nan")], [[1.0]], 2.0])
def test_times_without_frames_are_refused(take, times):
    with pytest.raises(ValueError, match="times from 0 to 4"):
        take(ramp(5), times)


@pytest.mark.parametrize("frames", [np.zeros((5, 4), np.uint8), np.zeros((5, 3, 4)), np.zeros((0, 3, 4), np.uint8)])
def test_other_frames_are_refused(frames):
    with pytest.raises(ValueError, match=r"need frames \(N, H, W\) uint8"):
        nearest_frames(frames, [0])


def test_synthesised_frames_are_those_of_the_grid_nearest_to_the_instants():
    instants, midpoint = key_instants(0, 25, 100), Halfway()
    frames = ramp(101)
    frames[25], frames[100] = 80, 160
    made = interpolated_frames(frames, 0, 25, 100, instants, midpoint)
    # rise at 1/3 and 2/3: grid 3 and 5 of 8, light 10 a step; fall at 1/7 ... 6/7: grid 1, 2, 3, 5, 6, 7
    assert lights(made) == [0, 30, 50, 80, 90, 100, 110, 130, 140, 150, 160]
    assert midpoint.batches == [2, 4, 8]


def test_synthesis_looks_at_the_three_annotated_frames_alone():
    frames = np.random.default_rng(1).integers(0, 256, (81, 5, 6)).astype(np.uint8)
    others = np.random.default_rng(2).integers(0, 256, (81, 5, 6)).astype(np.uint8)
    others[[10, 45, 80]] = frames[[10, 45, 80]]
    instants = key_instants(10, 45, 80)
    one, other = (interpolated_frames(film, 10, 45, 80, instants, Halfway()) for film in (frames, others))
    np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(one[[0, instants.apex_place, 10]], frames[[10, 45, 80]])


@pytest.mark.parametrize("moments", [(0, 0, 80), (0, 80, 80), (16, 16, 80), (0, 40, 80), (0, 8, 16), (3, 4, 80)])
def test_synthesised_frames_of_even_motion_are_near_the_real_ones(moments):
    instants = key_instants(*moments)
    made = lights(interpolated_frames(ramp(81, step=3), *moments, instants, Halfway()))
    real = lights(nearest_frames(ramp(81, step=3), instants.times))
    # half a step of the grid, half a frame, and one of light that is lost by rounding down at each of three levels
    most = 3 * (max(moments[1] - moments[0], moments[2] - moments[1]) / 16 + 0.5) + 3
    assert np.abs(np.subtract(made, real)).max() <= most
    assert made[0] == real[0]
    assert made[instants.apex_place] == real[instants.apex_place]
    assert made[-1] == real[-1]


def test_a_half_without_duration_is_one_frame_and_costs_no_synthesis():
    midpoint = Halfway()
    assert lights(interpolated_frames(ramp(41), 0, 0, 40, key_instants(0, 0, 40), midpoint))[:3] == [0, 0, 0]
    assert midpoint.batches == [1, 2, 4]
    midpoint = Halfway()
    assert lights(interpolated_frames(ramp(41), 0, 40, 40, key_instants(0, 40, 40), midpoint))[8:] == [40, 40, 40]
    assert midpoint.batches == [1, 2, 4]
    midpoint = Halfway()
    assert lights(interpolated_frames(ramp(9), 5, 5, 5, key_instants(5, 5, 5), midpoint)) == [5] * 11
    assert midpoint.batches == []


def test_synthesis_refuses_times_out_of_order_or_out_of_the_clip():
    instants = key_instants(2, 5, 8)
    with pytest.raises(ValueError, match="all instants between, got 3, 5, 8"):
        interpolated_frames(ramp(9), 3, 5, 8, instants, Halfway())
    with pytest.raises(ValueError, match="need onset <= apex <= offset"):
        interpolated_frames(ramp(9), 2, 9 - 1, 5, instants, Halfway())
    with pytest.raises(ValueError, match="times from 0 to 7"):
        interpolated_frames(ramp(8), 2, 5, 8, instants, Halfway())


def test_a_midpoint_of_another_type_is_named():
    with pytest.raises(ValueError, match=r"midpoint gave \(2, 3, 4\) float64, wanted \(2, 3, 4\) uint8"):
        interpolated_frames(ramp(9), 0, 4, 8, key_instants(0, 4, 8), lambda first, second: (first + second) / 2)


def test_instants_that_were_moved_take_the_grid_frame_nearest_to_them():
    times = np.array([0, 1, 7, 8, 9, 9.9, 10, 12, 14, 15, 16.0])
    made = interpolated_frames(ramp(17), 0, 8, 16, KeyInstants(times, 2), Halfway())
    assert lights(made) == frame_numbers(times).tolist()


def test_midpoints_are_asked_for_once():
    midpoint = Halfway()
    once = remembering(midpoint)
    for instants in (key_instants(0, 25, 80), uniform_instants(0, 80)):
        made = interpolated_frames(ramp(81, step=3), 0, 25, 80, instants, once)
        np.testing.assert_array_equal(made, interpolated_frames(ramp(81, step=3), 0, 25, 80, instants, Halfway()))
    assert midpoint.batches == [2, 4, 8]
