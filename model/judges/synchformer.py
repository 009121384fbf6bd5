"""Synchformer whole, for DeSync (SPEC E1): features of audio and video segments, and how far apart in time they are.

Legend: S segments of 0.64 s, one every 0.32 s; D = 768 features; F = 8 frame pairs and A = 6 audio steps of a segment;
M = 66 mel frames, B = 128 mel bands, T samples.
Audio at 16 kHz: the log mel spectrogram of each segment, read by an audio spectrogram transformer. Video: the encoder
of `model.encoders.synchformer`. A transformer over both modalities' features of 14 segments gives the logits of 21
offsets. av-benchmark compares the first and the last 14 segments of a clip. Everything is float32 on every device.
Sources: Synchformer (Iashin et al. 2024), AST (Gong et al. 2021), av-benchmark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar, Final, Self

import torch
from torch import Tensor
from torch.nn import functional

from data_contracts import ContractError, ItemError, WeightsError
from model.encoders.synchformer import (
    FPS,
    NAME,
    PREFIX,
    SEGMENT,
    segment_features,
    visual_part,
    visual_sizes,
)
from model.frames import Fit, Frames
from model.judges.checks import check_sounds, check_video
from model.judges.protocols import JudgeSpec, Outputs
from model.judges.published import published_spec
from model.judges.synchformer_network import (
    MEL_BANDS,
    MEL_FRAMES,
    OFFSETS_S,
    SEGMENTS,
    SynchformerJudgeSizes,
    SynchformerNetwork,
)
from model.weights.digests import digest
from model.weights.files import TensorFile, build, read_tensors
from model.weights.names import layer_count

RATE_HZ: Final = 16_000

_SEGMENT_T, _STEP_T = 10_240, 5_120
_MEL_MEAN, _MEL_STD, _MEL_FLOOR = -4.2677393, 4.5689974, 1e-6
_SEGMENTS_AT_ONCE: Final = 24


@dataclass(frozen=True, slots=True)
class SynchformerJudge:
    """Segment features of audio and video, and the offset between them; make one with `SynchformerJudge.load`."""

    network: SynchformerNetwork
    spec: JudgeSpec
    device: torch.device
    fit: ClassVar[Fit] = "crop"

    @classmethod
    def load(cls, path: Path, device: torch.device | str = "cpu") -> Self:
        """Loads `synchformer_state_dict.pth` (513 tensors), strictly.

        Raises WeightsError when the file is missing, damaged, refused, or does not fit.
        """
        network = network_from(read_tensors(path))
        classes = tuple(f"{offset:+.1f} s" for offset in OFFSETS_S)
        spec = published_spec(NAME, digest(path), ("audio", "video"), rate_hz=RATE_HZ, fps=FPS, classes=classes)
        return cls(network.to(device), spec, torch.device(device))

    @property
    def size(self) -> int:
        """Height and width of the frames it takes, in pixels."""
        return self.network.image

    @torch.inference_mode()
    def judge_audio(self, sounds: Sequence[Tensor], *, seeds: Sequence[int]) -> list[Outputs]:
        """Returns `segments` (S, 6, 768) of each sound (T) at 16 kHz, S = (T - 10240) // 5120 + 1.

        Raises ContractError, and ItemError `too_short` below 10,240 samples (0.64 s).
        """
        check_sounds(self.spec, sounds, seeds, least=_SEGMENT_T)
        return [{"segments": self._audio_segments(sound)} for sound in sounds]

    @torch.inference_mode()
    def judge_video(self, frames_FHWC: Frames) -> Outputs:
        """Returns `segments` (S, 8, 768) of frames (n, 224, 224, 3) at 25 per second, S = (n - 16) // 8 + 1.

        Raises ContractError, and ItemError `too_short` below 16 frames (0.64 s).
        """
        check_video(self.spec, frames_FHWC, self.size, least=SEGMENT)
        return {"segments": segment_features(self.network.vfeat_extractor, frames_FHWC, self.device)}

    @torch.inference_mode()
    def offset_logits(self, video_S8D: Tensor, audio_S6D: Tensor) -> Tensor:
        """Returns (2, 21) float32: logits of `OFFSETS_S` for the first and for the last 14 segments of one clip.

        A duration that is not whole in frames can end one segment later in one of the two; that segment is not used.
        Raises ContractError for other differences in number, ItemError `too_short` for fewer than 14 segments.
        """
        segments = min(len(video_S8D), len(audio_S6D))
        if max(len(video_S8D), len(audio_S6D)) > segments + 1:
            raise ContractError(
                f"judge {self.spec.name}: {len(video_S8D)} segments of video, {len(audio_S6D)} of audio; "
                "cut both to the same duration"
            )
        if segments < SEGMENTS:
            raise ItemError(
                "too_short",
                f"judge {self.spec.name}: {segments} segments of 0.64 s; it needs at least {SEGMENTS} (4.8 s)",
            )
        video, audio = (
            torch.stack([part[:SEGMENTS], part[segments - SEGMENTS : segments]]).to(self.device)
            for part in (video_S8D, audio_S6D)
        )
        return self.network.offset_logits(video, audio).cpu()

    def _audio_segments(self, sound_T: Tensor) -> Tensor:
        mel_SMB = segment_mels(sound_T.to(self.device))
        parts = [self.network.afeat_extractor(part) for part in torch.split(mel_SMB, _SEGMENTS_AT_ONCE)]
        return torch.cat(parts).cpu()


def segment_mels(sound_T: Tensor) -> Tensor:
    """Returns (S, M, B): the normalised log mel spectrogram of each segment, whose last frame is zero before that."""
    segments = sound_T.unfold(0, _SEGMENT_T, _STEP_T)
    window = torch.hann_window(400, device=sound_T.device)
    spectrum = torch.stft(segments, 1024, 160, 400, window, center=True, pad_mode="reflect", return_complex=True)
    mel_SBM = _mel_bands().to(sound_T.device) @ spectrum.abs().square()
    log_SBM = (mel_SBM + _MEL_FLOOR).log()
    padded = functional.pad(log_SBM, (0, MEL_FRAMES - log_SBM.shape[2]))
    return ((padded - _MEL_MEAN) / (2 * _MEL_STD)).transpose(1, 2)


@cache
def _mel_bands() -> Tensor:
    """Returns (B, 513): triangles that peak at one, on HTK's mel scale."""
    from librosa.filters import mel

    return torch.from_numpy(mel(sr=RATE_HZ, n_fft=1024, n_mels=MEL_BANDS, htk=True, norm=None)).float()


def network_from(file: TensorFile) -> SynchformerNetwork:
    """Returns the network with the weights of a published file, strictly. Raises WeightsError when they do not fit."""
    if not any(name.startswith(PREFIX) for name in file.tensors):
        raise WeightsError(f"{file.path} is not {NAME}: it has no tensor {PREFIX}* (the visual part alone is no judge)")
    sizes = SynchformerJudgeSizes(
        visual=visual_sizes(visual_part(file.tensors, file.path), file.path),
        audio_depth=layer_count(file.tensors, "afeat_extractor.ast.encoder.layer."),
        fusion_depth=layer_count(file.tensors, "transformer.blocks."),
    )
    return build(lambda: SynchformerNetwork(sizes), file.tensors, file.path)
