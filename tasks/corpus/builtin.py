"""The built-in corpus: short films of a stick striking things, and sounds with captions, rendered on the spot.

It stands in for Greatest Hits (SPEC D5): events, rate, level and distance are known, so synchronisation and adverbs
can be measured exactly. `scenes` only describes; `render` writes the files of one scene, the same bytes anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tasks.corpus.config import CorpusConfig
from tasks.corpus.drawing import FPS, draw_scene
from tasks.corpus.materials import MATERIALS
from tasks.corpus.modal import RATE_HZ, at_distance, make_body, render_strikes, room_tone
from tasks.corpus.scenes import DURATION_S, Scene, make_scenes
from tasks.corpus.textures import render_texture
from tasks.media.audio import write_flac
from tasks.media.samples import Samples
from tasks.media.video import write_video

LICENCE: Final = "CC0-1.0"
_ROOM_TONE_DB: Final = -74.0
_CEILING: Final = 0.97


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedScene:
    """The files of a scene and what is true of it. `event_times_s` is None for sounds without events."""

    audio_path: Path
    video_path: Path | None
    caption: str
    event_times_s: tuple[float, ...] | None
    attributes: dict[str, Any]
    split: str
    group_id: str


def scenes(config: CorpusConfig) -> list[Scene]:
    """Returns the corpus: `video_clips` scenes with picture, then `audio_clips` without. Nothing is rendered."""
    return [
        *make_scenes(config.video_clips, has_video=True, seed=config.seed),
        *make_scenes(config.audio_clips, has_video=False, seed=config.seed),
    ]


def scene_sound(scene: Scene) -> Samples:
    """Returns the scene's sound (T,), 8 s at 16 kHz. Its level is the scene's own: loud and quiet stay apart."""
    rng = np.random.default_rng(scene.seed)
    if scene.kind == "strike":
        body = make_body(MATERIALS[scene.material], np.random.default_rng(scene.object_seed))
        dry_T = render_strikes(body, scene.event_times_s, scene.strengths, DURATION_S, rng)
    else:
        dry_T = render_texture(scene, rng)
    sound_T = at_distance(dry_T, scene.distance_m, rng) + room_tone(len(dry_T), _ROOM_TONE_DB, rng)
    peak = float(np.max(np.abs(sound_T)))
    return sound_T if peak <= _CEILING else sound_T * np.float32(_CEILING / peak)  # overlapping strikes can add up


def render(scene: Scene, folder: Path) -> RenderedScene:
    """Writes `<scene_id>.flac` (16 kHz mono) and, with picture, `<scene_id>.mp4` (25 fps, no sound track)."""
    audio_path = folder / f"{scene.scene_id}.flac"
    write_flac(audio_path, scene_sound(scene), RATE_HZ)
    video_path = folder / f"{scene.scene_id}.mp4" if scene.has_video else None
    if video_path is not None:
        write_video(video_path, draw_scene(scene), FPS)
    return RenderedScene(
        audio_path=audio_path,
        video_path=video_path,
        caption=scene.caption,
        event_times_s=scene.event_times_s or None,
        attributes=scene.attributes(),
        split=scene.split,
        group_id=scene.group_id,
    )
