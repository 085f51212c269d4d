"""``neurofer watch``: decisions about a recording or a live source while it runs, in a terminal or in a browser."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from neurofer.cli.options import examples, paragraphs, parse_mode, parse_sensor
from neurofer.errors import NeuroferError, UsageError

if TYPE_CHECKING:
    from neurofer.events.recording import Recording
    from neurofer.stream.predictor import Predictor
    from neurofer.stream.watch.session import Session
    from neurofer.stream.watch.source import EventSource

HELP = """Watch a trained model decide while events come in: label, probabilities, event rate and latency, live.

SOURCE is a recording, which is played at real speed (--speed), or a live source: - (packets or lines t,x,y,p on
standard input), tcp://HOST:PORT (connects, and connects again), tcp-listen://HOST:PORT, udp://HOST:PORT; no host is
this machine. 'neurofer send' plays a recording into any of them, and docs/live_sources.md tells what the bytes are.

In a terminal there are bars, and keys: space pauses, the arrows go back and forth in a recording, q ends. Where
standard output is no terminal, there is one line a decision, at most five a second (--every: all).

--web serves a page on this machine instead: events, what the network sees, probabilities over time, spikes, latencies,
pause, and a slider through the recording. For other machines, it needs --host, --allow-remote and --token.

Deciding that cannot keep up drops windows whole: once more than --most-waiting wait, all but the newest few, and the
network starts anew. They are counted on screen and in the last line. --speed max never drops: the source waits instead.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("watch", help=paragraphs(HELP), epilog=examples(
        "neurofer watch face.raw --model runs/snn",
        "neurofer watch face.raw --model runs/ann --web",
        "neurofer watch udp://:7777 --model runs/snn --box 210,80,200,200",
        "neurofer watch tcp-listen://:7777 --model runs/ann",
        "neurofer watch face.raw --model runs/ann --speed max --every > decisions.txt",
    ))(watch)


def watch(
    source: str = typer.Argument(..., metavar="SOURCE", show_default=False,
                                 help="A recording, -, tcp://HOST:PORT, tcp-listen://HOST:PORT or udp://HOST:PORT."),
    model: Path = typer.Option(..., "--model", show_default=False, help="Run folder that 'neurofer train' left."),
    speed: str = typer.Option("1.0", help="Of a recording: 1.0 is real time, 2.0 twice as fast. max takes all as fast "
                                          "as it goes, and drops nothing."),
    box: str | None = typer.Option(None, metavar="L,T,W,H", help="Face box in sensor pixels: left,top,width,height; "
                                                                 "by default the face is looked for."),
    sensor: str | None = typer.Option(None, metavar="WxH", help="Sensor size, for sources that do not say it."),
    start_us: int = typer.Option(0, min=0, help="Of a recording: start, counted from its first event."),
    stop_us: int | None = typer.Option(None, min=1, help="Of a recording: end, counted likewise."),
    mode: str = typer.Option("repair", help="Of a recording: bad events are left out (repair), refused (strict), or "
                                            "not looked for (trust)."),
    most_waiting: int | None = typer.Option(None, min=1, help="Whole windows that may wait before any is dropped; by "
                                                              "default twice what a decision needs, at least 16."),
    every: bool = typer.Option(False, "--every", help="Without a terminal: a line for every decision."),
    web: bool = typer.Option(False, "--web", help="Serve a page instead; needs the extra web."),
    port: int = typer.Option(8000, min=0, max=65_535, help="Of the page; 0 takes a free one."),
    host: str = typer.Option("127.0.0.1", help="Address that the page is served on."),
    token: str | None = typer.Option(None, help="What a browser must know to see the page, at least 16 characters."),
    allow_remote: bool = typer.Option(False, "--allow-remote",
                                      help="Let other machines send events, or see the page (which needs --token)."),
) -> None:
    from neurofer.cli._deciding import parse_box
    from neurofer.cli.send import parse_speed

    factor, size, chosen, face = parse_speed(speed), parse_sensor(sensor), parse_mode(mode), parse_box(box)
    if stop_us is not None and stop_us <= start_us:
        raise UsageError(f"--start-us, --stop-us: need start < stop, got {start_us} and {stop_us}")
    if web and every:
        raise UsageError("--every: is for lines on standard output; leave it out with --web")
    if not web and (token is not None or host != "127.0.0.1" or port != 8000):
        raise UsageError("--host, --port, --token: are of the page; add --web")
    if web:
        from neurofer.stream.web.guard import check_access
        from neurofer.stream.web.serve import check_installed

        check_access(host, token, allow_remote)
        check_installed()
    from neurofer.stream.watch.open_source import is_live

    live = is_live(source)
    if live and (start_us or stop_us is not None):
        raise UsageError(f"--start-us, --stop-us: are of recordings, and {source} is live")

    from neurofer.events.open import open_recording
    from neurofer.stream.predictor import Predictor
    from neurofer.stream.watch.open_source import open_source
    from neurofer.stream.watch.session import Session

    if sys.stderr.isatty():
        typer.echo(f"loading {model}", err=True)
    predictor = Predictor.open(model)
    predictor.limit_threads()
    opened: Recording | EventSource = (open_source(source, sensor=size, allow_remote=allow_remote) if live
                                       else open_recording(source, sensor=size, mode=chosen))
    try:
        session = Session(predictor, opened, speed=factor, box=face, start_us=start_us, stop_us=stop_us,
                          most_waiting=most_waiting, raster=web)
        try:
            if web:
                _serve(session, predictor, host, port, token, allow_remote)
            else:
                _view(session, every, keys=source != "-")
        except NeuroferError:
            if session.error is not None:
                raise session.error from None
            raise
        finally:
            session.close()
    finally:
        opened.close()


def _view(session: Session, every: bool, keys: bool) -> None:
    from neurofer.stream.watch.terminal import view

    view(session, keys=keys, every=every, hold=session.facts.seekable, begin=session.start)


def _serve(session: Session, predictor: Predictor, host: str, port: int, token: str | None, allow_remote: bool) -> None:
    from neurofer.stream.web.pictures import face_picture
    from neurofer.stream.web.serve import serve

    def ready(address: str) -> None:
        typer.echo(f"{address}   (Ctrl-C ends)")
        session.start()

    seen = predictor.representation
    serve(session, host, port, token, allow_remote, ready=ready, picture=face_picture(seen) if seen else None)
    if session.failure is not None:
        raise NeuroferError(session.failure)
