"""Functions compiled to machine code on first use and kept on disk for the next run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def compiled(function: Function) -> Function: ...
@overload
def compiled(function: None = None, *, fastmath: bool = False) -> Callable[[Function], Function]: ...


def compiled(function: Function | None = None, *, fastmath: bool = False) -> Function | Callable[[Function], Function]:
    """The function, compiled without the interpreter lock, its machine code cached beside its source.

    Array bounds are not checked and division follows numpy, so a compiled function must itself stay inside its arrays
    whatever it is given. Where nothing can be cached (a read-only installation without a home), it compiles each time.

    Args:
        function: Plain function on numbers and arrays; left out when settings are given.
        fastmath: Allow floating-point reordering; only where the result need not be the same to the last bit.
    """
    if function is None:
        return lambda later: _compile(later, fastmath)
    return _compile(function, fastmath)


def _compile(function: Function, fastmath: bool) -> Function:
    from numba import njit

    settings: dict[str, Any] = {"nogil": True, "boundscheck": False, "error_model": "numpy", "fastmath": fastmath}
    try:
        return njit(cache=True, **settings)(function)
    except RuntimeError as error:
        if "no locator" not in str(error):
            raise
        return njit(**settings)(function)
