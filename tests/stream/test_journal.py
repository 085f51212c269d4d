"""The journal of a table in the making: what was finished is there, wherever a kill cut the file."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from neurofer.data.boxes import FaceBox
from neurofer.data.clip import Box
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.stream.journal import Journal
from neurofer.stream.made_of import MadeOf
from neurofer.stream.outcomes import Outcome, place_of

ONE = MadeOf("runs/ann", "d1", {"--box": None, "--sensor": "640x480"})
FINE = Outcome(2, FaceBox(Box(1, -2, 3, 4), "events"), None, "told")
FAILED = Outcome(0, None, NeuroferError("is empty"), "told")
A, B, C = Path("day/a.raw"), Path("day/b\udcff.raw"), Path("day/c.raw")  # a name may hold bytes that are no text


def written(path: Path) -> Path:
    """A journal of two pieces of one recording, a failure, and another recording."""
    journal = Journal.open(path, ONE)
    journal.keep(A, "a,1\n")
    journal.keep(A, "a,2\n")
    journal.finish(A, (7, 8), FINE)
    journal.finish(B, None, FAILED)
    journal.keep(C, "c,1\n")
    journal.finish(C, (9, 9), FINE)
    journal.close()
    return path


def rows(journal: Journal, path: Path) -> str:
    return "".join(journal.rows(place_of(path)))


def test_what_was_finished_is_there_again(tmp_path: Path) -> None:
    path = written(tmp_path / "new" / "out.csv.partial")
    journal = Journal.open(path, ONE, resume=True)
    assert [entry.path for entry in journal.entries.values()] == [A, B, C]
    assert (rows(journal, A), rows(journal, B), rows(journal, C)) == ("a,1\na,2\n", "", "c,1\n")
    assert journal.decided == 2
    first, failed, _ = journal.entries.values()
    assert (first.stamp, first.outcome.face, first.outcome.decisions) == ((7, 8), FINE.face, 2)
    assert str(failed.outcome.failure) == "is empty"
    journal.finish(B, None, FINE)
    assert journal.decided == 3, "the later of two counts"
    journal.remove()
    assert not path.exists()


def test_cut_anywhere_it_gives_what_was_finished_before_and_goes_on(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole").read_bytes()
    ends = [whole.index(b'"done": ' + json.dumps(place_of(path)).encode()) for path in (A, B, C)]
    ends = [whole.index(b"\n", end) for end in ends]
    for cut in range(len(whole)):
        path = tmp_path / "cut"
        path.write_bytes(whole[:cut])
        journal = Journal.open(path, ONE, resume=True)
        expected = [one for one, end in zip((A, B, C), ends, strict=True) if cut > end]
        assert [entry.path for entry in journal.entries.values()] == expected, cut
        journal.keep(A, "new\n")
        journal.finish(A, None, FINE)
        journal.close()
        journal = Journal.open(path, ONE, resume=True)
        assert rows(journal, A) == "new\n", "rows of an interrupted recording do not come back"
        assert set(expected) | {A} == {entry.path for entry in journal.entries.values()}
        journal.close()


def test_earlier_work_is_neither_lost_nor_mixed(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    before = path.read_bytes()
    with pytest.raises(UsageError, match="left 2 recordings there; go on with --resume, or start anew with --overwr"):
        Journal.open(path, ONE)
    others = {"another model .runs/ann.": MadeOf("runs/snn", "d2", ONE.options),
              "no --stop-us": MadeOf("runs/ann", "d1", {**ONE.options, "--stop-us": 5}),
              "--sensor 640x480": MadeOf("runs/ann", "d1", {"--box": None, "--sensor": None})}
    for told, other in others.items():
        with pytest.raises(UsageError, match=f"was made with {told}; give the same again, or start anew"):
            Journal.open(path, other, resume=True)
    assert path.read_bytes() == before
    path.write_bytes(before.replace(b'"version": 1', b'"version": 2', 1))
    with pytest.raises(UsageError, match="is of version 2, this neurofer reads 1"):
        Journal.open(path, ONE, resume=True)
    journal = Journal.open(path, ONE, overwrite=True)
    assert not journal.entries
    journal.close()
    Journal.open(path, others["no --stop-us"]).close()  # without a decided recording nothing is lost


def test_only_one_command_writes_it(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    journal = Journal.open(tmp_path / "j", ONE)
    with pytest.raises(UsageError, match="another command is at work on it"):
        Journal.open(tmp_path / "j", ONE, overwrite=True)
    journal.close()
    Journal.open(tmp_path / "j", ONE).close()


def test_what_is_no_journal_stays(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("buy milk", encoding="utf-8")
    with pytest.raises(BadFileError, match="is in the way and holds no decisions"):
        Journal.open(tmp_path / "notes", ONE, overwrite=True)
    assert (tmp_path / "notes").read_text(encoding="utf-8") == "buy milk"
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadFileError, match="folder: cannot be written"):
        Journal.open(tmp_path / "folder", ONE)
    path = written(tmp_path / "altered")
    path.write_bytes(path.read_bytes().replace(b'"decisions"', b'"decision"'))
    with pytest.raises(BadFileError, match="was altered and cannot be gone on with"):
        Journal.open(path, ONE, resume=True)


def test_what_is_taken_over_counts_only_when_all_of_it_is(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "j", ONE)
    with pytest.raises(KeyboardInterrupt), journal.taking_over():
        journal.finish(A, None, FINE)
        raise KeyboardInterrupt
    journal.close()
    journal = Journal.open(tmp_path / "j", ONE)
    assert not journal.entries
    with journal.taking_over():
        journal.finish(A, None, FINE)
    journal.close()
    assert Journal.open(tmp_path / "j", ONE, resume=True).decided == 1


def test_a_full_disk_is_one_sentence_and_what_was_finished_stays(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "j")
    journal = Journal.open(path, ONE, resume=True)

    def full(line: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal, "_append", full)
    with pytest.raises(BadFileError, match="the disk is full; nothing that is kept there is lost, free some space"):
        journal.keep(B, "b,1\n")
    journal.close()
    journal = Journal.open(path, ONE, resume=True)
    assert (journal.decided, rows(journal, C)) == (2, "c,1\n")
