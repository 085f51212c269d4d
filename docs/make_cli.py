"""Write ``docs/cli.md`` from the command itself: ``python docs/make_cli.py`` after a verb or an option has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer.main

from neurofer.cli.app import VERBS, build_app

HEAD = """# Command line

`neurofer VERB --help` says the same. Before or behind any verb, `--debug` shows the traceback of an error; before it,
`--verbose` logs what is done and `--version` prints the version. Progress goes to standard error: a bar on a terminal,
occasional lines elsewhere, nothing with `NEUROFER_PROGRESS=0`. `neurofer --install-completion` adds completion to the
shell.

Exit codes: 0 done, 1 failed, 2 wrong command or configuration, 130 interrupted.
"""


def section(name: str, command: Any) -> str:
    """One verb: its first paragraph, its arguments and options, its examples."""
    rows = [row(parameter) for parameter in command.params if parameter.name != "help"]
    epilog = (command.epilog or "").replace("\\[", "[").splitlines()
    commands = [f"    {line.strip()}" for line in epilog if line.strip().startswith("neurofer ")]
    first = " ".join((command.help or "").split("\n\n")[0].split())
    lines = [f"## neurofer {name}", "", first, "", "| | |", "|---|---|", *rows, "", *commands]
    return "\n".join(lines).rstrip() + "\n"


def row(parameter: Any) -> str:
    """An argument or an option with its help and its default."""
    text = " ".join((parameter.help or "").split())
    if parameter.param_type_name == "argument":
        names = f"`{(parameter.metavar or parameter.name.upper()).removeprefix('[').replace(']...', '...')}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        default = parameter.default
        if isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != "":
            text += f" Default: `{default}`."
    return f"| {names} | {text} |".replace("|N", "\\|N").replace("VIDEO|", "VIDEO\\|")


def main() -> None:
    commands = typer.main.get_command(build_app()).commands  # type: ignore[attr-defined]
    parts = [HEAD]
    for verb in (verb for verbs in VERBS.values() for verb in verbs):
        inside = getattr(commands[verb], "commands", None)
        leaves = {f"{verb} {name}": leaf for name, leaf in inside.items()} if inside else {verb: commands[verb]}
        parts += [section(name, leaf) for name, leaf in leaves.items()]
    (Path(__file__).parent / "cli.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
