"""How well apexes are found in events, beside the midpoint and the largest displacement, in words and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurofer.evaluate.apex import apex_error, detections_of
from neurofer.numbers import short_number
from neurofer.plot.report import Section, Table
from neurofer.reproduce.words import numbers_text

_NONE = (np.nan,) * 3


def apex_section(records: Mapping[str, Mapping[str, Any]]) -> tuple[Section, ...]:
    """Errors of apexes, and what detection in events finds, for each data set and all; nothing before the cell is run.

    Args:
        records: Finished cells, of which ``apex`` is read.
    """
    if "apex" not in records:
        return ()
    result = records["apex"]["result"]
    clips, absent = list(result["clips"].values()), result["no_apex"]
    names = sorted({clip["dataset"] for clip in clips})
    scopes = {name: [clip for clip in clips if clip["dataset"] == name] for name in names}
    if len(names) > 1:
        scopes["all"] = clips
    without = f" {sum(absent.values())} clip(s) have no annotated apex and are left out ({', '.join(absent)})." \
        if absent else ""
    if not clips:
        return (Section("Apex", (f"Nothing to compare with.{without}",)),)
    text = (
        "Detection in events is given the recording alone; midpoint and largest displacement (optical flow from the "
        "onset frame) are given the annotated onset and offset, which in use somebody would have to know. A clip "
        f"without a detection has no error, so all three are also compared on the same clips.{without}",
        "Onsets are found late, by a lag that is measured on all other subjects and taken off. A decision can be made "
        "when the offset is found: its latency counts from the annotated apex. How many events are usual is told by up "
        "to 3 s around a moment, of a short clip by all of it, which a live detector would have to know before.")
    return (Section("Apex", text, tables=(
        Table("Distance from the annotated apex", ("data, method", "clips", "mean ms", "median ms", "largest ms",
                                                   "mean frames", "median frames", "largest frames"),
              tuple(row for name, mine in scopes.items() for row in _error_rows(name, mine))),
        Table("Detection in events, milliseconds", (
            "data", "accepted", "onset late, mean", "lag taken off", "onset error after that, mean",
            "offset bias, mean", "latency, median", "latency, largest", "events per clip, median"),
              tuple(_detection_row(name, mine) for name, mine in scopes.items())))),)


def _error_rows(name: str, clips: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    true_us = np.array([clip["true_us"][1] for clip in clips], np.float64)
    frame_us = np.array([clip["frame_us"] for clip in clips], np.float64)
    event_us = np.array([(clip["found_us"] or _NONE)[1] for clip in clips], np.float64)
    other = {title: np.array([clip[key] for clip in clips], np.float64)
             for title, key in (("midpoint", "midpoint_us"), ("largest displacement", "flow_us"))}
    there = np.isfinite(event_us)
    columns = {"events": event_us, **{f"{title}, the same clips": np.where(there, times_us, np.nan)
                                      for title, times_us in other.items()},
               **{f"{title}, all clips": times_us for title, times_us in other.items()}}
    rows = []
    for method, found_us in columns.items():
        error = apex_error(found_us, true_us, frame_us)
        rows.append((f"{name}, {method}", *(["0", *["-"] * 6] if error is None else
                                            [f"{error.clips:,}", *(f"{value:.1f}" for value in error[1:])])))
    return rows


def _detection_row(name: str, clips: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    found_us = np.array([clip["found_us"] or _NONE for clip in clips], np.float64)
    true_us = np.array([clip["true_us"] for clip in clips], np.float64)
    lag_us = [clip["lag_us"] for clip in clips]
    said = detections_of(found_us, true_us, np.array(lag_us, np.float64))
    numbers = {"late": said.onset_late_ms, "error": said.onset_error_ms, "bias": said.offset_bias_ms,
               "median": said.latency_median_ms, "largest": said.latency_largest_ms}
    shown = {key: f"{value:{'+' if key in ('late', 'bias') else ''}.0f}" if said.accepted else "-"
             for key, value in numbers.items()}
    return (name, f"{said.accepted:,} of {said.clips:,}", shown["late"],
            numbers_text([round(lag / 1_000) for lag in lag_us]), shown["error"], shown["bias"], shown["median"],
            shown["largest"], short_number(float(np.median([clip["events"] for clip in clips]))))
