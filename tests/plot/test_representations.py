"""Pictures of representations."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.plot.representations import representation_figure, rgb_image


def test_rgb_image_is_pixel_for_pixel():
    array = np.random.default_rng(0).integers(0, 256, (3, 4, 5)).astype(np.uint8)
    image = rgb_image(array)
    assert image.shape == (4, 5, 3)
    np.testing.assert_array_equal(image[2, 3], array[:, 2, 3])
    with pytest.raises(ValueError, match="need \\(3, height, width\\) uint8"):
        rgb_image(array[:2])


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_every_channel_has_a_named_panel(channels, tmp_path):
    array = np.random.default_rng(0).normal(size=(channels, 12, 16)).astype(np.float32)
    figure = representation_figure(array, [f"name {c}" for c in range(channels)], title="t", note="n")
    assert [axis.get_title() for axis in figure.axes[:channels]] == [f"name {c}" for c in range(channels)]
    figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 1000


def test_zero_is_in_the_middle_of_signed_values_and_at_the_bottom_of_counts():
    signed, counts = np.array([[[-3.0, 1.0, 0.0]]]), np.array([[[3, 1, 0]]])
    low, high = representation_figure(signed).axes[0].images[0].get_clim()
    assert low == -high
    assert representation_figure(counts).axes[0].images[0].get_clim()[0] == 0


def test_grey_pictures_go_from_black_to_white_whatever_they_hold():
    image = representation_figure(np.full((1, 4, 4), 128, np.uint8), grey=True).axes[0].images[0]
    assert image.get_clim() == (0.0, 255.0)
    assert image.get_cmap().name == "gray"


def test_many_channels_stay_a_sheet():
    figure = representation_figure(np.ones((64, 6, 8)))
    assert max(figure.get_size_inches()) < 25


def test_an_empty_window_is_drawn():
    representation_figure(np.zeros((2, 4, 4)))


def test_refusals():
    with pytest.raises(ValueError, match="2 channels but 1 names"):
        representation_figure(np.zeros((2, 4, 4)), ["one"])
    with pytest.raises(ValueError, match="need \\(C, height, width\\)"):
        representation_figure(np.zeros((4, 4)))
