"""PANNs' Cnn14 at 16 kHz (AudioSet), judge of FD, KL and IS (SPEC E1), in the layout of `Cnn14_16k_mAP=0.438.pth`.

Legend: B sounds, T samples, F frames, M = 64 mel bands, C channels, K = 527 classes.
The log-mel spectrogram is normalised per band; six blocks of two convolutions halve time and bands; the mean over the
bands, then maximum plus mean over time, give 2048 numbers. `embedding` is the ReLU of the layer after them, `logits`
are the classes before the sigmoid. Source: Kong et al. 2020; facts of use: av-benchmark.
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
from model.judges.layout import audioset_classes, shape
from model.judges.log_mel import LogMelFilters, PowerSpectrogram
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.weights.digests import digest
from model.weights.files import TensorFile, build, read_tensors

NAME: Final = "panns"
RATE_HZ: Final = 16_000
HOP: Final = 160
BLOCKS: Final = 6
LEAST: Final = (2 ** (BLOCKS - 1) - 1) * HOP  # one frame is left after the halvings


class Cnn14(nn.Module):
    """Sounds to an embedding and logits. The defaults are the published sizes."""

    def __init__(
        self,
        window: int = 512,
        bands: int = 64,
        channels: Sequence[int] = (64, 128, 256, 512, 1024, 2048),
        width: int = 2048,
        classes: int = 527,
    ) -> None:
        super().__init__()
        self.spectrogram_extractor = PowerSpectrogram(window, HOP)
        self.logmel_extractor = LogMelFilters(window, bands)
        self.bn0 = nn.BatchNorm2d(bands)
        for number, (fan, out) in enumerate(zip((1, *channels), channels, strict=False), 1):
            self.add_module(f"conv_block{number}", _Block(fan, out, halves=number < len(channels)))
        self.fc1 = nn.Linear(channels[-1], width)
        self.fc_audioset = nn.Linear(width, classes)

    def forward(self, sounds_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the embedding (B, D) and the logits (B, K)."""
        mel_BFM = self.logmel_extractor(self.spectrogram_extractor(sounds_BT))
        x = self.bn0(mel_BFM.transpose(1, 2)[..., None]).permute(0, 3, 2, 1)  # (B, 1, F, M)
        for number in range(1, BLOCKS + 1):
            x = self.get_submodule(f"conv_block{number}")(x)
        over_bands_BCF = x.mean(dim=3)
        pooled_BC = over_bands_BCF.amax(dim=2) + over_bands_BCF.mean(dim=2)
        embedding = functional.relu(self.fc1(pooled_BC))
        return embedding, self.fc_audioset(embedding)


class _Block(nn.Module):
    """Two 3 x 3 convolutions, each with batch norm and ReLU, then the mean of 2 x 2 where it halves."""

    def __init__(self, fan: int, out: int, *, halves: bool) -> None:
        super().__init__()
        self.halves = halves
        self.conv1, self.conv2 = (nn.Conv2d(width, out, 3, padding=1, bias=False) for width in (fan, out))
        self.bn1, self.bn2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.avg_pool2d(x, 2) if self.halves else x


@dataclass(frozen=True, slots=True)
class PannsJudge:
    """Embedding and AudioSet logits of whole sounds; make one with `PannsJudge.load`."""

    network: Cnn14
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
        """Returns `embedding` (2048) and `logits` (527). Needs 4,960 samples; raises as `AudioJudge.judge_audio`."""
        check_sounds(self.spec, sounds, seeds, least=LEAST)
        return [self._judged(sound) for sound in sounds]

    def _judged(self, sound_T: Tensor) -> Outputs:
        embedding, logits = self.network(sound_T.to(self.device)[None])
        return {"embedding": embedding[0].cpu(), "logits": logits[0].cpu()}


def network_from(file: TensorFile) -> Cnn14:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    channels = [shape(file, f"conv_block{number}.conv1.weight", 4, NAME)[0] for number in range(1, BLOCKS + 1)]
    window = shape(file, "spectrogram_extractor.stft.conv_real.weight", 3, NAME)[-1]
    bands = shape(file, "logmel_extractor.melW", 2, NAME)[-1]
    width, classes = shape(file, "fc1.weight", 2, NAME)[0], audioset_classes(file, "fc_audioset.weight", NAME)
    return build(lambda: Cnn14(window, bands, channels, width, classes), file.tensors, file.path)
