"""A NIR graph becomes a run folder that decides, is listed and tested like any; or nothing is left behind."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from neurofer.data.store import open_store
from neurofer.spiking.nir_read import read_nir
from neurofer.train.run_folder import load_run
from trees.nir_graphs import Node, chain, conv, cuba, flatten, write_graph

CLASSES = ("down", "left", "right")


def nodes_of_blobs() -> dict[str, Node]:
    generator = np.random.default_rng(3)
    return {
        "input": {"type": "Input", "shape": np.array([2, 16, 16])},
        "c": conv(generator.normal(0, 0.5, (4, 2, 3, 3)).astype(np.float32), (16, 16)), "cn": cuba((4, 8, 8), 0.5, 0.8),
        "f": flatten((4, 8, 8)),
        "d": {"type": "Linear", "weight": generator.normal(0, 0.2, (3, 256)).astype(np.float32)},
        "dn": cuba((3,), 0.0, 0.9, 0.7), "output": {"type": "Output", "shape": np.array([3])}}


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    return write_graph(tmp_path / "net.nir", nodes_of_blobs())


@pytest.fixture
def imported(graph: Path, tmp_path: Path, run_cli: Callable) -> Path:
    run = tmp_path / "runs" / "theirs"
    result = run_cli("import-nir", graph, "-o", run, "--dt-us", 10_000, "--classes", "down,left,right",
                     "--written-by", "snntorch")
    assert result.code == 0, result.err
    assert "conv 4, dense 3" in result.out
    assert "reset" in result.err
    return run


def test_the_folder_is_whole_and_its_network_is_that_of_the_graph(imported: Path, graph: Path) -> None:
    assert {path.name for path in imported.iterdir()} == {"model.safetensors", "config.yaml", "card.json", "run.json"}
    run, network = load_run(imported), read_nir(graph).build()
    for name, value in network.state_dict().items():
        assert torch.equal(run.model.state_dict()[name], value), name
    torch.manual_seed(0)
    spikes = (torch.rand(50, 3, 2, 16, 16) < 0.2).float()
    wanted = network(spikes)[0]
    assert 0 < int(wanted.sum()) < wanted.numel()
    assert torch.equal(run.model(spikes)[0], wanted)
    origin = run.card["imported"]
    assert origin["file"] == "net.nir"
    assert origin["written_by"] == "snntorch"
    assert run.record["imported"] == origin
    assert str(imported.parent) not in (imported / "run.json").read_text()
    assert run.card["metrics"] == {}
    assert (run.card["dt_us"], run.card["window_us"], run.card["readout_us"]) == (10_000, 100_000, 300_000)


def test_it_decides_and_is_listed(imported: Path, blob_store: Path, run_cli: Callable) -> None:
    clip = open_store(blob_store).clips[0]
    result = run_cli("predict", imported, clip.path)
    assert result.code == 0, result.err
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert len(rows) == 3
    assert {row["label"] for row in rows} <= set(CLASSES)
    listed = run_cli("ls", "--runs", imported.parent)
    assert listed.code == 0
    assert "theirs" in listed.out
    assert "snn" in listed.out


def test_it_is_tested_on_everyone_by_force_alone(imported: Path, blob_store: Path, tmp_path: Path,
                                                 run_cli: Callable) -> None:
    assert run_cli("evaluate", imported).code == 2
    refused = run_cli("evaluate", imported, "--data", blob_store)
    assert refused.code == 1
    assert "imported" in refused.err
    assert "--force" in refused.err
    result = run_cli("evaluate", imported, "--data", blob_store, "--force", "--json", tmp_path / "found.json")
    assert result.code == 0, result.err
    assert "may have been trained on them" in result.out
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["metrics"]["clip"]["subjects"] == 6
    assert found["metrics"]["clip"]["samples"] == 36
    assert found["baselines"] == {}
    assert found["data"]["same_as_training"] is None
    assert found["operations"]["per_decision"] > 0
    nobody = run_cli("evaluate", imported, "--data", blob_store, "--force", "--split", "validation")
    assert nobody.code == 1
    assert "validation" in nobody.err


def test_step_and_time_constants_from_the_graph_itself(tmp_path: Path, run_cli: Callable) -> None:
    graph = write_graph(tmp_path / "net.nir", nodes_of_blobs(), metadata={"dt_us": 3000, "reset": "zero"})
    result = run_cli("import-nir", graph, "-o", tmp_path / "run", "--classes", "a,b,c")
    assert result.code == 0, result.err
    assert result.err == ""
    card = load_run(tmp_path / "run").card
    assert (card["dt_us"], card["window_us"], card["readout_us"]) == (3000, 102_000, 300_000)  # whole steps


def test_decays_of_each_channel_survive_the_folder(tmp_path: Path, run_cli: Callable) -> None:
    nodes = nodes_of_blobs()
    nodes["dn"] = cuba((3,), np.array([0.1, 0.5, 0.9]), np.array([0.3, 0.6, 0.99]))
    graph = write_graph(tmp_path / "net.nir", nodes)
    result = run_cli("import-nir", graph, "-o", tmp_path / "run", "--classes", "a,b,c", "--dt-us", 1000)
    assert result.code == 0, result.err
    assert "each channel" in result.out
    layers = load_run(tmp_path / "run").model.spiking_layers()  # type: ignore[operator]
    np.testing.assert_allclose(layers[1].alpha.detach(), [0.1, 0.5, 0.9], atol=1e-6)
    np.testing.assert_allclose(layers[0].beta.detach(), [0.8] * 4, atol=1e-6)


def test_a_flat_input_asks_for_its_size(tmp_path: Path, run_cli: Callable) -> None:
    nodes = {"input": {"type": "Input", "shape": np.array([512])},
             "d": {"type": "Linear", "weight": np.ones((2, 512), np.float32)}, "dn": cuba((2,)),
             "output": {"type": "Output", "shape": np.array([2])}}
    words = ("import-nir", write_graph(tmp_path / "net.nir", nodes), "-o", tmp_path / "run", "--classes", "a,b",
             "--dt-us", 1000)
    refused = run_cli(*words)
    assert refused.code == 2
    assert "16 fits" in refused.err
    assert run_cli(*words, "--size-px", 8).code == 1
    result = run_cli(*words, "--size-px", 16)
    assert result.code == 0, result.err
    assert load_run(tmp_path / "run").card["size_px"] == 16


def test_everything_wrong_is_told_together_and_no_folder_is_left(graph: Path, tmp_path: Path,
                                                                 run_cli: Callable) -> None:
    result = run_cli("import-nir", graph, "-o", tmp_path / "run", "--classes", "a,a")
    assert result.code == 2
    assert "classes: got a, a; need 3" in result.err
    assert "dt_us: the graph does not say" in result.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("more", "what"), [
    (("--classes", ","), "--classes"), (("--written-by", "lava"), "unknown writer"), (("--graph-dt", 0), "above 0"),
    (("--decision-us", 1500), "divide"), (("--readout-us", 1500), "divide"), (("--dt-us", 0), "dt-us")])
def test_wrong_options(more: tuple[object, ...], what: str, graph: Path, tmp_path: Path, run_cli: Callable) -> None:
    result = run_cli("import-nir", graph, "-o", tmp_path / "run", "--classes", "a,b,c", "--dt-us", 1000, *more)
    assert result.code == 2
    assert what in result.err
    assert not (tmp_path / "run").exists()


def test_a_graph_outside_the_grammar_or_no_graph_at_all(tmp_path: Path, run_cli: Callable) -> None:
    nodes = nodes_of_blobs()
    nodes["c"]["bias"] = np.ones(4)
    nodes["pool"] = {"type": "AvgPool2d"}
    graph = write_graph(tmp_path / "net.nir", nodes, chain(nodes_of_blobs()))
    result = run_cli("import-nir", graph, "-o", tmp_path / "run", "--classes", "a,b,c", "--dt-us", 1000)
    assert result.code == 1
    assert "c: bias" in result.err
    assert "pool: AvgPool2d" in result.err
    graph.write_bytes(b"nothing")
    result = run_cli("import-nir", graph, "-o", tmp_path / "run", "--classes", "a,b,c", "--dt-us", 1000)
    assert result.code == 1
    assert not (tmp_path / "run").exists()


def test_an_input_that_no_face_crop_is(tmp_path: Path, run_cli: Callable) -> None:
    nodes = nodes_of_blobs()
    nodes["input"]["shape"] = np.array([3, 16, 16])
    nodes["c"]["weight"] = np.ones((4, 3, 3, 3), np.float32)
    graph = write_graph(tmp_path / "net.nir", nodes)
    result = run_cli("import-nir", graph, "-o", tmp_path / "run", "--classes", "a,b,c", "--dt-us", 1000)
    assert result.code == 2
    assert "(3, 16, 16)" in result.err


def test_another_run_is_replaced_when_asked_and_other_files_never(imported: Path, graph: Path, tmp_path: Path,
                                                                  run_cli: Callable) -> None:
    words = ("import-nir", graph, "--classes", "x,y,z", "--dt-us", 1000)
    before = (imported / "card.json").read_bytes()
    refused = run_cli(*words, "-o", imported)
    assert refused.code != 0
    assert "--overwrite" in refused.err
    assert (imported / "card.json").read_bytes() == before
    assert run_cli(*words, "-o", imported, "--overwrite").code == 0
    assert load_run(imported).card["classes"] == ["x", "y", "z"]
    assert run_cli(*words, "-o", tmp_path, "--overwrite").code == 1
    assert graph.exists()
