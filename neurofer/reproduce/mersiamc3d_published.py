"""What others report under the composite protocol, and how many clips it has: shown beside our own numbers only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from neurofer.data.clip import ClipSet
from neurofer.data.micro.record import LABELS3
from neurofer.plot.report import Section, Table
from neurofer.reproduce.mersiamc3d_tables import Line

FULL = "full"
TITLES = {FULL: "full", "smic": "SMIC-HS", "casme2": "CASME II", "samm": "SAMM"}
COMPOSITE: Mapping[str, tuple[int, tuple[int, int, int]]] = {
    "smic": (16, (70, 51, 43)), "casme2": (24, (88, 32, 25)), "samm": (28, (92, 26, 15))}
"""Subjects, and negative, positive and surprise clips of each part: 68 subjects and 442 clips together."""


class Published(NamedTuple):
    """UF1 and UAR in per cent, None where it is not told, and who tells it: ``paper`` the authors themselves,
    ``secondary`` other people, ``recalled`` not checked against a text."""

    uf1: float | None
    uar: float | None
    tag: str


def _all(tag: str, **parts: tuple[float | None, float | None]) -> dict[str, Published]:
    return {part: Published(*pair, tag) for part, pair in parts.items()}


PUBLISHED: Mapping[str, Mapping[str, Published]] = {
    "LBP-TOP": _all("paper", full=(58.82, 57.85), smic=(20.00, 52.80), casme2=(70.26, 74.29), samm=(39.54, 41.02)),
    "Bi-WOOF": _all("secondary", full=(62.96, 62.27), casme2=(78.05, None)),
    "CapsuleNet": _all("secondary", full=(65.20, 65.06), casme2=(70.68, None)),
    "OFF-ApexNet": _all("secondary", full=(71.96, 70.96), casme2=(87.64, None)),
    "Dual-Inception": _all("secondary", full=(73.22, 72.78), casme2=(86.21, None)),
    "STSTNet": _all("paper", full=(73.53, 76.05), casme2=(83.82, None)),
    "RCN": _all("secondary", full=(74.32, 71.90)),
    "FeatRef": _all("secondary", full=(78.38, 78.32)),
    "EMR": _all("secondary", full=(78.85, 78.24), casme2=(82.93, None)),
    "MERSiamC3D 2021": {**_all("recalled", full=(80.68, 79.86), smic=(73.56, 75.98), casme2=(88.18, 87.63)),
                        **_all("secondary", samm=(74.75, 72.80))},
    "SLSTT 2022": _all("secondary", full=(81.6, 79.0)),
    "MFDAN 2024": _all("secondary", full=(None, 86.88)),
    "HTNet 2023": _all("paper", full=(86.03, 84.75), smic=(80.49, 79.05), casme2=(95.32, 95.16), samm=(81.31, 81.24)),
    "Ra-ICL 2026": _all("paper", full=(88.05, 89.11), smic=(81.79, None), casme2=(96.20, None), samm=(86.68, 88.85)),
    "CausalNet 2025": _all("paper", full=(89.76, 90.20), smic=(83.90, 84.52), casme2=(98.11, 98.58),
                           samm=(87.80, 85.82)),
}
"""As collected in section 6 of the micro-expression specification."""

CAUTION = ("Numbers of others, as they tell them; none was run here. paper: told by the authors; secondary: by other "
           "people; recalled: not checked against a text. Numbers above about 86 often come from code that keeps the "
           "best epoch on the tested subject in each fold, so they are upper bounds. Here the number of epochs is "
           "fixed, and nothing is chosen on the tested subject.")


def published_section(lines: Sequence[Line], clip_set: ClipSet, whole: bool) -> tuple[Section, ...]:
    """Published numbers of the data sets that are there, below ours; nothing without ours or under other classes.

    Args:
        lines: Ours, the first of which is shown.
        clip_set: The pooled data sets.
        whole: Whether every subject was tested.
    """
    there = {clip.dataset for clip in clip_set.clips}
    if not lines or not whole or clip_set.classes != LABELS3 or not there <= set(COMPOSITE):
        return ()
    parts = [*([FULL] if there == set(COMPOSITE) else []), *(name for name in COMPOSITE if name in there)]
    ours = lines[0]
    rows = [(f"ours: {ours.variant}, {len(ours.decisions)} seed(s)", *(_ours(ours, part) for part in parts))]
    for method, told in PUBLISHED.items():
        if any(part in told for part in parts):
            rows.append((method, *(_cell(told.get(part)) for part in parts)))
    return (Section("Beside published numbers", (CAUTION, *count_differences(clip_set)), tables=(
        Table("UF1 / UAR in per cent", ("method", *(TITLES[part] for part in parts)), tuple(rows)),)),)


def count_differences(clip_set: ClipSet) -> tuple[str, ...]:
    """What differs from the composite protocol's numbers of subjects and clips, or that nothing does."""
    there = sorted({clip.dataset for clip in clip_set.clips} & set(COMPOSITE))
    said = []
    for name in there:
        mine = [clip for clip in clip_set.clips if clip.dataset == name]
        by_class = Counter(clip.label for clip in mine)
        found = (len({clip.subject for clip in mine}), tuple(by_class[label] for label in LABELS3))
        if found != COMPOSITE[name]:
            said.append(f"{TITLES[name]}: {_counts(found)} instead of {_counts(COMPOSITE[name])}")
    if said:
        return ("This is not the composite protocol's choice of clips, so the numbers cannot be compared exactly: "
                + "; ".join(said) + ".",)
    whole = ": 442 clips of 68 subjects" if set(there) == set(COMPOSITE) else ""
    return (f"Subjects and clips are as many as the composite protocol has{whole}.",)


def _counts(found: tuple[int, tuple[int, ...]]) -> str:
    return f"{found[0]} subjects with {'/'.join(map(str, found[1]))} clips"


def _ours(line: Line, part: str) -> str:
    scores = line.scores(None if part == FULL else part)
    return f"{100 * scores['uf1'].mean:.1f} / {100 * scores['uar'].mean:.1f}"


def _cell(told: Published | None) -> str:
    if told is None:
        return "-"
    both = " / ".join("-" if value is None else f"{value:.1f}" for value in told[:2])
    return f"{both} ({told.tag})"
