"""Tasks that need each other's results, in this process or several, as they become ready."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, NamedTuple, TypeVar

from neurofer.errors import NeuroferError
from neurofer.workers import follow_parent

Task = TypeVar("Task")
Result = TypeVar("Result")

ENDED = "a worker process was ended from outside, most often because memory ran out; run it again with fewer --workers"


class Failure(NamedTuple):
    """Why a task has no result."""

    message: str


class Guarded(Generic[Task, Result]):
    """A function whose errors come back as values, also from another process."""

    def __init__(self, function: Callable[[Task], Result]) -> None:
        self.function = function

    def __call__(self, task: Task) -> Result | Failure:
        """The result, or why there is none."""
        try:
            return self.function(task)
        except NeuroferError as error:
            return Failure(str(error))
        except MemoryError as error:
            return Failure(f"out of memory{f' ({error})' if str(error) else ''}; take a smaller size or fewer workers")
        except Exception as error:  # noqa: BLE001  told at the end, by name; the other tasks go on
            return Failure(f"{type(error).__name__}: {error}")


def scheduled(
    needs: Mapping[str, Sequence[str]], task: Callable[[str], Task], function: Callable[[Task], Result], workers: int
) -> Iterator[tuple[str, Result | Failure]]:
    """``(name, result)`` of every task, each started when those that it needs are done.

    The first that can start, in the order given, is the next to start. A task that fails takes those along that need
    it.

    Args:
        needs: Names of the tasks, and of those each needs; needs that are not among them are done already.
        task: Makes what ``function`` gets, when the needs are done.
        function: Top-level function, so that another process can find it.
        workers: Processes; 1 stays in this one.
    """
    waiting = {name: [need for need in wanted if need in needs] for name, wanted in needs.items()}
    done: set[str] = set()
    failed: set[str] = set()

    def blocked() -> Iterator[tuple[str, Failure]]:
        while True:
            stuck = [(name, need) for name, wanted in waiting.items() for need in wanted if need in failed][:1]
            if not stuck:
                return
            name, need = stuck[0]
            del waiting[name]
            failed.add(name)
            yield name, Failure(f"not run, because it needs {need}")

    def next_ready() -> str | None:
        name = next((name for name, wanted in waiting.items() if done.issuperset(wanted)), None)
        if name is not None:
            del waiting[name]
        return name

    if workers <= 1:
        while (name := next_ready()) is not None:
            result = Guarded(function)(task(name))
            (failed if isinstance(result, Failure) else done).add(name)
            yield name, result
            yield from blocked()
        return
    others = set(multiprocessing.active_children())
    pool, running, guarded = _pool(workers), dict[Future[Result | Failure], str](), Guarded(function)
    try:
        while True:
            broken = False
            while len(running) < workers and (name := next_ready()) is not None:
                try:
                    running[pool.submit(guarded, task(name))] = name
                except BrokenProcessPool:
                    waiting[name], broken = [], True  # it can start, and will in the next pool
                    break
            if not running and not waiting:
                break
            lost: list[str] = []
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                name = running.pop(future)
                try:
                    result = future.result()
                except BrokenProcessPool:
                    lost.append(name)
                    continue
                (failed if isinstance(result, Failure) else done).add(name)
                yield name, result
            if lost or broken:
                # Nobody knows which worker it was that died: what ran then has failed, a new pool takes the rest.
                lost += running.values()
                running.clear()
                pool.shutdown(wait=False, cancel_futures=True)
                pool = _pool(workers)
                failed.update(lost)
                yield from ((name, Failure(ENDED)) for name in lost)
            yield from blocked()
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()  # a task may take minutes, and nobody wants its result now
        raise
    pool.shutdown()


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=follow_parent)
