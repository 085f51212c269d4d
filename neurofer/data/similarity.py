"""Where a pixel of one camera lies on another: one scale, one rotation, one shift."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurofer.errors import UsageError

_LARGEST = 1e6


@dataclass(frozen=True)
class Similarity:
    """Maps a picture's pixel ``p`` to ``scale * rotation(degrees) @ p + (x_px, y_px)`` on the event sensor.

    Pixels are counted from the centre of the top left one, x to the right, y down; so ``degrees`` above 0 turns
    clockwise as one sees it.

    Raises:
        UsageError: a number that is not finite, or no scale.
    """

    scale: float
    degrees: float = 0.0
    x_px: float = 0.0
    y_px: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.scale, self.degrees, self.x_px, self.y_px)
        if not all(math.isfinite(number) and abs(number) < _LARGEST for number in numbers) or self.scale <= 0:
            raise UsageError(f"similarity: need a scale above 0 and finite numbers, got {numbers}")

    @classmethod
    def parse(cls, text: str) -> Similarity:
        """The similarity in ``"SCALE,DEGREES,X,Y"``.

        Raises:
            UsageError: not four numbers.
        """
        try:
            numbers = [float(word) for word in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != 4:
            raise UsageError(f"--similarity: need fit or SCALE,DEGREES,X,Y such as 0.62,0,45,-10, got {text!r}")
        return cls(*numbers)

    @classmethod
    def fit(cls, size: tuple[int, int], sensor: tuple[int, int]) -> Similarity:
        """The one that lays a whole picture ``(width, height)`` over the sensor, as large as it fits, in the middle."""
        scale = min(sensor[0] / size[0], sensor[1] / size[1])
        x_px, y_px = ((sensor[axis] - 1) / 2 - scale * (size[axis] - 1) / 2 for axis in (0, 1))
        return cls(scale, 0.0, x_px, y_px)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """``(2, 3)``: rotation and scale, then the shift."""
        turn = math.radians(self.degrees)
        a, b = self.scale * math.cos(turn), self.scale * math.sin(turn)
        return np.array([[a, -b, self.x_px], [b, a, self.y_px]])

    def warp(self, grey: NDArray[np.uint8], sensor: tuple[int, int]) -> NDArray[np.uint8]:
        """A grey picture ``(H, W)`` as the event sensor would hold it; 0 where the picture does not reach.

        Pictures that become less than half as large are averaged over areas first.

        Args:
            grey: ``(H, W)`` uint8.
            sensor: ``(width, height)`` of the result.
        """
        import cv2

        matrix, picture = self.matrix, grey
        shrink = int(0.5 / self.scale) if self.scale <= 0.5 else 1
        if shrink > 1 and min(grey.shape) >= shrink:
            height, width = (side // shrink for side in grey.shape)
            picture = cv2.resize(grey[: height * shrink, : width * shrink], (width, height),
                                 interpolation=cv2.INTER_AREA)
            # Pixel p of the smaller picture is the mean of an area around shrink * p + (shrink - 1) / 2.
            matrix = matrix.copy()
            matrix[:, 2] += matrix[:, :2] @ np.full(2, (shrink - 1) / 2)
            matrix[:, :2] *= shrink
        warped: Any = cv2.warpAffine(picture, matrix, sensor, flags=cv2.INTER_LINEAR)
        return np.asarray(warped, np.uint8)
