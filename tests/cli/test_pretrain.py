"""``neurofer pretrain`` on blobs: what it prints, and what it refuses."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

SMALL = ("model.size_px=16", "model.width=0.125", "represent.window_us=50000", "train.epochs=1", "train.sheet_every=0",
         "train.held_out_pairs=4")


def test_it_prints_the_scores_and_what_comes_next(run_cli: Callable, framed_store: Path, tmp_path: Path) -> None:
    out = tmp_path / "gan"
    words = ("--data", framed_store, "--out", out, "--cache", tmp_path / "cache", "--seed", 3, *SMALL)
    result = run_cli("pretrain", *words)
    assert result.code == 0, result.err
    card = json.loads((out / "card.json").read_text())
    lines = result.out.splitlines()
    assert lines[0].startswith(f"{out}: 1 epochs, {card['parameters']['generator']} parameters")
    assert lines[1].split()[:2] == ["held-out", "subjects"]
    assert f"{card['metrics']['held_out']['psnr_db']:.2f}" in lines[3]
    assert f"{card['metrics']['other_embedding']['mae']:.4f}" in lines[4]
    assert f"{card['metrics']['mean_face']['ssim']:.3f}" in lines[5]
    assert lines[6].startswith(f"next: neurofer train model.encoder_from={out} model.mode=finetune ")
    assert lines[6].endswith(f" --data {framed_store} --out {out}-finetune")
    words = lines[6].split()[2:]
    assert {"model.size_px=16", "model.width=0.125", "represent.window_us=50000"} <= set(words)
    tuned = run_cli(*words, "--cache", tmp_path / "cache", "train.epochs=1")
    assert tuned.code == 0, tuned.err
    assert "seed: 3" in (out / "config.yaml").read_text()
    again = run_cli("pretrain", "--out", out, "--resume")
    assert again.code == 0
    assert again.out == result.out
    listed = run_cli("ls", "--runs", tmp_path)
    assert "reconstruct" in listed.out
    assert f"PSNR {card['metrics']['held_out']['psnr_db']:.1f} dB" in listed.out
    refused = run_cli("evaluate", out)
    assert (refused.code, "is a pre-training, which recognises nothing yet" in refused.err) == (1, True)


def test_of_a_spiking_encoder_as_well(run_cli: Callable, framed_store: Path, tmp_path: Path) -> None:
    out, cache = tmp_path / "drawn", ("--cache", tmp_path / "cache")
    layers = "snn.layers=[{kind: conv, outputs: 4, stride: 2}]"
    result = run_cli("pretrain", "--backend", "snn", "--data", framed_store, "--out", out, *cache, "snn.size_px=16",
                     layers, "snn.window_us=80000", "train.epochs=1", "train.sheet_every=0", "train.held_out_pairs=4")
    assert result.code == 0, result.err
    card = json.loads((out / "card.json").read_text())
    assert (card["backend"], card["parameters"]["encoder"]) == ("snn", 4 * 2 * 9 + 2)
    last = result.out.splitlines()[-1]
    assert last.startswith(f"next: neurofer train model.encoder_from={out} model.mode=finetune --backend snn ")
    words = shlex.split(last)[2:]
    assert {"snn.size_px=16"} == {word for word in words if word.startswith("snn.") and "layers" not in word}
    tuned = run_cli(*words, *cache, "train.epochs=1")
    assert tuned.code == 0, tuned.err
    found = run_cli("probe", out, *cache)
    assert found.code == 0, found.err
    assert found.out.splitlines()[-1].split()[:2] == ["conv1", "32"]
    refused = run_cli("pretrain", "--backend", "snn", "--config", "pretrain_synthetic", "--data", "a", "--out", out)
    assert (refused.code, "the configuration is for ann" in refused.err) == (2, True)
    refused = run_cli("pretrain", "--backend", "gan", "--data", "a", "--out", out)
    assert (refused.code, "--backend: need ann or snn, got 'gan'" in refused.err) == (2, True)


def test_a_store_without_frames_is_one_sentence(run_cli: Callable, blob_store: Path, tmp_path: Path) -> None:
    result = run_cli("pretrain", "--data", blob_store, "--out", tmp_path / "gan", *SMALL)
    assert result.code == 1
    assert result.err.startswith("error: data set blobs: keeps no grey frames")
    assert "--frames" in result.err


def test_wrong_words(run_cli: Callable, tmp_path: Path) -> None:
    result = run_cli("pretrain", "train.epocs=1", "--data", "a", "--out", tmp_path)
    assert (result.code, "unknown key train.epocs; did you mean epochs?" in result.err) == (2, True)
    result = run_cli("pretrain", "--resume", "--overwrite")
    assert (result.code, "give one of them" in result.err) == (2, True)
    result = run_cli("pretrain", "seed=1", "--seed", 2)
    assert (result.code, "pretrain: seed is given by --seed and by seed=...; give it once" in result.err) == (2, True)
    result = run_cli("pretrain", "--config", "ann_synthetic", "--data", "a", "--out", tmp_path)
    assert (result.code, "backend" in result.err) == (2, True)
