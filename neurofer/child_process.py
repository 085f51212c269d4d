"""How a module of ours is started in a process of its own."""

from __future__ import annotations

import sys


def module_command(module: str) -> tuple[str, ...]:
    """``python -m module``, by this Python; arguments follow.

    No module of the current folder, which may have come with the file that is read, is taken for one of ours (from
    Python 3.11 on).
    """
    safe = ("-P",) if sys.version_info >= (3, 11) else ()
    return (sys.executable, *safe, "-m", module)
