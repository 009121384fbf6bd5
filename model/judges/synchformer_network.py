"""Synchformer's whole network, in the key layout of its published file (513 tensors).

Legend: S segments, D = 768 features; F = 8 frame pairs and A = 6 audio steps of a segment; M = 66 mel frames, B = 128
mel bands; Q = 12 patches along frequency. In the transformer over both modalities: B clips, N tokens.
The visual encoder is that of `model.encoders.synchformer`.
Sources: Synchformer (Iashin et al. 2024), AST (Gong et al. 2021).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.encoders.synchformer import PAIR, SEGMENT, ClassTokenLayer, SynchformerSizes, VideoTransformer

SEGMENTS: Final = 14  # of one comparison: 4.8 s
OFFSETS_S: Final = tuple(round(0.2 * step - 2, 1) for step in range(21))
"""The offset that each logit stands for, in seconds."""
MEL_FRAMES, MEL_BANDS = 66, 128

_PATCH, _PATCH_STEP = 16, 10
_AUDIO_EPS: Final = 1e-12
_FUSION_HEADS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SynchformerJudgeSizes:
    """Sizes of the whole network; the defaults are the published one's."""

    visual: SynchformerSizes = field(default_factory=SynchformerSizes)
    audio_depth: int = 12
    fusion_depth: int = 3


class SynchformerNetwork(nn.Module):
    """All five components, under the names that the published file has."""

    def __init__(self, sizes: SynchformerJudgeSizes) -> None:
        super().__init__()
        width, self.image = sizes.visual.width, sizes.visual.image
        self.vfeat_extractor = VideoTransformer(sizes.visual)
        self.afeat_extractor = AudioTransformer(width, sizes.audio_depth, sizes.visual.heads)
        self.vproj, self.aproj = nn.Linear(width, width), nn.Linear(width, width)
        self.transformer = OffsetTransformer(width, sizes.fusion_depth)

    def offset_logits(self, video_BSFD: Tensor, audio_BSAD: Tensor) -> Tensor:
        """Returns (B, 21) of 14 segments each."""
        logits: Tensor = self.transformer(self.vproj(video_BSFD).flatten(1, 2), self.aproj(audio_BSAD).flatten(1, 2))
        return logits


class AudioTransformer(nn.Module):
    """Mel spectrograms of segments to one feature per audio step."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.ast = _SpectrogramTransformer(width, depth, heads)
        self.freq_attn_agg = ClassTokenLayer(width, heads)

    def forward(self, mel_SMB: Tensor) -> Tensor:
        """Returns (S, A, D)."""
        tokens: Tensor = self.ast(mel_SMB)[:, 2:]  # without the class and the distillation token
        number, _, width = tokens.shape
        steps_SAQD = tokens.reshape(number, _patches(MEL_BANDS), -1, width).transpose(1, 2)
        summary: Tensor = self.freq_attn_agg(steps_SAQD.flatten(0, 1))
        return summary.reshape(number, -1, width)


class _SpectrogramTransformer(nn.Module):
    """An audio spectrogram transformer (AST) for 0.66 s. Tokens run along time first, then along frequency."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.embeddings = _PatchEmbeddings(width)
        self.encoder = _AudioLayers(width, depth, heads)
        self.layernorm = nn.LayerNorm(width, eps=_AUDIO_EPS)

    def forward(self, mel_SMB: Tensor) -> Tensor:
        out: Tensor = self.layernorm(self.encoder(self.embeddings(mel_SMB)))
        return out


class _PatchEmbeddings(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        patches = _patches(MEL_BANDS) * _patches(MEL_FRAMES)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.distillation_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embeddings = nn.Parameter(torch.zeros(1, 2 + patches, width))
        self.patch_embeddings = nn.ModuleDict({"projection": nn.Conv2d(1, width, _PATCH, _PATCH_STEP)})

    def forward(self, mel_SMB: Tensor) -> Tensor:
        image = mel_SMB.transpose(1, 2)[:, None]
        patches = self.patch_embeddings["projection"](image).flatten(2).transpose(1, 2)
        first = torch.cat([self.cls_token, self.distillation_token], dim=1).expand(len(patches), -1, -1)
        return torch.cat([first, patches], dim=1) + self.position_embeddings


class _AudioLayers(nn.Module):
    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_AudioLayer(width, heads) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layer:
            x = layer(x)
        return x


class _AudioAttention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention = nn.ModuleDict({name: nn.Linear(width, width) for name in ("query", "key", "value")})
        self.output = nn.ModuleDict({"dense": nn.Linear(width, width)})

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output["dense"](_attention(x, self.attention, self.heads))
        return out


class _AudioLayer(nn.Module):
    """Attention and two linear layers; each after a norm and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = _AudioAttention(width, heads)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = nn.ModuleDict({"dense": nn.Linear(4 * width, width)})
        self.layernorm_before = nn.LayerNorm(width, eps=_AUDIO_EPS)
        self.layernorm_after = nn.LayerNorm(width, eps=_AUDIO_EPS)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.layernorm_before(x))
        return x + self.output["dense"](functional.gelu(self.intermediate["dense"](self.layernorm_after(x))))


class OffsetTransformer(nn.Module):
    """Features of 14 segments of both modalities to the logits of 21 offsets, read from a token before them."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        tokens = 2 + SEGMENTS * (SEGMENT // PAIR + _patches(MEL_FRAMES))
        self.vis_in_lnorm, self.aud_in_lnorm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.OFF_tok = nn.Parameter(torch.zeros(1, 1, width))
        self.MOD_tok = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_emb_cfg = nn.ParameterDict({"pos_emb": nn.Parameter(torch.zeros(1, tokens, width))})
        self.blocks = nn.ModuleList(_FusionBlock(width) for _ in range(depth))
        self.ln_f = nn.LayerNorm(width)
        self.off_head = nn.Linear(width, len(OFFSETS_S))

    def forward(self, video_BND: Tensor, audio_BND: Tensor) -> Tensor:
        """Returns (B, 21)."""
        off, mod = (token.expand(len(video_BND), -1, -1) for token in (self.OFF_tok, self.MOD_tok))
        x = torch.cat([off, self.vis_in_lnorm(video_BND), mod, self.aud_in_lnorm(audio_BND)], dim=1)
        x = x + self.pos_emb_cfg["pos_emb"]
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.off_head(self.ln_f(x[:, 0]))
        return logits


class _FusionBlock(nn.Module):
    """A block as minGPT's, without its causal mask."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = nn.ModuleDict({name: nn.Linear(width, width) for name in ("key", "query", "value", "proj")})
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn["proj"](_attention(self.ln1(x), self.attn, _FUSION_HEADS))
        out: Tensor = x + self.mlp(self.ln2(x))
        return out


def _attention(x_BND: Tensor, layers: nn.ModuleDict, heads: int) -> Tensor:
    """Returns (B, N, D): attention of every token to all, before its output layer."""
    query, key, value = (
        layers[name](x_BND).unflatten(2, (heads, -1)).transpose(1, 2) for name in ("query", "key", "value")
    )
    return functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


def _patches(length: int) -> int:
    return (length - _PATCH) // _PATCH_STEP + 1
