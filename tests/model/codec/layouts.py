"""The published codecs' key names and shapes, written down from their descriptions and not from our networks.

Each function returns name -> shape. The same list makes the small files of the tests and, at full size, the counts that
the authors' files have.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

Shapes = dict[str, tuple[int, ...]]


def random_tensors(shapes: Shapes, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights of sensible size: weight-norm gains are positive, Snake frequencies around one."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator)
        if name.endswith("weight_g"):
            values = 0.3 + 0.2 * values.abs()
        elif name.endswith(("alpha", "beta", "bias", "learnable_gain")):
            values = (1.0 if name.endswith(".alpha") and f"{name[:-5]}beta" not in shapes else 0.0) + 0.1 * values
        elif not name.endswith("weight_v"):
            values = values / math.sqrt(max(1, math.prod(shape[1:])))
        tensors[name] = values.contiguous()
    return tensors


def count(shapes: Shapes) -> tuple[int, int]:
    """Returns (tensors, numbers)."""
    return len(shapes), sum(math.prod(shape) for shape in shapes.values())


def normed(name: str, out: int, fan: int, kernel: int, *, bias: int | None, up: bool = False) -> Shapes:
    """A weight-normed convolution: length per first index, direction, bias. `up`: transposed, so (in, out, k)."""
    first, second = (fan, out) if up else (out, fan)
    shapes: Shapes = {f"{name}.weight_g": (first, 1, 1), f"{name}.weight_v": (first, second, kernel)}
    return {**shapes, f"{name}.bias": (bias,)} if bias else shapes


def unit(name: str, width: int) -> Shapes:
    """DAC's residual unit: Snake, k7, Snake, k1."""
    return {
        f"{name}.block.0.alpha": (1, width, 1),
        **normed(f"{name}.block.1", width, width, 7, bias=width),
        f"{name}.block.2.alpha": (1, width, 1),
        **normed(f"{name}.block.3", width, width, 1, bias=width),
    }


def dac_encoder(width: int, rates: tuple[int, ...], out: int) -> Shapes:
    shapes = normed("encoder.block.0", width, 1, 7, bias=width)
    for stage, rate in enumerate(rates, start=1):
        block = f"encoder.block.{stage}.block"
        for index in range(3):
            shapes |= unit(f"{block}.{index}", width)
        shapes |= {f"{block}.3.alpha": (1, width, 1)}
        shapes |= normed(f"{block}.4", 2 * width, width, 2 * rate, bias=2 * width)
        width *= 2
    last = len(rates) + 1
    shapes |= {f"encoder.block.{last}.alpha": (1, width, 1)}
    return shapes | normed(f"encoder.block.{last + 1}", out, width, 3, bias=out)


def dac_vae(width: int, rates: tuple[int, ...], latent: int, wide: int) -> Shapes:
    """MOSS and Tencent: 298 tensors at full size."""
    shapes = dac_encoder(width, rates, latent)
    shapes |= {"quant_conv.weight": (2 * latent, latent, 1), "quant_conv.bias": (2 * latent,)}
    shapes |= {"post_quant_conv.weight": (latent, latent, 1), "post_quant_conv.bias": (latent,)}
    shapes |= normed("decoder.model.0", wide, latent, 7, bias=wide)
    for stage, rate in enumerate(reversed(rates), start=1):
        block = f"decoder.model.{stage}.block"
        shapes |= {f"{block}.0.alpha": (1, wide, 1)}
        shapes |= normed(f"{block}.1", wide // 2, wide, 2 * rate, bias=wide // 2, up=True)
        wide //= 2
        for index in (2, 3, 4):
            shapes |= unit(f"{block}.{index}", wide)
    last = len(rates) + 1
    shapes |= {f"decoder.model.{last}.alpha": (1, wide, 1)}
    return shapes | normed(f"decoder.model.{last + 1}", 1, wide, 7, bias=1)


def plain(name: str, *shape: int) -> Shapes:
    """A convolution without weight norm, with a bias."""
    return {f"{name}.weight": shape, f"{name}.bias": (shape[0],)}


def meta_dacvae(width: int, rates: tuple[int, ...], inner: int, wide: int, code: int) -> Shapes:
    """Meta's: 317 tensors at full size. The watermarker is a third as wide as the decoder."""
    shapes = dac_encoder(width, rates, inner)
    shapes |= normed("quantizer.in_proj", 2 * code, inner, 1, bias=2 * code)
    shapes |= normed("quantizer.out_proj", inner, code, 1, bias=inner)
    shapes |= normed("decoder.model.0", wide, inner, 7, bias=wide)
    hidden = wide // 3
    for stage, (rate, mark) in enumerate(zip(reversed(rates), (8, 5, 4, 2), strict=True), start=1):
        block = f"decoder.model.{stage}.block"
        third, half = wide // 3, wide // 2
        sixth = half // 3
        shapes |= {f"{block}.0.alpha": (1, wide, 1)}
        shapes |= normed(f"{block}.1", half, wide, 2 * rate, bias=half, up=True)
        shapes |= {f"{block}.3.weight": (third, sixth, 2 * mark), f"{block}.3.bias": (sixth,)}
        for index in (4, 5, 8):
            shapes |= unit(f"{block}.{index}", half)
        for index in (6, 7):
            shapes |= plain(f"{block}.{index}.block.1", sixth // 2, sixth, 3)
            shapes |= plain(f"{block}.{index}.block.3", sixth, sixth // 2, 1)
        shapes |= plain(f"{block}.11", third, sixth, 2 * mark)
        wide = half
    return shapes | _watermarker(wide, hidden)


def _watermarker(width: int, hidden: int) -> Shapes:
    channels = width // 3
    code = 4 * channels
    root = "decoder.wm_model"
    shapes: Shapes = {f"{root}.encoder_block.pre.0.alpha": (1, width, 1)}
    shapes |= normed(f"{root}.encoder_block.pre.1", 1, width, 7, bias=1)
    shapes |= plain(f"{root}.encoder_block.pre.3", channels, 1, 7)
    for lstm in ("encoder_block.post.0", "decoder_block.pre.1"):
        for layer in (0, 1):
            for side in ("ih", "hh"):
                shapes |= {f"{root}.{lstm}.lstm.weight_{side}_l{layer}": (4 * hidden, hidden)}
                shapes |= {f"{root}.{lstm}.lstm.bias_{side}_l{layer}": (4 * hidden,)}
    shapes |= plain(f"{root}.encoder_block.post.2", code, hidden, 7)
    shapes |= {f"{root}.msg_processor.msg_processor.weight": (32, code)}
    shapes |= plain(f"{root}.decoder_block.pre.0", hidden, code, 7)
    return shapes | plain(f"{root}.decoder_block.post.1", 1, channels, 7)


def oobleck(width: int, rates: tuple[int, ...], multiples: tuple[int, ...], channels: int, latent: int) -> Shapes:
    """diffusers' AutoencoderOobleck; encoder and decoder equally wide, latent half the encoder's output."""

    def snake(name: str, wide: int) -> Shapes:
        return {f"{name}.alpha": (1, wide, 1), f"{name}.beta": (1, wide, 1)}

    def res(name: str, wide: int) -> Shapes:
        first, second = f"{name}.conv1", f"{name}.conv2"
        convolutions = normed(first, wide, wide, 7, bias=wide) | normed(second, wide, wide, 1, bias=wide)
        return snake(f"{name}.snake1", wide) | snake(f"{name}.snake2", wide) | convolutions

    widths = [width * multiple for multiple in (1, *multiples)]
    shapes = normed("encoder.conv1", width, channels, 7, bias=width)
    for index, rate in enumerate(rates):
        wide, out, name = widths[index], widths[index + 1], f"encoder.block.{index}"
        for number in (1, 2, 3):
            shapes |= res(f"{name}.res_unit{number}", wide)
        shapes |= snake(f"{name}.snake1", wide) | normed(f"{name}.conv1", out, wide, 2 * rate, bias=out)
    shapes |= snake("encoder.snake1", widths[-1]) | normed("encoder.conv2", width, widths[-1], 3, bias=width)
    shapes |= normed("decoder.conv1", widths[-1], latent, 7, bias=widths[-1])
    for index, rate in enumerate(reversed(rates)):
        wide, out, name = widths[-1 - index], widths[-2 - index], f"decoder.block.{index}"
        shapes |= snake(f"{name}.snake1", wide)
        shapes |= normed(f"{name}.conv_t1", out, wide, 2 * rate, bias=out, up=True)
        for number in (1, 2, 3):
            shapes |= res(f"{name}.res_unit{number}", out)
    return shapes | snake("decoder.snake1", width) | normed("decoder.conv2", channels, width, 7, bias=None)


def mel_vae(bands: int, latent: int, width: int) -> Shapes:
    """MMAudio's VAE: raw magnitude-preserving weights without biases."""
    shapes: Shapes = {"data_mean": (1, bands, 1), "data_std": (1, bands, 1)}
    first, second, third = width, 2 * width, 4 * width

    def residual(name: str, fan: int, out: int) -> None:
        shapes[f"{name}.conv1.weight"] = (out, fan, 3)
        shapes[f"{name}.conv2.weight"] = (out, out, 3)
        if fan != out:
            shapes[f"{name}.nin_shortcut.weight"] = (out, fan, 1)

    def ends(side: str, fan: int, wide: int, last: int, out: int) -> None:
        shapes[f"{side}.conv_in.weight"] = (wide, fan, 3)
        shapes[f"{side}.conv_out.weight"] = (out, last, 3)
        shapes[f"{side}.learnable_gain"] = ()
        for block in ("block_1", "block_2"):
            residual(f"{side}.mid.{block}", third, third)
        shapes[f"{side}.mid.attn_1.qkv.weight"] = (3 * third, third, 1)
        shapes[f"{side}.mid.attn_1.proj_out.weight"] = (third, third, 1)

    ends("encoder", bands, first, third, 2 * latent)
    ends("decoder", latent, third, first, bands)
    for level, (fan, out) in enumerate(((first, first), (first, second), (second, third))):
        for block in range(2):
            residual(f"encoder.down.{level}.block.{block}", fan if block == 0 else out, out)
    for level, (fan, out) in enumerate(((second, first), (third, second), (third, third))):
        for block in range(3):
            residual(f"decoder.up.{level}.block.{block}", fan if block == 0 else out, out)
    for number in (1, 2):
        shapes[f"encoder.down.0.downsample.conv{number}.weight"] = (first, first, 1)
    shapes["decoder.up.1.upsample.conv.weight"] = (second, second, 3)
    return shapes


def bigvgan(bands: int, wide: int, kernels: tuple[int, ...], *, last_bias: bool) -> Shapes:
    """NVIDIA's generator with three residual kernels and three dilations; `kernels` of the up-samplers."""

    def activation(name: str, width: int) -> Shapes:
        return {
            f"{name}.act.alpha": (width,),
            f"{name}.act.beta": (width,),
            f"{name}.upsample.filter": (1, 1, 12),
            f"{name}.downsample.lowpass.filter": (1, 1, 12),
        }

    shapes = normed("conv_pre", wide, bands, 7, bias=wide)
    number = 0
    for level, kernel in enumerate(kernels):
        shapes |= normed(f"ups.{level}.0", wide // 2, wide, kernel, bias=wide // 2, up=True)
        wide //= 2
        for taps in (3, 7, 11):
            for index in range(3):
                shapes |= normed(f"resblocks.{number}.convs1.{index}", wide, wide, taps, bias=wide)
                shapes |= normed(f"resblocks.{number}.convs2.{index}", wide, wide, taps, bias=wide)
            for index in range(6):
                shapes |= activation(f"resblocks.{number}.activations.{index}", wide)
            number += 1
    shapes |= activation("activation_post", wide)
    return shapes | normed("conv_post", 1, wide, 7, bias=1 if last_bias else None)


def network_shapes(make: Callable[[], torch.nn.Module]) -> Shapes:
    """The key names and shapes of one of our networks, built without memory."""
    with torch.device("meta"):
        return {name: tuple(value.shape) for name, value in make().state_dict().items()}
