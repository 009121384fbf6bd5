"""Meta's DAC-VAE (`facebook/dacvae-watermarked`, 48 kHz, 25 Hz, 128 channels) in its own key layout.

Legend: B batch, C audio channels (1), T samples, N latent frames, F latent channels, W watermark channels, K bits.
The encoder is DAC's. Each decoder block is a list of twelve layers: the audio goes through pairs 0-1, 4-5, 8-9; pairs
2-3, 6-7, 10-11 belong to the watermarker. As published, the decoder adds a watermark of 16 bits (`+ 0.25 * h`); that
is the default here, too. `watermark=False` gives the audio without it. The bits are fixed instead of random, so that
equal latents give equal audio.
Source: SPEC M2.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from model.codec.dac_vae import DACSizes, dac_encoder, old_weight_norm

SIZES: Final = DACSizes(encoder_dim=64, rates=(2, 8, 10, 12), latent_dim=1024, decoder_dim=1536)
CODE_DIM: Final = 128  # channels of the latent; `latent_dim` is the width around it
MESSAGE: Final = 0x4647  # the 16 bits written, "FG" in ASCII
BITS: Final = 16
_SPLIT: Final = 3  # the watermarker is a third as wide as the decoder
_STRENGTH: Final = 0.25
_MIN_STD: Final = 1e-4
_WATERMARK_RATES: Final = (8, 5, 4, 2)


class MetaDACVAE(nn.Module):
    """DAC encoder, Gaussian latent with a softplus deviation, DAC decoder with a watermarker (SPEC M2)."""

    def __init__(self, sizes: DACSizes = SIZES, code_dim: int = CODE_DIM, *, watermark: bool = True) -> None:
        super().__init__()
        from model.codec.blocks import WNConv1d

        self.watermark = watermark
        self.encoder = dac_encoder(sizes.encoder_dim, sizes.rates, sizes.latent_dim)
        with old_weight_norm():
            self.quantizer = nn.ModuleDict(
                {
                    "in_proj": WNConv1d(sizes.latent_dim, 2 * code_dim, kernel_size=1),
                    "out_proj": WNConv1d(code_dim, sizes.latent_dim, kernel_size=1),
                }
            )
            self.decoder = _Decoder(sizes)

    def posterior(self, audio_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation (B, F, N). T must be a multiple of the hop."""
        mean_BFN, scale_BFN = self.quantizer["in_proj"](self.encoder(audio_BCT)).chunk(2, dim=1)
        return mean_BFN, functional.softplus(scale_BFN) + _MIN_STD

    def waveform(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, C, T), with the watermark unless it was switched off."""
        audio_BCT: Tensor = self.decoder(self.quantizer["out_proj"](latent_BFN), watermark=self.watermark)
        return audio_BCT


class _Decoder(nn.Module):
    """`model.0` widens, `model.1..4` are the blocks, `wm_model` has the last layers and the watermarker."""

    def __init__(self, sizes: DACSizes) -> None:
        super().__init__()
        from model.codec.blocks import WNConv1d

        width = sizes.decoder_dim
        hidden = width // _SPLIT
        layers: list[nn.Module] = [WNConv1d(sizes.latent_dim, width, kernel_size=7, padding=3)]
        for stride, mark_stride in zip(sizes.rates[::-1], _WATERMARK_RATES, strict=True):
            layers.append(_Block(width, stride, mark_stride))
            width //= 2
        self.model = nn.ModuleList(layers)
        self.wm_model = _Watermarker(width, hidden)

    def forward(self, x: Tensor, *, watermark: bool) -> Tensor:
        for layer in self.model:
            x = layer(x)
        audio_BCT = self.wm_model.audio(x)
        if not watermark:
            return audio_BCT
        mark = self.wm_model.start(audio_BCT)
        blocks = list(self.model)[1:]
        for block in reversed(blocks):
            mark = block.shrink(mark)  # type: ignore[operator]  # a _Block
        mark = self.wm_model.write(mark)
        for block in blocks:
            mark = block.grow(mark)  # type: ignore[operator]  # a _Block
        return audio_BCT + _STRENGTH * self.wm_model.finish(mark)


class _Block(nn.Module):
    """Twelve layers: up-sampling and three residual units of the audio, with the watermarker's between them."""

    def __init__(self, width: int, stride: int, mark_stride: int) -> None:
        super().__init__()
        from model.codec.blocks import ResidualUnit, Snake1d, WNConvTranspose1d

        half, wide, narrow = width // 2, width // _SPLIT, width // 2 // _SPLIT
        self.block = nn.ModuleList(
            [
                Snake1d(width),
                WNConvTranspose1d(
                    width,
                    half,
                    kernel_size=2 * stride,
                    stride=stride,
                    padding=(stride + 1) // 2,
                    output_padding=stride % 2,
                ),
                nn.ELU(),
                _CausalUp(wide, narrow, mark_stride),
                ResidualUnit(half, dilation=1),
                ResidualUnit(half, dilation=3),
                _CausalUnit(narrow),
                _CausalUnit(narrow),
                ResidualUnit(half, dilation=9),
                nn.Identity(),
                nn.ELU(),
                _CausalConv(narrow, wide, kernel_size=2 * mark_stride, stride=mark_stride),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        return self._through(x, (0, 1, 4, 5, 8, 9))

    def grow(self, mark: Tensor) -> Tensor:
        """Up-samples the watermark by one level."""
        return self._through(mark, (2, 3, 6))

    def shrink(self, mark: Tensor) -> Tensor:
        """Down-samples the watermarker's input by one level."""
        return self._through(mark, (7, 10, 11))

    def _through(self, x: Tensor, indices: tuple[int, ...]) -> Tensor:
        for index in indices:
            x = self.block[index](x)
        return x


class _Watermarker(nn.Module):
    """`encoder_block.pre` starts with the audio's last layers: Snake, convolution to one channel, tanh."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        from model.codec.blocks import Snake1d, WNConv1d

        channels = width // _SPLIT
        code = round(channels / _STRENGTH)
        to_audio = WNConv1d(width, 1, kernel_size=7, padding=3)
        to_mark = _CausalConv(1, channels, kernel_size=7)
        pre = nn.Sequential(Snake1d(width), to_audio, nn.Tanh(), to_mark)
        post = nn.Sequential(_SkipLSTM(hidden), nn.ELU(), _CausalConv(hidden, code, kernel_size=7))
        self.encoder_block = nn.ModuleDict({"pre": pre, "post": post})
        self._audio, self._start = (
            [pre[0], pre[1], pre[2]],
            [pre[3]],
        )  # in lists, so that they have no second name in the state dict
        self.msg_processor = nn.ModuleDict({"msg_processor": nn.Embedding(2 * BITS, code)})
        self.decoder_block = nn.ModuleDict(
            {
                "pre": nn.Sequential(_CausalConv(code, hidden, kernel_size=7), _SkipLSTM(hidden)),
                "post": nn.Sequential(nn.ELU(), _CausalConv(channels, 1, kernel_size=7)),
            }
        )

    def audio(self, x: Tensor) -> Tensor:
        """Returns the audio (B, 1, T) without a watermark."""
        for layer in self._audio:
            x = layer(x)
        return x

    def start(self, audio_BCT: Tensor) -> Tensor:
        """Returns the watermarker's first features of the audio."""
        started: Tensor = self._start[0](audio_BCT)
        return started

    def write(self, mark: Tensor) -> Tensor:
        """Adds the message to the watermarker's deepest features."""
        code_BWN = self.encoder_block["post"](mark)
        bit_K = torch.tensor([MESSAGE >> (BITS - 1 - index) & 1 for index in range(BITS)], device=mark.device)
        rows_K = 2 * torch.arange(BITS, device=mark.device) + bit_K
        message_W = self.msg_processor["msg_processor"](rows_K).sum(0)
        written: Tensor = self.decoder_block["pre"](code_BWN + message_W[None, :, None])
        return written

    def finish(self, mark: Tensor) -> Tensor:
        """Returns the watermark as audio (B, 1, T)."""
        finished: Tensor = self.decoder_block["post"](mark)
        return finished


class _CausalConv(nn.Conv1d):
    """Padded on the left only, so that T samples give T / stride."""

    def __init__(self, channels_in: int, channels_out: int, *, kernel_size: int, stride: int = 1) -> None:
        super().__init__(channels_in, channels_out, kernel_size, stride=stride)
        self.left = kernel_size - stride

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(functional.pad(x, (self.left, 0)))


class _CausalUp(nn.ConvTranspose1d):
    """Transposed convolution whose tail is cut, so that T samples give T * stride."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__(channels_in, channels_out, 2 * stride, stride=stride)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        whole: Tensor = super().forward(x, output_size)
        return whole[..., : x.shape[-1] * int(self.stride[0])]


class _CausalUnit(nn.Module):
    """Residual unit of the watermarker: ELU, k3 to half the width, ELU, k1 back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = max(1, width // 2)
        convolutions = (_CausalConv(width, inner, kernel_size=3), _CausalConv(inner, width, kernel_size=1))
        self.block = nn.Sequential(nn.ELU(), convolutions[0], nn.ELU(), convolutions[1])

    def forward(self, x: Tensor) -> Tensor:
        return x + self.block(x)


class _SkipLSTM(nn.Module):
    """Two LSTM layers over time with a skip around them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, width, 2)

    def forward(self, x_BWN: Tensor) -> Tensor:
        x_NBW = x_BWN.permute(2, 0, 1)
        y_NBW, _ = self.lstm(x_NBW)
        return (y_NBW + x_NBW).permute(1, 2, 0)
