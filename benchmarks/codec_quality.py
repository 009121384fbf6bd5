"""What a codec keeps: every number of its card, on held-out built-in clips and on real recordings where there are some.

    python -m benchmarks.codec_quality [--codec embedded_16k] [--real FOLDER] [--tagger FILE] [--pictures FOLDER]

The built-in clips are the demo's validation and test clips; the codec was trained on another seed. `--real` is a folder
with one subfolder of recordings per class. `--tagger` is EfficientAT's `mn04_as_mAP_432.pt`. What is absent is skipped.
Prints Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.codec_measures import (
    RATE_HZ,
    Quality,
    latent_use,
    leak_db,
    level_db,
    onset_s,
    quality,
    round_trip,
)
from benchmarks.judge_recordings import Heard
from benchmarks.real_data import recordings_folder, tagger_weights
from benchmarks.spectrograms import save_pair
from model.codec import Codec, load_codec
from model.judges.corpus_cnn import CorpusCNNJudge
from model.judges.efficientat import EfficientATJudge
from tasks.corpus.builtin import scene_audio, scenes
from tasks.corpus.config import CorpusConfig
from tasks.corpus.scene import STRIKE, Scene
from tasks.evaluate.material import MaterialClassifier, mfcc_statistics
from tasks.media.audio import read_audio
from tasks.media.samples import Samples

AUDIBLE = 1e-3
PICTURED = ("glass", "ceramic", "metal", "wood")


@dataclass(frozen=True, slots=True)
class Pair:
    """A clip, its round trip and, of built-in clips, its scene."""

    real: Samples
    made: Samples
    scene: Scene | None = None


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", default="embedded_16k", help="name or .safetensors path")
    parser.add_argument("--real", type=Path, default=recordings_folder() / "audio" / "esc10", help="recordings")
    parser.add_argument("--tagger", type=Path, default=tagger_weights())
    parser.add_argument("--clips", type=int, default=1000, help="built-in clips at most")
    parser.add_argument("--per-class", type=int, default=6, help="real recordings per class")
    parser.add_argument("--pictures", type=Path, help="folder for spectrograms, the clip above its round trip")
    options = parser.parse_args()
    codec = load_codec(options.codec)
    print(f"codec {codec.spec.name}, weights SHA-256 {codec.spec.weights_sha256}\n")
    own, tagger = Heard(CorpusCNNJudge.load()), None
    if options.tagger.is_file():
        tagger = Heard(EfficientATJudge.load(options.tagger))
    corpus = scenes(CorpusConfig())
    held_out = [scene for scene in corpus if scene.split != "train"][: options.clips]
    clips = [scene_audio(scene) for scene in held_out]
    started = time.process_time()
    pairs = [pair_of(codec, audio_T, scene) for audio_T, scene in zip(clips, held_out, strict=True)]
    seconds = (time.process_time() - started) / len(pairs)
    header()
    for title, chosen in (
        ("built-in strikes", [pair for pair in pairs if pair.scene and pair.scene.kind == STRIKE]),
        ("built-in other sounds", [pair for pair in pairs if pair.scene and pair.scene.kind != STRIKE]),
    ):
        row(title, chosen, own, tagger)
    recordings = read_recordings(options.real, options.per_class)
    real = {label: [pair_of(codec, audio_T) for audio_T in clips] for label, clips in recordings.items()}
    for label, chosen in real.items():
        row(f"real: {label}", chosen, own, tagger)
    print(f"\n{seconds:.2f} CPU s to encode and decode an 8-s clip\n")
    for name, judge in (("corpus-cnn", own), ("tagger", tagger)):
        baseline(pairs, name, judge)
    materials(corpus, pairs)
    timing(pairs)
    extremes(codec, pairs)
    latents(codec, pairs)
    if options.pictures:
        pictures(pairs, options.pictures)


def pair_of(codec: Codec, audio_T: Samples, scene: Scene | None = None) -> Pair:
    """Returns a clip with its round trip."""
    return Pair(audio_T, round_trip(codec, audio_T), scene)


def read_recordings(folder: Path, count: int) -> dict[str, list[Samples]]:
    """Returns the first recordings of each class that has some, mono at the codec's rate."""
    paths = sorted(folder.glob("*/*.ogg")) if folder.is_dir() else []
    if not paths:
        print(f"no recordings in {folder}: skipped\n")
    labels = sorted({path.parent.name for path in paths})
    return {
        label: [read_audio(path, rate_hz=RATE_HZ)[0] for path in paths if path.parent.name == label][:count]
        for label in labels
    }


def header() -> None:
    """Prints the table's head."""
    names = (
        "level dB", "level 95 %", "log10-mel L1", "mel dB", "SI-SDR dB", "likeness-corpus-cnn", "tagger likeness",
    )  # fmt: skip
    print(f"| set | clips | {' | '.join(names)} |\n|{'---|' * (len(names) + 2)}")


def row(title: str, pairs: Sequence[Pair], own: Heard, tagger: Heard | None) -> None:
    """Prints medians over the audible clips, and the 95th percentile of the level's change."""
    pairs = audible(pairs)
    if not pairs:
        return
    found = [quality(pair.real, pair.made) for pair in pairs]
    alike = [
        f"{np.median([likeness(judge, p.real, p.made) for p in pairs]):.3f}" if judge else "-"
        for judge in (own, tagger)
    ]
    change_db = np.abs([one.level_change_db for one in found])
    print(
        f"| {title} | {len(pairs)} | {median(found, 'level_change_db'):+.2f} | {np.percentile(change_db, 95):.2f} | "
        f"{median(found, 'mel_l1'):.3f} | {median(found, 'mel_db'):.2f} | {median(found, 'si_sdr_db'):.1f} | "
        f"{' | '.join(alike)} |"
    )


def median(found: Iterable[Quality], name: str) -> float:
    """Returns the median of one measure."""
    return float(np.median([getattr(one, name) for one in found]))


def audible(pairs: Sequence[Pair]) -> list[Pair]:
    """Returns the pairs whose clip is not silent."""
    return [pair for pair in pairs if np.abs(pair.real).max() > AUDIBLE]


def likeness(judge: Heard, one_T: Samples, two_T: Samples) -> float:
    """Returns the cosine of two clips' embeddings."""
    return float(torch.cosine_similarity(judge.embedding(one_T), judge.embedding(two_T), dim=0))


def baseline(pairs: Sequence[Pair], name: str, judge: Heard | None) -> None:
    """Prints how alike two different objects are to a judge: what its likeness has to exceed."""
    if judge is None:
        print(f"no {name}: its likeness is not measured\n")
        return
    clips = audible(pairs)[:40]
    others = [
        likeness(judge, one.real, two.real)
        for one, two in zip(clips, [*clips[7:], *clips[:7]], strict=True)
        if one.scene and two.scene and one.scene.material != two.scene.material
    ]
    if not others:
        return
    print(f"{name}: likeness of {len(others)} pairs of different materials: {np.median(others):.3f} (median)\n")


def materials(corpus: Sequence[Scene], pairs: Sequence[Pair]) -> None:
    """Prints how often a classifier of the training clips names the held-out clip's material, before and after."""
    train = [scene for scene in corpus if scene.split == "train" and scene.kind == STRIKE]
    struck = [pair for pair in audible(pairs) if pair.scene and pair.scene.kind == STRIKE]
    if not train or not struck:
        return
    vectors = [mfcc_statistics(scene_audio(scene), RATE_HZ) for scene in train]
    classifier = MaterialClassifier.fit(vectors, [scene.material for scene in train])
    if classifier is None:
        return
    right = [
        [classifier.material(mfcc_statistics(audio, RATE_HZ)) == scene.material for audio in (pair.real, pair.made)]
        for pair in struck
        if (scene := pair.scene)
    ]
    before, after = np.mean(right, axis=0)
    print(f"material right in {len(right)} strikes: {before:.3f} of the clips, {after:.3f} of their round trips\n")


def timing(pairs: Sequence[Pair]) -> None:
    """Prints how far the onsets of the true events move, and how much audio leaks before them."""
    shifts_ms, leaks = [], []
    for pair in pairs:
        if pair.scene is None or not pair.scene.has_video:
            continue
        gaps_s = np.diff(pair.scene.event_times_s, prepend=-1.0)
        for event_s, gap_s in zip(pair.scene.event_times_s, gaps_s, strict=True):
            shifts_ms.append(1000 * (onset_s(pair.made, event_s) - onset_s(pair.real, event_s)))
            if gap_s > 0.5 and event_s > 0.1:
                leaks.append(leak_db(pair.made, event_s))
    size = np.abs(shifts_ms)
    print(
        f"onsets of {len(size)} strikes: moved by {np.median(size):.1f} ms (median), {np.percentile(size, 95):.1f} ms "
        f"(95 %), mean {np.mean(shifts_ms):+.1f} ms, {np.mean(size <= 15):.1%} within 15 ms; 20 to 60 ms before "
        f"{len(leaks)} isolated strikes the level is {np.median(leaks):.1f} dB of the strike's\n"
    )


def extremes(codec: Codec, pairs: Sequence[Pair]) -> None:
    """Prints what becomes of silence, of noise at several levels, and of clips made louder or quieter."""
    silence_T = round_trip(codec, np.zeros(8 * RATE_HZ, np.float32))
    print(f"silence comes back at a peak of {20 * np.log10(np.abs(silence_T).max() + 1e-9):.0f} dBFS")
    rng = np.random.default_rng(0)
    changes = []
    for noise_db in (-60.0, -40.0, -20.0):
        noise_T = (10 ** (noise_db / 20) * rng.standard_normal(4 * RATE_HZ)).astype(np.float32).clip(-1, 1)
        changes.append(f"{level_db(round_trip(codec, noise_T)) - level_db(noise_T):+.2f} dB at {noise_db:.0f} dBFS")
    print(f"white noise: level changed by {', '.join(changes)}")
    for gain_db in (-20.0, -10.0, 6.0):
        scaled = [(pair.real * 10 ** (gain_db / 20)).clip(-1, 1).astype(np.float32) for pair in audible(pairs)[::8]]
        moved = [level_db(round_trip(codec, audio_T)) - level_db(audio_T) for audio_T in scaled]
        print(f"{len(moved)} clips at {gain_db:+.0f} dB: level changed by {np.median(moved):+.2f} dB (median)")


def latents(codec: Codec, pairs: Sequence[Pair]) -> None:
    """Prints how the latent is used."""
    use = latent_use(codec, [pair.real for pair in pairs])
    print(
        f"\nlatent: {use.channels} channels, spread of the means {use.least_spread:.2f} to {use.greatest_spread:.2f}, "
        f"mean deviation {use.deviation:.3f}, {use.used} channels with a spread over twice their deviation, "
        f"KL {use.kl:.0f} nats per frame"
    )


def pictures(pairs: Sequence[Pair], folder: Path) -> None:
    """Writes a strike of each pictured material."""
    folder.mkdir(parents=True, exist_ok=True)
    for material in PICTURED:
        pair = next((pair for pair in pairs if pair.scene and pair.scene.material == material), None)
        if pair:
            save_pair(folder / f"{material}.png", pair.real, pair.made)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
