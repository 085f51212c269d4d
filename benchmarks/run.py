"""Every benchmark in one run, one after the other: what they print, and their figures as JSON.

    python benchmarks/run.py [NAME ...] [--out bench]

Runs the other scripts of this folder, each in a process of its own, and writes ``<name>.txt`` and ``<name>.json`` into
the output folder, with ``machine.json`` beside them. Use a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from neurofer.files import write_text
from neurofer.train.run_folder import host_facts

HERE = Path(__file__).resolve().parent


def main() -> None:
    scripts = {path.stem: path for path in sorted(HERE.glob("*.py")) if path.stem != "run" and path.stem[0] != "_"}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(scripts)}; all by default")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="folder for the figures")
    words = parser.parse_args()
    unknown = [name for name in words.names if name not in scripts]
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(scripts)}")
    facts = host_facts()
    write_text(words.out / "machine.json", json.dumps(facts, indent=1) + "\n")
    print(", ".join(f"{name} {value}" for name, value in facts.items()), flush=True)
    failed = [name for name in words.names or scripts if not run(name, scripts[name], words.out)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def run(name: str, script: Path, out: Path) -> bool:
    """Run one script, show and keep what it prints; whether it went well."""
    print(f"\n## {name}\n", flush=True)
    started, lines = time.perf_counter(), []
    command = [sys.executable, str(script), "--json", str(out / f"{name}.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            lines.append(line)
            print(line, end="", flush=True)
    write_text(out / f"{name}.txt", "".join(lines))
    print(f"\n({name}: {time.perf_counter() - started:.0f} s)", flush=True)
    return process.returncode == 0


if __name__ == "__main__":
    main()
