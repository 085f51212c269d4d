"""Comparisons: accuracy with its interval, against what it costs. All numbers of this section are made up."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def label_shares(demo: Path) -> Figure:
    """Accuracy over the share of labels

    A panel for each network, a line for each way of training; the dashed line needs no face.
    """
    from neurofer.plot.ablation import Estimate, lines_figure

    places = ("1 %", "10 %", "50 %", "100 %")
    panels = {network: {way: {place: Estimate(low + 0.13 * at, low + 0.13 * at - 0.05, low + 0.13 * at + 0.05)
                              for at, place in enumerate(places)} for way, low in ways.items()}
              for network, ways in {"ann": {"from scratch": 0.24, "transfer": 0.4}, "snn": {"from scratch": 0.22,
                                                                                            "transfer": 0.33}}.items()}
    return lines_figure(panels, places, "share of the labels", floor=0.125)


def changes(demo: Path) -> Figure:
    """What each change does

    Estimates with their intervals side by side at every place.
    """
    from neurofer.plot.ablation import Estimate, points_figure

    places = ("tie", "voxel", "counts", "est")
    series = {"ann": {place: Estimate(value, value - 0.05, value + 0.05)
                      for place, value in zip(places, (0.66, 0.6, 0.52, 0.63), strict=True)},
              "snn": {place: Estimate(value, value - 0.06, value + 0.06)
                      for place, value in zip(places, (0.58, 0.57, 0.55, 0.56), strict=True)}}
    return points_figure(series, places, "representation", floor=0.125)


def variants(demo: Path) -> Figure:
    """Many variants

    One below the other; the first is what the rest is compared with, so its mean is a line through all.
    """
    from neurofer.plot.ablation import Estimate
    from neurofer.plot.variants import variants_figure

    means = {"as published": 0.62, "no key frames": 0.55, "one stage": 0.57, "cross-entropy": 0.6, "events": 0.65}
    estimates = {name: Estimate(mean, mean - 0.06, mean + 0.06) for name, mean in means.items()}
    return variants_figure(estimates, "UF1 over subjects", floors={"majority": 0.24})


def operations(demo: Path) -> Figure:
    """Accuracy over operations

    Up and to the left is better: accuracy over operations a second, logarithmic. A mark is a recogniser, a line one
    recogniser along a lever.
    """
    from neurofer.plot.ablation import Estimate
    from neurofer.plot.operations import Cost, operations_figure

    points = {"ann": Cost(2.1e9, Estimate(0.66, 0.61, 0.71)), "snn": Cost(6e7, Estimate(0.6, 0.54, 0.65)),
              "snn, transfer": Cost(8e7, Estimate(0.64, 0.59, 0.69))}
    lever = [Cost(cost, Estimate(mean), label) for cost, mean, label in (
        (1.2e7, 0.42, "20 ms"), (2.5e7, 0.52, "10 ms"), (5e7, 0.58, "5 ms"), (1.1e8, 0.61, "2 ms"))]
    return operations_figure(points, {"length of a step": lever}, floor=0.125, aim=Cost(1e8, Estimate(0.62)))


def anytime_arms(demo: Path) -> Figure:
    """Accuracy over time

    How right each recogniser is so long after a clip began; a line begins where its recogniser can first decide.
    """
    from neurofer.plot.ablation import Estimate
    from neurofer.plot.operations import anytime_figure

    times_ms = (50.0, 100.0, 200.0, 400.0, 800.0)
    series = {name: {at: Estimate(top - 9 / (at + drop), top - 9 / (at + drop) - 0.04, top - 9 / (at + drop) + 0.04)
                     for at in times_ms if at >= first}
              for name, top, drop, first in (("ann", 0.66, 0, 400.0), ("snn", 0.6, 0, 50.0))}
    whole = {"ann": Estimate(0.67, 0.62, 0.71), "snn": Estimate(0.61, 0.56, 0.66)}
    return anytime_figure({"ms since the clip began": series}, whole, floor=0.125)
