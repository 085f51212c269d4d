"""Any film into event recordings: frames in, pixels, events out, in constant memory."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurofer.events import Events, write_columns, write_recording
from neurofer.events.columns import ColumnsInfo, ColumnsRecording
from neurofer.events.writing import check_writable
from neurofer.files import file_digest, write_text
from neurofer.simulate.esim import EsimPixel
from neurofer.simulate.pixel import EventPixel
from neurofer.simulate.settings import PixelSettings
from neurofer.simulate.upsample import Upsampler, blend
from neurofer.simulate.video import FrameSource

MODELS: dict[str, type[EventPixel] | type[EsimPixel]] = {"v2e": EventPixel, "esim": EsimPixel}


@dataclass(frozen=True)
class Simulated:
    """What a simulation wrote: the recording, its manifest beside it, and how much there is."""

    path: Path
    manifest: Path
    frames: int
    steps: int
    info: ColumnsInfo


def simulate_film(source: FrameSource, settings: PixelSettings, seed: int, upsampler: Upsampler,
                  watch: Callable[[], None] | None = None, model: str = "v2e") -> Iterator[Events]:
    """Events of a film, step by step; ``watch`` is called for each frame of the film.

    Args:
        source: The film.
        settings: Event pixel; its exposure limits the upsampler's steps, too.
        seed: Thresholds and noise follow from it.
        upsampler: Puts frames in between.
        watch: Called once for every frame that is read.
        model: ``v2e`` or ``esim``.

    Raises:
        ValueError: settings that the model does not have.
    """
    pixel = MODELS[model](settings, source.size, seed)

    def watched() -> Iterator[Any]:
        for frame in source:
            if watch is not None:
                watch()
            yield frame

    upsampler.exposure_us = upsampler.exposure_us or settings.exposure_us
    for frame, t_us in upsampler(watched()):
        yield pixel.step(frame, t_us)


def simulate_to_file(source: FrameSource, out: Path | str, settings: PixelSettings, *, preset: str = "", seed: int = 0,
                     upsampler: Upsampler | None = None, watch: Callable[[], None] | None = None,
                     model: str = "v2e") -> Simulated:
    """Write the events of a film, and beside them ``<out>.json`` that says how they were made.

    Args:
        source: The film.
        out: Event file by its suffix, or a folder of columns without one.
        settings: Event pixel.
        preset: Its name, for the manifest.
        seed: Thresholds and noise follow from it.
        upsampler: Puts frames in between; by default as many as the motion needs, by linear blending.
        watch: Called once for every frame that is read.
        model: ``v2e`` or ``esim``.

    Raises:
        UsageError: a suffix that cannot be written.
        ValueError: settings that the model does not have.
        BadFileError: the film breaks off, or the place cannot be written.
    """
    out = Path(out)
    as_columns = check_writable(out)
    upsampler = upsampler or Upsampler()
    read = [0]

    def count() -> None:
        read[0] += 1
        if watch is not None:
            watch()

    events = simulate_film(source, settings, seed, upsampler, count, model)
    out.parent.mkdir(parents=True, exist_ok=True)
    if as_columns:
        info = write_columns(out, events, source.size, meta={"source": source.path.name, "format": "simulated"})
    else:
        with tempfile.TemporaryDirectory(prefix=f".{out.name}-", suffix=".partial", dir=out.parent) as folder:
            info = write_columns(Path(folder) / "columns", events, source.size)
            with ColumnsRecording(Path(folder) / "columns") as recording:
                write_recording(out, recording)
    manifest = out.with_name(out.name + ".json")
    told = {**manifest_of(source, settings, preset, seed, upsampler, read[0], info), "model": model}
    write_text(manifest, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return Simulated(out, manifest, read[0], upsampler.steps, info)


def manifest_of(source: FrameSource, settings: PixelSettings, preset: str, seed: int, upsampler: Upsampler,
                frames: int, info: ColumnsInfo) -> dict[str, Any]:
    """How a recording was made, as JSON can hold it."""
    film: dict[str, Any] = {"name": source.path.name, "frames": frames, "fps": source.fps,
                            "times": "the video's own" if source.timed else "by the frame rate"}
    if source.path.is_file():
        film["sha256"] = file_digest(source.path)
    method = "linear blending"
    if upsampler.interpolate is not blend:
        method = getattr(upsampler.interpolate, "__name__", "other")
    return {
        "format": "neurofer-simulation", "version": 1, "film": film, "sensor": list(source.size),
        "events": info.events, "events_digest": info.digest, "preset": preset,
        "settings": dataclasses.asdict(settings), "seed": seed,
        "light": "grey values are taken as linear light, as they are stored",
        "upsampling": {"method": method, "factor": upsampler.factor or "by motion", "frame_steps": upsampler.given,
                       "simulated_steps": upsampler.steps, "largest_factor": upsampler.largest},
    }
