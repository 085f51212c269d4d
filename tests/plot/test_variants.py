"""The picture of an ablation: every variant has its place, the first a line through all."""

from __future__ import annotations

import pytest

from neurofer.plot.ablation import Estimate
from neurofer.plot.variants import variants_figure


def test_variants_stand_below_each_other_and_what_needs_no_face_last() -> None:
    figure = variants_figure({"base": Estimate(0.6, 0.5, 0.7), "other": Estimate(0.4)}, "UF1", "title",
                             {"majority": 0.2})
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["base", "other", "majority"]
    assert axes.get_xlim() == pytest.approx((0.16, 0.74))
    top, bottom = axes.get_ylim()[::-1]
    assert top < bottom  # the first is on top
    assert 0.6 in [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert axes.get_xlabel() == "UF1"


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        variants_figure({}, "UF1")
