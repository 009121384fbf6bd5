"""EfficientAT's mn04 audio tagger (MobileNetV3 at width 0.4, AudioSet), for measuring alone: embeddings of audio.

Legend: B batch, C channels, T samples, M frames, K mel bands. Source: Schmid et al. 2023 and its published settings.
The network is rebuilt from the names and shapes of the tensors in `mn04_as_mAP_432.pt`; only strides and
activations are not in the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from model.weights.files import read_tensors
from tasks.media.audio import resample

_RATE_HZ: Final = 32_000
_WINDOW, _HOP, _FFT, _BANDS, _HIGHEST_HZ = 800, 320, 1024, 128, 15_000
_STRIDES: Final = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1)
_FIRST_HARDSWISH: Final = 7  # earlier blocks use ReLU
_LEVEL: Final = 0.05  # RMS that every clip is brought to


class Tagger:
    """Frozen. `embedding` is what the classifier sees."""

    def __init__(self, path: Path) -> None:
        self._tensors = read_tensors(path).tensors
        self._bank_KF = _kaldi_bank()

    @torch.no_grad()
    def embedding(self, audio_T: np.ndarray, rate_hz: int) -> np.ndarray:
        """Returns (384,) of audio brought to one level, so that only what it sounds like counts."""
        level = float(np.sqrt(np.mean(audio_T**2))) + 1e-9
        wide_T = torch.from_numpy(resample(audio_T * np.float32(_LEVEL / level), rate_hz, _RATE_HZ))
        hidden = self._conv("features.0", self._spectrogram(wide_T)[None, None], stride=2)
        hidden = functional.hardswish(hidden)
        for index, stride in enumerate(_STRIDES, start=1):
            hidden = self._block(f"features.{index}.block", hidden, stride, index >= _FIRST_HARDSWISH)
        hidden = functional.hardswish(self._conv("features.16", hidden))
        embedding: np.ndarray = hidden.mean((2, 3))[0].numpy()
        return embedding

    @torch.no_grad()
    def scores(self, audio_T: np.ndarray, rate_hz: int) -> np.ndarray:
        """Returns the 527 AudioSet classes' probabilities."""
        hidden = torch.from_numpy(self.embedding(audio_T, rate_hz))
        hidden = functional.hardswish(self._linear("classifier.2", hidden))
        probabilities: np.ndarray = self._linear("classifier.5", hidden).sigmoid().numpy()
        return probabilities

    def _spectrogram(self, audio_T: Tensor) -> Tensor:
        """Returns (K, M): log of the mel powers after pre-emphasis, scaled as in training."""
        sharp_T = audio_T[1:] - 0.97 * audio_T[:-1]
        hann = torch.hann_window(_WINDOW, periodic=False)
        spectrum = torch.stft(sharp_T, _FFT, _HOP, _WINDOW, window=hann, center=True, return_complex=True)
        return ((self._bank_KF @ spectrum.abs().square() + 1e-5).log() + 4.5) / 5

    def _block(self, name: str, hidden: Tensor, stride: int, hardswish: bool) -> Tensor:
        """An inverted residual: widen, depthwise, squeeze-and-excite where the file has one, narrow."""
        act = functional.hardswish if hardswish else functional.relu
        parts = sorted({int(key.removeprefix(f"{name}.").split(".")[0]) for key in self._keys(name)})
        result = hidden
        for part in parts:
            if f"{name}.{part}.conc_se_layers.0.fc1.weight" in self._tensors:
                result = self._excite(f"{name}.{part}.conc_se_layers.0", result)
                continue
            deep = self._tensors[f"{name}.{part}.0.weight"].shape[1] == 1 and result.shape[1] > 1
            result = self._conv(
                f"{name}.{part}", result, stride=stride if deep else 1, groups=result.shape[1] if deep else 1
            )
            result = result if part == parts[-1] else act(result)
        return result + hidden if result.shape == hidden.shape else result

    def _conv(self, name: str, hidden: Tensor, *, stride: int = 1, groups: int = 1) -> Tensor:
        weight = self._tensors[f"{name}.0.weight"]
        made = functional.conv2d(hidden, weight, stride=stride, padding=(weight.shape[-1] - 1) // 2, groups=groups)
        mean, variance, scale, shift = (
            self._tensors[f"{name}.1.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return functional.batch_norm(made, mean, variance, scale, shift, eps=1e-3)

    def _excite(self, name: str, hidden: Tensor) -> Tensor:
        """Scales each channel by a sigmoid of all channels' means."""
        squeezed_BC = functional.relu(self._linear(f"{name}.fc1", hidden.mean((2, 3))))
        scale_BC = torch.sigmoid(self._linear(f"{name}.fc2", squeezed_BC))
        return hidden * scale_BC[..., None, None]

    def _linear(self, name: str, hidden: Tensor) -> Tensor:
        return functional.linear(hidden, self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"])

    def _keys(self, name: str) -> list[str]:
        return [key for key in self._tensors if key.startswith(f"{name}.")]


def _kaldi_bank() -> Tensor:
    """Returns Kaldi's mel filters (K, F): triangles on the mel scale 1127 ln(1 + f / 700)."""

    def mel(hz: np.ndarray | float) -> np.ndarray:
        return np.asarray(1127.0 * np.log1p(np.asarray(hz) / 700.0))

    edges = np.linspace(mel(0.0), mel(_HIGHEST_HZ), _BANDS + 2)
    bins = mel(np.arange(_FFT // 2 + 1) * _RATE_HZ / _FFT)[None]
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bank_KF = np.maximum(0, np.minimum((bins - left) / (centre - left), (right - bins) / (right - centre)))
    bank_KF[:, -1] = 0
    return torch.from_numpy(bank_KF.astype(np.float32))
