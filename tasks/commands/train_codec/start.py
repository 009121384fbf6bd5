"""Scales a fresh codec so that every layer's output has about unit deviation on real segments.

PyTorch's default weights shrink the signal at each of the many layers, until the latent is a hundredth of its own
noise and the decoder learns to ignore it. One pass over a batch sets all scales (layer-sequential unit variance).
Legend: B segments, T samples.
"""

from __future__ import annotations

from functools import partial
from typing import Final

import torch
from torch import Tensor, nn

from model.codec.network import DACVAE

_RESIDUAL_STD: Final = 0.3  # so that a residual unit starts near the identity
_CALM: Final = 0.1


@torch.no_grad()
def scale_by_data(network: DACVAE, audio_BT: Tensor) -> None:
    """Rescales all convolutions of `network` in place, input to output. The latent's means get spread 1."""
    units = [module for module in network.modules() if type(module).__name__ == "ResidualUnit"]
    residual = {id(list(unit.modules())[-1]) for unit in units}
    hooks = []
    for module in network.modules():
        if isinstance(module, (nn.Conv1d, nn.ConvTranspose1d)):
            target = _RESIDUAL_STD if id(module) in residual else 1.0
            hooks.append(module.register_forward_hook(partial(_rescale, target)))
    try:
        mean_BFN, _ = network.moments(audio_BT)
        network.synthesise(mean_BFN)
    finally:
        for hook in hooks:
            hook.remove()
    _calm_variance(network.quant_conv)
    _calm_level(network.decoder)


def _rescale(target: float, module: nn.Module, _: object, output: Tensor) -> Tensor:
    """Gives the output the deviation `target` and centres each channel, in the weights and in this pass."""
    channels = output.transpose(0, 1).flatten(1)
    factor = target / float((channels - channels.mean(1, keepdim=True)).square().mean().sqrt().clamp(min=1e-6))
    weight = module.weight_g if hasattr(module, "weight_g") else module.weight
    bias = module.bias
    if not (isinstance(weight, Tensor) and isinstance(bias, Tensor)):
        raise TypeError(f"{module} has no weight and bias to rescale")
    weight.mul_(factor)
    bias.sub_(channels.mean(1)).mul_(factor)
    return (output - channels.mean(1)[:, None]) * factor


def _calm_variance(quant_conv: nn.Conv1d) -> None:
    """Starts the log variance low and almost constant, so that the latent is informative from the first step."""
    half = quant_conv.out_channels // 2
    quant_conv.weight[half:].mul_(_CALM)
    if quant_conv.bias is not None:
        quant_conv.bias[half:] = -4.0


def _calm_level(decoder: nn.Module) -> None:
    """Starts the level low and almost constant: a level decades too high would dominate all gradients."""
    last = [module for module in decoder.modules() if isinstance(module, nn.Conv1d)][-1]
    weight = last.weight_g if hasattr(last, "weight_g") else last.weight
    if isinstance(weight, Tensor) and last.bias is not None:
        weight[-1:].mul_(_CALM)
        last.bias[-1:] = -1.0
