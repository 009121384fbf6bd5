"""What a checkpoint makes of real videos: is it audible, and do onsets come where the video's own audio has them?

    python -m benchmarks.real_videos [--checkpoint builtin] [--videos FOLDER] [--seeds 2]

Generates VTA without a prompt for the first 8 s of every video that has frames and audio. "Audible" is a level over
-35 dBFS (the gated level of `tasks.evaluate.attributes`). Onsets of the video's own audio are found by the detector
that scores the built-in corpus; their EventF1 is shown beside that of another video's onsets, which is what agreement
by chance looks like. Prints a Markdown row per video and a summary; skips, saying so, without a folder of videos.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.real_data import recordings_folder
from data_contracts import FoleyGenExError
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import generate_file
from tasks.evaluate.attributes import level_db
from tasks.evaluate.events import event_f1
from tasks.evaluate.onsets import detect_onsets
from tasks.media.audio import read_audio
from tasks.media.video import probe_video

RATE_HZ: Final = 16_000
LONGEST_S: Final = 8.0
TOLERANCE_S: Final = 0.1
AUDIBLE_DB: Final = -35.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One video's result: level in dBFS, onsets in seconds of the video's own audio and of the generated one."""

    name: str
    level: float
    true_s: list[float]
    made_s: list[float]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=Path("builtin"))
    parser.add_argument(
        "--videos", type=Path, default=recordings_folder() / "video", help="folder of MP4 files with audio"
    )
    parser.add_argument("--seeds", type=int, default=2, help="results per video")
    options = parser.parse_args()
    videos = sorted(options.videos.glob("*.mp4")) if options.videos.is_dir() else []
    if not videos:
        print(f"no videos at {options.videos}: skipped")
        return
    session = InferenceSession.open(options.checkpoint)
    with tempfile.TemporaryDirectory() as folder:
        made = [
            one
            for video in videos
            for seed in range(options.seeds)
            if (one := measure(session, options.checkpoint, video, seed, Path(folder))) is not None
        ]
    print(table(made))


def measure(session: InferenceSession, checkpoint: Path, video: Path, seed: int, folder: Path) -> Made | None:
    """Returns the result for one video and seed; None, with a line that says why, when it cannot be generated."""
    out = folder / f"{video.stem}-{seed}.wav"
    try:
        duration_s = min(LONGEST_S, probe_video(video).duration_s)
        asked = GenerateOptions(
            task="vta", checkpoint=checkpoint, out=out, video=video, seed=seed, duration_s=duration_s
        )
        generate_file(asked, session)
        true_T, _ = read_audio(video, rate_hz=RATE_HZ)
    except FoleyGenExError as error:
        print(f"{video.name}: left out ({error})")
        return None
    made_T, _ = read_audio(out, rate_hz=RATE_HZ)
    true_T = true_T[: len(made_T)]
    return Made(
        name=video.stem,
        level=level_db(made_T, RATE_HZ),
        true_s=detect_onsets(true_T, RATE_HZ),
        made_s=detect_onsets(made_T, RATE_HZ),
    )


def table(made: Sequence[Made]) -> str:
    """Returns a row per result and a summary. Agreement is measured where the video's own audio has onsets."""
    lines = [
        "| video | level dBFS | onsets in the video | onsets made | EventF1@100ms | with another video's onsets |",
        "|---|---|---|---|---|---|",
    ]
    own, other = [], []
    for index, one in enumerate(made):
        agreement, chance = "", ""
        if one.true_s:
            strangers = [else_.true_s for else_ in made if else_.name != one.name and else_.true_s]
            own.append(event_f1(one.true_s, one.made_s, TOLERANCE_S))
            agreement = f"{own[-1]:.2f}"
            if strangers:
                other.append(event_f1(strangers[index % len(strangers)], one.made_s, TOLERANCE_S))
                chance = f"{other[-1]:.2f}"
        lines.append(
            f"| {one.name} | {one.level:.1f} | {len(one.true_s)} | {len(one.made_s)} | {agreement} | {chance} |"
        )
    audible = sum(one.level > AUDIBLE_DB for one in made)
    lines.append(
        f"\naudible (over {AUDIBLE_DB:g} dBFS): {audible} of {len(made)}; median level "
        f"{np.median([one.level for one in made]):.1f} dBFS"
    )
    if own and other:
        lines.append(f"EventF1@100ms, mean of {len(own)}: {np.mean(own):.2f}; another video's: {np.mean(other):.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
