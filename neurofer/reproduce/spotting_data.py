"""What a table of spotting was made from: the videos, and how its networks were trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from neurofer.data.clip import Clip
from neurofer.data.long.store import LongSet
from neurofer.plot.report import Section, Table
from neurofer.reproduce.spotting_tables import VariantLine
from neurofer.reproduce.words import between_text, numbers_text
from neurofer.spotting.interval import KINDS


def counts_section(long_set: LongSet) -> Section:
    """Videos, subjects, minutes and expressions of every data set."""
    names = sorted({clip.dataset for clip in long_set.videos})
    rows = []
    for name in [*names, *(["all"] if len(names) > 1 else [])]:
        mine = [clip for clip in long_set.videos if name in (clip.dataset, "all")]
        truth = [one for clip in mine for one in long_set.truth[clip.name]]
        kinds = Counter(one.kind for one in truth)
        rows.append((name, f"{len({clip.subject for clip in mine}):,}", f"{len(mine):,}",
                     f"{sum(minutes_of(clip) for clip in mine):.1f}",
                     between_text([float(clip.facts["fps"]) for clip in mine], "g"),
                     *(f"{kinds[kind]:,}" for kind in KINDS),
                     f"{sum(clip.label not in ('micro', 'both') for clip in mine):,}",
                     f"{sum(not one.onset_seen for one in truth):,}",
                     f"{sum(bool(clip.facts.get('upsampled')) for clip in mine):,}"))
    return Section("Data", tables=(Table("Videos", (
        "data", "subjects", "videos", "minutes", "frames a second", "micro", "macro", "videos without micro",
        "onset not seen", "videos blended for their events"), tuple(rows)),))


def minutes_of(clip: Clip) -> float:
    """How long a video is."""
    return float(clip.facts["frames"]) / float(clip.facts["fps"]) / 60


def training_section(lines: Sequence[VariantLine], checked: int) -> Section:
    """The distances k, how intervals were made, where the training ended; who was read for what."""
    rows = []
    for line in lines:
        results = line.results
        rows.append((
            line.name, *(numbers_text([result["skips"][kind] for result in results]) for kind in KINDS),
            *(_decoded(results, kind) for kind in KINDS),
            between_text([result["epochs"][-1]["loss"] for result in results if result["epochs"]] or [float("nan")]),
            numbers_text([result["parameters"] for result in results]),
            f"{np.mean([one for took in line.seconds.values() for one in took]):.1f}"))
    text = (f"In {checked:,} finished folds the record of who was read was checked: no tested subject was read for the "
            "distance k, the training or the thresholds.",
            "p is the share of the relative threshold; floor the least score of a peak, above 1 where none was worth "
            "spotting; grown counts the folds whose intervals grow from their peak.")
    return Section("How it was trained", text, tables=(
        Table("Over all folds and seeds; a range is that of the folds", (
            "variant", *(f"k {kind}" for kind in KINDS), *(f"{kind}: p, floor, grown" for kind in KINDS),
            "loss, last epoch", "parameters", "seconds a fold"), tuple(rows)),))


def _decoded(results: Sequence[Mapping[str, Any]], kind: str) -> str:
    found = [result["decodings"][kind] for result in results]
    return (f"{between_text([one['peak_share'] for one in found], 'g')}, "
            f"{between_text([one['floor'] for one in found], '.2f')}, "
            f"{sum(one['extend'] for one in found)} of {len(found)}")
