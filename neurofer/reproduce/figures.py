"""The figures of a reproduction, from the rows of its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurofer.plot.report import Picture, Section, figure_png
from neurofer.reproduce.config import MODES
from neurofer.reproduce.tables import OverSeeds, Row, over_seeds
from neurofer.reproduce.words import network_text, share_text

INTERVAL = "Means over seeds, the bars are 95 % t intervals over seeds."


def evtransfer_figures(rows: Sequence[Row], title: str) -> Section | None:
    """Accuracy by label share and mode, without and with LSTM, and by variant; None where there is nothing to compare.

    Pictures are ``labels.png``, ``lstm.png`` and ``variants.png``.
    """
    from neurofer.plot.ablation import lines_figure, points_figure

    found = over_seeds(rows, "accuracy_clip")
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    networks = sorted({row["lstm"] for row in rows})
    shares = sorted({row["labels"] for row in rows})
    modes: list[str] = [mode for mode in MODES if any(row["mode"] == mode for row in rows)]
    floor = float(np.mean([row["majority_accuracy"] for row in rows]))
    pictures = []

    def values(variant: str, lstm: bool, mode: str) -> dict[str, Any]:
        return {share_text(share): estimate(found[variant, lstm, share, mode]) for share in shares
                if (variant, lstm, share, mode) in found}

    first = variants[0]
    said = f"{title}, {first}"
    if len(shares) > 1:
        panels = {network_text(lstm): {mode: values(first, lstm, mode) for mode in modes} for lstm in networks}
        figure = lines_figure(panels, [share_text(share) for share in shares], "share of the training labels", said,
                              floor)
        pictures.append(picture(figure, "labels.png", "Accuracy by share of the training labels, a line for each mode"))
    most = shares[-1]
    if len(networks) > 1:
        series = {network_text(lstm): {mode: estimate(found[first, lstm, most, mode]) for mode in modes
                                       if (first, lstm, most, mode) in found} for lstm in networks}
        figure = points_figure(series, modes, "mode", f"{said}, {share_text(most)} of the labels", floor)
        pictures.append(picture(figure, "lstm.png", "Accuracy of each mode without and with LSTM"))
    if len(variants) > 1:
        lstm = networks[-1]
        series = {mode: {variant: estimate(found[variant, lstm, most, mode]) for variant in variants
                         if (variant, lstm, most, mode) in found} for mode in modes}
        figure = points_figure(series, variants, "TIE variant",
                               f"{title}, {network_text(lstm)}, {share_text(most)} of the labels", floor)
        pictures.append(picture(figure, "variants.png", "Accuracy of each TIE variant and mode"))
    return Section("Figures", (INTERVAL,), pictures=tuple(pictures)) if pictures else None


def estimate(values: OverSeeds) -> Any:
    """Mean and interval as figures take them."""
    from neurofer.plot.ablation import Estimate

    return Estimate(values.mean, *(values.interval or (None, None)))


def picture(figure: Any, file: str, alt: str) -> Picture:
    """A figure for a report, which also becomes a file."""
    return Picture(figure_png(figure), f"{alt}; the numbers are in the tables.", file=file)


def files_of(sections: Sequence[Section]) -> Mapping[str, bytes]:
    """The pictures that are files, by name."""
    return {one.file: one.png for section in sections for one in section.pictures if one.file}
