"""``summary.json`` of a micro store: what was read by a rule, corrected, rejected, and how faces were aligned."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import PrepareSummary
from neurofer.errors import BadFileError
from neurofer.files import read_json, write_text
from neurofer.keyframes.film_events import enough_contrast
from neurofer.keyframes.instants import KEY_FRAMES

SUMMARY = "summary.json"


@dataclass(frozen=True)
class MicroSummary:
    """A micro store in numbers.

    Attributes:
        dataset: Name of the data set.
        clips: Clips in the store.
        subjects: People in it.
        emotions: Clips of each emotion.
        label3: Clips of each class of the composite protocol; fewer than all clips.
        rules: How often each rule for odd input was applied in the table.
        repaired: Clips with a corrected cell.
        fixes: Every corrected cell: clip, field, old, new and reason.
        rejected: Rows, files and clips that could not be used; ``problems.csv`` names them.
        macro_left_out: Macro-expressions of the table that were not asked for.
        midpoint_apexes: Clips whose apex is the midpoint.
        short: Clips of fewer frames than key frames.
        frames: Fewest and most frames from onset to offset.
        aligned: Clips by what their face was found by.
        upsampled: Clips that were interpolated for their events.
        without_events: Clips in which no pixel changed enough.
        noisy: Clips whose noise is more than a fifth of the threshold, so it makes events of its own.
    """

    dataset: str
    clips: int
    subjects: int
    emotions: Mapping[str, int]
    label3: Mapping[str, int]
    rules: Mapping[str, int]
    repaired: int
    fixes: tuple[Mapping[str, str], ...]
    rejected: int
    macro_left_out: int
    midpoint_apexes: int
    short: int
    frames: Mapping[str, int]
    aligned: Mapping[str, int]
    upsampled: int
    without_events: int
    noisy: int


def summarise(table: MicroTable, store: PrepareSummary, threshold: float, macro_left_out: int = 0) -> MicroSummary:
    """The numbers of a store that was just prepared.

    Args:
        table: What it was made from.
        store: How preparing ended.
        threshold: Of its events.
        macro_left_out: Records of the table that were not asked for.
    """
    clips = store.clip_set.clips if store.clip_set else ()
    facts = [clip.facts for clip in clips]
    lengths = [int(fact["offset_frame"]) - int(fact["onset_frame"]) + 1 for fact in facts]
    there = {(fact["clip"], clip.subject, int(fact["onset_frame"])) for clip, fact in zip(clips, facts, strict=True)}
    mended = [record for record in table.records
              if record.fixes and (record.clip, record.subject, record.onset_frame) in there]
    return MicroSummary(
        dataset=table.dataset, clips=len(clips), subjects=len({clip.subject for clip in clips}),
        emotions=_counted(clip.label for clip in clips),
        label3=_counted(fact["label3"] for fact in facts if "label3" in fact),
        rules=_counted(Counter(table.rules).elements()), repaired=len(mended),
        fixes=tuple({"subject": record.subject, "clip": record.clip, **fix._asdict()}
                    for record in mended for fix in record.fixes),
        rejected=len(store.problems), macro_left_out=macro_left_out,
        midpoint_apexes=sum(fact.get("apex_source") == "midpoint" for fact in facts),
        short=sum(length < KEY_FRAMES for length in lengths),
        frames={"least": min(lengths, default=0), "most": max(lengths, default=0)},
        aligned=_counted(fact["aligned"] for fact in facts), upsampled=sum("upsampled" in fact for fact in facts),
        without_events=sum(_events_of(clip.path) == 0 for clip in clips),
        noisy=sum(not enough_contrast(threshold, float(fact.get("log_noise", 0))) for fact in facts))


def write_summary(folder: Path, summary: MicroSummary) -> None:
    """Write ``summary.json`` of a store.

    Raises:
        BadFileError: the place cannot be written.
    """
    write_text(folder / SUMMARY, json.dumps(asdict(summary), indent=1) + "\n")


def read_summary(folder: Path | str) -> MicroSummary:
    """The numbers that ``write_summary`` wrote.

    Raises:
        BadFileError: there are none, or they are damaged.
    """
    path = Path(folder) / SUMMARY
    try:
        said: dict[str, Any] = read_json(path)
        return MicroSummary(**{**said, "fixes": tuple(said["fixes"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFileError(f"{path}: is no summary of a micro store ({error}); prepare the store again") from error


def summary_rows(summary: MicroSummary) -> list[tuple[str, int]]:
    """The summary as the rows of a table; what did not happen is left out."""
    rows = [("clips", summary.clips), ("subjects", summary.subjects)]
    rows += [(f"class {name}", count) for name, count in summary.label3.items()]
    rows += [(f"emotion {name}", count) for name, count in summary.emotions.items()]
    rows += [("fewest frames, onset to offset", summary.frames["least"]),
             ("most frames, onset to offset", summary.frames["most"])]
    rows += [(f"aligned by {name}", count) for name, count in summary.aligned.items()]
    rows += [(f"rule: {name}", count) for name, count in summary.rules.items()]
    unusual = [("clips with a corrected cell", summary.repaired), ("apexes that are the midpoint",
               summary.midpoint_apexes), (f"clips of fewer than {KEY_FRAMES} frames", summary.short),
               ("clips interpolated for their events", summary.upsampled), ("clips without events",
               summary.without_events), ("clips whose noise makes events", summary.noisy),
               ("macro-expressions left out", summary.macro_left_out), ("rejected", summary.rejected)]
    return rows + [row for row in unusual if row[1]]


def _counted(names: Any) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _events_of(recording: Path) -> int:
    return int(read_json(recording / "meta.json")["events"])
