"""Decisions: what was said, how sure, how early, how fast."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure


def decisions_over_time(demo: Path) -> Figure:
    """Decisions over time

    The true class in blue, its strongest rivals in colours, all others in grey; the strip below a panel is blue where
    the true class leads.
    """
    import numpy as np

    from neurofer.data.store import open_store
    from neurofer.events import open_recording
    from neurofer.plot.decisions import DecisionTrack, decisions_figure
    from neurofer.stream.predictor import Predictor

    clips, tracks = open_store(demo / "store"), []
    clip = next(one for one in clips.clips if one.name == "s019_surprise_02")
    recording = open_recording(clip.path)
    for backend in ("ann", "snn"):
        said = list(Predictor.open(demo / backend).decide(recording, clip.box))
        tracks.append(DecisionTrack(backend, np.array([one.stop_us for one in said]),
                                    np.array([one.probabilities for one in said])))
    moments_us = {name.removesuffix("_us"): at_us for name, at_us in clip.truth.items()}
    return decisions_figure(tracks, clips.classes, recording.between(clip.start_us, clip.stop_us).t, truth=clip.label,
                            moments_us=moments_us)


def latency(demo: Path) -> Figure:
    """Latency of decisions

    From the end of a window to its decision, most of it waiting at the 99th percentile. Left, the black outline is the
    whole, the blue area computing alone; past the dashed limit the next window has ended. The times here are made up,
    so that the page is the same on every machine: take those of your own decisions.
    """
    import numpy as np

    from neurofer.plot.latency import latency_figure
    from neurofer.stream.decisions import Decision

    draw = np.random.default_rng(0)
    decisions = [Decision(0, 33_333, "surprise", (), 0, latency_ms=draw.lognormal(1.5, 0.25), evidence_ms=100.0,
                          queue_ms=draw.exponential(12) if draw.random() < 0.3 else 0.05) for _ in range(900)]
    return latency_figure([one.latency_ms for one in decisions], [one.queue_ms for one in decisions],
                          [one.evidence_ms for one in decisions], limit_ms=33.3)


def reliability(demo: Path) -> Figure:
    """Reliability

    Right as often as sure, the bars end on the diagonal. Light orange: surer than right; light blue: too modest. ECE is
    the mean gap over decisions; with few of them in a bin, part of its gap is chance.
    """
    import csv

    import numpy as np

    from neurofer.evaluate.calibration import calibration
    from neurofer.plot.reliability import reliability_figure

    rows = list(csv.DictReader((demo / "ann/predictions.csv").open(encoding="utf-8")))
    classes = list(rows[0])[4:]
    probabilities = np.array([[float(row[name]) for name in classes] for row in rows])
    return reliability_figure(calibration(probabilities, np.array([classes.index(row["truth"]) for row in rows])))


def confusion(demo: Path) -> Figure:
    """Confusion matrix

    A row is a true class, a column what was said: large numbers are per cent of the row, small ones clips.
    """
    import json

    from neurofer.plot.training import confusion_figure

    result = json.loads((demo / "ann/run.json").read_text(encoding="utf-8"))["test"]["result"]
    return confusion_figure(result["metrics"]["clip"]["confusion"], result["classes"])


def anytime(demo: Path) -> Figure:
    """How early a spiking network is right

    Left, accuracy had every clip ended at that moment. Right, how often the neurons of each layer fire, with the
    operations that costs and their share of what the same network would need without spikes.
    """
    import json

    from neurofer.plot.spiking import time_figure

    result = json.loads((demo / "snn/run.json").read_text(encoding="utf-8"))["test"]["result"]
    floor = result["baselines"]["majority"]["accuracy"]
    return time_figure(result["anytime"], floor, result["operations"]["layers"])
