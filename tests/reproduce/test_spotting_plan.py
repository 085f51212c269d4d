"""Which experiments a table of spotting is of: variants, folds, what cannot be asked for, shipped settings."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from neurofer.config import dump_config, load_config, shipped_configs
from neurofer.errors import UsageError
from neurofer.reproduce.spotting import _modules
from neurofer.reproduce.spotting_variants import (
    BASE,
    DEFAULT,
    VARIANTS,
    plan_spotting,
    settings_of,
    variant_config,
    variant_text,
)
from neurofer.train.spot.config import SpotConfig
from trees.spot_records import made_up_videos

SHIPPED = ("spotting", "spotting_synthetic")


def test_every_variant_changes_what_it_says_and_nothing_else() -> None:
    base = SpotConfig()
    said = base.model_dump()
    assert set(DEFAULT) == set(VARIANTS) - {"inner"}
    for name in VARIANTS:
        made = variant_config(base, name).model_dump()
        changed = {(key, inner) for key in said if isinstance(said[key], dict) for inner in said[key]
                   if made[key][inner] != said[key][inner]}
        changed |= {(key, "") for key in said if not isinstance(said[key], dict) and made[key] != said[key]}
        wanted = {(key, inner) for key, value in VARIANTS[name][1].items() for inner in value}
        assert changed <= wanted, name
        assert bool(changed) == (name != BASE), name
        assert variant_text(name)


def test_an_event_variant_reads_both_windows_whatever_the_base_reads() -> None:
    base = load_config(SpotConfig, None, ["input.references=before", "input.lcn=true"])
    assert (variant_config(base, "event").input.references, variant_config(base, "event").input.lcn) == ("both", False)
    assert variant_config(base, "event_lcn").input.lcn is True


def test_a_plan_is_whole_seed_by_seed_and_one_thread_each() -> None:
    config = SpotConfig(data=["x"], out="y")
    cells = plan_spotting(config, made_up_videos({"a": 2}), 2, [BASE, "k_half"])
    assert [cell.name for cell in cells] == [
        "base-000-a+p0-s0", "base-001-a+p1-s0", "k_half-000-a+p0-s0", "k_half-001-a+p1-s0", "base-000-a+p0-s1",
        "base-001-a+p1-s1", "k_half-000-a+p0-s1", "k_half-001-a+p1-s1"]
    last = settings_of(cells[-1])
    assert (last.skip.factor, last.seed, last.split.kind, last.split.subject, last.threads) == (
        0.5, 1, "loso", "a/p1", 1)
    assert (last.data, last.out) == (None, None)


def test_subjects_are_tested_from_every_data_set_in_turn() -> None:
    cells = plan_spotting(SpotConfig(), made_up_videos({"b": 2, "a": 3}), 1, [BASE], 3)
    assert [cell.parameters["subject"] for cell in cells] == ["a/p0", "b/p0", "a/p1"]


@pytest.mark.parametrize(("overrides", "variants", "told"), [
    ((), [BASE, "no_lnc"], "no_lnc is unknown; did you mean no_lcn?"),
    ((), [BASE, BASE], "--variants names base 2 times"), ((), [], "--variants is empty"),
    (["input.kind=events"], [BASE, "no_lcn"], "no_lcn and base are the same with these settings"),
    (["input.kind=events"], [BASE, "one_reference"], "one_reference and base are the same with these settings"),
    (["skip.micro=6", "skip.macro=18"], [BASE, "k_half"], "k_half and base are the same"),
    (["decode.tune=false"], [BASE, "inner"], "inner and base are the same")])
def test_what_cannot_be_asked_for_is_told(overrides: list[str], variants: list[str], told: str) -> None:
    config = load_config(SpotConfig, None, overrides)
    with pytest.raises(UsageError, match=re.escape(told)):
        plan_spotting(config, made_up_videos({"a": 2}), 1, variants)


def test_impossible_numbers_are_told_together() -> None:
    with pytest.raises(UsageError, match=r"--seeds is 0; need 1 or more; --subjects is 3; need 1 to 2"):
        plan_spotting(SpotConfig(), made_up_videos({"a": 2}), 0, [BASE], 3)
    with pytest.raises(UsageError, match="a has 1 subject"):
        plan_spotting(SpotConfig(), made_up_videos({"a": 1}), 1, [BASE])


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_configuration_says_its_command_and_makes_every_variant(name: str, tmp_path: Path) -> None:
    path = shipped_configs()[name]
    commands = re.findall(r"^# (neurofer reproduce spotting .*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 1
    assert f"--config {name} " in commands[0]
    config = load_config(SpotConfig, path)
    assert len(plan_spotting(config, made_up_videos({"a": 2}), 1, list(VARIANTS))) == 2 * len(VARIANTS)
    (tmp_path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert load_config(SpotConfig, tmp_path / "config.yaml") == config


def test_the_full_size_is_that_of_the_specification() -> None:
    config = load_config(SpotConfig, shipped_configs()["spotting"])
    assert config == SpotConfig()  # the defaults are those of sections 4 and 5
    assert (config.input.size_px, config.train.epochs, config.train.batch, config.train.lr) == (112, 10, 48, 5e-4)
    assert (config.model.width, config.model.dropout, config.decode.peak_share) == (1, 0.3, 0.55)


DECIDING = ("neurofer.events.noise", "neurofer.evaluate", "neurofer.keyframes", "neurofer.models", "neurofer.represent",
            "neurofer.spotting", "neurofer.train.spot")


def test_the_code_of_a_fold_is_all_that_decides_it() -> None:
    names = {module.__name__ for module in _modules()}
    assert {"neurofer.train.spot", "neurofer.spotting", "neurofer.models.spotter", "neurofer.models.spotter_dense",
            "neurofer.keyframes", "neurofer.represent.scatter", "neurofer.events.noise"} <= names
    for module in _modules():
        home = Path(str(module.__file__))
        for path in sorted(home.parent.glob("*.py")) if home.name == "__init__.py" else [home]:
            for used in _imported(path):
                known = used in names or any(used.startswith(f"{name}.") for name in names)
                assert known or not used.startswith(DECIDING), f"{path} needs {used}, which is not in the digest"


def _imported(path: Path) -> set[str]:
    """Modules of ours that a file imports, those that are named by their package, too."""
    found = [(node.module, name.name) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("neurofer.")
             for name in node.names]
    return {f"{module}.{name}" if hasattr(import_module(module), "__path__") else module for module, name in found}
