"""The network of the judge `corpus-cnn`: log-mel levels, 3x3 convolutions, attention and maximum over time, heads.

Legend: B batch, T samples, M mel frames (10 ms), K mel bands, C channels, F frequencies, N network frames (80 ms),
D embedding width, L classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.codec.log_mel import LogMel

RATE_HZ: Final = 16_000
FRAME_S: Final = 0.08
"""Seconds per network frame: the hop times the strides in time."""
_WINDOW: Final = 512
_HOP: Final = 160
_BANDS: Final = 64
_RANGE_DECADES: Final = 3.0  # 60 dB below the loudest band of the loudest frame
_MIDDLE_PITCH: Final = 9.0  # octaves over 1 Hz: 512 Hz
_STRIDES: Final = ((2, 2), (2, 2), (1, 1), (2, 2), (1, 1), (2, 1), (1, 1))  # frequency, time


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusCNNConfig:
    """Sizes of the network. `width`: channels of the first layer; the later ones have 2, 4 and 8 times as many."""

    classes: int
    width: int = 24
    frame_dim: int = 256
    embedding_dim: int = 128


class Said(NamedTuple):
    """What the network says of a batch. `log2_pitch` in octaves over 1 Hz, `log2_distance` in octaves over 1 m."""

    embedding_BD: Tensor  # noqa: N815 (shape suffix)
    logits_BL: Tensor  # noqa: N815
    log_events_BN: Tensor  # noqa: N815  logarithm of the expected number of events in each frame
    log2_pitch_B: Tensor  # noqa: N815
    log2_distance_B: Tensor  # noqa: N815


class RelativeLevels(nn.Module):
    """Audio to log-mel levels that do not depend on the audio's own level. None of its tensors are in a file."""

    def __init__(self) -> None:
        super().__init__()
        self.mel = LogMel(RATE_HZ, _WINDOW, _HOP, _BANDS)

    def forward(self, audio_BT: Tensor) -> Tensor:
        """Returns (B, 1, K, M) in -1..1: 1 is the clip's loudest band, -1 is 60 dB or more below it.

        The mean of the audio is taken out, too. Audio must not be constant.
        """
        centred_BT = audio_BT - audio_BT.mean(1, keepdim=True)
        level_BMK = self.mel(centred_BT / centred_BT.abs().amax(1, keepdim=True))
        below_BMK = (level_BMK - level_BMK.amax((1, 2), keepdim=True)).clamp(min=-_RANGE_DECADES)
        return (1 + below_BMK * (2 / _RANGE_DECADES)).transpose(1, 2)[:, None]


class CorpusCNN(nn.Module):
    """Says what is struck, how often, how high and how far away."""

    def __init__(self, config: CorpusCNNConfig) -> None:
        super().__init__()
        width = config.width
        channels = (1, width, 2 * width, 2 * width, 4 * width, 4 * width, 8 * width, 8 * width)
        self.convolutions = nn.Sequential(
            *(
                _layer(inputs, outputs, stride)
                for (inputs, outputs), stride in zip(pairwise(channels), _STRIDES, strict=True)
            )
        )
        self.frames = nn.Sequential(
            nn.Conv1d(8 * width * (_BANDS // 16), config.frame_dim, 1, bias=False),
            nn.BatchNorm1d(config.frame_dim),
            nn.ReLU(),
        )
        self.attention = nn.Conv1d(config.frame_dim, 1, 1)
        self.events = nn.Conv1d(config.frame_dim, 1, 3, padding=1)
        self.embedding = nn.Linear(2 * config.frame_dim, config.embedding_dim)
        self.classes = nn.Linear(config.embedding_dim, config.classes)
        self.pitch = nn.Linear(config.embedding_dim, 1)
        nn.init.constant_(self.pitch.bias, _MIDDLE_PITCH)
        self.distance = nn.Sequential(nn.Linear(2 * config.frame_dim, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, level_B1KM: Tensor) -> Said:
        """Returns what it says of levels (B, 1, K, M)."""
        map_BCFN = self.convolutions(level_B1KM.contiguous(memory_format=torch.channels_last))
        frame_BCN = self.frames(map_BCFN.flatten(1, 2))
        weight_B1N = self.attention(frame_BCN).softmax(-1)
        pooled_BC = torch.cat([(frame_BCN * weight_B1N).sum(-1), frame_BCN.amax(-1)], dim=1)
        embedding_BD = self.embedding(pooled_BC)
        return Said(
            embedding_BD.float(),
            self.classes(embedding_BD).float(),
            self.events(frame_BCN)[:, 0].float(),
            self.pitch(functional.relu(embedding_BD))[:, 0].float(),
            self.distance(pooled_BC)[:, 0].float(),
        )


def _layer(inputs: int, outputs: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )
