"""The classifier over windows: published sizes, streaming equals the whole, context is exactly its windows."""

from __future__ import annotations

import pytest
import torch

from neurofer.errors import UsageError
from neurofer.models.build import build_ann, build_model, build_snn
from neurofer.models.recurrent import SequenceClassifier

SIZES = [
    (256, 1.0, 19_673_799, 25_977_543), (128, 1.0, 15_477_959, 21_781_703), (64, 1.0, 11_282_119, 17_585_863),
    (128, 0.25, 969_527, 1_365_815), (64, 0.25, 706_999, 1_103_287), (64, 0.125, 177_375, 277_215),
]


@pytest.fixture
def model() -> SequenceClassifier:
    torch.manual_seed(0)
    return build_ann(7, 64, width=0.125, lstm_layers=2).eval()


@pytest.fixture
def windows() -> torch.Tensor:
    return torch.rand(2, 8, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize(("size_px", "width", "frame", "sequence"), SIZES)
def test_parameters_are_the_published_ones(size_px: int, width: float, frame: int, sequence: int) -> None:
    with torch.device("meta"):
        assert build_ann(7, size_px, width=width, context_windows=1, lstm_layers=0).parameter_count == frame
        assert build_ann(7, size_px, width=width, lstm_layers=3).parameter_count == sequence


def test_the_recurrent_part_alone_has_the_published_size() -> None:
    with torch.device("meta"):
        for layers, parameters in ((3, 6_303_744), (1, 2_101_248)):
            lstm = build_ann(7, 256, width=1.0, lstm_layers=layers).lstm
            assert lstm is not None
            assert sum(parameter.numel() for parameter in lstm.parameters()) == parameters


def test_a_decision_costs_what_was_published() -> None:
    with torch.device("meta"):
        full = build_ann(7, 256, width=1.0, lstm_layers=3)
    # 6.1 and 2.0 GMAC, two digits.
    assert full.macs_without_memory == pytest.approx(6.1e9, rel=0.01)
    assert full.macs_per_decision == pytest.approx(2.0e9, rel=0.03)
    assert full.sequence_macs == 3 * 3 * 8 * 512 * 512 + 512 * 256 + 256 * 7


def test_every_window_from_the_third_on_gets_a_decision(model: SequenceClassifier, windows: torch.Tensor) -> None:
    logits, state = model(windows)
    assert logits.shape == (2, 6, 7)
    assert state.shape == (2, 2, 64)
    assert model(windows[:, :2])[0].shape == (2, 0, 7)
    assert model(windows[:, :0])[1].shape == (2, 0, 64)
    assert model(windows[:, 3:], state)[0].shape == (2, 5, 7)


def test_published_pictures_become_one_decision() -> None:
    with torch.device("meta"):
        triples, windows = torch.zeros(2, 3, 3, 256, 256), torch.zeros(2, 1, 3, 256, 256)
        assert build_ann(7, 256, width=1.0, lstm_layers=3)(triples)[0].shape == (2, 1, 7)
        assert build_ann(7, 256, width=1.0, context_windows=1, lstm_layers=0)(windows)[0].shape == (2, 1, 7)


@pytest.mark.parametrize("cuts", [(1, 2), (3, 4), (0, 7), (2, 2)])
def test_streaming_equals_the_whole(model: SequenceClassifier, windows: torch.Tensor, cuts: tuple[int, int]) -> None:
    whole, end = model(windows)
    parts, state = [], None
    for piece in (windows[:, : cuts[0]], windows[:, cuts[0] : cuts[1]], windows[:, cuts[1] :]):
        logits, state = model(piece, state)
        parts.append(logits)
    # Batches of another size may be summed in another order.
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-5)
    assert torch.allclose(state, end, atol=1e-5)


def test_window_by_window_is_the_same_to_the_last_bit(model: SequenceClassifier, windows: torch.Tensor) -> None:
    embeddings = [model.embed(windows[:1, k : k + 1]) for k in range(8)]
    again = [model.embed(windows[:1, k : k + 1]) for k in range(8)]
    one, _ = model.decide(torch.cat(embeddings, 1))
    state, parts = None, []
    for embedding in again:
        logits, state = model.decide(embedding, state)
        parts.append(logits)
    assert torch.equal(torch.cat(embeddings), torch.cat(again))
    assert torch.allclose(torch.cat(parts, 1), one, atol=1e-5)


def test_a_decision_looks_at_exactly_three_windows(model: SequenceClassifier) -> None:
    embeddings = torch.rand(2, 8, 64, generator=torch.Generator().manual_seed(0))
    before, _ = model.decide(embeddings)
    embeddings[:, 3] += 1
    after, _ = model.decide(embeddings)
    assert (before != after).any(2).any(0).tolist() == [False, True, True, True, False, False]


def test_the_frame_model_decides_on_every_window(windows: torch.Tensor) -> None:
    frame = build_ann(7, 64, width=0.125, context_windows=1, lstm_layers=0).eval()
    logits, state = frame(windows)
    assert logits.shape == (2, 8, 7)
    assert torch.allclose(frame(windows[:, 4:], state)[0], logits[:, 4:], atol=1e-5)


def test_a_state_that_does_not_fit_is_refused(model: SequenceClassifier, windows: torch.Tensor) -> None:
    for state in (torch.zeros(3, 2, 64), torch.zeros(2, 2, 32), torch.zeros(2, 3, 64), torch.zeros(2, 64)):
        with pytest.raises(ValueError, match="pass state=None at the start of a new recording"):
            model(windows, state)
    with pytest.raises(ValueError, match=r"windows must be \(B, T, C, S, S\)"):
        model(windows[0])


def test_several_windows_need_an_lstm() -> None:
    with pytest.raises(ValueError, match="several windows need an LSTM"):
        build_ann(7, 64, width=0.125, lstm_layers=0)
    with pytest.raises(ValueError, match="need classes >= 2"):
        build_ann(1, 64, width=0.125)


def test_models_are_built_from_plain_arguments() -> None:
    assert isinstance(build_model("ann", classes=3, size_px=16, width=0.125), SequenceClassifier)
    network = build_snn(3, 16, layers=[{"kind": "conv", "outputs": 2, "stride": 4}])
    assert [layer.name for layer in network.spiking_layers()] == ["conv1", "dense1"]


@pytest.mark.parametrize(("backend", "settings", "told"), [
    ("rnn", {}, "unknown backend 'rnn'; choose one of ann, snn"),
    ("ann", {"classes": 3, "preset": "small"}, "backend ann has no setting preset; it has classes, size_px"),
    ("snn", {"classes": 3, "preset": "huge"}, "unknown preset 'huge'"),
    ("ann", {"classes": 3, "size_px": 100}, "power of two"),
    ("ann", {}, "missing 1 required positional argument: 'classes'"),
])
def test_wrong_settings_are_told_with_the_choices(backend: str, settings: dict, told: str) -> None:
    with pytest.raises(UsageError, match="^model: ") as error:
        build_model(backend, **settings)
    assert told in str(error.value)
