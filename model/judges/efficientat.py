"""EfficientAT's mn04 (MobileNetV3 at width 0.4, AudioSet), an audio tagger of a million parameters: judge `mn04`.

Legend: B batch, C channels, T samples, M mel bands, F frames, D = 384 features, K = 527 classes.
Its input is PaSST's log-mel spectrogram at 32 kHz, of any length. Each sound is first scaled to one level, so that the
outputs do not depend on the level; silence has none, so its embedding is zero and its cosine with everything is 0.
`embedding` is the mean of the last feature map, `logits` are of AudioSet's classes, which do not exclude each other. No
metric of the paper is made with it.
Source: Schmid et al. 2023; weights MIT.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

import torch
from torch import Tensor, nn

from model.judges.audioset import AUDIOSET_LABELS
from model.judges.checks import check_sounds
from model.judges.passt import FFT, RATE_HZ, log_mel
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.judges.silence import is_silent
from model.weights.digests import digest
from model.weights.files import TensorFile, build, read_tensors

NAME: Final = "mn04"
WIDTH: Final = 0.4
LEVEL: Final = 0.05
"""RMS that every sound is scaled to: -26 dBFS."""
SHORTEST: Final = FFT
_EPS: Final = 1e-3
_FIRST, _HIDDEN = 16, 1280
_DIVISOR: Final = 8  # of all numbers of channels


class _Row(NamedTuple):
    """One block of MobileNetV3-Large's table, at width 1."""

    kernel: int
    expanded: int
    outputs: int
    excite: bool
    hardswish: bool
    stride: int


_TABLE: Final = (
    _Row(3, 16, 16, False, False, 1),
    _Row(3, 64, 24, False, False, 2),
    _Row(3, 72, 24, False, False, 1),
    _Row(5, 72, 40, True, False, 2),
    _Row(5, 120, 40, True, False, 1),
    _Row(5, 120, 40, True, False, 1),
    _Row(3, 240, 80, False, True, 2),
    _Row(3, 200, 80, False, True, 1),
    _Row(3, 184, 80, False, True, 1),
    _Row(3, 184, 80, False, True, 1),
    _Row(3, 480, 112, True, True, 1),
    _Row(3, 672, 112, True, True, 1),
    _Row(5, 672, 160, True, True, 2),
    _Row(5, 960, 160, True, True, 1),
    _Row(5, 960, 160, True, True, 1),
)


class MobileNet(nn.Module):
    """Log-mel spectrograms to an embedding and logits, in the published layout."""

    def __init__(self, width: float = WIDTH, classes: int = len(AUDIOSET_LABELS)) -> None:
        super().__init__()
        inputs = channels(_FIRST, width)
        layers: list[nn.Module] = [_layer(1, inputs, 3, nn.Hardswish(), stride=2)]
        for row in _TABLE:
            layers.append(_Block(inputs, row, width))
            inputs = channels(row.outputs, width)
        layers.append(_layer(inputs, 6 * inputs, 1, nn.Hardswish()))
        self.features = nn.Sequential(*layers)
        hidden = channels(_HIDDEN, width)
        self.classifier = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(6 * inputs, hidden),
            nn.Hardswish(),
            nn.Dropout(0.2),
            nn.Linear(hidden, classes),
        )

    def forward(self, mel_BMF: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the embedding (B, D) and the logits (B, K)."""
        map_BCMF = self.features(mel_BMF[:, None])
        return map_BCMF.mean((2, 3)), self.classifier(map_BCMF)


class _Block(nn.Module):
    """An inverted residual: widen, depthwise, excite where the table says so, narrow."""

    def __init__(self, inputs: int, row: _Row, width: float) -> None:
        super().__init__()
        expanded, outputs = channels(row.expanded, width), channels(row.outputs, width)
        act = nn.Hardswish if row.hardswish else nn.ReLU
        parts: list[nn.Module] = [] if expanded == inputs else [_layer(inputs, expanded, 1, act())]
        parts.append(_layer(expanded, expanded, row.kernel, act(), stride=row.stride, groups=expanded))
        if row.excite:
            parts.append(_Excitations(expanded))
        self.block = nn.Sequential(*parts, _layer(expanded, outputs, 1, None))
        self.is_residual = row.stride == 1 and inputs == outputs

    def forward(self, hidden: Tensor) -> Tensor:
        made: Tensor = self.block(hidden)
        return made + hidden if self.is_residual else made


class _Excitations(nn.Module):
    """The file's `conc_se_layers`: one squeeze-and-excitation, over the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        narrow = channels(width // 4, 1.0)
        self.conc_se_layers = nn.ModuleList(
            [nn.ModuleDict({"fc1": nn.Linear(width, narrow), "fc2": nn.Linear(narrow, width)})]
        )

    def forward(self, hidden: Tensor) -> Tensor:
        layers = self.conc_se_layers[0]
        scale_BC = layers["fc2"](layers["fc1"](hidden.mean((2, 3))).relu()).sigmoid()  # type: ignore[index]
        return hidden * scale_BC[..., None, None]


@dataclass(frozen=True, slots=True)
class EfficientATJudge:
    """Make one with `EfficientATJudge.load`."""

    network: MobileNet
    spec: JudgeSpec
    device: torch.device

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Self:
        """Loads the published file, strictly. Raises WeightsError when it is missing, damaged or does not fit."""
        network = network_from(read_tensors(path))
        spec = published_spec(NAME, digest(path), ("audio",), rate_hz=RATE_HZ, classes=AUDIOSET_LABELS)
        return cls(network.to(device), spec, torch.device(device))

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `embedding` (384) and `logits` (527) of each sound. Raises as `AudioJudge.judge_audio`."""
        check_sounds(self.spec, sounds, seeds, least=SHORTEST)
        return [self._judged(sound) for sound in sounds]

    def _judged(self, sound_T: Tensor) -> Outputs:
        silent = is_silent(sound_T)
        levelled_T = torch.zeros_like(sound_T) if silent else sound_T * (LEVEL / sound_T.square().mean().sqrt())
        embedding_BD, logits_BK = self.network(log_mel(levelled_T.to(self.device))[None])
        embedding_D = torch.zeros_like(embedding_BD[0]) if silent else embedding_BD[0]
        return {"embedding": embedding_D.cpu(), "logits": logits_BK[0].cpu()}


def network_from(file: TensorFile) -> MobileNet:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    return build(MobileNet, file.tensors, file.path)


def channels(count: int, width: float) -> int:
    """Returns a layer's channels at a width: the nearest multiple of 8 that is at least 90 % of the exact number."""
    exact = count * width
    nearest = max(_DIVISOR, int(exact + _DIVISOR / 2) // _DIVISOR * _DIVISOR)
    return nearest + _DIVISOR if nearest < 0.9 * exact else nearest


def _layer(
    inputs: int, outputs: int, kernel: int, act: nn.Module | None, *, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, eps=_EPS), *([act] if act else []))
