"""``neurofer doctor``: what is installed, what is missing and how to get it."""

from __future__ import annotations

from typing import Any, NamedTuple

import typer

from neurofer.cli.options import examples


class Package(NamedTuple):
    """A distribution, the module it brings, what it gives and, when optional, the command that installs it."""

    name: str
    module: str
    gives: str
    install: str = ""


_NODEPS = "pip install --no-deps --ignore-requires-python "

REQUIRED = (
    Package("numpy", "numpy", "arrays"),
    Package("numba", "numba", "compiled kernels"),
    Package("torch", "torch", "networks"),
    Package("pydantic", "pydantic", "configurations"),
    Package("ruamel.yaml", "ruamel.yaml", "YAML 1.2"),
    Package("typer", "typer", "this command line"),
    Package("rich", "rich", "the view of 'neurofer watch' in a terminal"),
    Package("tqdm", "tqdm", "progress"),
    Package("safetensors", "safetensors", "weights"),
    Package("eventcv", "eventcv", "event files"),
    Package("h5py", "h5py", "HDF5 files"),
    Package("opencv-python-headless", "cv2", "video, faces in frames"),
    Package("scipy", "scipy", "intervals, filters"),
    Package("scikit-learn", "sklearn", "baselines"),
    Package("matplotlib", "matplotlib", "figures"),
    Package("jinja2", "jinja2", "reports"),
    Package("accelerate", "accelerate", "several processes"),
    Package("torchmetrics", "torchmetrics", "scores of drawn faces"),
    Package("threadpoolctl", "threadpoolctl", "times on one thread"),
)

OPTIONAL = (
    Package("aedat", "aedat", "AEDAT 4 recordings", "pip install 'neurofer[io]'"),
    Package("faery", "faery", ".es recordings, writing event files", "pip install 'neurofer[io]'"),
    Package("hdf5plugin", "hdf5plugin", "compressed HDF5 recordings", "pip install 'neurofer[io]'"),
    Package("python-calamine", "python_calamine", "spreadsheets of data sets", "pip install 'neurofer[sheets]'"),
    Package("tonic", "tonic", "tonic's data sets and transforms (GPL-3)", "pip install 'neurofer[tonic]'"),
    Package("snntorch", "snntorch", "snnTorch's neurons", "pip install 'neurofer[snn]'"),
    Package("nir", "nir", "interchange with other SNN libraries", "pip install 'neurofer[snn]'"),
    Package("nirtorch", "nirtorch", "interchange with other SNN libraries", "pip install 'neurofer[snn]'"),
    Package("norse", "norse", "norse's neurons (LGPL-3)", _NODEPS + "norse==1.1.0"),
    Package("asteval", "asteval", "what Lava needs to run", "pip install 'neurofer[loihi]'"),
    Package("networkx", "networkx", "what Lava needs to run", "pip install 'neurofer[loihi]'"),
    Package("lava-nc", "lava", "Lava, Loihi's simulator", _NODEPS + "lava-nc==0.10.0"),
    Package("lava-dl", "lava.lib.dl", "Lava's network reader", _NODEPS + "lava-dl==0.6.0"),
    Package("psutil", "psutil", "memory figures in benchmarks", "pip install 'neurofer[bench]'"),
    Package("ipykernel", "ipykernel", "notebooks", "pip install 'neurofer[notebook]'"),
    Package("fastapi", "fastapi", "the page of 'neurofer watch --web'", "pip install 'neurofer[web]'"),
    Package("uvicorn", "uvicorn", "the page of 'neurofer watch --web'", "pip install 'neurofer[web]'"),
    Package("websockets", "websockets", "the page of 'neurofer watch --web'", "pip install 'neurofer[web]'"),
    Package("mkdocs", "mkdocs", "these pages as a site", "pip install 'neurofer[docs]'"),
)


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("doctor", epilog=examples("neurofer doctor", "neurofer doctor --json > doctor.json"))(doctor)


def doctor(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Say what is installed, what is missing and how to get it; exit 1 when something required is missing or broken."""
    findings = examine()
    if as_json:
        import json

        typer.echo(json.dumps(findings, indent=2))
    else:
        _print(findings)
    if findings["problems"]:
        raise typer.Exit(1)


def examine() -> dict[str, Any]:
    """Everything that the verb reports; ``problems`` holds one sentence for each thing that must be mended."""
    from neurofer import __version__

    required = [_required(package) for package in REQUIRED]
    problems = [f"{entry['name']} {entry['problem']}; {entry['install']}" for entry in required if "problem" in entry]
    torch_facts: dict[str, Any] = {}
    if not any(entry["name"] == "torch" and "problem" in entry for entry in required):
        torch_facts = _torch()
    numba_facts: dict[str, Any] = {}
    if not any(entry["name"] in ("numba", "numpy") and "problem" in entry for entry in required):
        numba_facts = _numba()
    machine = _machine()
    if not machine["temporary_folder_writable"]:
        problems.append(f"{machine['temporary_folder']} cannot be written; set TMPDIR to a folder that can")
    return {
        "neurofer": __version__,
        "problems": problems,
        "machine": machine,
        "torch": torch_facts,
        "compiled": numba_facts,
        "required": required,
        "optional": [_optional(package) for package in OPTIONAL],
        "lava": _lava(),
    }


def _required(package: Package) -> dict[str, Any]:
    from importlib import import_module

    entry: dict[str, Any] = {"name": package.name, "version": _version(package.name), "gives": package.gives}
    install = f"pip install --force-reinstall --no-deps {package.name}" if entry["version"] else "pip install neurofer"
    try:
        import_module(package.module)
    except ModuleNotFoundError as error:
        entry |= {"problem": f"is missing ({error})", "install": install}
    except Exception as error:  # noqa: BLE001  a broken binary may raise anything; it is reported
        entry |= {"problem": f"is broken ({type(error).__name__}: {error})", "install": install}
    return entry


def _optional(package: Package) -> dict[str, Any]:
    version = _version(package.name)
    entry: dict[str, Any] = {"name": package.name, "version": version, "gives": package.gives}
    return entry if version else entry | {"install": package.install}


def _lava() -> dict[str, Any]:
    """What running chip networks under Lava still needs, and the one command for all of it."""
    from neurofer.hardware.lava import missing_parts

    missing = missing_parts()
    return {"missing": missing, "install": "make lava"} if missing else {"missing": []}


def _version(distribution: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _machine() -> dict[str, Any]:
    import os
    import platform
    import shutil
    import sys
    import tempfile
    from pathlib import Path

    memory = None
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    temporary = Path(tempfile.gettempdir())
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": memory,
        "free_disk_gib": round(shutil.disk_usage(Path.cwd()).free / 2**30, 1),
        "temporary_folder": str(temporary),
        "temporary_folder_writable": os.access(temporary, os.W_OK),
    }


def _torch() -> dict[str, Any]:
    import torch

    cuda = torch.cuda.is_available()
    return {
        "threads": torch.get_num_threads(),
        "cuda": cuda,
        "devices": [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] if cuda else [],
    }


def _numba() -> dict[str, Any]:
    """Whether a kernel compiles, and whether its machine code is kept for the next run."""
    import time

    from neurofer.compiled import compiled

    def _next(number: int) -> int:
        return number + 1

    started = time.perf_counter()
    kernel: Any = compiled(_next)
    works = kernel(1) == 2
    seconds = time.perf_counter() - started
    cache = getattr(kernel, "_cache", None)
    folder = getattr(cache, "cache_path", None)
    return {"works": works, "cached": folder is not None, "cache_folder": folder, "first_call_s": round(seconds, 2)}


def _print(findings: dict[str, Any]) -> None:
    from neurofer.cli.options import text_table

    machine, torch_facts, kernels = findings["machine"], findings["torch"], findings["compiled"]
    memory = f", {machine['memory_gib']} GiB memory" if machine["memory_gib"] else ""
    typer.echo(f"neurofer {findings['neurofer']}, Python {machine['python']} ({machine['executable']})")
    typer.echo(f"{machine['platform']}: {machine['cores']} cores{memory}, {machine['free_disk_gib']} GiB free here")
    if torch_facts:
        device = ", ".join(torch_facts["devices"]) or "no GPU that torch can use; the CPU does all the work"
        typer.echo(f"torch: {torch_facts['threads']} threads; {device}")
    if kernels:
        kept = f"kept in {kernels['cache_folder']}" if kernels["cached"] else "not kept: each run compiles again"
        typer.echo(f"compiled kernels: {'work' if kernels['works'] else 'give wrong results'}, {kept}")
    rows = [(entry["name"], entry["version"] or "-", entry.get("problem", "ok")) for entry in findings["required"]]
    typer.echo("\nRequired\n" + text_table(("package", "version", ""), rows))
    present = [entry for entry in findings["optional"] if entry["version"]]
    if present:
        rows = [(entry["name"], entry["version"], entry["gives"]) for entry in present]
        typer.echo("\nOptional, installed\n" + text_table(("package", "version", "gives"), rows))
    absent = [entry for entry in findings["optional"] if not entry["version"]]
    if absent:
        typer.echo("\nOptional, not installed")
        for entry in absent:
            typer.echo(f"  {entry['name']}: {entry['gives']}\n      {entry['install']}")
    lava = findings["lava"]
    lacks = f"lacks {', '.join(lava['missing'])}; {lava['install']}, or by hand" if lava["missing"] else "is complete"
    typer.echo(f"\nLava, to run chip networks as Loihi does, {lacks} (docs/lava.md)\n")
    for problem in findings["problems"]:
        typer.echo(f"problem: {problem}")
    if not findings["problems"]:
        typer.echo("Everything required is there and works.")
