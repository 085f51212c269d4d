"""Run notebooks and write what they showed: ``python docs/make_notebooks.py DEMO [NAME...]`` after ``make demo``.

Without names, all of them. ``notebooks/NAME.py`` is what is edited; ``NAME.ipynb`` is the same with outputs, as a web
page shows it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient

from neurofer.files import write_text

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def main(demo: str, *names: str) -> None:
    sources = sorted(NOTEBOOKS.glob("*.py"))
    unknown = [name for name in names if name not in [source.stem for source in sources]]
    if unknown:
        sys.exit(f"no notebook {', '.join(unknown)}; there are {', '.join(source.stem for source in sources)}")
    os.environ["NEUROFER_DEMO"] = str(Path(demo).resolve())
    for source in sources:
        if names and source.stem not in names:
            continue
        notebook = jupytext.read(source)
        NotebookClient(notebook, timeout=900, kernel_name="python3",
                       resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times of day
        notebook.metadata["jupytext"] = {"formats": "ipynb,py:percent"}
        notebook.metadata.pop("language_info", None)  # changes with every Python
        write_text(source.with_suffix(".ipynb"), jupytext.writes(notebook, "ipynb"))
        print(f"{source.stem}: {len(notebook.cells)} cells")


if __name__ == "__main__":
    main(*sys.argv[1:])
