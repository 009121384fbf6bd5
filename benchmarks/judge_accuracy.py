"""What the small judges are worth: on held-out objects of the built-in corpus, and on real recordings where there are.

    python -m benchmarks.judge_accuracy [--judge NAME]... [--part PART]... [--real FOLDER] [--tagger FILE]

Prints Markdown. `--real` is a folder with a MANIFEST.csv and `audio/esc10/CLASS/*.ogg`; `--tagger` is EfficientAT's
file. What is absent is skipped. Every interval is at 95 %, over uploads or objects of the corpus.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cosine_similarity

from benchmarks.codec_measures import RATE_HZ, round_trip
from benchmarks.judge_recordings import ESC10, Heard, Recording, esc10, hits_at_1, nearest, pairs_auc, videos
from benchmarks.mixtures import mixed
from benchmarks.real_data import recordings_folder, tagger_weights
from data_contracts import WeightsError
from model.codec import Codec, load_codec
from model.judges import AudioJudge, TextJudge, VideoJudge, load_judge
from model.judges.audioset import AUDIOSET_LABELS
from model.judges.corpus_cnn import WEIGHTS
from model.judges.corpus_cnn_file import read_judge
from tasks.corpus.builtin import scene_audio
from tasks.corpus.scenes import make_scenes
from tasks.evaluate.intervals import share_interval

OBJECTS = 24
SEED = 4_711  # of objects that no training has seen
PARTS = ("objects", "likeness", "captions", "recordings", "videos")
NAMES = ("corpus-cnn", "labels-corpus-cnn", "mn04", "labels-mn04", "resemblyzer")


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--judge", action="append", help=f"default: {', '.join(NAMES)}")
    parser.add_argument("--real", type=Path, default=recordings_folder(), help="recordings")
    parser.add_argument("--tagger", type=Path, default=tagger_weights())
    parser.add_argument("--part", action="append", choices=PARTS, help="default: all")
    options = parser.parse_args()
    parts = options.part or PARTS
    judges = loaded(options.judge or NAMES, options.tagger)
    if "objects" in parts and "corpus-cnn" in judges:
        held_out()
    if "likeness" in parts:
        likeness(judges, load_codec("embedded_16k"))
    if "captions" in parts:
        cross_modal(judges, built_in(), "scenes of the built-in corpus")
    if "recordings" in parts and (recordings := esc10(options.real)):
        real(judges, recordings)
    if "videos" in parts and (shown := videos(options.real)):
        cross_modal(judges, shown, "videos with sound")


def loaded(names: Sequence[str], tagger: Path) -> dict[str, Heard]:
    """Returns the judges that can be loaded; says of the others why not."""
    found = {}
    for name in names:
        path = f":{tagger}" if name.endswith("mn04") and tagger.is_file() else ""
        try:
            judge = load_judge(f"{name}{path}")
        except WeightsError as error:
            print(f"{name}: not measured, {error}\n")
            continue
        assert isinstance(judge, AudioJudge)
        found[name] = Heard(judge)
    return found


def held_out() -> None:
    """Prints what the weights file says about objects that training has not heard."""
    header = read_judge(WEIGHTS)[1]
    print(f"corpus-cnn, weights SHA-256 {header.tensors_sha256}\n")
    print("| question | right | 95 % interval | answers | objects |\n|---|---|---|---|---|")
    for name, share in header.training["accuracy"].items():
        low, high = share["interval"]
        print(f"| {name} | {share['share']:.3f} | {low:.3f} to {high:.3f} | {share['n']} | {share['objects']} |")
    print()


def likeness(judges: dict[str, Heard], codec: Codec) -> None:
    """Prints mean cosines to the truth: of what is the same sound, the same object, and neither."""
    scenes = make_scenes(2 * OBJECTS, has_video=True, seed=SEED)
    sounds = [scene_audio(scene) for scene in scenes]
    rng = np.random.default_rng(0)
    truths, again = sounds[::2], sounds[1::2]
    noise = [rng.standard_normal(len(truth), np.float32) * np.float32(0.1) for truth in truths]
    systems = {
        "20 dB quieter": [truth * np.float32(0.1) for truth in truths],
        "noise 20 dB below": [mixed(white, truth, -20) for truth, white in zip(truths, noise, strict=True)],
        "codec round trip": [round_trip(codec, truth) for truth in truths],
        "same object, other scene": again,
        "other object": [*truths[1:], truths[0]],
        "white noise": noise,
        "silence": [np.zeros_like(truth) for truth in truths],
    }
    print(f"Mean cosine to the truth, {OBJECTS} objects of the built-in corpus, 8 s each:\n")
    print(f"| system | {' | '.join(judges)} |\n|{'---|' * (len(judges) + 1)}")
    own = {name: [heard.embedding(truth) for truth in truths] for name, heard in judges.items()}
    for system, made in systems.items():
        cells = []
        for name, heard in judges.items():
            cosines = [
                float(cosine_similarity(one, heard.embedding(sound), dim=0))
                for one, sound in zip(own[name], made, strict=True)
            ]
            cells.append(f"{np.mean(cosines):.2f}")
        print(f"| {system} | {' | '.join(cells)} |", flush=True)
    print()


def real(judges: dict[str, Heard], recordings: Sequence[Recording]) -> None:
    """Prints the accuracy on ESC-10: of the nearest recording of another upload, of the judge's own labels, and of the
    class names as prompts."""
    print(f"ESC-10, {len(recordings)} recordings, ten classes:\n")
    print("| judge | how | right | 95 % interval | CPU s per clip |\n|---|---|---|---|---|")
    labels = sorted(ESC10)
    for name, heard in judges.items():
        started = time.process_time()
        said = [heard.of(one.audio_T, one.rate_hz) for one in recordings]
        seconds = (time.process_time() - started) / len(recordings)
        near = nearest([one["embedding"] for one in said], [one.group for one in recordings])
        guesses = [recordings[place].label for place in near]
        _accuracy(name, "nearest recording", guesses, recordings, seconds)
        if heard.judge.spec.classes == AUDIOSET_LABELS:
            places = [[AUDIOSET_LABELS.index(label) for label in ESC10[name].labels] for name in labels]
            best = [int(np.argmax([float(one["logits"][place].max()) for place in places])) for one in said]
            _accuracy(name, "its own labels", [labels[guess] for guess in best], recordings, seconds)
        if isinstance(heard.judge, TextJudge):
            texts = heard.judge.judge_text([ESC10[label].prompt for label in labels])
            prompts = torch.stack([one["embedding"] for one in texts])
            best = [int((prompts @ one["embedding"]).argmax()) for one in said]
            _accuracy(name, "ten prompts", [labels[guess] for guess in best], recordings, seconds)
        if name == "corpus-cnn":
            _confusions(heard, said, recordings)
    print()


def _accuracy(name: str, how: str, guesses: Sequence[str], recordings: Sequence[Recording], seconds: float) -> None:
    right = [float(guess == one.label) for guess, one in zip(guesses, recordings, strict=True)]
    low, high = share_interval(right, [one.group for one in recordings])
    print(f"| {name} | {how} | {np.mean(right):.4f} | {low:.3f} to {high:.3f} | {seconds:.2f} |", flush=True)


def _confusions(heard: Heard, said: Sequence[dict[str, torch.Tensor]], recordings: Sequence[Recording]) -> None:
    """Prints what the embedded judge, which has heard no recording, calls each class of recordings."""
    classes = heard.judge.spec.classes
    for label in sorted(ESC10):
        named = [
            classes[int(one["logits"].argmax())]
            for one, rec in zip(said, recordings, strict=True)
            if rec.label == label
        ]
        counts = sorted({name: named.count(name) for name in named}.items(), key=lambda item: -item[1])[:3]
        print(f"| corpus-cnn | calls {label} | {', '.join(f'{name} {count}' for name, count in counts)} | | |")


def built_in() -> list[Recording]:
    """Returns scenes of the built-in corpus that no training has seen, one of each object, with their captions."""
    scenes = make_scenes(2 * OBJECTS, has_video=True, seed=SEED)[::2]
    return [
        Recording(
            audio_T=scene_audio(one), rate_hz=RATE_HZ, label=one.material, group=one.group_id, caption=one.caption
        )
        for one in scenes
    ]


def cross_modal(judges: dict[str, Heard], shown: Sequence[Recording], what: str) -> None:
    """Prints how well captions, and frames where there are any, find their own sound among all."""
    print(f"{len(shown)} {what}; each caption (each video) looks for its own sound among all:\n")
    print("| judge | from | R@1 | 95 % interval | AUC |\n|---|---|---|---|---|")
    for name, heard in judges.items():
        if not isinstance(heard.judge, TextJudge):
            continue
        sounds = torch.stack([heard.embedding(one.audio_T, one.rate_hz) for one in shown])
        texts = torch.stack([one["embedding"] for one in heard.judge.judge_text([one.caption for one in shown])])
        rows = {"caption": texts @ sounds.T}
        frames = [one.frames_FHWC for one in shown if one.frames_FHWC is not None]
        if isinstance(heard.judge, VideoJudge) and frames:
            seen = [heard.judge.judge_video(frames_FHWC)["embedding"] for frames_FHWC in frames]
            rows["video"] = torch.stack(seen) @ sounds.T
        for source, likeness_BB in rows.items():
            found = likeness_BB.numpy()
            hits = hits_at_1(found).astype(float).tolist()
            low, high = share_interval(hits, [one.group for one in shown])
            interval = f"{low:.2f} to {high:.2f}"
            print(f"| {name} | {source} | {np.mean(hits):.2f} | {interval} | {pairs_auc(found):.3f} |", flush=True)
    print()


if __name__ == "__main__":
    main()
