"""A stretch of steps recorded once on a GPU and replayed: thousands of small kernels at the cost of one launch.

The neurons go step by step, and each step is a handful of operations that take a GPU microseconds; started one by one
from Python they wait for each other. Recorded, they do not. A recording is of one shape; the first replay is compared
with the usual way, and where they differ, or nothing can be recorded, the usual way stays.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Tensors = tuple["Tensor", ...]
Run = Callable[[Tensors], Tensors]

_log = logging.getLogger(__name__)


class Replayed:
    """A function of tensors that is recorded for each shape of its input.

    Args:
        run: Takes tensors on the GPU and gives tensors there; must not wait for the GPU.
        shapes_kept: Recordings that are kept, each with memory of its own.
    """

    def __init__(self, run: Run, shapes_kept: int = 2) -> None:
        self._run = run
        self._most = shapes_kept
        self._recorded: dict[tuple[tuple[int, ...], ...], Callable[[Tensors], Tensors]] = {}
        self._gave_up = False

    def __call__(self, given: Sequence[Tensor]) -> Tensors:
        """What ``run`` gives."""
        inputs = tuple(given)
        shapes = tuple(tuple(one.shape) for one in inputs)
        if self._gave_up or (shapes not in self._recorded and len(self._recorded) >= self._most):
            return self._run(inputs)
        if shapes not in self._recorded:
            wanted = self._run(inputs)
            replay = self._try(inputs, wanted)
            if replay is None:
                self._gave_up = True
                return wanted
            self._recorded[shapes] = replay
            return wanted
        return self._recorded[shapes](inputs)

    def _try(self, inputs: Tensors, wanted: Tensors) -> Callable[[Tensors], Tensors] | None:
        """The recording, if its first replay gives what is wanted."""
        import torch

        try:
            replay = record(self._run, inputs)
            if all(torch.equal(one, other) for one, other in zip(replay(inputs), wanted, strict=True)):
                return replay
            why = "a recorded stretch gave other numbers when replayed"
        except RuntimeError as error:
            why = str(error).splitlines()[0]
        _log.warning("the GPU runs step by step, slower: %s", why)
        return None


def record(run: Run, inputs: Tensors) -> Callable[[Tensors], Tensors]:
    """Record ``run`` on inputs of these shapes; what is returned replays it on others.

    Raises:
        RuntimeError: something in it cannot be recorded.
    """
    import torch

    held = tuple(one.clone() for one in inputs)
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside):  # what is allocated and chosen at first use must not be recorded
        run(held)
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run(held)

    def replay(given: Tensors) -> Tensors:
        for place, value in zip(held, given, strict=True):
            place.copy_(value)
        graph.replay()
        return tuple(one.clone() for one in found)

    return replay
