"""The chip network's file: its layout, the way there and back, and a refusal by name for everything that is wrong."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurofer.errors import BadFileError
from neurofer.hardware.chip_file import read_chip, write_chip
from neurofer.hardware.network import ChipLayer, ChipNetwork
from neurofer.hardware.simulate import simulate
from neurofer.hdf5_child import hand_over
from trees.chips import golden_traces, random_chip, random_spikes

DEEP_DIGEST = "e463e1b5bd8c44f5edf0c2801cf167c337cfef68bce84682f062272c42fdba0a"
Change = Callable[[h5py.File], object]


def small_chip() -> ChipNetwork:
    """Conv, conv, dense, dense; every register and size another number."""
    generator = np.random.default_rng(0)
    def weight(*shape: int) -> Any:
        return (2 * generator.integers(-100, 100, shape)).astype(np.int16)
    return ChipNetwork((2, 9, 8), (
        ChipLayer("conv1", "conv", weight(4, 2, 3, 2), 1024, 410, 508, 127.5, (2, 1), (1, 0), (1, 2)),
        ChipLayer("conv2", "conv", weight(3, 4, 2, 3), 4096, 0, 300, 99.25),
        ChipLayer("dense1", "dense", weight(6, 3 * 4 * 4), 1, 4095, 131_071, 254.0),
        ChipLayer("dense2", "dense", weight(3, 6), 2048, 2048, 1, 1.0),
    ), 1000, 100, 33_000, ("joy", "fear", "Überraschung"), 7.5, "loihi1", {"run": "runs/a", "data": "faces"})


def assert_same_network(found: ChipNetwork, wanted: ChipNetwork) -> None:
    for one in dataclasses.fields(ChipNetwork):
        if one.name != "layers":
            assert getattr(found, one.name) == getattr(wanted, one.name)
    for layer, other in zip(found.layers, wanted.layers, strict=True):
        for one in dataclasses.fields(ChipLayer):
            np.testing.assert_array_equal(getattr(layer, one.name), getattr(other, one.name))
        assert layer.weight.dtype == np.int16
    assert found.digest == wanted.digest


def contents(path: Path) -> dict[str, tuple[str, tuple[int, ...], Any]]:
    """Every data set by its place: type, shape, values."""
    found: dict[str, tuple[str, tuple[int, ...], Any]] = {}
    def take(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            found[name] = (str(entry.dtype), entry.shape, entry[()].tolist() if entry.shape else entry[()])
    with h5py.File(path) as file:
        file.visititems(take)
    return found


# There and back.

@pytest.mark.parametrize("network", [small_chip(), random_chip(0), random_chip(4)],
                         ids=["small", "random", "dense first"])
def test_written_read_written_is_the_same(network: ChipNetwork, tmp_path: Path) -> None:
    first, second = tmp_path / "first.h5", tmp_path / "second.h5"
    write_chip(first, network)
    again = read_chip(first)
    assert_same_network(again, network)
    write_chip(second, again)
    assert contents(first) == contents(second)
    spikes = random_spikes(network, 10)
    for one, other in zip(simulate(again, spikes)[0], simulate(network, spikes)[0], strict=True):
        np.testing.assert_array_equal(one, other)


def test_whole_scales_and_wider_weights_come_back_too(tmp_path: Path) -> None:
    network = small_chip()
    layers = tuple(dataclasses.replace(layer, scale=2, weight=layer.weight.astype(np.int64))
                   for layer in network.layers)
    network = dataclasses.replace(network, layers=layers, rate_gain=3)
    write_chip(tmp_path / "a.h5", network)
    assert read_chip(tmp_path / "a.h5").digest == network.digest


def test_the_layout_is_that_of_netx(tmp_path: Path) -> None:
    write_chip(tmp_path / "a.h5", small_chip())
    found = contents(tmp_path / "a.h5")
    assert found["layer/0/type"] == ("|S10", (1,), [b"input"])
    assert found["layer/0/shape"] == ("int64", (3,), [2, 9, 8])
    assert [found[f"layer/{one}/type"][2] for one in range(1, 6)] == [[b"conv"], [b"conv"], [b"flatten"], [b"dense"],
                                                                      [b"dense"]]
    # 9 x 8, kernel 3 x 2, stride 2 x 1, padding 1 x 0, dilation 1 x 2: 5 x 6; then kernel 2 x 3: 4 x 4
    assert [found[f"layer/{one}/shape"][2] for one in range(1, 6)] == [[4, 5, 6], [3, 4, 4], [48], [6], [3]]
    assert found["layer/1/weight"][:2] == ("int16", (4, 2, 3, 2))
    assert found["layer/4/weight"][:2] == ("int16", (6, 48))
    for name, value in (("stride", [2, 1]), ("padding", [1, 0]), ("dilation", [1, 2])):
        assert found[f"layer/1/{name}"] == ("int64", (2,), value)
    assert found["layer/1/groups"] == ("int64", (), 1)
    assert found["layer/1/neuron/type"] == ("object", (), b"CUBA")
    assert found["layer/1/neuron/gradedSpike"] == ("bool", (), False)
    for name, value in (("iDecay", 1024), ("vDecay", 410), ("vThMant", 508), ("refDelay", 1)):
        assert found[f"layer/1/neuron/{name}"] == ("int64", (), value)
    assert {place.split("/")[1] for place in found if "neuron" in place} == {"1", "2", "4", "5"}
    assert {place.split("/")[1] for place in found if "stride" in place} == {"1", "2"}


def test_what_format_1_says_of_itself_stays_so(tmp_path: Path) -> None:
    network = golden_traces()["deep"].network
    write_chip(tmp_path / "a.h5", network)
    with h5py.File(tmp_path / "a.h5") as file:
        said = dict(file.attrs)
        assert (file["layer/1"].attrs["name"], file["layer/1"].attrs["scale"]) == ("conv1", network.layers[0].scale)
    assert (said.pop("format"), said.pop("version")) == ("neurofer-chip", 1)
    assert said.pop("digest") == network.digest == DEEP_DIGEST
    assert said == {"dt_us": 1000, "steps": 20, "decision_us": 5000, "rate_gain": 10.0, "target": "loihi2",
                    "classes": str(list(network.classes)).replace("'", '"'), "source": "{}"}


def test_other_ways_to_write_the_same_are_read(tmp_path: Path) -> None:
    network, path = small_chip(), tmp_path / "a.h5"
    write_chip(path, network)
    with h5py.File(path, "r+") as file:
        weight = file["layer/1/weight"][()]
        del file["layer/1/weight"]
        file["layer/1"].create_dataset("weight", data=weight.astype(">i4"), compression="gzip", shuffle=True)
        replaced(file, "layer/1/neuron/iDecay", np.array([1024], np.int32))
        replaced(file, "layer/1/type", "conv")
        file["notes/by/hand"] = "of no concern"
        file.attrs["author"] = "somebody"
    assert_same_network(read_chip(path), network)


def test_where_it_comes_from_is_no_part_of_the_digest() -> None:
    network = small_chip()
    assert dataclasses.replace(network, source={}).digest == network.digest
    assert dataclasses.replace(network, steps=99).digest != network.digest


def test_an_earlier_file_stays_when_writing_fails(tmp_path: Path) -> None:
    network, path = small_chip(), tmp_path / "a.h5"
    write_chip(path, network)
    with pytest.raises(TypeError):
        write_chip(path, dataclasses.replace(network, source={"a": object()}))  # type: ignore[dict-item]
    assert [one.name for one in tmp_path.iterdir()] == ["a.h5"]
    assert_same_network(read_chip(path), network)


# Refusals.

def replaced(file: h5py.File, place: str, value: Any) -> None:
    del file[place]
    file[place] = value


def one_more(place: str, by: int) -> Change:
    def change(file: h5py.File) -> None:
        values = file[place][()]
        values.ravel()[1] += by
        file[place][...] = values
    return change


def put(place: str, value: Any) -> Change:
    return lambda file: replaced(file, place, value)


def said(name: str, value: Any) -> Change:
    return lambda file: file.attrs.__setitem__(name, value)


def without(place: str) -> Change:
    return lambda file: file.__delitem__(place)


def renamed(old: str, new: str) -> Change:
    return lambda file: file.move(old, new)


REFUSED: dict[str, tuple[Change, str]] = {
    # what was altered after export
    "one changed weight": (one_more("layer/2/weight", 2), "was altered after export"),
    "another threshold": (put("layer/2/neuron/vThMant", 301), "was altered after export"),
    "another name": (lambda file: file["layer/1"].attrs.__setitem__("name", "first"), "was altered after export"),
    "other classes": (said("classes", '["joy", "fear", "anger"]'), "was altered after export"),
    "a shape that is not that of its neurons": (put("layer/2/shape", [3, 4, 5]),
                                                r"layer/2: shape is 3 x 4 x 5, but its neurons are 3 x 4 x 4"),
    "a flat shape of another size": (put("layer/3/shape", [47]), "layer/3: shape is 47, but its neurons are 48"),
    # what a chip cannot hold
    "an odd weight": (one_more("layer/2/weight", 1), "conv2: 1 odd weights"),
    "a weight too large": (put("layer/5/weight", np.full((3, 6), 256, np.int16)), "dense2: 18 weights outside"),
    "an all-zero dense matrix": (put("layer/5/weight", np.zeros((3, 6), np.int16)), "dense2: all weights are 0"),
    "weights of another size": (put("layer/5/weight", np.full((3, 7), 2, np.int16)),
                                "dense2: has weights for 7 inputs, but 6 come in"),
    "no weights": (put("layer/5/weight", np.zeros((0, 6), np.int16)), "dense2: has no weights"),
    "weights without axes": (put("layer/5/weight", np.int16(2)), r"weights of a dense layer have 2 axes, got \(\)"),
    "an iDecay of 0": (put("layer/1/neuron/iDecay", 0), "conv1: iDecay is 0, need 1 to 4096"),
    "a vDecay of 4096": (put("layer/1/neuron/vDecay", 4096), "conv1: vDecay is 4096, need 0 to 4095"),
    "a vThMant of 2^17": (put("layer/1/neuron/vThMant", 1 << 17), "conv1: vThMant is 131072, need 1 to 131071"),
    "a stride of 0": (put("layer/1/stride", [0, 1]), "conv1: stride and dilation must be at least 1"),
    "a dilation beyond the picture": (put("layer/1/dilation", [1, 1 << 62]), "conv1: its kernel is larger"),
    "a huge padding": (put("layer/1/padding", [1 << 40, 1 << 40]), "conv1: .* neurons, at most"),
    "a huge input": (put("layer/0/shape", [2, 1 << 40, 1 << 40]), "conv1: .* neurons, at most"),
    "a step of no time": (said("dt_us", 0), "dt_us must be at least 1, got 0"),
    "a target of its own": (said("target", "loihi9"), "target 'loihi9' is none of loihi1, loihi2"),
    "a gain that is no number": (said("rate_gain", float("nan")), "rate_gain must be above 0 and finite, got nan"),
    "a scale of 0": (lambda file: file["layer/1"].attrs.__setitem__("scale", 0.0), "conv1: scale is 0.0"),
    "two layers of one name": (lambda file: file["layer/1"].attrs.__setitem__("name", "conv2"),
                               "conv2: two layers have this name"),
    # another format
    "a newer version": (said("version", 2), "version 2 is newer than 1; update neurofer"),
    "a version that is none": (said("version", "new"), "version 'new' is none"),
    "another format": (said("format", "slayer"), r"is no chip network \(its format is 'slayer', need 'n"),
    "netx's own file": (lambda file: [file.attrs.__delitem__(name) for name in list(file.attrs)],
                        "is no chip network .*need 'neurofer-chip'"),
    # a layout that is none
    "a gap in layer numbers": (renamed("layer/5", "layer/6"), "numbered 0, 1, 2, 3, 4, 6, need 0, 1, 2 without a gap"),
    "layers with names": (renamed("layer/5", "layer/out"), "numbered 0, 1, 2, 3, 4, out, need"),
    "no layers": (without("layer"), "numbered not at all"),
    "no input": (put("layer/0/type", np.array([b"conv"], "S10")), "layer/0 is of type 'conv', need 'input'"),
    "a pool": (put("layer/2/type", np.array([b"pool"], "S10")), "layer/2 is of type 'pool', need conv, flatten or"),
    "a type that is a number": (put("layer/2/type", 3), "layer/2 is of type '', need conv, flatten or dense"),
    "no flatten": (lambda file: [file.__delitem__("layer/3"), file.move("layer/4", "layer/3"),
                                 file.move("layer/5", "layer/4")],
                   "are input, conv, conv, dense, dense, need input, conv, conv, flatten, dense, dense"),
    "a flatten too much": (lambda file: file.copy("layer/3", "layer/6"),
                           "are input, conv, conv, flatten, dense, dense, flatten, need input, conv, conv, flatten, d"),
    "a flatten too soon": (lambda file: [file.move("layer/3", "layer/x"), file.move("layer/2", "layer/3"),
                                         file.move("layer/x", "layer/2")],
                           "are input, conv, flatten, conv, dense, dense, need input, conv, conv, flatten, dense, d"),
    "no neuron": (without("layer/1/neuron"), "layer/1: has no neuron"),
    "another neuron": (put("layer/1/neuron/type", "LIF"), "layer/1: its neurons are 'LIF', need 'CUBA'"),
    "a long refractory time": (put("layer/1/neuron/refDelay", 2), "layer/1: refDelay must be 1"),
    "groups": (put("layer/1/groups", 2), "layer/1: groups must be 1"),
    "a bias": (lambda file: file["layer/1"].__setitem__("bias", np.zeros(4, np.int32)), "layer/1: has bias, which no"),
    "no weight": (without("layer/1/weight"), "layer/1: weight is missing or no array"),
    "real weights": (put("layer/5/weight", np.full((3, 6), 2.0)), "layer/5: weight holds float64, need whole numbers"),
    "weights beyond 16 bits": (put("layer/5/weight", np.full((3, 6), 1 << 16)), "layer/5: weight holds int64, need"),
    "no stride": (without("layer/1/stride"), "layer/1: stride is missing"),
    "a stride of three": (put("layer/1/stride", [1, 1, 1]), "layer/1: stride must be 2 whole numbers"),
    "a real register": (put("layer/1/neuron/iDecay", 3.5), "layer/1: iDecay must be 1 whole number"),
    "no register": (without("layer/1/neuron/vDecay"), "layer/1: vDecay is missing"),
    "no name": (lambda file: file["layer/1"].attrs.__delitem__("name"), "layer/1 has no name"),
    "a name of two lines": (lambda file: file["layer/1"].attrs.__setitem__("name", "a\nb"), "layer/1 has no name"),
    "steps in words": (said("steps", "many"), "attribute steps must be a whole number, got 'many'"),
    "classes that are no list": (said("classes", '{"a": "b"}'), "attribute classes must be words as JSON"),
    "classes that are no words": (said("classes", "[1, 2, 3]"), "attribute classes must be words as JSON"),
    "classes that are no JSON": (said("classes", "[" * 50_000), "attribute classes must be words as JSON"),
}


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read here, not in a process of their own, which takes much longer to start than to read."""
    def handed_over(path: Path, most_bytes: int, levels: int, only: tuple[str, ...], *_: object) -> tuple[bytes, int]:
        out = io.BytesIO()
        hand_over(str(path), out, most_bytes, levels, only)
        return out.getvalue(), 0
    monkeypatch.setattr("neurofer.hdf5_tree._handed_over", handed_over)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name(name: str, tmp_path: Path) -> None:
    change, told = REFUSED[name]
    path = tmp_path / "a.h5"
    write_chip(path, small_chip())
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(BadFileError, match=told) as refused:
        read_chip(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert message.endswith(("export it again with 'neurofer export'", "update neurofer"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_chip(path, small_chip())
    path.write_bytes(path.read_bytes()[:int(share * path.stat().st_size)])
    with pytest.raises(BadFileError, match=r"a\.h5: .*export it again with 'neurofer export'"):
        read_chip(path)


def test_no_file_and_a_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=r"a\.h5: no such file"):
        read_chip(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_text("a text\n" * 100)
    with pytest.raises(BadFileError, match=r"b\.h5: "):
        read_chip(tmp_path / "b.h5")


def test_a_flipped_byte_is_refused_or_changes_nothing_that_counts(tmp_path: Path) -> None:
    network, path = small_chip(), tmp_path / "a.h5"
    write_chip(path, network)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for place in generator.integers(0, len(whole), 6):
        broken = bytearray(whole)
        broken[place] ^= 1 << int(generator.integers(8))
        path.write_bytes(broken)
        try:
            assert read_chip(path).digest == network.digest
        except BadFileError:
            refused += 1
    assert refused > 0
