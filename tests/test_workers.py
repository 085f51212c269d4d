"""One function over many items, in any number of processes."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.workers import in_order, parse_shard, processors, run_all, shard

JOB = """
import os
from neurofer.errors import BadFileError

def square(number):
    if number == 13:
        raise BadFileError("13: unlucky")
    if number == 14:
        os._exit(3)
    return number * number
"""


@pytest.fixture
def square(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """A function that other processes can import, wherever these tests lie."""
    (tmp_path / "job_for_workers.py").write_text(JOB)
    monkeypatch.syspath_prepend(tmp_path)
    return import_module("job_for_workers").square  # type: ignore[no-any-return]


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_is_worked_on(workers, square):
    assert dict(run_all(square, range(12), workers)) == {number: number * number for number in range(12)}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_comes_through(workers, square):
    with pytest.raises(BadFileError, match="13: unlucky"):
        list(run_all(square, [1, 2, 13], workers))


def test_results_wait_for_their_turn():
    results = iter([("c", 3), ("a", 1), ("b", 2), ("d", 4)])
    assert list(in_order(results, "abcd")) == [("a", 1), ("b", 2), ("c", 3), ("d", 4)]
    ready = in_order(iter([("a", 1)]), "ab")
    assert next(ready) == ("a", 1), "an early one is not held back"


def test_a_worker_that_dies_is_told(square):
    with pytest.raises(NeuroferError, match="fewer --workers"):
        list(run_all(square, [1, 14], 2))


def test_parts_are_disjoint_and_complete():
    parts = [shard(range(10), (number, 3)) for number in (1, 2, 3)]
    assert sorted(sum(parts, [])) == list(range(10))
    assert parse_shard("2/8") == (2, 8)
    assert parse_shard(None) == (1, 1)
    for text in ("0/2", "3/2", "2", "a/b", "1/0", "-1/2"):
        with pytest.raises(UsageError, match="--shard"):
            parse_shard(text)
    assert processors() >= 1
