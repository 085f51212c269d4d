"""The encoder of a pre-training in a recogniser: whether it fits, whom it has seen, what becomes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurofer.data.clip import ClipSet
from neurofer.data.partition import Partition
from neurofer.data.splits import Part
from neurofer.errors import BadFileError, NeuroferError, UsageError, name_some
from neurofer.files import file_digest, read_json
from neurofer.spiking.network import SpikingNetwork
from neurofer.train.ann import ENCODER_PARTS, sequence_classifier
from neurofer.train.config import RepresentConfig, SnnConfig, TrainConfig
from neurofer.train.data import partition_of
from neurofer.train.pretrain_config import SpikingGeneratorConfig
from neurofer.train.run_folder import read_card
from neurofer.train.spiking_encoder import encoder_depth, encoder_settings, refuse_mode

_SHOWN = 20


@dataclass(frozen=True)
class PretrainedEncoder:
    """An encoder that learned to draw faces.

    Attributes:
        run: Folder of the pre-training.
        state: Weights of the generator's encoder, and of what stands before it; names begin with ``encoder.`` or
            ``front.``.
        card: ``card.json`` of the pre-training.
        record: Its ``run.json``; empty where only the model was copied.
        epoch: Epoch of the weights; None for the last.
        digest: SHA-256 of the weights.
    """

    run: Path
    state: dict[str, Tensor]
    card: dict[str, Any]
    record: dict[str, Any]
    epoch: int | None
    digest: str

    @property
    def subjects(self) -> tuple[str, ...]:
        """Everybody whose faces set the weights, sorted: by the card and by the record."""
        return tuple(sorted({*_names(self.card, "subjects"), *_names(self.record, "seen_subjects")}))

    @property
    def clips(self) -> frozenset[str]:
        """The clips that set the weights, by the record; none without one."""
        return frozenset(_names(self.record, "seen_clips"))

    def said(self) -> dict[str, Any]:
        """Where the encoder came from, for the record of a run; no path."""
        return {"digest": self.digest, "epoch": self.epoch or self.record.get("epochs"), "run": self.run.name,
                "data": self.card.get("data"), "subjects": list(self.subjects)}


def load_encoder(run: Path | str, epoch: int | None = None) -> PretrainedEncoder:
    """The encoder in the run folder of a pre-training, after a check that its files are those that were written.

    Args:
        run: The folder.
        epoch: A kept epoch; the last weights by default.

    Raises:
        BadFileError: no such folder, no pre-training, an epoch that was not kept (the kept ones are named), or a
            missing, altered or broken file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(run)
    if not folder.is_dir():
        raise BadFileError(f"{folder}: no such pre-training; 'neurofer pretrain --out {folder}' makes one")
    card = read_card(folder)
    if card.get("task") != "reconstruct":
        raise BadFileError(f"{folder}: its task is {card.get('task')}, so it holds no pre-trained encoder; "
                           "name a run of 'neurofer pretrain'")
    name = "model.safetensors" if epoch is None else f"epochs/{epoch:04d}.safetensors"
    if not (folder / name).exists():
        there = sorted(path.stem.lstrip("0") for path in folder.glob("epochs/*.safetensors"))
        kept = f"it kept {', '.join(there)}" if there else "it kept none but the last, which needs no encoder_epoch"
        raise BadFileError(f"{folder / name}: missing; {kept}")
    files = card.get("files")
    for file in (name, "run.json"):
        written = files.get(file) if isinstance(files, dict) else None
        if written is not None and (folder / file).exists() and file_digest(folder / file) != written:
            raise BadFileError(f"{folder / file}: was altered after training (its SHA-256 is not the card's); "
                               "copy the folder again, or train it again")
    try:
        weights = load_file(folder / name)
    except (SafetensorError, OSError) as error:
        raise BadFileError(f"{folder / name}: cannot be read ({str(error).splitlines()[0]}); "
                           "copy the folder again, or train it again") from error
    state = {key: value for key, value in weights.items() if key.startswith(ENCODER_PARTS)}
    if not state:
        raise BadFileError(f"{folder / name}: holds no encoder (no weight is called encoder.*); "
                           "copy the folder again, or train it again")
    try:
        record = read_json(folder / "run.json") if (folder / "run.json").exists() else {}
    except (OSError, ValueError) as error:
        raise BadFileError(f"{folder / 'run.json'}: cannot be read ({error}); copy the folder again, or train it again"
                           ) from error
    return PretrainedEncoder(folder, state, card, record if isinstance(record, dict) else {}, epoch,
                             weights_digest(state))


def check_transfer(config: TrainConfig, pretrained: PretrainedEncoder, partition: Partition, clip_set: ClipSet) -> None:
    """Refuse an encoder that does not fit a run, or that has seen whom the run may not have seen.

    Nobody whose clips choose the epoch or are tested may have been seen in pre-training. Where the protocol itself
    shares subjects (``split.kind=paper``), no test clip may have been.

    Args:
        config: The run.
        pretrained: From ``load_encoder``.
        partition: The run's parts, with all training labels.
        clip_set: Its clips.

    Raises:
        NeuroferError: it does not fit; all reasons together.
        UsageError: an unknown representation or setting of the run.
    """
    problems = [*_differences(config, pretrained.card), *_seen(config, pretrained, partition, clip_set)]
    if problems:
        raise NeuroferError("\n  - ".join((f"model.encoder_from={pretrained.run} does not fit this run:", *problems)))


def wanted_encoder(config: TrainConfig, clip_set: ClipSet) -> PretrainedEncoder | None:
    """The checked encoder that a run starts from; None for ``scratch``.

    Raises:
        UsageError: an unknown representation, or a mode that the network does not have.
        NeuroferError: it does not fit, or the data set cannot be split.
        BadFileError: its folder cannot be used.
    """
    refuse_mode(config)
    if config.model.encoder_from is None:
        return None
    found = load_encoder(config.model.encoder_from, config.model.encoder_epoch)
    check_transfer(config, found, partition_of(config.split, clip_set, config.parity.best_on_test), clip_set)
    return found


def take_encoder(model: nn.Module, pretrained: PretrainedEncoder, config: TrainConfig) -> None:
    """Put the weights into a fresh network; for ``linear``, keep them as they are from now on.

    Of a spiking network, ``start_rates`` scales the other layers and keeps these.

    Raises:
        BadFileError: they are not of the size that the card says.
    """
    if isinstance(model, SpikingNetwork):
        _take_layers(model, pretrained, encoder_depth(model, config.snn))
        return
    network = sequence_classifier(model)
    own = {name: value.shape for name, value in network.state_dict().items() if name.startswith(ENCODER_PARTS)}
    _require_shapes(own, pretrained)
    network.load_state_dict(pretrained.state, strict=False)
    if config.model.mode == "linear":
        network.freeze_encoder(normalise_by_batch=config.parity.bn_train)


def _take_layers(network: SpikingNetwork, pretrained: PretrainedEncoder, depth: int) -> None:
    layers = {f"encoder.layers.{number}.{name}": value for number, layer in enumerate(network.spiking_layers()[:depth])
              for name, value in layer.named_parameters()}
    _require_shapes({name: value.shape for name, value in layers.items()}, pretrained)
    network.load_state_dict({name.removeprefix("encoder."): value for name, value in pretrained.state.items()},
                            strict=False)


def _require_shapes(own: Mapping[str, torch.Size], pretrained: PretrainedEncoder) -> None:
    found = {name: value.shape for name, value in pretrained.state.items()}
    other = sorted(name for name in {*own, *found} if own.get(name) != found.get(name))
    if other:
        raise BadFileError(f"{pretrained.run}: its encoder is not what its card says ({other[0]} and {len(other) - 1} "
                           "more weights are missing or of another shape); copy the folder again, or train it again")


def weights_digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 of the weights that make an embedding of a picture, by name; others are left out."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        if name.startswith(ENCODER_PARTS):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)} ".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _differences(config: TrainConfig, card: Mapping[str, Any]) -> list[str]:
    backend = card.get("backend") or "ann"
    if backend != config.backend:
        return [f"backend is {config.backend}, in pre-training it was {backend}"]
    if config.backend == "snn":
        return _spiking_differences(config.snn, card)
    said, channels = _recipe(RepresentConfig(kind=config.represent.kind, settings=config.represent.settings))
    pairs: tuple[tuple[str, Any, Any], ...] = (
        ("model.size_px", config.model.size_px, card.get("size_px")),
        ("model.width", config.model.width, card.get("width")),
        ("channels", channels, card.get("channels")),
        ("represent", said, _recipe_of_card(card.get("representation"))),
        ("represent.window_us", config.represent.window_us, card.get("window_us")),
    )
    return [f"{name} is {here}, in pre-training it was {before}" for name, here, before in pairs if here != before]


def _spiking_differences(snn: SnnConfig, card: Mapping[str, Any]) -> list[str]:
    try:
        before = encoder_settings(SpikingGeneratorConfig.model_validate(card.get("snn")).of_recogniser())
    except (UsageError, ValueError) as error:
        return [f"its card does not say what its encoder is ({str(error).splitlines()[0]}); pre-train again"]
    here = encoder_settings(snn)
    return [f"{name} is {here[name]}, in pre-training it was {before[name]}"
            for name in here if here[name] != before[name]]


def _seen(config: TrainConfig, pretrained: PretrainedEncoder, partition: Partition, clip_set: ClipSet) -> list[str]:
    if not pretrained.subjects:
        return ["its records do not say whom it has seen; pre-train again"]
    problems, named = [], set()
    if config.split.kind != "paper":
        learned_here = set(partition.subjects(clip_set, "train"))
        parts: tuple[Part, ...] = ("test", "validation")
        for part in parts:
            seen = (set(partition.subjects(clip_set, part)) - learned_here) & set(pretrained.subjects)
            named |= seen
            if seen:
                problems.append(f"{part} subjects were seen in pre-training: {name_some(sorted(seen), _SHOWN)}; "
                                "pre-train with the same split")
    elif not pretrained.clips:
        problems.append("its records do not say which clips it has seen, which split.kind=paper needs; "
                        "pre-train with split.kind=paper")
    clips = pretrained.clips & set(partition.test)
    seen = {clip.name for clip in clip_set.clips if clip.name in clips and clip.subject not in named}
    if seen:
        problems.append(f"test clips were seen in pre-training: {name_some(sorted(seen), _SHOWN)}; "
                        "pre-train with the same split")
    return problems


def _names(said: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = said.get(key)
    return tuple(str(name) for name in names) if isinstance(names, list) else ()



def _recipe(represent: RepresentConfig) -> tuple[str, int]:
    """A representation with its defaults spelled out, and its channels."""
    from neurofer.represent import build_representation

    try:
        built = build_representation(represent.kind, **represent.settings)
    except (TypeError, ValueError) as error:
        raise UsageError(f"represent: {error}") from error
    return repr(built), built.channels


def _recipe_of_card(said: Any) -> str:
    try:
        return _recipe(RepresentConfig.model_validate(said))[0]
    except (UsageError, ValueError):
        return str(said)
