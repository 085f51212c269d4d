"""A film of one small movement, whose every moment is known: a texture that a soft bump pushes aside and lets go."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

TEXTURE_SIGMA_PX = 1.2
DARKEST, BRIGHTEST = 0.1, 0.9


def bump_texture(rng: np.random.Generator, size: int) -> NDArray[np.float64]:
    """White noise blurred by 1.2 px and stretched to 0.1..0.9: ``(size, size)``."""
    noise = cv2.GaussianBlur(rng.standard_normal((size, size)), (0, 0), TEXTURE_SIGMA_PX)
    return DARKEST + (BRIGHTEST - DARKEST) * (noise - noise.min()) / np.ptp(noise)


def bump_course(still: int, rise: int, fall: int) -> NDArray[np.float64]:
    """The part of the peak, frame by frame: 0, a half cosine up to 1, a half cosine down to 0, and 0 again.

    The onset is frame ``still``, the last without movement; the apex ``still + rise``; the offset ``rise + fall`` after
    the onset, the first without movement again. All in all ``2 * still + rise + fall`` frames.
    """
    up = (1 - np.cos(np.pi * np.arange(rise) / rise)) / 2
    down = (1 + np.cos(np.pi * np.arange(fall) / fall)) / 2
    return np.concatenate((np.zeros(still), up, down, np.zeros(still)))


def bump_film(seed: int, peak_px: float, noise_sigma: float, size: int = 96, sigma_px: float = 10.0, still: int = 60,
              rise: int = 35, fall: int = 45,
              fps: float = 200.0) -> tuple[NDArray[np.uint8], NDArray[np.int64], int, int, int]:
    """A texture that moves to the right by ``peak_px`` in the middle, falling off as a Gaussian of ``sigma_px``.

    Args:
        seed: Of the texture and the noise.
        peak_px: Movement of the middle at the apex; 0 is a still scene.
        noise_sigma: Of each pixel in each frame, where 1 is white; each frame is rounded to 8 bits after it.
        size: Height and width.
        sigma_px: Width of the bump.
        still: Frames before the onset, and from the offset on.
        rise: Frames from onset to apex.
        fall: Frames from apex to offset.
        fps: Frames per second.

    Returns:
        ``(frames, times_us, onset, apex, offset)``: ``(N, size, size)`` uint8, ``(N,)`` int64, and three frame numbers.
    """
    rng = np.random.default_rng(seed)
    texture = bump_texture(rng, size)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    middle = (size - 1) / 2
    bump = peak_px * np.exp(-((x - middle) ** 2 + (y - middle) ** 2) / (2 * sigma_px**2))
    course = bump_course(still, rise, fall)
    frames = np.empty((len(course), size, size), np.uint8)
    for number, part in enumerate(course):
        place = (x - part * bump).astype(np.float32)
        light = cv2.remap(texture, place, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        light = light + noise_sigma * rng.standard_normal((size, size))
        frames[number] = np.clip(np.floor(255 * light + 0.5), 0, 255)
    times_us = np.floor(np.arange(len(course)) * 1e6 / fps + 0.5).astype(np.int64)
    return frames, times_us, still, still + rise, still + rise + fall
