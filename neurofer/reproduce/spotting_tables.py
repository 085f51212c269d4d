"""From the folds of the spotter to its numbers: variants, decodings and baselines over seeds, and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from neurofer.errors import NeuroferError
from neurofer.evaluate.spotting import NAMES, Name
from neurofer.evaluate.spotting_log import spotting_log
from neurofer.reproduce.cells import Cell
from neurofer.reproduce.spotting_tally import (
    Between,
    Record,
    Tally,
    pooled,
    spotted_intervals,
    subjects_interval,
    true_intervals,
)
from neurofer.reproduce.spotting_variants import BASE, settings_of
from neurofer.reproduce.tables import OverSeeds, Row
from neurofer.train.micro.reads import require_unread
from neurofer.train.spot.config import SpotConfig

Score = Literal["f1", "precision", "recall"]

DECODINGS: Mapping[str, str] = {
    "untuned": "p as configured, no absolute floor, intervals of one length", "no_floor": "no absolute floor",
    "fixed": "intervals of one length", "extended": "intervals grown from their peak",
    "no_merge": "intervals are not joined", "nms": "non-maximum suppression", "no_veto": "blinks are not vetoed"}
"""Other ways from the same scores to intervals, which a fold tells beside ``base``."""

BASELINES: Mapping[str, str] = {
    "evenly_spaced": "intervals at equal distances, as many and as long as the training people's",
    "difference": "how much a frame differs from its references, decoded as the network's scores",
    "rate": "rate of events above their background; nothing is learned",
    "rate_veto": "as rate, without blinks"}
"""What needs no network."""


@dataclass(frozen=True)
class Line:
    """One way to spot, over seeds.

    Attributes:
        name: What it is called.
        tallies: Of all folds together, by seed.
    """

    name: str
    tallies: Mapping[int, Tally]

    def score(self, kind: Name, part: str | None = None, score: Score = "f1") -> OverSeeds:
        """F1, precision or recall of one type or of both by seed, on one data set or on all."""
        return OverSeeds({seed: float(getattr(tally.part(part).total(kind), score))
                          for seed, tally in self.tallies.items()})

    def interval(self, kind: Name, part: str | None = None) -> Between:
        """95 % interval of the mean F1 over seeds when subjects are drawn again."""
        return subjects_interval([(tally.part(part), 1 / len(self.tallies)) for tally in self.tallies.values()], kind)


@dataclass(frozen=True)
class VariantLine(Line):
    """One variant over the seeds of which all folds are finished.

    Attributes:
        settings: Of its first fold.
        folds: Results of all folds by seed.
        seconds: What each fold took, by seed.
    """

    settings: SpotConfig = field(default_factory=SpotConfig)
    folds: Mapping[int, tuple[Record, ...]] = field(default_factory=dict)
    seconds: Mapping[int, tuple[float, ...]] = field(default_factory=dict)

    @property
    def results(self) -> tuple[Record, ...]:
        """Of all folds and seeds."""
        return tuple(result for results in self.folds.values() for result in results)


def spotting_lines(cells: Sequence[Cell], records: Mapping[str, Record]) -> list[VariantLine]:
    """A line for each variant, over the seeds of which every fold is finished.

    Args:
        cells: From ``plan_spotting``.
        records: Finished cells.

    Raises:
        NeuroferError: a tested subject was read for anything but the test, or was tested twice.
    """
    wanted: dict[str, dict[int, list[Cell]]] = {}
    for cell in cells:
        wanted.setdefault(cell.parameters["variant"], {}).setdefault(cell.parameters["seed"], []).append(cell)
    require_untouched(cells, records)
    lines = []
    for variant, seeds in wanted.items():
        done = {seed: [records[cell.name] for cell in mine] for seed, mine in seeds.items()
                if all(cell.name in records for cell in mine)}
        if done:
            folds = {seed: tuple(record["result"] for record in mine) for seed, mine in done.items()}
            lines.append(VariantLine(
                variant, {seed: pooled(results) for seed, results in folds.items()},
                settings_of(next(iter(seeds.values()))[0]), folds,
                {seed: tuple(record["seconds"] for record in mine) for seed, mine in done.items()}))
    return lines


def require_untouched(cells: Sequence[Cell], records: Mapping[str, Record]) -> int:
    """Check by the records of all finished folds that whom they test was read for nothing else; gives their number.

    Raises:
        NeuroferError: somebody was read, or another subject than planned was tested; names the cell.
    """
    done = [cell for cell in cells if cell.name in records]
    for cell in done:
        result = records[cell.name]["result"]
        tested, planned = result["subjects"]["test"], cell.parameters["subject"]
        told = sorted({one["subject"] for one in result["test"].values()})
        if tested != [planned] or told != [planned]:
            raise NeuroferError(f"{cell.name}: tested {', '.join(tested)} and tells of {', '.join(told)}, but was to "
                                f"test {planned}; delete its file in cells/ and run it again")
        try:
            require_unread(result["reads"], tested)
        except NeuroferError as error:
            raise NeuroferError(f"{cell.name}: {error}") from None
    return len(done)


def decoded_lines(line: VariantLine, names: Sequence[str] = tuple(DECODINGS)) -> list[Line]:
    """A variant's scores decoded in other ways, of those that all of its folds tell."""
    found = []
    for name in names:
        if all(name in told["predicted"] for result in line.results for told in result["test"].values()):
            found.append(Line(name, {seed: pooled(results, name) for seed, results in line.folds.items()}))
    return found


def baseline_lines(lines: Sequence[VariantLine]) -> list[Line]:
    """What needs no network, from the first variant that tells of it; once, as nothing in it is drawn at random."""
    found: dict[str, Line] = {}
    for line in lines:
        results = next(iter(line.folds.values()))
        for name in BASELINES:
            if name not in found and all(name in result.get("baselines", ()) for result in results):
                found[name] = Line(name, {0: pooled(results, baseline=name)})
    return [found[name] for name in BASELINES if name in found]


@dataclass(frozen=True)
class Change:
    """What a variant or a decoding does beside another, under the same seeds and on the same videos.

    Attributes:
        name: Its name.
        values: Its F1 minus the other's, by seed.
        interval: 95 % interval of the mean when subjects are drawn again.
    """

    name: str
    values: OverSeeds
    interval: Between


def change(line: Line, base: Line, kind: Name) -> Change | None:
    """A line minus another, over the seeds that both have; None without any."""
    both = sorted(set(line.tallies) & set(base.tallies))
    if not both:
        return None
    weighed = [(one.tallies[seed], sign / len(both)) for seed in both for one, sign in ((line, 1), (base, -1))]
    return Change(line.name, line.score(kind).minus(base.score(kind)), subjects_interval(weighed, kind))


def changes(lines: Sequence[Line], kind: Name) -> list[Change]:
    """Each variant minus the base; empty without the base."""
    base = next((line for line in lines if line.name == BASE), None)
    found = [change(line, base, kind) for line in lines if base is not None and line is not base]
    return [one for one in found if one is not None]


def parts_of(lines: Sequence[Line]) -> list[str]:
    """Names of the data sets, where there are several."""
    names = sorted({name for line in lines for tally in line.tallies.values() for name in tally.datasets})
    return names if len(names) > 1 else []


def spotting_rows(lines: Sequence[VariantLine]) -> list[Row]:
    """A flat row for every variant, decoding, baseline, seed and part, ``full`` being all."""
    rows: list[Row] = []
    parts = parts_of(lines)
    for line in lines:
        for decoding, one in ((BASE, line), *((other.name, other) for other in decoded_lines(line))):
            for seed in one.tallies:
                rows += [{"method": line.name, "decoding": decoding, "seed": seed, **_row(one, seed, part),
                          "folds": len(line.folds[seed]), "seconds": round(sum(line.seconds[seed]), 1)}
                         for part in (None, *parts)]
    for baseline in baseline_lines(lines):
        rows += [{"method": baseline.name, "decoding": "", "seed": "", **_row(baseline, 0, part)}
                 for part in (None, *parts)]
    return rows


def _row(line: Line, seed: int, part: str | None) -> dict[str, Any]:
    tally = line.tallies[seed].part(part)
    row: dict[str, Any] = {"part": part or "full", "videos": len(tally.videos), "subjects": len(set(tally.subjects))}
    for kind in NAMES:
        row |= {f"{kind}_{name}": value for name, value in tally.total(kind).to_dict().items()}
    return row


def megc_log(line: VariantLine) -> str:
    """What a variant spotted under its first seed, in the format of MEGC 2019; frames are counted from 0."""
    results = next(iter(line.folds.values()))
    videos = [(name, result) for result in results for name in result["test"]]
    datasets = {result["test"][name]["dataset"] for name, result in videos}
    return spotting_log([one for name, result in videos for one in true_intervals(name, result)],
                        [one for name, result in videos for one in spotted_intervals(name, result)],
                        "casme2" if datasets == {"casme2_long"} else "samm")
