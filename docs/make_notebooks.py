"""Run notebooks and write what they showed: ``python docs/make_notebooks.py DEMO [NAME...]`` after ``make demo``.

Without names, all of them. ``notebooks/NAME.py`` is what is edited; ``NAME.ipynb`` is the same with outputs, as a web
page shows it.
"""

from __future__ import annotations

import base64
import io
import os
import sys
from pathlib import Path

import jupytext
from nbclient import NotebookClient
from PIL import Image

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
            for output in cell.get("outputs", ()):
                if "image/png" in output.get("data", {}):
                    output["data"]["image/png"] = smaller_png(output["data"]["image/png"])
        notebook.metadata["jupytext"] = {"formats": "ipynb,py:percent"}
        notebook.metadata.pop("language_info", None)  # changes with every Python
        write_text(source.with_suffix(".ipynb"), jupytext.writes(notebook, "ipynb"))
        print(f"{source.stem}: {len(notebook.cells)} cells")


def smaller_png(encoded: str) -> str:
    """The same picture in 256 colours of its own, about half the size; as it was where that is no smaller."""
    picture = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGB")
    file = io.BytesIO()
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, 3, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return min((base64.b64encode(file.getvalue()).decode(), encoded.replace("\n", "")), key=len)


if __name__ == "__main__":
    main(*sys.argv[1:])
