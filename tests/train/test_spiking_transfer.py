"""A spiking encoder that learned to draw faces in a recogniser: taken over bit by bit, kept or tuned, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from neurofer.config import load_config, shipped_configs
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError, UsageError
from neurofer.evaluate.probe import layer_features
from neurofer.spiking.calibrate import calibrate_rates
from neurofer.spiking.network import SpikingNetwork, preset_layers
from neurofer.train.build import build_recogniser
from neurofer.train.checkpoint import save_weights
from neurofer.train.config import SplitConfig, TrainConfig
from neurofer.train.data import partition_of, prepare
from neurofer.train.pretrain_config import PretrainConfig, SpikingGeneratorConfig
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run, write_card
from neurofer.train.snn import SnnTask, spiking_network
from neurofer.train.spiking_encoder import encoder_depth, encoder_settings, start_rates
from neurofer.train.spiking_gan import build_spiking_gan
from neurofer.train.transfer import load_encoder, take_encoder, wanted_encoder, weights_digest

Make = Callable[..., TrainConfig]
Drawn = Callable[..., Path]


@pytest.fixture
def drawn(blob_store: Path, tmp_path: Path) -> Drawn:
    """``drawn("gan", snn={"encoder": "hidden"}, card={...}, record={...})``: the folder of a finished pre-training.

    Its encoder fits ``small_config("snn")`` and has random weights; it has seen the training part of the split.
    """

    def make(name: str = "gan", *, snn: dict[str, Any] | None = None, card: dict[str, Any] | None = None,
             record: dict[str, Any] | None = None) -> Path:
        folder, clip_set = tmp_path / name, open_store(blob_store)
        folder.mkdir()
        settings = SpikingGeneratorConfig.model_validate(
            {"preset": "tiny", "size_px": 16, "dt_us": 10_000, "decoder_width": 0.125, **(snn or {})})
        torch.manual_seed(3)
        gan = build_spiking_gan(settings)
        with torch.no_grad():
            for layer in gan.spiking.encoder.spiking_layers():
                layer.alpha_logit += 0.25  # as if it had learned
        save_weights(folder / "model.safetensors", gan.generator.state_dict())
        (folder / "config.yaml").write_text("task: reconstruct\n")
        partition = partition_of(SplitConfig(), clip_set)
        subjects, data = list(partition.subjects(clip_set, "train")), {"name": "blobs", "digest": clip_set.digest}
        said = {"format": "neurofer-run", "version": 1, "task": "reconstruct", "data": data, "epochs": 2,
                "seen_subjects": subjects, "seen_clips": list(partition.train)}
        (folder / "run.json").write_text(json.dumps(said | (record or {})))
        write_card(folder, {"task": "reconstruct", "backend": "snn", "snn": settings.model_dump(mode="json"),
                            "data": data, "subjects": subjects, **(card or {})})
        return folder

    return make


def transfer(small_config: Make, gan: Path, mode: str, *words: str) -> TrainConfig:
    return small_config("snn", f"model.mode={mode}", f"model.encoder_from='{gan}'", "train.epochs=1", *words)


def layers_of(folder: Path, prefix: str, count: int) -> dict[str, torch.Tensor]:
    state = load_file(folder / "model.safetensors")
    return {name.removeprefix(prefix): value for name, value in state.items()
            if name.startswith(tuple(f"{prefix}layers.{number}." for number in range(count)))}


def fresh(config: TrainConfig) -> tuple[SnnTask, SpikingNetwork]:
    """Task and network of a run before its first step."""
    clip_set = open_store(Path(str(config.data)))
    prepared = prepare(config, clip_set, None, Path(str(config.data)) / ".cache")
    torch.manual_seed(0)
    network = spiking_network(build_recogniser(config, clip_set.classes, prepared.channels))
    taken = wanted_encoder(config, clip_set)
    if taken is not None:
        take_encoder(network, taken, config)
    assert isinstance(prepared.task, SnnTask)
    start_rates(network, prepared.task.typical_batch().spikes, config)
    return prepared.task, network


@pytest.mark.parametrize("words", [(), ("train.average=0.9",), ("snn.loss=membrane",)])
def test_linear_leaves_the_encoder_bit_by_bit_and_trains_the_rest(small_config: Make, drawn: Drawn,
                                                                  words: tuple[str, ...]) -> None:
    gan = drawn()
    folder = train_recogniser(transfer(small_config, gan, "linear", *words))
    before, after = layers_of(gan, "encoder.", 2), layers_of(folder, "", 2)
    assert before.keys() == after.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    _, network = fresh(transfer(small_config, gan, "linear"))
    assert not torch.equal(network.state_dict()["layers.2.weight"],
                           load_file(folder / "model.safetensors")["layers.2.weight"])


def test_finetune_moves_all_of_it_and_says_where_it_came_from(small_config: Make, drawn: Drawn) -> None:
    gan = drawn()
    folder = train_recogniser(transfer(small_config, gan, "finetune", "model.encoder_lr_scale=0.5"))
    before, after = layers_of(gan, "encoder.", 2), layers_of(folder, "", 2)
    assert not any(torch.equal(value, after[name]) for name, value in before.items())
    run = load_run(folder)
    assert run.card["encoder"] == run.record["encoder"]
    assert run.card["encoder"]["digest"] == weights_digest(load_encoder(gan).state)
    assert (run.card["encoder"]["mode"], run.card["encoder"]["run"]) == ("finetune", "gan")
    assert not set(run.card["encoder"]["subjects"]) & {*run.record["split"]["test"], *run.record["split"]["validation"]}


def test_the_encoder_has_a_rate_of_its_own_on_top_of_that_of_each_layer(small_config: Make, drawn: Drawn) -> None:
    gan = drawn()
    task, network = fresh(transfer(small_config, gan, "finetune", "model.encoder_lr_scale=0.25"))
    groups = task.parameter_groups(network, 0.01)
    scale = {id(value): group["scale"] for group in groups for value in group["params"]}
    assert scale.keys() == {id(value) for value in network.parameters()}
    for number, layer in enumerate(network.spiking_layers()):
        factor = 0.25 if number < 2 else 1.0
        assert scale[id(layer.weight)] == pytest.approx(factor * float(layer.weight.detach().std()))
        assert scale[id(layer.alpha_logit)] == scale[id(layer.beta_logit)] == factor
    task, network = fresh(transfer(small_config, gan, "linear"))
    trained = {id(value) for group in task.parameter_groups(network, 0.01) for value in group["params"]}
    assert trained == {id(value) for value in network.spiking_layers()[2].parameters()}
    task, network = fresh(small_config("snn"))
    assert {group["scale"] for group in task.parameter_groups(network, 0.01)[:-1]} == {
        float(layer.weight.detach().std()) for layer in network.spiking_layers()}


def test_only_fresh_layers_are_scaled_and_random_keeps_what_was(small_config: Make, drawn: Drawn) -> None:
    gan = drawn()
    task, network = fresh(transfer(small_config, gan, "finetune"))
    taken = {name.removeprefix("encoder."): value for name, value in load_encoder(gan).state.items()}
    assert all(torch.equal(network.state_dict()[name], value) for name, value in taken.items())
    rates = calibrate_rates(network, task.typical_batch().spikes, 0.1, first=3)
    assert rates[2] == pytest.approx(0.1, abs=0.02)
    config = small_config("snn", "model.mode=random", "train.epochs=1")
    _, network = fresh(config)
    _, scratch = fresh(small_config("snn"))
    assert all(torch.equal(value, scratch.state_dict()[name]) for name, value in network.state_dict().items())
    kept = layers_of(train_recogniser(config), "", 2)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in kept.items())
    assert [layer.weight.requires_grad for layer in network.spiking_layers()] == [False, False, True]


@pytest.mark.parametrize("where", ["card", "record"])
def test_who_is_tested_must_not_have_been_drawn(small_config: Make, drawn: Drawn, where: str) -> None:
    clip_set = open_store(Path(str(small_config("snn").data)))
    tested = partition_of(SplitConfig(), clip_set).subjects(clip_set, "test")[0]
    everybody = list(clip_set.subjects)
    said = {"card": {"subjects": everybody}} if where == "card" else {"record": {"seen_subjects": everybody}}
    with pytest.raises(NeuroferError, match=f"test subjects were seen in pre-training: {tested}"):
        train_recogniser(transfer(small_config, drawn(**said), "linear"))


def test_all_that_does_not_fit_is_told_together(small_config: Make, drawn: Drawn, pretrained: Drawn) -> None:
    gan = drawn()
    with pytest.raises(NeuroferError) as told:
        train_recogniser(transfer(small_config, gan, "linear", "snn.dt_us=20000", "snn.preset=small",
                                  "snn.learn_theta=true", "snn.alpha=0"))
    lines = str(told.value).splitlines()
    assert lines[0].endswith("does not fit this run:")
    assert lines[1:3] == ["  - snn.dt_us is 20000, in pre-training it was 10000",
                          "  - snn.learn_theta is True, in pre-training it was False"]
    assert lines[3].startswith("  - snn.encoder is conv (conv 12 kernel 5x5 stride 2x2 padding 2x2 dilation 1x1 "
                               "theta 1 alpha 0; conv 24 ")
    assert ", in pre-training it was conv (conv 4 kernel 3x3" in lines[3]
    # Decays are weights, and surrogates no part of what neurons compute.
    assert train_recogniser(transfer(small_config, gan, "linear", "snn.alpha=0.5", "snn.slope=9"))
    with pytest.raises(NeuroferError, match="backend is snn, in pre-training it was ann"):
        train_recogniser(transfer(small_config, pretrained("pictures"), "linear"), overwrite=True)
    with pytest.raises(NeuroferError, match="backend is ann, in pre-training it was snn"):
        train_recogniser(small_config("ann", "model.mode=linear", f"model.encoder_from='{gan}'"), overwrite=True)


@pytest.mark.parametrize("said", [None, 5, {"preset": "huge"}, {"layers": [{"kind": "pool"}]}, {"size_px": 16, "x": 1}])
def test_a_card_of_nonsense_is_told(small_config: Make, drawn: Drawn, said: object) -> None:
    with pytest.raises(NeuroferError, match="its card does not say what its encoder is"):
        train_recogniser(transfer(small_config, drawn(card={"snn": said}), "linear"))


def test_how_far_an_encoder_goes(small_config: Make, drawn: Drawn) -> None:
    network = SpikingNetwork.build(preset_layers("small", 3), (2, 16, 16))
    snn = small_config("snn").snn
    assert encoder_depth(network, snn) == 3
    assert encoder_depth(network, snn.model_copy(update={"encoder": "hidden"})) == 4
    with pytest.raises(UsageError, match="no layer of this network belongs to its encoder; use snn.encoder=hidden"):
        train_recogniser(small_config("snn", "model.mode=random", "snn.layers=[{kind: dense, outputs: 4}]"))
    with pytest.raises(UsageError, match=r"snn.preset=sew_resnet18 is not; use another preset, or model.mode=scratch"):
        train_recogniser(small_config("snn", "model.mode=random", "snn.preset=sew_resnet18", "snn.input=slices"),
                         overwrite=True)
    config = transfer(small_config, drawn(snn={"preset": "small", "encoder": "hidden"}), "linear", "snn.preset=small")
    with pytest.raises(NeuroferError, match=r"snn.encoder is conv \(.*in pre-training it was hidden \("):
        train_recogniser(config, overwrite=True)


def test_the_shipped_pretraining_fits_the_shipped_recogniser() -> None:
    shipped = shipped_configs()
    before = load_config(PretrainConfig, shipped["pretrain_snn_synthetic"])
    after = load_config(TrainConfig, shipped["snn_synthetic"])
    assert before.backend == after.backend == "snn"
    assert encoder_settings(before.snn.of_recogniser()) == encoder_settings(after.snn)


def test_a_layer_is_read_by_the_mean_and_the_maximum_of_its_rates() -> None:
    torch.manual_seed(0)
    network = SpikingNetwork.build(preset_layers("small", 3), (2, 16, 16))
    spikes = (torch.rand(11, 2, 16, 16) < 0.3).float()
    found = layer_features(network, 4, spikes, 5)  # two windows of five steps, and one step over
    assert [len(one) for one in found] == [2 * 12 * 4, 2 * 24 * 4, 2 * 32 * 4, 2 * 64]
    with torch.inference_mode():
        activity, _ = network.activity(spikes[:, None])
    rates = activity[0][:10, 0].reshape(2, 5, 12, 8, 8).mean(1)
    quarter = rates[:, :, 4:, :4].mean((2, 3)).double().numpy()  # bottom left, place 2 of 4
    np.testing.assert_allclose(found[0][2:48:4], quarter.mean(axis=0), atol=1e-6)  # float32 sums
    np.testing.assert_allclose(found[0][48 + 2 :: 4], quarter.max(axis=0), atol=1e-6)
    hidden = activity[3][:10, 0].reshape(2, 5, 64).mean(1).double().numpy()
    np.testing.assert_allclose(found[3][:64], hidden.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("mode", ["linear", "finetune", "random"])
def test_for_a_chip_the_encoder_is_rounded_and_the_chip_fires_the_same(mode: str, drawn: Drawn,
                                                                      small_config: Make) -> None:
    from neurofer.hardware.export import export_chip

    gan = drawn()
    encoder = [] if mode == "random" else [f"model.encoder_from='{gan}'"]
    config = small_config("snn", f"model.mode={mode}", *encoder, "snn.quantise=loihi2", "snn.integer_share=0.5",
                          "train.epochs=2")
    run = load_run(train_recogniser(config))
    assert all(not one.different for one in export_chip(run, "loihi2").compared or ())
    if mode == "linear":
        theirs, ours = layers_of(gan, "encoder.", 2), layers_of(run.path, "", 2)
        assert all(torch.equal(ours[name], value) for name, value in theirs.items())
