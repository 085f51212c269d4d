"""The benchmark of spiking networks runs: every variant that is installed, tables and figures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch


@pytest.fixture
def run(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """``run("--only", "snntorch Leaky")`` runs it on tiny networks and gives what it printed."""
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import spiking

    def main(*words: object) -> str:
        given = ("--quick", "--rounds", 1, "--threads", torch.get_num_threads(), *words)
        monkeypatch.setattr(sys, "argv", ["spiking.py", *map(str, given)])
        spiking.main()
        return capsys.readouterr().out

    return main


def test_every_installed_variant_does_the_same_work(run: Callable[..., str], tmp_path: Path) -> None:
    out = tmp_path / "spiking.json"
    run("--no-memory", "--json", out)
    rows = json.loads(out.read_text())["rows"]
    settings = {row["setting"] for row in rows}
    assert len(settings) == 2
    for row in rows:
        assert row.get("absent") == "not installed" or row["best_ms"] > 0, row
    for setting in settings:
        for kind in ("lif", "cuba"):
            counts = {row["output_spikes"] for row in rows if row["setting"] == setting and row["kind"] == kind
                      and "absent" not in row and not row["variant"].startswith("slayer")}
            assert len(counts) == 1, (setting, kind, counts)


def test_memory_and_a_table_for_documents(run: Callable[..., str], tmp_path: Path) -> None:
    out = tmp_path / "spiking.json"
    lines = run("--markdown", "--settings", "linear", "--only", "neurofer CUBA", "--json", out).splitlines()
    (row,) = json.loads(out.read_text())["rows"]
    assert row.get("memory_failed") is None
    (line,) = [line for line in lines if line.startswith("| neurofer CUBA")]
    best, median, to_linear, to_fastest, memory, spikes = [cell.strip() for cell in line.split("|")[2:-1]]
    assert float(median) >= float(best) > 0
    assert to_linear == to_fastest == "-"
    assert float(memory) >= 0
    assert int(spikes) > 0


@pytest.mark.parametrize(("words", "told"), [
    (("--only", "brian"), "no variant brian; there are linear layers alone, neurofer LIF"),
    (("--settings", "large"), "no setting large; there are conv, linear"),
])
def test_an_unknown_name_is_refused(run: Callable[..., str], capsys: pytest.CaptureFixture[str],
                                    words: tuple[str, ...], told: str) -> None:
    with pytest.raises(SystemExit):
        run(*words)
    assert told in capsys.readouterr().err


def test_an_absent_library_is_a_line_of_the_table(run: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    import spiking

    monkeypatch.setattr(spiking, "find_spec", lambda name: None)
    said = run("--no-memory", "--only", "snntorch Leaky", "neurofer LIF")
    assert said.count("snntorch Leaky") == said.count("not installed") == 2
