"""Run every notebook and write what it showed: ``python docs/make_notebooks.py DEMO`` after ``make demo``.

``notebooks/NAME.py`` is what is edited; ``NAME.ipynb`` is the same with outputs, as a web page shows it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient

from neurofer.files import write_text

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"


def main(demo: str) -> None:
    os.environ["NEUROFER_DEMO"] = str(Path(demo).resolve())
    for source in sorted(NOTEBOOKS.glob("*.py")):
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
