"""ONNX files: onnxruntime answers what torch does, window by window, and what cannot be said is refused.

Numbers are compared within 1e-5: both sum in single precision, in another order.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from neurofer.config import load_config
from neurofer.data.crop import crop_resize
from neurofer.data.store import open_store
from neurofer.errors import BadFileError, MissingExtraError, NeuroferError, UsageError
from neurofer.events.open import open_recording
from neurofer.hardware import onnx as exported
from neurofer.hardware.onnx import write_onnx
from neurofer.models.build import build_ann, build_snn
from neurofer.models.resnet import ResNet18, SewResNet18
from neurofer.represent import build_representation
from neurofer.stream.predictor import Predictor
from neurofer.train.ann import pictures_to_network
from neurofer.train.config import TrainConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

CLOSE = {"rtol": 0, "atol": 1e-5}
KINDS: dict[str, dict[str, Any]] = {
    "three windows": {}, "frame model": {"context_windows": 1, "lstm_layers": 0},
    "one window, LSTM": {"context_windows": 1}, "five windows, three layers": {"context_windows": 5, "lstm_layers": 3},
    "scale": {"front": "scale", "channels": 2}, "est": {"front": "est", "channels": 20, "front_bins": 3},
}
Arrays = dict[str, NDArray[np.float32]]


@torch.no_grad()
def lively(model: nn.Module) -> nn.Module:
    """Numbers unlike those of a fresh network, so that answers depend on what is seen."""
    for name, module in model.named_modules():
        if name in ("lstm", "head.0", "head.3"):
            for weight in module.parameters():
                weight.mul_(3)
        if isinstance(module, nn.BatchNorm2d):
            module.weight.uniform_(0.5, 1.5)
            module.running_mean.uniform_(-0.1, 0.1)  # type: ignore[union-attr]
            module.running_var.uniform_(0.005, 0.02)  # type: ignore[union-attr]
    return model.eval()


def run_of(model: nn.Module, **card: Any) -> Any:
    card = {"classes": ["happy", "sad", "angry"], "size_px": 16, "channels": 3, "window_us": 33_333,
            "context_windows": 3, "representation": {"kind": "tie", "settings": {}}, "digest": "0" * 64,
            "licence": "Apache-2.0", **card}
    return SimpleNamespace(path=Path("runs/ann"), card=card, model=model)


def ann(**settings: Any) -> Any:
    torch.manual_seed(0)
    return run_of(lively(build_ann(3, 16, **{"channels": 3, "width": 0.125, **settings})))


def session_of(path: Path) -> Any:
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def answers(session: Any, **inputs: NDArray[np.float32]) -> Arrays:
    names = [one.name for one in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def stream(session: Any, pictures: NDArray[np.float32]) -> tuple[Arrays, Arrays]:
    """Answers to each window and the state after the last, begun with a state of zeros."""
    state = {one.name: np.zeros((len(pictures), *one.shape[1:]), np.float32) for one in session.get_inputs()[1:]}
    steps = []
    for window in range(pictures.shape[1]):
        steps.append(answers(session, pictures=pictures[:, window:window + 1], **state))
        state = {"state": steps[-1].pop("next_state")} if state else {}
    return {name: np.concatenate([step[name] for step in steps], 1) for name in steps[0]}, state


def some_pictures(batch: int, windows: int, channels: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-1, 1, (batch, windows, channels, 16, 16)).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_of_windows_equals_torch(kind: str, batch: int, tmp_path: Path) -> None:
    run, path = ann(**KINDS[kind]), tmp_path / "net.onnx"
    check = write_onnx(run, path)
    pictures = some_pictures(batch, 9, KINDS[kind].get("channels", 3))
    found, state = stream(session_of(path), pictures)
    with torch.inference_mode():
        wanted, after = run.model(torch.from_numpy(pictures))
    before = run.model.context_windows - 1  # answers without a whole context are none
    assert wanted[:, :, 0].std() > 0.05  # they depend on what is seen
    np.testing.assert_allclose(found["logits"][:, before:], wanted.numpy(), **CLOSE)
    np.testing.assert_allclose(found["probabilities"][:, before:], torch.softmax(wanted, -1).numpy(), **CLOSE)
    if before:
        np.testing.assert_allclose(state["state"], after.numpy(), **CLOSE)
    assert check is not None
    assert check.decisions == 2 * (before + 2)
    assert check.logit_difference < 1e-5
    assert check.probability_difference < 1e-5


def test_many_windows_at_once_equal_one_after_the_other(tmp_path: Path) -> None:
    write_onnx(ann(), tmp_path / "net.onnx")
    session, pictures = session_of(tmp_path / "net.onnx"), some_pictures(2, 6)
    found, state = stream(session, pictures)
    whole = answers(session, pictures=pictures, state=np.zeros_like(state["state"]))
    np.testing.assert_allclose(whole.pop("next_state"), state["state"], **CLOSE)
    assert set(whole) == {"logits", "probabilities"}
    for name, values in whole.items():
        np.testing.assert_allclose(values, found[name], **CLOSE)


def test_a_network_of_slices_takes_frames(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, path = lively(ResNet18(3, 12, 17, 0.125)), tmp_path / "net.onnx"
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.1, 0.3)
    write_onnx(run_of(model, representation=None, slices={"frames": 6, "events": 2500}), path)
    frames = (np.random.default_rng(1).random((3, 12, 17, 17)) < 0.2).astype(np.float32)
    found = answers(session_of(path), frames=frames)
    with torch.inference_mode():
        wanted = model(torch.from_numpy(frames))
    assert wanted[:, 0].std() > 0.05
    np.testing.assert_allclose(found["logits"], wanted.numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(found["probabilities"].sum(-1), 1, **CLOSE)


def test_a_trained_run_decides_as_predict_does(blob_store: Path, tmp_path: Path) -> None:
    folder = train_recogniser(load_config(TrainConfig, None, [
        "backend=ann", f"data='{blob_store}'", f"out='{tmp_path / 'run'}'", "model.size_px=16", "model.width=0.125",
        "represent.window_us=50000", "train.batch=8", "train.epochs=1", "train.threads=1", "augment.flip=0",
        "augment.rotate_deg=0"]))
    run, clip = load_run(folder), open_store(blob_store).clips[0]
    write_onnx(run, tmp_path / "net.onnx")
    session = session_of(tmp_path / "net.onnx")
    said = json.loads(session.get_modelmeta().custom_metadata_map["representation"])
    representation = build_representation(said["kind"], **said["settings"])
    with open_recording(clip.path) as recording:
        wanted = [decision.probabilities for decision in Predictor(run).decide(recording, clip.box)]
        rows = [crop_resize(representation(window.events, window[:2], origin_us=recording.start_us), clip.box, 16)
                for window in recording.windows(50_000)]
    found, _ = stream(session, pictures_to_network(np.stack(rows)[None]).numpy())
    assert len(wanted) >= 2
    np.testing.assert_allclose(found["probabilities"][0, 2:][:len(wanted)], wanted, **CLOSE)


def test_the_file_says_what_it_is_and_is_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    write_onnx(ann(), path)
    first = path.read_bytes()
    write_onnx(ann(), path)
    assert path.read_bytes() == first
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert (model.producer_name, model.ir_version) == ("neurofer", 8)
    assert [(one.domain, one.version) for one in model.opset_import] == [("", 17)]
    said = {one.key: one.value for one in model.metadata_props}
    assert json.loads(said.pop("classes")) == ["happy", "sad", "angry"]
    assert json.loads(said.pop("representation")) == {
        "kind": "tie", "settings": {}, "dtype": "uint8", "empty_value": 0.0, "to_network": "value / 127.5 - 1"}
    assert said == {"format": "neurofer-onnx", "version": "1", "size_px": "16", "channels": "3", "window_us": "33333",
                    "context_windows": "3", "digest": "0" * 64, "licence": "Apache-2.0"}
    assert "encoder.blocks.0.conv.weight" in {one.name for one in model.graph.initializer}
    inputs = {one.name: one.shape for one in session_of(path).get_inputs()}
    assert inputs == {"pictures": ["batch", "windows", 3, 16, 16], "state": ["batch", 2, 64]}


def test_spiking_networks_go_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"runs/ann: .*--target loihi1, loihi2 or nir"):
        write_onnx(run_of(build_snn(3, 16, "tiny")), tmp_path / "net.onnx")
    with pytest.raises(UsageError, match="sew_resnet18 .* no target"):
        write_onnx(run_of(SewResNet18(3, 2, 0.0, 16, 0.125)), tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_card_that_does_not_say_how_pictures_are_made_is_refused(tmp_path: Path) -> None:
    run = ann()
    del run.card["representation"]
    with pytest.raises(BadFileError, match=r"runs/ann: its card\.json .*'representation'"):
        write_onnx(run, tmp_path / "net.onnx")


@pytest.mark.parametrize(("fault", "message"), [("TOLERANCE", "differs from torch by .* in logits"),
                                                ("_of_runtime", r"cannot run the network \(no such operator\)")])
def test_what_onnxruntime_answers_differently_is_not_written(fault: str, message: str, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setattr(exported, fault, -1.0 if fault == "TOLERANCE" else fail)
    path = tmp_path / "net.onnx"
    path.write_text("an earlier file")
    with pytest.raises(NeuroferError, match=rf"net\.onnx: was not written, as onnxruntime .* {message}"):
        write_onnx(ann(), path)
    assert path.read_text() == "an earlier file"


def test_without_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert write_onnx(ann(), tmp_path / "net.onnx") is None
    assert (tmp_path / "net.onnx").stat().st_size > 100_000
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'neurofer\[onnx\]'"):
        write_onnx(ann(), tmp_path / "other.onnx")
