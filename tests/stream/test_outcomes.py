"""How a recording is known again, and what is told of many failures."""

from __future__ import annotations

import os
from pathlib import Path

from neurofer.stream.outcomes import failure_lines, stamp_of


def test_failures_are_told_by_kind_with_advice_and_few_names() -> None:
    silent = "does not say its sensor size{}; give sensor=(width, height), on the command line --sensor WIDTHxHEIGHT"
    failures = [(Path(f"day/{name}.npy"), silent.format(" (numpy arrays do not say it)")) for name in "abcd"]
    failures += [(Path("x.bin"), silent.format("")), (Path("y.csv"), "line 1 is 'hi'; need numbers"),
                 (Path("z.csv"), "line 22 is 'ho'; need numbers"), (Path("e.raw"), "is empty")]
    assert list(failure_lines(failures)) == [
        "  5: does not say its sensor size; say it by --sensor, such as --sensor 640x480",
        "     a.npy, b.npy, c.npy and 2 more",
        "  2, such as: line 1 is 'hi'; need numbers",
        "     y.csv, z.csv",
        "  1: is empty; copy it again",
        "     e.raw",
    ]
    assert list(failure_lines([])) == []


def test_a_stamp_changes_with_the_file_or_a_file_of_the_folder(tmp_path: Path) -> None:
    assert stamp_of(tmp_path / "nothing") is None
    file = tmp_path / "columns" / "t.npy"
    file.parent.mkdir()
    file.write_bytes(b"123")
    (tmp_path / "columns" / "x.npy").write_bytes(b"12")
    one, folder = stamp_of(file), stamp_of(file.parent)
    assert one is not None
    assert folder is not None
    assert (one[0], folder[0]) == (3, 5)
    os.utime(file, ns=(one[1] + 9_000_000_000, one[1] + 9_000_000_000))
    assert stamp_of(file) == (3, one[1] + 9_000_000_000)
    assert stamp_of(file.parent) == (5, one[1] + 9_000_000_000)
