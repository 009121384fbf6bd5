"""PaSST-S with averaged weights (AudioSet), judge of FD, KL and IS (SPEC E1), as `passt_s_swa_p16_128_ap476`.

Legend: B sounds, T samples, F frames, M = 128 mel bands, N patches and two tokens, D width, A heads of K each.
10 s at 32 kHz: shorter sounds get zeros, longer ones are cut. A vision transformer sees patches of 16 x 16 every 10
bands and frames, with one position vector per band row and one per time column. `embedding` is the mean of the class
and the distillation token after the last norm; `logits` are of that. Source: Koutini et al. 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.judges.audioset import AUDIOSET_LABELS
from model.judges.checks import check_sounds
from model.judges.kaldi import triangles
from model.judges.layout import audioset_classes, shape
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.weights.digests import digest
from model.weights.files import TensorFile, build, read_tensors
from model.weights.names import layer_count

NAME: Final = "passt"
RATE_HZ: Final = 32_000
SAMPLES: Final = 320_000
FFT, WINDOW, HOP, BANDS = 1024, 800, 320, 128
HIGHEST_HZ: Final = 15_000.0
STRIDE: Final = 10
_PRE_EMPHASIS: Final = 0.97
_EPS: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class PasstSizes:
    """Sizes of the transformer; the defaults are the published one's. Heads are 64 wide."""

    width: int = 768
    depth: int = 12
    patch: int = 16
    rows: int = 12
    columns: int = 99
    classes: int = 527

    @property
    def heads(self) -> int:
        """Attention heads, A."""
        return max(1, self.width // 64)


class PasstNetwork(nn.Module):
    """Log-mel spectrograms to an embedding and logits."""

    def __init__(self, sizes: PasstSizes) -> None:
        super().__init__()
        width = sizes.width
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
        self.new_pos_embed = nn.Parameter(torch.zeros(1, 2, width))
        self.freq_new_pos_embed = nn.Parameter(torch.zeros(1, width, sizes.rows, 1))
        self.time_new_pos_embed = nn.Parameter(torch.zeros(1, width, 1, sizes.columns))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, width, sizes.patch, STRIDE)})
        self.blocks = nn.Sequential(*(_Block(width, sizes.heads) for _ in range(sizes.depth)))
        self.norm = nn.LayerNorm(width, eps=_EPS)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, sizes.classes))
        self.head_dist = nn.Linear(width, sizes.classes)  # in the file; only used in training

    def forward(self, mel_BMF: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the embedding (B, D) and the logits (B, K)."""
        patches_BDRC: Tensor = self.patch_embed["proj"](mel_BMF[:, None])
        places = self.freq_new_pos_embed + self.time_new_pos_embed[..., : patches_BDRC.shape[-1]]
        tokens_BND = (patches_BDRC + places).flatten(2).transpose(1, 2)
        first = torch.cat([self.cls_token, self.dist_token], dim=1) + self.new_pos_embed
        x = self.blocks(torch.cat([first.expand(len(mel_BMF), -1, -1), tokens_BND], dim=1))
        embedding: Tensor = self.norm(x[:, :2]).mean(dim=1)
        return embedding, self.head(embedding)


class _Block(nn.Module):
    """Attention and two linear layers; each after a norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=_EPS), nn.LayerNorm(width, eps=_EPS)
        self.attn = _Attention(width, heads)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, 4 * width), "fc2": nn.Linear(4 * width, width)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](self.norm2(x))))


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        heads_3BANK = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = heads_3BANK
        mixed = functional.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out


def log_mel(sound_T: Tensor) -> Tensor:
    """Returns (M, F) with F = 1000 for 10 s: pre-emphasis, power, Kaldi's mel filters, (log(x + 1e-5) + 4.5) / 5."""
    emphasised_T = sound_T[1:] - _PRE_EMPHASIS * sound_T[:-1]
    hann = torch.hann_window(WINDOW, periodic=False, device=sound_T.device)
    spectrum = torch.stft(emphasised_T, FFT, HOP, WINDOW, hann, return_complex=True)
    power_NF = spectrum.real.square() + spectrum.imag.square()
    filters_NM = torch.from_numpy(triangles(FFT, RATE_HZ, BANDS, 0.0, HIGHEST_HZ)).to(power_NF)
    return ((filters_NM.T @ power_NF + 1e-5).log() + 4.5) / 5


@dataclass(frozen=True, slots=True)
class PasstJudge:
    """Embedding and AudioSet logits of the first 10 s; make one with `PasstJudge.load`."""

    network: PasstNetwork
    spec: JudgeSpec
    device: torch.device

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Self:
        """Loads the published file, strictly. Raises WeightsError when it is missing, damaged or does not fit."""
        network = network_from(read_tensors(path))
        spec = published_spec(
            NAME, digest(path), ("audio",), rate_hz=RATE_HZ, classes=AUDIOSET_LABELS, loading="centred"
        )
        return cls(network.to(device), spec, torch.device(device))

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `embedding` (768) and `logits` (527) of each sound. Raises as `AudioJudge.judge_audio`."""
        check_sounds(self.spec, sounds, seeds, least=1)
        return [self._judged(sound) for sound in sounds]

    def _judged(self, sound_T: Tensor) -> Outputs:
        padded_T = functional.pad(sound_T[:SAMPLES], (0, max(0, SAMPLES - len(sound_T)))).to(self.device)
        embedding, logits = self.network(log_mel(padded_T)[None])
        return {"embedding": embedding[0].cpu(), "logits": logits[0].cpu()}


def network_from(file: TensorFile) -> PasstNetwork:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    width, _, patch, _ = shape(file, "patch_embed.proj.weight", 4, NAME)
    sizes = PasstSizes(
        width=width,
        depth=layer_count(file.tensors, "blocks."),
        patch=patch,
        rows=shape(file, "freq_new_pos_embed", 4, NAME)[2],
        columns=shape(file, "time_new_pos_embed", 4, NAME)[3],
        classes=audioset_classes(file, "head.1.weight", NAME),
    )
    return build(lambda: PasstNetwork(sizes), file.tensors, file.path)
