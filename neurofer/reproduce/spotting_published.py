"""What others report on the same data sets: shown beside our own numbers only, with who tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from neurofer.data.long.store import LongSet
from neurofer.evaluate.spotting import Counts, Name
from neurofer.plot.report import Section, Table
from neurofer.reproduce.spotting_tables import Line

CASME2, SAMM = "casme2_long", "samm_lv"
TITLES = {CASME2: "CAS(ME)²", SAMM: "SAMM-LV"}
SHOWN: tuple[Name, ...] = ("macro", "micro", "overall")
"""The order in which the literature writes the three F1."""


class Published(NamedTuple):
    """F1 of a method on one data set, None where it is not told.

    ``told`` is ``paper`` (the authors themselves), ``secondary`` (other people), or ``recalled`` (not checked against
    a text, and told as about so); ``digits`` are as many as are told.
    """

    method: str
    macro: float | None
    micro: float | None
    overall: float | None
    told: str
    digits: int = 4


YAP = "Yap et al. 3D-CNN"
PUBLISHED: Mapping[str, tuple[Published, ...]] = {
    CASME2: (
        Published("MDMD 2020", .1196, .0082, .0376, "paper"),
        Published("SP-FD 2020", .2131, .0547, .1403, "secondary"),
        Published("LBCNN", None, None, .0595, "secondary"),
        Published(f"{YAP}, later papers' tables", .2145, .0714, .1675, "secondary"),
        Published("SL-Swin 2022", .2236, .0879, .1824, "paper"),
        Published("SOFTNet 2021", .2410, .1173, .2022, "paper"),
        Published("Concat-CNN 2021", .2505, .0153, .2019, "secondary"),
        Published("LSSNet 2021", .3770, .0420, .3250, "secondary"),
        Published("OF-FD 2021", .3782, .1965, .3436, "secondary"),
        Published("MTSN 2022", .4104, .0808, .3620, "paper"),
        Published("AUW-GCN 2023", .4235, .1538, .3834, "paper"),
        Published("Causal-Ex 2025", None, None, .3880, "paper"),
        Published("Zhao 2022", .4717, .2522, .4436, "paper"),
        Published("SpoT-GCN 2024", None, None, .4154, "recalled"),
        Published("SpotFormer 2024", None, None, .4841, "recalled"),
        Published("MESNet, micro alone", None, .0360, None, "secondary"),
        Published("RMES, micro alone", None, .1489, None, "secondary"),
    ),
    SAMM: (
        Published("MDMD 2020", .0629, .0364, .0445, "paper"),
        Published("SAMM-LV paper (OpenFace action units)", .4081, .0508, .3299, "paper, secondary"),
        Published("SP-FD 2020", .0725, .1331, .0999, "secondary"),
        Published("LBCNN", None, None, .0813, "secondary"),
        Published(f"{YAP}, abstract of an early version", None, None, .126, "paper", 3),
        Published(f"{YAP}, final abstract", None, None, .105, "paper", 3),
        Published(f"{YAP}, later papers' tables", .1595, .0466, .1084, "secondary"),
        Published("SL-Swin 2022", .1675, .1044, .1357, "paper"),
        Published("SOFTNet 2021", .2169, .1520, .1881, "paper"),
        Published("Concat-CNN 2021", .3553, .1155, .2736, "secondary"),
        Published("LSSNet 2021", .2810, .1310, .2380, "secondary"),
        Published("OF-FD 2021", .4149, .2162, .3638, "secondary"),
        Published("MTSN 2022", .3459, .0878, .2867, "paper"),
        Published("AUW-GCN 2023", .4293, .1984, .3728, "paper"),
        Published("Causal-Ex 2025", None, None, .3701, "paper"),
        Published("SpoT-GCN 2024", None, .4035, .4454, "recalled"),
        Published("SpotFormer 2024", None, None, .4401, "recalled"),
        Published("MESNet, micro alone", None, .0880, None, "secondary"),
        Published("RMES, micro alone", None, .1667, None, "secondary"),
    ),
}
"""As collected in sections 1 and 10 of the spotting specification."""

MDMD: Mapping[str, Mapping[str, Counts]] = {
    CASME2: {"macro": Counts(109, 1414, 191), "micro": Counts(21, 5014, 36), "overall": Counts(130, 6428, 227)},
    SAMM: {"macro": Counts(22, 334, 321), "micro": Counts(29, 1407, 130), "overall": Counts(51, 1741, 451)},
}
"""Hits and misses of the baseline of MEGC 2020, whose matching lets several intervals hit one truth."""

UNSEEN: Mapping[str, tuple[Counts, float]] = {
    "SAMM Challenge": (Counts(6, 65, 25), .1176), "CAS(ME)³": (Counts(4, 6, 32), .1739),
    "both": (Counts(10, 71, 57), .1351)}
"""The network on the videos of MEGC 2022: counts computed from the published precision and recall, and F1 as told."""

COUNTS: Mapping[str, tuple[int, int, int]] = {CASME2: (98, 300, 57), SAMM: (147, 343, 159)}
"""Videos, macro- and micro-expressions of each data set."""

CAUTION = ("Numbers of others, as they tell them; none was run here. paper: told by the authors; secondary: by other "
           "people; recalled: not checked against a text.")


def published_section(lines: Sequence[Line], long_set: LongSet, whole: bool) -> tuple[Section, ...]:
    """Published numbers of the data sets that are there, below ours; nothing without ours or with other data.

    Args:
        lines: Ours, the first of which is shown.
        long_set: The videos.
        whole: Whether every subject was tested.
    """
    there = {clip.dataset for clip in long_set.videos}
    if not lines or not whole or not there <= set(PUBLISHED):
        return ()
    text = [CAUTION, *count_differences(long_set)]
    if len(there) > 1:
        text.append("Here one network was trained on both data sets, and there on one alone.")
    tables = [table for name in (CASME2, SAMM) if name in there for table in _tables(lines[0], name, len(there) > 1)]
    return (Section("Beside published numbers", tuple(text), tables=(*tables, _unseen())),)


def count_differences(long_set: LongSet) -> tuple[str, ...]:
    """What differs from the published numbers of videos and expressions, or that nothing does."""
    told = []
    there = sorted({clip.dataset for clip in long_set.videos} & set(COUNTS))
    for name in there:
        videos = [clip.name for clip in long_set.videos if clip.dataset == name]
        kinds = Counter(one.kind for video in videos for one in long_set.truth[video])
        found = (len(videos), kinds["macro"], kinds["micro"])
        if found != COUNTS[name]:
            told.append(f"{TITLES[name]}: {_counts(found)} instead of {_counts(COUNTS[name])}")
    if told:
        return ("These are not all of the published videos and expressions, so the numbers cannot be compared "
                f"exactly: {'; '.join(told)}.",)
    return ("Videos and expressions are as many as published.",)


def _counts(found: tuple[int, int, int]) -> str:
    return "{} videos with {} macro- and {} micro-expressions".format(*found)


def _tables(line: Line, name: str, several: bool) -> tuple[Table, Table]:
    part = name if several else None
    seeds = len(line.tallies)
    ours = (f"ours: {line.name}, {seeds} seed{'s' if seeds > 1 else ''}",
            *(_number(line.score(kind, part).mean) for kind in SHOWN), "-")
    rows = [(one.method, *(_number(getattr(one, kind), one.digits, one.told == "recalled") for kind in SHOWN), one.told)
            for one in PUBLISHED[name]]
    mdmd = ("MDMD 2020 (paper)", *(_hits(MDMD[name][kind]) for kind in SHOWN))
    counted = [(f"ours: {line.name}, seed {seed}",
                *(_hits(tally.part(part).total(kind)) for kind in SHOWN))
               for seed, tally in line.tallies.items()]
    return (Table(f"F1 on {TITLES[name]}", ("method", *SHOWN, "told by"), (ours, *rows)),
            Table(f"TP / FP / FN on {TITLES[name]}", ("method", *SHOWN), (*counted, mdmd),
                  note="MDMD's own count lets several spotted intervals hit one true one; ours matches one to one."))


def _unseen() -> Table:
    rows = tuple((f"{YAP}, {name}", f"{hits.tp} / {hits.fp} / {hits.fn}", _number(told))
                 for name, (hits, told) in UNSEEN.items())
    return Table("The network on other videos (MEGC 2022, unseen), both types together",
                 ("videos", "TP / FP / FN, computed from precision and recall", "F1"), rows,
                 note="Other videos than those above, so no comparison with them.")


def _hits(hits: Counts) -> str:
    return f"{hits.tp:,} / {hits.fp:,} / {hits.fn:,}"


def _number(value: float | None, digits: int = 4, about: bool = False) -> str:
    return "-" if value is None else f"{'about ' if about else ''}{value:.{digits}f}"
