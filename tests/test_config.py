"""Configurations: all problems of a file at once, each with its place, and nothing converted in silence."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from neurofer.config import StrictModel, dump_config, find_config, load_config, parse_scalar, shipped_configs
from neurofer.errors import UsageError


class Layer(StrictModel):
    channels: PositiveInt = 8
    stride: int = Field(default=2, ge=1, le=4)


class Adam(StrictModel):
    kind: Literal["adam"] = "adam"
    beta: float = 0.9


class Sgd(StrictModel):
    kind: Literal["sgd"] = "sgd"
    momentum: float = 0.0


class Train(StrictModel):
    epochs: PositiveInt = 10
    lr: PositiveFloat = 1e-3
    shuffle: bool = True
    optimiser: Annotated[Adam | Sgd, Field(discriminator="kind")] = Adam()
    stop: int | None = None

    @model_validator(mode="after")
    def _stop_inside(self) -> Train:
        if self.stop is not None and self.stop > self.epochs:
            raise ValueError(f"stop {self.stop} lies behind the last epoch {self.epochs}")
        return self


class Example(StrictModel):
    backend: Literal["ann", "snn"] = "ann"
    data: Path = Path("store")
    name: str = ""
    train: Train = Train()
    layers: tuple[Layer, ...] = (Layer(),)
    extra: dict[str, Any] = {}


class Needs(StrictModel):
    data: Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.yaml"


def message(file: Path, text: str | bytes, *overrides: str, model: type[StrictModel] = Example) -> str:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UsageError) as error:
        load_config(model, file, list(overrides))
    return str(error.value).removeprefix(str(file) + ": ")


def test_a_file_and_overrides(file: Path) -> None:
    file.write_text("# a comment\nbackend: snn\ndata: some/where\ntrain:\n  lr: 1e-3\n  epochs: 1_000\nname: no\n"
                    "layers: [{channels: 4}, {channels: 0x10, stride: 1}]\n")
    config = load_config(Example, file, ["train.lr=2", "extra.a.b=[1, x]", "train.optimiser={kind: sgd}"])
    assert config.data == Path("some/where")
    assert config.train.epochs == 1000
    assert config.train.lr == 2.0
    assert isinstance(config.train.lr, float)
    assert config.name == "no"  # YAML 1.2: text, not false
    assert [layer.channels for layer in config.layers] == [4, 16]
    assert config.extra == {"a": {"b": [1, "x"]}}
    assert isinstance(config.train.optimiser, Sgd)


def test_defaults_without_a_file() -> None:
    assert load_config(Example) == Example()


def test_all_problems_at_once_in_the_order_of_the_file(file: Path) -> None:
    text = """backend: an
train:
  epocs: 3
  lr: 0.1
  shuffle: 1
  lr: 0.2
  epochs: 2.5
layers:
  - channels: 4
  - chanels: -1
    stride: 9
3: x
"""
    assert message(file, text) == """8 problems
  line 1: backend is 'an'; need 'ann' or 'snn'; did you mean ann?
  line 3: unknown key train.epocs; did you mean epochs?
  line 5: train.shuffle is 1; need true or false
  line 6: train.lr is given twice
  line 7: train.epochs is 2.5; need a whole number
  line 10: unknown key layers[1].chanels; did you mean channels?
  line 11: layers[1].stride is 9; need at most 4
  line 12: a key must be text, got 3"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("train: 3", "line 1: train is 3; need a mapping"),
        ("train: {lr: fast}", "line 1: train.lr is 'fast'; need a number"),
        ("train: {lr: '0.1'}", "line 1: train.lr is '0.1'; need a number"),
        ("train: {lr: -1}", "line 1: train.lr is -1; need more than 0"),
        ("train: {lr: .nan}", "line 1: train.lr is .nan; need"),
        ("train: {stop: yes}", "line 1: train.stop is 'yes'; need a whole number"),
        ("train: {epochs: true}", "line 1: train.epochs is true; need a whole number"),
        ("train:\n  stop: 99", "line 1: train: stop 99 lies behind the last epoch 10"),
        ("data: 7", "line 1: data is 7; need text"),
        ("name: [a]", 'line 1: name is ["a"]; need text'),
        ("layers: 3", "line 1: layers is 3; need a list"),
        ("layers: [3]", "line 1: layers[0] is 3; need a mapping"),
        ("zzz: 1", "line 1: unknown key zzz; known: backend, data, extra, layers, name, train"),
        ("train: {optimiser: {kind: adamw}}", "need a 'kind' of 'adam', 'sgd'"),
        ("train: {optimiser: {beta: 1}}", "need a mapping with the key 'kind'"),
        ("train:\n  optimiser:\n    kind: sgd\n    momentm: 1", "line 4: unknown key train.optimiser.momentm; did you"),
        ("name: !!python/object/apply:os.system [ls]", "line 1: name"),
        ("name: !!binary aGk=", "line 1: name: the tag tag:yaml.org,2002:binary is not read here"),
    ],
)
def test_one_problem(file: Path, text: str, expected: str) -> None:
    said = message(file, text)
    assert said.startswith("1 problem\n")
    assert expected in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "empty"), ("# only a comment\n", "empty"), ("- a\n- b\n", "need a mapping of keys to values, got"),
        ("just words", "need a mapping of keys to values, got 'just words'"),
        ("a: [1, 2", "line 1: not YAML"), ("a: 1\n\tb: 2", "not YAML"), ("a: *missing", "not YAML"),
        ("a: 1\n---\nb: 2\n", "not YAML"), ("a: 1\n  b: 2\n", "line 2: not YAML"),
        (b"\x89PNG\r\n\x1a\n\0\0", "not UTF-8"), (b"a\0b", "binary"), (b"a: \x07", "not YAML"),
        (b"a: 1\n" * 300_000, "more than"),
        ("a: " + "[" * 5_000, "line 1: nested deeper"), ("a: " + "{b: " * 5_000, "line 1: nested deeper"),
        ("\n".join(f"{' ' * n}a:" for n in range(500)), "nested deeper"),
        ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)),
         "aliases"),
        ("a: &a [*a]", "alias"),
    ],
)
def test_files_that_are_no_configuration(file: Path, text: str | bytes, expected: str) -> None:
    said = message(file, text)
    assert expected in said
    assert "\n" not in said


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_config(Example, tmp_path / "absent.yaml")
    with pytest.raises(UsageError, match="cannot be read"):
        load_config(Example, tmp_path)


def test_a_missing_key(file: Path) -> None:
    assert message(file, "{}", model=Needs) == "1 problem\n  data is missing"
    with pytest.raises(UsageError, match=r"settings: 1 problem\n  data is missing"):
        load_config(Needs)


def test_problems_of_overrides_name_the_override(file: Path) -> None:
    said = message(file, "train: {lr: 0}\nname: a\n", "train.lr=-1", "train.epocs=3", "epochs", "name.x=1", "=3",
                   "backend=snn", "backend=ann", "data={a: 1", "train.stop=x")
    assert said == """8 problems
  epochs: need key=value, such as train.lr=1e-3
  name.x=1: name is 'a', so it has no keys
  =3: need key=value, such as train.lr=1e-3
  backend=ann: backend is given twice
  data={a: 1: '{a: 1' is not a value (""" + said.split("is not a value (")[1].split("\n")[0] + """
  train.epocs=3: unknown key train.epocs; did you mean epochs?
  train.lr=-1: train.lr is -1; need more than 0
  train.stop=x: train.stop is 'x'; need a whole number"""


def test_a_mapping_that_only_an_override_speaks_of_is_told_by_the_override(file: Path) -> None:
    said = message(file, "train: {lr: 0.1}\nname: a\n", "train.nested.lr=1")
    assert said.splitlines()[1].startswith("  train.nested.lr=1: unknown key train.nested")


def test_scalars_are_yaml_1_2() -> None:
    values = {"1e-3": 1e-3, "33_333": 33_333, "010": 10, "true": True, "no": "no", "": None, "[1, a]": [1, "a"],
              ".inf": math.inf, "2024-01-01": "2024-01-01", "'5'": "5", "a b": "a b"}
    assert {text: parse_scalar(text, "x") for text in values} == values


def test_configs_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Example().name = "other"  # type: ignore[misc]


class Anything(StrictModel):
    text: str
    number: float
    whole: int
    flag: bool | None
    place: Path
    items: tuple[float, ...]
    free: dict[str, Any]


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=st.builds(Anything, text=st.text(), number=st.floats(allow_nan=False), whole=st.integers(),
                        flag=st.none() | st.booleans(), place=st.just(Path("a b/c: d")),
                        items=st.lists(st.floats(allow_nan=False)).map(tuple),
                        free=st.dictionaries(st.text(), plain | st.lists(plain))))
def test_what_is_written_loads_back_equal(config: Anything, tmp_path: Path) -> None:
    path = tmp_path / "any.yaml"
    path.write_text(dump_config(config), encoding="utf-8", newline="")
    assert load_config(Anything, path) == config


def test_line_breaks_of_every_script_survive(tmp_path: Path) -> None:
    words = {f"a{mark}b": f"{mark} c{mark}" for mark in "\n\r\t\x85\u2028\u2029\x0b\x7f\ufeff\xa0\U0001f600"}
    path = tmp_path / "any.yaml"
    path.write_text(dump_config(Example(extra=words)), encoding="utf-8", newline="")
    assert load_config(Example, path).extra == words


def test_short_lists_are_written_on_one_line() -> None:
    assert "items: [1.0, 2.5]\n" in dump_config(Anything(text="no", number=1e-5, whole=1, flag=None, place=Path("a"),
                                                        items=(1, 2.5), free={}))


def test_shipped_configs_are_found_by_name(tmp_path: Path) -> None:
    here = tmp_path / "mine.yaml"
    here.write_text("a: 1")
    assert find_config(str(here)) == here
    for name, path in shipped_configs().items():
        assert find_config(name) == find_config(f"{name}.yaml") == path
    with pytest.raises(UsageError, match="no shipped configuration has that name"):
        find_config("nothing_like_it")


def test_settings_of_a_file_go_with_its_kind(tmp_path: Path) -> None:
    from neurofer.train.config import TrainConfig

    path = tmp_path / "config.yaml"
    path.write_text("represent: {kind: tie, settings: {variant: t_t}, window_us: 50000}\n")
    for words, kind, settings_left in (
        (["represent.kind=voxel"], "voxel", {}),
        (["represent.kind=voxel", "represent.settings.bins=9"], "voxel", {"bins": 9}),
        (["represent.settings.bins=9", "represent.kind=voxel"], "voxel", {"bins": 9}),
        (["represent.settings={bins: 3}", "represent.kind=voxel"], "voxel", {"bins": 3}),
        (["represent.kind=tie"], "tie", {"variant": "t_t"}),
    ):
        represent = load_config(TrainConfig, path, words).represent
        assert (represent.kind, represent.settings, represent.window_us) == (kind, settings_left, 50_000)
    assert load_config(TrainConfig, None, ["represent.kind=sae"]).represent.settings == {}
    assert load_config(TrainConfig, None, []).represent.settings == {"variant": "t0_t0", "kernel": "triangle14"}


def test_a_number_is_text_where_text_is_wanted():
    from neurofer.train.spot.config import SpotConfig

    config = load_config(SpotConfig, None, ["split.kind=loso", "split.subject=006", "out=12", "seed=7"])
    assert (config.split.subject, config.out, config.seed) == ("006", "12", 7)
    with pytest.raises(UsageError, match="seed"):
        load_config(SpotConfig, None, ["seed=x"])
