"""A made-up set of long videos, and what folds of a spotter would have told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neurofer.data.clip import Clip, ClipSet
from neurofer.data.long.store import LABELS, LongSet, label_of
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.spotting_variants import plan_spotting
from neurofer.spotting.interval import Interval
from neurofer.train.spot.config import SpotConfig
from neurofer.train.spot.fold import PURPOSES

FPS, FRAMES = 30.0, 1800
Spotted = Sequence[Sequence[Any]]
"""``[kind, onset, apex, offset, score]`` each."""

HIT_MICRO, HIT_MACRO = ("micro", 100, 106, 113, 0.9), ("macro", 400, 420, 439, 0.8)
FALSE_MICRO, FALSE_MACRO = ("micro", 900, 906, 913, 0.5), ("macro", 1200, 1220, 1239, 0.4)


def made_up_videos(datasets: Mapping[str, int], each: int = 2) -> LongSet:
    """So many subjects of each data set with so many videos; every video shows a micro- and a macro-expression."""
    clips, truth = [], {}
    for name, subjects in datasets.items():
        for subject in range(subjects):
            for number in range(each):
                video = f"{name}/p{subject}_{number}"
                truth[video] = (Interval(video, "micro", 100, 113, 106, None, "happy"),
                                Interval(video, "macro", 400, 439, None, None, "anger"))
                clips.append(Clip(video, Path("events"), 0, 1, f"{name}/p{subject}", label_of(truth[video]), name,
                                  facts={"fps": f"{FPS:g}", "frames": str(FRAMES)}))
    return LongSet(ClipSet("+".join(datasets), LABELS, tuple(sorted(clips, key=lambda clip: clip.name)), "digest"),
                   truth)


def told_fold(long_set: LongSet, subject: str, spotted: Callable[[Clip], Spotted],
              others: Mapping[str, Callable[[Clip], Spotted]], baselines: Mapping[str, Spotted]) -> dict[str, Any]:
    """What the fold that leaves out ``subject`` tells, in the format of ``neurofer.train.spot.fold.fold_record``."""
    train = [name for name in long_set.clip_set.subjects if name != subject]
    videos = long_set.of_subjects([subject])
    decoding = {"peak_share": 0.55, "floor": 0.25, "extend": False}
    return {
        "protocol": "made up", "subjects": {"train": train, "test": [subject]},
        "reads": {one: {"clips": 1, "subjects": [subject] if one == "test" else list(train)} for one in PURPOSES},
        "skips": {"micro": 6, "macro": 18}, "decodings": {"micro": decoding, "macro": decoding},
        "test": {clip.name: {
            "subject": subject, "dataset": clip.dataset, "fps": FPS, "frames": FRAMES,
            "truth": [[one.kind, one.onset, one.apex, one.offset, one.label] for one in long_set.truth[clip.name]],
            "predicted": {name: [list(row) for row in chosen(clip)]
                          for name, chosen in {"base": spotted, **others}.items()}} for clip in videos},
        "baselines": {name: {clip.name: [list(row) for row in rows] for clip in videos}
                      for name, rows in baselines.items()},
        "epochs": [{"epoch": 1, "loss": 1.25}, {"epoch": 2, "loss": 0.75}], "parameters": 7218}


def told_table(long_set: LongSet, said: Mapping[tuple[str, int], Callable[[Clip], Spotted]], seeds: int = 1,
               others: Mapping[str, Callable[[Clip], Spotted]] | None = None,
               baselines: Mapping[str, Spotted] | None = None) -> tuple[list[Cell], dict[str, Any]]:
    """Cells of some variants, and records in which a function of variant and seed says what is spotted in a video."""
    cells = plan_spotting(SpotConfig(), long_set, seeds, list(dict.fromkeys(variant for variant, _ in said)))
    records = {}
    for cell in cells:
        chosen = said[cell.parameters["variant"], cell.parameters["seed"]]
        records[cell.name] = {"seconds": 2.0, "code": "code", "parameters": cell.parameters, "result": told_fold(
            long_set, cell.parameters["subject"], chosen, others or {}, baselines or {})}
    return cells, records
