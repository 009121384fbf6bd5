"""Laws of the built-in corpus's pictures: the strike is seen when it is heard, and far things are small."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tasks.corpus.drawing import FPS, draw_scene, stick_heights
from tasks.corpus.scenes import Scene, make_scenes

FILMS = make_scenes(40, has_video=True, seed=9)


def tip_rows(frames: np.ndarray) -> np.ndarray:
    """Returns the lowest row where each frame differs from the picture without the stick (the median over time)."""
    moving = np.abs(frames.astype(int) - np.median(frames, axis=0)).sum(-1).max(2) > 60
    return np.asarray([np.flatnonzero(row).max(initial=0) for row in moving], float)


def test_height_is_zero_at_events_and_never_between() -> None:
    events = (1.003, 2.5, 2.75, 6.1)
    assert np.allclose(stick_heights(events, np.asarray(events)), 0.0)
    grid = np.linspace(0, 8, 8001)
    away = np.min(np.abs(grid[:, None] - np.asarray(events)), axis=1) > 0.02
    assert stick_heights(events, grid)[away].min() > 0.1


def test_two_frames_beside_the_contact_tell_its_time() -> None:
    """The movement has its kink at the event, so a 25 fps film carries the time to a fraction of a frame."""
    frame_s = np.arange(200) / FPS
    for event_s in (1.0, 1.013, 1.027):
        heights = stick_heights((event_s,), frame_s)
        lowest = int(np.argmin(heights))
        assert abs(frame_s[lowest] - event_s) <= 0.5 / FPS + 1e-9
        assert heights[lowest - 2] > heights[lowest - 1] > heights[lowest]


@pytest.mark.parametrize("scene", FILMS[::8], ids=lambda scene: scene.scene_id)
def test_the_stick_is_lowest_in_the_frames_of_the_events(scene: Scene) -> None:
    rows = tip_rows(draw_scene(scene))
    for event_s in scene.event_times_s:
        near = np.arange(round(event_s * FPS) - 2, round(event_s * FPS) + 3)
        near = near[(near >= 0) & (near < 200)]
        best = near[rows[near] >= rows[near].max() - 0.5]
        assert np.min(np.abs(best / FPS - event_s)) <= 0.030  # half a frame, and the fall is steeper than the rebound


def test_far_objects_are_smaller_than_near_ones() -> None:
    scene = FILMS[0]
    moved = [np.ptp(draw_scene(dataclasses.replace(scene, distance_m=m)).astype(int), axis=0).sum() for m in (0.7, 9.0)]
    assert moved[0] > 3 * moved[1]


def test_objects_of_one_group_look_alike_and_groups_differ() -> None:
    colours = {}
    for scene in FILMS:
        frame = draw_scene(dataclasses.replace(scene, distance_m=1.5))[0]
        colours.setdefault(scene.group_id, []).append(frame[:20].reshape(-1, 3).mean(0))
    for members in colours.values():
        assert np.ptp(np.stack(members), axis=0).max() < 12
    walls = np.stack([members[0] for members in colours.values()])
    assert np.ptp(walls, axis=0).max() > 30
