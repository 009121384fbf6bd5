"""Resemblyzer's voice encoder (GE2E), judge of style (SPEC E2): 16 kHz, unit embeddings of 256 non-negative numbers.

Legend: T samples, P partials of 1.6 s, M = 160 mel frames of a partial, B = 40 mel bands, D = 256 features.
A sound quieter than -30 dBFS is raised to that; then, with voice detection, what WebRTC's detector takes for no voice
is cut out. Detection empties many sounds without voice: every emptied sound would get one and the same embedding, so
the output `emptied` marks them. Sources: Resemblyzer 0.1.4 (Apache-2.0), Wan et al. 2018. The weights are data from its
wheel; the package is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from data_contracts import WeightsError
from model.judges.checks import check_sounds
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.weights.digests import digest
from model.weights.files import TensorFile, build, read_tensors

NAME: Final = "resemblyzer"
WITH_VAD: Final = "resemblyzer-vad"
RATE_HZ: Final = 16_000
PARTIAL_FRAMES: Final = 160
_WINDOW, _HOP, _BANDS, _WIDTH, _LAYERS = 400, 160, 40, 256, 3
_PARTIALS_PER_S: Final = 1.3
_COVERAGE: Final = 0.75  # of the last partial; with less it is left out
_LOUDNESS_DBFS: Final = -30.0
_FULL_SCALE: Final = 32767
_UNUSED: Final = ("similarity_weight", "similarity_bias")  # of the training loss
_VAD_WINDOW: Final = 480  # 30 ms
_VAD_AVERAGED: Final = 8  # windows
_VAD_DILATED: Final = 7

Samples = npt.NDArray[np.float32]
IsVoice = Callable[[bytes], bool]
"""Whether 30 ms of 16-bit mono audio at 16 kHz are voice."""
Detector = Callable[[], IsVoice]
"""Makes the detector of one sound: WebRTC's adapts to what it hears, so no two sounds may share one."""


class VoiceEncoder(nn.Module):
    """Mel powers of partials to unit embeddings, in the published layout."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(_BANDS, _WIDTH, _LAYERS, batch_first=True)
        self.linear = nn.Linear(_WIDTH, _WIDTH)

    def forward(self, mel_PMB: Tensor) -> Tensor:
        """Returns (P, D), each row of norm 1."""
        _, (hidden, _) = self.lstm(mel_PMB)
        return functional.normalize(functional.relu(self.linear(hidden[-1])), dim=1)


@dataclass(frozen=True, slots=True)
class ResemblyzerJudge:
    """Make one with `ResemblyzerJudge.load`. `detector` is None without voice detection."""

    network: VoiceEncoder
    spec: JudgeSpec
    device: torch.device
    detector: Detector | None = None

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu", *, detector: Detector | None = None) -> Self:
        """Loads the published file, strictly. Raises WeightsError when it is missing, damaged or does not fit."""
        network = network_from(read_tensors(path))
        spec = published_spec(NAME, digest(path), ("audio",), rate_hz=RATE_HZ, loading="librosa")
        spec = spec if detector is None else replace(spec, name=WITH_VAD)
        return cls(network.to(device), spec, torch.device(device), detector)

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `embedding` (256) and `emptied` of each sound. Raises as `AudioJudge.judge_audio`.

        `emptied` is 1 where nothing is left to embed (digital silence, or no voice with detection), else 0.
        """
        check_sounds(self.spec, sounds, seeds, least=1)
        return [self._judged(sound.numpy()) for sound in sounds]

    def _judged(self, sound_T: Samples) -> Outputs:
        raised_T = raised(sound_T)
        voice_T = raised_T if self.detector is None else voiced(raised_T, self.detector())
        embedded_PD = self.network(mel_partials(voice_T).to(self.device))
        return {
            "embedding": functional.normalize(embedded_PD.mean(0), dim=0).cpu(),
            "emptied": torch.tensor(float(not np.any(voice_T))),
        }


def network_from(file: TensorFile) -> VoiceEncoder:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    tensors = {name: value for name, value in file.tensors.items() if name not in _UNUSED}
    return build(VoiceEncoder, tensors, file.path)


def webrtc_detector() -> Detector:
    """Returns WebRTC's voice detector at its strictest mode. Raises WeightsError where its package is not installed."""
    try:
        import webrtcvad
    except ImportError as error:
        raise WeightsError(
            f"{WITH_VAD} needs WebRTC's voice detector ({error}): `pip install webrtcvad-wheels`; {NAME} does without"
        ) from error

    def detector() -> IsVoice:
        heard: Any = webrtcvad.Vad(3)
        return lambda window: bool(heard.is_speech(window, RATE_HZ))

    return detector


def raised(sound_T: Samples) -> Samples:
    """Returns a sound quieter than -30 dBFS (RMS) at that level, another one and digital silence as it is."""
    rms = float(np.sqrt(np.mean((sound_T * _FULL_SCALE) ** 2))) / _FULL_SCALE
    if rms == 0.0:
        return sound_T
    change_db = _LOUDNESS_DBFS - 20 * np.log10(rms)
    return sound_T if change_db < 0 else (sound_T * 10 ** (change_db / 20)).astype(np.float32)


def voiced(sound_T: Samples, is_voice: IsVoice) -> Samples:
    """Returns the sound without what is no voice; pauses of up to six windows of 30 ms within voice are kept."""
    whole_T = sound_T[: len(sound_T) - len(sound_T) % _VAD_WINDOW]
    pcm = np.round(np.clip(whole_T * _FULL_SCALE, -_FULL_SCALE - 1, _FULL_SCALE)).astype("<i2")
    flags = np.array([is_voice(window.tobytes()) for window in pcm.reshape(-1, _VAD_WINDOW)], dtype=float)
    if not len(flags):
        return whole_T
    padded = np.pad(flags, ((_VAD_AVERAGED - 1) // 2, _VAD_AVERAGED // 2))
    averaged = np.convolve(padded, np.ones(_VAD_AVERAGED), "valid") / _VAD_AVERAGED
    dilated = np.convolve(np.round(averaged), np.ones(_VAD_DILATED), "same") > 0.5
    return whole_T[np.repeat(dilated, _VAD_WINDOW)]


def partial_starts(length: int) -> list[int]:
    """Returns the first mel frames of the partials of a sound of `length` samples: one at least, 1.3 per second."""
    frames = -(-(length + 1) // _HOP)
    step = round(RATE_HZ / _PARTIALS_PER_S / _HOP)
    starts = list(range(0, max(1, frames - PARTIAL_FRAMES + step + 1), step))
    covered = (length - starts[-1] * _HOP) / (PARTIAL_FRAMES * _HOP)
    return starts[:-1] if covered < _COVERAGE and len(starts) > 1 else starts


def mel_partials(sound_T: Samples) -> Tensor:
    """Returns the partials' mel powers (P, M, B); the sound is padded with zeros to the end of the last one."""
    from librosa.feature import melspectrogram

    starts = partial_starts(len(sound_T))
    end = (starts[-1] + PARTIAL_FRAMES) * _HOP
    padded_T = np.pad(sound_T, (0, max(0, end - len(sound_T))))
    mel_FB = melspectrogram(y=padded_T, sr=RATE_HZ, n_fft=_WINDOW, hop_length=_HOP, n_mels=_BANDS).T
    partials = np.stack([mel_FB[start : start + PARTIAL_FRAMES] for start in starts])
    return torch.from_numpy(partials.astype(np.float32))
