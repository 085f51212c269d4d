"""The part of ``neurofer predict`` that is about micro-expressions."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.cli._keeping import Keeping

FPS: Any = typer.Option(None, help="Micro: frames a second; needed for folders, else the video's own times.")
EYES: Any = typer.Option(None, metavar="LX,LY,RX,RY", help="Micro: centres of both eyes in pixels of the film.")
WHOLE: Any = typer.Option(False, "--whole", help="Micro: the film's pictures are faces aligned already.")
ONSET: Any = typer.Option(None, metavar="N|MSms", help="Micro: first frame, from 0, or a time such as 180ms.")
APEX: Any = typer.Option(None, metavar="N|MSms", help="Micro: frame of the strongest expression; by default halfway.")
OFFSET: Any = typer.Option(None, metavar="N|MSms", help="Micro: last frame, still part of the expression.")
THRESHOLD: Any = typer.Option(None, help="Micro: change of log light that makes an event of a film; by default 0.1.")
PLOT: Any = typer.Option(None, "--plot", metavar="FOLDER", help="Micro: also draw key frames and apex of each file.")


@dataclass(frozen=True)
class MicroOptions:
    """Options that only micro-expressions have, as they were typed."""

    fps: float | None = None
    eyes: str | None = None
    whole: bool = False
    onset: str | None = None
    apex: str | None = None
    offset: str | None = None
    threshold: float | None = None
    plot: Path | None = None

    def given(self) -> list[str]:
        """The options that were typed."""
        return [f"--{name}" for name, value in vars(self).items() if value not in (None, False)]


def predict_micro(run: Path, files: list[Path], out: Path | None, box: str | None, sensor: str | None, start_us: int,
                  stop_us: int | None, mode: str, workers: int, shard: str | None, options: MicroOptions,
                  keeping: Keeping) -> None:
    """Say which micro-expression each film or recording shows.

    Raises:
        UsageError: an option that makes no sense.
        NeuroferError: all of them failed.
    """
    from neurofer.cli._deciding import deciding_task, options_of
    from neurofer.cli._keeping import Making
    from neurofer.stream.made_of import MadeOf
    from neurofer.stream.micro import table
    from neurofer.stream.micro.each import FilmByFilm
    from neurofer.stream.micro.films import FaceHint, FilmReader
    from neurofer.stream.micro.given import read_given
    from neurofer.stream.micro.inputs import find_sources
    from neurofer.stream.micro.pictures import Pictures
    from neurofer.stream.micro.predictor import MicroDecision, MicroPredictor
    from neurofer.stream.micro.recordings import RecordingReader
    from neurofer.train.micro.load import load_micro_run
    from neurofer.train.run_folder import read_card

    if workers != 1:
        raise UsageError("predict: --workers is for --task recognise; share films out by --shard I/N")
    moments = read_given(options.onset, options.apex, options.offset)
    threshold = _threshold(options.threshold)
    kinds: dict[Path, str] = {}

    def find() -> list[Path]:
        kinds.update((source.path, source.kind) for source in find_sources(files))
        return list(kinds)

    task = deciding_task(run, files, find, out, box, sensor, start_us, stop_us, mode, shard)
    if (start_us or stop_us is not None) and "film" in kinds.values():
        raise UsageError("predict: --start-us and --stop-us are for recordings of events; choose a part of a film by "
                         "--onset and --offset")
    hint = FaceHint(parse_eyes(options.eyes), task.request.box, options.whole)
    if sum(map(bool, hint)) > 1:
        raise UsageError("predict: --eyes, --box and --whole each say where the face is; give one of them")
    predictor = MicroPredictor(load_micro_run(run))
    films = FilmReader(predictor.size_px, options.fps, hint, threshold, moments)
    recordings = RecordingReader(predictor.size_px, task.request)
    pictures = None if options.plot is None else Pictures(options.plot, predictor)

    def decide(path: Path) -> MicroDecision:
        if kinds[path] == "recording":
            predictor.require_events_suffice(path)
        reader: Any = films if kinds[path] == "film" else recordings
        return predictor.decide(functools.partial(reader.read, path), moments)

    way = FilmByFilm(decide, None if pictures is None else pictures.draw)
    given = {f"--{name}": value for name, value in vars(options).items() if name != "plot"}
    made_of = MadeOf(str(run), read_card(run)["card_digest"], options_of(task, **given))
    header = functools.partial(table.write_header, classes=predictor.classes)
    Making(task, made_of, header, way, "predict", boxes=False).run(keeping)


def parse_eyes(text: str | None) -> Any:
    """``"210,180,270,182"`` as ``Landmarks``; None stays None.

    Raises:
        UsageError: not four numbers.
    """
    from neurofer.data.micro.align import Landmarks

    if text is None:
        return None
    try:
        left_x, left_y, right_x, right_y = (float(word) for word in text.split(","))
    except ValueError:
        raise UsageError(f"--eyes: need LX,LY,RX,RY in pixels such as 210,180,270,182, got {text!r}") from None
    return Landmarks((left_x, left_y), (right_x, right_y))


def _threshold(value: float | None) -> float:
    from neurofer.keyframes.film_events import THRESHOLD as USUAL

    if value is not None and not 0.01 <= value <= 1:
        raise UsageError(f"--threshold: need 0.01 to 1, got {value:g}")
    return USUAL if value is None else value
