"""VGGish (AudioSet), FD_VGG's judge (SPEC E1), in the key layout of `vggish-10086976.pth`.

Legend: T samples, F frames, M = 64 mel bands, P patches of 96 frames (0.96 s).
As av-benchmark uses it: no PCA, no quantisation, and no ReLU after the last layer. Each patch gives one row, which is a
sample of its own in FD_VGG; what is left after the last whole patch is dropped.
Source: Hershey et al. 2017; facts of the port: harritaylor/torchvggish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import torch
from torch import Tensor, nn

from model.judges.checks import check_sounds
from model.judges.kaldi import triangles
from model.judges.layout import shape
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.weights.digests import digest
from model.weights.files import TensorFile, build, read_tensors

NAME: Final = "vggish"
RATE_HZ: Final = 16_000
WINDOW, HOP, FFT, BANDS, PATCH = 400, 160, 512, 64, 96
LOWEST_HZ, HIGHEST_HZ = 125.0, 7_500.0
LEAST: Final = WINDOW + (PATCH - 1) * HOP
_OFFSET: Final = 0.01  # inside the logarithm
_POOLED_AFTER: Final = (0, 1, 3, 5)
_CONVOLUTIONS: Final = ("0", "3", "6", "8", "11", "13")


class VggishNetwork(nn.Module):
    """Patches (P, 96, 64) to embeddings (P, D)."""

    def __init__(self, channels: Sequence[int], hidden: int, width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, (fan, out) in enumerate(zip((1, *channels), channels, strict=False)):
            layers += [nn.Conv2d(fan, out, 3, padding=1), nn.ReLU()]
            if number in _POOLED_AFTER:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        places = (PATCH // 16) * (BANDS // 16)
        self.embeddings = nn.Sequential(
            nn.Linear(channels[-1] * places, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, width),
        )

    def forward(self, patches_PFM: Tensor) -> Tensor:
        """Returns (P, D). The last feature map is flattened with its channels last, as in TensorFlow's original."""
        maps_PCFM: Tensor = self.features(patches_PFM[:, None])
        embedding: Tensor = self.embeddings(maps_PCFM.permute(0, 2, 3, 1).flatten(1))
        return embedding


def log_mel_patches(sound_T: Tensor) -> Tensor:
    """Returns (P, 96, 64) float32: log(mel magnitude + 0.01), computed in float64 as the original does."""
    frames_FW = sound_T.double().unfold(0, WINDOW, HOP) * torch.hann_window(WINDOW, dtype=torch.float64)
    filters = torch.from_numpy(triangles(FFT, RATE_HZ, BANDS, LOWEST_HZ, HIGHEST_HZ))
    mel_FM = torch.fft.rfft(frames_FW, FFT).abs() @ filters
    patches = len(mel_FM) // PATCH
    return (mel_FM[: patches * PATCH] + _OFFSET).log().reshape(patches, PATCH, BANDS).float()


@dataclass(frozen=True, slots=True)
class VggishJudge:
    """One embedding per 0.96 s; make one with `VggishJudge.load`."""

    network: VggishNetwork
    spec: JudgeSpec
    device: torch.device

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Self:
        """Loads the published file, strictly. Raises WeightsError when it is missing, damaged or does not fit."""
        network = network_from(read_tensors(path))
        spec = published_spec(NAME, digest(path), ("audio",), rate_hz=RATE_HZ, loading="centred")
        return cls(network.to(device), spec, torch.device(device))

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `embedding` (P, 128) of each sound. Needs 15,600 samples; raises as `AudioJudge.judge_audio`."""
        check_sounds(self.spec, sounds, seeds, least=LEAST)
        return [{"embedding": self.network(log_mel_patches(sound).to(self.device)).cpu()} for sound in sounds]


def network_from(file: TensorFile) -> VggishNetwork:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    channels = [shape(file, f"features.{number}.weight", 4, NAME)[0] for number in _CONVOLUTIONS]
    width, hidden = shape(file, "embeddings.4.weight", 2, NAME)
    return build(lambda: VggishNetwork(channels, hidden, width), file.tensors, file.path)
