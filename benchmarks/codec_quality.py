"""What a codec keeps: round trip of held-out built-in clips, and of real recordings where a folder has some.

    python -m benchmarks.codec_quality [--codec embedded_16k] [--real FOLDER]

The built-in clips are the demo's test and validation clips; the codec was trained on another seed. Prints a Markdown
table per set (medians) and the latent's statistics.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from model.codec import Codec, load_codec
from tasks.commands.train_codec.losses import mel, spectral_distances
from tasks.corpus.builtin import scene_audio, scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.scene import Scene
from tasks.media.audio import read_audio

RATE_HZ = 16_000
STEP = 32  # 2 ms
REAL_FOLDER = Path(__file__).parents[2] / "shared" / "data" / "audio" / "esc10"


@dataclass(frozen=True, slots=True)
class Quality:
    """One clip's round trip. `mel` is the training distance (log10), `mel_db` an 80-band spectrum's distance in dB."""

    si_sdr_db: float
    mel: float
    mel_db: float
    level_change_db: float


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", default="embedded_16k", help="name or .safetensors path")
    parser.add_argument("--real", type=Path, default=REAL_FOLDER, help="folder of recordings")
    parser.add_argument("--clips", type=int, default=60, help="clips per set")
    options = parser.parse_args()
    codec = load_codec(options.codec)
    print(f"codec {codec.spec.name}, weights SHA-256 {codec.spec.weights_sha256}\n")
    held_out = [s for s in scenes(CorpusConfig()) if s.split != "train"]
    for title, chosen in (
        ("built-in strikes", [s for s in held_out if s.kind == "strike"]),
        ("built-in other sounds", [s for s in held_out if s.kind != "strike"]),
    ):
        clips = [scene_audio(scene) for scene in chosen[: options.clips]]
        if clips:
            report(title, codec, clips)
    timing(codec, [s for s in held_out if s.has_video][: options.clips])
    latents(codec, [scene_audio(scene) for scene in held_out[: options.clips]])
    paths = sorted(options.real.glob("**/*.ogg")) if options.real.is_dir() else []
    if not paths:
        print(f"no real recordings at {options.real}: skipped")
        return
    for label in sorted({path.parent.name for path in paths}):
        mine = [path for path in paths if path.parent.name == label][:6]
        report(f"real: {label}", codec, [read_audio(path, rate_hz=RATE_HZ)[0] for path in mine], header=False)


def report(title: str, codec: Codec, clips: Sequence[np.ndarray], *, header: bool = True) -> None:
    """Prints one row of medians over the clips."""
    rows = [quality(audio_T, round_trip(codec, audio_T)) for audio_T in clips if np.abs(audio_T).max() > 1e-3]
    if header:
        print(
            "| set | clips | SI-SDR dB | log10-mel L1 | mel distance dB | level change dB |\n|---|---|---|---|---|---|"
        )
    medians = [float(np.median([getattr(row, name) for row in rows])) for name in Quality.__slots__]
    print(f"| {title} | {len(rows)} | " + " | ".join(f"{value:.2f}" for value in medians) + " |")


def round_trip(codec: Codec, audio_T: np.ndarray) -> np.ndarray:
    """Returns the audio decoded from the latent's mean, same length."""
    mean_BNF, _ = codec.encode(torch.from_numpy(audio_T)[None])
    return codec.decode(mean_BNF)[0, : len(audio_T)].numpy()


def quality(real_T: np.ndarray, made_T: np.ndarray) -> Quality:
    """Returns one clip's distances."""
    real, made = torch.from_numpy(real_T)[None], torch.from_numpy(made_T)[None]
    fine = [20 * torch.log10(mel(audio, 1024, 80, RATE_HZ) + 1e-4) for audio in (real, made)]
    return Quality(
        si_sdr_db(real_T, made_T),
        float(spectral_distances(real, made, RATE_HZ)[0]),
        float((fine[0] - fine[1]).abs().mean()),
        float(10 * np.log10(np.mean(made_T**2) / np.mean(real_T**2))),
    )


def si_sdr_db(real_T: np.ndarray, made_T: np.ndarray) -> float:
    """Returns the scale-invariant signal-to-distortion ratio in dB."""
    target_T = real_T * (np.dot(made_T, real_T) / np.dot(real_T, real_T))
    return float(10 * np.log10(np.sum(target_T**2) / np.sum((made_T - target_T) ** 2)))


def timing(codec: Codec, videos: Sequence[Scene]) -> None:
    """Prints how far the onsets of the true events move, and how much audio leaks before them."""
    shifts, leaks = [], []
    for scene in videos:
        real_T = scene_audio(scene)
        made_T = round_trip(codec, real_T)
        gaps = np.diff(scene.event_times_s, prepend=-1.0)
        for event_s, gap_s in zip(scene.event_times_s, gaps, strict=True):
            shifts.append(1000 * (onset_s(made_T, event_s) - onset_s(real_T, event_s)))
            if gap_s > 0.5 and event_s > 0.1:
                leaks.append(leak_db(made_T, event_s))
    size, within = np.abs(shifts), np.mean(np.abs(shifts) <= 15)
    print(
        f"\nonsets of {len(shifts)} strikes: moved by {np.median(size):.1f} ms (median), "
        f"{np.percentile(size, 95):.1f} ms (95 %), mean {np.mean(shifts):+.1f} ms, {within:.1%} within 15 ms; "
        f"20 to 60 ms before {len(leaks)} isolated strikes the level is {np.median(leaks):.1f} dB of the strike's\n"
    )


def onset_s(audio_T: np.ndarray, event_s: float) -> float:
    """Returns when the 2 ms level around an event first passes half of its local maximum."""
    start = max(0, round((event_s - 0.06) * RATE_HZ))
    level = envelope(audio_T[start : start + round(0.12 * RATE_HZ)])
    before = float(level[:10].min())
    return (start + int(np.argmax(level >= before + 0.5 * (level.max() - before))) * STEP) / RATE_HZ


def leak_db(audio_T: np.ndarray, event_s: float) -> float:
    """Returns the peak level 60 to 20 ms before an event relative to the strike's peak, in dB."""
    at = round(event_s * RATE_HZ)
    before = envelope(audio_T[max(0, at - 960) : at - 320]).max()
    return float(20 * np.log10((before + 1e-6) / (envelope(audio_T[at - 80 : at + 800]).max() + 1e-6)))


def envelope(audio_T: np.ndarray) -> np.ndarray:
    """Returns the RMS of each 2 ms."""
    whole = len(audio_T) // STEP * STEP
    return np.sqrt(np.mean(audio_T[:whole].reshape(-1, STEP) ** 2, axis=1))


def latents(codec: Codec, clips: Sequence[np.ndarray]) -> None:
    """Prints how the latent is used: spread of the means, size of the deviations, KL, dead channels."""
    means, stds = zip(*(codec.encode(torch.from_numpy(audio_T)[None]) for audio_T in clips), strict=True)
    mean_NF, std_NF = torch.cat(means, 1)[0], torch.cat(stds, 1)[0]
    spread_F = mean_NF.std(0)
    kl = 0.5 * (mean_NF**2 + std_NF**2 - 1 - 2 * std_NF.log()).sum(1).mean()
    used = int((spread_F > 2 * std_NF.mean(0)).sum())
    print(
        f"latent: {len(spread_F)} channels, spread of the means {spread_F.min():.2f} to {spread_F.max():.2f}, "
        f"mean deviation {std_NF.mean():.3f}, {used} channels with a spread over twice their deviation, "
        f"KL {kl:.0f} nats per frame\n"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
