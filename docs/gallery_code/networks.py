"""Networks: what happens inside while they decide."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def spike_raster(demo: Path) -> Figure:
    """Spikes of every layer

    A mark for every spike, layers from the input down to the classes, the true one in blue; right, how often each
    neuron fired. The strip is blue while the decision so far is right.
    """
    import torch

    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.plot.raster import raster_figure
    from neurofer.spiking.bins import spike_tensor
    from neurofer.spiking.maps import spike_trains
    from neurofer.spiking.readout import running_decisions
    from neurofer.train.run_folder import load_run

    run, clips = load_run(demo / "snn"), open_store(demo / "store")
    clip = next(one for one in clips.clips if one.name == "s019_surprise_02")
    dt_us, events = run.card["dt_us"], open_recording(clip.path).between(clip.start_us, clip.stop_us)
    bins = spike_tensor(events, 0, 60 * dt_us, dt_us, clip.box, run.card["size_px"])
    trains = spike_trains(run.model, torch.from_numpy(bins.spikes).unsqueeze(1))
    last = torch.from_numpy(list(trains.values())[-1]).float().unsqueeze(1)
    return raster_figure(trains, dt_us / 1e3, classes=clips.classes, truth=clips.label_number(clip),
                         decided=running_decisions(last)[:, 0].numpy())


def membranes(demo: Path) -> Figure:
    """Membranes of single neurons

    Input charges a membrane, which leaks in between. Above the dashed threshold the neuron fires (the orange tick) and
    starts again from 0. These are the neurons of the classes, in the integers of the chip.
    """
    import torch

    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.plot.membranes import membrane_figure
    from neurofer.spiking.bins import spike_tensor
    from neurofer.spiking.traces import membrane_traces
    from neurofer.train.run_folder import load_run

    run, classes = load_run(demo / "snn"), open_store(demo / "store").classes
    clip = next(one for one in open_store(demo / "store").clips if one.name == "s019_surprise_02")
    dt_us, events = run.card["dt_us"], open_recording(clip.path).between(clip.start_us, clip.stop_us)
    bins = spike_tensor(events, 0, 60 * dt_us, dt_us, clip.box, run.card["size_px"])
    traces = membrane_traces(run.model, torch.from_numpy(bins.spikes).unsqueeze(1), "dense2", range(len(classes)))
    return membrane_figure(traces.membranes, traces.spikes, dt_us / 1e3, names=classes)


def spike_maps(demo: Path) -> Figure:
    """Where a spiking network fires

    Spikes of each neuron over a clip, as maps of the channels that differ most over the face; dense layers are strips.
    """
    import torch

    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.plot.features import feature_maps_figure
    from neurofer.spiking.bins import spike_tensor
    from neurofer.spiking.maps import spike_maps
    from neurofer.train.run_folder import load_run

    run = load_run(demo / "snn")
    clip = next(one for one in open_store(demo / "store").clips if one.name == "s019_surprise_02")
    dt_us, events = run.card["dt_us"], open_recording(clip.path).between(clip.start_us, clip.stop_us)
    bins = spike_tensor(events, 0, 60 * dt_us, dt_us, clip.box, run.card["size_px"])
    maps = spike_maps(run.model, torch.from_numpy(bins.spikes).unsqueeze(1))
    return feature_maps_figure(maps, unit="spikes")


def encoder_maps(demo: Path) -> Figure:
    """What an encoder sees

    Feature maps of one window, block by block: orange is above 0, blue below, each row on a scale of its own. The last
    row is the vector that the LSTM gets.
    """
    from neurofer.data.crop import crop_resize
    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.models.maps import encoder_maps
    from neurofer.plot.features import feature_maps_figure
    from neurofer.represent import build_representation
    from neurofer.train.ann import pictures_to_network
    from neurofer.train.run_folder import load_run

    run = load_run(demo / "ann")
    clip = next(one for one in open_store(demo / "store").clips if one.name == "s019_surprise_02")
    recipe, window_us = run.card["representation"], (150_000, 150_000 + run.card["window_us"])
    events = open_recording(clip.path).between(*window_us)
    picture = build_representation(recipe["kind"], **recipe["settings"])(events, window_us)
    picture = crop_resize(picture, clip.box, run.card["size_px"])
    return feature_maps_figure(encoder_maps(run.model, pictures_to_network(picture[None, None])[0, 0]))


def reconstruction(demo: Path) -> Figure:
    """Faces drawn from events

    Events, what the generator saw, what it drew, and the true frame of people it never saw. Where nothing moves there
    are no events, so skin and light are guessed.
    """
    from safetensors.torch import load_file

    from neurofer.config import load_config
    from neurofer.data.crop import crop_resize
    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.plot.reconstruction import Shown, reconstruction_sheet
    from neurofer.represent import build_representation
    from neurofer.train.data import partition_of
    from neurofer.train.gan import build_gan, draw
    from neurofer.train.pretrain_config import PretrainConfig
    from neurofer.train.reconstruct import prepare_pairs

    settings, clips = load_config(PretrainConfig, demo / "gan/config.yaml"), open_store(demo / "store")
    task, _ = prepare_pairs(settings, clips, partition_of(settings.split, clips), demo / "store/.cache")
    generator = build_gan(settings, channels=3).generator
    generator.load_state_dict(load_file(demo / "gan/model.safetensors"))
    rows, columns = task.busiest(6), []
    pictures, faces = task.read(rows)
    for row, seen, drawn, face in zip(rows, pictures, draw(generator, pictures), faces, strict=True):
        clip = clips.clips[task.pairs.clip_of(int(row))]
        start_us = int(row - task.pairs.first[task.pairs.clip_of(int(row))]) * settings.represent.window_us
        window_us = (start_us, start_us + settings.represent.window_us)
        counts = build_representation("counts")(open_recording(clip.path).between(*window_us), window_us)
        columns.append(Shown(f"{clip.subject}\n{clip.label}", crop_resize(counts, clip.box, settings.model.size_px),
                             seen.numpy(), drawn.numpy(), face.numpy()))
    return reconstruction_sheet(columns, picture_name="TIE")
