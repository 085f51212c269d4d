"""One pure function over many items, in this process or several, results as they are ready."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import TypeVar

from neurofer.errors import NeuroferError, UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AHEAD = 4


def run_all(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[tuple[Item, Result]]:
    """``(item, function(item))`` for every item; in order with one worker, as they are ready with more.

    Args:
        function: Top level function, or a partial of one, so that another process can find it.
        items: What to work on; few are in flight at a time.
        workers: Number of processes; 1 stays in this one.

    Raises:
        NeuroferError: a worker was ended from outside (most often for want of memory).
    """
    if workers <= 1 or len(items) <= 1:
        for item in items:
            yield item, function(item)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(items)), mp_context=context, initializer=follow_parent)
    try:
        yield from _gather(pool, function, iter(items), workers * _AHEAD)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()


def in_order(results: Iterable[tuple[Item, Result]], items: Sequence[Item]) -> Iterator[tuple[Item, Result]]:
    """What ``run_all`` gives, in the order of the items; results that are early wait in memory.

    Args:
        results: ``(item, result)`` in any order.
        items: All items, each once.
    """
    early: dict[Item, Result] = {}
    wanted = iter(items)
    awaited = next(wanted, None)
    for item, result in results:
        early[item] = result
        while awaited is not None and awaited in early:
            yield awaited, early.pop(awaited)
            awaited = next(wanted, None)


def parse_shard(text: str | None) -> tuple[int, int]:
    """``"2/8"`` as ``(2, 8)``, the second of eight parts; None is the whole, ``(1, 1)``.

    Raises:
        UsageError: not ``i/n`` with ``1 <= i <= n``.
    """
    if text is None:
        return 1, 1
    first, slash, second = text.partition("/")
    if not (slash and first.strip().isdigit() and second.strip().isdigit() and 1 <= int(first) <= int(second)):
        raise UsageError(f"--shard: need i/n with 1 <= i <= n such as 2/8, got {text!r}")
    return int(first), int(second)


def shard(items: Iterable[Item], part: tuple[int, int]) -> list[Item]:
    """Every n-th item, starting at the i-th, for ``part = (i, n)``."""
    return [item for place, item in enumerate(items) if place % part[1] == part[0] - 1]


def _gather(pool: ProcessPoolExecutor, function: Callable[[Item], Result], items: Iterator[Item],
            most: int) -> Iterator[tuple[Item, Result]]:
    from concurrent.futures.process import BrokenProcessPool

    waiting: dict[Future[Result], Item] = {}
    while True:
        for item in items:
            waiting[pool.submit(function, item)] = item
            if len(waiting) >= most:
                break
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            item = waiting.pop(future)
            try:
                yield item, future.result()
            except BrokenProcessPool as error:
                raise NeuroferError("a worker process was ended from outside, most often because memory ran out; "
                                    "run the same command again, with fewer --workers") from error


def follow_parent() -> None:
    """End this worker when the process that started it is gone, even if that was killed; Ctrl-C is for that one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def processors() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
