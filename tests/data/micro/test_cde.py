"""The composite list: its counts, its spellings, its twin, and how it joins the tables."""

from __future__ import annotations

from collections import Counter

import pytest

from neurofer.data.micro.casme2 import read_casme2
from neurofer.data.micro.cde import RELABELLED, UNLISTED, apply_cde, read_cde
from neurofer.data.micro.record import MicroRecord
from neurofer.data.micro.samm import read_samm
from neurofer.data.micro.table import MicroTable
from neurofer.data.preparing import Problem
from neurofer.errors import BadFileError
from trees import casme2, samm
from trees.micro_sheets import smic_entries, write_cde

CASME2, SAMM = casme2.casme2_rows(), samm.samm_rows()
ENTRIES = [*smic_entries(), *casme2.casme2_entries(CASME2), *samm.samm_entries(SAMM)]


def table_of(*clips: tuple[str, str, str | None], dataset="casme2", problems=()) -> MicroTable:
    records = tuple(MicroRecord(dataset, subject, "v", clip, "micro", 1, 5, 20, 200.0, label3=label3)
                    for subject, clip, label3 in clips)
    return MicroTable(dataset, records, tuple(problems))


def test_the_whole_list_has_the_published_numbers(tmp_path):
    cde = read_cde(write_cde(tmp_path / "list.csv", ENTRIES))
    assert (len(cde.entries), cde.differing) == (442, ())
    assert Counter(entry.label3 for entry in cde.entries) == {"negative": 250, "positive": 109, "surprise": 83}
    assert [len({entry.subject for entry in cde.of(name)}) for name in ("smic", "casme2", "samm")] == [16, 24, 28]


def test_numbers_that_differ_are_told(tmp_path):
    at = max(place for place, entry in enumerate(ENTRIES) if entry[0] == "samm" and entry[3] == 2)
    changed = [*ENTRIES[1:at], (*ENTRIES[at][:3], 0), *ENTRIES[at + 1 :]]
    told = {count.what: (count.have, count.wanted) for count in read_cde(write_cde(tmp_path / "l", changed)).differing}
    assert told["smic negative"] == (69, 70)
    assert told["clips"] == (441, 442)
    assert told["samm negative"] == (93, 92)
    assert "casme2 negative" not in told


def test_a_list_of_one_set_is_compared_with_that_set(tmp_path):
    path = write_cde(tmp_path / "list.csv", [entry for entry in ENTRIES if entry[0] == "samm"])
    assert read_cde(path).differing == ()


def test_subjects_and_sets_are_read_in_any_spelling(tmp_path):
    path = write_cde(tmp_path / "list.csv", [
        ("CASME2", 1, "EP02_01f", 0), ("casme2", "sub02", "a", 1), ("SAMM", 6, "006_1_2", 2), ("samm", "007", "b", 0),
        ("smic", "s1", "c", 1)])
    assert [entry[:2] for entry in read_cde(path).entries] == [
        ("casme2", "sub01"), ("casme2", "sub02"), ("samm", "006"), ("samm", "007"), ("smic", "s01")]


def test_the_twin_with_blank_rows_is_refused(tmp_path):
    path = write_cde(tmp_path / "combined_3class_gt-2.csv", ENTRIES, blank_between=True)
    with pytest.raises(BadFileError, match=r"row 2 is blank, as in the list's twin.*give combined_3class_gt.csv"):
        read_cde(path)
    path.write_text("casme2,sub01,a,0\n,,,\ncasme2,sub01,b,0\n")
    with pytest.raises(BadFileError, match="row 2 is blank"):
        read_cde(path)
    path.write_text("casme2,sub01,a,0\n\n\n")
    assert len(read_cde(path).entries) == 1


def test_wrong_rows_are_told_together(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("dataset,subject,clip,label\ncasme2,anna,a,0\ncasme2,sub01,,0\ncasme2,sub01,a,3\ncasme2,sub01,a\n"
                    "casme2,sub01,a,0\ncasme2,1,A,1\n")
    with pytest.raises(BadFileError) as refused:
        read_cde(path)
    assert [line.split(": ")[0].strip() for line in str(refused.value).splitlines()[1:]] == [
        f"list.csv:{number}" for number in (1, 2, 3, 4, 5, 7)]


@pytest.mark.parametrize(("content", "said"), [(b"", "is empty"), (b"\n\n", "lists no clip"), (b"\xff\xfe", "UTF-8"),
                                               (b'"' + b"a" * 200_000, "not a CSV")])
def test_what_is_no_list_is_refused(tmp_path, content, said):
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(BadFileError, match=said):
        read_cde(tmp_path / "list.csv")


def test_the_list_decides_on_both_tables(tmp_path):
    cde = read_cde(write_cde(tmp_path / "list.csv", ENTRIES))
    casme2.write_sheet_255(tmp_path, CASME2)
    samm.write_sheet(tmp_path, SAMM, numbers=True)
    first, second = apply_cde(read_casme2(tmp_path), cde), apply_cde(read_samm(tmp_path), cde)
    assert Counter(record.label3 for record in first.records) == {
        "negative": 88, "positive": 32, "surprise": 25, None: 110}
    assert Counter(record.label3 for record in second.records) == {
        "negative": 92, "positive": 26, "surprise": 15, None: 26}
    without = {(record.subject, record.clip): record.label3 for record in first.records}
    assert [without[clip] for clip in casme2.UNLISTED] == [None, None]
    assert without["sub05", "EP12_03f"] == "surprise"
    assert (first.rules[UNLISTED], second.rules[UNLISTED]) == (2, 0)
    listed = {record.subject for record in first.records if record.label3}
    assert len(listed) == 24
    assert not listed & {"sub10", "sub18"}
    assert sum(record.subject == "sub17" and record.label3 is not None for record in first.records) == 31


def test_the_list_beats_the_rule_and_that_is_counted(tmp_path):
    cde = read_cde(write_cde(tmp_path / "list.csv", [("casme2", 1, "a", 2), ("casme2", 1, "b", 0)]))
    table = apply_cde(table_of(("sub01", "a", "negative"), ("sub01", "b", "negative"), ("sub01", "c", None)), cde)
    assert [record.label3 for record in table.records] == ["surprise", "negative", None]
    assert table.rules == {RELABELLED: 1}


def test_smic_clips_join_with_or_without_the_subjects_zero(tmp_path):
    cde = read_cde(write_cde(tmp_path / "list.csv", [("smic", "s01", "s1_ne_01", 0)]))
    assert apply_cde(table_of(("s01", "s01_ne_01", None), dataset="smic"), cde).records[0].label3 == "negative"


def test_listed_clips_that_the_table_lacks_are_told_together(tmp_path):
    cde = read_cde(write_cde(tmp_path / "list.csv", [("casme2", 1, name, 0) for name in "abcd"]))
    table = table_of(("sub01", "a", None), ("sub01", "b", None), ("sub01", "b", None),
                     problems=[Problem("file.xlsx, row 9", "is odd")])
    with pytest.raises(BadFileError) as refused:
        apply_cde(table, cde)
    assert str(refused.value).splitlines()[1:] == [
        "  sub01 c has no usable row", "  sub01 d has no usable row", "  sub01 b has 2 rows",
        "  in the table, file.xlsx, row 9: is odd"]
    assert "3 of 4 listed clips" in str(refused.value)


def test_of_many_clips_that_a_copy_lacks_some_are_named(tmp_path):
    cde = read_cde(write_cde(tmp_path / "list.csv", [("samm", 6, f"clip{number}", 0) for number in range(40)]))
    with pytest.raises(BadFileError, match="40 of 40 listed clips") as refused:
        apply_cde(table_of(("006", "other", None), dataset="samm"), cde)
    assert len(str(refused.value).splitlines()) == 22
    assert str(refused.value).endswith("and 20 more")


def test_a_set_that_the_list_lacks_is_told(tmp_path):
    cde = read_cde(write_cde(tmp_path / "list.csv", [("samm", 6, "a", 0)]))
    with pytest.raises(BadFileError, match="lists no clip of mmew"):
        apply_cde(table_of(dataset="mmew"), cde)
