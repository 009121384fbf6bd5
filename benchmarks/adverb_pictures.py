"""Draws what three adverbs do to audio: `python -m benchmarks.adverb_pictures docs/adverbs`.

Scenes of the built-in corpus, each above the same changed by the pipeline's own augmentation; one scale per picture.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

import foleygenex
from benchmarks.spectrograms import save_pair
from tasks.corpus.builtin import scene_audio, scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.modal import RATE_HZ
from tasks.corpus.scene import STRIKE, Scene
from tasks.media.samples import Samples

_WIDTH, _HEIGHT = 420, 96
PICTURES: Final[dict[str, tuple[str, Callable[[Scene], float]]]] = {
    "very_fast": ("faster", lambda scene: abs(scene.rate_hz - 3.0) - scene.level_db / 10),
    "far": ("far", lambda scene: scene.distance_m),
    "crescendo": ("crescendo", lambda scene: -scene.level_db),
}
"""Level -> the effect, and a number per scene: the one with the smallest is drawn, as it shows the effect best."""


def draw(folder: Path) -> list[Path]:
    """Writes one PNG per level and returns their paths; the same bytes each time."""
    folder.mkdir(parents=True, exist_ok=True)
    strikes = [scene for scene in scenes(CorpusConfig()) if scene.kind == STRIKE]
    paths = []
    for level, (effect, least) in PICTURES.items():
        before_T = scene_audio(min(strikes, key=least))
        after = foleygenex.augment(foleygenex.Audio(samples=before_T, rate_hz=RATE_HZ), effect)
        length = max(len(before_T), len(after.samples))
        paths.append(folder / f"{level}.png")
        save_pair(paths[-1], _padded(before_T, length), _padded(after.samples, length), width=_WIDTH, height=_HEIGHT)
    return paths


def _padded(audio_T: Samples, length: int) -> Samples:
    return np.pad(audio_T, (0, length - len(audio_T)))


def main() -> None:
    """Draws into the folder that is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    for path in draw(parser.parse_args().folder):
        print(path)


if __name__ == "__main__":
    main()
