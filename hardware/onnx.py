"""Ordinary networks as ONNX files for any runtime: state goes in and comes out, and the file says what it takes.

The file is checked before it takes its place: by ``onnx`` for its form, and, where onnxruntime is installed, by running
a made-up stream of windows through it and through torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import BadFileError, NeuroferError, UsageError, missing_extra
from neurofer.files import atomic_path
from neurofer.hardware.onnx_graph import Graph
from neurofer.hardware.onnx_layers import classifier_graph, resnet_graph

if TYPE_CHECKING:
    from torch import nn

    from neurofer.train.run_folder import Run

FORMAT = "neurofer-onnx"
VERSION = 1

TOLERANCE = 1e-4
"""Of logits, probabilities and state, in parts of the largest of each (at least of 1). Single precision, summed in
another order, leaves 1e-8 to 1e-5 after an encoder and an LSTM; a wrong operator leaves tenths."""

_Arrays = dict[str, NDArray[np.float32]]


class OnnxCheck(NamedTuple):
    """What onnxruntime answered beside torch.

    Attributes:
        runtime: Version of onnxruntime.
        decisions: Compared.
        logit_difference: Largest difference of a logit.
        probability_difference: Largest difference of a probability.
    """

    runtime: str
    decisions: int
    logit_difference: float
    probability_difference: float


def write_onnx(run: Run, path: Path | str) -> OnnxCheck | None:
    """Write the network of an ANN run as an ONNX file, in one step; the same run gives the same bytes.

    A network that decides from windows takes ``pictures`` and ``state`` and gives ``logits``, ``probabilities`` and
    ``next_state`` (see ``neurofer.hardware.onnx_layers.classifier_graph``); one that sees slices of a whole clip takes
    ``frames``. The metadata says classes, how pictures are made, and whose weights these are.

    Returns:
        How onnxruntime and torch compared; None where onnxruntime is not installed.

    Raises:
        MissingExtraError: ``onnx`` is not installed.
        UsageError: a spiking network.
        BadFileError: the card does not say how pictures are made, or the place cannot be written.
        NeuroferError: onnxruntime answers differently, or not at all.
    """
    graph = _graph_of(run)
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise missing_extra("ONNX files", "onnx", error) from error
    content = graph.model("neurofer", _metadata(run)).SerializeToString(deterministic=True)
    found = _checked(run.model, graph, content, path)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return found


def _graph_of(run: Run) -> Graph:
    from neurofer.models.recurrent import SequenceClassifier
    from neurofer.models.resnet import ResNet18, SewResNet18

    if isinstance(run.model, SequenceClassifier):
        return classifier_graph(run.model)
    if isinstance(run.model, ResNet18):
        return resnet_graph(run.model)
    if isinstance(run.model, SewResNet18):
        raise UsageError(f"{run.path}: sew_resnet18 is for training and GPUs, and no target takes it; export another "
                         "run")
    raise UsageError(f"{run.path}: is a spiking network, whose neurons are no operators of ONNX; a spiking network "
                     "goes to --target loihi1, loihi2 or nir")


def _metadata(run: Run) -> dict[str, str]:
    """What the file says of itself, ready for anyone who has nothing else."""
    card = run.card
    try:
        said: dict[str, Any] = {"format": FORMAT, "version": VERSION, "classes": card["classes"],
                                "size_px": card["size_px"], "channels": card["channels"]}
        if (recipe := card["representation"]) is not None:
            said |= {"representation": _recipe(recipe), "window_us": card["window_us"],
                     "context_windows": card["context_windows"]}
        else:
            said["slices"] = card["slices"]
    except (KeyError, TypeError, ValueError) as error:
        raise BadFileError(f"{run.path}: its card.json does not say how to prepare the input ({error}); copy the "
                           "folder again, or train it again") from error
    said |= {"digest": card.get("digest"), "licence": card.get("licence")}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in said.items()
            if value is not None}


def _recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Kind and settings of a representation, what an empty pixel of it is, and how its numbers become the input."""
    from neurofer.represent import build_representation

    representation = build_representation(recipe["kind"], **recipe["settings"])
    as_bytes = representation.dtype == np.uint8
    return {**recipe, "empty_value": representation.empty_value, "dtype": representation.dtype.name,
            "to_network": "value / 127.5 - 1" if as_bytes else "value"}


def _checked(model: nn.Module, graph: Graph, content: bytes, path: Path | str) -> OnnxCheck | None:
    """Compare with onnxruntime, if it is there.

    Raises:
        NeuroferError: it answers differently, or not at all.
    """
    try:
        import onnxruntime
    except ImportError:
        return None
    who = f"onnxruntime {onnxruntime.__version__}"
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors, which are raised as well
    given = _made_up(graph)
    wanted = _of_torch(model, given)
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        found = _of_runtime(session, graph, given)
    except Exception as error:  # its errors have no class in common
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise NeuroferError(f"{path}: was not written, as {who} cannot run the network ({why[:200]}); update "
                            "onnxruntime and export again") from error
    for name, values in wanted.items():
        off = float(np.abs(found[name] - values).max()) / max(1.0, float(np.abs(values).max()))
        if not off <= TOLERANCE:
            raise NeuroferError(f"{path}: was not written, as {who} differs from torch by {off:.2g} in {name}, and "
                                f"rounding by {TOLERANCE:g} at most; update onnxruntime and export again")
    logits, probabilities = (float(np.abs(found[name] - wanted[name]).max()) for name in ("logits", "probabilities"))
    return OnnxCheck(onnxruntime.__version__, wanted["logits"][..., 0].size, logits, probabilities)


def _made_up(graph: Graph) -> NDArray[np.float32]:
    """Pictures of a few recordings, twice as many windows as a decision needs, or frames; the same in every run."""
    axes = next(iter(graph.inputs.values()))
    sizes = {"batch": 2, "windows": 2 * (1 + _windows_before(graph))}
    shape = [sizes[axis] if isinstance(axis, str) else axis for axis in axes]
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


def _windows_before(graph: Graph) -> int:
    return int(graph.inputs["state"][1]) if "state" in graph.inputs else 0


def _of_torch(model: nn.Module, given: NDArray[np.float32]) -> _Arrays:
    import torch

    with torch.inference_mode():
        out = model(torch.from_numpy(given))
        logits, state = out if isinstance(out, tuple) else (out, None)
        found = {"logits": logits.numpy(), "probabilities": torch.softmax(logits, -1).numpy()}
        return found if state is None or not state.numel() else {**found, "next_state": state.numpy()}


def _of_runtime(session: Any, graph: Graph, given: NDArray[np.float32]) -> _Arrays:
    """Window by window, the state handed on from zeros; what comes before the first whole context is left out."""
    names = list(graph.outputs)
    if "pictures" not in graph.inputs:
        return dict(zip(names, session.run(names, {"frames": given}), strict=True))
    before, state, steps = _windows_before(graph), {}, []
    if before:
        _, *sizes = graph.inputs["state"]  # the first is that of the batch
        state = {"state": np.zeros((len(given), *(int(size) for size in sizes)), np.float32)}
    for window in range(given.shape[1]):
        inputs = {"pictures": given[:, window:window + 1], **state}
        steps.append(dict(zip(names, session.run(names, inputs), strict=True)))
        if before:
            state = {"state": steps[-1]["next_state"]}
    answers = {name: np.concatenate([step[name] for step in steps[before:]], axis=1)
               for name in ("logits", "probabilities")}
    return {**answers, "next_state": state["state"]} if before else answers
