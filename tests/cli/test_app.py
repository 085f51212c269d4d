"""The command itself: exit codes, one sentence an error, a quick help."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from neurofer.cli import app as module
from neurofer.errors import BadFileError, UsageError

ALL_VERBS = {verb for verbs in module.VERBS.values() for verb in verbs}


@pytest.fixture
def raising(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Give the command a verb ``boom`` that raises what is asked for."""

    def install(error: BaseException) -> None:
        app = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
        app.callback()(module._common)

        @app.command("boom")
        def boom(number: int = typer.Option(0)) -> None:
            raise error

        @app.command("quiet")
        def quiet() -> None:
            logging.getLogger("neurofer.test").info("hello")

        monkeypatch.setattr(module, "build_app", lambda: app)

    return install


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (BadFileError("a.raw: empty"), 1, "error: a.raw: empty"),
        (UsageError("--sensor: need WxH"), 2, "error: --sensor: need WxH"),
        (ValueError("windows: too small"), 1, "error: windows: too small"),
        (ImportError("no such thing"), 1, "error: no such thing"),
        (KeyError("x"), 1, "error: unexpected KeyError: 'x'; the same command with --debug shows where"),
        (RuntimeError("odd"), 1, "error: unexpected RuntimeError: odd; the same command with --debug shows where"),
        (MemoryError(), 1, "error: out of memory; take a smaller size or fewer workers"),
        (OSError(errno.ENOSPC, "No space left"), 1, "error: the disk is full; free some space and run it again"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.raw"), 1, "error: a.raw: No such file"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, ""),
        (KeyboardInterrupt(), 130, "interrupted"),
        (typer.Exit(3), 3, ""),
        (typer.Abort(), 1, "error: stopped"),
    ],
)
def test_every_error_is_one_sentence(
    raising: Callable, run_cli: Callable, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, told: str
) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # a broken pipe replaces it
    raising(error)
    result = run_cli("boom")
    assert (result.code, result.err.strip(), result.out) == (code, told, "")


@pytest.mark.parametrize("words", [("--debug", "boom"), ("boom", "--debug"), ("boom", "--number", "3", "--debug")])
def test_debug_anywhere_shows_the_traceback(raising: Callable, run_cli: Callable, words: tuple[str, ...]) -> None:
    raising(UsageError("wrong"))
    result = run_cli(*words)
    assert result.code == 2
    assert "Traceback" in result.err
    assert result.err.endswith("error: wrong\n")


def test_debug_behind_two_dashes_is_a_word(raising: Callable, run_cli: Callable) -> None:
    raising(UsageError("wrong"))
    result = run_cli("boom", "--", "--debug")
    assert result.code == 2
    assert "unexpected extra argument" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("inffo",), "Did you mean 'info'?"),
        (("doctor", "--jsn"), "--json"),
        (("cp",), "Missing argument"),
        (("ls", "--runs"), "requires an argument"),
        (("ls", "extra"), "unexpected extra argument"),
    ],
)
def test_a_wrong_command_says_what_was_meant(run_cli: Callable, words: tuple[str, ...], told: str) -> None:
    result = run_cli(*words)
    assert result.code == 2
    assert result.out == ""
    assert result.err.startswith("error: ")
    assert told in result.err
    assert result.err.count("\n") == 1


def test_a_wrong_value_names_the_option(raising: Callable, run_cli: Callable) -> None:
    raising(UsageError("unused"))
    result = run_cli("boom", "--number", "three")
    assert result.code == 2
    assert "--number" in result.err
    assert "neurofer boom --help" in result.err


def test_verbose_logs(raising: Callable, run_cli: Callable) -> None:
    raising(UsageError("unused"))
    assert run_cli("--verbose", "quiet").err == "INFO neurofer.test: hello\n"
    assert run_cli("quiet").err == ""


def test_version_and_help(run_cli: Callable) -> None:
    from neurofer import __version__

    assert run_cli("--version") == (0, f"neurofer {__version__}\n", "")
    result = run_cli("--help")
    assert result.code == 0
    for panel in module.VERBS:
        assert panel in result.out
    words = set(result.out.split())
    assert words >= ALL_VERBS


def test_no_words_show_the_help_once(run_cli: Callable) -> None:
    result = run_cli()
    assert result.code == 2
    assert result.out.count("Usage:") == 1


GROUPS = {"prepare": ("synthetic", "ckplus", "nefer", "see", "casme2", "samm", "smic", "casme3", "mmew"),
          "reproduce": ("evtransfer", "representations", "spiking", "spiking_fer", "mersiamc3d")}


@pytest.mark.parametrize("verb", sorted(ALL_VERBS))
def test_every_verb_has_help_with_an_example(run_cli: Callable, verb: str) -> None:
    result = run_cli(verb, "--help")
    helps = [result]
    if verb in GROUPS:  # its own commands carry the examples
        helps = [run_cli(verb, command, "--help") for command in GROUPS[verb]]
    for result in helps:
        assert result.code == 0
        assert f"neurofer {verb}" in result.out.split("Usage:", 1)[1].split("\n", 2)[2]
        assert "\b" not in result.out


HEAVY = ("torch", "numba", "cv2", "matplotlib", "sklearn", "scipy", "eventcv", "h5py", "pydantic", "tonic", "aedat")


@pytest.mark.parametrize("code", ["import neurofer", "import neurofer.cli.app as app; app.build_app()", """
import neurofer.cli.app as app
try:
    app.main(['--help'])
except SystemExit as end:
    assert end.code == 0
"""])
def test_help_imports_nothing_heavy(code: str) -> None:
    check = f"import sys; loaded = [n for n in {HEAVY} if n in sys.modules]; print('LOADED', loaded)"
    done = subprocess.run([sys.executable, "-c", f"{code}\n{check}"], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("LOADED []")


def test_python_m_neurofer() -> None:
    done = subprocess.run([sys.executable, "-m", "neurofer", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("neurofer ")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="pipes as on Unix")
def test_a_reader_that_goes_away_is_no_error() -> None:
    neurofer = f"{sys.executable} -m neurofer"
    command = f"{neurofer} --help | true; {neurofer} ls --json | head -c 1 >/dev/null"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([sys.executable, "-m", "neurofer", "--version"], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: the disk is full; free some space and run it again\n"
