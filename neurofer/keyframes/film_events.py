"""Events of a stabilised film: what an event camera would have seen of it, and whether the film is good enough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.events.events import Events
from neurofer.simulate.esim import EsimPixel
from neurofer.simulate.settings import PixelSettings
from neurofer.simulate.upsample import Picture, Upsampler

Film = NDArray[np.uint8] | NDArray[np.float32]

THRESHOLD = 0.1
BLUR_PX = 1.0
NOISE_MARGIN = 5.0
_NOISE_PAIRS = 200
_DARKEST = 1e-3  # what the ESIM pixel adds to light before the logarithm


def film_events(frames: Film, times_us: NDArray[np.int64], threshold: float = THRESHOLD,
                blur_px: float = BLUR_PX) -> Events:
    """The events of a film: every change of log intensity by ``threshold``, at the time it was reached.

    The film must be stabilised, or the motion of the head owns the events. Pixels are ideal (ESIM): linear between
    frames, equal thresholds, no noise of their own.

    Args:
        frames: ``(N, H, W)`` grey, uint8 or float32 in 0..255, N at least 1.
        times_us: ``(N,)`` strictly increasing.
        threshold: Change of the natural logarithm of light that makes an event, 0.05 to 0.10 for faces.
        blur_px: Sigma of the Gaussian blur of each frame, against its noise; 0 for none.

    Returns:
        Events of a sensor of ``(W, H)``, none before or at the first frame.

    Raises:
        ValueError: another shape or type, times that do not increase, a threshold below 0.01 or a negative blur.

    Source:
        Rebecq, Gehrig, Scaramuzza, "ESIM: an Open Event Camera Simulator", CoRL 2018.
    """
    _check_film("film_events", frames, times_us)
    height, width = frames.shape[1:]
    timed = ((frame, int(t_us)) for frame, t_us in zip(frames, times_us, strict=True))
    return Events.concatenate(event_pieces(timed, (width, height), threshold, blur_px))


def event_pieces(frames: Iterable[tuple[Picture, int]], sensor: tuple[int, int], threshold: float = THRESHOLD,
                 blur_px: float = BLUR_PX) -> Iterator[Events]:
    """The events of ``film_events`` frame by frame, for films that memory does not hold.

    Args:
        frames: ``(picture, t_us)``: ``(H, W)`` grey, uint8 or float32 in 0..255, at strictly increasing times.
        sensor: ``(W, H)``.
        threshold: Change of the natural logarithm of light that makes an event.
        blur_px: Sigma of the Gaussian blur of each frame.

    Yields:
        The events of each frame after the one before, the first with none.

    Raises:
        ValueError: another shape or type, times that do not increase, a threshold below 0.01 or a negative blur.
    """
    if not blur_px >= 0:
        raise ValueError(f"film_events: blur_px must be at least 0, got {blur_px}")
    pixel = EsimPixel(PixelSettings(threshold, threshold), sensor)
    for frame, t_us in frames:
        yield pixel.step(_blurred(frame, blur_px), t_us)


def upsampled(frames: Film, times_us: NDArray[np.int64], factor: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """A film with ``factor`` steps for each of its own, linearly blended; for sets filmed at 30 frames a second.

    Args:
        frames: ``(N, H, W)`` grey, uint8 or float32 in 0..255, N at least 1.
        times_us: ``(N,)`` strictly increasing.
        factor: Steps for one, at least 1; fewer where two frames are fewer microseconds apart.

    Returns:
        ``((N - 1) * factor + 1, H, W)`` float32 frames (rounding would turn the blend into stairs) and their times;
        the given frames are among them.

    Raises:
        ValueError: another shape or type, times that do not increase, or a factor outside 1..1000.
    """
    _check_film("upsampled", frames, times_us)
    if factor < 1:
        raise ValueError(f"upsampled: factor must be at least 1, got {factor}")
    pictures = zip(frames, (int(t_us) for t_us in times_us), strict=True)
    more = list(Upsampler(factor=factor)(pictures))
    return np.stack([frame.astype(np.float32) for frame, _ in more]), np.array([t_us for _, t_us in more], np.int64)


def log_noise(frames: Film, blur_px: float = BLUR_PX) -> float:
    """Standard deviation of the log intensity of a pixel at rest, after the blur: what the threshold has to exceed.

    The median change from frame to frame, as if it were normal; an expression moves few pixels for a short while and
    hardly changes it. Of a long film, 200 pairs of frames spread over it are looked at. Frames without noise give 0.

    Args:
        frames: ``(N, H, W)`` grey, uint8 or float32 in 0..255, N at least 2.
        blur_px: Sigma of the blur, the one of ``film_events``.

    Raises:
        ValueError: fewer than two frames, or another shape or type.
    """
    _check_film("log_noise", frames, np.arange(len(frames)))
    if len(frames) < 2:
        raise ValueError(f"log_noise: need at least two frames, got {len(frames)}")
    at = np.unique(np.linspace(0, len(frames) - 2, _NOISE_PAIRS).astype(np.int64))
    changes = [np.abs(_brightness(frames[one + 1], blur_px) - _brightness(frames[one], blur_px)) for one in at]
    return float(1.4826 * np.median(np.stack(changes)) / np.sqrt(2))


def enough_contrast(threshold: float, noise_sigma: float) -> bool:
    """Whether a threshold stands clear of the film's noise: at least five of its standard deviations."""
    return threshold >= NOISE_MARGIN * noise_sigma


def noise_warning(threshold: float, noise_sigma: float) -> str:
    """One sentence for a film whose noise makes events of its own; empty where ``enough_contrast``."""
    if enough_contrast(threshold, noise_sigma):
        return ""
    return (f"film_events: a threshold of {threshold:g} is less than {NOISE_MARGIN:g} times the log-intensity noise "
            f"({noise_sigma:.3g}), so noise makes events; raise it to {NOISE_MARGIN * noise_sigma:.2g} or blur more")


def _brightness(frame: NDArray[Any], blur_px: float) -> NDArray[np.float32]:
    return np.asarray(np.log(_blurred(frame, blur_px) / np.float32(255) + np.float32(_DARKEST)))


def _blurred(frame: NDArray[Any], blur_px: float) -> NDArray[np.float32]:
    import cv2

    light = np.ascontiguousarray(frame, np.float32)
    if blur_px == 0:
        return light
    smooth = cv2.GaussianBlur(light, (0, 0), blur_px)
    return np.asarray(np.clip(smooth, 0, 255), np.float32)  # weights sum to 1 but for rounding


def _check_film(who: str, frames: NDArray[Any], times_us: NDArray[Any]) -> None:
    """Refuse what is not a film.

    Raises:
        ValueError: see ``film_events``.
    """
    if frames.ndim != 3 or not frames.size or frames.dtype not in (np.uint8, np.float32):
        raise ValueError(f"{who}: need frames (N, H, W) of uint8 or float32, got {frames.shape} {frames.dtype}")
    if times_us.shape != frames.shape[:1]:
        raise ValueError(f"{who}: need one time for each of {len(frames)} frames, got {times_us.shape}")
    backwards = np.flatnonzero(np.diff(times_us) <= 0)
    if backwards.size:
        at = int(backwards[0])
        raise ValueError(f"{who}: times must increase, but frame {at} is at {times_us[at]} us and the next at "
                         f"{times_us[at + 1]} us")
