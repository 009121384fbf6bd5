"""Where an adverb is lost: in the measure, in the codec, or in what the network learnt of its caption.

    python -m benchmarks.adverb_learning WORKSPACE [--checkpoint C] [--clips 24]

Reads the training rows of a finished workspace; the test pairs of `evaluate` are not touched. Prints
1. for pairs of real audio of opposite sides, how often the measure tells them apart, also through the codec;
2. by flow time, what a caption is worth: the loss with the opposite side's captions and with none, less the loss with
   the rows' own, all frames masked;
3. the first step of sampling: how much of the mean latent difference of two sides the network makes of their captions
   alone (1 = all of it).

Legend: B rows, N frames, F latent channels, T samples, t flow time (0 noise, 1 data).
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from data_contracts import FeatureRow, ManifestRow, read_table
from model.codec import Codec
from model.features import FeatureStore
from model.generate import Generator
from model.network import Features, Network
from tasks.engine.workspace import Workspace
from tasks.evaluate.adverbs import DIRECTIONS, is_right
from tasks.evaluate.attributes import Attributes, measure
from tasks.evaluate.components import codec_of, open_store
from tasks.evaluate.plan import sides_of
from tasks.media.audio import read_audio
from tasks.media.samples import Samples

TIMES: Final = (0.02, 0.05, 0.1, 0.3, 0.6)
FIRST: Final = 0.02
_BLOCKS: Final = 10  # of a clip, over which latents are averaged for the third table
_NOISES: Final = 8


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="default: the workspace's")
    parser.add_argument("--clips", type=int, default=24, help="rows per side")
    parser.add_argument("--skip-audio", action="store_true", help="without the first table")
    options = parser.parse_args()
    workspace = Workspace(options.workspace)
    store = open_store(workspace.stage("precompute"))
    rows = {row.item_id: row for row in read_table(workspace.table("manifest", ManifestRow.TABLE), ManifestRow)}
    sides = _sides(store, rows, options.clips)
    if not options.skip_audio:
        codec_upper_bound(workspace, codec_of(store, torch.device("cpu")), rows, sides)
    network = Generator.load(options.checkpoint or workspace.path("train", "checkpoint.safetensors")).network.eval()
    worth(network, store, sides)
    first_step(network, store, sides)


def codec_upper_bound(
    workspace: Workspace, codec: Codec, rows: dict[str, ManifestRow], sides: dict[str, list[FeatureRow]]
) -> None:
    """Prints the first table: all pairs of the chosen clips of two sides."""
    print("| pairs of real audio | told apart | through the codec | pairs |\n|---|---|---|---|")
    rate_hz = codec.spec.sample_rate_hz
    for direction, (more, less) in DIRECTIONS.items():
        real: dict[str, list[Attributes]] = {}
        made: dict[str, list[Attributes]] = {}
        for side in (more, less):
            clips = [_sound(workspace, rows[row.item_id], codec) for row in sides[side]]
            real[side] = [measure(audio_T, rate_hz) for audio_T in clips]
            made[side] = [measure(_round_trip(codec, audio_T), rate_hz) for audio_T in clips]
        shares = [_told_apart(direction, found[more], found[less]) for found in (real, made)]
        pairs = len(real[more]) * len(real[less])
        print(f"| {more}/{less} | {shares[0]:.2f} | {shares[1]:.2f} | {pairs} |", flush=True)
    print()


def worth(network: Network, store: FeatureStore, sides: dict[str, list[FeatureRow]]) -> None:
    """Prints the second table: mean over both sides of a direction, the same noise for every caption."""
    print("| loss added by | " + " | ".join(f"t = {t:g}" for t in TIMES) + " |\n|---|" + "---|" * len(TIMES))
    for more, less in DIRECTIONS.values():
        opposite, none = np.zeros(len(TIMES)), np.zeros(len(TIMES))
        for side, other in ((more, less), (less, more)):
            own = _text(store, sides[side])
            others = _text(store, list(itertools.islice(itertools.cycle(sides[other]), len(sides[side]))))
            x1_BNF, x0_BNF = _latents(network, store, sides[side])
            for place, t in enumerate(TIMES):
                losses = [_loss(network, x0_BNF, x1_BNF, t, text) for text in (own, others, None)]
                opposite[place] += (losses[1] - losses[0]) / 2
                none[place] += (losses[2] - losses[0]) / 2
        for name, added in (("the opposite caption", opposite), ("no caption", none)):
            print(f"| {more}/{less}: {name} | " + " | ".join(f"{value:+.4f}" for value in added) + " |", flush=True)
    print()


def first_step(network: Network, store: FeatureStore, sides: dict[str, list[FeatureRow]]) -> None:
    """Prints the third table: the answer's projection on the true difference."""
    print(f"| mean latent difference | made of the captions at t = {FIRST:g} |\n|---|---|")
    for more, less in DIRECTIONS.values():
        true = _coarse(_mean_latent(network, store, sides[more]) - _mean_latent(network, store, sides[less]))
        made = _coarse(_answer(network, store, sides[more]) - _answer(network, store, sides[less]))
        print(f"| {more}/{less} | {float((made * true).sum() / true.square().sum()):.3f} |", flush=True)


def _sides(store: FeatureStore, rows: dict[str, ManifestRow], clips: int) -> dict[str, list[FeatureRow]]:
    """Returns up to `clips` training rows of each side, spread over those without video."""
    train = [row for row in store.rows if row.split == "train" and row.subset != "vta"]
    found: dict[str, list[FeatureRow]] = {}
    for side in itertools.chain.from_iterable(DIRECTIONS.values()):
        having = [row for row in train if side in sides_of(rows[row.item_id])]
        found[side] = having[:: max(1, len(having) // clips)][:clips]
    return found


def _sound(workspace: Workspace, row: ManifestRow, codec: Codec) -> Samples:
    rate_hz, length = codec.spec.sample_rate_hz, round(8.0 * codec.spec.sample_rate_hz)
    samples_T, _ = read_audio(workspace.path(row.audio_path), rate_hz=rate_hz)
    return np.pad(samples_T[:length], (0, max(0, length - len(samples_T))))


def _round_trip(codec: Codec, audio_T: Samples) -> Samples:
    mean_1NF, _ = codec.encode(torch.from_numpy(audio_T)[None])
    decoded: Samples = codec.decode(mean_1NF)[0, : len(audio_T)].numpy()
    return decoded


def _told_apart(direction: str, more: Sequence[Attributes], less: Sequence[Attributes]) -> float:
    return float(np.mean([is_right(direction, a, b) for a, b in itertools.product(more, less)]))


def _text(store: FeatureStore, rows: Sequence[FeatureRow]) -> Tensor:
    return store.text([row.text_rows[0] for row in rows])


def _latents(network: Network, store: FeatureStore, rows: Sequence[FeatureRow]) -> tuple[Tensor, Tensor]:
    """Returns normalised latents drawn from their posteriors, and noise: both (B, N, F), the same on every call."""
    generator = torch.Generator().manual_seed(0)
    mean_BNF, std_BNF = store.latents([row.latent_row for row in rows])
    x1_BNF = network.normalize(mean_BNF + std_BNF * torch.randn(mean_BNF.shape, generator=generator))
    return x1_BNF, torch.randn(x1_BNF.shape, generator=generator)


@torch.no_grad()
def _loss(network: Network, x0_BNF: Tensor, x1_BNF: Tensor, t: float, text_BLD: Tensor | None) -> float:
    x_BNF = (1 - t) * x0_BNF + t * x1_BNF
    return float((_velocity(network, x_BNF, t, text_BLD) - (x1_BNF - x0_BNF)).square().mean())


@torch.no_grad()
def _answer(network: Network, store: FeatureStore, rows: Sequence[FeatureRow]) -> Tensor:
    """Returns (N, F): what the first step takes the mean latent to be, from captions and a few noises alone."""
    text_BLD, codec = _text(store, rows), store.specs.codec
    shape, generator = (1, codec.frames(store.clip_s), codec.latent_dim), torch.Generator().manual_seed(1)
    answers = []
    for _ in range(_NOISES):
        noise_BNF = torch.randn(shape, generator=generator).expand(len(rows), -1, -1)
        answers.append((noise_BNF + _velocity(network, noise_BNF, FIRST, text_BLD)).mean(0))
    return torch.stack(answers).mean(0)


@torch.no_grad()
def _mean_latent(network: Network, store: FeatureStore, rows: Sequence[FeatureRow]) -> Tensor:
    return network.normalize(store.latents([row.latent_row for row in rows])[0]).mean(0)


def _coarse(latent_NF: Tensor) -> Tensor:
    return torch.stack([block.mean(0) for block in latent_NF.chunk(_BLOCKS)])


def _velocity(network: Network, x_BNF: Tensor, t: float, text_BLD: Tensor | None) -> Tensor:
    """Returns the velocity of rows without video, all frames masked."""
    batch, specs = len(x_BNF), network.specs
    seconds = x_BNF.shape[1] / specs.codec.frame_rate_hz
    absent = torch.zeros(batch, dtype=torch.bool)
    features = Features(
        torch.zeros(batch, specs.clip.length(seconds), specs.clip.dim),
        torch.zeros(batch, specs.sync.length(seconds), specs.sync.dim),
        torch.zeros(batch, specs.text.tokens, specs.text.dim) if text_BLD is None else text_BLD,
        absent,
        absent,
        absent if text_BLD is None else ~absent,
    )
    mask_BN = torch.ones(x_BNF.shape[:2], dtype=torch.bool)
    conditions = network.preprocess_conditions(features, mask_BN)
    velocity: Tensor = network(x_BNF, torch.full((batch,), t), torch.zeros_like(x_BNF), mask_BN, conditions)
    return velocity


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
