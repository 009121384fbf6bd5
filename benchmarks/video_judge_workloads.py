"""The audio-visual judges at full size with random weights, after their front ends, for `benchmarks.parts`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.codec.torchaudio_shim import prepare_torchaudio
from model.encoders.synchformer import SEGMENT
from model.judges.audiobox import RATE_HZ
from model.judges.imagebind_network import BANDS, MEL_FRAMES, ImageBindNetwork, ImageBindSizes
from model.judges.pe_av import PeAvNetwork
from model.judges.pe_av_frames import FrameEncoder, FrameSizes
from model.judges.synchformer_network import (
    MEL_BANDS,
    SEGMENTS,
    SynchformerJudgeSizes,
    SynchformerNetwork,
)
from model.judges.synchformer_network import MEL_FRAMES as SEGMENT_FRAMES


class ImageBind(nn.Module):
    """Three clips of audio, or one of nine pairs of frames."""

    def __init__(self) -> None:
        super().__init__()
        self.network = ImageBindNetwork(ImageBindSizes())

    def forward(self, device: torch.device) -> Tensor:
        return self.network.audio(torch.zeros(3, BANDS, MEL_FRAMES, device=device))

    def video(self, device: torch.device) -> Tensor:
        return self.network.vision(torch.zeros(1, 3, 2, 224, 224, device=device))


class Synchformer(nn.Module):
    """24 segments of audio, one of video, or the comparison of both in two times 14 segments."""

    def __init__(self) -> None:
        super().__init__()
        self.network = SynchformerNetwork(SynchformerJudgeSizes())

    def forward(self, device: torch.device) -> Tensor:
        features: Tensor = self.network.afeat_extractor(torch.zeros(24, SEGMENT_FRAMES, MEL_BANDS, device=device))
        return features

    def video(self, device: torch.device) -> Tensor:
        features: Tensor = self.network.vfeat_extractor(torch.zeros(1, 3, SEGMENT, 224, 224, device=device))
        return features

    def offsets(self, device: torch.device) -> Tensor:
        video, audio = (torch.zeros(2, SEGMENTS, tokens, 768, device=device) for tokens in (8, 6))
        return self.network.offset_logits(video, audio)


class PeAv(nn.Module):
    """PE-AV of the sizes that transformers has as defaults (large): 8 s of audio, or one caption."""

    def __init__(self) -> None:
        super().__init__()
        prepare_torchaudio()
        from transformers import PeAudioVideoConfig

        self.network = PeAvNetwork(PeAudioVideoConfig(), FrameEncoder(FrameSizes())).requires_grad_(False)

    def forward(self, device: torch.device) -> Tensor:
        return self.network.audio(torch.zeros(1, 8 * 48_000, device=device))

    def text(self, device: torch.device) -> Tensor:
        return self.network.text(torch.ones(1, 16, dtype=torch.int64, device=device))[0]


class PeAvFrame(nn.Module):
    """One of 16 frames; the encoder over all of them adds less than a hundredth."""

    def __init__(self) -> None:
        super().__init__()
        self.network = FrameEncoder(FrameSizes()).requires_grad_(False)

    def forward(self, device: torch.device) -> Tensor:
        """Returns (1, 1024)."""
        return self.network(torch.zeros(1, 3, 336, 336, device=device))


class Audiobox(nn.Module):
    """The WavLM of one window of 10 s: all but four small heads. Its constructor computes, so it runs on the CPU."""

    def __init__(self) -> None:
        super().__init__()
        from audiobox_aesthetics.model.aes import AesMultiOutput

        with torch.device("cpu"):
            self.network = AesMultiOutput(target_transform={}).wavlm_model

    def forward(self, device: torch.device) -> Tensor:
        """Returns (1, 499, 768)."""
        window = torch.zeros(1, 10 * RATE_HZ, device=device)
        (states, _), _ = self.network.extract_features(source=window, output_layer=13, ret_layer_results=True)
        return states
