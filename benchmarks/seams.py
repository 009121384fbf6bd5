"""Do edits and long audio click at their seams? Measured on a checkpoint, against joining samples instead.

    python -m benchmarks.seams --checkpoint workspace/train/checkpoint.safetensors [--scenes 8] [--steps 25]

Edits: a window of 1.5 s in built-in scenes, with the scene's video, as merged latents. Long: a video of 30 s (scenes
one after another) in windows. Rank: the share of places within half a second that bend at least as sharply as the
seam; one half on average where nothing stands out, near 0 at a click. Beside it the rank of the same places in the
codec's own round trip, of the same parts joined as samples, and of those with a jump of 5 % of full scale at the seam:
what the rank can detect.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from model.long import decode_long, encode_long
from tasks.commands.generate.options import GenerateOptions
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import Generation
from tasks.corpus.builtin import render, scenes
from tasks.corpus.config import CorpusConfig
from tasks.media.audio import read_audio
from tasks.media.frames import read_frames
from tasks.media.samples import Samples
from tasks.media.video_writer import write_video

EDIT_S = (3.0, 4.5)
LONG_S = 30.0
REACH_S = 0.5
WIDTH_S = 0.02


def main() -> None:
    """Measures and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--steps", type=int, default=25)
    chosen = parser.parse_args()
    session = InferenceSession.open(chosen.checkpoint)
    print(f"checkpoint: {session.info.step} training steps, {session.specs.codec.name}; {chosen.steps} sampling steps")
    print("| where | seams | mean rank | ranks below 0.05 |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        edits(session, Path(folder), chosen.scenes, chosen.steps)
        long(session, Path(folder), chosen.steps)


def edits(session: InferenceSession, folder: Path, count: int, steps: int) -> None:
    """Regenerates one window of each scene."""
    rate_hz, ranks = session.codec.spec.sample_rate_hz, {name: [] for name in ("edit", "whole", "samples", "click")}
    places = [round(time_s * rate_hz) for time_s in EDIT_S]
    for scene in scenes(CorpusConfig())[:count]:
        files = render(scene, folder)
        options = GenerateOptions(
            task="edit", checkpoint=session.checkpoint, out=folder / "x.wav", video=files.video_path,
            original=files.audio_path, window=EDIT_S, steps=steps, keep_source=False,
        )  # fmt: skip
        new_T = Generation(options, session).run()
        old_T = round_trip(session, read_audio(files.audio_path, rate_hz=rate_hz)[0])[: len(new_T)]
        cut_T = np.concatenate([old_T[: places[0]], new_T[places[0] : places[1]], old_T[places[1] :]])
        jump_T = new_T.copy()
        jump_T[places[0] : places[1]] += 0.05
        for name, audio_T in (("edit", new_T), ("whole", old_T), ("samples", cut_T), ("click", jump_T)):
            ranks[name] += [seam_rank(audio_T, at, rate_hz) for at in places]
    report("edit, joined as latents", ranks["edit"])
    report("the same places before the edit", ranks["whole"])
    report("the same parts joined as samples", ranks["samples"])
    report("the edit with a jump of 0.05 at the seams", ranks["click"])


def long(session: InferenceSession, folder: Path, steps: int) -> None:
    """Generates the audio of a video of 30 s, in windows."""
    rate_hz = session.codec.spec.sample_rate_hz
    videos = [render(scene, folder).video_path for scene in scenes(CorpusConfig())[:4]]
    frames = np.concatenate([read_frames(video, fps=25, size=128) for video in videos if video])[: round(LONG_S * 25)]
    write_video(folder / "long.mp4", frames, 25)
    options = GenerateOptions(
        task="vta", checkpoint=session.checkpoint, out=folder / "x.wav", video=folder / "long.mp4", steps=steps
    )
    generation = Generation(options, session)
    audio_T = generation.run()
    hop = session.codec.spec.hop
    seams = [(window.start + window.known) * hop for window in generation.windows[1:]]
    report(f"windows of a {LONG_S:g} s video", [seam_rank(audio_T, at, rate_hz) for at in seams])
    elsewhere = range(rate_hz, len(audio_T) - rate_hz, rate_hz)
    report("every second of it", [seam_rank(audio_T, at, rate_hz) for at in elsewhere])
    jump_T = audio_T + 0.05 * np.searchsorted(seams, np.arange(len(audio_T)), side="right").astype(np.float32)
    report("with a jump of 0.05 at the seams", [seam_rank(jump_T, at, rate_hz) for at in seams])


def round_trip(session: InferenceSession, samples_T: Samples) -> Samples:
    """Returns the codec's round trip."""
    decoded: Samples = decode_long(session.codec, encode_long(session.codec, torch.from_numpy(samples_T))).numpy()
    return decoded


def report(name: str, ranks: Sequence[float]) -> None:
    """Prints one row."""
    low = sum(rank < 0.05 for rank in ranks)
    print(f"| {name} | {len(ranks)} | {np.mean(ranks):.2f} | {low} |")


def seam_rank(samples_T: Samples, at: int, rate_hz: int, *, width_s: float = WIDTH_S) -> float:
    """Returns the share of places around sample `at` whose waveform bends at least as sharply: near 0 at a click.

    A place is `width_s` of audio, its sharpness the largest second difference in it (large at a jump); compared are
    the places within half a second to either side. At an unremarkable place the value is anything from 0 to 1, one
    half on average. Raises ValueError when there is nothing to compare with.
    """
    bend_T = np.abs(np.diff(samples_T.astype(np.float64), 2))
    width, reach = round(width_s * rate_hz), round(REACH_S * rate_hz)
    starts = np.arange(max(0, at - reach), min(len(bend_T) - width, at + reach), max(1, width // 2))
    apart = starts[np.abs(starts + width / 2 - at) >= width]
    if not len(apart):
        raise ValueError(f"sample {at} of {len(samples_T)} has no neighbours to compare with")
    first = max(0, at - width // 2)
    here = bend_T[first : first + width].max(initial=0.0)
    around = np.array([bend_T[start : start + width].max() for start in apart])
    return float(np.mean(around >= here))


if __name__ == "__main__":
    main()
