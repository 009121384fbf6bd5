"""A loaded codec: audio to Gaussian latents and back (SPEC M2).

Legend: B batch, T samples, N latent frames, F latent channels.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from data_contracts import WeightsError
from model.codec.network import DACVAE
from model.codec.weights_file import read_weights
from model.specs import CodecSpec

WEIGHTS_FOLDER: Final = Path(__file__).parent / "weights"
EMBEDDED: Final = ("embedded_16k",)


class Codec:
    """Frozen, fp32, in evaluation mode. `spec` says what its latents are; make one with `load_codec`."""

    def __init__(self, network: DACVAE, spec: CodecSpec) -> None:
        self.spec = spec
        self._network = network.eval().float().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self._network.parameters()).device

    def to(self, device: torch.device | str) -> Codec:
        """Moves the weights; returns the codec."""
        self._network.to(device)
        return self

    @torch.no_grad()
    def encode(self, audio_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation (B, N, F), float32; N = ceil(T / hop), the last frame padded with zeros."""
        missing = -audio_BT.shape[-1] % self.spec.hop
        padded_BT = functional.pad(audio_BT.to(self.device, torch.float32), (0, missing))
        mean_BFN, logvar_BFN = self._network.moments(padded_BT)
        return mean_BFN.transpose(1, 2).contiguous(), torch.exp(0.5 * logvar_BFN).transpose(1, 2).contiguous()

    @torch.no_grad()
    def decode(self, latent_BNF: Tensor) -> Tensor:
        """Returns audio (B, N * hop) in -1..1, float32."""
        return self._network.synthesise(latent_BNF.to(self.device, torch.float32).transpose(1, 2)).clamp(-1, 1)


def load_codec(name_or_path: str) -> Codec:
    """Returns a codec by name (`embedded_16k`) or by the path of its safetensors file.

    Raises WeightsError when the name is unknown or the file is missing, damaged or does not fit its own header.
    """
    path = codec_path(name_or_path)
    tensors, header, config = read_weights(path)
    network = DACVAE(config)
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise WeightsError(f"codec weights {path} do not fit their header: {error}".replace("\n", " ")) from error
    network.fold_weight_norm()
    spec = CodecSpec(
        name=str(header["name"]),
        sample_rate_hz=config.sample_rate_hz,
        channels=1,
        hop=config.hop,
        latent_dim=config.latent_dim,
        std_form="exp_half_logvar",
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        stand_in=bool(header["stand_in"]),
    )
    return Codec(network, spec)


def codec_path(name_or_path: str) -> Path:
    """Returns the weights file of a codec. Raises WeightsError for a name that is neither known nor a path."""
    if name_or_path in EMBEDDED:
        return WEIGHTS_FOLDER / f"{name_or_path}.safetensors"
    if name_or_path.endswith(".safetensors"):
        return Path(name_or_path)
    known = ", ".join(EMBEDDED)
    raise WeightsError(f"codec {name_or_path!r} is unknown; use {known} or the path of a .safetensors file")
