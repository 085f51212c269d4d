"""The numbers of a table of spotting, by hand from made-up folds; who may not be in it; their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from neurofer.data.clip import Clip
from neurofer.errors import NeuroferError
from neurofer.evaluate.spotting import NAMES, Counts
from neurofer.evaluate.spotting_intervals import bootstrap_spotting
from neurofer.reproduce.spotting_tables import (
    baseline_lines,
    changes,
    decoded_lines,
    megc_log,
    parts_of,
    spotting_lines,
    spotting_rows,
)
from neurofer.reproduce.spotting_tally import pooled, subjects_interval
from neurofer.reproduce.spotting_variants import BASE
from trees.spot_records import FALSE_MACRO, FALSE_MICRO, HIT_MACRO, HIT_MICRO, Spotted, made_up_videos, told_table


def everything(clip: Clip) -> Spotted:
    return [HIT_MICRO, HIT_MACRO]


def nothing(clip: Clip) -> Spotted:
    return []


def uneven(clip: Clip) -> Spotted:
    """All of the first person's, a false alarm of either type in the second's, the macro of the others'."""
    if clip.subject.endswith("p0"):
        return [HIT_MICRO, HIT_MACRO]
    return [HIT_MICRO, FALSE_MICRO, FALSE_MACRO] if clip.subject.endswith("p1") else [HIT_MACRO]


def test_hits_are_summed_over_all_videos_before_they_are_divided() -> None:
    long_set = made_up_videos({"a": 3}, each=1)
    cells, records = told_table(long_set, {(BASE, 0): uneven})
    (line,) = spotting_lines(cells, records)
    tally = line.tallies[0]
    assert tally.total("micro") == Counts(2, 1, 1)
    assert tally.total("macro") == Counts(2, 1, 1)
    assert tally.total("overall") == Counts(4, 2, 2)
    assert line.score("overall").values == {0: pytest.approx(8 / 12)}
    assert line.score("micro", score="precision").values == {0: pytest.approx(2 / 3)}
    assert tally.by_subject("overall", ["a/p0", "a/p1", "a/p2"]).tolist() == [[2, 0, 0], [1, 2, 1], [1, 0, 1]]
    # The mean over people would be another number: (1 + 2 / 5 + 2 / 3) / 3.
    assert line.score("overall").mean != pytest.approx((1 + 2 / 5 + 2 / 3) / 3)


def test_the_order_of_folds_changes_no_score() -> None:
    cells, records = told_table(made_up_videos({"a": 3}), {(BASE, 0): uneven})
    there, back = spotting_lines(cells, records)[0], spotting_lines(cells[::-1], records)[0]
    assert there.tallies[0].total("overall") == back.tallies[0].total("overall")
    assert there.interval("overall") == back.interval("overall")


def test_a_seed_without_all_folds_has_no_number() -> None:
    cells, records = told_table(made_up_videos({"a": 3}), {(BASE, 0): uneven, (BASE, 1): uneven}, seeds=2)
    del records[next(cell.name for cell in cells if cell.parameters["seed"])]
    (line,) = spotting_lines(cells, records)
    assert set(line.tallies) == {0}
    del records[cells[0].name]
    assert spotting_lines(cells, records) == []


def test_a_subject_tested_twice_is_refused() -> None:
    cells, records = told_table(made_up_videos({"a": 3}), {(BASE, 0): uneven})
    results = [records[cell.name]["result"] for cell in cells]
    with pytest.raises(NeuroferError, match="subject a/p1 was tested in two folds"):
        pooled([*results, results[1]])
    other = {**results[1], "subjects": {"train": [], "test": ["a/p7"]}}
    with pytest.raises(NeuroferError, match="video a/p1_0 was tested in two folds"):
        pooled([*results, other])


def test_another_subject_than_planned_is_refused() -> None:
    cells, records = told_table(made_up_videos({"a": 3}), {(BASE, 0): uneven})
    records[cells[0].name]["result"] = records[cells[1].name]["result"]
    with pytest.raises(NeuroferError, match="base-000.*tested a/p1 and tells of a/p1, but was to test a/p0"):
        spotting_lines(cells, records)


@pytest.mark.parametrize("purpose", ["skips", "weights", "decoding"])
def test_a_tested_subject_that_was_read_is_refused(purpose: str) -> None:
    cells, records = told_table(made_up_videos({"a": 3}), {(BASE, 0): uneven})
    records[cells[1].name]["result"]["reads"][purpose]["subjects"].append("a/p1")
    with pytest.raises(NeuroferError, match=f"base-001.*test subject a/p1 was read for {purpose}"):
        spotting_lines(cells, records)


def test_parts_are_those_of_each_data_set() -> None:
    cells, records = told_table(made_up_videos({"a": 2, "b": 1}), {
        (BASE, 0): lambda clip: everything(clip) if clip.dataset == "a" else [FALSE_MICRO]})
    (line,) = spotting_lines(cells, records)
    assert parts_of([line]) == ["a", "b"]
    assert line.tallies[0].part("a").total("overall") == Counts(8, 0, 0)
    assert line.tallies[0].part("b").total("overall") == Counts(0, 2, 4)
    assert line.tallies[0].part("c").total("overall") == Counts()
    assert parts_of(spotting_lines(*told_table(made_up_videos({"a": 2}), {(BASE, 0): everything}))) == []


def test_one_seed_has_the_interval_of_the_metric() -> None:
    long_set = made_up_videos({"a": 4})
    (line,) = spotting_lines(*told_table(long_set, {(BASE, 0): uneven}))
    tally = line.tallies[0]
    people = long_set.clip_set.subjects
    by_subject = [{kind: Counts(*tally.by_subject(kind, people)[number].tolist()) for kind in NAMES}
                  for number in range(len(people))]
    found = bootstrap_spotting(by_subject)
    for kind in NAMES:
        assert line.interval(kind) == pytest.approx(found[kind])


def test_people_are_drawn_for_all_seeds_together() -> None:
    long_set = made_up_videos({"a": 4})
    lines = spotting_lines(*told_table(long_set, {(BASE, 0): uneven, (BASE, 1): everything, ("no_lcn", 0): uneven,
                                                  ("no_lcn", 1): everything}, seeds=2))
    low, high = lines[0].interval("overall") or (np.nan, np.nan)
    one = subjects_interval([(lines[0].tallies[0], 1.0)], "overall") or (np.nan, np.nan)
    # The second seed is right of everybody: half of its mean is sure.
    assert (low, high) == (pytest.approx((one[0] + 1) / 2), pytest.approx((one[1] + 1) / 2))
    (change,) = changes(lines, "overall")
    assert change.values.values == {0: 0, 1: 0}
    assert change.interval == (0, 0)  # the same draws of people on both sides
    assert subjects_interval([(spotting_lines(*told_table(made_up_videos({"a": 2}), {(BASE, 0): uneven}))[0]
                               .tallies[0].part("b"), 1.0)], "micro") is None


def test_changes_are_paired_with_the_base() -> None:
    lines = spotting_lines(*told_table(made_up_videos({"a": 3}, each=1), {
        (BASE, 0): uneven, (BASE, 1): everything, ("event", 0): nothing, ("event", 1): everything}, seeds=2))
    (change,) = changes(lines, "overall")
    assert change.name == "event"
    assert change.values.values == {0: pytest.approx(-8 / 12), 1: 0}
    assert change.interval is not None
    assert change.interval[0] <= change.values.mean <= change.interval[1] <= 0
    assert changes(lines[1:], "overall") == []


def test_other_decodings_and_baselines_are_lines_of_their_own() -> None:
    cells, records = told_table(
        made_up_videos({"a": 2}, each=1), {(BASE, 0): everything, (BASE, 1): everything, ("event", 0): nothing,
                                           ("event", 1): nothing}, seeds=2,
        others={"no_floor": lambda clip: [HIT_MICRO, FALSE_MICRO], "unheard_of": nothing},
        baselines={"evenly_spaced": [HIT_MACRO, FALSE_MACRO], "rate": []})
    lines = spotting_lines(cells, records)
    (other,) = decoded_lines(lines[0])
    assert (other.name, other.tallies[1].total("micro")) == ("no_floor", Counts(2, 2, 0))
    spaced, rate = baseline_lines(lines)
    assert (spaced.name, spaced.tallies[0].total("overall"), len(spaced.tallies)) == (
        "evenly_spaced", Counts(2, 2, 2), 1)
    assert (rate.name, rate.score("overall").mean) == ("rate", 0)
    rows = spotting_rows(lines)
    assert [(row["method"], row["decoding"], row["seed"]) for row in rows] == [
        (BASE, BASE, 0), (BASE, BASE, 1), (BASE, "no_floor", 0), (BASE, "no_floor", 1), ("event", BASE, 0),
        ("event", BASE, 1), ("event", "no_floor", 0), ("event", "no_floor", 1), ("evenly_spaced", "", ""),
        ("rate", "", "")]
    first = rows[2]
    assert (first["micro_tp"], first["micro_fp"], first["micro_fn"], first["videos"], first["folds"]) == (2, 2, 0, 2, 2)
    assert first["overall_f1"] == pytest.approx(4 / (4 + 2 + 2))


def test_the_log_is_that_of_the_first_seed() -> None:
    (line,) = spotting_lines(*told_table(made_up_videos({"casme2_long": 2}, each=1), {
        (BASE, 0): uneven, (BASE, 1): nothing}, seeds=2))
    assert megc_log(line).splitlines() == [
        "2", "casme2_long/p0_0 100 113 100 113 TP", "casme2_long/p0_0 400 439 400 439 TP",
        "casme2_long/p1_0 100 113 100 113 TP", "casme2_long/p1_0 - - 900 913 FP", "casme2_long/p1_0 400 439 - - FN",
        "casme2_long/p1_0 - - 1200 1239 FP"]
