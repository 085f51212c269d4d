"""``summary.json`` of a long store: what was read by a rule, cut, rejected, and how faces were aligned."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neurofer.data.long.record import LongTable
from neurofer.data.long.truth import overlapping
from neurofer.data.preparing import PrepareSummary
from neurofer.errors import BadFileError
from neurofer.files import read_json, write_text
from neurofer.keyframes.film_events import enough_contrast
from neurofer.spotting.interval import Interval

SUMMARY = "summary.json"


@dataclass(frozen=True)
class LongSummary:
    """A long store in numbers.

    Attributes:
        dataset: Name of the data set.
        videos: Videos in the store.
        subjects: People in it.
        frames: Frames of all videos.
        micro: Micro-expressions in them.
        macro: Macro-expressions in them.
        rules: How often each rule for odd input was applied, in the table and to frames that are not there.
        unseen_onsets: Expressions that begin before their video; they count in a score, not in training.
        missing_apexes: Expressions without an apex.
        overlaps: Pairs of expressions of one type that share frames; legal, but no spotter that joins them finds both.
        repaired: Expressions with a corrected cell.
        fixes: Every corrected cell: video, clip, field, old, new and reason.
        rejected: Rows, files, videos and expressions that could not be used; ``problems.csv`` names them.
        aligned: Videos by what their face was found by.
        looks_without_face: Later looks in which no face was found, over all videos.
        upsampled: Videos that were interpolated for their events.
        without_events: Videos of which no event is kept.
        noisy: Videos whose noise is more than a fifth of the threshold, so it makes events of its own.
        differing: Numbers that are not those of the release: what, have and wanted.
    """

    dataset: str
    videos: int
    subjects: int
    frames: int
    micro: int
    macro: int
    rules: Mapping[str, int]
    unseen_onsets: int
    missing_apexes: int
    overlaps: int
    repaired: int
    fixes: tuple[Mapping[str, str], ...]
    rejected: int
    aligned: Mapping[str, int]
    looks_without_face: int
    upsampled: int
    without_events: int
    noisy: int
    differing: tuple[Mapping[str, Any], ...]


def summarise(table: LongTable, store: PrepareSummary, intervals: Sequence[Interval], rules: Mapping[str, int],
              threshold: float) -> LongSummary:
    """The numbers of a store that was just prepared.

    Args:
        table: What it was made from.
        store: How preparing ended.
        intervals: Its truth.
        rules: Applied to the expressions of its videos.
        threshold: Of its events.
    """
    clips = store.clip_set.clips if store.clip_set else ()
    facts, names = [clip.facts for clip in clips], {clip.name for clip in clips}
    mended = [(video, one.record) for video in table.videos if video.name in names for one in video.expressions
              if one.record.fixes]
    return LongSummary(
        dataset=table.dataset, videos=len(clips), subjects=len({clip.subject for clip in clips}),
        frames=sum(int(fact["frames"]) for fact in facts), micro=sum(one.kind == "micro" for one in intervals),
        macro=sum(one.kind == "macro" for one in intervals),
        rules=_counted(Counter(table.rules) + Counter(rules)),
        unseen_onsets=sum(not one.onset_seen for one in intervals),
        missing_apexes=sum(one.apex is None for one in intervals), overlaps=overlapping(intervals),
        repaired=len(mended),
        fixes=tuple({"video": video.name, "clip": record.clip, **fix._asdict()}
                    for video, record in mended for fix in record.fixes),
        rejected=len(store.problems), aligned=_counted(Counter(fact["aligned"] for fact in facts)),
        looks_without_face=sum(int(fact.get("looks_without_face", 0)) for fact in facts),
        upsampled=sum("upsampled" in fact for fact in facts),
        without_events=sum(int(read_json(clip.path / "meta.json")["events"]) == 0 for clip in clips),
        noisy=sum(not enough_contrast(threshold, float(fact.get("log_noise", 0))) for fact in facts),
        differing=tuple(count._asdict() for count in table.differing))


def write_summary(folder: Path, summary: LongSummary) -> None:
    """Write ``summary.json`` of a store.

    Raises:
        BadFileError: the place cannot be written.
    """
    write_text(folder / SUMMARY, json.dumps(asdict(summary), indent=1) + "\n")


def read_summary(folder: Path | str) -> LongSummary:
    """The numbers that ``write_summary`` wrote.

    Raises:
        BadFileError: there are none, or they are damaged.
    """
    path = Path(folder) / SUMMARY
    try:
        said: dict[str, Any] = read_json(path)
        return LongSummary(**{**said, "fixes": tuple(said["fixes"]), "differing": tuple(said["differing"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(f"{path}: is no summary of a long store ({error}); prepare the store again") from error


def summary_rows(summary: LongSummary) -> list[tuple[str, int]]:
    """The summary as the rows of a table; what did not happen is left out."""
    rows = [("videos", summary.videos), ("subjects", summary.subjects), ("frames", summary.frames),
            ("micro-expressions", summary.micro), ("macro-expressions", summary.macro)]
    rows += [(f"aligned by {name}", count) for name, count in summary.aligned.items()]
    rows += [(f"rule: {name}", count) for name, count in summary.rules.items()]
    unusual: Iterable[tuple[str, int]] = (
        ("onsets that are not in the video", summary.unseen_onsets), ("missing apexes", summary.missing_apexes),
        ("overlaps within a type", summary.overlaps), ("expressions with a corrected cell", summary.repaired),
        ("looks without a face", summary.looks_without_face),
        ("videos interpolated for their events", summary.upsampled), ("videos without events", summary.without_events),
        ("videos whose noise makes events", summary.noisy), ("rejected", summary.rejected))
    return rows + [row for row in unusual if row[1]]


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
