"""``neurofer send``: a recording as a live stream."""

from __future__ import annotations

from pathlib import Path

import typer

from neurofer.cli.options import examples, paragraphs, parse_sensor
from neurofer.errors import UsageError

HELP = """Send a recording as if a camera saw it now, to 'neurofer watch' or to a program of your own.

Packets of at most 1 ms go out at the pace of the recording's clock; docs/live_sources.md says byte by byte what they
hold. What is out of order or outside the sensor is left out. Ends with 0 when the receiver goes away.
"""


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("send", help=paragraphs(HELP), epilog=examples(
        "neurofer send face.raw tcp://127.0.0.1:7777",
        "neurofer send face.raw udp://127.0.0.1:7777 --loop",
        "neurofer send face.bin tcp-listen://:7777 --sensor 240x180",
        "neurofer send face.raw - --speed max"))(send)


def send(
    source: Path = typer.Argument(..., metavar="RECORDING", show_default=False, help="Any readable recording."),
    target: str = typer.Argument(..., metavar="TARGET", show_default=False,
                                 help="tcp://HOST:PORT to connect there, tcp-listen://HOST:PORT to wait there for "
                                      "a receiver, udp://HOST:PORT, or - for standard output."),
    speed: str = typer.Option("1.0", help="1.0 is real time, 2.0 twice as fast, max as fast as the receiver takes it."),
    loop: bool = typer.Option(False, "--loop", help="Begin again at the end, until Ctrl-C; the times go on."),
    sensor: str | None = typer.Option(None, metavar="WxH", help="Sensor size, for files that do not say it."),
    allow_remote: bool = typer.Option(False, "--allow-remote", help="Let another machine connect to tcp-listen."),
) -> None:
    factor, size = parse_speed(speed), parse_sensor(sensor)
    from neurofer.events.open import open_recording
    from neurofer.stream.send import Sent
    from neurofer.stream.send import send as send_packets
    from neurofer.stream.target import open_target

    done = Sent()

    def note(sent: Sent) -> None:
        nonlocal done
        done = sent

    def waiting() -> None:
        typer.echo(f"{target}: waiting for a receiver", err=True)

    with open_recording(source, sensor=size, mode="repair") as recording:
        try:
            with open_target(target, allow_remote, waiting) as deliver:
                send_packets(recording, deliver, speed=factor, loop=loop, note=note)
            if (dropped := recording.report().dropped) > 0:
                typer.echo(f"warning: {source}: {dropped} events were out of order or outside the sensor and were left "
                           "out", err=True)
        except (BrokenPipeError, ConnectionError):
            typer.echo(f"{target}: the receiver went away", err=True)
        except KeyboardInterrupt:
            _tell(target, done.events, done.seconds)
            raise
    _tell(target, done.events, done.seconds)


def parse_speed(text: str) -> float:
    """How many times as fast as real; infinity for ``max``.

    Raises:
        UsageError: neither ``max`` nor a number above 0.
    """
    import math

    try:
        speed = math.inf if text == "max" else float(text)
    except ValueError:
        speed = math.nan
    if not speed > 0 or (math.isinf(speed) and text != "max"):
        raise UsageError(f"--speed: need a number above 0 or max, got {text!r}")
    return speed


def _tell(target: str, events: int, seconds: float) -> None:
    from neurofer.stream.watch.words import rate_text

    rate = rate_text(events / seconds if seconds else 0.0)
    typer.echo(f"{target}: {events:,} events in {seconds:.3g} s, {rate}", err=True)
