"""Draw every figure of ``neurofer.plot`` and write ``docs/gallery.md``: ``python docs/make_gallery.py DEMO``.

DEMO is what ``make demo`` left. With names behind it, such as ``latency``, only these figures are drawn again.
"""

from __future__ import annotations

import inspect
import io
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from gallery_code import comparisons, decisions, networks, recordings, tasks, training
from matplotlib.figure import Figure
from PIL import Image

from neurofer.files import atomic_path, write_text

DOCS = Path(__file__).resolve().parent
SECTIONS = (recordings, networks, decisions, training, tasks, comparisons)
MOST_BYTES = 120_000
DPI = (110, 100, 90, 80, 70, 60, 50)
"""Tried from the first on until a picture is small enough."""

MANY_COLOURS = 4_000

HEAD = """# Gallery

Every figure of `neurofer.plot`, and the lines that make it. They return a matplotlib `Figure`: a notebook shows it,
`figure.savefig("figure.png")` writes it, no display is needed. What they draw is plain arrays, events, or rows of a
run's own files, so they work with networks and recordings of your own.

`demo` is what `make demo` left (`neurofer demo --out demo`, some minutes):

```python
from pathlib import Path

demo = Path("demo")
```

`python docs/make_gallery.py demo` draws this page again. All faces are made up.
"""


def main(demo: str, *names: str) -> None:
    (DOCS / "gallery").mkdir(exist_ok=True)
    for make in (make for section in SECTIONS for make in figures_of(section)):
        if not names or make.__name__ in names:
            path = DOCS / "gallery" / f"{make.__name__}.png"
            picture = small_png(make(Path(demo)))
            with atomic_path(path) as temporary:
                temporary.write_bytes(picture)
            print(f"{path.name}: {len(picture)} bytes")
    write_text(DOCS / "gallery.md", page())


def figures_of(section: ModuleType) -> list[Callable[[Path], Figure]]:
    """The functions of a section that make a figure, in the order of its file."""
    return [made for made in vars(section).values() if inspect.isfunction(made) and made.__module__ == section.__name__]


def page() -> str:
    """The text of ``docs/gallery.md``."""
    parts = [HEAD]
    for section in SECTIONS:
        heading, _, lead = " ".join((section.__doc__ or "").split()).partition(": ")
        parts.append(f"## {heading}\n\n{lead[:1].upper()}{lead[1:]}\n")
        parts += ["\n".join(_entry(make)) for make in figures_of(section)]
    return "\n".join(parts)


def _entry(make: Callable[[Path], Figure]) -> Iterator[str]:
    title, reading, *command = inspect.cleandoc(make.__doc__ or "").split("\n\n")
    yield f"### {title}\n\n![{title}](gallery/{make.__name__}.png)\n"
    yield f"{reading}\n"
    yield f"```python\n{code_of(make)}```\n"
    yield from (f"Or:\n\n    {line}\n" for line in command)


def code_of(make: Callable[[Path], Figure]) -> str:
    """The body of a function as lines of their own, its result named ``figure``."""
    body = textwrap.dedent(inspect.getsource(make).split('"""', 2)[2].strip("\n"))
    return body.replace("\nreturn ", "\nfigure = ") + ("" if body.endswith("\n") else "\n")


def small_png(figure: Figure) -> bytes:
    """The figure in 256 colours, as large as ``MOST_BYTES`` allow.

    Raises:
        ValueError: too large at the lowest resolution.
    """
    for dpi in DPI:
        drawn, made = io.BytesIO(), io.BytesIO()
        figure.savefig(drawn, format="png", dpi=dpi, metadata={"Software": None})
        # An octree keeps hues; a median cut, which suits charts better, would tint pictures with many colours.
        picture = Image.open(drawn).convert("RGB")
        many = picture.getcolors(MANY_COLOURS) is None
        how = Image.Quantize.FASTOCTREE if many else Image.Quantize.MEDIANCUT
        picture.quantize(256, how, dither=Image.Dither.NONE).save(made, "PNG", optimize=True)
        if made.tell() <= MOST_BYTES:
            return made.getvalue()
    raise ValueError(f"small_png: {made.tell()} bytes at {DPI[-1]} dpi, more than {MOST_BYTES}; draw less")


if __name__ == "__main__":
    main(*sys.argv[1:])
