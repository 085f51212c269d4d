"""``neurofer prepare own``: from a folder of recordings and a table to a trained network."""

from __future__ import annotations

import numpy as np

from neurofer.events import Events, write_recording


def recordings(folder):
    """Four people; the happy ones move up, the others down."""
    folder.mkdir()
    rows = ["file,label,subject"]
    for person in range(4):
        for label in ("happy", "sad"):
            t = np.arange(4000) * 100
            y = t // 10_000 if label == "sad" else 39 - t // 10_000
            x = np.random.default_rng(person).integers(8, 32, 4000)
            write_recording(folder / f"{person}-{label}.npz", Events(t, x, y, t % 200 == 0, (40, 40)))
            rows.append(f"{person}-{label}.npz,{label},person{person}")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_table_becomes_a_store_that_train_takes(run_cli, tmp_path):
    root, store = recordings(tmp_path / "mine"), tmp_path / "store"
    made = run_cli("prepare", "own", "--root", root, "--table", root / "clips.csv", "--out", store, "--workers", "1")
    assert made.code == 0, made.err
    assert "prepared 8 of 8 clips of 4 subjects, 2 classes" in made.out
    trained = run_cli("train", "--backend", "snn", "--data", store, "--out", tmp_path / "run", "train.epochs=1")
    assert trained.code == 0, trained.err
    assert (tmp_path / "run" / "card.json").is_file()


def test_a_wrong_table_ends_with_1_and_a_wrong_option_with_2(run_cli, tmp_path):
    root = recordings(tmp_path / "mine")
    (root / "clips.csv").write_text("file,emotion,subject\n0-sad.npz,sad,a\n")
    words = ("prepare", "own", "--root", root, "--table", root / "clips.csv", "--out", tmp_path / "store")
    wrong = run_cli(*words)
    assert wrong.code == 1
    assert "lacks the column label" in wrong.err
    assert run_cli(*words, "--mode", "trust").code == 2
    assert run_cli(*words, "--sensor", "40").code == 2
    assert not (tmp_path / "store").exists()
