"""A file that claims to be the state of a stream: damaged or made up, it is refused and nothing else happens."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from neurofer.data.clip import Box
from neurofer.errors import BadFileError
from neurofer.events.events import Events
from neurofer.stream.predictor import Predictor
from neurofer.stream.saved_state import _sum
from trees.live_runs import ann_run, snn_run

BOX = Box(30, 4, 70, 80)
OVER_YEARS = 10**15


@pytest.fixture(scope="module")
def predictors() -> dict[str, Predictor]:
    return {"ann": Predictor(ann_run()), "snn": Predictor(snn_run())}


def written(predictor: Predictor, events: Events, path: Path, box: Box | None = BOX) -> tuple[Any, dict[str, Tensor]]:
    """What a state of a stream in its middle says."""
    stream = predictor.live(box)
    stream.push(events[: len(events) // 2])
    stream.save(path)
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["state"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def write(path: Path, facts: Any, tensors: dict[str, Tensor]) -> None:
    text = json.dumps(facts)
    save_file(tensors, path, {"state": text, "sha256": _sum(text, tensors)})


@pytest.mark.parametrize(("keys", "value"), [
    (("cut", 0), -OVER_YEARS), (("cut", 1), OVER_YEARS), (("cut", 1), -1), (("cut", 1), 0), (("cut", 2), OVER_YEARS),
    (("cut", 3), -OVER_YEARS), (("cut", 3), float("inf")), (("cut", 4), OVER_YEARS), (("cut", 4), 0.5), (("cut",), []),
    (("sensor", 0), float("inf")), (("sensor", 0), OVER_YEARS), (("sensor",), None), (("scene", 0, 2), OVER_YEARS),
    (("scene", 0, 0), None), (("scene", 1), None), (("scene", 1), OVER_YEARS), (("face", 1), "elsewhere"),
    (("face", 0), [0, 0, 0, 0]), (("counts", 0), float("nan")), (("look_us",), float("inf")), (("windows",), [[0, 1]]),
    (("windows",), [[0, OVER_YEARS]]), (("last",), True)])
def test_numbers_that_contradict_each_other_are_refused(predictors: dict[str, Predictor], face_events: Events,
                                                        tmp_path: Path, keys: tuple[Any, ...], value: Any) -> None:
    facts, tensors = written(predictors["ann"], face_events, tmp_path / "state")
    place = facts
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    write(tmp_path / "state", facts, tensors)
    with pytest.raises(BadFileError, match="state: is broken"):
        predictors["ann"].live().restore(tmp_path / "state")


def test_windows_that_wait_for_a_face_must_follow_each_other(predictors: dict[str, Predictor], face_events: Events,
                                                            tmp_path: Path) -> None:
    facts, tensors = written(predictors["snn"], face_events, tmp_path / "state", box=None)
    assert len(facts["windows"]) > 1
    for place, edge, value in [(0, 0, 0), (1, 1, OVER_YEARS), (1, 0, facts["windows"][1][0] + 1)]:
        changed = copy.deepcopy(facts)
        changed["windows"][place][edge] = value
        write(tmp_path / "state", changed, tensors)
        with pytest.raises(BadFileError, match="is said to be"):
            predictors["snn"].live().restore(tmp_path / "state")


@pytest.mark.parametrize("kind", ["ann", "snn"])
def test_tensors_of_another_kind_are_refused(predictors: dict[str, Predictor], face_events: Events, tmp_path: Path,
                                             kind: str) -> None:
    facts, tensors = written(predictors[kind], face_events, tmp_path / "state")
    for name, value in tensors.items():
        if name.startswith("step."):
            for other in (value.double(), value.flatten(), value.to(torch.int32)):
                write(tmp_path / "state", facts, {**tensors, name: other})
                with pytest.raises(BadFileError, match="is broken"):
                    predictors[kind].live().restore(tmp_path / "state")


def test_a_flipped_bit_anywhere_is_noticed(predictors: dict[str, Predictor], face_events: Events,
                                           tmp_path: Path) -> None:
    written(predictors["ann"], face_events, tmp_path / "state")
    whole = (tmp_path / "state").read_bytes()
    for place in range(0, len(whole), 97):
        changed = bytearray(whole)
        changed[place] ^= 1 << place % 8
        (tmp_path / "flipped").write_bytes(changed)
        with pytest.raises(BadFileError):
            predictors["ann"].live().restore(tmp_path / "flipped")
