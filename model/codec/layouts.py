"""From files in a published layout to a network and its spec (SPEC M2).

A layout is a set of key names. A file is recognised by them and loaded strictly. Its sizes are read from it where it
has them (constructor arguments, `config.json`); else the published sizes are used and have to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import torch
from torch import Tensor

from data_contracts import WeightsError
from model.codec.bigvgan import BIGVGAN_16K, BigVGAN, BigVGANSizes
from model.codec.dac_vae import ContinuousDAC, DACSizes, fold_weight_norm
from model.codec.mel import MEL_16K, MEL_44K, Mel, MelSizes
from model.codec.meta_dacvae import SIZES, MetaDACVAE
from model.codec.mmaudio import MMAudioCodec
from model.codec.mmaudio_vae import MelVAE, VAESizes
from model.codec.oobleck import Oobleck, OobleckSizes
from model.specs import CodecSpec
from model.weights.catalogue import COMPONENTS
from model.weights.digests import digest, digest_of
from model.weights.files import NetworkT, TensorFile, build, read_config, read_tensors

Padding = Literal["constant", "reflect"]
OOBLECK_FILE: Final = "diffusion_pytorch_model.safetensors"
VOCODER_FILES: Final = ("config.json", "bigvgan_generator.pt")


class CodecNetwork(Protocol):
    """A codec's network. Both methods work on whole frames: T = N * hop."""

    def posterior(self, audio_BCT: Tensor) -> tuple[Tensor, Tensor]:
        """Returns mean and deviation (B, F, N)."""

    def waveform(self, latent_BFN: Tensor) -> Tensor:
        """Returns audio (B, C, T)."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A network (a torch module), its spec, and how its input's end is padded to whole frames."""

    network: Any
    spec: CodecSpec
    padding: Padding = "constant"


def load_dac_vae(paths: list[Path], name: str) -> Loaded:
    """Loads MOSS's or Tencent's `vae_128d_48k.pth`: a state dict with its constructor arguments.

    Raises WeightsError as all loaders here: missing, damaged, of another layout, or of sizes that do not fit.
    """
    file = read_tensors(paths[0])
    sizes = DACSizes.from_kwargs(file.kwargs)
    network = _build(lambda: ContinuousDAC(sizes), file)
    fold_weight_norm(network)
    spec = _spec(name, [file], sizes.sample_rate_hz, sizes.hop, sizes.latent_dim, "exp_half_logvar")
    return Loaded(network, spec)


def load_meta_dacvae(paths: list[Path], name: str, *, watermark: bool = True) -> Loaded:
    """Loads Meta's `weights.pth`. `watermark=False` decodes without the watermark."""
    file = read_tensors(paths[0])
    kwargs = file.kwargs
    sizes = SIZES if not kwargs else DACSizes.from_kwargs(kwargs)
    code_dim = int(kwargs.get("codebook_dim", 128))
    network = _build(lambda: MetaDACVAE(sizes, code_dim, watermark=watermark), file)
    fold_weight_norm(network)
    spec = _spec(name, [file], sizes.sample_rate_hz, sizes.hop, code_dim, "softplus")
    return Loaded(network, spec, "reflect")


def load_meta_dacvae_plain(paths: list[Path], name: str) -> Loaded:
    """Loads Meta's codec without its watermark. The latents are the same, so the spec has the same name."""
    return load_meta_dacvae(paths, name.removesuffix("-plain"), watermark=False)


def load_oobleck(paths: list[Path], name: str) -> Loaded:
    """Loads a diffusers folder of an `AutoencoderOobleck`: `config.json` and its safetensors file."""
    folder = paths[0] if paths[0].is_dir() else paths[0].parent
    config = read_config(folder / "config.json")
    if config.get("_class_name", "AutoencoderOobleck") != "AutoencoderOobleck":
        raise WeightsError(f"{folder}: config.json describes {config['_class_name']}; expected AutoencoderOobleck")
    sizes = OobleckSizes.from_config(config)
    file = read_tensors(folder / OOBLECK_FILE)
    network = _build(lambda: Oobleck(sizes), file)
    fold_weight_norm(network)
    spec = _spec(name, [file], sizes.sampling_rate, sizes.hop, sizes.decoder_input_channels, "softplus")
    return Loaded(network, replace(spec, channels=sizes.audio_channels))


def load_mmaudio_44k(paths: list[Path], name: str) -> Loaded:
    """Loads `v1-44.pth` and BigVGAN v2's `config.json` and `bigvgan_generator.pt`, or a folder with the three."""
    vae, config, generator = _members(paths, ("v1-44.pth", *VOCODER_FILES))
    sizes = BigVGANSizes.from_config(read_config(config))
    return _mmaudio(read_tensors(vae), read_tensors(generator), sizes, MEL_44K, name)


def load_mmaudio_16k(paths: list[Path], name: str) -> Loaded:
    """Loads `v1-16.pth` and BigVGAN's `best_netG.pt`, or a folder with both."""
    vae, generator = _members(paths, ("v1-16.pth", "best_netG.pt"))
    file = read_tensors(generator)
    return _mmaudio(read_tensors(vae), file, _resized(BIGVGAN_16K, file), MEL_16K, name)


def refuse_dac(paths: list[Path], name: str) -> Loaded:
    """Raises WeightsError: descript's codec quantises, so it has no Gaussian latent to train a flow on."""
    raise WeightsError(
        f"{name} ({paths[0] if paths else 'descript/dac_44khz'}) is a quantising codec, not a VAE: its encoder gives "
        "no mean and deviation; use moss-dacvae, meta-dacvae or mmaudio-44k"
    )


Loader = Callable[[list[Path], str], Loaded]
LAYOUTS: Final[Mapping[str, Loader]] = {
    "moss-dacvae": load_dac_vae,
    "tencent-dacvae": load_dac_vae,
    "meta-dacvae": load_meta_dacvae,
    "meta-dacvae-plain": load_meta_dacvae_plain,
    "oobleck": load_oobleck,
    "stable-audio-open": load_oobleck,
    "ace-step": load_oobleck,
    "mmaudio-44k": load_mmaudio_44k,
    "mmaudio-16k": load_mmaudio_16k,
    "dac-44khz": refuse_dac,
}


_KEY_NAMES: Final = (
    (("quant_conv.weight", "encoder.block.0.weight_v"), "moss-dacvae"),
    (("quantizer.in_proj.weight_v", "decoder.wm_model.msg_processor.msg_processor.weight"), "meta-dacvae"),
    (("encoder.block.0.res_unit1.snake1.beta",), "oobleck"),
    (("quantizer.quantizers.0.in_proj.weight",), "dac-44khz"),
    (("quantizer.quantizers.0.in_proj.weight_v",), "dac-44khz"),
)


def recognise(path: Path) -> str:
    """Returns the layout of a file or folder by its key names. Raises WeightsError when it is unknown."""
    if path.is_dir():
        return _recognise_folder(path)
    names = read_tensors(path).tensors.keys()
    for keys, layout in _KEY_NAMES:
        if all(key in names for key in keys):
            return layout
    if "data_mean" in names:
        raise WeightsError(f"{path} is MMAudio's VAE alone; give the folder that also has its vocoder")
    raise WeightsError(
        f"{path} is not a known codec: its header does not describe one, and its key names are of none of "
        f"{', '.join(LAYOUTS)}"
    )


def _recognise_folder(path: Path) -> str:
    for file, layout in ((OOBLECK_FILE, "oobleck"), ("v1-44.pth", "mmaudio-44k"), ("v1-16.pth", "mmaudio-16k")):
        if (path / file).is_file():
            return layout
    raise WeightsError(f"{path} has none of {OOBLECK_FILE}, v1-44.pth, v1-16.pth; give a codec's file or folder")


def _members(paths: list[Path], names: tuple[str, ...]) -> list[Path]:
    """Returns the files, or those of these names in the one folder given. Raises WeightsError for a lone file."""
    if len(paths) == len(names):
        return paths
    if not paths[0].is_dir():
        raise WeightsError(f"{paths[0]} is one file; give the folder with {', '.join(names)}")
    return [paths[0] / name for name in names]


def _mmaudio(vae: TensorFile, generator: TensorFile, sizes: BigVGANSizes, mel: MelSizes, name: str) -> Loaded:
    network = _build(lambda: MelVAE(_vae_sizes(vae)), vae)
    network.normalise_rows()
    vocoder = _build(lambda: BigVGAN(sizes), generator)
    fold_weight_norm(vocoder)
    bands = vae.tensors["data_mean"].shape[1]
    if not bands == sizes.num_mels == mel.bands or sizes.hop != mel.hop:
        raise WeightsError(
            f"{name}: the VAE has {bands} mel bands, the vocoder {sizes.num_mels} at hop {sizes.hop}; "
            f"expected {mel.bands} at hop {mel.hop}"
        )
    latent_dim = vae.tensors["decoder.conv_in.weight"].shape[1]
    spec = _spec(name, [vae, generator], mel.sample_rate_hz, 2 * mel.hop, latent_dim, "exp_half_logvar")
    return Loaded(MMAudioCodec(Mel(mel), network, vocoder).eval().requires_grad_(False), spec)


def _build(network: Callable[[], NetworkT], file: TensorFile) -> NetworkT:
    import model.codec.blocks  # noqa: F401  imported before tensors are made on the meta device

    return build(network, file.tensors, file.path)


def _vae_sizes(file: TensorFile) -> VAESizes:
    """The file has no config; its sizes are those of its first and last convolutions."""
    try:
        width, bands, _ = file.tensors["encoder.conv_in.weight"].shape
        moments = file.tensors["encoder.conv_out.weight"].shape[0]
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{file.path} is not a mel VAE of MMAudio: encoder.conv_in or conv_out is missing"
        ) from error
    return VAESizes(bands=bands, latent_dim=moments // 2, width=width)


def _resized(sizes: BigVGANSizes, file: TensorFile) -> BigVGANSizes:
    """`best_netG.pt` has no config; only its width can differ from the published one."""
    first = file.tensors.get("conv_pre.weight_v", torch.empty(0))
    return replace(sizes, upsample_initial_channel=first.shape[0]) if first.ndim == 3 else sizes


def _spec(
    name: str,
    files: list[TensorFile],
    rate_hz: int,
    hop: int,
    dim: int,
    std_form: Literal["exp_half_logvar", "softplus"],
) -> CodecSpec:
    return CodecSpec(
        name=name,
        sample_rate_hz=rate_hz,
        channels=1,
        hop=hop,
        latent_dim=dim,
        std_form=std_form,
        weights_sha256=digest_of([file.path for file in files]),
        placeholder=any(file.random for file in files) or not _published(name, files),
    )


def _published(name: str, files: list[TensorFile]) -> bool:
    """Tells whether each file has a hash that the catalogue has for this codec; True where the catalogue has none."""
    component = COMPONENTS.get(name)
    known = {hash_ for file in component.files for hash_ in (file.sha256, file.md5) if hash_} if component else set()
    return not known or all(digest(file.path) in known or digest(file.path, "md5") in known for file in files)
