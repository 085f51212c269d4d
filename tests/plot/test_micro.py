"""Pictures of micro-expressions are drawn headless, say the right numbers and refuse nonsense."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from neurofer.plot.apex import apex_figure
from neurofer.plot.keyframes import flow_colours, full_motion, keyframes_figure
from neurofer.plot.micro import stages_figure

HISTORY = [{"stage": stage, "epoch": epoch, "loss": 0.5 / epoch, "accuracy": 0.2 * epoch}
           for stage in (1, 2) for epoch in (1, 2, 3, 4)]
FRAMES = np.random.default_rng(0).integers(0, 255, (11, 20, 16)).astype(np.uint8)
FLOW = np.random.default_rng(1).normal(size=(2, 10, 8, 8)).astype(np.float32)


def texts(figure: Any) -> list[str]:
    figure.savefig(io.BytesIO())
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize(("rows", "titles"), [
    (HISTORY, ["stage 1, pairs: loss", "stage 1, pairs: accuracy", "stage 2, classes: loss",
               "stage 2, classes: accuracy"]),
    (HISTORY[4:], ["stage 2, classes: loss", "stage 2, classes: accuracy"]),
    (HISTORY[:1], ["stage 1, pairs: loss", "stage 1, pairs: accuracy"])])
def test_each_stage_that_was_trained_has_a_row(rows: list[dict[str, Any]], titles: list[str]) -> None:
    figure = stages_figure(rows, "ann, seed 0")
    assert [axes.get_title("left") for axes in figure.axes] == titles
    assert texts(figure)[1] == f"{rows[-1]['accuracy']:.0%}"


def test_marked_frames_are_onset_apex_and_offset() -> None:
    figure = keyframes_figure(FRAMES, FLOW, np.linspace(0, 250, 11), 4, "clip")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:11] == ["onset", "", "", "", "apex", *[""] * 5, "offset"]
    assert len(figure.axes) == 11 + 10 + 1
    assert [axes.get_xlabel() for axes in figure.axes[:11:10]] == ["0", "250 ms"]
    assert texts(figure)[-1] == f"motion of\n{full_motion(FLOW):.2g} px"


def test_each_map_stands_between_the_frames_it_connects() -> None:
    axes = keyframes_figure(FRAMES, FLOW, range(11), 4).axes
    middle = [one.get_position().x0 + one.get_position().x1 for one in axes]
    for place in range(10):
        assert middle[11 + place] == pytest.approx((middle[place] + middle[place + 1]) / 2)


def test_frames_alone_need_no_wheel() -> None:
    figure = keyframes_figure(FRAMES, None, range(11), 0)
    assert len(figure.axes) == 11
    assert figure.axes[0].get_title() == "onset = apex"


def test_hue_is_direction_and_saturation_length() -> None:
    flow = np.array([[[0, 2, 1, -1, 0]], [[0, 0, 0, 0, 1]]], np.float32)
    still, right, half, left, down = flow_colours(flow, 2.0)[0]
    assert still == pytest.approx([0.97] * 3)
    assert right == pytest.approx([0.97, 0, 0], abs=1e-6)
    assert half == pytest.approx([0.97, 0.485, 0.485])  # half as far, half as red
    assert left == pytest.approx([0.485, 0.97, 0.97])  # the opposite hue
    assert down.argsort().tolist() == [2, 0, 1]  # between yellow and green
    assert full_motion(np.zeros((2, 10, 4, 4), np.float32)) == 1  # a still clip divides by nothing


def test_each_way_of_finding_the_apex_says_how_far_it_is_off() -> None:
    figure = apex_figure(np.arange(0, 400, 5), np.hanning(80), (50, 200, 350),
                         {"event": 215.0, "flow maximum": 190.0, "midpoint": float("nan")}, "clip")
    said = texts(figure)
    assert {"215 ms (+15)", "190 ms (-10)", "not found", "onset", "apex", "offset"} <= set(said)
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == [
        "apex: event", "apex: flow maximum", "apex: midpoint"]


def test_without_an_annotation_only_times_are_said() -> None:
    assert texts(apex_figure([0, 5, 10], [0, 1, 0], None, {"event": 5})) == ["5 ms"]
    figure = apex_figure([0], [0], None, {}, curve_name="events in 10 ms")
    assert texts(figure) == []
    assert figure.axes[0].get_ylabel() == "events in 10 ms"


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one epoch"):
        stages_figure([])
    with pytest.raises(ValueError, match="K labels"):
        keyframes_figure(FRAMES, FLOW, [0, 1], 4)
    with pytest.raises(ValueError, match="place of the apex"):
        keyframes_figure(FRAMES, FLOW, range(11), 11)
    with pytest.raises(ValueError, match=r"need flow \(2, 10, S, S\) for 11 frames, got \(2, 9, 8, 8\)"):
        keyframes_figure(FRAMES, FLOW[:, 1:], range(11), 4)
    with pytest.raises(ValueError, match="as many values as times"):
        apex_figure([0, 1], [0], None, {})
