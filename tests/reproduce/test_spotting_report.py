"""The report of a table of spotting: what it says, and when published numbers stand beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurofer.data.clip import Clip
from neurofer.data.long.store import LongSet
from neurofer.plot.markdown import report_markdown
from neurofer.plot.report import report_html
from neurofer.reproduce.cells import Outcome
from neurofer.reproduce.figures import files_of
from neurofer.reproduce.report import Made
from neurofer.reproduce.spotting_data import counts_section
from neurofer.reproduce.spotting_published import (
    CASME2,
    COUNTS,
    MDMD,
    PUBLISHED,
    SAMM,
    UNSEEN,
    count_differences,
    published_section,
)
from neurofer.reproduce.spotting_report import spotting_report
from neurofer.reproduce.spotting_tables import spotting_lines
from neurofer.reproduce.spotting_variants import BASE
from trees.spot_records import FALSE_MICRO, HIT_MACRO, HIT_MICRO, Spotted, made_up_videos, told_table


def everything(clip: Clip) -> Spotted:
    return [HIT_MICRO, HIT_MACRO]


def half(clip: Clip) -> Spotted:
    return [HIT_MACRO, FALSE_MICRO] if clip.subject.endswith("p0") else [HIT_MICRO]


def made_of(long_set: LongSet) -> Made:
    return Made("neurofer reproduce spotting --data store", "a: 1\n", long_set.clip_set)


def test_a_whole_report_says_what_was_found_and_draws_it() -> None:
    long_set = made_up_videos({"a": 3, "b": 2})
    cells, records = told_table(
        long_set, {(name, seed): half if seed else everything for name in (BASE, "no_lcn", "event")
                   for seed in (0, 1)}, seeds=2, others={"no_floor": half, "no_veto": half},
        baselines={"evenly_spaced": [FALSE_MICRO], "rate": [HIT_MICRO]})
    report = spotting_report(cells, Outcome(records, {}, (), 0), made_of(long_set), long_set)
    said = report_markdown(report)
    for words in ("F1 in per cent", "| base |", "| no_lcn | contrast is not normalised |", "| evenly_spaced |",
                  "| base, no_floor |", "| event, no_veto |", "a overall", "b overall",
                  "In 30 finished folds the record of who was read was checked", "7,218", "whole set is one long video",
                  "neurofer reproduce spotting --data store"):
        assert words in said
    assert "| no_lcn, no_floor |" not in said  # other decodings are those of the base
    assert "published" not in said  # of made-up data nobody has numbers
    assert "rate of events above their background" in said
    files = files_of(report.sections)
    assert set(files) == {"f1_micro.png", "f1_macro.png", "f1_overall.png"}
    assert all(png.startswith(b"\x89PNG") for png in files.values())
    assert "f1" in report_html(report).lower()


def test_a_part_of_the_protocol_is_told() -> None:
    long_set = made_up_videos({SAMM: 3})
    cells, records = told_table(long_set, {(BASE, 0): half})
    report = spotting_report(cells[:2], Outcome(dict(list(records.items())[:2]), {}, (), 0), made_of(long_set),
                             long_set)
    assert "The other 1 subjects only trained, so this is a part of the protocol." in report.lead
    assert "Beside published numbers" not in [section.title for section in report.sections]


def test_without_a_whole_variant_there_are_counts_alone() -> None:
    long_set = made_up_videos({"a": 2})
    cells, _ = told_table(long_set, {(BASE, 0): half})
    report = spotting_report(cells, Outcome({}, {}, (), 0), made_of(long_set), long_set)
    assert report.lead.startswith("Not finished")
    assert [section.title for section in report.sections] == ["Data", "The same again"]


def test_videos_and_expressions_are_counted() -> None:
    long_set = made_up_videos({"a": 2, "b": 1})
    rows = {row[0]: row[1:] for row in counts_section(long_set).tables[0].rows}
    assert rows["a"] == ("2", "4", "4.0", "30", "4", "4", "0", "0", "0")
    assert rows["all"][:3] == ("3", "6", "6.0")


@pytest.mark.parametrize(("hits", "f1"), [
    (MDMD[CASME2]["macro"], .1196), (MDMD[CASME2]["micro"], .0082), (MDMD[CASME2]["overall"], .0376),
    (MDMD[SAMM]["macro"], .0629), (MDMD[SAMM]["micro"], .0364), (MDMD[SAMM]["overall"], .0445),
    *((hits, told) for hits, told in UNSEEN.values())])
def test_published_counts_give_the_published_f1(hits: object, f1: float) -> None:
    assert round(hits.f1, 4) == f1  # type: ignore[attr-defined]


def test_published_values_agree_with_one_another() -> None:
    for name, (_, macro, micro) in COUNTS.items():
        assert [MDMD[name][kind].tp + MDMD[name][kind].fn for kind in ("macro", "micro")] == [macro, micro]
        assert MDMD[name]["overall"] == MDMD[name]["macro"] + MDMD[name]["micro"]
        told = {one.method: one for one in PUBLISHED[name]}
        assert len(told) == len(PUBLISHED[name])
        mdmd = told["MDMD 2020"]
        assert (mdmd.macro, mdmd.micro, mdmd.overall) == tuple(
            round(MDMD[name][kind].f1, 4) for kind in ("macro", "micro", "overall"))
    assert UNSEEN["both"][0] == UNSEEN["SAMM Challenge"][0] + UNSEEN["CAS(ME)³"][0]


def test_published_numbers_stand_beside_ours_with_who_tells_them() -> None:
    long_set = made_up_videos({SAMM: 2})
    lines = spotting_lines(*told_table(long_set, {(BASE, 0): half, (BASE, 1): everything}, seeds=2))
    (section,) = published_section(lines, long_set, True)
    f1, counts, unseen = section.tables
    rows = {row[0]: row[1:] for row in f1.rows}
    assert f1.rows[0] == ("ours: base, 2 seeds", "0.8333", "0.7500", "0.7857", "-")
    yap = {name: row for name, row in rows.items() if name.startswith("Yap")}
    assert [row[2] for row in yap.values()] == ["0.126", "0.105", "0.1084"]  # the first never without the others
    assert rows["SpotFormer 2024"] == ("-", "-", "about 0.4401", "recalled")
    assert counts.rows[-1] == ("MDMD 2020 (paper)", "22 / 334 / 321", "29 / 1,407 / 130", "51 / 1,741 / 451")
    assert counts.rows[0][1:] == ("2 / 0 / 2", "2 / 2 / 2", "4 / 2 / 4")
    assert "no comparison" in unseen.note
    assert "SAMM-LV: 4 videos with 4 macro- and 4 micro-expressions instead of 147" in section.text[1]


def test_published_numbers_never_stand_beside_other_data_or_a_part() -> None:
    long_set = made_up_videos({SAMM: 2})
    lines = spotting_lines(*told_table(long_set, {(BASE, 0): half}))
    assert published_section(lines, long_set, False) == ()
    assert published_section([], long_set, True) == ()
    mixed = made_up_videos({SAMM: 2, "long_synthetic": 2})
    assert published_section(lines, mixed, True) == ()
    assert published_section(lines, made_up_videos({"long_synthetic": 2}), True) == ()


def test_two_data_sets_have_their_own_tables() -> None:
    long_set = made_up_videos({SAMM: 2, CASME2: 2})
    lines = spotting_lines(*told_table(long_set, {
        (BASE, 0): lambda clip: everything(clip) if clip.dataset == SAMM else []}))
    (section,) = published_section(lines, long_set, True)
    assert [table.caption for table in section.tables[:4:2]] == ["F1 on CAS(ME)²", "F1 on SAMM-LV"]
    assert [table.rows[0][3] for table in section.tables[:4:2]] == ["0.0000", "1.0000"]
    assert "one network was trained on both" in section.text[-1]


def test_the_published_counts_are_told_as_such() -> None:
    videos, macro, micro = COUNTS[CASME2]
    one = made_up_videos({CASME2: 1}, each=1)
    clip, truth = one.videos[0], next(iter(one.truth.values()))
    kinds = [*[truth[1]] * macro, *[truth[0]] * micro]
    names = [f"v{number:03d}" for number in range(videos)]
    whole = LongSet(replace(one.clip_set, clips=tuple(replace(clip, name=name) for name in names)),
                    {name: tuple(part) for name, part in zip(names, np.array_split(np.array(kinds, object), videos),
                                                             strict=True)})
    assert count_differences(whole) == ("Videos and expressions are as many as published.",)
