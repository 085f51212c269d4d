"""The folder of a comparison: ``report.html`` and ``report.json``, put in place together or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurofer.errors import BadFileError, NeuroferError
from neurofer.files import atomic_folder, read_json
from neurofer.hardware.comparison.format import FORMAT

FILES = ("report.html", "report.json")


def refuse_other_folder(folder: Path) -> None:
    """Raise if a folder holds anything but an earlier comparison, as all of it will be replaced, or cannot be made.

    Raises:
        NeuroferError: it does, or it is a file.
        BadFileError: nothing can be written there.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        os.rmdir(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise BadFileError(f"{folder}: cannot be written ({error.strerror or error}); choose another place") from error
    if folder.exists() and not folder.is_dir():
        raise NeuroferError(f"{folder}: is a file; name a folder for the report")
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        ours = read_json(folder / "report.json")["format"] == FORMAT
    except (OSError, ValueError, KeyError, TypeError):
        ours = False
    others = sorted(item.name for item in folder.iterdir() if item.name not in FILES)
    if others or not ours:
        raise NeuroferError(f"{folder}: holds {', '.join(others[:3]) or 'files'} that no comparison wrote, and the "
                            "report replaces the whole folder; name a new one, or that of an earlier comparison")


def write_comparison(folder: Path, found: Mapping[str, Any], command: str = "") -> None:
    """Write report and numbers; an earlier comparison stays whole until both are written.

    Args:
        folder: From ``refuse_other_folder``.
        found: From ``neurofer.hardware.compare``.
        command: What made it, for the report.

    Raises:
        BadFileError: the place cannot be written.
        ValueError: an energy number without what has to be told with it.
    """
    from neurofer.hardware.comparison.report import comparison_report
    from neurofer.plot.report import report_html

    html, numbers = report_html(comparison_report(found, command)), json.dumps(found, indent=1, allow_nan=False)
    with atomic_folder(folder) as temporary:
        for name, text in zip(FILES, (html, numbers + "\n"), strict=True):
            (temporary / name).write_text(text, encoding="utf-8")
        refuse_other_folder(folder)  # something may have come into it meanwhile
