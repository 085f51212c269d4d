"""Slices of a fixed number of events: their settings, and what does not go together with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, PositiveInt

from neurofer.config import StrictModel

if TYPE_CHECKING:
    from neurofer.train.config import SnnConfig, TrainConfig

READ = ("input", "preset", "size_px", "width", "dropout", "target")
"""Keys of ``snn`` that ``sew_resnet18`` looks at."""

NOT_EXPORTABLE = {
    "snn": "SEW-ResNet-18 is for training and GPUs: batch norm, pooling, skip connections that add spikes, biases and "
           "neurons without leak that fire at the threshold are outside the grammar of the chips",
    "ann": "an ordinary network: nothing in it fires",
}


class SlicesConfig(StrictModel):
    """What ``snn.preset=sew_resnet18`` and ``model.kind=resnet18`` see of a clip: the central ``frames`` slices of
    ``events`` events each, as binary frames; of a clip with fewer events so many equal slices."""

    frames: PositiveInt = Field(6, le=256)
    events: PositiveInt = 2_500


def reads_slices(config: TrainConfig) -> bool:
    """Whether the network of a run is fed slices."""
    return config.snn.input == "slices" if config.backend == "snn" else config.model.kind == "resnet18"


def snn_problems(snn: SnnConfig) -> list[str]:
    """What of the settings of a spiking network does not go with its input, one sentence each."""
    resnet = snn.preset == "sew_resnet18" and snn.layers is None
    if not resnet and snn.input != "slices":
        return []
    if not resnet or snn.input != "slices":
        network = "layers of your own" if snn.layers is not None else f"preset={snn.preset}"
        return ["snn.preset=sew_resnet18 and snn.input=slices belong together, and snn.layers to neither; got "
                f"{network} and input={snn.input}"]
    fields = type(snn).model_fields
    said = [f"snn.{name}" for name, field in fields.items()
            if name not in READ and getattr(snn, name) != field.get_default(call_default_factory=True)]
    if said:
        return [f"snn.preset=sew_resnet18 has neurons and a loss of its own and does not read {', '.join(said)}; "
                "leave that out, or begin with --config spiking_fer_synthetic"]
    return []


def slices_problems(config: TrainConfig) -> list[str]:
    """What of a run's settings does not go with slices, one sentence each."""
    if not reads_slices(config):
        return []
    who = "snn.preset=sew_resnet18" if config.backend == "snn" else "model.kind=resnet18"
    problems = []
    if config.backend == "ann" and config.model.mode != "scratch":
        problems.append(f"{who} has no encoder to take over or to freeze, model.mode is {config.model.mode}; use "
                        "scratch")
    if config.distill.run is not None:
        problems.append(f"{who} learns from labels alone; leave out distill.run")
    flags = [name for name in ("bn_train", "augment_per_frame", "double_windowing") if getattr(config.parity, name)]
    if flags:
        problems.append(f"{who} sees a clip as one sample and does not read parity.{', parity.'.join(flags)}; leave "
                        "that out")
    return problems


def card_of_slices(config: TrainConfig) -> dict[str, Any]:
    """What a model card says about a network that is fed slices: nothing in windows or steps of time, and no export."""
    return {"representation": None, "window_us": None, "context_windows": 1, "dt_us": None, "readout_us": None,
            "rate_gain": None, "slices": config.slices.model_dump(), "exportable": False,
            "not_exportable_because": NOT_EXPORTABLE[config.backend]}
