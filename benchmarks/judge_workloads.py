"""The audio judges at their published sizes with random weights, front ends included, for `benchmarks.parts`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.codec.torchaudio_shim import prepare_torchaudio
from model.judges import laion_clap, ms_clap, panns, passt, vggish
from model.judges.htsat import Htsat

_HEADS = [4, 8, 16, 32]


class Vggish(nn.Module):
    """8 s to one embedding per 0.96 s."""

    def __init__(self) -> None:
        super().__init__()
        self.network = vggish.VggishNetwork((64, 128, 256, 256, 512, 512), 4096, 128)

    def forward(self, device: torch.device) -> Tensor:
        """Returns (8, 128)."""
        embedding: Tensor = self.network(vggish.log_mel_patches(torch.zeros(8 * vggish.RATE_HZ)).to(device))
        return embedding


class Panns(nn.Module):
    """8 s to an embedding and logits."""

    def __init__(self) -> None:
        super().__init__()
        self.network = panns.Cnn14()

    def forward(self, device: torch.device) -> Tensor:
        """Returns (1, 527)."""
        logits: Tensor = self.network(torch.zeros(1, 8 * panns.RATE_HZ, device=device))[1]
        return logits


class Passt(nn.Module):
    """8 s, padded to 10 s, to an embedding and logits."""

    def __init__(self) -> None:
        super().__init__()
        self.network = passt.PasstNetwork(passt.PasstSizes())

    def forward(self, device: torch.device) -> Tensor:
        """Returns (1, 527)."""
        logits: Tensor = self.network(passt.log_mel(torch.zeros(passt.SAMPLES, device=device))[None])[1]
        return logits


class LaionClap(nn.Module):
    """10 s, or a caption of 20 tokens, to an embedding."""

    def __init__(self) -> None:
        super().__init__()
        prepare_torchaudio()
        from transformers import ClapAudioConfig, ClapAudioModel, ClapTextConfig, ClapTextModel

        audio = ClapAudioConfig(
            patch_embeds_hidden_size=128, hidden_size=1024, depths=[2, 2, 12, 2], num_attention_heads=_HEADS
        )
        tower = Htsat(1024, laion_clap.HOP, ClapAudioModel(audio))
        self.network = laion_clap.LaionClapNetwork(tower, ClapTextModel(ClapTextConfig()))

    def forward(self, device: torch.device) -> Tensor:
        """Returns (1, 512)."""
        return self.network.of_sounds(torch.zeros(1, laion_clap.SAMPLES, device=device))

    def text(self, device: torch.device) -> Tensor:
        """Returns (1, 512)."""
        return self.network.of_tokens(torch.full((1, 20), 5, device=device))


class MsClap(nn.Module):
    """7 s, or a caption of 20 tokens, to an embedding."""

    def __init__(self) -> None:
        super().__init__()
        prepare_torchaudio()
        from transformers import ClapAudioConfig, ClapAudioModel, GPT2Config, GPT2Model

        audio = ClapAudioConfig(depths=[2, 2, 6, 2], num_attention_heads=_HEADS)
        tower = Htsat(1024, ms_clap.HOP, ClapAudioModel(audio))
        self.network = ms_clap.MsClapNetwork(tower, GPT2Model(GPT2Config()), 1024)

    def forward(self, device: torch.device) -> Tensor:
        """Returns (1, 1024)."""
        return self.network.of_sounds(torch.zeros(1, ms_clap.SAMPLES, device=device))

    def text(self, device: torch.device) -> Tensor:
        """Returns (1, 1024)."""
        return self.network.of_tokens(torch.full((1, 20), 5, device=device), 19)
