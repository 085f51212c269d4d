"""The ``neurofer`` command: verbs, exit codes and how an error is told."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn

import typer

from neurofer import __version__
from neurofer.errors import NeuroferError, UsageError

app = typer.Typer(
    name="neurofer",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Facial expressions from event cameras, on conventional and on neuromorphic hardware.",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"neurofer {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version and end."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error (accepted behind any verb too)."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log what is done."),
) -> None:
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def _add_verbs() -> None:
    from importlib import import_module

    for verb in ("info", "show", "convert", "represent", "simulate", "prepare", "train", "evaluate", "predict", "demo",
                 "ls", "cp", "doctor"):
        module = import_module(f"neurofer.cli.{verb}")
        module.register(app)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; exit 0 on success, 1 on failure, 2 when the command itself is wrong, 130 on Ctrl-C."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words or bool(os.environ.get("NEUROFER_DEBUG"))
    words = [word for word in words if word != "--debug"]
    _add_verbs()
    try:
        app(words)
    except NeuroferError as error:
        _tell(error, debug, code=2 if isinstance(error, UsageError) else 1)
    except (ImportError, OSError, MemoryError, ValueError) as error:
        _tell(error, debug, code=1)
    sys.exit(0)


def _tell(error: BaseException, debug: bool, code: int) -> NoReturn:
    if debug:
        raise error
    sys.stdout.flush()
    message = str(error) or type(error).__name__
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
