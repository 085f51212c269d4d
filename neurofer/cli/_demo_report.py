"""The words, tables and pictures of the demo's report."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neurofer.cli._numbers import score_cells, short_number

if TYPE_CHECKING:
    from neurofer.cli.demo import DemoResults
    from neurofer.data.clip import Clip
    from neurofer.plot.report import Bar, Picture, Report, Section, Table

NAMES = {"ann": "ann", "snn": "snn", "majority": "most frequent class", "event_count": "number of events alone"}
LONG = {"ann": "encoder and LSTM on TIE pictures", "snn": "spiking network on raw events"}


def demo_table(results: DemoResults) -> str:
    """Both backends and the baselines as a plain table."""
    from neurofer.cli.options import text_table

    header, rows = _score_rows(results)
    costs = [(backend, f"{found['parameters']:,}",
              f"{short_number(found['operations']['per_decision'])} {found['operations']['kind']}s",
              f"{found['latency']['p50_ms']:.2f} ms") for backend, found in results.evaluations.items()]
    return text_table(header, rows) + "\n\n" + text_table(("", "parameters", "per decision", "computed in"), costs)


def demo_report(results: DemoResults) -> Report:
    """The whole report."""
    from neurofer.plot.report import Report

    evaluation = results.evaluations["ann"]
    clips = evaluation["metrics"]["clip"]
    return Report(
        title="Expressions from events, two ways",
        lead=f"An ANN and a spiking network learned eight classes from made-up faces seen by a simulated event camera, "
             f"and were tested on {_people(clips['subjects'])} that neither had seen.",
        facts=_facts(results),
        sections=(_scores(results), _seen(results), _drawn(results), _costs(results), _early(results),
                  _learning(results), _over_time(results), _caveats(results), _again(results), _onwards(results)),
    )


def _facts(results: DemoResults) -> tuple[tuple[str, str], ...]:
    import torch

    from neurofer import __version__

    record = results.evaluations["ann"]
    total = sum(seconds for seconds in results.seconds.values())
    return (
        ("neurofer", __version__),
        ("seed", str(results.plan.seed)),
        ("data", f"{len(results.store.clips)} clips of {len(results.store.subjects)} people, "
                 f"digest {record['data']['digest'][:12]}"),
        ("machine", f"{platform.system()} {platform.machine()}, {_cores()} cores, torch {torch.__version__}"),
        ("time", f"{total:.0f} s of computing in this call"),
    )


def _cores() -> int:
    from neurofer.workers import processors

    return processors()


def _scores(results: DemoResults) -> Section:
    from neurofer.plot.report import Section, Table

    clips = results.evaluations["ann"]["metrics"]["clip"]
    header, rows = _score_rows(results)
    table: Table = Table(
        "Per clip, in per cent, with 95 % intervals over the tested people", header, tuple(rows),
        note="UAR: mean of the classes' recalls. Macro F1: mean of the classes' F1. Baselines learn from training "
             "people alone, and see no face.")
    return Section(
        "How often they are right",
        text=(f"Accuracy on {clips['samples']} clips of {_people(clips['subjects'])} not seen before; the line with "
              "two ends is the 95 % interval. A guess would be right in "
              f"{100 / len(results.store.classes):.1f} % of them.",),
        bars=tuple(_bars(results)), tables=(table,))


def _bars(results: DemoResults) -> list[Bar]:
    from neurofer.plot.report import Bar

    bars = []
    for name, scored in _scored(results):
        low, high = scored["interval"]["accuracy"] or (None, None)
        bars.append(Bar(NAMES[name], scored["accuracy"], low, high, weak=name not in results.evaluations))
    return bars


def _scored(results: DemoResults) -> list[tuple[str, dict[str, Any]]]:
    found = [(backend, one["metrics"]["clip"]) for backend, one in results.evaluations.items()]
    return found + list(results.evaluations["ann"]["baselines"].items())


def _score_rows(results: DemoResults) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows: list[tuple[str, ...]] = [(NAMES[name], *score_cells(scored)) for name, scored in _scored(results)]
    return ("", "accuracy %", "UAR %", "macro F1 %"), rows


def _cost_rows(results: DemoResults) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows: list[tuple[str, ...]] = []
    for backend, found in results.evaluations.items():
        work, late = found["operations"], found["latency"]
        rate = f"{work['rate']:.3f}" if "rate" in work else "-"
        rows.append((backend, f"{found['parameters']:,}", f"{work['kind']}s", short_number(work["per_decision"]),
                     short_number(work["per_second"]), rate, f"{late['evidence_ms']:.0f}", f"{late['p50_ms']:.2f}",
                     f"{late['p95_ms']:.2f}"))
    return ("", "parameters", "counted", "per decision", "per second of input", "spikes per neuron and step",
            "evidence ms", "compute ms", "95 % of them ms"), rows


def _costs(results: DemoResults) -> Section:
    from neurofer.plot.report import Section, Table

    threads = results.evaluations["ann"]["latency"]["threads"]
    header, rows = _cost_rows(results)
    return Section("What a decision costs", text=(
        "A multiply-accumulate (MAC) is done whether anything moved or not. A synaptic operation is one spike at one "
        "synapse: an addition that is done only when there is a spike, counted here on real test clips. They are not "
        "the same work, so one must not be divided by the other.",
        f"Evidence is the time of events that a decision looks at; compute is the network alone, on {threads} thread "
        "of this machine, from ready input to decision. Neither is the time that a neuromorphic chip would take."),
        tables=(Table("Size, operations and time of both networks", header, tuple(rows)),))


def _early(results: DemoResults) -> Section:
    from neurofer.plot.report import Picture, Section, Table

    said = {backend: found["anytime"] for backend, found in results.evaluations.items() if found.get("anytime")}
    moments = next(iter(said.values()))["at_ms"] if said else []
    rows = [(backend, *("-" if value is None else f"{100 * value:.1f}" for value in one["accuracy"]),
             f"{100 * one['whole']:.1f}") for backend, one in said.items()]
    pictures = [Picture((results.out / backend / "anytime.png").read_bytes(),
                        f"Accuracy of {backend} over the time since a recording began.",
                        f"{backend}, test people.")
                for backend in said if (results.out / backend / "anytime.png").exists()]
    return Section("How early they are right", text=(
        "What each would say if the recording ended at that moment. The spiking network says something after every "
        "step, the other one after every window once it has seen a first context; neither was trained for it.",),
        tables=(Table("Accuracy in per cent, by the time since a recording began",
                      ("", *(f"{ms} ms" for ms in moments), "whole"), tuple(rows)),) if said else (),
        pictures=tuple(pictures))


def _learning(results: DemoResults) -> Section:
    from neurofer.plot.report import Picture, Section

    pictures = []
    for backend, found in results.evaluations.items():
        folder = results.out / backend
        accuracy = 100 * found["metrics"]["clip"]["accuracy"]
        pictures.append(Picture((folder / "curves.png").read_bytes(),
                                f"Loss and accuracy by epoch of {backend} on training and validation people.",
                                f"{backend}: the epoch with the best validation is kept; test people play no part."))
        pictures.append(Picture((folder / "confusion.png").read_bytes(),
                                f"Confusion matrix of {backend} on the test people; {accuracy:.1f} % on the diagonal. "
                                f"Recall by class: {_recalls(found)}.",
                                f"{backend}, test people: rows are what was shown, columns what was said."))
    return Section("How they learned, and what they mix up", pictures=tuple(pictures))


def _recalls(found: dict[str, Any]) -> str:
    rows = found["metrics"]["clip"]["per_class"].items()
    return ", ".join(f"{name} {100 * row['recall']:.0f} %" for name, row in rows)


def _seen(results: DemoResults) -> Section:
    from neurofer.plot.report import Section

    subject = sorted(results.evaluations["ann"]["metrics"]["clip"]["per_subject"])[0]
    clips = {clip.label: clip for clip in reversed(results.store.of_subjects([subject]))}
    window_us = _window_us(results)
    pictures = tuple(_seen_picture(results, clips[label], window_us)
                     for label in results.store.classes if label in clips)
    return Section("What they see", text=(
        f"One unseen person ({subject}) with each expression, half way from onset to apex. Top: the drawn face, which "
        f"neither network gets. Middle: the events of {window_us / 1000:.0f} ms, red where it became brighter, blue "
        "where darker; the spiking network gets these as spikes. Bottom: the TIE picture of the same events, which the "
        "ANN gets.",),
        pictures=pictures)


def _drawn(results: DemoResults) -> Section:
    from neurofer.cli.demo import GAN
    from neurofer.plot.report import Picture, Section, Table
    from neurofer.train.run_folder import read_card

    folder = results.out / GAN
    card = read_card(folder)
    sheet = max(folder.glob("sheet-*.png"))
    scored = card["metrics"]
    rows = tuple((what, *(f"{scored[key][name]:.{digits}f}" for name, digits in
                          (("psnr_db", 2), ("ssim", 3), ("ncc", 3), ("mae", 4))))
                 for what, key in (("drawn from events", "held_out"),
                                   ("drawn with another clip's embedding", "other_embedding"),
                                   ("mean training face", "mean_face")) if scored[key])
    return Section("What the pre-training draws", text=(
        f"Before it saw any class, the encoder of the ANN learned to draw the grey face from the TIE picture of "
        f"{card['window_us'] / 1000:.0f} ms, on {_people(len(card['subjects']))}. Below, people that it has not seen: "
        "what moved can be drawn; skin, light and whatever kept still cannot be read from events, so drawings fall "
        "back to faces of the training people there.",),
        pictures=(Picture(sheet.read_bytes(), "Events, TIE, drawn and true faces of held-out people.",
                          "Rows: events, TIE, the face as drawn, the face as it was."),),
        tables=(Table("How near drawings come to the faces of people not seen before",
                      ("", "PSNR dB", "SSIM", "NCC", "MAE"), rows),))


def _window_us(results: DemoResults) -> int:
    """Length of the windows that the ANN was trained on."""
    from neurofer.train.run_folder import read_card

    return int(read_card(results.out / "ann")["window_us"])


def _seen_picture(results: DemoResults, clip: Clip, window_us: int) -> Picture:
    from neurofer.events import open_recording
    from neurofer.plot.frames import EventFrame, frame_image, full_count
    from neurofer.plot.report import Picture, pixels_png
    from neurofer.represent import build_representation

    middle = (clip.truth["onset_us"] + clip.truth["apex_us"]) // 2 if "onset_us" in clip.truth else clip.stop_us // 2
    window = (middle - window_us // 2, middle - window_us // 2 + window_us)
    with open_recording(clip.path) as recording:
        events = recording.between(*window)
        tie = _tie_pixels(results, recording.start_us, events, window)
    counts = build_representation("counts")(events, window).astype(np.uint16)
    shown = np.rint(255 * frame_image(counts, full_count([EventFrame(*window, counts)]))).astype(np.uint8)
    face = np.repeat(_drawn_face(results, clip, middle)[:, :, None], 3, axis=2)
    gap = np.full((3, face.shape[1], 3), 255, np.uint8)
    return Picture(pixels_png(np.concatenate([face, gap, shown, gap, tie])),
                   f"{clip.label}: drawn face, {len(events)} events, TIE picture.", clip.label, pixels=True)


def _tie_pixels(results: DemoResults, origin_us: int, events: Any, window: tuple[int, int]) -> NDArray[np.uint8]:
    from neurofer.plot.representations import rgb_image
    from neurofer.represent import build_representation
    from neurofer.train.run_folder import read_card

    recipe = read_card(results.out / "ann")["representation"]
    channels = build_representation(recipe["kind"], **recipe["settings"])(events, window, origin_us=origin_us)
    return rgb_image(channels.astype(np.uint8, copy=False))


def _drawn_face(results: DemoResults, clip: Clip, time_us: int) -> NDArray[np.uint8]:
    """The frame of that moment, drawn again from the plan."""
    from itertools import islice

    from neurofer.simulate.performance import draw_performance, draw_subject, film

    person, number = int(clip.subject[1:]), int(clip.name.rsplit("_", 1)[1])
    performance = draw_performance(results.plan.seed, draw_subject(results.plan.seed, person), clip.label, number)
    fps = 30.0
    drawn = film(performance, (results.plan.size_px,) * 2, fps)
    place = min(round(time_us * fps / 1e6), len(drawn.track.times_us) - 1)
    return np.rint(next(islice(drawn.frames(), place, None))).astype(np.uint8)


def _over_time(results: DemoResults) -> Section:
    from neurofer.events import open_recording
    from neurofer.plot.decisions import DecisionTrack, decisions_figure
    from neurofer.plot.report import Picture, Section, Table, figure_png

    clip = next(clip for clip in results.store.clips if clip.name == results.clip)
    tracks = [DecisionTrack(f"{backend}: {LONG[backend]}", np.array([one.stop_us for one in said]),
                            np.array([one.probabilities for one in said]))
              for backend, said in results.decisions.items()]
    with open_recording(clip.path) as recording:
        times = recording.between(recording.start_us, recording.end_us + 1).t
    moments = {name.removesuffix("_us"): clip.truth[name] for name in ("onset_us", "apex_us", "offset_us")
               if name in clip.truth}
    figure = decisions_figure(tracks, results.store.classes, times, truth=clip.label, moments_us=moments)
    rows = tuple((backend, str(len(said)), f"{sum(one.label == clip.label for one in said)}",
                  f"{np.median([one.latency_ms for one in said]):.1f}") for backend, said in results.decisions.items())
    return Section("Decisions while a recording runs", text=(
        f"Recording {clip.name} of an unseen person, {len(times):,} events; true class: {clip.label}. It is the first "
        "such recording by name, not the best one. Each decision is drawn at the end of its window; the strip below "
        "each panel is blue where the strongest class is the true one.",),
        tables=(Table("Decisions about this recording",
                      ("", "decisions", f"of them {clip.label}", "median ms from events to decision"), rows),),
        pictures=(Picture(figure_png(figure), f"Probabilities of the classes over time for both backends; true class "
                          f"{clip.label}."),))


def _caveats(results: DemoResults) -> Section:
    from neurofer.plot.report import Section

    clips = results.evaluations["ann"]["metrics"]["clip"]
    return Section("What this does and does not show", text=(
        "The faces are drawn from published action units, with identities, blinks, gaze, head sway, speech and light "
        "that do not tell the class. They are not photographs, and a number reached on them says nothing about "
        "recorded people.",
        f"People are split into training, validation and test, and nobody is in two parts. The epoch is chosen on "
        f"validation people; the test people are read once, at the end. This is one seed, tested on "
        f"{_people(clips['subjects'])}: the interval says how much other people would change the result, not how much "
        "another seed would.",
        "Both networks are small, so that this ends in minutes. Which backend is ahead here does not say which would "
        "be ahead with more data or a longer training.",
        *(("This was a --quick run, with few people and two epochs: it shows that everything runs, and nothing else.",)
          if results.quick else ())))


def _again(results: DemoResults) -> Section:
    from neurofer.plot.report import Section

    out, plan = results.out, results.plan
    short = " train.epochs=2" if results.quick else ""
    size = ""
    if results.quick:
        size = f" --subjects {plan.subjects} --clips-per-class {plan.clips_per_class} --fps {plan.fps:g}"
    return Section("The same by hand", text=("Each step is a command of its own:",), commands=(
        f"neurofer prepare synthetic --out {out}/store --seed {plan.seed} --frames{size}",
        f"neurofer pretrain --config pretrain_demo --data {out}/store --out {out}/gan --seed {plan.seed}{short}",
        f"neurofer train --config ann_demo --data {out}/store --out {out}/ann --seed {plan.seed} model.mode=finetune "
        f"model.encoder_from={out}/gan{short}",
        f"neurofer train --config snn_demo --data {out}/store --out {out}/snn --seed {plan.seed}{short}",
        *(f"neurofer evaluate {out}/{backend}" for backend in results.evaluations),
        *(f"neurofer predict {out}/{backend} {out}/store/events/{results.clip}" for backend in results.evaluations)))


def _onwards(results: DemoResults) -> Section:
    from neurofer.plot.report import Section

    out = results.out
    return Section("And to a chip", text=(
        "The spiking network was trained in the integers of a Loihi 2, so it can be exported as it is: the first "
        "command writes its integers and says how they lie on the chip, the second decides with them alone, the third "
        "puts both networks and every target side by side. Where Lava is installed (make lava), add lava.",), commands=(
        f"neurofer export {out}/snn --target loihi2 -o {out}/net.h5 --report {out}/fit.html",
        f"neurofer deploy {out}/net.h5 --on simulate {out}/store/events/{results.clip}",
        f"neurofer compare {out}/ann {out}/snn --targets torch,simulate,gpu --data {out}/store -o {out}/comparison"))


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"
