"""The ``neurofer`` command: verbs, exit codes and how an error is told."""

from __future__ import annotations

import errno
import functools
import logging
import os
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import typer

from neurofer import __version__, launch
from neurofer.errors import NeuroferError, UsageError
from neurofer.files import is_full_disk

# Every verb is a module of this package with register(app); help shows the panels in this order.
VERBS = {
    "Recordings": ("info", "show", "convert", "represent"),
    "Data": ("simulate", "prepare"),
    "Recognition": ("pretrain", "probe", "train", "evaluate", "predict", "spot", "score-spotting", "cast",
                    "import-nir", "reproduce"),
    "Live": ("watch", "send"),
    "Hardware": ("export", "deploy", "compare"),
    "About neurofer": ("demo", "ls", "cp", "doctor"),
}

_CommandError: Any = typer.BadParameter.__mro__[2]  # the parser's own base class, which typer does not export
_EXAMPLES = """Start here:

  neurofer demo --out demo       both backends on made-up faces, and a report
  neurofer info recording.raw    what a file holds
  neurofer ls                    the configurations that come with neurofer

Exit codes: 0 done, 1 failed, 2 wrong command or configuration, 130 Ctrl-C."""


@functools.cache
def build_app() -> typer.Typer:
    """The command with all its verbs."""
    app = typer.Typer(
        name="neurofer",
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help="Facial expressions from event cameras, on conventional and on neuromorphic hardware.",
        epilog=_EXAMPLES,
    )
    app.callback()(_common)
    for panel, verbs in VERBS.items():
        for verb in verbs:
            commands, groups = len(app.registered_commands), len(app.registered_groups)
            import_module(f"neurofer.cli.{verb.replace('-', '_')}").register(app)
            added: list[Any] = [*app.registered_commands[commands:], *app.registered_groups[groups:]]
            for command in added:
                command.rich_help_panel = panel
    return app


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line; exit 0 on success, 1 on failure, 2 when the command itself is wrong, 130 on Ctrl-C."""
    words, debug = _without_debug(list(sys.argv[1:] if arguments is None else arguments))
    try:
        code = build_app()(words, prog_name="neurofer", standalone_mode=False)
        sys.stdout.flush()
    except _CommandError as error:
        code = _tell_command_error(error)
    except KeyboardInterrupt:
        code = 130
    except typer.Abort:
        code = _tell("stopped", debug)
    except NeuroferError as error:
        code = _tell(str(error), debug, code=2 if isinstance(error, UsageError) else 1)
    except MemoryError as error:
        code = _tell(f"out of memory{f' ({error})' if str(error) else ''}; take a smaller size or fewer workers", debug)
    except (ImportError, ValueError) as error:
        code = _tell(str(error) or type(error).__name__, debug)
    except OSError as error:
        code = _tell_system_error(error, debug)
    except Exception as error:  # noqa: BLE001  the last border: whatever it is, one sentence
        code = _tell(f"unexpected {type(error).__name__}: {error}; the same command with --debug shows where", debug)
    if code == 130 and launch.may_speak():
        print("interrupted", file=sys.stderr)
    if code in (None, 0) and launch.leave():
        # Threads of the collective libraries may still run, among which the interpreter's own end can abort.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
    sys.exit(code if isinstance(code, int) else 0)


class _StandardError(logging.Handler):
    """Writes to whatever ``sys.stderr`` is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"neurofer {__version__}")
        raise typer.Exit


def _common(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version, end."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error (accepted behind any verb too)."),
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log what is done."),
) -> None:
    logger = logging.getLogger("neurofer")
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        handler = _StandardError()
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        logger.addHandler(handler)
    usual = logging.INFO if verbose else logging.WARNING
    logger.setLevel(logging.ERROR if launch.rank() else usual)


def _without_debug(words: list[str]) -> tuple[list[str], bool]:
    """The words without ``--debug``, wherever it stands before ``--``, and whether it was wanted."""
    end = words.index("--") if "--" in words else len(words)
    kept = [word for word in words[:end] if word != "--debug"]
    return [*kept, *words[end:]], len(kept) < end or bool(os.environ.get("NEUROFER_DEBUG"))


def _tell(message: str, debug: bool, code: int = 1) -> int:
    """Print the sentence, behind the traceback where that is wanted; once, if several processes were started as one."""
    if not launch.may_speak():
        return code
    if debug:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    return code


def _tell_command_error(error: BaseException) -> int:
    """A word, option or value that the parser refused; without any words, the help itself."""
    context = getattr(error, "ctx", None)
    message = str(error.format_message() if hasattr(error, "format_message") else error).strip()
    if type(error).__name__ == "NoArgsIsHelpError":
        print(message, end="")  # empty where making the error has printed the help already
        return 2
    where = context.command_path if context is not None else "neurofer"
    ending = f" See: {where} --help" if message.endswith("?") else f"; see: {where} --help"
    return _tell(message.rstrip(".") + ending, debug=False, code=int(getattr(error, "exit_code", 2)))


def _tell_system_error(error: OSError, debug: bool) -> int:
    if error.errno == errno.EPIPE:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  the reader went away; nothing may be flushed to it at the end
        return 1
    if is_full_disk(error):
        return _tell("the disk is full; free some space and run it again", debug)
    name = f"{error.filename}: " if error.filename else ""
    return _tell(f"{name}{error.strerror or error}", debug)
