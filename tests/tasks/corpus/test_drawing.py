"""The videos of the built-in corpus: the stick is lowest at the events, and far objects are small."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.corpus.drawing import FPS, SHAPES, SIZE, draw_scene, stick_heights
from tasks.corpus.materials import MATERIALS
from tasks.corpus.scene import Scene
from tasks.corpus.scenes import make_scenes

SCENES = make_scenes(40, has_video=True, seed=9)


def tip_rows(frames: np.ndarray) -> np.ndarray:
    """Returns the lowest row where each frame differs from the frames without the stick (the median over time)."""
    moving = np.abs(frames.astype(int) - np.median(frames, axis=0)).sum(-1).max(2) > 60
    return np.asarray([np.flatnonzero(row).max(initial=0) for row in moving], float)


def test_height_is_zero_at_events_and_never_between() -> None:
    events = (1.003, 2.5, 2.75, 6.1)
    assert np.allclose(stick_heights(events, np.asarray(events)), 0.0)
    grid = np.linspace(0, 8, 8001)
    away = np.min(np.abs(grid[:, None] - np.asarray(events)), axis=1) > 0.02
    assert stick_heights(events, grid)[away].min() > 0.1


def test_two_frames_beside_the_contact_show_its_time() -> None:
    """The movement has its kink at the event, so a 25 fps video carries the time to a fraction of a frame."""
    frame_s = np.arange(200) / FPS
    for event_s in (1.0, 1.013, 1.027):
        heights = stick_heights((event_s,), frame_s)
        lowest = int(np.argmin(heights))
        assert abs(frame_s[lowest] - event_s) <= 0.5 / FPS + 1e-9
        assert heights[lowest - 2] > heights[lowest - 1] > heights[lowest]


@pytest.mark.parametrize("scene", SCENES[::8], ids=lambda scene: scene.scene_id)
def test_the_stick_is_lowest_in_the_frames_of_the_events(scene: Scene) -> None:
    rows = tip_rows(draw_scene(scene))
    for event_s in scene.event_times_s:
        near = np.arange(round(event_s * FPS) - 2, round(event_s * FPS) + 3)
        near = near[(near >= 0) & (near < 200)]
        best = near[rows[near] >= rows[near].max() - 0.5]
        assert np.min(np.abs(best / FPS - event_s)) <= 0.030  # half a frame, and the fall is steeper than the rebound


def test_far_objects_are_smaller_than_near_ones() -> None:
    scene = SCENES[0]
    moved = [np.ptp(draw_scene(dataclasses.replace(scene, distance_m=m)).astype(int), axis=0).sum() for m in (0.7, 9.0)]
    assert moved[0] > 3 * moved[1]


def test_large_objects_are_drawn_larger_than_small_ones() -> None:
    for scene in SCENES[::14]:
        widths, heights = [], []
        for size in (0.7, 1.0, 1.4):
            frame = draw_scene(dataclasses.replace(scene, size=size, distance_m=2.0))[0].astype(int)
            bare = draw_scene(dataclasses.replace(scene, size=0.001, distance_m=2.0))[0].astype(int)
            drawn = np.abs(frame - bare)[64:].sum(-1) > 12
            widths.append(drawn.any(axis=0).sum())
            heights.append(drawn.any(axis=1).sum())
        assert widths[0] < widths[1] < widths[2] and heights[0] < heights[1] < heights[2]


def test_objects_of_one_group_look_alike_and_groups_differ() -> None:
    colours = {}
    for scene in SCENES:
        frame = draw_scene(dataclasses.replace(scene, distance_m=1.5))[0]
        colours.setdefault(scene.group_id, []).append(frame[:20].reshape(-1, 3).mean(0))
    for members in colours.values():
        assert np.ptp(np.stack(members), axis=0).max() < 12
    walls = np.stack([members[0] for members in colours.values()])
    assert np.ptp(walls, axis=0).max() > 30


@settings(max_examples=40)
@given(st.lists(st.floats(0.2, 7.5), max_size=12, unique_by=lambda s: round(s * 4)))
def test_the_stick_stays_between_contact_and_raised(events: list[float]) -> None:
    times = tuple(sorted(events))
    heights = stick_heights(times, np.linspace(0, 8, 2001))
    assert heights.min() >= -1e-9 and heights.max() <= 1.0
    at_events = stick_heights(times, np.asarray(times, float))
    np.testing.assert_allclose(at_events, 0.0, atol=1e-9)
    if not times:
        assert (heights == 1.0).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_fills_its_own_box_and_little_else(shape: str) -> None:
    v, u = np.mgrid[-0.5:1.5:200j, -2:2:200j].astype(np.float32)
    layers = SHAPES[shape](u, v, (100, 120, 140))
    drawn = np.any([mask for mask, _ in layers], axis=0)
    box = (np.abs(u) <= 1) & (v >= 0) & (v <= 1)
    assert 0.2 < drawn[box].mean() <= 1
    assert drawn[~box].mean() < 0.03
    assert all(0 <= value <= 255 for _, colour in layers for value in colour)
    top, bottom = np.flatnonzero(drawn.any(axis=1))[[0, -1]]
    assert v[top, 0] == pytest.approx(0, abs=0.02)  # the stick meets the upper edge
    assert v[bottom, 0] > 0.9


@pytest.mark.parametrize("material", MATERIALS)
@pytest.mark.parametrize("distance_m", [0.6, 11.0])
def test_frames_are_whole_and_only_the_stick_moves(material: str, distance_m: float) -> None:
    scene = dataclasses.replace(SCENES[0], material=material, distance_m=distance_m, event_times_s=(2.0,))
    frames = draw_scene(scene)
    assert frames.shape == (200, SIZE, SIZE, 3) and frames.dtype == np.uint8
    np.testing.assert_array_equal(frames[0], frames[-1])  # raised at both ends
    moving = np.any(frames != frames[:1], axis=(0, 3))
    columns = np.flatnonzero(moving.any(axis=0))
    assert 0 < len(columns) < 0.75 * SIZE
    rows = np.flatnonzero(moving.any(axis=1))
    assert rows.min() >= 0 and rows.max() < SIZE


@pytest.mark.parametrize("seed", range(4))
def test_the_stick_contrasts_with_any_wall(seed: int) -> None:
    scene = dataclasses.replace(SCENES[0], object_seed=seed, event_times_s=(2.0,), distance_m=1.5)
    frames = draw_scene(scene).astype(int)
    change = np.abs(frames[50] - frames[0]).sum(axis=2)
    assert change.max() > 120


def test_frames_depend_on_the_scene_alone() -> None:
    np.testing.assert_array_equal(draw_scene(SCENES[2]), draw_scene(SCENES[2]))
    assert (draw_scene(SCENES[2]) != draw_scene(dataclasses.replace(SCENES[2], seed=1))).any()
