"""A loaded codec: audio to Gaussian latents and back (SPEC M2), and how one is loaded by name.

Legend: B batch, C audio channels, T samples, N latent frames, F latent channels.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from data_contracts import ContractError, WeightsError
from data_contracts.files import hash_file
from model.codec.layouts import LAYOUTS, CodecNetwork, Loaded, Padding, recognise
from model.codec.mel_vae import StackedMelVAE
from model.codec.network import DACVAE, DACVAEConfig
from model.codec.weights_file import read_codec_file
from model.paper_specs import CODECS
from model.specs import CodecSpec
from model.weights.catalogue import component_named
from model.weights.files import read_tensors
from model.weights.locate import require

WEIGHTS_FOLDER: Final = Path(__file__).parent / "weights"
EMBEDDED: Final = ("embedded_16k",)
_TENSOR_FILES: Final = (".safetensors", ".pth", ".pt", ".bin", ".ckpt")


class Codec:
    """Frozen, fp32, in evaluation mode. `spec` says what its latents are; make one with `load_codec`.

    Most codecs are mono. A stereo one takes mono audio on both channels; `decode` gives the mean of its channels,
    `decode_channels` all of them.
    """

    def __init__(self, network: CodecNetwork, spec: CodecSpec, padding: Padding = "constant") -> None:
        assert isinstance(network, nn.Module)
        self.spec = spec
        self.padding = padding
        self._network = network.eval().float().requires_grad_(False)
        self._one_at_a_time = threading.Lock()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self._network.parameters()).device

    def to(self, device: torch.device | str) -> Codec:
        """Moves the weights; returns the codec."""
        self._network.to(device)
        return self

    @torch.no_grad()
    def encode(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation (B, N, F), float32, of audio (B, T) or (B, C, T); N = ceil(T / hop).

        The last frame is filled with zeros; Meta's codec mirrors the end of the audio instead, as in its training.
        Raises ContractError for another shape, number of channels or type, and for samples that are not finite.
        """
        with self._exact():
            mean_BFN, std_BFN = self._network.posterior(self._padded(self._channels(audio)))
        return mean_BFN.transpose(1, 2).contiguous(), std_BFN.transpose(1, 2).contiguous()

    def decode(self, latent_BNF: Tensor) -> Tensor:
        """Returns audio (B, N * hop) in -1..1, float32; cut it to the length encoded. Raises as `decode_channels`."""
        return self.decode_channels(latent_BNF).mean(dim=1)

    @torch.no_grad()
    def decode_channels(self, latent_BNF: Tensor) -> Tensor:
        """Returns audio (B, C, N * hop) in -1..1, float32; not finite where the latent is not.

        Raises ContractError for another shape than (B, N, F) with at least one clip and one frame.
        """
        if latent_BNF.ndim != 3 or latent_BNF.shape[2] != self.spec.latent_dim or not latent_BNF.numel():
            raise ContractError(
                f"codec {self.spec.name}: got a latent {tuple(latent_BNF.shape)}; expected (batch, frames, "
                f"{self.spec.latent_dim}), at least one of each"
            )
        with self._exact():
            return self._network.waveform(latent_BNF.to(self.device, torch.float32).transpose(1, 2)).clamp(-1, 1)

    @contextmanager
    def _exact(self) -> Iterator[None]:
        """Full float32 on a GPU, where convolutions would use TF32; one thread at a time, as the switch is global."""
        if self.device.type != "cuda":
            yield
            return
        with (
            self._one_at_a_time,
            torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False),
        ):
            yield

    def _channels(self, audio: Tensor) -> Tensor:
        channels = self.spec.channels
        audio_BCT = audio[:, None].expand(-1, channels, -1) if audio.ndim == 2 else audio
        if audio_BCT.ndim != 3 or audio_BCT.shape[1] != channels or not audio_BCT.numel():
            raise ContractError(
                f"codec {self.spec.name}: got audio {tuple(audio.shape)}; expected (batch, samples) or "
                f"(batch, {channels}, samples), at least one sample"
            )
        if not audio.is_floating_point():
            raise ContractError(f"codec {self.spec.name}: got {audio.dtype}; expected float samples in -1..1")
        if not audio.isfinite().all():
            raise ContractError(f"codec {self.spec.name}: the audio has samples that are NaN or infinite")
        return audio_BCT.to(self.device, torch.float32)

    def _padded(self, audio_BCT: Tensor) -> Tensor:
        """Pads to whole frames. Audio shorter than what is to be mirrored is mirrored as far as it goes, then zeros."""
        missing = -audio_BCT.shape[-1] % self.spec.hop
        if self.padding == "constant" or not missing:
            return functional.pad(audio_BCT, (0, missing))
        mirrored = min(missing, audio_BCT.shape[-1] - 1)
        return functional.pad(functional.pad(audio_BCT, (0, mirrored), mode="reflect"), (0, missing - mirrored))


def load_codec(name_or_path: str) -> Codec:
    """Returns a codec: `embedded_16k`, a published codec's name, `LAYOUT:PATH`, or the path of a file or folder.

    A published name (`moss-dacvae`, `meta-dacvae`, `mmaudio-44k`, `stable-audio-open` ...) needs its downloaded files;
    a path is recognised by the names of its tensors. Raises WeightsError when the name is unknown, or a file is
    missing, damaged, refused or not what it should be.
    """
    layout, _, path = name_or_path.partition(":")
    layout = layout.replace("_", "-")
    if path and layout in LAYOUTS:
        return _codec(LAYOUTS[layout]([Path(path)], layout))
    if name_or_path in EMBEDDED:
        return _own(WEIGHTS_FOLDER / f"{name_or_path}.safetensors")
    if layout in LAYOUTS and not path:
        return _published(layout)
    return _from_path(name_or_path)


def codec_path(name_or_path: str) -> Path:
    """Returns the weights file of a codec of this project's own format. Raises WeightsError for any other name."""
    if name_or_path in EMBEDDED:
        return WEIGHTS_FOLDER / f"{name_or_path}.safetensors"
    if name_or_path.endswith(".safetensors"):
        return Path(name_or_path)
    raise _unknown(name_or_path)


def _published(name: str) -> Codec:
    """Loads a codec of the catalogue; its spec must be the published one of that name."""
    if name == "oobleck":
        raise WeightsError("codec oobleck needs its folder: oobleck:PATH; named ones: stable-audio-open, ace-step")
    component = component_named(name)
    loaded = LAYOUTS[name](require(component.name) if component else [], name)
    expected = CODECS[loaded.spec.name]
    found = dataclasses.replace(loaded.spec, weights_sha256=expected.weights_sha256, placeholder=expected.placeholder)
    if found != expected:
        raise WeightsError(
            f"codec {name}: the file describes {found}, expected {expected}; it is not the published one"
        )
    return _codec(loaded)


def _from_path(name_or_path: str) -> Codec:
    path = Path(name_or_path)
    if not path.is_dir() and path.suffix not in _TENSOR_FILES:
        raise _unknown(name_or_path)
    if path.suffix == ".safetensors" and (not path.is_file() or "codec" in read_tensors(path).metadata):
        return _own(path)
    layout = recognise(path)
    return _codec(LAYOUTS[layout]([path], layout))


def _own(path: Path) -> Codec:
    """Loads this project's own format: one safetensors file that describes itself."""
    tensors, header, config = read_codec_file(path)
    network = DACVAE(config) if isinstance(config, DACVAEConfig) else StackedMelVAE(config)
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise WeightsError(f"codec weights {path} do not fit their header: {error}".replace("\n", " ")) from error
    if isinstance(network, DACVAE):
        network.fold_weight_norm()
    spec = CodecSpec(
        name=str(header["name"]),
        sample_rate_hz=config.sample_rate_hz,
        channels=1,
        hop=config.hop,
        latent_dim=config.latent_dim,
        std_form="exp_half_logvar" if isinstance(network, DACVAE) else "constant",
        weights_sha256=hash_file(path),
        placeholder=bool(header["placeholder"]),
    )
    return Codec(network, spec)


def _codec(loaded: Loaded) -> Codec:
    return Codec(loaded.network, loaded.spec, loaded.padding)


def _unknown(name: str) -> WeightsError:
    known = ", ".join((*EMBEDDED, *LAYOUTS))
    return WeightsError(
        f"codec {name!r} is unknown; use a name ({known}), LAYOUT:PATH, or the path of a .safetensors or .pth file"
    )
