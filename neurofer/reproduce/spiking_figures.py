"""The figures of spiking against ordinary recognisers, from the rows of their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurofer.plot.report import Picture, Section
from neurofer.reproduce.figures import INTERVAL, estimate, picture
from neurofer.reproduce.spiking_config import ARMS, REFERENCE
from neurofer.reproduce.spiking_tables import SHARE, SINCE, WITHIN, arm_rows, arms_there, column, times_of
from neurofer.reproduce.tables import OverSeeds, Row

if TYPE_CHECKING:
    from neurofer.plot.operations import Cost


def spiking_figures(rows: Sequence[Row], title: str) -> tuple[Section, ...]:
    """``arms.png``, ``operations.png`` and, where the runs say, ``anytime.png``."""
    from neurofer.plot.ablation import points_figure
    from neurofer.plot.operations import Cost, anytime_figure, operations_figure

    shown = arm_rows(rows)
    accuracy, costs = column(shown, "accuracy_clip"), column(shown, "operations_per_second")
    arms, floor = arms_there(shown), float(np.mean([row["majority_accuracy"] for row in shown]))
    places = {arm: arm.replace("_", "\n") for arm in arms}
    pictures: list[Picture] = [picture(points_figure(
        {"accuracy": {places[arm]: estimate(accuracy[arm]) for arm in arms}}, list(places.values()), "", title, floor),
        "arms.png", "Accuracy of each arm")]
    points = {arm: Cost(costs[arm].mean, estimate(accuracy[arm])) for arm in arms if costs[arm].mean > 0}
    if points:
        aim = None
        if REFERENCE in points:
            mean = accuracy[REFERENCE].mean - WITHIN
            aim = Cost(SHARE * points[REFERENCE].operations, estimate(OverSeeds({0: mean})), "the aim")
        figure = operations_figure(points, _curves(rows), title, floor, aim, list(ARMS))
        pictures.append(picture(figure, "operations.png",
                                "Accuracy of each arm over its operations per second of input"))
    panels = {}
    for since, words in SINCE.items():
        known = {time: column(shown, name) for time, name in times_of(shown, since).items()}
        if known:
            panels[f"milliseconds {words}"] = {arm: {
                float(time): estimate(values[arm]) for time, values in known.items() if arm in values} for arm in arms}
    if panels:
        figure = anytime_figure(panels, {arm: estimate(accuracy[arm]) for arm in arms}, title, floor, list(ARMS))
        pictures.append(picture(figure, "anytime.png", "Accuracy of each arm by time"))
    return (Section("Figures", (INTERVAL,), pictures=tuple(pictures)),)


def _curves(rows: Sequence[Row]) -> Mapping[str, Sequence[Cost]]:
    """The points of each lever, with the arm itself under the seeds of the sweep."""
    from neurofer.plot.operations import Cost

    swept = [row for row in rows if row["lever"]]
    seeds = {row["seed"] for row in swept}
    curves: dict[str, list[Cost]] = {}
    for lever in dict.fromkeys(row["lever"] for row in swept):
        these = [row for row in swept if row["lever"] == lever]
        key, value = (", ".join(part.split(" ", 1)[place] for part in lever.split(", ")) for place in (0, 1))
        cost = float(np.mean([row["operations_per_second"] for row in these]))
        if cost > 0:
            mean = float(np.mean([row["accuracy_clip"] for row in these]))
            curves.setdefault(f"{these[0]['arm']}, {key}", []).append(Cost(cost, estimate(OverSeeds({0: mean})), value))
    base = [row for row in arm_rows(rows) if swept and row["arm"] == swept[0]["arm"] and row["seed"] in seeds]
    if base:
        start = Cost(float(np.mean([row["operations_per_second"] for row in base])),
                     estimate(OverSeeds({0: float(np.mean([row["accuracy_clip"] for row in base]))})))
        for line in curves.values():
            line.append(start)
    return curves
