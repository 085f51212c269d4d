"""Procedural faces on film: a person, a scene and tracks of motion in, frames with ground truth out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neurofer.simulate import render
from neurofer.simulate.actions import UNITS
from neurofer.simulate.deform import GRID_STEP, LEFT, TOP, Deformation, build_deformation, grid_coordinates
from neurofer.simulate.features import EYE_FIELDS, MOUTH_FIELDS, eyes, mouths
from neurofer.simulate.furrows import build_furrows
from neurofer.simulate.identity import Identity
from neurofer.simulate.scene import Scene
from neurofer.simulate.texture import bake, build_relief

TEXELS_PER_PIXEL = 1.3

LANDMARKS = ("brow_outer_left", "brow_inner_left", "brow_inner_right", "brow_outer_right",
             "eye_outer_left", "lid_upper_left", "eye_inner_left", "lid_lower_left",
             "eye_inner_right", "lid_upper_right", "eye_outer_right", "lid_lower_right",
             "nose_tip", "mouth_left", "lip_upper", "mouth_right", "lip_lower", "chin")
"""Points that the ground truth follows; left and right of the picture."""


@dataclass(frozen=True)
class Track:
    """What a face does, sampled at T times.

    Attributes:
        times_us: ``(T,)`` int64.
        strengths: ``(T, U, 2)`` action units in 0..1, left and right of the picture.
        gaze: ``(T, 2)`` right and down, -1..1.
        pose: ``(T, 6)`` yaw, pitch, roll in radians, shift right and down in half face widths, factor of size.
        light: ``(T, 2)`` factor of the light, slope from left to right.
        speech: ``(T,)`` how much the mouth speaks.
    """

    times_us: NDArray[np.int64]
    strengths: NDArray[np.float64]
    gaze: NDArray[np.float64]
    pose: NDArray[np.float64]
    light: NDArray[np.float64]
    speech: NDArray[np.float64]


def still_track(times_us: NDArray[np.int64], strengths: NDArray[np.float64] | None = None) -> Track:
    """A track that looks straight ahead, with nothing moving but what ``strengths`` says."""
    count = len(times_us)
    pose = np.zeros((count, 6))
    pose[:, 5] = 1
    light = np.zeros((count, 2))
    light[:, 0] = 1
    return Track(np.asarray(times_us, np.int64), np.zeros((count, len(UNITS), 2)) if strengths is None else strengths,
                 np.zeros((count, 2)), pose, light, np.zeros(count))


class FaceRenderer:
    """Draws one person in one scene; the resting face is drawn once, each frame moves it.

    Args:
        who: The person.
        scene: Where the person is filmed.
    """

    def __init__(self, who: Identity, scene: Scene) -> None:
        self.who, self.scene = who, scene
        self._deformation: Deformation = build_deformation(who)
        self._texels = TEXELS_PER_PIXEL * scene.unit_px
        relief = build_relief(who, self._texels)
        self._texels = 1 / relief.texel
        self._resting = bake(who, relief, scene.light)
        self._resting[:, :, 0] *= np.float32(scene.exposure)
        self._height = _coarse(relief.height * relief.inside, relief.x, relief.y)
        furrows = build_furrows(who, relief, scene.light)
        self._gains = np.array([furrow.gains for furrow in furrows])
        sizes = [furrow.patch.size for furrow in furrows]
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._boxes = np.array([(start, furrow.top, furrow.left, *furrow.patch.shape)
                                for start, furrow in zip(starts, furrows, strict=True)], np.int64)
        self._patches = np.concatenate([furrow.patch.ravel() for furrow in furrows])

    def frames(self, track: Track) -> Iterator[NDArray[np.float32]]:
        """The film, frame by frame: ``(H, W)`` float32, linear grey in 0..255; every frame is a new array."""
        who, scene = self.who, self.scene
        width, height = scene.size
        moved = self._deformation.shifts(track.strengths)
        gains = np.minimum(np.einsum("tus,fus->tf", track.strengths, self._gains), 1.25).astype(np.float32)
        eye_shapes = eyes(who, track.strengths, track.gaze)
        mouth_shapes = mouths(who, track.strengths, self._deformation, moved)
        moved, pose = moved.astype(np.float32), track.pose.astype(np.float32)
        reach = self._deformation.reach.reshape(len(self._deformation.names), -1)
        shift_x, shift_y = np.zeros_like(self._height), np.zeros_like(self._height)
        nodes = ((height - 1) // render.CELL + 2, (width - 1) // render.CELL + 2, 2)
        face, skin = np.empty(nodes, np.float32), np.empty(nodes, np.float32)
        texture = np.empty_like(self._resting)
        glint = 1.0 if scene.light.right > 0 else -1.0
        centres = np.empty((3, 2), np.float32)
        for now in range(len(track.times_us)):
            render.mix_shifts(reach, moved[now], shift_x.ravel(), shift_y.ravel())
            render.find_places(pose[now], *scene.middle_px, scene.unit_px, self._height, shift_x, shift_y, LEFT, TOP,
                               GRID_STEP, face, skin)
            render.press_furrows(self._resting, self._patches, self._boxes, gains[now], texture)
            picture = np.empty((height, width), np.float32)
            render.draw_skin(skin, texture, LEFT, TOP, self._texels, scene.background, track.light[now, 0],
                             track.light[now, 1], picture)
            points = np.array([eye_shapes[now, 0, :2], eye_shapes[now, 1, :2], mouth_shapes[now, :2]])
            render.project(points, pose[now], *scene.middle_px, scene.unit_px, self._height, LEFT, TOP,
                           GRID_STEP, centres)
            size, lit_skin = scene.unit_px * float(pose[now, 5]), who.skin
            for side in (0, 1):
                render.draw_eye(picture, face, eye_shapes[now, side], float(centres[side, 0]), float(centres[side, 1]),
                                size, lit_skin, who.iris, who["lashes"], glint)
            render.draw_mouth(picture, face, mouth_shapes[now], float(centres[2, 0]), float(centres[2, 1]), size,
                              lit_skin, who["lip_tone"], scene.light.down)
            render.expose(picture)
            yield picture

    def landmarks(self, track: Track) -> NDArray[np.float32]:
        """``(T, len(LANDMARKS), 2)`` picture places of the landmarks, x and y in pixels."""
        who = self.who
        moved = self._deformation.shifts(track.strengths)
        eye = eyes(who, track.strengths, track.gaze)
        mouth = mouths(who, track.strengths, self._deformation, moved)
        points = np.empty((len(track.times_us), len(LANDMARKS), 2), np.float32)
        for name, place in (("brow_outer", who["brow_gap"] + who["brow_length"]), ("brow_inner", who["brow_gap"])):
            for side, sign in (("left", -1), ("right", 1)):
                points[:, LANDMARKS.index(f"{name}_{side}")] = self._follow(moved, sign * place, who["brow_y"])
        points[:, LANDMARKS.index("chin")] = self._follow(moved, 0.0, 1.25)
        points[:, LANDMARKS.index("nose_tip")] = self._follow(moved, 0.0, who["nose_length"])
        shape = {name: eye[:, :, place] for place, name in enumerate(EYE_FIELDS)}
        for place, side, sign in ((0, "left", -1), (1, "right", 1)):
            x, y, half = shape["x"][:, place], shape["y"][:, place], shape["width"][:, place]
            for name, right, down in (("eye_outer", sign * half, 0), ("eye_inner", -sign * half, 0),
                                      ("lid_upper", 0, -shape["up"][:, place]),
                                      ("lid_lower", 0, shape["down"][:, place])):
                points[:, LANDMARKS.index(f"{name}_{side}")] = np.stack([x + right, y + down], axis=1)
        lips = {name: mouth[:, place] for place, name in enumerate(MOUTH_FIELDS)}
        for name, x, y in (("mouth_left", lips["left_x"], lips["left_y"]),
                           ("mouth_right", lips["right_x"], lips["right_y"]),
                           ("lip_upper", lips["x"], lips["y"] - lips["gap_up"] - lips["thick_up"]),
                           ("lip_lower", lips["x"], lips["y"] + lips["gap_down"] + lips["thick_down"])):
            points[:, LANDMARKS.index(name)] = np.stack([x, y], axis=1)
        result, pose = np.empty_like(points), track.pose.astype(np.float32)
        for now in range(len(points)):
            render.project(points[now], pose[now], *self.scene.middle_px, self.scene.unit_px, self._height, LEFT, TOP,
                           GRID_STEP, result[now])
        return result

    def _follow(self, moved: NDArray[np.float64], x: float, y: float) -> NDArray[np.float64]:
        """``(T, 2)`` places of a point of the skin that rests at ``(x, y)``."""
        from scipy.ndimage import map_coordinates

        at = np.array([[(y - TOP) / GRID_STEP], [(x - LEFT) / GRID_STEP]])
        reach = np.array([map_coordinates(one, at, order=1)[0] for one in self._deformation.reach])
        return np.array((x, y)) + np.einsum("k,tkd->td", reach, moved)


def _coarse(plane: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float32]:
    """A texture-sized plane on the nodes of the deformation's grid."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    texel = x[0, 1] - x[0, 0]
    grid_x, grid_y = grid_coordinates()
    smooth = gaussian_filter(plane, 0.5 * GRID_STEP / texel)
    at = np.stack([(grid_y - y[0, 0]) / texel, (grid_x - x[0, 0]) / texel])
    return map_coordinates(smooth, at, order=1, mode="nearest").astype(np.float32)
