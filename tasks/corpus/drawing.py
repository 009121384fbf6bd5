"""The video of a scene: an object, and a stick that comes down on it at each event and springs back.

Legend: T frames, H = W = 128 pixels, C = 3 colours. The stick's height is a continuous function of time with a kink
exactly at the event, so two frames beside the contact give its time to a fraction of a frame. A distractor is a ball
that dips in mid-air as the stick does, and touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from model.frames import Frames
from tasks.corpus.materials import MATERIALS, Colour, Material
from tasks.corpus.scene import DURATION_S, Scene

Floats = npt.NDArray[np.float32]
Layers = list[tuple[npt.NDArray[np.bool_], Colour]]

FPS: Final = 25.0
SIZE: Final = 128
_DOWN_S: Final = 0.14
_UP_S: Final = 0.20
_LENGTH: Final = 62.0  # of the stick, pixels at scale 1
_WIDTH: Final = 3.2
_BALL_X: Final = 112.0  # where the distractor hangs
_BALL_Y: Final = 30.0
_BALL_LEFT: Final = 98  # nothing of the ball is left of this column
_BALL_RADIUS: Final = 9.0
_BALL_COLOUR: Final = (228, 122, 34)
_BALL_DIP: Final = 24.0


def stick_heights(times_s: tuple[float, ...], at_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Returns the stick tip's height (0 = contact, 1 = raised) at times `at_s`, same shape.

    It accelerates towards the event, rebounds fast and slows down; a short gap makes a smaller, quicker movement.
    """
    height = np.ones_like(at_s)
    events = np.asarray(times_s, float)
    gaps = np.diff(events, prepend=-10.0, append=DURATION_S + 10.0)
    for index, event_s in enumerate(events):
        down_s = min(_DOWN_S, 0.45 * gaps[index])
        up_s = min(_UP_S, 0.5 * gaps[index + 1])
        lift_down, lift_up = min(1.0, down_s / 0.1), min(1.0, up_s / 0.12)
        before, after = (event_s - at_s) / down_s, (at_s - event_s) / up_s
        height = np.where((before >= 0) & (before < 1), 1 - lift_down * (1 - before) ** 2, height)
        height = np.where((after > 0) & (after < 1), 1 - lift_up * (1 - after) ** 2, height)
        height = np.where(np.abs(at_s - event_s) < 1e-9, 0.0, height)
    return height


def draw_scene(scene: Scene) -> Frames:
    """Returns the scene's frames (T, 128, 128, 3) at 25 fps."""
    material = MATERIALS[scene.material]
    style = np.random.default_rng(scene.object_seed + 1)
    rng = np.random.default_rng(scene.seed + 1)
    scale = float(np.clip(1.25 / scene.distance_m**0.5, 0.36, 1.3))
    still_HWC, top_y, centre_x = _still(material, scale, scene.size, style, rng)
    at_s = np.arange(round(DURATION_S * FPS)) / FPS
    reach = scale * (34 + 26 * float(np.clip(1 + scene.level_db / 40, 0, 1)))  # a loud strike swings further
    reach = min(reach, top_y - 14)  # the raised tip stays in the frame
    tips_T = top_y - reach * stick_heights(scene.video_times_s, at_s)
    is_dark = still_HWC[: SIZE // 2].mean() < 115
    colour = np.asarray((236, 214, 170) if is_dark else (48, 34, 24), np.float32)  # in contrast to the wall
    frames = _with_stick(still_HWC, centre_x, tips_T.astype(np.float32), scale, colour)
    if scene.distractor_times_s:
        dips_T = 1 - stick_heights(scene.distractor_times_s, at_s)
        _draw_ball(frames, dips_T.astype(np.float32), scale)
    return frames


def _with_stick(still_HWC: Floats, tip_x: float, tips_T: Floats, scale: float, colour_C: Floats) -> Frames:
    """Returns the frames with an antialiased stick whose tip is at (tip_x, tips_T[t]), leaning to the upper right."""
    length, half = _LENGTH * scale, max(1.2, _WIDTH * scale)
    along = np.asarray([0.82, -0.57], np.float32)
    left, right = max(0, int(tip_x - half - 2)), min(SIZE, int(tip_x + length * along[0] + half + 3))
    x_W, y_H = np.arange(left, right, dtype=np.float32), np.arange(SIZE, dtype=np.float32)
    dx_W = x_W - tip_x
    dy_TH = y_H[None] - (tips_T - half)[:, None]
    run_THW = np.clip(dx_W * along[0] + (dy_TH * along[1])[..., None], 0, length)
    distance_THW = (dx_W - run_THW * along[0]) ** 2 + (dy_TH[..., None] - run_THW * along[1]) ** 2
    cover_THW1 = np.clip(half + 0.5 - np.sqrt(distance_THW), 0, 1)[..., None]
    frames = np.repeat(still_HWC.astype(np.uint8)[None], len(tips_T), axis=0)
    base_HWC = still_HWC[:, left:right]
    frames[:, :, left:right] = (base_HWC + cover_THW1 * (colour_C - base_HWC)).astype(np.uint8)
    return frames


def _draw_ball(frames: Frames, dips_T: Floats, scale: float) -> None:
    """Draws the antialiased ball into the frames; `dips_T` is 0 where it hangs, 1 where it is lowest."""
    y_H, x_W = np.arange(SIZE, dtype=np.float32), np.arange(_BALL_LEFT, SIZE, dtype=np.float32)
    y_T = _BALL_Y + _BALL_DIP * scale * dips_T
    distance_THW = np.hypot((y_H[None] - y_T[:, None])[..., None], x_W - _BALL_X)
    cover_THW1 = np.clip(_BALL_RADIUS * scale + 0.5 - distance_THW, 0, 1)[..., None]
    behind = frames[:, :, _BALL_LEFT:].astype(np.float32)
    frames[:, :, _BALL_LEFT:] = (behind + cover_THW1 * (np.asarray(_BALL_COLOUR, np.float32) - behind)).astype(np.uint8)


def _still(
    material: Material, scale: float, size: float, style: np.random.Generator, rng: np.random.Generator
) -> tuple[Floats, float, float]:
    """Returns the background with the object, the y of its upper edge and the x of its centre."""
    y_HW, x_HW = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    wall = np.float32(style.uniform(60, 180)) + np.asarray(style.uniform(-28, 28, 3), np.float32)
    floor = wall * 0.62
    horizon = SIZE * (0.86 - 0.16 * (1 - min(1.0, scale)))
    image_HWC = np.where((y_HW > horizon)[..., None], floor, wall * (0.8 + 0.25 * y_HW / SIZE)[..., None])
    centre_x = SIZE * float(rng.uniform(0.36, 0.46))
    height, width = (scale * size * side * float(style.uniform(0.93, 1.07)) for side in (30, 54))
    bottom = min(SIZE - 2.0, horizon + 6 * scale)
    u_HW, v_HW = (x_HW - centre_x) / (width / 2), (y_HW - (bottom - height)) / height
    body = np.asarray(material.colours[style.integers(len(material.colours))], np.float32)
    for mask_HW, colour in SHAPES[material.shape](u_HW, v_HW, (int(body[0]), int(body[1]), int(body[2]))):
        image_HWC = np.where(mask_HW[..., None], np.asarray(colour, np.float32), image_HWC)
    image_HWC += rng.normal(0, 1.5, (SIZE, SIZE, 1))
    return np.clip(image_HWC, 0, 255).astype(np.float32), bottom - height, centre_x


def _bar(u: Floats, v: Floats, colour: Colour) -> Layers:
    bar = (v >= 0) & (v <= 0.35) & (np.abs(u) <= 1.25)
    legs = (v > 0.35) & (v <= 1) & (np.abs(np.abs(u) - 0.9) < 0.06)
    return [(legs, _shade(colour, 0.6)), (bar, colour), (bar & (v < 0.1), _shade(colour, 1.35))]


def _vessel(u: Floats, v: Floats, colour: Colour) -> Layers:
    side = (v >= 0) & (v <= 1) & (np.abs(u) <= 0.85 - 0.3 * v)
    highlight, rim = side & (np.abs(u + 0.35) < 0.07), side & (v < 0.1)
    return [(side, colour), (highlight, _shade(colour, 1.35)), (rim, _shade(colour, 0.7))]


def _plate(u: Floats, v: Floats, colour: Colour) -> Layers:
    radius = u**2 + ((v - 0.3) / 0.3) ** 2
    foot = (v > 0.5) & (v <= 1) & (np.abs(u) < 0.25)
    return [(foot, _shade(colour, 0.6)), (radius <= 1, colour), (radius <= 0.45, _shade(colour, 0.85))]


def _drum(u: Floats, v: Floats, colour: Colour) -> Layers:
    head = u**2 + ((v - 0.14) / 0.14) ** 2 <= 1
    shell = (v >= 0.14) & (v <= 1) & (np.abs(u) <= 1)
    return [(shell, colour), (shell & (np.abs(np.sin(u * 9)) < 0.12), _shade(colour, 1.5)), (head, (236, 228, 206))]


def _stone(u: Floats, v: Floats, colour: Colour) -> Layers:
    lump = (v >= 0) & (v <= 1) & (np.abs(u) <= 1 - 0.18 * np.abs(np.sin(v * 7)))
    return [(lump, colour), (lump & (np.sin(u * 23) * np.sin(v * 19) > 0.75), _shade(colour, 0.75))]


def _box(u: Floats, v: Floats, colour: Colour) -> Layers:
    box = (v >= 0) & (v <= 1) & (np.abs(u) <= 1)
    grain = box & (np.sin(v * 24 + 2 * np.sin(u * 5)) > 0.75)
    return [(box, colour), (grain, _shade(colour, 0.8)), (box & (v < 0.12), _shade(colour, 1.2))]


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (int(min(255, c * factor)) for c in colour)
    return red, green, blue


SHAPES: Final[dict[str, Callable[[Floats, Floats, Colour], Layers]]] = {
    "bar": _bar,
    "vessel": _vessel,
    "plate": _plate,
    "drum": _drum,
    "stone": _stone,
    "box": _box,
}
"""Shape of a material -> its (mask, colour) layers, in the object's coordinates: u in -1..1 across, v in 0..1 down."""
