"""A picture of a network on a chip: its cores as squares, and what each layer takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from neurofer.errors import name_some
from neurofer.hardware.fit import Fit
from neurofer.hardware.layer_fit import LayerFit, known, memory_words
from neurofer.numbers import shape_words
from neurofer.plot._look import BLUE, FAINT, GREEN, INK, ORANGE, QUIET, bare_axes
from neurofer.plot.operations import PURPLE

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#b0466f", "#4b8f9c", "#8a7a2f")
EMPTY = "#e9edf1"
MAYBE = 0.38
"""Share of a layer's colour, the rest white, in what only the higher estimate has."""

CHIPS_DRAWN = 3
COLUMNS = 32
"""Cores of a chip side by side in the picture; where they lie on the chip is another matter."""

MOST_LAYERS = 40
"""Drawn one by one."""

HEIGHT = 0.62
"""Of a bar; layers are 1 apart."""

KIB = 8192
"""Bits of one."""


def fit_figure(fit: Fit, title: str = "") -> Figure:
    """Above, the chips with a square for each core; below, cores and memory of each layer.

    What only the higher of two estimates has is drawn pale.

    Args:
        fit: The network on the chip.
        title: Above the picture.
    """
    layers = fit.layers[:MOST_LAYERS]
    squares, each = list(_squares(fit)), known(fit.chip.cores_per_chip)
    chips = max(-(-len(squares) // each), 1)
    drawn, lines = min(chips, CHIPS_DRAWN), -(-each // COLUMNS)
    strip, bars = 0.4 + drawn * (0.27 * lines + 0.17), 0.75 + 0.36 * len(layers)
    figure = Figure(figsize=(9.0, strip + bars + (0.3 if title else 0)), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(strip, bars))
    above, below = parts
    _draw_chips(above.add_subplot(), fit, squares, chips)
    cores, memory = below.subplots(1, 2, width_ratios=(1, 1.25))
    _draw_cores(cores, layers)
    _draw_memory(memory, fit, layers)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, color=INK)
    return figure


def _colours(number: int) -> tuple[str, str]:
    """Of a layer: full, and pale."""
    full = COLOURS[number % len(COLOURS)]
    return full, to_hex([1 - MAYBE * (1 - part) for part in to_rgb(full)])


def _squares(fit: Fit) -> Iterator[str]:
    """Colours of the cores of the layers that fit, one after the other."""
    for number, layer in enumerate(fit.layers):
        full, pale = _colours(number)
        for core in range(layer.cores.high if layer.fits else 0):
            yield full if core < layer.cores.low else pale


def _draw_chips(axes: Any, fit: Fit, squares: Sequence[str], chips: int) -> None:
    each, drawn = known(fit.chip.cores_per_chip), min(chips, CHIPS_DRAWN)
    lines = -(-each // COLUMNS)
    for place in range(each * drawn):
        chip, core = divmod(place, each)
        line, column = divmod(core, COLUMNS)
        axes.add_patch(Rectangle((column + 0.06, chip * (lines + 0.6) + line + 0.06), 0.88, 0.88, linewidth=0,
                                 facecolor=squares[place] if place < len(squares) else EMPTY))
    axes.set_xlim(0, COLUMNS)
    axes.set_ylim(drawn * (lines + 0.6) - 0.6, 0)
    axes.set_aspect("equal", anchor="NW")
    axes.set(xticks=(), yticks=())
    axes.set_axis_off()
    more = f"; {drawn} of {chips} chips are drawn" if chips > drawn else ""
    words = (f"{fit.cores} of the {each} cores of a {fit.chip.name}, estimated" if chips == 1 else
             f"{fit.cores} cores on {fit.chips} chips of {fit.chip.name}, {each} each, estimated{more}")
    left_out = [layer.name for layer in fit.layers if not layer.fits]
    words += f"; without {name_some(left_out, 3)}" if left_out else ""
    axes.set_title(words, loc="left", fontsize=10, color=INK)


def _draw_cores(axes: Any, layers: Sequence[LayerFit]) -> None:
    _bars(axes, layers, [(layer.cores.low, layer.cores.high) for layer in layers])
    most = max((layer.cores.high for layer in layers if layer.fits), default=1)
    for place, layer in enumerate(layers):
        words = f"{layer.cores}   {layer.binds}"
        if not layer.fits:
            words = f"fits on no core: {layer.binds} ({layer.cores.grade})"
        _beside(axes, place, words, INK if layer.fits else ORANGE)
    axes.set_yticks(range(len(layers)), [f"{layer.name}  {shape_words(layer.size.shape)}" for layer in layers])
    axes.set_xlim(0, most)
    axes.set_title("cores, and the limit that asks for most", loc="left", fontsize=10, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _draw_memory(axes: Any, fit: Fit, layers: Sequence[LayerFit]) -> None:
    """Synapse memory in the layer's colour, and u and v of its neurons behind it in grey."""
    stored = [(layer.stored_bits.low / KIB, layer.stored_bits.high / KIB) for layer in layers]
    _bars(axes, layers, stored)
    end = 0.0
    for place, (layer, (_, high)) in enumerate(zip(layers, stored, strict=True)):
        state = layer.state_bits(fit.chip)
        if layer.fits:
            axes.barh(place, state.high / KIB, left=high, height=HEIGHT, color=QUIET)
        words = f"{memory_words(layer.stored_bits)} + {memory_words(state)}" if layer.fits else ""
        there = high + state.high / KIB if layer.fits else 0.0
        end = max(end, there)
        _beside(axes, place, words)
    axes.set_yticks(range(len(layers)), [""] * len(layers))
    axes.set_xlim(0, end or 1)
    axes.set_title("KiB of synapse memory, + u and v (grey)", loc="left", fontsize=10, color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))


def _beside(axes: Any, place: int, words: str, colour: str = INK) -> None:
    """Words to the right of the axes, at a layer's bar."""
    axes.annotate(words, (1, place), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
                  va="center", fontsize=8, color=colour, annotation_clip=False)


def _bars(axes: Any, layers: Sequence[LayerFit], ranges: Sequence[tuple[float, float]]) -> None:
    """A bar for each layer that fits, from the top: solid to the lower end of its range, pale to the higher."""
    for place, (layer, (low, high)) in enumerate(zip(layers, ranges, strict=True)):
        if layer.fits:
            full, pale = _colours(place)
            axes.barh(place, low, height=HEIGHT, color=full)
            axes.barh(place, high - low, left=low, height=HEIGHT, color=pale)
    axes.set_ylim(len(ranges) - 0.5, -0.5)
    bare_axes(axes)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
