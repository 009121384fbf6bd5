"""The network of the judge `corpus-cnn`: 3x3 convolutions over log-mel levels for what, when and how far, convolutions
over the clip's spectrum for how high.

Legend: B batch, M mel frames (10 ms), K mel bands, C channels, F frequencies, E event frames (40 ms), N network frames
(80 ms), P pitch bands, D embedding width, L classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.judges.corpus_cnn_levels import BANDS, PITCH_BANDS, Levels, place_pitch

EVENT_FRAME_S: Final = 0.04
"""Seconds per event frame: the hop times the early strides in time. Events of the corpus are at least 0.15 s apart."""
_EARLY: Final = ((2, 2), (2, 2), (1, 1))  # strides: frequency, time
_LATE: Final = ((2, 2), (1, 1), (2, 1), (1, 1))
_EVENT_CHANNELS: Final = 64
_MEL_PER_EVENT_FRAME: Final = 4
_RISE_FRAMES: Final = 2
_FEW_EVENTS: Final = -2.7  # logarithm of 1.7 events per second in an event frame
_PITCH_CHANNELS: Final = 32
_DILATIONS: Final = (1, 2, 4, 8)
_PITCH_KERNEL: Final = 9
_SHAPE_CHANNELS: Final = 4
_NEAR_BANDS: Final = 2  # a semitone to each side


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpusCNNConfig:
    """Sizes of the network. `width`: channels of the first layer; the later ones have 2, 4 and 8 times as many."""

    classes: int
    width: int = 24
    frame_dim: int = 256
    embedding_dim: int = 128


class CorpusCNNOutput(NamedTuple):
    """The network's output for a batch. `pitch` is a logit for each pitch band, `log2_distance` octaves over 1 m."""

    embedding_BD: Tensor  # noqa: N815 (shape suffix)
    logits_BL: Tensor  # noqa: N815
    log_events_BE: Tensor  # noqa: N815  logarithm of the expected number of events in each event frame
    pitch_BP: Tensor  # noqa: N815
    log2_distance_B: Tensor  # noqa: N815


class CorpusCNN(nn.Module):
    """Says what is struck, how often, how high and how far away."""

    def __init__(self, config: CorpusCNNConfig) -> None:
        super().__init__()
        width, frame_dim = config.width, config.frame_dim
        self.early = _layers((1, width, 2 * width, 2 * width), _EARLY)
        self.late = _layers((2 * width, 4 * width, 4 * width, 8 * width, 8 * width), _LATE)
        self.frames = _layer_1d(8 * width * (BANDS // 16), frame_dim, 1)
        self.attention = nn.Conv1d(frame_dim, 1, 1)
        self.onsets = nn.Conv1d(2 * width * (BANDS // 4) + BANDS, _EVENT_CHANNELS, 1)
        self.surroundings = nn.Conv1d(frame_dim, _EVENT_CHANNELS, 1)
        around = _layer_1d(_EVENT_CHANNELS, _EVENT_CHANNELS, 5)
        rate = nn.Conv1d(_EVENT_CHANNELS, 1, 3, padding=1)
        assert rate.bias is not None
        nn.init.constant_(rate.bias, _FEW_EVENTS)
        self.events = nn.Sequential(nn.BatchNorm1d(_EVENT_CHANNELS), nn.ReLU(), around, rate)
        inputs = (2, *[_PITCH_CHANNELS] * (len(_DILATIONS) - 1))
        self.spectrum = nn.Sequential(
            *(
                _layer_1d(channels, _PITCH_CHANNELS, _PITCH_KERNEL, dilation)
                for channels, dilation in zip(inputs, _DILATIONS, strict=True)
            )
        )
        self.shape = nn.Sequential(_layer_1d(_PITCH_CHANNELS, _SHAPE_CHANNELS, 1), nn.AvgPool1d(2), nn.Flatten())
        pooled_dim = 2 * frame_dim
        self.embedding = nn.Linear(pooled_dim + _SHAPE_CHANNELS * (PITCH_BANDS // 2), config.embedding_dim)
        self.classes = nn.Linear(config.embedding_dim, config.classes)
        self.peaks = nn.Conv1d(_PITCH_CHANNELS, _PITCH_CHANNELS, _PITCH_KERNEL, padding="same")
        self.object = nn.Linear(config.embedding_dim, _PITCH_CHANNELS)
        self.pitch = nn.Conv1d(_PITCH_CHANNELS, 1, 1)
        self.distance = nn.Sequential(nn.Linear(pooled_dim, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, levels: Levels) -> CorpusCNNOutput:
        """Returns the output for the levels of a batch."""
        early_BCFE = self.early(levels.mel_B1KM.contiguous(memory_format=torch.channels_last))
        frame_BCN = self.frames(self.late(early_BCFE).flatten(1, 2))
        weight_B1N = self.attention(frame_BCN).softmax(-1)
        pooled_BC = torch.cat([(frame_BCN * weight_B1N).sum(-1), frame_BCN.amax(-1)], dim=1)
        spectrum_BCP = self.spectrum(levels.spectrum_B2P)
        embedding_BD = self.embedding(torch.cat([pooled_BC, self.shape(spectrum_BCP)], dim=1))
        return CorpusCNNOutput(
            embedding_BD.float(),
            self.classes(embedding_BD).float(),
            self._events(torch.cat([early_BCFE.flatten(1, 2), rises(levels.mel_B1KM)], dim=1), frame_BCN).float(),
            self._pitch(spectrum_BCP, embedding_BD).float(),
            self.distance(pooled_BC)[:, 0].float(),
        )

    def _events(self, detail_BCE: Tensor, frame_BCN: Tensor) -> Tensor:
        onset_BCE = self.onsets(detail_BCE)
        around_BCE = self.surroundings(frame_BCN).repeat_interleave(2, dim=-1)[..., : onset_BCE.shape[-1]]
        events_BE: Tensor = self.events(onset_BCE + around_BCE)[:, 0]
        return events_BE

    def _pitch(self, spectrum_BCP: Tensor, embedding_BD: Tensor) -> Tensor:
        object_BC1 = self.object(functional.relu(embedding_BD))[..., None]
        pitch_BP: Tensor = self.pitch(functional.relu(self.peaks(spectrum_BCP) + object_BC1))[:, 0]
        return pitch_BP


def rises(mel_B1KM: Tensor) -> Tensor:
    """Returns by how much each band's level rises within 20 ms (B, K, E), the most in each event frame."""
    mel_BKM = mel_B1KM[:, 0]
    earlier_BKM = functional.pad(mel_BKM, (_RISE_FRAMES, 0), value=-1.0)[..., :-_RISE_FRAMES]
    return functional.max_pool1d(functional.relu(mel_BKM - earlier_BKM), _MEL_PER_EVENT_FRAME, ceil_mode=True)


def log2_pitch(pitch_BP: Tensor) -> Tensor:
    """Returns the pitches (B,), octaves over 1 Hz: the mean place of the likeliest band and those within a semitone."""
    place_P = torch.arange(pitch_BP.shape[1], device=pitch_BP.device)
    is_far_BP = (place_P - pitch_BP.argmax(1, keepdim=True)).abs() > _NEAR_BANDS
    share_BP = pitch_BP.masked_fill(is_far_BP, -torch.inf).softmax(1)
    return place_pitch((share_BP * place_P).sum(1))


def _layers(channels: tuple[int, ...], strides: tuple[tuple[int, int], ...]) -> nn.Sequential:
    return nn.Sequential(*(_layer(*sizes, stride) for sizes, stride in zip(pairwise(channels), strides, strict=True)))


def _layer(inputs: int, outputs: int, stride: tuple[int, int]) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def _layer_1d(inputs: int, outputs: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv1d(inputs, outputs, kernel, dilation=dilation, padding="same", bias=False),
        nn.BatchNorm1d(outputs),
        nn.ReLU(),
    )
