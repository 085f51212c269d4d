"""What Lava needs in order to run with this Python and this numpy, and the error of a part of Lava that failed.

lava-nc 0.10.0 and lava-dl 0.6.0 are archived and were made for Python 3.10 and numpy 1. Nothing in their files is
changed: what stands in their way is put aside while they are imported, and one method is replaced.

Source:
    lava-dl 0.6.0 ``slayer/__init__.py``; lava-nc 0.10.0 ``magma/compiler/var_model.py``,
    ``magma/core/process/ports/ports.py`` and ``magma/runtime/message_infrastructure/multiprocessing.py``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import MissingExtraError
from neurofer.hardware.lava.installed import lava_missing

MODULES = (
    "lava.lib.dl.slayer", "lava.lib.dl.netx", "lava.magma.core.run_configs", "lava.magma.core.run_conditions",
    "lava.magma.core.process.ports.ports", "lava.proc.io.source", "lava.proc.io.sink",
)
"""Imported at the start of ``lava_imports``; whatever is imported later finds these mended."""

_UNUSED = "lava.lib.dl.slayer.object_detection"
_PORTS = "lava.magma.core.process.ports.ports"


@contextlib.contextmanager
def lava_imports() -> Iterator[None]:
    """Import Lava within this, and it runs afterwards: ``with lava_imports(): from lava.proc import io``.

    May be entered again, and after Lava was imported by other means.

    Raises:
        MissingExtraError: Lava, or something that it imports, is not installed.
    """
    from importlib import import_module

    try:
        with _stand_in(_UNUSED), _hashable_dataclasses("lava."):
            for name in MODULES:
                import_module(name)
            mend_reshaping(sys.modules[_PORTS])
            yield
    except MissingExtraError:
        raise
    except ImportError as error:
        raise lava_missing(error.name or str(error)) from error


@contextlib.contextmanager
def _stand_in(name: str) -> Iterator[None]:
    """An empty module under this name: slayer imports it only to reach torchvision and opencv, which nothing uses."""
    absent = name not in sys.modules
    if absent:
        sys.modules[name] = ModuleType(name)
    try:
        yield
    finally:
        if absent:
            sys.modules.pop(name, None)


@contextlib.contextmanager
def _hashable_dataclasses(package: str) -> Iterator[None]:
    """Dataclasses of a package that compare by value hash by identity, so that they can be defaults of others.

    Python 3.11 refuses defaults without a hash; 3.10 took all but lists, dicts and sets.
    """
    real = dataclasses.dataclass

    def hashable(made: Any) -> Any:
        if made.__module__.startswith(package) and made.__hash__ is None:
            made.__hash__ = object.__hash__
        return made

    def dataclass(cls: Any = None, **options: Any) -> Any:
        if cls is None:
            return lambda later: hashable(real(**options)(later))
        return hashable(real(cls, **options))

    dataclasses.dataclass = dataclass
    try:
        yield
    finally:
        dataclasses.dataclass = real


class Reshape:
    """Gives arrays another shape; pickles, as ports carry it to other processes."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape

    def __call__(self, array: NDArray[Any]) -> NDArray[Any]:
        return np.reshape(array, self.shape)


def mend_reshaping(ports: Any) -> None:
    """Let ports reshape what passes without ``newshape=``, which numpy 2.4 no longer has.

    Args:
        ports: The module that defines ``ReshapePort``.
    """
    ports.ReshapePort.get_transform_func_fwd = lambda port: Reshape(port.shape)
    ports.ReshapePort.get_transform_func_bwd = lambda port: Reshape(port.old_shape)


def actor_tracebacks(process: Any) -> list[str]:
    """Tracebacks of the processes of a Lava graph that failed; Lava itself tells only how many there were.

    Args:
        process: Any of the graph that was run.
    """
    infrastructure = getattr(getattr(process, "_runtime", None), "_messaging_infrastructure", None)
    return [actor.exception[1] for actor in getattr(infrastructure, "actors", []) if actor.exception]
