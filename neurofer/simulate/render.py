"""Compiled drawing of a face: head pose, moving skin, then eyes and mouth on top."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neurofer.compiled import compiled

Floats = NDArray[np.float32]

CELL = 4
"""Pixels between the nodes where pose and skin motion are computed; in between they are linear."""


@compiled
def _sample(grid: Floats, x: float, y: float) -> float:
    """Bilinear value of a grid at a place in nodes; places outside take the nearest edge."""
    height, width = grid.shape
    x = min(max(x, 0.0), width - 1.001)
    y = min(max(y, 0.0), height - 1.001)
    column, row = int(x), int(y)
    u, v = x - column, y - row
    upper = grid[row, column] * (1 - u) + grid[row, column + 1] * u
    lower = grid[row + 1, column] * (1 - u) + grid[row + 1, column + 1] * u
    return float(upper * (1 - v) + lower * v)


@compiled
def _sample_both(first: Floats, second: Floats, x: float, y: float) -> tuple[float, float]:
    """Bilinear values of two grids of one shape at a place in nodes."""
    height, width = first.shape
    x = min(max(x, 0.0), width - 1.001)
    y = min(max(y, 0.0), height - 1.001)
    column, row = int(x), int(y)
    u, v = x - column, y - row
    w00, w01, w10, w11 = (1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v
    return (first[row, column] * w00 + first[row, column + 1] * w01 + first[row + 1, column] * w10
            + first[row + 1, column + 1] * w11,
            second[row, column] * w00 + second[row, column + 1] * w01 + second[row + 1, column] * w10
            + second[row + 1, column + 1] * w11)


@compiled
def mix_shifts(reach: Floats, shifts: Floats, out_x: Floats, out_y: Floats) -> None:
    """Skin shift at every grid node: control points' shifts ``(K, 2)`` times their ``reach`` ``(K, N)``."""
    nodes = out_x.size
    for node in range(nodes):
        out_x[node] = 0.0
        out_y[node] = 0.0
    for point in range(reach.shape[0]):
        right, down = shifts[point, 0], shifts[point, 1]
        if right == 0 and down == 0:
            continue
        for node in range(nodes):
            out_x[node] += reach[point, node] * right
            out_y[node] += reach[point, node] * down


@compiled
def find_places(
    pose: Floats, middle_x: float, middle_y: float, unit_px: float, height_grid: Floats, shift_x: Floats,
    shift_y: Floats, left: float, top: float, step: float, face: Floats, skin: Floats,
) -> None:
    """Where on the face, and on its resting skin, the picture's nodes look; nodes lie ``CELL`` pixels apart.

    Args:
        pose: ``(6,)`` yaw, pitch, roll, shift right, shift down, size.
        middle_x: Picture place of the face's origin at rest; ``middle_y`` likewise.
        unit_px: Pixels for half a face width.
        height_grid: ``(GH, GW)`` height of the face.
        shift_x: ``(GH, GW)`` skin shift to the right; ``shift_y`` down.
        left: Place of the grid's first node; ``top`` likewise, ``step`` between nodes.
        face: ``(NH, NW, 2)`` receives face coordinates.
        skin: ``(NH, NW, 2)`` receives coordinates on the resting skin.
    """
    cos_yaw, tan_yaw = math.cos(pose[0]), math.tan(pose[0])
    cos_pitch, tan_pitch = math.cos(pose[1]), math.tan(pose[1])
    sin_roll, cos_roll = math.sin(pose[2]), math.cos(pose[2])
    size = unit_px * pose[5]
    origin_x, origin_y = middle_x + pose[3] * unit_px, middle_y + pose[4] * unit_px
    per_step, per_size = 1 / step, 1 / size
    for row in range(face.shape[0]):
        for column in range(face.shape[1]):
            across = (column * CELL - origin_x) * per_size
            down = (row * CELL - origin_y) * per_size
            seen_x = (across * cos_roll + down * sin_roll) / cos_yaw
            seen_y = (-across * sin_roll + down * cos_roll) / cos_pitch
            x, y = seen_x, seen_y
            for _ in range(3):
                z = _sample(height_grid, (x - left) * per_step, (y - top) * per_step) - 0.3
                x = seen_x - z * tan_yaw
                y = seen_y - z * tan_pitch
            face[row, column, 0], face[row, column, 1] = x, y
            right, below = _sample_both(shift_x, shift_y, (x - left) * per_step, (y - top) * per_step)
            if right != 0 or below != 0:
                for _ in range(2):
                    right, below = _sample_both(shift_x, shift_y, (x - right - left) * per_step,
                                                (y - below - top) * per_step)
            skin[row, column, 0], skin[row, column, 1] = x - right, y - below


@compiled
def draw_skin(
    skin: Floats, texture: Floats, left: float, top: float, texels_per_unit: float, background: Floats,
    gain: float, slope: float, out: Floats,
) -> None:
    """The head over the background: every pixel looks up the resting face.

    Args:
        skin: ``(NH, NW, 2)`` coordinates on the resting skin at the nodes.
        texture: ``(TH, TW, 2)`` light times cover, and cover.
        left: Coordinate of the texture's first column; ``top`` of its first row.
        texels_per_unit: Texels for half a face width.
        background: ``(H, W)``.
        gain: Factor of the light.
        slope: How much more light the right edge of the picture gets.
        out: ``(H, W)`` receives the picture.
    """
    height, width = out.shape
    rows, columns = texture.shape[0], texture.shape[1]
    share = np.float32(1.0 / CELL)
    scale, first_x, first_y = np.float32(texels_per_unit), np.float32(left), np.float32(top)
    for y in range(height):
        node_row = y // CELL
        v = np.float32(y - node_row * CELL) * share
        light = np.float32(gain * (1 - 0.5 * slope))
        light_step = np.float32(gain * slope / width)
        for node_column in range((width + CELL - 1) // CELL):
            start_x = skin[node_row, node_column, 0] * (1 - v) + skin[node_row + 1, node_column, 0] * v
            start_y = skin[node_row, node_column, 1] * (1 - v) + skin[node_row + 1, node_column, 1] * v
            stop_x = skin[node_row, node_column + 1, 0] * (1 - v) + skin[node_row + 1, node_column + 1, 0] * v
            stop_y = skin[node_row, node_column + 1, 1] * (1 - v) + skin[node_row + 1, node_column + 1, 1] * v
            at_x, at_y = (start_x - first_x) * scale, (start_y - first_y) * scale
            step_x, step_y = (stop_x - start_x) * scale * share, (stop_y - start_y) * scale * share
            for x in range(node_column * CELL, min(width, (node_column + 1) * CELL)):
                value = background[y, x]
                if at_x >= 0 and at_y >= 0 and at_x < columns - 1 and at_y < rows - 1:
                    column, row = int(at_x), int(at_y)
                    a, b = at_x - np.float32(column), at_y - np.float32(row)
                    w00, w01, w10, w11 = (1 - a) * (1 - b), a * (1 - b), (1 - a) * b, a * b
                    head = (texture[row, column, 0] * w00 + texture[row, column + 1, 0] * w01
                            + texture[row + 1, column, 0] * w10 + texture[row + 1, column + 1, 0] * w11)
                    shown = (texture[row, column, 1] * w00 + texture[row, column + 1, 1] * w01
                             + texture[row + 1, column, 1] * w10 + texture[row + 1, column + 1, 1] * w11)
                    value = head + (1 - shown) * value
                out[y, x] = value * light
                light += light_step
                at_x += step_x
                at_y += step_y


@compiled
def face_place(face: Floats, x: float, y: float) -> tuple[float, float]:
    """Face coordinates of a pixel, from the nodes around it."""
    column, row = int(x) // CELL, int(y) // CELL
    u, v = (x - column * CELL) / CELL, (y - row * CELL) / CELL
    w00, w01, w10, w11 = (1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v
    return (face[row, column, 0] * w00 + face[row, column + 1, 0] * w01 + face[row + 1, column, 0] * w10
            + face[row + 1, column + 1, 0] * w11,
            face[row, column, 1] * w00 + face[row, column + 1, 1] * w01 + face[row + 1, column, 1] * w10
            + face[row + 1, column + 1, 1] * w11)


@compiled
def covered(distance: float, pixel: float) -> float:
    """Share of a pixel on the positive side of an edge at this distance."""
    return min(max(0.5 + distance / pixel, 0.0), 1.0)


@compiled
def stroke(distance: float, thick: float) -> float:
    """Soft line, 1 on its middle."""
    ratio = distance / thick
    return math.exp(-0.5 * ratio * ratio) if ratio * ratio < 20 else 0.0


@compiled
def _seen(x: float, y: float, pose: Floats, middle_x: float, middle_y: float, unit_px: float, height_grid: Floats,
          left: float, top: float, step: float) -> tuple[float, float]:
    """Picture place of a point of the face."""
    z = _sample(height_grid, (x - left) / step, (y - top) / step) - 0.3
    seen_x = x * math.cos(pose[0]) + z * math.sin(pose[0])
    seen_y = y * math.cos(pose[1]) + z * math.sin(pose[1])
    cos_roll, sin_roll, size = math.cos(pose[2]), math.sin(pose[2]), unit_px * pose[5]
    return (middle_x + pose[3] * unit_px + size * (seen_x * cos_roll - seen_y * sin_roll),
            middle_y + pose[4] * unit_px + size * (seen_x * sin_roll + seen_y * cos_roll))


@compiled
def project(points: Floats, pose: Floats, middle_x: float, middle_y: float, unit_px: float, height_grid: Floats,
            left: float, top: float, step: float, out: Floats) -> None:
    """Picture places ``(N, 2)`` of points ``(N, 2)`` of the face; the inverse of ``find_places``."""
    for number in range(points.shape[0]):
        out[number, 0], out[number, 1] = _seen(points[number, 0], points[number, 1], pose, middle_x, middle_y, unit_px,
                                               height_grid, left, top, step)


@compiled
def draw_eye(out: Floats, face: Floats, eye: Floats, centre_x: float, centre_y: float, unit_px: float, skin: float,
             iris: float, lashes: float, lamp_x: float) -> None:
    """One eye into the picture.

    Args:
        out: ``(H, W)`` the picture, skin already drawn.
        face: Face coordinates at the nodes.
        eye: Numbers named in ``features.EYE_FIELDS``.
        centre_x: Picture place of the eye; ``centre_y`` likewise.
        unit_px: Pixels for half a face width, at the head's size.
        skin: Share of light that skin gives back; ``iris`` likewise.
        lashes: How dark the lashes are, 0..1.
        lamp_x: Side the glint lies on.
    """
    height, width = out.shape
    at_x, at_y, half, up, down, tilt = eye[0], eye[1], eye[2], eye[3], eye[4], eye[5]
    iris_x, iris_y, radius, crease = eye[6], eye[7], eye[8], eye[9]
    pixel = 1.0 / unit_px
    reach_x, reach_y = 1.5 * half * unit_px + 2, 0.30 * unit_px + 2
    cos_tilt, sin_tilt = math.cos(tilt), math.sin(tilt)
    side = 1.0 if at_x > 0 else -1.0
    for y in range(max(0, int(centre_y - reach_y)), min(height, int(centre_y + reach_y) + 1)):
        for x in range(max(0, int(centre_x - reach_x)), min(width, int(centre_x + reach_x) + 1)):
            face_x, face_y = face_place(face, x, y)
            dx, dy = face_x - at_x, face_y - at_y
            u = dx * cos_tilt - side * 0 + dy * sin_tilt
            v = dy * cos_tilt - dx * sin_tilt
            s = u / half
            if s < -1.45 or s > 1.45:
                continue
            inward = -side * s
            arch = max(0.0, 1 - s * s)
            skew = 1 + 0.18 * inward
            lid = -up * arch**0.75 * skew
            under = down * arch**0.85 * (1 - 0.15 * inward)
            tone = out[y, x]
            light = tone / skin
            line = crease + 0.010
            fold = stroke(v + (max(up, 0.3 * down) * max(0.0, 1.1 - 0.75 * s * s) + line), 0.014)
            fold *= min(max(1.35 - abs(s), 0.0) * 2, 1.0)
            tone *= 1 - 0.42 * fold
            tone *= 1 - 0.16 * stroke(v - (0.055 + down * (1 - s * s)), 0.022) * min(max(1.3 - abs(s), 0.0) * 2, 1.0)
            opening = min(covered(v - lid, pixel), covered(under - v, pixel))
            if abs(s) >= 1:
                opening = 0.0
            if opening > 0:
                shade = 0.55 + 0.45 * min(max((v - lid) / 0.05, 0.0), 1.0)
                ball = 0.62 * light * shade * (1 - 0.22 * s * s)
                far = math.sqrt((u - iris_x) ** 2 + (v - iris_y) ** 2)
                disc = covered(radius - far, pixel)
                ring = 1 - 0.55 * stroke(radius - far, 0.014)
                colour = iris * light * shade * (0.75 + 0.5 * far / radius) * ring
                colour += (0.015 * light - colour) * covered(0.42 * radius - far, pixel)
                ball += (colour - ball) * disc
                beside = math.sqrt((u - iris_x - 0.026 * lamp_x) ** 2 + (v - iris_y + 0.028) ** 2)
                glint = covered(0.017 - beside, pixel)
                ball += (1.1 * light - ball) * 0.85 * glint
                tone += (ball - tone) * opening
            inside = min(max((1.12 - abs(s)) * 8, 0.0), 1.0)
            thick = 0.010 + 0.009 * lashes
            dark = stroke(v - lid + 0.5 * thick, thick) * inside * (0.45 + 0.5 * lashes)
            dark = max(dark, 0.38 * stroke(v - under, 0.010) * inside)
            tone *= 1 - min(dark, 0.93)
            out[y, x] = tone


@compiled
def draw_mouth(out: Floats, face: Floats, mouth: Floats, centre_x: float, centre_y: float, unit_px: float, skin: float,
               lip: float, lamp_down: float) -> None:
    """The mouth into the picture: lips, the dark inside, teeth, tongue.

    Args:
        out: ``(H, W)`` the picture, skin already drawn.
        face: Face coordinates at the nodes.
        mouth: Numbers named in ``features.MOUTH_FIELDS``.
        centre_x: Picture place of the mouth; ``centre_y`` likewise.
        unit_px: Pixels for half a face width, at the head's size.
        skin: Share of light that skin gives back.
        lip: Lips' share of what skin gives back.
        lamp_down: Light from below, -1..1.
    """
    height, width = out.shape
    mid_x, mid_y, left_x, left_y, right_x, right_y = mouth[0], mouth[1], mouth[2], mouth[3], mouth[4], mouth[5]
    gap_up, gap_down, thick_up, thick_down = mouth[6], mouth[7], mouth[8], mouth[9]
    bow, square, press = mouth[10], mouth[11], mouth[12]
    pixel = 1.0 / unit_px
    reach_x = 1.3 * max(right_x - mid_x, mid_x - left_x) * unit_px + 3
    reach_up, reach_down = 0.30 * unit_px + 3, (gap_down + 0.36) * unit_px + 3
    gap = gap_up + gap_down
    for y in range(max(0, int(centre_y - reach_up)), min(height, int(centre_y + reach_down) + 1)):
        for x in range(max(0, int(centre_x - reach_x)), min(width, int(centre_x + reach_x) + 1)):
            face_x, face_y = face_place(face, x, y)
            if face_x < mid_x:
                s, end_y = (face_x - mid_x) / (mid_x - left_x), left_y
            else:
                s, end_y = (face_x - mid_x) / (right_x - mid_x), right_y
            if s < -1.25 or s > 1.25:
                continue
            t = abs(s)
            arch = max(0.0, 1 - s * s)
            line = mid_y + (end_y - mid_y) * min(t, 1.0) ** 2.0
            rounded = arch**square
            upper, lower = line - gap_up * rounded, line + gap_down * rounded
            dip = 1 - bow * stroke(s, 0.15) + 0.10 * stroke(t - 0.27, 0.14)
            top = upper - thick_up * arch**0.62 * dip
            bottom = lower + thick_down * arch**0.55
            tone = out[y, x]
            light = tone / skin
            rim = min(max((1.08 - t) * 10, 0.0), 1.0)
            tone *= 1 - 0.20 * stroke(face_y - bottom - 0.05, 0.035) * arch
            tone *= 1 + 0.07 * stroke(face_y - top + 0.022, 0.015) * arch
            red_up = min(covered(face_y - top, pixel), covered(upper - face_y, pixel)) * (t < 1)
            red_down = min(covered(face_y - lower, pixel), covered(bottom - face_y, pixel)) * (t < 1)
            if red_up > 0:
                tone += (light * skin * lip * (0.80 + 0.18 * lamp_down) - tone) * red_up
            if red_down > 0:
                depth = (face_y - lower) / max(thick_down, 1e-3)
                gloss = 1.0 - 0.12 * lamp_down + 0.22 * stroke(depth - 0.42, 0.22) * stroke(s - 0.08, 0.35)
                tone += (light * skin * lip * gloss - tone) * red_down
            if gap > 0.004 and t < 1:
                inside = min(covered(face_y - upper, pixel), covered(lower - face_y, pixel))
                if inside > 0:
                    hole = 0.035 * light
                    teeth_end = upper + min(0.105, 0.80 * (gap_up + 0.55 * gap_down)) * (0.4 + 0.6 * arch)
                    shown = covered(teeth_end - face_y, pixel) * min(max((0.92 - t) * 6, 0.0), 1.0)
                    shadow = 0.60 + 0.40 * min(max((face_y - upper) / 0.04, 0.0), 1.0)
                    hole += (0.50 * light * shadow * (1 - 0.35 * t) - hole) * shown
                    if gap > 0.12:
                        tongue = covered(face_y - (lower - 0.32 * gap * arch), 0.05) * (1 - shown)
                        hole += (0.13 * light - hole) * tongue * min((gap - 0.12) * 10, 1.0)
                    tone += (hole - tone) * inside
            seam = stroke(face_y - line, 0.010 + 0.006 * press) * rim * max(0.0, 1 - gap / 0.05)
            corner = stroke(face_y - end_y, 0.022) * stroke(t - 1.0, 0.06)
            tone *= 1 - min(0.92, (0.45 + 0.40 * press) * seam + 0.40 * corner)
            out[y, x] = tone


@compiled
def press_furrows(resting: Floats, patches: Floats, boxes: NDArray[np.int64], gains: Floats, out: Floats) -> None:
    """The resting face with furrows brought out.

    Args:
        resting: ``(TH, TW, 2)`` light times cover, and cover.
        patches: ``(N,)`` all patches one after the other.
        boxes: ``(F, 5)`` first place in ``patches``, top, left, height, width.
        gains: ``(F,)`` how far each is brought out.
        out: ``(TH, TW, 2)`` receives the face.
    """
    out[:] = resting
    for furrow in range(boxes.shape[0]):
        gain = gains[furrow]
        if gain < np.float32(0.005):
            continue
        at = boxes[furrow, 0]
        for row in range(boxes[furrow, 1], boxes[furrow, 1] + boxes[furrow, 3]):
            for column in range(boxes[furrow, 2], boxes[furrow, 2] + boxes[furrow, 4]):
                factor = np.float32(1.0) + gain * patches[at]
                out[row, column, 0] *= max(factor, np.float32(0.15))
                at += 1


@compiled
def expose(picture: Floats) -> None:
    """Limit light to what a sensor holds, 0..255."""
    flat = picture.ravel()
    for place in range(flat.size):
        value = flat[place]
        value = value if value > np.float32(0.0) else np.float32(0.0)
        flat[place] = value if value < np.float32(255.0) else np.float32(255.0)
