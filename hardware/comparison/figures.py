"""Pictures of a comparison, from its mapping alone: how early, how fast, where spikes pay, what it would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullFormatter, NullLocator

from neurofer.hardware.comparison.energy import estimates_in
from neurofer.hardware.comparison.words import name_of
from neurofer.plot._look import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, bare_axes
from neurofer.plot.ablation import Estimate
from neurofer.plot.operations import anytime_figure

ANN, SNN = ORANGE, BLUE


def early_figure(found: Mapping[str, Any]) -> Figure:
    """Accuracy by evidence of the ANN, the SNN and every target that says something else than the SNN.

    Args:
        found: A comparison.
    """
    early, names = found["early"], {"ann": "ann", "torch": "snn"}
    rows = early["since_start"]
    names |= {name: name for name in rows if name not in names and rows[name] != rows["torch"]}
    panels = {"ms since a recording began": _series(rows, names, early["at_ms"])}
    if early["since_onset"] and any(any(row) for row in early["since_onset"]["rows"].values()):
        panels["ms since the expression began"] = _series(early["since_onset"]["rows"], names, early["at_ms"])
    whole = {shown: _estimate(rows[name][-1]) for name, shown in names.items() if name in rows and rows[name][-1]}
    floor = found["accuracy"].get("majority", {}).get("accuracy")
    among = ("majority", "event_count", "snn", "ann", *found["targets"])  # colours go by place in it
    return anytime_figure(panels, whole, floor=floor, among=among)


def latency_figure(found: Mapping[str, Any]) -> Figure:
    """Median to 99th percentile of the time for a decision, on a logarithmic scale.

    Args:
        found: A comparison.
    """
    rows = found["time"]["latency"]
    figure, axes = _rows_figure(len(rows))
    for place, (name, row) in enumerate(rows.items()):
        colour = ANN if name == "ann" else SNN
        axes.plot([row["p50_ms"], row["p99_ms"]], [place, place], color=colour, linewidth=2, alpha=0.45,
                  solid_capstyle="round")
        axes.plot([row["p50_ms"]], [place], marker="o", markersize=8, color=colour, linewidth=0)
        axes.plot([row["p95_ms"]], [place], marker="|", markersize=12, markeredgewidth=2, color=colour, linewidth=0)
        axes.plot([row["p99_ms"]], [place], marker="|", markersize=7, markeredgewidth=2, color=colour, linewidth=0)
        axes.annotate(f"{row['p50_ms']:.2f}", (row["p50_ms"], place), xytext=(0, 8), textcoords="offset points",
                      ha="center", fontsize=8.5, color=INK)
        axes.annotate(f"{row['p99_ms']:.2f}", (row["p99_ms"], place), xytext=(6, 0), textcoords="offset points",
                      va="center", fontsize=8.5, color=QUIET)
    _label_rows(axes, [name_of(found, name) for name in rows])
    ends = [row[name] for row in rows.values() for name in ("p50_ms", "p99_ms")]
    _log_axis(axes, min(ends) / 1.5, max(ends) * 1.8)
    axes.set_xlabel("ms of computing for a decision: dot median, long bar 95 %, short bar 99 %", fontsize=9)
    return figure


def pays_figure(found: Mapping[str, Any]) -> Figure:
    """Synaptic operations per multiply-accumulate of one dense pass, by evidence, beside where spikes stop to pay.

    Args:
        found: A comparison; with at least one table that has a break-even.
    """
    sweep, lines = found["energy"]["sweep"], found["energy"]["break_even"]
    figure = Figure(figsize=(5.6, 3.9), layout="constrained")
    axes = figure.subplots()
    times = [point["evidence_ms"] for point in sweep]
    done = [point["operations_per_dense_mac"] for point in sweep]
    for line in lines:
        limit = line["operations_per_dense_mac"]
        axes.axhline(limit, color=GREEN, linewidth=1, linestyle=(0, (4, 3)))
        axes.annotate(f"{line['table']}: {limit:.1f}", (1, limit), xytext=(4, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", va="center", fontsize=8.5, color=GREEN, annotation_clip=False)
    axes.plot(times, done, color=SNN, linewidth=1.8, marker="o", markersize=5)
    for time, value in zip(times, done, strict=True):
        axes.annotate(f"{value:.2g}", (time, value), xytext=(0, 7), textcoords="offset points", ha="center",
                      fontsize=8.5, color=INK)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(times))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([*(f"{time:g}" for time in times[:-1]), "whole\nrecording"])
    top = max([*done, *(line["operations_per_dense_mac"] for line in lines)])
    axes.set_ylim(min(done) / 2, top * 2.2)
    _plain_numbers(axes.yaxis)
    axes.set_xlabel("ms of evidence", fontsize=9)
    axes.set_title("synaptic operations per MAC of one dense pass of the same layers\n(below a dashed line spikes take "
                   "less)", loc="left", fontsize=9.5, color=INK)
    _plain(axes, "y")
    return figure


def energy_figure(found: Mapping[str, Any]) -> Figure:
    """Every estimate as a range on a logarithmic scale; its axis says that they are estimated.

    Args:
        found: A comparison with at least one estimate.

    Raises:
        ValueError: an estimate lacks its table, source, rate or steps.
    """
    rows = estimates_in(found)
    figure, axes = _rows_figure(len(rows), 5.6)
    for place, one in enumerate(rows):
        colour = ANN if one.of == "ann" else SNN
        ends = [one.least_uj, one.most_uj]
        axes.plot(ends, [place, place], color=colour, linewidth=7, alpha=0.35, solid_capstyle="round")
        axes.plot(ends, [place, place], color=colour, linewidth=0, marker="|", markersize=11, markeredgewidth=2)
        axes.annotate(f"rate {one.rate:.3g}, T {one.steps:.3g}", (one.most_uj, place), xytext=(9, 0), va="center",
                      textcoords="offset points", fontsize=8, color=QUIET)
    _label_rows(axes, [f"{one.of}, {one.table}" for one in rows])
    _log_axis(axes, min(one.least_uj for one in rows) / 2, max(one.most_uj for one in rows) * 20)
    axes.set_xlabel("estimated µJ for a recording: counts times a published cost", fontsize=9)
    return figure


def _series(rows: Mapping[str, Sequence[Any]], names: Mapping[str, str],
            at_ms: Sequence[float]) -> dict[str, dict[float, Estimate]]:
    return {shown: {ms: _estimate(one) for ms, one in zip(at_ms, rows[name], strict=False) if one is not None}
            for name, shown in names.items() if name in rows}


def _estimate(one: Mapping[str, Any]) -> Estimate:
    return Estimate(one["accuracy"], *(one["interval"] or (None, None)))


def _rows_figure(rows: int, width: float = 7.2) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, 0.9 + 0.42 * rows), layout="constrained")
    return figure, figure.subplots()


def _label_rows(axes: Any, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.75)
    _plain(axes, "x")
    axes.tick_params(axis="y", length=0)


def _log_axis(axes: Any, low: float, high: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 200 else (1,)))
    _plain_numbers(axes.xaxis)


def _plain_numbers(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _plain(axes: Any, grid: str) -> None:
    bare_axes(axes)
    axes.grid(axis=grid, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
