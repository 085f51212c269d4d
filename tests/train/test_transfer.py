"""A pre-trained encoder in a recogniser: taken over bit by bit, kept or tuned, and refused where it may not be used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from neurofer.data.store import open_store
from neurofer.errors import BadFileError, NeuroferError, UsageError
from neurofer.evaluate.recognition import evaluate_run
from neurofer.train.ann import sequence_classifier
from neurofer.train.config import TrainConfig
from neurofer.train.data import BEST_ON_TEST, partition_of, prepare
from neurofer.train.recognise import train_recogniser
from neurofer.train.run_folder import load_run
from neurofer.train.transfer import check_transfer, load_encoder, take_encoder, wanted_encoder, weights_digest

Make = Callable[..., TrainConfig]
Pretrained = Callable[..., Path]
TRIPLES = ("sample.kind=every", "train.schedule=constant", "train.weight_decay=0.0")
FRAME = ("model.context_windows=1", "model.lstm_layers=0")


def transfer(small_config: Make, gan: Path, mode: str, *words: str, out: str = "run") -> TrainConfig:
    return small_config("ann", f"model.mode={mode}", f"model.encoder_from='{gan}'", *words, out=out)


def encoder_of(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for name, value in load_file(folder / "model.safetensors").items() if name.startswith("enc")}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    assert set(before) == set(after)
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


@pytest.mark.parametrize("words", [(), TRIPLES, FRAME, ("parity.augment_per_frame=true",), ("train.average=0.9",)])
def test_linear_leaves_the_encoder_bit_by_bit(small_config: Make, pretrained: Pretrained,
                                              words: tuple[str, ...]) -> None:
    gan = pretrained()
    folder = train_recogniser(transfer(small_config, gan, "linear", *words))
    assert changed(encoder_of(gan), encoder_of(folder)) == set()


def test_with_bn_train_its_weights_stay_and_its_running_means_drift(small_config: Make, pretrained: Pretrained) -> None:
    gan = pretrained()
    folder = train_recogniser(transfer(small_config, gan, "linear", "parity.bn_train=true", *TRIPLES))
    moved = {name.rpartition(".")[2] for name in changed(encoder_of(gan), encoder_of(folder))}
    assert moved == {"running_mean", "running_var", "num_batches_tracked"}


@pytest.mark.parametrize("words", [(), TRIPLES, FRAME])
def test_finetune_moves_the_whole_encoder(small_config: Make, pretrained: Pretrained, words: tuple[str, ...]) -> None:
    gan = pretrained()
    folder = train_recogniser(transfer(small_config, gan, "finetune", "model.encoder_lr_scale=0.5", *words))
    still = set(encoder_of(gan)) - changed(encoder_of(gan), encoder_of(folder))
    # A bias before a batch norm has next to no gradient, so it may stay.
    assert all(name.endswith("conv.bias") for name in still)


def test_finetune_has_two_learning_rates(small_config: Make, pretrained: Pretrained) -> None:
    config = transfer(small_config, pretrained(), "finetune", "model.encoder_lr_scale=0.1", "train.lr=1e-4")
    prepared, model = fresh(config)
    groups = prepared.task.parameter_groups(model, 0.01)
    encoder = {id(value) for value in sequence_classifier(model).encoder.parameters()}
    scales = {group["scale"]: {id(value) for value in group["params"]} for group in groups if group["weight_decay"]}
    scales |= {scale: scales[scale] | {id(value) for group in groups if group["scale"] == scale
                                       for value in group["params"]} for scale in scales}
    assert scales == {0.1: encoder, 1.0: {id(value) for value in model.parameters()} - encoder}


def test_scratch_has_one_learning_rate_and_linear_trains_no_encoder(small_config: Make, pretrained: Pretrained) -> None:
    prepared, model = fresh(small_config("ann"))
    groups = prepared.task.parameter_groups(model, 0.01)
    assert [group["scale"] for group in groups] == [1.0, 1.0]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    prepared, model = fresh(transfer(small_config, pretrained(), "linear"))
    trained = {id(value) for group in prepared.task.parameter_groups(model, 0.01) for value in group["params"]}
    network = sequence_classifier(model)
    encoder = {id(value) for value in network.encoder.parameters()}
    assert trained == {id(value) for value in model.parameters()} - encoder
    assert model.train().training
    assert not network.encoder.training


def fresh(config: TrainConfig) -> Any:
    """Data and network of a run before its first step."""
    from neurofer.train.build import build_recogniser

    store = Path(str(config.data))
    clip_set = open_store(store)
    prepared = prepare(config, clip_set, None, store / ".cache")
    model = build_recogniser(config, clip_set.classes, prepared.channels)
    taken = wanted_encoder(config, clip_set)
    if taken is not None:
        take_encoder(model, taken, config)
    return prepared, model


def test_head_and_lstm_start_as_from_scratch(small_config: Make, pretrained: Pretrained) -> None:
    config = transfer(small_config, pretrained(), "finetune")
    torch.manual_seed(0)
    _, taken = fresh(config)
    torch.manual_seed(0)
    _, scratch = fresh(small_config("ann"))
    rest = [name for name in scratch.state_dict() if not name.startswith("encoder.")]
    assert all(torch.equal(scratch.state_dict()[name], taken.state_dict()[name]) for name in rest)


@pytest.mark.parametrize("mode", ["linear", "finetune"])
def test_the_run_says_where_its_encoder_came_from_and_needs_it_no_more(small_config: Make, pretrained: Pretrained,
                                                                       mode: str) -> None:
    gan = pretrained()
    folder = train_recogniser(transfer(small_config, gan, mode, "model.encoder_epoch=1"))
    first = load_file(gan / "epochs" / "0001.safetensors")
    shutil.rmtree(gan)
    run = load_run(folder)
    assert run.card["encoder"] == run.record["encoder"] == {
        "mode": mode, "digest": weights_digest(first), "epoch": 1, "run": "gan",
        "data": {"name": "blobs", "digest": run.card["data"]["digest"]}, "subjects": run.record["split"]["train"]}
    assert str(gan) not in (folder / "card.json").read_text()
    if mode == "linear":
        assert weights_digest(run.model.state_dict()) == run.card["encoder"]["digest"]
    again = evaluate_run(run)
    assert again["confusion"] == run.record["test"]["result"]["confusion"]


def test_a_scratch_run_says_that_it_has_none(small_config: Make) -> None:
    assert load_run(train_recogniser(small_config("ann", "train.epochs=1"))).card["encoder"] is None


def test_nobody_who_is_tested_was_seen_in_pretraining(small_config: Make, pretrained: Pretrained) -> None:
    folder = train_recogniser(transfer(small_config, pretrained(), "finetune", "train.epochs=1"))
    record = json.loads((folder / "run.json").read_text())
    seen = set(record["encoder"]["subjects"])
    assert seen
    assert not seen & {*record["split"]["test"], *record["split"]["validation"]}


@pytest.mark.parametrize("where", ["card", "record"])
def test_a_tested_subject_in_pretraining_is_named(small_config: Make, pretrained: Pretrained, where: str) -> None:
    from neurofer.train.config import SplitConfig

    clip_set = open_store(Path(str(small_config("ann").data)))
    parts = partition_of(SplitConfig(), clip_set)
    tested, chosen = (parts.subjects(clip_set, part)[0] for part in ("test", "validation"))
    everybody = list(clip_set.subjects)
    said = {"card": {"subjects": everybody}} if where == "card" else {"record": {"seen_subjects": everybody}}
    with pytest.raises(NeuroferError, match=r"encoder_from=.*gan does not fit") as told:
        train_recogniser(transfer(small_config, pretrained(**said), "linear"))
    assert f"test subjects were seen in pre-training: {tested}" in str(told.value)
    assert f"validation subjects were seen in pre-training: {chosen}" in str(told.value)


def test_another_split_than_that_of_the_pretraining_is_refused(small_config: Make, pretrained: Pretrained) -> None:
    gan = pretrained()
    with pytest.raises(NeuroferError, match="test subjects were seen in pre-training"):
        train_recogniser(transfer(small_config, gan, "linear", "split.seed=1"))
    # Fewer labels are no other split.
    assert train_recogniser(transfer(small_config, gan, "linear", "split.labels=0.5", "train.epochs=1"))


@pytest.mark.parametrize("card", [
    {"representation": None}, {"representation": [1]}, {"representation": {"kind": "tie", "settings": 3}},
    {"window_us": "x"}, {"size_px": None}, {"width": []}, {"channels": {}}, {"subjects": 7}, {"subjects": {"a": 1}}])
def test_a_card_of_nonsense_is_told(small_config: Make, pretrained: Pretrained, card: dict[str, Any]) -> None:
    gan = pretrained(card=card, record={"seen_subjects": "all", "seen_clips": 5})
    with pytest.raises(NeuroferError, match="in pre-training it was|do not say whom"):
        train_recogniser(transfer(small_config, gan, "linear"))


def test_a_pretraining_that_does_not_say_whom_it_saw_is_refused(small_config: Make, pretrained: Pretrained) -> None:
    gan = pretrained(card={"subjects": []}, record={"seen_subjects": []})
    with pytest.raises(NeuroferError, match="do not say whom it has seen"):
        train_recogniser(transfer(small_config, gan, "linear"))


def test_the_published_split_looks_at_clips(small_config: Make, pretrained: Pretrained) -> None:
    config = transfer(small_config, pretrained(), "linear", "split.kind=paper", "parity.best_on_test=true")
    clip_set = open_store(Path(str(config.data)))
    parts = partition_of(config.split, clip_set, best_on_test=True)
    assert parts.validation == parts.test
    everybody = {"card": {"subjects": list(clip_set.subjects)}}
    fits = load_encoder(pretrained("fits", record={"seen_clips": list(parts.train)}, **everybody))
    check_transfer(config, fits, parts, clip_set)
    leaks = load_encoder(pretrained("leaks", record={"seen_clips": [*parts.train, parts.test[0]]}, **everybody))
    with pytest.raises(NeuroferError, match=f"test clips were seen in pre-training: {parts.test[0]}"):
        check_transfer(config, leaks, parts, clip_set)
    silent = load_encoder(pretrained("silent", record={"seen_clips": []}, **everybody))
    with pytest.raises(NeuroferError, match="do not say which clips it has seen"):
        check_transfer(config, silent, parts, clip_set)


def test_all_that_does_not_fit_is_told_together(small_config: Make, pretrained: Pretrained) -> None:
    gan = pretrained(size_px=32)
    with pytest.raises(NeuroferError) as told:
        train_recogniser(transfer(small_config, gan, "linear", "model.width=0.25", "represent.window_us=40000",
                                  "represent.kind=tie", "represent.settings={variant: t_t}"))
    lines = str(told.value).splitlines()
    assert lines[0].endswith("does not fit this run:")
    tie = "Tie(variant='{}', kernel='triangle14', scale='sensor')"
    assert lines[1:] == ["  - model.size_px is 16, in pre-training it was 32",
                         "  - model.width is 0.25, in pre-training it was 0.125",
                         f"  - represent is {tie.format('t_t')}, in pre-training it was {tie.format('t0_t0')}",
                         "  - represent.window_us is 40000, in pre-training it was 50000"]
    with pytest.raises(NeuroferError, match="channels is 5, in pre-training it was 3"):
        train_recogniser(transfer(small_config, gan, "linear", "represent.kind=voxel", "represent.settings={}"))


def test_an_epoch_that_was_not_kept_is_told_with_those_that_were(small_config: Make, pretrained: Pretrained) -> None:
    with pytest.raises(BadFileError, match=r"0007\.safetensors: missing; it kept 1, 2$"):
        train_recogniser(transfer(small_config, pretrained(), "linear", "model.encoder_epoch=7"))


def test_a_record_that_is_no_record_is_named(pretrained: Pretrained) -> None:
    from neurofer.train.run_folder import read_card, write_card

    gan = pretrained()
    (gan / "run.json").unlink()
    write_card(gan, read_card(gan))
    (gan / "run.json").write_text("{")
    with pytest.raises(BadFileError, match=r"run\.json: cannot be read \(Expecting"):
        load_encoder(gan)


def test_altered_and_broken_weights_are_refused(small_config: Make, pretrained: Pretrained) -> None:
    gan = pretrained()
    first, last = gan / "epochs" / "0001.safetensors", gan / "model.safetensors"
    last.write_bytes(first.read_bytes())
    with pytest.raises(BadFileError, match=r"model\.safetensors: was altered after training"):
        load_encoder(gan)
    first.write_bytes(first.read_bytes()[:-9])
    with pytest.raises(BadFileError, match=r"0001\.safetensors: was altered"):
        load_encoder(gan, 1)
    with pytest.raises(BadFileError, match=r"nowhere: no such pre-training; 'neurofer pretrain --out .*nowhere' makes"):
        load_encoder(gan / "nowhere")
    run = train_recogniser(small_config("ann", "train.epochs=1"))
    with pytest.raises(BadFileError, match="its task is recognise, so it holds no pre-trained encoder"):
        load_encoder(run)


def test_weights_that_are_not_what_the_card_says_are_refused(small_config: Make, pretrained: Pretrained) -> None:
    from neurofer.train.run_folder import read_card, write_card

    gan = pretrained()
    card = {key: value for key, value in read_card(gan).items() if key not in ("files", "digest", "card_digest")}
    weights = load_file(gan / "model.safetensors")
    del weights["encoder.neck.weight"]
    save_file(weights, gan / "model.safetensors")
    write_card(gan, card)
    with pytest.raises(BadFileError, match=r"is not what its card says \(encoder\.neck\.weight"):
        train_recogniser(transfer(small_config, gan, "linear"))
    save_file({"other": torch.zeros(1)}, gan / "model.safetensors")
    write_card(gan, card)
    with pytest.raises(BadFileError, match="holds no encoder"):
        load_encoder(gan)
    (gan / "model.safetensors").write_bytes(b"\xff" * 100)
    write_card(gan, card)
    with pytest.raises(BadFileError, match=r"model\.safetensors: cannot be read"):
        load_encoder(gan)


def test_a_finished_run_is_not_resumed_with_another_encoder(small_config: Make, pretrained: Pretrained) -> None:
    gan = pretrained()
    config = transfer(small_config, gan, "linear", "train.epochs=1")
    folder = train_recogniser(config)
    assert train_recogniser(config, resume=True) == folder
    shutil.rmtree(gan)
    assert train_recogniser(config, resume=True) == folder
    pretrained(record={"epochs": 3})
    weights = load_file(gan / "model.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, gan / "model.safetensors")
    from neurofer.train.run_folder import read_card, write_card

    write_card(gan, {key: value for key, value in read_card(gan).items()
                     if key not in ("files", "digest", "card_digest")})
    with pytest.raises(NeuroferError, match="holds a finished run with other weights of its encoder"):
        train_recogniser(config, resume=True)


def test_modes_and_flags_that_make_no_sense_are_refused(small_config: Make, tmp_path: Path) -> None:
    for words, told in ((["model.mode=linear"], "need encoder_from=RUN"),
                        (["model.encoder_from=gan"], "mode is scratch and encoder_from is gan"),
                        (["parity.double_windowing=true"], "double_windowing cuts the samples of sample.kind=every")):
        with pytest.raises(UsageError, match=told):
            small_config("ann", *words)


def test_choosing_on_the_test_part_is_written_down(small_config: Make) -> None:
    folder = train_recogniser(small_config("ann", "parity.best_on_test=true"))
    record = json.loads((folder / "run.json").read_text())
    assert BEST_ON_TEST in record["protocol"]
    assert "read once" not in record["protocol"]
    assert record["split"]["clips"]["validation"] == record["split"]["clips"]["test"]
    assert record["test"]["reads"] == 3
    assert evaluate_run(load_run(folder))["confusion"] == record["test"]["result"]["confusion"]


@pytest.mark.parametrize(("mode", "words"), [("linear", ()), ("finetune", TRIPLES), ("linear", FRAME)])
def test_a_stream_encodes_each_window_once_and_says_what_the_full_pass_says(
        small_config: Make, pretrained: Pretrained, mode: str, words: tuple[str, ...]) -> None:
    from neurofer.data.crop import crop_resize
    from neurofer.events.open import open_recording
    from neurofer.represent import build_representation
    from neurofer.stream.predictor import Predictor
    from neurofer.train.ann import pictures_to_network

    config = transfer(small_config, pretrained(), mode, "train.epochs=1", *words)
    run = load_run(train_recogniser(config))
    network, predictor = sequence_classifier(run.model), Predictor(run)
    clip = next(clip for clip in open_store(Path(str(config.data))).clips if clip.box is not None)
    assert clip.box is not None
    encoded: list[int] = []
    with open_recording(clip.path) as recording:
        assert list(predictor.decide(recording, clip.box))  # the first call also warms up
        hook = network.encoder.register_forward_hook(lambda encoder, inputs, output: encoded.append(len(inputs[0])))
        said = [decision.probabilities for decision in predictor.decide(recording, clip.box)]
        hook.remove()
        tie, start_us = build_representation("tie"), recording.start_us
        windows = [window for window in recording.windows(50_000)
                   if 2 * (recording.end_us + 1 - window.start_us) >= 50_000]
        pictures = [crop_resize(tie(window.events, window[:2], origin_us=start_us), clip.box, 16)
                    for window in windows]
    assert encoded == [1] * len(windows)
    assert len(said) == len(windows) - network.context_windows + 1
    with torch.inference_mode():
        whole, _ = network(pictures_to_network(np.stack(pictures)[None]))
    # Windows are encoded one at a time in the stream and together here.
    assert np.allclose(said, torch.softmax(whole[0].double(), -1).numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", ["tie", "voxel"])
def test_from_pretraining_to_recogniser(small_config: Make, pretrain_config: Callable[..., Any], kind: str) -> None:
    from neurofer.train.reconstruct import pretrain

    gan = pretrain(pretrain_config(f"represent.kind={kind}", "train.epochs=1", "train.keep_every=1"))
    words = (f"represent.kind={kind}", "train.epochs=1", "model.encoder_epoch=1")
    folder = train_recogniser(transfer(small_config, gan, "linear", *words))
    before, after = load_file(gan / "epochs" / "0001.safetensors"), load_file(folder / "model.safetensors")
    assert weights_digest(before) == weights_digest(after)
    assert any(name.startswith("front.") for name in after) == (kind == "voxel")
    seen = json.loads((gan / "run.json").read_text())["seen_subjects"]
    assert json.loads((folder / "run.json").read_text())["encoder"]["subjects"] == seen
    with pytest.raises(NeuroferError, match="test subjects were seen in pre-training: s"):
        train_recogniser(transfer(small_config, gan, "finetune", *words, "split.seed=1", out="other"))
    train_recogniser(transfer(small_config, gan, "finetune", *words, out="tuned"))
