"""Several processes started as one command by ``torchrun`` or ``accelerate launch``: who they are, and which speaks."""

from __future__ import annotations

import contextlib
import os
import sys


def rank() -> int:
    """Number of this process among those started together; 0 alone."""
    return _number("RANK") if _number("WORLD_SIZE") > 1 else 0


def together() -> int:
    """How many processes were started together, on all machines."""
    return max(_number("WORLD_SIZE"), 1)


def local_rank() -> int:
    """Number of this process among those of this machine."""
    return _number("LOCAL_RANK") if _number("WORLD_SIZE") > 1 else 0


def processes_here() -> int:
    """How many were started together on this machine."""
    return max(_number("LOCAL_WORLD_SIZE"), 1)


def may_speak() -> bool:
    """Whether this process tells the error that ends it: one sentence is enough for all.

    As long as the processes do not know of each other, the first of every machine tells. Later it is whoever fails
    first; the others fail because that one did.
    """
    distributed = _initialised()
    if distributed is None:
        return local_rank() == 0
    if distributed.get_world_size() < 2:
        return True
    try:
        store = distributed.distributed_c10d._get_default_store()
        return bool(store.add("neurofer/failed", 1) == 1)
    except RuntimeError:
        return False  # whoever kept the list is gone, and not without a word


def leave() -> bool:
    """Say goodbye to the other processes, at the end of a command that went well; whether there were any."""
    distributed = _initialised()
    if distributed is None:
        return False
    with contextlib.suppress(RuntimeError):
        distributed.destroy_process_group()
    return together() > 1


def _initialised():  # type: ignore[no-untyped-def]  # noqa: ANN202  torch.distributed, if this process uses it
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed


def _number(name: str) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdigit() else 0
