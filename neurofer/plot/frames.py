"""Recordings as pictures: event frames in two colours, a sheet of them over the event rate, an animation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from neurofer.compiled import compiled
from neurofer.events.events import Events
from neurofer.events.picture import FULL_FRAME, frame_image, halvings
from neurofer.events.recording import Recording
from neurofer.plot._look import GROUND, INK, OFF_COLOUR, ON_COLOUR, QUIET
from neurofer.plot.rate import add_events, draw_rate, rate_edges

__all__ = ["GROUND", "OFF_COLOUR", "ON_COLOUR", "EventFrame", "Sheet", "count_pixels", "frame_image", "full_count",
           "make_sheet", "sheet_figure", "window_length_us", "write_animation"]

SHEET_SIDE, FILM_SIDE = 512, 800
"""Longest side of a frame in a sheet and in an animation; larger sensors are drawn several pixels to one."""
SEARCH_BINS = 4_096


@dataclass(frozen=True)
class EventFrame:
    """The events of one window, counted in each pixel.

    Attributes:
        start_us: First microsecond.
        stop_us: One past the last microsecond.
        counts: ``(2, height, width)`` uint16, OFF then ON; several sensor pixels to one on very large sensors.
    """

    start_us: int
    stop_us: int
    counts: NDArray[np.uint16]


@dataclass(frozen=True)
class Sheet:
    """What a sheet shows: frames spread over a recording, and its rate.

    Attributes:
        frames: In time order.
        edges_us: ``(B + 1,)`` int64 edges of the rate's bins.
        rate: ``(2, B)`` events per second, OFF then ON.
    """

    frames: tuple[EventFrame, ...]
    edges_us: NDArray[np.int64]
    rate: NDArray[np.float64]


def full_count(frames: Sequence[EventFrame]) -> float:
    """Count that one scale for all frames shows in full colour: the 98th percentile of pixels with events."""
    filled = np.concatenate([total[total > 0] for total in (frame.counts.sum(0) for frame in frames)])
    return max(2.0, float(np.percentile(filled, 98))) if len(filled) else 2.0


def window_length_us(recording: Recording, most_us: int) -> int:
    """A window length in which the scene is seen but does not blur: about one event on every tenth pixel.

    Args:
        recording: With at least one event.
        most_us: Upper limit.
    """
    width, height = recording.sensor
    span = max(1, recording.end_us - recording.start_us)
    wanted = span * FULL_FRAME * width * height / max(1, recording.report().events)
    limited = max(1_000.0, min(wanted, most_us, 100_000.0))
    unit = 10.0 ** np.floor(np.log10(limited))
    return int(unit * max(step for step in (1, 2, 3, 5, 7) if step * unit <= limited))


def make_sheet(recording: Recording, frames: int = 8, window_us: int | None = None) -> Sheet:
    """The busiest window of each part of a recording and the rate over time, in constant memory.

    Args:
        recording: With at least one event; read twice, and once more to count it.
        frames: Number of parts of equal length and so of frames; fewer when the recording is shorter.
        window_us: Length of a frame; chosen by the event rate when None.

    Raises:
        ValueError: no events, no frames, or a window shorter than a microsecond.
    """
    if not recording.report().events or frames < 1 or (window_us is not None and window_us < 1):
        raise ValueError(f"make_sheet: need events, frames >= 1 and window_us >= 1, got "
                         f"{recording.report().events} events, frames={frames}, window_us={window_us}")
    start, span = recording.start_us, recording.end_us - recording.start_us + 1
    length = window_us or window_length_us(recording, max(1_000, span // frames))
    count = max(1, min(frames, -(-span // length)))
    edges = rate_edges(start, span)
    totals = np.zeros((2, len(edges) - 1))
    bins = max(1, min(span // length, SEARCH_BINS))
    steps = start + np.arange(bins + 1, dtype=np.int64) * span // bins
    busy = np.zeros(bins, np.int64)
    for piece in recording.pieces():
        add_events(piece, edges, totals)
        busy += np.diff(np.searchsorted(piece.t, steps))
    counted = []
    for part in np.array_split(np.arange(bins), min(count, bins)):
        place = int(steps[part[int(np.argmax(busy[part]))]])
        counted.append(_blank_frame(recording.sensor, place, place + length, SHEET_SIDE))
    shift = halvings(recording.sensor, SHEET_SIDE)
    for piece in recording.pieces():
        for frame in counted:
            _add(piece.between(frame.start_us, frame.stop_us), frame.counts, shift)
    return Sheet(tuple(counted), edges, totals / (np.diff(edges) / 1e6))


def sheet_figure(recording: Recording, sheet: Sheet, title: str) -> Figure:
    """The sheet as a figure: frames in rows of up to four, the rate of ON and OFF events below."""
    columns = min(4, len(sheet.frames))
    rows = -(-len(sheet.frames) // columns)
    width, height = recording.sensor
    panel = 2.9 if columns > 1 else 5.0
    tall = panel * min(2.0, height / width)
    figure = Figure(figsize=(columns * panel + 0.5, rows * (tall + 0.24) + 2.3), layout="constrained", dpi=130)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.025, hspace=0.0, wspace=0.01)  # type: ignore[union-attr, call-arg]
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[tall + 0.2] * rows + [1.6])
    full = full_count(sheet.frames)
    start = recording.start_us
    for number, frame in enumerate(sheet.frames):
        axes: Any = figure.add_subplot(grid[number // columns, number % columns])
        axes.imshow(frame_image(frame.counts, full), interpolation="antialiased", aspect="equal")
        axes.set_title(_span_text(frame, start, " – "), fontsize=8, color=INK, pad=3)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set_color("#cbd2d9")
            side.set_linewidth(0.6)
    draw_rate(figure.add_subplot(grid[rows, :]), sheet.edges_us, sheet.rate,
              [(frame.start_us, frame.stop_us) for frame in sheet.frames], start)
    figure.suptitle(title, fontsize=10, color=INK)
    return figure


def write_animation(path: Path, recording: Recording, window_us: int | None = None, frames: int = 120,
                    frame_ms: int = 50) -> int:
    """An endless GIF of consecutive windows; the number of frames.

    Args:
        path: The file; written in place, so give a temporary one.
        recording: With at least one event.
        window_us: Length of a window; chosen by the event rate when None. Windows lie further apart than their
            length when the recording has more than ``frames`` of them.
        frames: Most frames.
        frame_ms: Time that a frame is shown.

    Raises:
        ValueError: no events, or numbers below 1.
    """
    from PIL import Image

    if not recording.report().events or min(frames, frame_ms, 1 if window_us is None else window_us) < 1:
        raise ValueError("write_animation: need events, and frames, frame_ms and window_us of at least 1")
    span = recording.end_us - recording.start_us + 1
    length = window_us or window_length_us(recording, max(1_000, span // 24))
    step = max(length, -(-span // frames))
    palette = _palette()
    widened = 1 << 2 * (halvings(recording.sensor, SHEET_SIDE) - halvings(recording.sensor, FILM_SIDE))
    full = full_count(make_sheet(recording, 6, length).frames) / widened
    pictures: Iterator[Any] = (
        _caption(frame_image(frame.counts, full), frame, recording, step, frame_ms).quantize(palette=palette, dither=0)
        for frame in _film(recording, length, step)
    )
    first: Image.Image = next(pictures)
    first.save(path, format="GIF", save_all=True, append_images=pictures, duration=frame_ms, loop=0)
    return -(-span // step)


def _film(recording: Recording, length: int, step: int) -> Iterator[EventFrame]:
    shift = halvings(recording.sensor, FILM_SIDE)
    for window in recording.windows(step):
        stop = min(window.start_us + length, window.stop_us)
        frame = _blank_frame(recording.sensor, window.start_us, stop, FILM_SIDE)
        _add(window.events.between(window.start_us, stop), frame.counts, shift)
        yield frame


def _caption(picture: NDArray[np.float32], frame: EventFrame, recording: Recording, step: int, frame_ms: int) -> Any:
    """The picture, enlarged when small, over a line with the time and a bar of how far the film is."""
    from PIL import Image, ImageDraw

    image = Image.fromarray(np.rint(picture * 255).astype(np.uint8), "RGB")
    factor = max(1, round(480 / image.width))
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    strip = Image.new("RGB", (image.width, image.height + 22), "white")
    strip.paste(image, (0, 0))
    draw = ImageDraw.Draw(strip)
    slower = frame_ms * 1e3 / step
    pace = f"{slower:.3g}x slower" if slower > 1.05 else f"{1 / slower:.3g}x faster" if slower < 0.95 else "real time"
    draw.text((6, image.height + 6), f"{_span_text(frame, recording.start_us, ' - ')}   {pace}", fill=INK)
    done = (frame.stop_us - recording.start_us) / max(1, recording.end_us + 1 - recording.start_us)
    draw.rectangle((0, image.height, int(min(1.0, done) * image.width), image.height + 2), fill=QUIET)
    return strip


def _palette() -> Any:
    """256 colours: the ground, both inks in 18 strengths and 13 mixtures, and the caption's greys."""
    from PIL import Image

    colours = [(255, 255, 255), (31, 41, 51), (123, 135, 148), (190, 196, 202),
               tuple(round(255 * part) for part in GROUND)]
    for share in np.linspace(0, 1, 13):
        for strength in np.linspace(0.35, 1.0, 18):
            mixed = [strength * (share * on + (1 - share) * off) + (1 - strength) * ground
                     for on, off, ground in zip(ON_COLOUR, OFF_COLOUR, GROUND, strict=True)]
            colours.append(tuple(round(255 * part) for part in mixed))
    image = Image.new("P", (1, 1))
    image.putpalette([part for colour in (colours + [(0, 0, 0)] * 256)[:256] for part in colour])
    return image


def _span_text(frame: EventFrame, start: int, dash: str) -> str:
    """When a frame is, after the first event, with as many decimals as its length needs."""
    decimals = 0 if frame.stop_us - frame.start_us >= 10_000 else 1 if frame.stop_us - frame.start_us >= 1_000 else 3
    low, high = (f"{(time - start) / 1e3:,.{decimals}f}" for time in (frame.start_us, frame.stop_us))
    return f"{low}{dash}{high} ms"


def _blank_frame(sensor: tuple[int, int], start_us: int, stop_us: int, longest: int) -> EventFrame:
    shift = halvings(sensor, longest)
    width, height = ((side + (1 << shift) - 1) >> shift for side in sensor)
    return EventFrame(start_us, stop_us, np.zeros((2, height, width), np.uint16))


def _add(events: Events, counts: NDArray[np.uint16], shift: int) -> None:
    if len(events):
        count_pixels(events.x, events.y, events.p, shift, counts)


@compiled
def count_pixels(x: NDArray[np.uint16], y: NDArray[np.uint16], p: NDArray[np.bool_], shift: int,
                 counts: NDArray[np.uint16]) -> None:
    """Add events to ``(2, height, width)`` counts, which stop at 65535; events outside are left out."""
    for i in range(len(x)):
        column, row, polarity = x[i] >> shift, y[i] >> shift, 1 if p[i] else 0
        if column < counts.shape[2] and row < counts.shape[1] and counts[polarity, row, column] < 65_535:
            counts[polarity, row, column] += np.uint16(1)
