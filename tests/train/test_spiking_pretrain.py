"""Pre-training of a spiking encoder on blobs: it learns, its last layer is needed, a kill changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from neurofer.config import load_config
from neurofer.data.pairs import require_frames
from neurofer.data.store import open_store
from neurofer.errors import NeuroferError, UsageError
from neurofer.events.open import open_recording
from neurofer.spiking.bins import spike_tensor
from neurofer.train import reconstruct
from neurofer.train.config import SnnConfig
from neurofer.train.gan import LOSSES, build_gan, draw, fit_gan
from neurofer.train.pretrain_config import GanConfig, PretrainConfig, SpikingGeneratorConfig
from neurofer.train.reconstruct import pretrain
from neurofer.train.run_folder import read_card
from neurofer.train.spike_pairs import spike_pairs
from neurofer.train.spiking_gan import SpikingGan, build_spiking_gan, start_encoder

Make = Callable[..., PretrainConfig]
TINY = ("backend=snn", "snn.preset=tiny", "snn.size_px=16", "snn.dt_us=10000", "snn.window_us=50000",
        "snn.lead_us=20000", "snn.decoder_width=0.25")


@pytest.fixture
def spiking_config(pretrain_config: Make) -> Make:
    def make(*overrides: str, out: str = "gan") -> PretrainConfig:
        changed = {word.partition("=")[0] for word in overrides}
        return pretrain_config(*(word for word in TINY if word.partition("=")[0] not in changed), *overrides, out=out)

    return make


def history(folder: Path) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in row.items() if "seconds" not in name} for row in rows]


def started(**settings: object) -> tuple[SpikingGan, torch.Tensor]:
    torch.manual_seed(0)
    said = SpikingGeneratorConfig.model_validate({
        "preset": "tiny", "size_px": 16, "dt_us": 10_000, "window_us": 40_000, "lead_us": 20_000,
        "decoder_width": 0.125, **settings})
    gan = build_spiking_gan(said)
    spikes = (torch.rand(5, 6, 2, 16, 16) < 0.15).to(torch.uint8)
    start_encoder(gan, spikes, 0.2)
    return gan, spikes


def test_the_gradient_reaches_the_first_layer_through_the_last_alone() -> None:
    gan, spikes = started()
    loss, said = gan.generator_loss(gan.generator.fed(spikes), torch.zeros(5, 3, 16, 16), GanConfig())
    loss.backward()
    first, last = gan.spiking.encoder.spiking_layers()
    assert first.weight.grad is not None
    assert last.beta_logit.grad is not None
    assert float(first.weight.grad.abs().sum()) > 0
    assert float(last.beta_logit.grad.abs()) > 0
    assert set(said) == {"adversarial", "l1", "rate_conv1", "rate_conv2"}
    # The discriminator's step leaves the encoder alone.
    gan.zero_grad(set_to_none=True)
    gan.discriminator_loss(gan.generator.fed(spikes), torch.zeros(5, 3, 16, 16))[0].backward()
    assert first.weight.grad is None


def test_rates_above_the_target_cost_the_square_of_the_excess() -> None:
    gan, spikes = started(rate_weight=0.0)
    faces = torch.zeros(5, 3, 16, 16)
    plain, said = gan.eval().generator_loss(gan.generator.fed(spikes), faces, GanConfig())
    other, _ = started(rate_weight=10.0, rate_target=0.05)
    dear, _ = other.eval().generator_loss(other.generator.fed(spikes), faces, GanConfig())
    excess = [max(float(said[name]) - 0.05, 0.0) ** 2 for name in ("rate_conv1", "rate_conv2")]
    assert min(excess) > 0
    assert float((dear - plain).detach()) == pytest.approx(10 * sum(excess), rel=1e-4)


def test_learning_rates_of_the_encoder_go_with_the_size_of_its_weights() -> None:
    gan, _ = started(lr=0.5)
    first, second, neurons, rest = gan.parameter_groups(1e-3)
    layers = gan.spiking.encoder.spiking_layers()
    for group, layer in zip((first, second), layers, strict=True):
        assert group["params"] == [layer.weight]
        assert group["lr"] == pytest.approx(0.5 * float(layer.weight.detach().std()))
    assert {id(value) for value in neurons["params"]} == {id(value) for layer in layers
                                                          for value in (layer.alpha_logit, layer.beta_logit)}
    assert rest["lr"] == 1e-3
    together = [id(value) for group in (first, second, neurons, rest) for value in group["params"]]
    assert sorted(together) == sorted(id(value) for value in gan.parameters())


def test_a_pair_is_the_spikes_of_its_window_and_of_the_lead_before_it(framed_store: Path, tmp_path: Path) -> None:
    clip_set = open_store(framed_store)
    pairs = spike_pairs(clip_set, 10_000, 5, 2, 16, False, "middle", tmp_path)
    number = 7
    clip = clip_set.clips[number]
    with open_recording(clip.path) as recording:
        events = recording.between(clip.start_us, clip.stop_us)
    whole = spike_tensor(events, clip.start_us, clip.start_us + 300_000, 10_000, clip.box, 16).spikes
    first = int(pairs.first[number])
    found = pairs.seen(np.array([first, first + 2]))
    assert found.shape == (2, 7, 2, 16, 16)
    assert not found[0, :2].any()  # before the clip is silence
    np.testing.assert_array_equal(found[0, 2:], whole[:5])
    np.testing.assert_array_equal(found[1], whole[8:15])
    counts = pairs.events_of(number)
    assert len(counts) == pairs.lengths()[number]
    inside = (events.t >= clip.start_us + 100_000) & (events.t < clip.start_us + 150_000)
    assert counts[2] == np.count_nonzero(inside)


def test_it_learns_through_the_rates_of_its_last_layer(spiking_config: Make) -> None:
    # Nine pairs of six clips: four of them further is another place of the blob.
    folder = pretrain(spiking_config("train.epochs=10", "snn.lr=0.05", "train.lr=5e-3", "snn.decoder_width=0.5",
                                     "train.sheet_every=5", "train.held_out_pairs=9"))
    rows, card = history(folder), read_card(folder)
    assert {*LOSSES, "rate_conv1", "rate_conv2"} <= set(rows[0])
    assert rows[-1]["l1"] < 0.7 * rows[0]["l1"]
    scores = card["metrics"]
    assert scores["held_out"]["ncc"] > scores["mean_face"]["ncc"] + 0.1
    # With the rates of another clip another blob is drawn.
    assert scores["other_embedding"]["mae"] > 1.1 * scores["held_out"]["mae"]
    assert (card["backend"], card["size_px"], card["window_us"], card["representation"]) == ("snn", 16, 50_000, None)
    assert card["snn"] == spiking_config("snn.lr=0.05", "snn.decoder_width=0.5").snn.model_dump(mode="json")
    assert {path.name for path in folder.glob("sheet-*.png")} == {"sheet-0005.png", "sheet-0010.png"}
    names = {name for name in load_file(folder / "model.safetensors") if name.startswith("encoder.")}
    assert names == {f"encoder.layers.{number}.{name}" for number in (0, 1)
                     for name in ("weight", "alpha_logit", "beta_logit")}


def test_a_killed_run_resumes_to_the_same_bytes(spiking_config: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    more = ("train.epochs=3", "train.pairs_per_clip=2", "train.augment_flip=0.5", "train.keep_every=1")
    whole = pretrain(spiking_config(*more, out="whole"))

    class Killed(Exception):  # noqa: N818  not an error, an end
        """Stands for a kill."""

    def stopping(*words: object, after_epoch, **named: object):  # type: ignore[no-untyped-def]
        def then(progress) -> None:  # type: ignore[no-untyped-def]
            after_epoch(progress)
            if progress.epoch == 2:
                raise Killed

        return fit_gan(*words, after_epoch=then, **named)  # type: ignore[arg-type]

    config = spiking_config(*more, out="killed")
    with monkeypatch.context() as patched:
        patched.setattr(reconstruct, "fit_gan", stopping)
        with pytest.raises(Killed):
            pretrain(config)
    torch.rand(7)  # what the process drew in between must not matter
    pretrain(config, resume=True)
    for name in ("model.safetensors", "discriminator.safetensors", "epochs/0001.safetensors"):
        assert (Path(str(config.out)) / name).read_bytes() == (whole / name).read_bytes(), name
    assert history(Path(str(config.out))) == history(whole)


def test_a_dense_layer_may_be_the_last_and_be_all_that_is_known(spiking_config: Make) -> None:
    layers = "[{kind: conv, outputs: 4, stride: 2}, {kind: dense, outputs: 8}]"
    config = spiking_config(f"snn.layers={layers}", "snn.encoder=hidden", "train.epochs=1")
    gan = build_gan(config, 2)
    spikes = (torch.rand(2, 7, 2, 16, 16) < 0.2).to(torch.uint8)
    assert draw(gan.generator, spikes).shape == (2, 3, 16, 16)
    assert gan.generator.encoder(gan.generator.fed(spikes)).shape == (2, 8)  # type: ignore[operator]
    card = read_card(pretrain(config))
    assert card["parameters"]["encoder"] == 4 * 2 * 9 + 8 * 4 * 64 + 4


def test_what_a_spiking_pretraining_cannot_do_is_told(spiking_config: Make, blob_store: Path) -> None:
    for words, told in ((("snn.skips=2",), "1 layers can be handed to the decoder, got skips=2"),
                        (("snn.layers=[{kind: conv, outputs: 4, padding: 0}]",), "ends with maps of 14 px"),
                        (("snn.layers=[{kind: dense, outputs: 4}]",), "use snn.encoder=hidden"),
                        (("snn.layers=[{kind: conv}]",), "missing"),
                        (("train.precision=bf16", "train.device=auto"), "precision=bf16")):
        with pytest.raises(UsageError, match=told):
            pretrain(spiking_config(*words), overwrite=True)
    with pytest.raises(UsageError, match=r"dt_us=10000 does not divide lead_us=15000"):
        spiking_config("snn.lead_us=15000")
    with pytest.raises(NeuroferError, match="shorter than a window of 400000 us .*; use a shorter snn.window_us"):
        pretrain(spiking_config("snn.window_us=400000"), overwrite=True)
    with pytest.raises(NeuroferError, match="keeps no grey frames"):
        require_frames(open_store(blob_store))


def test_settings_are_those_of_a_recogniser_under_the_same_names() -> None:
    snn = load_config(PretrainConfig, None, ["snn.slope=7", "snn.preset=base", "snn.dt_us=4000"]).snn
    back = SpikingGeneratorConfig.for_recogniser(snn.of_recogniser(), window_us=snn.window_us)
    assert back == snn
    names = set(SpikingGeneratorConfig.names_of_recogniser())
    assert {"preset", "layers", "encoder", "size_px", "dt_us", "neuron", "alpha", "beta", "slope"} <= names
    differ = {name for name in names if getattr(SpikingGeneratorConfig(), name) != getattr(SnnConfig(), name)}
    assert differ == {"dt_us"}  # as the shipped configurations have it
