"""The built-in corpus: rendered videos of a stick striking things, and rendered audio, both with captions.

It replaces Greatest Hits (SPEC D5) where that is not at hand: events, rate, level and distance are known, so
synchronisation and adverbs can be measured exactly. `scenes` describes; `render` writes the files of one scene, the
same bytes anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tasks.corpus.config import CorpusConfig
from tasks.corpus.confounds import Confounds
from tasks.corpus.drawing import FPS, draw_scene
from tasks.corpus.materials import MATERIALS, SIZES
from tasks.corpus.modal import RATE_HZ, at_distance, gain, make_body, render_strikes, room_tone
from tasks.corpus.scene import DURATION_S, STRIKE, Scene
from tasks.corpus.scenes import make_scenes
from tasks.corpus.textures import render_texture
from tasks.media.audio import write_flac
from tasks.media.samples import Samples
from tasks.media.video_writer import write_video

LICENCE: Final = "CC0-1.0"
_ROOM_TONE_DB: Final = -74.0
_MAX_PEAK: Final = 0.97
_OFF_SCREEN_DB: Final = -12.0  # relative to the scene's own strikes
_OFF_SCREEN_M: Final = 2.0  # further away than the object in the video


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedScene:
    """The files of a scene and what is known of it. `event_times_s` is None for scenes without events."""

    audio_path: Path
    video_path: Path | None
    caption: str
    event_times_s: tuple[float, ...] | None
    attributes: dict[str, Any]
    split: str
    group_id: str


def scenes(config: CorpusConfig) -> list[Scene]:
    """Returns the corpus: `video_clips` scenes with video, then `audio_clips` without. Nothing is rendered."""
    confounds = Confounds(**config.model_dump(include={"lag_share", "distractor_share", "off_screen_share"}))
    return [
        *make_scenes(config.video_clips, has_video=True, seed=config.seed, confounds=confounds),
        *make_scenes(config.audio_clips, has_video=False, seed=config.seed),
    ]


def scene_audio(scene: Scene) -> Samples:
    """Returns the scene's audio (T,), 8 s at 16 kHz, at the scene's own level."""
    rng = np.random.default_rng(scene.seed)
    if scene.kind == STRIKE:
        body = make_body(MATERIALS[scene.material], np.random.default_rng(scene.object_seed), size=scene.size)
        dry_T = render_strikes(body, scene.event_times_s, scene.strengths, DURATION_S, rng)
    else:
        dry_T = render_texture(scene, rng)
    audio_T = at_distance(dry_T, scene.distance_m, rng) + room_tone(len(dry_T), _ROOM_TONE_DB, rng)
    if scene.off_screen is not None:
        audio_T = audio_T + _off_screen(scene.off_screen, scene)
    peak = float(np.max(np.abs(audio_T)))
    return audio_T if peak <= _MAX_PEAK else audio_T * np.float32(_MAX_PEAK / peak)  # overlapping strikes add up


def _off_screen(material: str, scene: Scene) -> Samples:
    """Returns the audio (T,) of the source that the video does not show: quieter, and further away."""
    rng = np.random.default_rng(scene.seed + 2)
    size = float(rng.uniform(*SIZES))
    body = make_body(MATERIALS[material], rng, size=size)
    strengths = [gain(scene.level_db + _OFF_SCREEN_DB)] * len(scene.off_screen_times_s)
    dry_T = render_strikes(body, scene.off_screen_times_s, strengths, DURATION_S, rng)
    return at_distance(dry_T, scene.distance_m + _OFF_SCREEN_M, rng)


def render(scene: Scene, folder: Path) -> RenderedScene:
    """Writes `<scene_id>.flac` (16 kHz mono) and, with video, `<scene_id>.mp4` (25 fps, no audio track)."""
    audio_path = folder / f"{scene.scene_id}.flac"
    write_flac(audio_path, scene_audio(scene), RATE_HZ)
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
