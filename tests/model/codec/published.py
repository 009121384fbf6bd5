"""Small files in the published codecs' layouts, with random weights that say so, and how each is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from model.codec.bigvgan import low_pass
from tests.model.codec import layouts

RATES = (2, 3, 4)
META_RATES = (2, 8, 10, 12)
META_WIDE = 96
OOBLECK_RATES = (2, 4, 4)
DAC_KWARGS = {
    "encoder_dim": 4,
    "encoder_rates": list(RATES),
    "latent_dim": 6,
    "decoder_dim": 32,
    "decoder_rates": list(reversed(RATES)),
    "n_codebooks": 9,
    "codebook_size": 1024,
    "codebook_dim": 8,
    "quantizer_dropout": False,
    "sample_rate": 48_000,
    "continuous": True,
}
META_KWARGS = {
    "encoder_dim": 2,
    "encoder_rates": list(META_RATES),
    "latent_dim": 16,
    "decoder_dim": META_WIDE,
    "decoder_rates": list(reversed(META_RATES)),
    "codebook_dim": 6,
    "sample_rate": 48_000,
}
OOBLECK_CONFIG = {
    "_class_name": "AutoencoderOobleck",
    "_diffusers_version": "0.30.0",
    "audio_channels": 2,
    "channel_multiples": [1, 2, 4],
    "decoder_channels": 8,
    "decoder_input_channels": 4,
    "downsampling_ratios": list(OOBLECK_RATES),
    "encoder_hidden_size": 8,
    "sampling_rate": 44_100,
}
BIGVGAN_CONFIG = {
    "resblock": "1",
    "upsample_rates": [8, 4, 2, 2, 2, 2],
    "upsample_kernel_sizes": [16, 8, 4, 4, 4, 4],
    "upsample_initial_channel": 128,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
    "activation": "snakebeta",
    "snake_logscale": True,
    "num_mels": 128,
    "fmax": None,
    "sampling_rate": 44_100,
}

Tensors = dict[str, torch.Tensor]


def dac_vae() -> Tensors:
    return layouts.random_tensors(layouts.dac_vae(4, RATES, 6, 32))


def meta_dacvae() -> Tensors:
    return layouts.random_tensors(layouts.meta_dacvae(2, META_RATES, 16, META_WIDE, 6))


def oobleck() -> Tensors:
    return layouts.random_tensors(layouts.oobleck(8, OOBLECK_RATES, (1, 2, 4), 2, 4))


def mel_vae(bands: int) -> Tensors:
    tensors = layouts.random_tensors(layouts.mel_vae(bands, 5, 8))
    return {**tensors, "data_mean": tensors["data_mean"] - 3, "data_std": tensors["data_std"].abs() + 1}


def vocoder(bands: int) -> Tensors:
    kernels = (16, 8, 4, 4, 4, 4) if bands == 128 else (8, 8, 4, 4, 4, 4)
    tensors = layouts.random_tensors(layouts.bigvgan(bands, 128, kernels, last_bias=bands == 80))
    return {name: low_pass() if name.endswith("filter") else value for name, value in tensors.items()}


def write_all(folder: Path) -> dict[str, str]:
    """Writes one of each; returns layout -> what to give `load_codec`."""
    stored = {"metadata": {"kwargs": DAC_KWARGS, "random": True}}
    torch.save({"state_dict": dac_vae(), **stored}, folder / "vae_128d_48k.pth")
    torch.save(
        {"state_dict": meta_dacvae(), "metadata": {"kwargs": META_KWARGS, "random": True}}, folder / "weights.pth"
    )
    (folder / "vae").mkdir()
    (folder / "vae" / "config.json").write_text(json.dumps(OOBLECK_CONFIG))
    save_file(oobleck(), str(folder / "vae" / "diffusion_pytorch_model.safetensors"), metadata={"random": "true"})
    for name, bands, files in (
        ("m44", 128, ("v1-44.pth", "bigvgan_generator.pt")),
        ("m16", 80, ("v1-16.pth", "best_netG.pt")),
    ):
        (folder / name).mkdir()
        torch.save(mel_vae(bands), folder / name / files[0])
        torch.save({"generator": vocoder(bands)}, folder / name / files[1])
    (folder / "m44" / "config.json").write_text(json.dumps(BIGVGAN_CONFIG))
    return {
        "moss-dacvae": f"moss-dacvae:{folder / 'vae_128d_48k.pth'}",
        "meta-dacvae": f"meta-dacvae:{folder / 'weights.pth'}",
        "meta-dacvae-plain": f"meta-dacvae-plain:{folder / 'weights.pth'}",
        "oobleck": f"oobleck:{folder / 'vae'}",
        "mmaudio-44k": f"mmaudio-44k:{folder / 'm44'}",
        "mmaudio-16k": f"mmaudio-16k:{folder / 'm16'}",
    }
