"""What a spiking network costs in training, beside its linear layers alone and the same network in other libraries.

    python benchmarks/spiking.py [--rounds 11] [--threads 1] [--device cpu] [--only NAME ...] [--json spiking.json]

Forward and backward. Every variant runs once a round, so that what else the machine does meets all of them; best and
median round count. Ratios are to the linear layers alone, which no spiking network can undercut, and to the fastest
other library, whatever its neuron. All variants of a kind (LIF, CUBA) have the same weights, scaled so that the native
neurons fire at a tenth, and the same folded ``channels_last`` layers; output spikes show that they do the same work
(slayer rounds its weights and states). ``--markdown`` prints the tables for a document.

Memory is measured in a process for each variant: on the CPU the peak of the resident memory during two steps above what
was resident before them (Linux; elsewhere ``ru_maxrss``), with large tensors handed back to the system at once
(MALLOC_MMAP_THRESHOLD_); on a GPU torch's own peak of allocated memory.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from _spiking_variants import MODULES, VARIANTS, Setting, Step, Variant, settings, work

from neurofer.files import write_text

MIB = 2**20


def build(variant: Variant, setting: Setting, device: str) -> Step | str:
    """The variant, run once, or why another library's cannot run."""
    module = MODULES.get(variant.library)
    if module is not None and find_spec(module) is None:
        return "not installed"
    given = work(setting, variant.kind, device)
    try:
        step = variant.build(given)
        step()
    except Exception as error:
        if not variant.peer:
            raise
        return f"failed: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return step


def measure(setting: Setting, variants: list[Variant], rounds: int, device: str) -> list[dict[str, Any]]:
    """A row for every variant that runs here, and one with the reason for every other."""
    built = {variant: build(variant, setting, device) for variant in variants}
    running = {variant: step for variant, step in built.items() if not isinstance(step, str)}
    spent: dict[Variant, list[float]] = {variant: [] for variant in running}
    spikes = {}
    for _ in range(rounds):
        for variant, step in running.items():
            finished(device)
            started = time.perf_counter()
            out = step()
            finished(device)
            spent[variant].append(1000 * (time.perf_counter() - started))
            spikes[variant] = int(out.count_nonzero())
            del out
    best = {variant: min(times) for variant, times in spent.items()}
    alone = next((ms for variant, ms in best.items() if variant.kind == "none"), None)
    fastest = min((ms for variant, ms in best.items() if variant.peer), default=None)
    rows = []
    for variant, step in built.items():
        row: dict[str, Any] = {"setting": setting.name, "variant": variant.name, "kind": variant.kind}
        if isinstance(step, str):
            rows.append({**row, "absent": step})
            continue
        rows.append({**row, "best_ms": best[variant], "median_ms": statistics.median(spent[variant]),
                     "to_linear": alone and best[variant] / alone,
                     "to_fastest_peer": fastest and best[variant] / fastest,
                     "output_spikes": None if variant.kind == "none" else spikes[variant]})
    return rows


def finished(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def peak_of(setting: str, variant: str, words: argparse.Namespace) -> dict[str, Any]:
    """Extra peak memory of one variant, from a process of its own."""
    command = [sys.executable, __file__, "--memory-of", setting, variant, "--device", words.device, "--threads",
               str(words.threads), *(["--quick"] if words.quick else [])]
    # This folder is named, because a safe path (PYTHONSAFEPATH) leaves out that of the script.
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072", "PYTHONPATH": path})
    if done.returncode:
        return {"extra_peak_mib": None, "memory_failed": (done.stderr.strip().splitlines() or ["no output"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def report_memory(short: str, setting: Setting, variant: Variant, device: str) -> None:
    """In a process of its own: two steps after a tiny network has loaded all code, and the peak above what was there.

    Nothing of the setting's size has run before, so nothing that the allocator kept hides in the baseline.
    """
    tiny = settings(quick=True, cuda=False)
    found = build(variant, tiny.get(short, tiny["linear"]), device)
    if isinstance(found, str):
        sys.exit(found)
    step = variant.build(work(setting, variant.kind, device))
    del found
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        before, method = torch.cuda.memory_allocated(), "torch.cuda.max_memory_allocated"
    else:
        before, method = _resident_from_now()
    for _ in range(2):
        step()
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else _resident_peak(method)
    print(json.dumps({"extra_peak_mib": (peak - before) / MIB, "memory_method": method}))


def _resident_from_now() -> tuple[int, str]:
    """Bytes resident now, and how their peak will be known; starts the peak afresh where the system can."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS"), "VmHWM"
    except (OSError, AttributeError):
        return _resident_peak("ru_maxrss"), "ru_maxrss"


def _resident_peak(method: str) -> int:
    if method == "VmHWM":
        return _status("VmHWM")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _status(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status has no {name}")


COLUMNS = (("best_ms", "best, ms", "{:.1f}"), ("median_ms", "median, ms", "{:.1f}"),
           ("to_linear", "to linear layers", "{:.2f}"), ("to_fastest_peer", "to fastest library", "{:.2f}"),
           ("extra_peak_mib", "extra peak, MiB", "{:.0f}"), ("output_spikes", "output spikes", "{}"))


def table(rows: list[dict[str, Any]]) -> str:
    """The rows of one setting as Markdown."""
    lines = ["| variant | " + " | ".join(head for _, head, _ in COLUMNS) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for row in rows:
        if "absent" in row:
            lines.append(f"| {row['variant']} | {row['absent']} |" + " |" * (len(COLUMNS) - 1))
            continue
        cells = ["-" if row.get(key) is None else form.format(row[key]) for key, _, form in COLUMNS]
        lines.append(f"| {row['variant']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def plain(rows: list[dict[str, Any]]) -> str:
    """The rows of one setting for a terminal."""
    lines = [" " * 36 + "".join(f"{head:>20}" for _, head, _ in COLUMNS)]
    for row in rows:
        cells = [row["absent"]] if "absent" in row else [
            "-" if row.get(key) is None else form.format(row[key]) for key, _, form in COLUMNS]
        lines.append(f"  {row['variant']:<34}" + "".join(f"{cell:>20}" for cell in cells))
    return "\n".join(lines)


def wanted(words: argparse.Namespace, parser: argparse.ArgumentParser) -> list[Variant]:
    unknown = [name for name in words.only or () if name not in {variant.name for variant in VARIANTS}]
    if unknown:
        parser.error(f"no variant {', '.join(unknown)}; there are {', '.join(variant.name for variant in VARIANTS)}")
    return [variant for variant in VARIANTS if not words.only or variant.name in words.only]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--settings", nargs="+", metavar="NAME", help="some of conv, linear, linear16k (GPU)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="some of the variants")
    parser.add_argument("--quick", action="store_true", help="tiny networks: whether everything runs, no figures")
    parser.add_argument("--no-memory", action="store_true", help="time alone")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    parser.add_argument("--memory-of", nargs=2, metavar=("SETTING", "VARIANT"), help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch sees no GPU here")
    torch.set_num_threads(words.threads)
    known, variants = settings(words.quick, words.device == "cuda"), wanted(words, parser)
    if unknown := set(words.settings or ()) - set(known):
        parser.error(f"no setting {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    if words.memory_of:
        by_name = {variant.name: variant for variant in VARIANTS}
        report_memory(words.memory_of[0], known[words.memory_of[0]], by_name[words.memory_of[1]], words.device)
        return
    on = torch.cuda.get_device_name() if words.device == "cuda" else platform.processor() or platform.machine()
    print(f"torch {torch.__version__}, {words.threads} thread(s), {on}, {words.rounds} interleaved rounds", flush=True)
    rows = []
    for short in words.settings or known:
        setting = known[short]
        found = measure(setting, variants, words.rounds, words.device)
        for row in found:
            if "absent" not in row and not words.no_memory:
                row |= peak_of(short, row["variant"], words)
        print(f"\n{setting.name}\n\n{table(found) if words.markdown else plain(found)}", flush=True)
        rows += found
    if words.json is not None:
        said = {"torch": torch.__version__, "threads": words.threads, "device": on, "rounds": words.rounds,
                "rows": rows}
        write_text(words.json, json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
