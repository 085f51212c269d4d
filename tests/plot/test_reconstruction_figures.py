"""The sheet and the curves of a pre-training."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.plot.reconstruction import Shown, pretraining_curves, reconstruction_sheet


def column(label: str, channels: int = 3) -> Shown:
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (channels, 8, 8)).astype(np.uint8 if channels == 3 else np.float32)
    return Shown(label, generator.poisson(0.3, (2, 8, 8)).astype(np.float32), picture,
                 generator.random((3, 8, 8)).astype(np.float32), np.full((1, 8, 8), 90, np.uint8))


def test_a_sheet_shows_events_input_drawn_and_true_of_each_column() -> None:
    figure = reconstruction_sheet([column("ann\nhappy"), column("bob\nsad", channels=5)], "title", "tie")
    panels = np.array(figure.axes).reshape(4, 2)
    assert [axes.get_ylabel() for axes in panels[:, 0]] == ["events", "tie", "drawn", "true"]
    assert [axes.get_xlabel() for axes in panels[-1]] == ["ann\nhappy", "bob\nsad"]
    np.testing.assert_array_equal(panels[1, 0].images[0].get_array(), np.moveaxis(column("").picture, 0, -1))
    assert (np.asarray(panels[3, 1].images[0].get_array()) == 90).all()
    grey = np.asarray(panels[1, 1].images[0].get_array())
    assert grey.min() == 0
    assert grey.max() == 1


def test_a_window_without_events_is_drawn() -> None:
    empty = column("")._replace(counts=np.zeros((2, 8, 8), np.float32), picture=np.zeros((2, 8, 8), np.float32))
    assert len(reconstruction_sheet([empty]).axes) == 4


def test_curves_show_the_mean_face_as_a_line() -> None:
    history = [{"epoch": number, "discriminator": 0.6, "adversarial": 0.8, "l1": 0.3 / number, "held_out_mae": 0.2,
                "held_out_psnr_db": 15.0 + number, "held_out_ssim": 0.4} for number in (1, 2, 3)]
    figure = pretraining_curves(history, {"psnr_db": 14.0, "ssim": 0.3}, "title")
    psnr = figure.axes[2]
    assert [line.get_ydata()[0] for line in psnr.lines] == [16.0, 14.0]
    assert list(figure.axes[1].lines[1].get_ydata()) == [0.4] * 3  # faces run over -1..1 in the loss
    without = [{name: value for name, value in row.items() if "held_out" not in name} for row in history]
    assert len(pretraining_curves(without, {}).axes) == 4


def test_one_epoch_has_one_tick() -> None:
    row = {"epoch": 1, "discriminator": 0.6, "adversarial": 0.8, "l1": 0.3, "held_out_mae": 0.2,
           "held_out_psnr_db": 15.0, "held_out_ssim": 0.4}
    figure = pretraining_curves([row], {})
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(ValueError, match="need at least one column"):
        reconstruction_sheet([])
    with pytest.raises(ValueError, match="need at least one epoch"):
        pretraining_curves([], {})
