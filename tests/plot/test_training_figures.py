"""Curves and confusion matrices are drawn headless from any history, and refuse nonsense."""

from __future__ import annotations

import io

import pytest

from neurofer.plot.training import confusion_figure, curves_figure

ROWS = [{"epoch": epoch, "train_loss": 2 / epoch, "validation_loss": 2.2 / epoch, "train_accuracy": 0.2 * epoch,
         "validation_accuracy": 0.15 * epoch, "best_epoch": epoch} for epoch in (1, 2, 3)]


@pytest.mark.parametrize("count", [1, 3])
def test_curves_mark_the_chosen_epoch(count: int) -> None:
    figure = curves_figure(ROWS[:count], "snn, seed 0")
    right = figure.axes[1]
    assert right.get_title("right") == f"epoch {count}: {15 * count:.1f}%"
    figure.savefig(io.BytesIO())


def test_cells_hold_shares_of_the_true_class_and_counts() -> None:
    figure = confusion_figure([[3, 1], [0, 0]], ["calm", "glad"], "ann")
    assert [text.get_text() for text in figure.axes[0].texts] == ["75", "3", "25", "1"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["calm (4)", "glad (0)"]
    figure.savefig(io.BytesIO())


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one epoch"):
        curves_figure([])
    with pytest.raises(ValueError, match="need 3x3 counts"):
        confusion_figure([[1, 2], [3, 4]], ["a", "b", "c"])
