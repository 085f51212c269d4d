"""``neurofer spot``: long films and recordings in, intervals of expressions out."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer
from typer.core import TyperCommand

from neurofer.cli._deciding import MODE, OUT, SENSOR, START_US, STOP_US
from neurofer.errors import UsageError

if TYPE_CHECKING:
    from neurofer.spotting.interval import Interval
    from neurofer.stream.micro.predictor import MicroPredictor
    from neurofer.stream.spot.opening import Looking
    from neurofer.stream.spot.rate import RateMethod
    from neurofer.stream.spot.recognise import Recognitions
    from neurofer.stream.spot.sources import Source
    from neurofer.stream.spot.spotter import Spotted
    from neurofer.stream.tables import Summary
    from neurofer.train.spot.load import SpotRun

HELP = """Find micro- and macro-expressions in long videos or recordings of events.

One row video,type,onset,apex,offset,onset_ms,apex_ms,offset_ms,score an expression goes to the file of -o, else to
standard output; 'neurofer score-spotting' reads it as it is. Frames count from 0, onset and offset both belong to the
expression, milliseconds count from the first frame or event, and the score is that of the highest frame. A video in
which nothing was found has a row with its name alone.

Videos and folders of images (with --fps) are aligned by the eyes (--eyes), the face's box (--box), not at all
(--whole), or as a detector finds the face; --realign-s 1 follows a head that moves. A store of long videos gives all of
its videos, or those of --subjects, or with --tested those that the run was not trained on. A run of events takes
recordings, and makes events of a film as 'neurofer prepare' does; their head must be still. The word rate in the place
of a run needs no training: bursts of events that are taken back again, micro up to half a second.

Every frame has a score: at both ends the first or last frame stands in for a missing reference frame. At another frame
rate than the run was trained at, the distances are scaled to last as long. A video of variable frame rate is put on a
regular clock by the nearest frame; rows name the video's own frames and times. Whatever was changed is told.

Truth comes with a store or by --truth, a table video,type,onset,offset; then F1 is printed and --plot shows hits, false
alarms and misses. --recognise also asks a run of micro-expressions (--task micro) what each micro-expression shows, in
two more columns label,probability, and prints STRS where the true emotions are known.

A video that fails is told, and the others go on; the exit code is then 1. Runs of events leave out what is a blink and
nothing else, unless --no-veto.
"""


_BESIDE = Path("?")
"""Stands for the place of pictures where ``--plot`` has no name."""


class _SpotCommand(TyperCommand):
    """The verb, whose ``--plot`` may do without a name."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if "--plot" in args:
            after = args.index("--plot") + 1
            if after == len(args) or args[after].startswith("-"):
                args = [*args[:after], str(_BESIDE), *args[after:]]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    from neurofer.cli.options import examples, paragraphs

    app.command("spot", cls=_SpotCommand, help=paragraphs(HELP), epilog=examples(
        "neurofer spot runs/spot face.mp4 -o intervals.csv --plot",
        "neurofer spot runs/spot frames/ --fps 200 --realign-s 1 -o intervals.csv",
        "neurofer spot runs/spot store/ --tested -o intervals.csv --plot pictures",
        "neurofer spot runs/spot_events recording.raw --sensor 640x480 -o intervals.csv",
        "neurofer spot rate recording.raw -o intervals.csv --plot timeline.png",
        "neurofer spot runs/spot face.mp4 --truth truth.csv --recognise runs/micro",
    ))(spot)


def spot(
    run: Path = typer.Argument(..., metavar="MODEL", help="Run folder that 'neurofer train --task spot' left, "
                               "or the word rate for the method without training."),
    files: list[Path] = typer.Argument(..., metavar="VIDEO|FOLDER|RECORDING|STORE...",
                                       help="Videos, folders of images, recordings, or stores of long videos."),
    out: Path | None = OUT,
    plot: Path | None = typer.Option(None, "--plot", metavar="FILE.png|FOLDER", help="Draw scores, thresholds, "
                                     "intervals and truth: of one video a file, of several a file each in a folder; "
                                     "without a name beside the table of -o."),
    truth: Path | None = typer.Option(None, "--truth", metavar="TRUTH.csv", help="True intervals, by the names of the "
                                      "videos' files without suffix."),
    scores: Path | None = typer.Option(None, "--scores", metavar="FILE.csv", help="Also write the scores of every "
                                       "frame: video,frame,ms,micro,macro."),
    subjects: str | None = typer.Option(None, "--subjects", metavar="A,B", help="Only these people of a store."),
    tested: bool = typer.Option(False, "--tested", help="Only the people of a store that the run was tested on."),
    fps: float | None = typer.Option(None, "--fps", help="Frames a second; needed for folders, else the video's own "
                                     "times."),
    eyes: str | None = typer.Option(None, "--eyes", metavar="LX,LY,RX,RY", help="Centres of both eyes in a film."),
    box: str | None = typer.Option(None, "--box", metavar="L,T,W,H", help="Face box in pixels: left,top,width,height."),
    whole: bool = typer.Option(False, "--whole", help="The film's pictures are aligned faces already."),
    realign_s: float = typer.Option(0.0, "--realign-s", help="Look for a film's face again so often; 0 for once."),
    recognise: Path | None = typer.Option(None, "--recognise", metavar="MICRO_RUN", help="Run folder that says which "
                                          "micro-expression each one is."),
    veto: bool = typer.Option(True, "--veto/--no-veto", help="Leave out blinks, where a run of events found any."),
    sensor: str | None = SENSOR,
    start_us: int = START_US,
    stop_us: int | None = STOP_US,
    mode: str = MODE,
) -> None:
    from neurofer.cli._deciding import deciding_task, run_task
    from neurofer.cli.predict_micro import parse_eyes
    from neurofer.stream.micro.films import FaceHint
    from neurofer.stream.spot import table
    from neurofer.stream.spot.opening import Looking
    from neurofer.stream.spot.rate import RateMethod
    from neurofer.stream.spot.sources import find_videos, with_truth
    from neurofer.stream.spot.telling import people_of

    if tested and subjects is not None:
        raise UsageError("spot: --subjects and --tested both choose people; give one of them")
    spotter = _method(run)
    if tested and isinstance(spotter, RateMethod):
        raise UsageError("spot rate: nobody was trained on, so --tested chooses nobody; leave it out")
    wanted = sorted(people_of(spotter.card, "test")) if tested else None if subjects is None else subjects.split(",")
    if tested and not wanted:
        raise UsageError(f"--tested: {run} was trained on everybody; choose by --subjects")
    sources = find_videos(files, wanted)
    if truth is not None:
        from neurofer.spotting.csv import read_interval_table

        known = read_interval_table(truth)
        sources, note = with_truth(sources, known.intervals, known.videos)
        _tell(note)
    by_path = {source.path: source for source in sources}
    kept = [model for model in (truth, recognise) if model is not None]
    task = deciding_task(run, [*files, *kept], lambda: list(by_path), out, box, sensor, start_us, stop_us, mode, None)
    hint = FaceHint(parse_eyes(eyes), task.request.box, whole)
    if sum(map(bool, hint)) > 1:
        raise UsageError("spot: --eyes, --box and --whole each say where the face is; give one of them")
    pictures = _pictures(plot, sources, out)
    work = _Work(spotter, Looking(fps, hint, realign_s, task.request), veto and spotter.veto, _recogniser(recognise),
                 pictures)
    failed: dict[Path, Exception] = {}

    def write(paths: Sequence[Path], stream: TextIO, tell: Callable[[str], None]) -> Summary:
        with _scores_file(scores) as rows:
            summary = work.each([by_path[path] for path in paths], stream, rows, tell)
        failed.update(summary.failures)
        return summary

    columns = table.COLUMNS if recognise is None else (*table.COLUMNS, *table.MORE)

    def header(stream: TextIO) -> None:
        stream.write(table.header_text(columns))

    run_task(task, header, write, boxes=False)
    for line in work.results():
        typer.echo(line, err=out is None)
    if failed:
        raise typer.Exit(1)


@dataclass
class _Work:
    """Spots video by video, and keeps of each what the scores at the end need."""

    run: SpotRun | RateMethod
    looking: Looking
    veto: bool
    recogniser: MicroPredictor | None
    picture_of: Callable[[Source], Path | None]
    done: list[tuple[Source, list[Interval]]] = field(default_factory=list)

    def each(self, sources: Sequence[Source], stream: TextIO, scores: TextIO | None,
             tell: Callable[[str], None]) -> Summary:
        """Write the rows of each source; one that fails is told and the others go on."""
        from neurofer.stream.tables import FAILURES, Summary, reason

        summary = Summary()
        for source in sources:
            summary.decisions[source.path] = 0
            try:
                self._one(source, stream, scores, tell)
                summary.decisions[source.path] = 1
            except FAILURES as error:
                summary.failures[source.path] = error
                tell(f"{source.path}: failed: {reason(source.path, error)}")
        return summary

    def results(self) -> list[str]:
        """Lines about how well all fits the truth; none where that is unknown."""
        from neurofer.evaluate.spotting import score_spotting
        from neurofer.stream.spot.recognise import classed
        from neurofer.stream.spot.telling import people_of, score_told, strs_told

        known = [(source, found) for source, found in self.done if source.truth is not None]
        if not known:
            return []
        truth = [one for source, _ in known for one in source.truth or ()]
        found = [one for _, intervals in known for one in intervals]
        trained = people_of(self.run.card, "train")
        lines = [score_told(score_spotting(truth, found), len(known),
                            sum(source.subject in trained for source, _ in known))]
        if self.recogniser is not None and any(one.label for one in truth):
            lines.append(strs_told(classed(truth, self.recogniser.classes), found))
        return lines

    def _one(self, source: Source, stream: TextIO, scores: TextIO | None, tell: Callable[[str], None]) -> None:
        from neurofer.progress import progress
        from neurofer.stream.spot import table
        from neurofer.stream.spot.opening import open_footage
        from neurofer.stream.spot.rate import RateMethod, spotted_by_rate
        from neurofer.stream.spot.recognise import labelled, recognise_spots
        from neurofer.stream.spot.spotter import spotted_in
        from neurofer.stream.spot.telling import told

        footage = open_footage(source, self.run, self.looking)
        with progress(total=footage.count or None, unit="frame", desc=f"spot {source.name}") as bar:
            if isinstance(self.run, RateMethod):
                spotted = spotted_by_rate(self.run, footage, self.veto, bar.update)
            else:
                spotted = spotted_in(self.run, footage, self.veto, bar.update)
        said: Recognitions | None = None
        if self.recogniser is not None:
            said = recognise_spots(self.recogniser, source, spotted, self.looking)
        self._draw(source, spotted)
        stream.write(table.rows_text(spotted, said))
        if scores is not None:
            scores.write(table.scores_text(spotted))
        found = [one.interval for one in spotted.spots] if said is None else labelled(spotted, said)
        self.done.append((source, found))
        tell(f"{source.path}: {told(spotted, source.truth, said)}")

    def _draw(self, source: Source, spotted: Spotted) -> None:
        place = self.picture_of(source)
        if place is None:
            return
        from neurofer.plot.spotting import timeline_figure
        from neurofer.stream.spot.spotter import to_ticks
        from neurofer.train.run_folder import save_figure

        numbers = spotted.scored.numbers
        truth = None if source.truth is None else [to_ticks(one, numbers) for one in source.truth]
        figure = timeline_figure(spotted.scored.scores, spotted.footage.fps, [one.tick for one in spotted.spots], truth,
                                 spotted.rate.decodings, f"{source.name}, by {self.run.path.name}")
        save_figure(figure, place)


def _pictures(plot: Path | None, sources: Sequence[Source], out: Path | None) -> Callable[[Source], Path | None]:
    """Where the picture of each source goes; without a name, beside the table, called like it.

    Raises:
        UsageError: one file for several videos, or a name that is no picture's.
    """
    if plot is None:
        return lambda source: None
    if plot == _BESIDE:
        table = Path("timeline.csv") if out is None else out
        plot = table.with_suffix(".png") if len(sources) == 1 else table.with_name(f"{table.stem}-pictures")
    suffix = plot.suffix.lower()
    if suffix in (".png", ".pdf", ".svg") and not plot.is_dir():
        if len(sources) > 1:
            raise UsageError(f"--plot: {plot} is one file for {len(sources)} videos; name a folder")
        return lambda source: plot
    if suffix in (".jpg", ".jpeg", ".gif", ".csv"):
        raise UsageError(f"--plot: need a name that ends in .png, .pdf or .svg, or a folder, got {plot.name!r}")
    return lambda source: plot / f"{source.name.strip('/').replace('/', '-')}.png"


def _method(run: Path) -> SpotRun | RateMethod:
    """The run in a folder, or the method that needs none."""
    from neurofer.stream.spot.rate import NAME, RateMethod
    from neurofer.train.spot.load import load_spot_run

    return RateMethod() if str(run) == NAME and not run.exists() else load_spot_run(run)


def _recogniser(path: Path | None) -> MicroPredictor | None:
    if path is None:
        return None
    from neurofer.stream.micro.predictor import MicroPredictor
    from neurofer.train.micro.load import load_micro_run

    return MicroPredictor(load_micro_run(path))


@contextlib.contextmanager
def _scores_file(path: Path | None) -> Any:
    """The table of scores, which appears whole when all is written; None where none is wanted."""
    if path is None:
        yield None
        return
    from neurofer.files import atomic_path
    from neurofer.stream.spot import table

    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        stream.write(table.header_text(table.SCORES))
        yield stream


def _tell(line: str) -> None:
    if line:
        print(line, file=sys.stderr)
